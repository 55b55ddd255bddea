"""Claims as they are read, each by its names."""

from typing import Any, NamedTuple
from uuid import UUID

from rules.claims import Claim
from rules.coupons.refusals import ClaimNotFound
from storage.coupons.queries import campaign_name, coupon_name
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.reading import accounts
from storage.rewards.records import CLAIMS


class ClaimName(NamedTuple):
    """A claim in the words of the contract; `claim` is a UUID's text."""

    program: str
    customer: str
    claim: str

    @property
    def owner(self) -> CustomerName:
        """Whose it is."""
        return CustomerName(self.program, self.customer)

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.owner.name}/claims/{typeid('claim', UUID(self.claim).int)}"


class ClaimRead(NamedTuple):
    """A claim of a customer, with the account that paid; `reward_id` and `campaign_id` are public, the latter empty
    where it gave no coupon."""

    id: str
    claim: Claim
    owner: CustomerName
    account: Address
    reward_id: str
    campaign_id: str = ""

    @property
    def name(self) -> ClaimName:
        """What the contract calls it."""
        return ClaimName(*self.owner, self.id)

    @property
    def coupon(self) -> str:
        """The resource name of the coupon that it gave, empty where it gave none."""
        if self.claim.coupon is None:
            return ""
        campaign = campaign_name(self.owner.program, self.campaign_id)
        return coupon_name(campaign, UUID(self.claim.coupon).int)


def get(books: Connection, name: ClaimName) -> ClaimRead:
    """One claim. Raises ClaimNotFound."""
    found = books.execute(_ONE, name._asdict(), prepare=True).fetchone()
    if found is None:
        raise ClaimNotFound
    return _read(name.owner, found)


def page(books: Connection, owner: CustomerName, state: str, after: str, size: int) -> list[ClaimRead]:
    """Up to `size` claims of a customer in a state (empty: in any), newest first, from the first after an id.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged.
    """
    accounts.holder(books, owner)
    asked = {
        "program": owner.program,
        "customer": owner.customer,
        "state": state,
        "after": after or "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "size": size,
    }
    return [_read(owner, row) for row in books.execute(_PAGE, asked, prepare=True)]


def _read(owner: CustomerName, row: Any) -> ClaimRead:
    identity, columns, payer, card, reward_id, campaign_id = row
    account = Address(owner.program, payer, card)
    return ClaimRead(str(identity), CLAIMS.read(columns), owner, account, reward_id, campaign_id or "")


# The customer who paid is another where claims came by a merge.
_COLUMNS = f"""
m.id, {CLAIMS.as_json("m")}, payer.customer_id, a.card_id, r.reward_id,
(SELECT campaign_id FROM coupon_campaign WHERE id = m.campaign)
"""  # noqa: S608
_NAMES = """
JOIN account a ON a.id = m.account JOIN customer payer ON payer.id = a.customer JOIN reward r ON r.id = m.reward
"""
_OWNER = """
SELECT c.id FROM program p JOIN customer c ON c.program = p.id
WHERE p.program_id = %(program)s AND c.customer_id = %(customer)s
"""

_ONE = f"""
SELECT {_COLUMNS} FROM claim m {_NAMES} WHERE m.customer = ({_OWNER}) AND m.id = %(claim)s::uuid
"""  # noqa: S608

_PAGE = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM claim
    WHERE customer = ({_OWNER}) AND id < %(after)s::uuid AND (%(state)s::text = '' OR state = %(state)s::text)
    ORDER BY id DESC LIMIT %(size)s
) AS m {_NAMES}
ORDER BY m.id DESC
"""  # noqa: S608
