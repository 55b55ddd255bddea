"""Links to passes: made for whoever hands them out, and revoked. Their tokens are kept nowhere."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from rules.passes.issuing import LINK_DAYS, check_links
from rules.passes.refusals import LinkNotFound, PassesUrlUnset, PassNotFound
from storage.engine.commands import CommandContext
from storage.engine.database import Connection
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.passes.google_pushes import plan_first
from storage.passes.locking import HeldPass, check_valid, lock, note
from storage.passes.reading.passes import PassName
from storage.passes.records import LINKS
from storage.passes.sealing import WalletKeys, link_hash
from storage.personal.records import as_bytea

# So long somebody may ask what became of one.
ENDED_LINKS_KEPT = timedelta(days=30)


class LinkName(NamedTuple):
    """A link in the words of the contract; `link` is a UUID's text, empty for all of the pass."""

    program: str
    customer: str
    pass_id: str
    link: str

    @property
    def of(self) -> PassName:
        """The pass that it leads to."""
        return PassName(self.program, self.customer, self.pass_id)

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.of.name}/links/{typeid('link', UUID(self.link).int) if self.link else '-'}"


class MadeLink(NamedTuple):
    """A link as it was made. Its address is made of its id by who has the keys."""

    name: LinkName
    expires_at: datetime


class RevokedLinks(NamedTuple):
    """How many led somewhere until now."""

    revoked: int


class GetSaveLinks(NamedTuple):
    """A new link to a pass, for so many days (0: LINK_DAYS); `passes_url` is where it will lead, empty: nowhere."""

    name: PassName
    days: int
    keys: WalletKeys
    passes_url: str
    context: CommandContext

    def answers(self) -> type[MadeLink]:
        """The link."""
        return MadeLink

    def decide(self, unit: Unit) -> Answer[MadeLink]:
        """Raises ProgramNotFound, PassNotFound, PassVoided, PassesUrlUnset, TooManyLinks."""
        held = lock(unit, self.name, self.context.caller)
        check_valid(held)
        if not self.passes_url:
            raise PassesUrlUnset
        link = new_link(unit, held)
        days = self.days or LINK_DAYS
        # No event of the customer's: an app may ask for one each time it shows its button.
        activity = note(unit, held, self.context, link.name, {"days": days}, is_event=False)
        return Answer(keep_link(unit, link, self.keys, days, activity), activity)


class RevokeLink(NamedTuple):
    """Ends a link, or all links of a pass."""

    name: LinkName
    context: CommandContext

    def answers(self) -> type[RevokedLinks]:
        """How many."""
        return RevokedLinks

    def decide(self, unit: Unit) -> Answer[RevokedLinks]:
        """Raises ProgramNotFound, LinkNotFound, also where there is no such pass."""
        try:
            held = lock(unit, self.name.of, self.context.caller)
        except PassNotFound:
            raise LinkNotFound from None
        if self.name.link and unit.connection.execute(_THERE, (self.name.link, held.name.id)).fetchone() is None:
            raise LinkNotFound
        revoked = revoke(unit, held, self.name.link)
        if not revoked:
            return Answer(RevokedLinks(0), None)
        activity = note(unit, held, self.context, self.name.name, {"count": revoked}, is_event=False)
        return Answer(RevokedLinks(revoked), activity)


def new_link(unit: Unit, held: HeldPass) -> LinkName:
    """The name of one more link of a locked pass. What it leads to will be at Google, too. Raises TooManyLinks."""
    [live] = unit.connection.execute(_LIVE, (held.name.id, unit.now)).fetchone() or (0,)
    check_links(live)
    plan_first(unit, held.program.id, held.customer, UUID(held.name.id))
    return LinkName(*held.name, str(new_uuid()))


def keep_link(unit: Unit, link: LinkName, keys: WalletKeys, days: int, activity: str) -> MadeLink:
    """Writes a link, by the hash of its token."""
    expires_at = unit.now + timedelta(days=days)
    row = {
        "id": link.link,
        "pass": link.pass_id,
        "token_hash": as_bytea(link_hash(keys.link_token(UUID(link.link)))),
        "created_at": unit.now,
        "expires_at": expires_at,
        "activity": activity,
    }
    unit.add(LINKS.made, row)
    return MadeLink(link, expires_at)


def revoke(unit: Unit, held: HeldPass, link: str = "") -> int:
    """Ends a link of a locked pass, or (empty) all; answers how many led somewhere."""
    return unit.connection.execute(_REVOKE, (unit.now, held.name.id, link, link or None, unit.now)).rowcount


def prune(connection: Connection, limit: int) -> int:
    """Removes up to `limit` links that have led nowhere for long; answers how many."""
    return connection.execute(_PRUNE, (ENDED_LINKS_KEPT, limit)).rowcount


_LIVE = "SELECT count(*) FROM pass_link WHERE pass = %s AND revoked_at IS NULL AND expires_at > %s"

_THERE = "SELECT true FROM pass_link WHERE id = %s AND pass = %s"

_REVOKE = """
UPDATE pass_link SET revoked_at = %s
WHERE pass = %s AND (%s = '' OR id = %s::uuid) AND revoked_at IS NULL AND expires_at > %s
"""

_PRUNE = """
DELETE FROM pass_link WHERE id = ANY(ARRAY(
    SELECT id FROM pass_link WHERE expires_at < now() - %s::interval ORDER BY expires_at LIMIT %s
))
"""
