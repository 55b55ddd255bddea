"""What phones ask most: which of my passes have changed since? Questions that arrive together share one round trip."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from rules.passes.updates import parse_tag, tag
from storage.engine.session import Session, Statement


class Question(NamedTuple):
    """A phone, by the hash of its id (WalletKeys.device_hash), asks for passes of a pass type that changed after a tag
    of ours; an empty one, or one that is none of ours, asks for all.

    `pass_types` are what designs call that type; an empty one among them stands for those that name none. None: there
    is no other.
    """

    device: bytes
    pass_types: tuple[str, ...] | None = None
    tag: str = ""


class Listed(NamedTuple):
    """Passes, the longest unchanged first, and the tag to ask by next time. Where there are none, the phone is answered
    that nothing is new, and keeps its tag."""

    passes: tuple[UUID, ...]
    tag: str


async def list_changed(session: Session, questions: Sequence[Question]) -> list[Listed]:
    """An answer to each question, in order. Raises what the database raises.

    Revisions are given in the order of commits: with the greatest that an answer has, all smaller ones can be seen.
    """
    asked = [(number, one.device.hex(), one.pass_types, parse_tag(one.tag)) for number, one in enumerate(questions)]
    found: defaultdict[int, list[tuple[int, UUID]]] = defaultdict(list)
    for number, passed, revision in _ROWS.decode(await session.run(_LIST, [msgspec.json.encode(asked)])):
        found[number].append((revision, passed))
    return [_listed(sorted(found[number])) for number in range(len(questions))]


def _listed(rows: Sequence[tuple[int, UUID]]) -> Listed:
    return Listed(tuple(passed for _, passed in rows), tag(rows[-1][0]) if rows else "")


_ROWS = msgspec.json.Decoder(list[tuple[int, UUID, int]])

# A pass before its first revision is told to who asks for all: also to who has a tag of revisions that are still to
# come, from before the books were restored from a backup. OFFSET 0: the keys lead, however many phones there are
# thought to be.
_LIST = Statement(
    """
    SELECT coalesce(json_agg(json_build_array(k.number, r.pass, r.revision)), '[]')
    FROM (
        SELECT (k ->> 0)::integer AS number, decode(k ->> 1, 'hex') AS device,
            CASE json_typeof(k -> 2) WHEN 'array' THEN ARRAY(SELECT json_array_elements_text(k -> 2)) END AS pass_types,
            (k ->> 3)::bigint AS tag
        FROM json_array_elements($1) AS k
    ) AS k
    CROSS JOIN pass_counter AS newest
    CROSS JOIN LATERAL (SELECT id FROM pass_device WHERE library_hash = k.device OFFSET 0) AS d
    CROSS JOIN LATERAL (
        SELECT r.pass, coalesce(c.revision, 0) AS revision
        FROM pass_registration AS r LEFT JOIN pass_content AS c ON c.pass = r.pass
        WHERE r.device = d.id AND (k.tag IS NULL OR c.revision > k.tag OR k.tag > newest.revision)
        AND (k.pass_types IS NULL OR EXISTS (
            SELECT FROM pass AS p JOIN pass_template AS t ON t.id = p.template
            WHERE p.id = r.pass AND coalesce(t.design ->> 'apple_pass_type', '') = ANY(k.pass_types)
        ))
        OFFSET 0
    ) AS r
    """,
    ["json"],
)
