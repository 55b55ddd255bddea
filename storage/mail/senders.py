"""Who sends mails to a customer, in the words that the customer knows, and whether any more are sent."""

from typing import NamedTuple

from storage.engine.database import Connection


class Sender(NamedTuple):
    """The organization of the customer's newest card, or the program where there is none; whether the customer wants no
    more mails."""

    organization: str
    is_stopped: bool


def sender(connection: Connection, customer: int) -> Sender | None:
    """Of a customer, by its internal id; None where there is no such customer."""
    found = connection.execute(_SENDER, (customer,)).fetchone()
    return Sender(*found) if found is not None else None


_SENDER = """
SELECT coalesce(
    (SELECT t.design ->> 'organization_name' FROM pass AS p JOIN pass_template AS t ON t.id = p.template
     WHERE p.customer = c.id ORDER BY p.id DESC LIMIT 1),
    g.settings ->> 'display_name', ''
), EXISTS (SELECT FROM mail_stop AS s WHERE s.customer = c.id AND s.unsubscribed_at IS NOT NULL)
FROM customer AS c JOIN program AS g ON g.id = c.program WHERE c.id = %s
"""
