"""Entries as they are read: each with its record, and with the facts of its kind, which stand in rows beside it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import json

from rules.accounts import Entry, EntryKind
from storage.engine.session import Session, Statement
from storage.ledger.records import ENTRIES


class EntryFacts(NamedTuple):
    """What else is known of an entry; empty where its kind has no such thing, or nobody gave any.

    `reference` is the sender's word for a spending. `reason_code` and `acting_user` say why its act was done, and for
    whom; `event_type` what event gave it. `refund` is the number of the refund of its purchase that took it, or gave it
    back; `counterpart` the public id of the customer at the other end, whose account is of the same card. Where points
    of several lots became active or expired in it, `purchases` has (lot, the purchase that it is of).
    """

    reference: str = ""
    reason_code: str = ""
    acting_user: str = ""
    event_type: str = ""
    refund: int | None = None
    counterpart: str = ""
    purchases: tuple[tuple[int, str], ...] = ()


NO_FACTS = EntryFacts()


class EntryRead(NamedTuple):
    """An entry as it is kept."""

    entry: Entry
    recorded_at: datetime
    activity: str
    facts: EntryFacts | None = None


async def with_facts(
    session: Session, reads: Sequence[EntryRead], account: Callable[[int], int]
) -> Sequence[EntryRead]:
    """Entries with their facts; `account` says whose the one in a place is.

    Of purchases and spendings, which are nearly all, nothing more is asked: most pages are read in one round trip.
    """
    asked = [
        {"place": place, "account": account(place), "seq": entry.seq}
        for place, (entry, *_) in enumerate(reads)
        if entry.kind is not _SPEND and (entry.kind is not _EARN or entry.transaction_id is None)
    ]
    if not asked:
        return reads
    found = dict(_FOUND.decode(await session.run(_FACTS, [json.encode(asked)])))
    return [read._replace(facts=found.get(place, read.facts)) for place, read in enumerate(reads)]


_SPEND, _EARN = EntryKind.SPEND, EntryKind.EARN
_FOUND = json.Decoder(list[tuple[int, EntryFacts]])

# The fields of EntryRead, of the row that is called `e`.
COLUMNS = f"""
json_build_array({ENTRIES.select("e")}), e.recorded_at, e.activity, CASE WHEN e.kind = 'SPEND' THEN (
    SELECT json_build_array(s.reference) FROM spending s
    WHERE s.account = e.account AND s.seq = e.seq AND s.reference <> ''
) END
"""  # noqa: S608

# An event of the history is called as its act is, unless it has a type of its own. OFFSET 0: the keys lead.
_FACTS = Statement(
    """
SELECT coalesce(json_agg(json_build_array(w.place, json_build_array(
    '', coalesce(m.details ->> 'reason_code', ''), coalesce(m.details ->> 'admin', ''),
    coalesce(nullif(m.event, m.action), ''),
    CASE WHEN e.kind IN ('REFUND', 'ROLLBACK') THEN (
        SELECT number FROM refund r
        WHERE r.program = e.program AND r.transaction_id = e.transaction_id AND r.activity = e.activity
    ) END,
    coalesce(CASE WHEN e.kind IN ('TRANSFER_OUT', 'MERGE_OUT') THEN (
        SELECT c.customer_id FROM movement v JOIN account a ON a.id = v.target JOIN customer c ON c.id = a.customer
        WHERE v.source = e.account AND v.source_seq = e.seq
    ) WHEN e.kind IN ('TRANSFER_IN', 'MERGE_IN') THEN (
        SELECT c.customer_id FROM movement v JOIN account a ON a.id = v.source JOIN customer c ON c.id = a.customer
        WHERE v.target = e.account AND v.target_seq = e.seq
    ) END, ''),
    coalesce(CASE WHEN e.kind IN ('ACTIVATION', 'EXPIRY') AND e.lot IS NULL THEN (
        SELECT json_agg(json_build_array(l.number, l.transaction_id) ORDER BY p.ordinal)
        FROM split p JOIN lot l ON l.account = p.account AND l.number = p.lot
        WHERE p.account = e.account AND p.seq = e.seq AND l.transaction_id IS NOT NULL
    ) END, '[]')
))), '[]')
FROM json_to_recordset($1) AS w(place integer, account bigint, seq bigint)
CROSS JOIN LATERAL (SELECT * FROM entry WHERE entry.account = w.account AND entry.seq = w.seq OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT * FROM activity WHERE activity.id = e.activity OFFSET 0) AS m
""",
    ["json"],
)
