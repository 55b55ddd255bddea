"""Marks passes that may have changed. Writers do nothing for it: every change has its record in the log, in its own
transaction, and a follower (storage/activity/followers.py) makes marks of what was recorded, a second behind.

What a customer did, or what was done to them, marks the passes of that customer. What was changed of a template, a
campaign, the rewards or the program marks those of its templates, in steps. Most marks come to nothing: what a card
says is compared before anybody is told (refreshing.py).
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from uuid import UUID

from storage.activity import followers, positions
from storage.engine.database import Connection
from storage.engine.ids import parse_typeid
from storage.engine.unit import Unit
from storage.tasks.commands import plan_unless_held

FOLLOWER = "passes"
# The actor that takes marks, and its queue: not that of pushes, of which a changed template plans a million.
REFRESH = "refresh_passes"
QUEUE = "passes"
# Of passes that are marked together, what each keeps the next waiting that is in a phone, and at Google: so their
# pushes take half of what Google allows, and some threads, and what single customers did comes between them.
APPLE_PAUSE = timedelta(milliseconds=40)
GOOGLE_PAUSE = timedelta(milliseconds=100)
# Where no activities stand. The pass counts as changed, whatever it says; it is only looked at once more.
AHEAD = 0
AGAIN = -1


def advance(connection: Connection, limit: int, window: timedelta) -> int:
    """Marks what up to `limit` activities more may have changed, in the caller's transaction; answers how many.

    Fewer: there were no more. A mark is due a `window` after its change was recorded: what happens to a pass until
    then is told to phones together with it.
    """
    # What a crash takes back is taken again: nobody waits for the disk.
    connection.execute("SELECT set_config('synchronous_commit', 'off', true)")
    return followers.advance(connection, FOLLOWER, partial(_take, window), limit)


def note_ahead(connection: Connection, ids: Iterable[UUID]) -> None:
    """Has phones told of passes at the next refresh, whatever they say then. Commit it before a phone is answered.

    For whoever hands out a card that says what no revision says (contents.py), and where a phone comes to have a card
    of which nobody knows when it was made, as of a mail that was opened late.
    """
    connection.execute(_AHEAD, (sorted(ids),), prepare=True)


def look_again(connection: Connection, ids: Iterable[UUID]) -> None:
    """Has passes looked at once more: of those that say what phones were told nobody hears. For what no record tells
    of, such as a reward that can be had from today on."""
    connection.execute(_AGAIN, (sorted(ids),), prepare=True)


def plan_refresh(unit: Unit) -> None:
    """Plans that marks are taken where some are due, unless that is under way."""
    if unit.connection.execute(_DUE, prepare=True).fetchone() != (False,):
        plan_unless_held(unit, REFRESH, QUEUE, {}, REFRESH)


def mark_more(connection: Connection, limit: int, window: timedelta) -> int:
    """Marks up to `limit` passes more of templates that were changed, in the caller's transaction; answers how many.
    Fewer: those of the template are marked, or the pushes of those before have not had their time. The marks are due a
    `window` later: who tries one setting after the other makes a change each time."""
    found = connection.execute(_REMARK).fetchone()
    if found is None:
        return 0
    template, position, reached, since = found
    [(marked, last, phones, google)] = connection.execute(
        _MARK_TEMPLATE, (template, reached, limit, position, window, since)
    )
    if marked < limit:
        connection.execute("DELETE FROM pass_remark WHERE template = %s AND position = %s", (template, position))
    else:
        pause = phones * APPLE_PAUSE + google * GOOGLE_PAUSE
        connection.execute(_REACHED, (last, pause, template, position))
    return int(marked)


def remarks(connection: Connection) -> int:
    """How many templates were changed of which passes are to be marked now."""
    found = connection.execute("SELECT count(*) FROM pass_remark WHERE due_at <= clock_timestamp()").fetchone()
    return int(found[0]) if found else 0


def is_behind(connection: Connection) -> bool:
    """Whether something was recorded of which no passes are marked yet, or marks are not taken yet."""
    if not positions.all_given(connection) or followers.reached(connection, FOLLOWER) < positions.newest(connection):
        return True
    return connection.execute(_WAITING).fetchone() != (False,)


def _take(window: timedelta, connection: Connection, after: int, upto: int) -> None:
    if connection.execute("SELECT EXISTS (SELECT FROM pass_template)").fetchone() == (False,):
        return
    connection.execute(_BY_INDEX)
    taken = {"after": after, "upto": upto, "window": window}
    connection.execute(_MARK_CUSTOMERS, taken, prepare=False)
    changes = connection.execute(_CHANGES, {**taken, "actions": [*CHANGING, VOIDED]}, prepare=False).fetchall()
    for position, program, action, subject, since in changes:
        if action == VOIDED:
            coupon = parse_typeid("coupon", subject.rpartition("/")[2])
            connection.execute(_MARK_COUPON, (position, since, window, since, coupon))
        else:
            template = subject.rpartition("/")[2] if action == _REDESIGNED else None
            which = CHANGING[action]
            connection.execute(_REMARK_TEMPLATES.format(which=which), (position, since, program, template, template))


_REDESIGNED = "pass_template.updated"
# A code for many, or nobody's: of a customer's the customer is marked.
VOIDED = "coupon.voided"
_REWARDS = "AND design::text LIKE '%%NEXT_REWARD%%'"
# What is no customer's and changes cards, and of which templates.
CHANGING = {
    _REDESIGNED: "",
    "program.updated": "",
    "campaign.updated": "AND design ->> 'kind' NOT IN ('LOYALTY', 'STAMPS')",
    "reward.created": _REWARDS,
    "reward.updated": _REWARDS,
    "reward.archived": _REWARDS,
    "reward.unarchived": _REWARDS,
    # What falls due with it is a customer's, once it is swept.
    "program.clock_advanced": _REWARDS,
}

# However many rows the planner expects: each activity, and each customer's passes, are found by their ids.
_BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)
"""

# An act that was refused has changed nothing. One mark stands for all that a customer did in this step. A card that was
# voided says nothing of the customer any more: what came long after its end cannot change it. Its end was recorded when
# it came about, give or take what a transaction lasts.
_MARK_CUSTOMERS = """
WITH acted AS MATERIALIZED (
    SELECT customer, activity, position FROM activity_place AS t
    WHERE position > %(after)s AND position <= %(upto)s AND customer IS NOT NULL
    AND (SELECT EXISTS (SELECT FROM pass WHERE pass.customer = t.customer))
), changed AS MATERIALIZED (
    SELECT t.customer, max(t.position) AS position, min(a.recorded_at) AS since
    FROM acted AS t CROSS JOIN LATERAL (
        SELECT recorded_at FROM activity WHERE id = t.activity AND outcome = 'SUCCEEDED' OFFSET 0
    ) AS a GROUP BY t.customer
)
INSERT INTO pass_mark (pass, position, due_at, since)
SELECT p.id, c.position, c.since + %(window)s, c.since
FROM changed AS c CROSS JOIN LATERAL (
    SELECT id FROM pass WHERE pass.customer = c.customer
    AND (voided_at IS NULL OR greatest(voided_at, erased_at) > c.since - interval '1 hour') OFFSET 0
) AS p
ON CONFLICT DO NOTHING
"""

_CHANGES = """
SELECT t.position, t.program, a.action, a.body::json ->> 'subject', a.recorded_at
FROM (
    SELECT position, program, activity FROM activity_place
    WHERE position > %(after)s AND position <= %(upto)s AND customer IS NULL AND program IS NOT NULL OFFSET 0
) AS t CROSS JOIN LATERAL (
    SELECT * FROM activity WHERE id = t.activity AND action = ANY(%(actions)s) AND outcome = 'SUCCEEDED'
    AND body IS NOT NULL OFFSET 0
) AS a ORDER BY t.position
"""

_REMARK_TEMPLATES = """
INSERT INTO pass_remark (template, position, since)
SELECT id, %s, %s FROM pass_template WHERE program = %s AND (%s::text IS NULL OR template_id = %s) {which}
ON CONFLICT DO NOTHING
"""

_MARK_COUPON = """
INSERT INTO pass_mark (pass, position, due_at, since) SELECT id, %s, %s + %s, %s FROM pass WHERE coupon = %s
ON CONFLICT DO NOTHING
"""

# In one order, whoever writes. Whoever takes the mark of before is waited for: it may have read what was handed out
# since.
_NOTE = """
INSERT INTO pass_mark (pass, position, due_at, since)
SELECT id, {position}, clock_timestamp(), clock_timestamp() FROM unnest(%s::uuid[]) AS w (id) JOIN pass USING (id)
ORDER BY id
ON CONFLICT (pass, position) DO UPDATE SET since = pass_mark.since
"""
_AHEAD, _AGAIN = _NOTE.format(position=AHEAD), _NOTE.format(position=AGAIN)

_DUE = """
SELECT EXISTS (SELECT FROM pass_mark WHERE due_at <= now()) OR EXISTS (SELECT FROM pass_remark WHERE due_at <= now())
"""

_WAITING = "SELECT EXISTS (SELECT FROM pass_mark) OR EXISTS (SELECT FROM pass_remark)"

_REMARK = """
SELECT template, position, reached, since FROM pass_remark WHERE due_at <= clock_timestamp()
ORDER BY position, template LIMIT 1 FOR UPDATE
"""

# Passes that are made meanwhile are marked by their own records.
_MARK_TEMPLATE = """
WITH next AS MATERIALIZED (
    SELECT id FROM pass WHERE template = %s AND id > coalesce(%s::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id LIMIT %s
), marked AS (
    INSERT INTO pass_mark (pass, position, due_at, since)
    SELECT id, %s, clock_timestamp() + %s, %s FROM next ON CONFLICT DO NOTHING
)
SELECT count(*), (SELECT id FROM next ORDER BY id DESC LIMIT 1),
    (SELECT count(*) FROM pass_registration WHERE pass IN (SELECT id FROM next)),
    (SELECT count(*) FROM pass_google WHERE pass IN (SELECT id FROM next) AND removed_at IS NULL)
FROM next
"""

_REACHED = """
UPDATE pass_remark SET reached = %s, due_at = clock_timestamp() + %s WHERE template = %s AND position = %s
"""
