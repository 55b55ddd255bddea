"""By which words activities are found: those of their sentence, the ids they name, and the code of a reason.

They are taken by a follower (followers.py), seconds after an activity was recorded: who records pays nothing for it.
Kept are digests of them: an index that somebody reads says nothing. Words are those of the day on which they were
taken; what is called otherwise later is found by what it was called then.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from rules import sentences, words
from rules.words import TextQuery
from storage.activity import followers
from storage.activity.postings import BLOCK, SEGMENT_BLOCKS, add, of, remove
from storage.activity.queries import Activity, from_rows
from storage.engine.database import Connection

FOLLOWER = "words"
# The program of what is in none.
NONE = 0
# Of one activity: the longest sentences have some dozens, and what names more is a payload.
WORDS_MAX = 200

# Times are no ids, and nobody looks for them by their letters.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:T.*)?")


class Place(NamedTuple):
    """Where positions of a word are kept."""

    segment: int
    program: int
    word: int
    block: int


def told(activity: Activity) -> str:
    """The sentence in whose words it is found."""
    return sentences.activity(activity.body, activity.actor_name, activity.nouns)


def by(activity: Activity) -> set[str]:
    """The words by which an activity is found."""
    body = activity.body
    named = [body["subject"], body["request_id"]]
    named += [value for value in _texts(body["details"]) if not _INSTANT.fullmatch(value)]
    found = words.found_by([told(activity), *named])
    return found if len(found) <= WORDS_MAX else set(islice(sorted(found), WORDS_MAX))


def _texts(details: Mapping[str, Any]) -> Iterator[str]:
    """What the details say in words, also of each of several coupons."""
    coupons = details.get("coupons")
    parts = [details, *(one for one in coupons if isinstance(one, dict))] if isinstance(coupons, list) else [details]
    for part in parts:
        yield from (value for value in part.values() if isinstance(value, str))


def matches(activity: Activity, wanted: TextQuery) -> bool:
    """Whether an activity is one that is looked for, by what it is called now."""
    if not wanted.words:
        return True
    if "dropped_by" in activity.body:
        # Nobody finds by its words what is no longer there to be read.
        return False
    return by(activity).issuperset(wanted.words) and words.has_phrases(told(activity), wanted.phrases)


def digest(word: str) -> int:
    """A word as it is kept."""
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def advance(connection: Connection, limit: int) -> int:
    """Takes up to `limit` activities more, in the caller's transaction; answers how many. Fewer: there were no more."""
    # What a crash takes back is taken again: nobody waits for the disk.
    connection.execute("SELECT set_config('synchronous_commit', 'off', true)")
    taken = followers.advance(connection, FOLLOWER, _take, limit)
    if taken < limit:
        followers.note_complete(connection, FOLLOWER)
    return taken


def forget(connection: Connection, activities: Sequence[UUID]) -> None:
    """Takes their words out, in the caller's transaction, as long as their bodies are there to say them.

    Of what was called otherwise since, a digest may stay: it finds nothing, for what has no body is never shown.
    """
    # Nobody takes words meanwhile.
    followers.hold(connection, FOLLOWER)
    found: defaultdict[Place, list[int]] = defaultdict(list)
    for place, position in _places(connection.execute(_NAMED, (list(activities),)).fetchall()):
        found[place].append(position)
    kept = _kept(connection, found)
    _keep(connection, {place: remove(places, of(found[place])) for place, places in kept.items()})
    connection.execute(_CLEAN, _columns(kept))


def begin_anew(connection: Connection) -> None:
    """Has the words of all activities taken once more, in the caller's transaction. Until then little is found."""
    followers.begin_anew(connection, FOLLOWER)
    connection.execute("DELETE FROM activity_word")
    connection.execute("DELETE FROM activity_block")


def _take(connection: Connection, after: int, upto: int) -> None:
    connection.execute(_BY_INDEX)
    found: defaultdict[Place, list[int]] = defaultdict(list)
    rows = connection.execute(_FOLLOWING, (after, upto)).fetchall()
    for place, position in _places(rows):
        found[place].append(position)
    kept = _kept(connection, found)
    _keep(connection, {place: add(kept.get(place, b""), positions) for place, positions in found.items()})
    connection.execute(_NOTE_BLOCKS, (BLOCK, after, upto))


def _places(rows: Sequence[tuple[object, ...]]) -> Iterable[tuple[Place, int]]:
    """Where the words of activities belong, out of (position, program, id, body, occurred_at, recorded_at), and the
    positions within their blocks."""
    for row, activity in zip(rows, from_rows([row[2:] for row in rows]), strict=True):
        number, place = divmod(int(str(row[0])), BLOCK)
        segment, block = divmod(number, SEGMENT_BLOCKS)
        for word in by(activity):
            yield Place(segment, int(str(row[1] or NONE)), digest(word), block), place


def _kept(connection: Connection, places: Iterable[Place]) -> dict[Place, bytes]:
    rows = connection.execute(_KEPT, _columns(places))
    return {Place(*row[:4]): row[4] for row in rows}


def _keep(connection: Connection, kept: dict[Place, bytes]) -> None:
    # In one order, whoever writes.
    ordered = sorted(kept)
    connection.execute(_KEEP, {**_columns(ordered), "places": _array(f'"\\\\x{kept[one].hex()}"' for one in ordered)})


def _columns(places: Iterable[Place]) -> dict[str, str]:
    columns = list(zip(*places, strict=True)) or [()] * len(Place._fields)
    return {name: _array(map(str, column)) for name, column in zip(Place._fields, columns, strict=True)}


def _array(values: Iterable[str]) -> str:
    # There are thousands in each step; psycopg would write them one by one.
    return f"{{{','.join(values)}}}"


_BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

_ROW = "p.position, a.program, a.id, a.body, a.occurred_at, a.recorded_at"
_FOLLOWING = f"""
SELECT {_ROW} FROM activity_place p JOIN activity a ON a.id = p.activity
WHERE p.position > %s AND p.position <= %s AND a.body IS NOT NULL ORDER BY p.position
"""  # noqa: S608 - our own words
_NAMED = f"""
SELECT {_ROW} FROM activity_place p JOIN activity a ON a.id = p.activity
WHERE p.activity = ANY(%s) AND a.body IS NOT NULL ORDER BY p.position
"""  # noqa: S608

_KEYS = "unnest(%(segment)s::integer[], %(program)s::integer[], %(word)s::bigint[], %(block)s::smallint[]"
_KEPT = f"""
SELECT segment, program, word, block, places
FROM {_KEYS}) AS k (segment, program, word, block) JOIN activity_word USING (segment, program, word, block)
"""  # noqa: S608
_KEEP = f"""
INSERT INTO activity_word (segment, program, word, block, places) SELECT * FROM {_KEYS}, %(places)s::bytea[])
ON CONFLICT (segment, program, word, block) DO UPDATE SET places = excluded.places
"""  # noqa: S608
_CLEAN = f"""
DELETE FROM activity_word AS w USING {_KEYS}) AS k (segment, program, word, block)
WHERE (w.segment, w.program, w.word, w.block) = (k.segment, k.program, k.word, k.block) AND w.places = ''
"""  # noqa: S608
_NOTE_BLOCKS = """
INSERT INTO activity_block AS b (block, first_recorded_at, last_recorded_at)
SELECT p.position / %s, min(a.recorded_at), max(a.recorded_at)
FROM activity_place p JOIN activity a ON a.id = p.activity WHERE p.position > %s AND p.position <= %s GROUP BY 1
ON CONFLICT (block) DO UPDATE SET first_recorded_at = least(b.first_recorded_at, excluded.first_recorded_at),
    last_recorded_at = greatest(b.last_recorded_at, excluded.last_recorded_at)
"""
