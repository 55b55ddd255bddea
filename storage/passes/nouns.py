"""Templates as a transaction has them in hand that issues a pass: what of their design decides whether it may."""

from pathlib import Path
from typing import NamedTuple

from msgspec import Raw, json

from rules.passes.designs import PassKind
from rules.passes.refusals import PassTemplateArchived, PassTemplateNotFound
from storage.engine.database import Connection
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Key, Kind
from storage.engine.workspace import Workspace

FUNCTIONS = Functions(Path(__file__).parent / "load.sql")


class TemplateInHand(NamedTuple):
    """A template: its internal and public ids, its name, and of its design the kind and the campaign (empty: any)."""

    id: int
    template_id: str
    display_name: str
    kind: PassKind
    campaign_id: str
    archived: bool


# By (program, template), both public ids.
TEMPLATES_IN_HAND: Kind[TemplateInHand] = Kind("pass_template_in_hand")


def find_template(workspace: Workspace, key: Key) -> TemplateInHand:
    """A template that was loaded, of which passes can be issued. Raises PassTemplateNotFound, PassTemplateArchived."""
    return _usable(workspace.get(TEMPLATES_IN_HAND, key), key)


def is_of_coupons(workspace: Workspace, key: Key) -> bool:
    """Whether a template that was loaded shows a coupon."""
    found = workspace.get(TEMPLATES_IN_HAND, key)
    return found is not None and found.kind is PassKind.COUPON


def read_template(books: Connection, key: Key) -> TemplateInHand:
    """The same, read by itself."""
    found = books.execute(_ONE, (json.encode([key]).decode(),)).fetchone()
    rows = _ROWS.decode(found[0]) if found is not None and found[0] is not None else None
    return _usable(rows[0][1] if rows else None, key)


def _usable(found: TemplateInHand | None, key: Key) -> TemplateInHand:
    if found is None:
        raise PassTemplateNotFound(program=key[0])
    if found.archived:
        raise PassTemplateArchived(pass_template=found.template_id)
    return found


def _put(workspace: Workspace, loaded: Raw) -> None:
    for key, template in _ROWS.decode(loaded) or ():
        workspace.load(TEMPLATES_IN_HAND, key, template)


# Nobody locks it: of a template that is archived at the same moment one more pass was issued.
PASS_TEMPLATE = Noun("pass_template", FUNCTIONS["load_pass_template"], _put)

_ROWS = json.Decoder(list[tuple[tuple[str, str], TemplateInHand]] | None)

_ONE = f"SELECT {FUNCTIONS['load_pass_template']}(%s::json)::text"
