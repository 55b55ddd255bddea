"""Passes of customers, each with the wallets that it is in and how its updates fare."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from rules.passes.delivery import DeliveryState, Installs, delivery_state
from rules.passes.designs import PassKind
from rules.passes.refusals import PassNotFound
from storage.coupons.queries import campaign_name, coupon_name
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import accounts
from storage.rewards.claims import ClaimName


class PassName(NamedTuple):
    """A pass in the words of the contract; `id` is a UUID's text."""

    program: str
    customer: str
    id: str

    @property
    def owner(self) -> CustomerName:
        """Whose it is."""
        return CustomerName(self.program, self.customer)

    @property
    def serial(self) -> str:
        """Its public id, by which phones know it."""
        return typeid("pass", UUID(self.id).int)

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.owner.name}/passes/{self.serial}"


class PassRead(NamedTuple):
    """A pass as it stands. `template_id`, `campaign_id` and `reward_id` are public ids, `coupon` and `claim` texts of
    UUIDs; of what it does not show, empty. `updated_at` is when what it says changed last, as far as phones were told;
    `google`: it is saved there. One that was erased reads as voided."""

    name: PassName
    template_id: str
    kind: PassKind
    created_at: datetime
    updated_at: datetime
    activity: str
    voided_at: datetime | None = None
    campaign_id: str = ""
    coupon: str = ""
    claim: str = ""
    reward_id: str = ""
    devices: int = 0
    google: bool = False
    delivery: DeliveryState = DeliveryState.NOT_INSTALLED

    @property
    def template(self) -> str:
        """The resource name of its template."""
        return f"programs/{self.name.program}/passTemplates/{self.template_id}"

    @property
    def coupon_name(self) -> str:
        """The resource name of the coupon that it shows, or empty."""
        if not self.coupon:
            return ""
        return coupon_name(campaign_name(self.name.program, self.campaign_id), UUID(self.coupon).int)

    @property
    def claim_name(self) -> str:
        """The resource name of the claim that it was issued with, or empty."""
        return ClaimName(*self.name.owner, self.claim).name if self.claim else ""

    @property
    def reward(self) -> str:
        """The resource name of the reward of that claim, or empty."""
        return f"programs/{self.name.program}/rewards/{self.reward_id}" if self.reward_id else ""


def get(books: Connection, name: PassName) -> PassRead:
    """One pass. Raises PassNotFound."""
    for found in _read(name.owner, books.execute(_ONE, name._asdict(), prepare=True)):
        return found
    raise PassNotFound


def page(books: Connection, owner: CustomerName, wanted: "PassFilter", after: str, size: int) -> list[PassRead]:
    """Up to `size` passes of a customer, newest first, from the first after an id.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged.
    """
    accounts.holder(books, owner)
    asked = {**owner._asdict(), **wanted._asdict(), "after": after or "ffffffff-ffff-ffff-ffff-ffffffffffff"}
    return list(_read(owner, books.execute(_PAGE, {**asked, "size": size}, prepare=True)))


class PassFilter(NamedTuple):
    """Which passes: `state` ACTIVE or VOIDED, `kind` a PassKind; of what is empty, any."""

    state: str = ""
    kind: str = ""


def _read(owner: CustomerName, rows: Iterable[Any]) -> Iterable[PassRead]:
    for row in rows:
        identity, template_id, kind, *instants, activity, campaign_id, coupon, claim, reward_id, standing, now = row
        created_at, updated_at, voided_at = instants
        stands = _STANDING.decode(standing)
        yield PassRead(
            PassName(*owner, identity),
            template_id,
            PassKind(kind),
            created_at,
            updated_at,
            activity,
            voided_at,
            campaign_id or "",
            coupon or "",
            claim or "",
            reward_id or "",
            stands.devices,
            stands.google,
            delivery_state(stands, now),
        )


_STANDING = json.Decoder(Installs)

# Of each phone the newest revision counts: who fetched it has fetched all before it, and who installed the card later
# has it from there.
_STANDING_OF = """
LEFT JOIN pass_content AS c ON c.pass = m.id
LEFT JOIN pass_google AS g ON g.pass = m.id AND coalesce(g.saved_at > g.removed_at, g.saved_at IS NOT NULL)
CROSS JOIN LATERAL (
    SELECT count(*) AS devices, min(coalesce(d.pushed_at, c.built_at)) FILTER (
        WHERE d.fetched_at IS NULL AND c.built_at > r.registered_at
    ) AS since
    FROM pass_registration AS r
    LEFT JOIN pass_delivery AS d ON d.pass = r.pass AND d.device = r.device AND d.revision = c.revision
    WHERE r.pass = m.id OFFSET 0
) AS r
"""

_COLUMNS = """
m.id::text, t.template_id, t.design ->> 'kind', m.created_at, coalesce(c.modified_at, m.created_at),
least(m.voided_at, m.erased_at), m.activity::text,
(SELECT campaign_id FROM coupon_campaign WHERE id = m.campaign), m.coupon::text, m.claim::text,
(SELECT reward_id FROM claim AS k JOIN reward ON reward.id = k.reward WHERE k.customer = m.customer AND k.id = m.claim),
json_build_array(
    r.devices, r.since, g.pass IS NOT NULL, CASE WHEN g.revision < c.revision THEN c.built_at END
)::text,
statement_timestamp()
"""

OWNER = """
SELECT o.id FROM program p JOIN customer o ON o.program = p.id
WHERE p.program_id = %(program)s AND o.customer_id = %(customer)s
"""

_ONE = f"""
SELECT {_COLUMNS} FROM pass AS m JOIN pass_template AS t ON t.id = m.template {_STANDING_OF}
WHERE m.customer = ({OWNER}) AND m.id = %(id)s::uuid
"""  # noqa: S608

_PAGE = f"""
SELECT {_COLUMNS}
FROM (
    SELECT m.* FROM pass AS m JOIN pass_template AS t ON t.id = m.template
    WHERE m.customer = ({OWNER}) AND m.id < %(after)s::uuid
      AND (%(kind)s::text = '' OR t.design ->> 'kind' = %(kind)s::text)
      AND (%(state)s::text = '' OR (%(state)s::text = 'VOIDED') = (coalesce(m.voided_at, m.erased_at) IS NOT NULL))
    ORDER BY m.id DESC LIMIT %(size)s
) AS m
JOIN pass_template AS t ON t.id = m.template {_STANDING_OF}
ORDER BY m.id DESC
"""  # noqa: S608
