"""The scene with passes, and everything that can be done with them."""

from typing import Any
from uuid import UUID

from rules.passes.designs import PassKind
from storage.customers.commands import UpdateCustomer
from storage.engine.database import Database, connection
from storage.engine.requests import Answer
from storage.passes.acts import EmailPass, Mailed, Pushed, PushPass, VoidPass
from storage.passes.issuing import IssuePass
from storage.passes.linking import GetSaveLinks, LinkName, MadeLink, RevokeLink
from storage.passes.reading import passes
from storage.passes.reading.passes import PassFilter, PassName, PassRead
from tests.personal import WALLET
from tests.storage.coupons.till import Till
from tests.storage.scene import asked

PASSES_URL = "https://passes.example.com"


class Cards(Till):
    """Ada and Ben with 200 points each; templates: `card` of points, `coupon` of coupons, `gift` of anything else."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        for name in ("ada", "ben"):
            self.earn(200, name)
        self.template()
        self.template("coupon", kind=PassKind.COUPON, card_id="")
        self.template("gift", kind=PassKind.GENERIC, card_id="")

    def issue(
        self, template: str = "card", name: str = "ada", coupon: Any = None, claim: Any = None, **how: Any
    ) -> PassRead:
        """A pass that was issued."""
        what = (self.customer(name), template, coupon, claim)
        return self.carry_out(IssuePass(*what, asked(what, action="pass.issued", **how))).value

    def void_pass(self, name: PassName, **how: Any) -> Answer[PassRead]:
        """A pass voided."""
        return self.carry_out(VoidPass(name, asked(name, action="pass.voided", **how)))

    def link(self, name: PassName, days: int = 0, passes_url: str = PASSES_URL, **how: Any) -> MadeLink:
        """A link to a pass."""
        context = asked((name, days), action="pass_link.created", **how)
        return self.carry_out(GetSaveLinks(name, days, WALLET, passes_url, context)).value

    def revoke(self, name: LinkName, **how: Any) -> Answer[Any]:
        """A link revoked, or all."""
        return self.carry_out(RevokeLink(name, asked(name, action="pass_link.revoked", **how)))

    def email(self, name: PassName, passes_url: str = PASSES_URL, **how: Any) -> Mailed:
        """A pass mailed."""
        return self.carry_out(EmailPass(name, WALLET, passes_url, asked(name, action="pass.mailed", **how))).value

    def push(self, name: PassName) -> Pushed:
        """A pass pushed."""
        return self.carry_out(PushPass(name, asked(name, action="pass.pushed"))).value

    def tell_address(self, email: str = "ada@example.com", name: str = "ada") -> None:
        """A customer has a mail address, or another."""
        self.carry_out(UpdateCustomer("coffee", name, "", {"email": email}, asked((name, email))))

    def read(self, name: PassName) -> PassRead:
        """A pass as it stands."""
        with connection(self.database) as books:
            return passes.get(books, name)

    def page(self, name: str = "ada", after: str = "", size: int = 100, **wanted: str) -> list[PassRead]:
        """Passes of a customer."""
        with connection(self.database) as books:
            return passes.page(books, self.customer(name), PassFilter(**wanted), after, size)

    def live_links(self) -> list[UUID]:
        """Those that lead somewhere, the oldest first."""
        query = "SELECT id FROM pass_link WHERE revoked_at IS NULL AND expires_at > now() ORDER BY id"
        return [link for (link,) in self.rows(query)]
