"""Resource names. Their shape was checked by the contract's rules before they come here."""

from typing import NamedTuple
from uuid import UUID

from rules.coupons.refusals import ClaimNotFound, CouponNotFound, RedemptionNotFound
from rules.passes.refusals import LinkNotFound, PassNotFound
from rules.refusals import Refusal
from storage.coupons.reading.coupons import CouponName
from storage.coupons.reading.pages import Batch
from storage.coupons.reading.redemptions import RedemptionName
from storage.engine.ids import parse_typeid, typeid
from storage.ledger.addresses import Address, CustomerName, TransactionName
from storage.passes.linking import LinkName
from storage.passes.reading.passes import PassName
from storage.rewards.claims import ClaimName


def program_id(name: str) -> str:
    """Of `programs/{program}`, or of a name below it."""
    return name.split("/", 2)[1]


def customer_id(name: str) -> str:
    """Of `programs/{program}/customers/{customer}`."""
    return name.split("/", 4)[3]


class CardName(NamedTuple):
    """A card by its public ids."""

    program: str
    card: str


def card(name: str) -> CardName:
    """Of `programs/{program}/cards/{card}`."""
    _, program, _, card_id = name.split("/")
    return CardName(program, card_id)


class CampaignName(NamedTuple):
    """A coupon campaign by its public ids."""

    program: str
    campaign: str


def campaign(name: str) -> CampaignName:
    """Of `programs/{program}/couponCampaigns/{campaign}`, or of a name below it."""
    _, program, _, campaign_id, *_ = name.split("/")
    return CampaignName(program, campaign_id)


def coupon(name: str) -> CouponName:
    """Of `programs/{program}/couponCampaigns/{campaign}/coupons/{coupon}`. Raises CouponNotFound where no coupon can
    have that name."""
    _, program, _, campaign_id, _, number = name.split("/")
    found = parse_typeid("coupon", number)
    if found is None:
        raise CouponNotFound(program=program)
    return CouponName(program, campaign_id, str(found))


def batch(name: str) -> Batch:
    """Of `programs/{program}/couponCampaigns/{campaign}/batches/{batch}`."""
    _, program, _, campaign_id, _, number = name.split("/")
    return Batch(program, campaign_id, int(number))


def redemption(name: str) -> RedemptionName:
    """Of `programs/{program}/customers/{customer}/redemptions/{redemption}`. Raises RedemptionNotFound where no
    redemption can have that name."""
    _, program, _, customer, _, number = name.split("/")
    found = parse_typeid("redemption", number)
    if found is None:
        raise RedemptionNotFound
    return RedemptionName(program, customer, str(found))


def address(name: str) -> Address:
    """Of `programs/{program}/customers/{customer}/accounts/{card}`."""
    _, program, _, customer, _, card = name.split("/")
    return Address(program, customer, card)


def customer(name: str) -> CustomerName:
    """Of `programs/{program}/customers/{customer}`."""
    _, program, _, customer = name.split("/")
    return CustomerName(program, customer)


def last(name: str) -> str:
    """The last id of a name; empty where that is."""
    return name.rpartition("/")[2]


class ClubName(NamedTuple):
    """A club by its public ids."""

    program: str
    club: str


def club(name: str) -> ClubName:
    """Of `programs/{program}/clubs/{club}`."""
    _, program, _, club_id = name.split("/")
    return ClubName(program, club_id)


class RewardName(NamedTuple):
    """A reward by its public ids."""

    program: str
    reward: str


def reward(name: str) -> RewardName:
    """Of `programs/{program}/rewards/{reward}`."""
    _, program, _, reward_id = name.split("/")
    return RewardName(program, reward_id)


def claim(name: str) -> ClaimName:
    """Of `programs/{program}/customers/{customer}/claims/{claim}`. Raises ClaimNotFound where no claim can have that
    name."""
    _, program, _, customer, _, number = name.split("/")
    found = parse_typeid("claim", number)
    if found is None:
        raise ClaimNotFound
    return ClaimName(program, customer, str(found))


class TemplateName(NamedTuple):
    """A pass template by its public ids."""

    program: str
    template: str


def template(name: str) -> TemplateName:
    """Of `programs/{program}/passTemplates/{template}`."""
    _, program, _, template_id = name.split("/")
    return TemplateName(program, template_id)


def image(name: str) -> tuple[str, str]:
    """The program and the SHA-256 in `programs/{program}/passImages/{image}`."""
    _, program, _, sha256 = name.split("/")
    return program, sha256


def pass_(name: str) -> PassName:
    """Of `programs/{program}/customers/{customer}/passes/{pass}`. Raises PassNotFound where no pass can have that
    name."""
    _, program, _, customer, _, number = name.split("/")
    found = parse_typeid("pass", number)
    if found is None:
        raise PassNotFound
    return PassName(program, customer, str(found))


def pass_link(name: str) -> LinkName:
    """Of `programs/{program}/customers/{customer}/passes/{pass}/links/{link}`, `-` for all links. Raises LinkNotFound
    where no link can have that name."""
    _, program, _, customer, _, number, _, link = name.split("/")
    found, which = parse_typeid("pass", number), parse_typeid("link", link)
    if found is None or (which is None and link != "-"):
        raise LinkNotFound
    return LinkName(program, customer, str(found), str(which or ""))


def user(name: str) -> str:
    """The id in `users/{user}`."""
    return name.removeprefix("users/")


def login(name: str) -> tuple[str, str]:
    """The ids of the user and of the login in `users/{user}/logins/{login}`."""
    _, user_id, _, login_id = name.split("/")
    return user_id, login_id


def role(name: str) -> str:
    """The id in `roles/{role}`."""
    return name.removeprefix("roles/")


def is_customer(name: str) -> bool:
    """Whether a name is a customer's, or of something of theirs."""
    return name.split("/", 3)[2] == "customers"


def transaction(name: str) -> TransactionName:
    """Of `programs/{program}/customers/{customer}/transactions/{transaction}`."""
    _, program, _, customer, _, transaction_id = name.split("/")
    return TransactionName(program, customer, transaction_id)


def purchase(address: Address, transaction_id: str) -> str:
    """The resource name of a purchase of an account's customer."""
    return f"{address.customer_name}/transactions/{transaction_id}"


def refund(name: str) -> tuple[TransactionName, int]:
    """The purchase and the number in `{transaction}/refunds/{refund}`."""
    bought, _, number = name.rpartition("/refunds/")
    return transaction(bought), int(number)


def numbered(name: str) -> tuple[Address, int]:
    """The account and the number in the name of a lot, a hold, an entry or a shortfall."""
    account, _, number = name.rpartition("/")
    return address(account.rpartition("/")[0]), int(number)


# The facts of refusals that tell of a thing by the id that the books know it by, and what the contract puts before it.
_OF_PROGRAM = {
    "program": "programs",
    "customer": "customers",
    "card": "cards",
    "operation": "operations",
    "campaign": "couponCampaigns",
    "reward": "rewards",
    "pass_template": "passTemplates",
}
_OF_ACCOUNT = {"lot": "lots", "hold": "holds", "entry": "entries", "shortfall": "shortfalls"}


def refusal(found: Refusal, subject: str) -> Refusal:
    """A refusal of what a call asked about `subject`, with resource names in place of ids."""
    return type(found)(**{fact: _named(fact, value, subject) for fact, value in found.facts.items()})


def _named(fact: str, value: str, subject: str) -> str:
    customer, _, below = subject.partition("/accounts/")
    program = "/".join(customer.split("/")[:2])
    if "/" in value:
        return value
    if fact == "program":
        return f"programs/{value}"
    if fact in _OF_PROGRAM and program:
        return f"{program}/{_OF_PROGRAM[fact]}/{value}"
    if fact in _OF_ACCOUNT and below:
        return f"{customer}/accounts/{below.partition('/')[0]}/{_OF_ACCOUNT[fact]}/{value}"
    if fact == "transaction" and "/customers/" in subject:
        return f"{'/'.join(subject.split('/')[:4])}/transactions/{value}"
    return value


def activity_id(name: str) -> UUID | None:
    """Of `activities/{activity}`; None where no activity can have that name."""
    return parse_typeid("activity", name.removeprefix("activities/"))


def activity(activity_id: UUID | str | None) -> str:
    """`activities/{activity}`, or empty."""
    if not activity_id:
        return ""
    number = activity_id.int if isinstance(activity_id, UUID) else int(activity_id.replace("-", ""), 16)
    return f"activities/{typeid('activity', number)}"
