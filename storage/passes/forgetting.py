"""Forgets passes of people who were erased, once phones and Google show nothing of them any more.

Of such a pass its row is left: phones that still ask are told that it is void. Phones that have no other pass are
forgotten with it. That Google shows one is not forgotten however long it takes: nothing else would empty it.
"""

from datetime import timedelta

from storage.engine.database import Connection

# A phone that has not come by until then is lost, switched off for good, or has removed the card unheard. When it does
# come, it is told the same.
FORGOTTEN_AFTER = timedelta(days=30)


def forget(connection: Connection, limit: int) -> int:
    """Forgets up to `limit` passes that are due; answers how many."""
    due = connection.execute(_DUE, (FORGOTTEN_AFTER, FORGOTTEN_AFTER, limit)).fetchall()
    if not due:
        return 0
    passes = [found for found, _ in due]
    devices = [device for (device,) in connection.execute(_UNREGISTER, (passes,))]
    connection.execute(_REMOVE_DEVICES, (devices,))
    ended = [found for found, is_ended in due if is_ended]
    for tables, of in ((_OF_PHONES, passes), (("pass_google", "pass_mark"), ended)):
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE pass = ANY(%s)".encode(), (of,))  # noqa: S608 - ours
    connection.execute(_FORGET_CONTENT, (ended,))
    connection.execute(_NOTE, (ended,))
    return len(passes)


def still_shown(connection: Connection, since: timedelta) -> int:
    """How many cards of people who were erased that long ago Google still shows as they were."""
    [(count,)] = connection.execute(_SHOWN, (since,))
    return int(count)


_OF_PHONES = ("pass_delivery", "pass_device_log", "pass_link")

# The erasure has become a mark, and the mark was taken: so what is built of it now shows nobody. Every phone that has
# it has fetched that, and Google was sent it, or has nothing of it. What was never built was never shown. Where only
# Google is waited for, what is known of phones goes after the month all the same.
_DUE = """
SELECT p.id, e.is_at_google IS NOT TRUE FROM pass p
LEFT JOIN pass_content c ON c.pass = p.id
LEFT JOIN pass_google g ON g.pass = p.id
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM activity_place a JOIN activity_follower f ON f.name = 'passes' AND f.position >= a.position
        WHERE a.activity = p.activity
    ) AND NOT EXISTS (SELECT FROM pass_mark m WHERE m.pass = p.id) AS is_built
) AS b
CROSS JOIN LATERAL (
    SELECT g.pass IS NOT NULL AND (g.digest IS NOT NULL OR g.begun_until > now())
        AND NOT (b.is_built AND g.digest IS NOT NULL AND g.revision >= c.revision) AS is_at_google
) AS e
WHERE p.erased_at IS NOT NULL AND p.forgotten_at IS NULL AND CASE WHEN e.is_at_google
    THEN p.erased_at <= now() - %s::interval AND (
        EXISTS (SELECT FROM pass_registration WHERE pass = p.id) OR EXISTS (SELECT FROM pass_link WHERE pass = p.id)
        OR EXISTS (SELECT FROM pass_delivery WHERE pass = p.id)
        OR EXISTS (SELECT FROM pass_device_log WHERE pass = p.id)
    )
    ELSE p.erased_at <= now() - %s::interval OR b.is_built AND NOT EXISTS (
        SELECT FROM pass_registration r WHERE r.pass = p.id AND NOT EXISTS (
            SELECT FROM pass_delivery d
            WHERE d.pass = p.id AND d.device = r.device AND d.revision >= c.revision AND d.fetched_at IS NOT NULL
        )
    )
END
ORDER BY p.erased_at LIMIT %s FOR UPDATE OF p SKIP LOCKED
"""

_SHOWN = """
SELECT count(*) FROM pass p JOIN pass_google g ON g.pass = p.id LEFT JOIN pass_content c ON c.pass = p.id
WHERE p.erased_at <= now() - %s::interval AND p.forgotten_at IS NULL AND g.digest IS NOT NULL
AND g.revision < c.revision
"""

_UNREGISTER = "DELETE FROM pass_registration WHERE pass = ANY(%s) RETURNING device"

# One that is being registered with another pass right now is left to be.
_REMOVE_DEVICES = """
DELETE FROM pass_device WHERE id IN (
    SELECT id FROM pass_device d
    WHERE id = ANY(%s) AND NOT EXISTS (SELECT FROM pass_registration r WHERE r.device = d.id) FOR UPDATE SKIP LOCKED
)
"""

# By its digest one could try what it said.
_FORGET_CONTENT = "UPDATE pass_content SET digest = '' WHERE pass = ANY(%s)"

_NOTE = "UPDATE pass SET forgotten_at = now() WHERE id = ANY(%s)"
