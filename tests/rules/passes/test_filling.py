"""What a card says of its facts: each source its value, nothing where there is none, nothing about who is erased."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rules.coupons.coupons import CouponState
from rules.coupons.terms import Benefit, Terms
from rules.passes.content import Amount, Content, Money, ShownBarcode
from rules.passes.designs import (
    Barcode,
    BarcodeFormat,
    BarcodeSource,
    Design,
    Field,
    PassKind,
    Slot,
    Source,
)
from rules.passes.filling import (
    CouponShown,
    Expiring,
    Facts,
    Member,
    NextReward,
    Points,
    RewardShown,
    fill,
    shows_code,
)
from rules.states import CustomerState

SERIAL, TEMPLATE = "pass_01", "programs/club/passTemplates/card"
ADA = Member("c-17", "Ada", "cs", CustomerState.ACTIVE)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
POINTS = Points(1_250, 300, 2, expiring=Expiring(250, MIDNIGHT), next_reward=NextReward("Mug", 750))
FIVE_OFF = Terms(Benefit.AMOUNT_OFF, amount_minor=500, currency_code="EUR")
COUPON = CouponShown("Spring", FIVE_OFF, CouponState.ASSIGNED, MIDNIGHT, "ABCD2345")
# A field of each source, called like it.
ALL = Design(
    PassKind.LOYALTY,
    "Coffee club",
    (("en", "Card"),),
    fields=tuple(Field(source, Slot.BACK, source, text=(("en", "Hello"),)) for source in Source),
    barcode=Barcode(BarcodeFormat.QR, BarcodeSource.MEMBER_ID),
)


def filled(facts: Facts, design: Design = ALL) -> Content:
    """A card of these facts."""
    return fill(design, TEMPLATE, 3, SERIAL, facts)


def values(facts: Facts, design: Design = ALL) -> dict[str, Any]:
    """What its fields say."""
    return {field.key: field.value for field in filled(facts, design).fields}


def test_each_source_shows_its_fact() -> None:
    """One that showed another's would be believed at a till."""
    found = values(Facts(ADA, POINTS, COUPON, RewardShown("Cup", False)))
    assert found == {
        "TEXT": (("en", "Hello"),),
        "BALANCE": Amount(1_250, 2),
        "PENDING": Amount(300, 2),
        "EXPIRING": Amount(250, 2),
        "EXPIRES_AT": datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
        "NEXT_REWARD": (("en", "Mug"),),
        "NEXT_REWARD_MISSING": Amount(750, 2),
        "MEMBER_NAME": (("en", "Ada"),),
        "MEMBER_ID": (("en", "c-17"),),
        "COUPON_NAME": (("en", "Spring"),),
        "COUPON_VALUE": Money(500, "EUR"),
        "COUPON_EXPIRES_AT": datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
        "COUPON_CODE": (("en", "ABCD2345"),),
        "REWARD_NAME": (("en", "Cup"),),
    }


def test_what_there_is_none_of_is_left_out() -> None:
    """A field that says nothing is worse than none: phones would show its label alone."""
    assert set(values(Facts(ADA._replace(display_name="")))) == {"TEXT", "MEMBER_ID"}
    nothing = Points(0, 0, 0)
    assert values(Facts(ADA, nothing))["BALANCE"] == Amount(0)
    assert "EXPIRING" not in values(Facts(ADA, nothing))


def test_stamps_say_how_many_cards_are_full() -> None:
    """Whole ones; points fill none."""
    assert values(Facts(ADA, Points(23, 0, 0, stamps_per_reward=10)))["FULL_CARDS"] == Amount(2)
    assert "FULL_CARDS" not in values(Facts(ADA, POINTS))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (FIVE_OFF, Money(500, "EUR")),
        (Terms(Benefit.PERCENT_OFF, basis_points=2_000), (("en", "20 %"),)),
        (Terms(Benefit.PERCENT_OFF, basis_points=1_250), (("en", "12.5 %"),)),
        (Terms(Benefit.PERCENT_OFF, basis_points=105), (("en", "1.05 %"),)),
        (Terms(Benefit.POINTS, points=100, card_id="plain"), Amount(100, 2)),
        (Terms(Benefit.BALANCE, amount_minor=5_000, currency_code="CZK"), Money(1_234, "CZK")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_coupon_says_what_it_gives(terms: Terms, expected: object) -> None:
    """A gift card what is left of it."""
    balance = 1_234 if terms.benefit is Benefit.BALANCE else None
    coupon = COUPON._replace(terms=terms, decimals=2, balance_minor=balance)
    assert values(Facts(ADA, coupon=coupon))["COUPON_VALUE"] == expected


@pytest.mark.parametrize(
    ("default", "first"), [("en", "Free shipping"), ("de-AT", "Versand gratis"), ("fr", "Free shipping")]
)
def test_what_we_say_ourselves_is_said_in_the_languages_that_we_speak(default: str, first: str) -> None:
    """The template's own first; in English where we do not speak it, rather than not at all."""
    shipping = COUPON._replace(terms=Terms(Benefit.FREE_SHIPPING))
    design = replace(ALL, default_language=default)
    found = values(Facts(ADA, coupon=shipping), design)["COUPON_VALUE"]
    assert found[0] == (default, first)
    assert dict(found)["cs"] == "Doprava zdarma"
    assert len(dict(found)) == len(found)


def test_pieces_for_nothing_say_how_many() -> None:
    """Two coffees are not one."""
    free = COUPON._replace(terms=Terms(Benefit.FREE_ITEM, quantity=2))
    assert dict(values(Facts(ADA, coupon=free))["COUPON_VALUE"])["de"].startswith("2")


VOID: dict[str, Facts] = {
    "voided": Facts(ADA, voided=True),
    "erased": Facts(ADA, erased=True),
    "closed": Facts(ADA._replace(state=CustomerState.CLOSED)),
    "merged": Facts(ADA._replace(state=CustomerState.MERGED)),
    "coupon voided": Facts(ADA, coupon=COUPON._replace(state=CouponState.VOIDED)),
    "coupon used up": Facts(ADA, coupon=COUPON._replace(state=CouponState.USED_UP)),
    "claim cancelled": Facts(ADA, reward=RewardShown("Cup", True)),
}


@pytest.mark.parametrize("case", VOID)
def test_a_card_that_is_worth_nothing_is_not_valid(case: str) -> None:
    """Whatever it was that ended."""
    assert filled(VOID[case]).voided


def test_a_card_of_somebody_who_is_suspended_or_whose_coupon_has_expired_stays_as_it_is() -> None:
    """A pause is no end; and phones know themselves when a card expires, without a push at midnight."""
    for state in (CustomerState.SUSPENDED, CustomerState.BLOCKED):
        assert not filled(Facts(ADA._replace(state=state))).voided
    expired = filled(Facts(ADA, coupon=COUPON._replace(state=CouponState.EXPIRED)))
    assert not expired.voided
    assert expired.expires_at == MIDNIGHT


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_card_that_was_ended_says_nothing_that_was_read_from_the_books(is_erased: bool) -> None:
    """Not even a barcode, or when a coupon ends. A card is voided where its phone was lost, and whoever found that is
    not to read on it what its owner buys."""
    facts = Facts(ADA, POINTS, COUPON, RewardShown("Cup", False), linked=("pass_02",))
    facts = facts._replace(voided=not is_erased, erased=is_erased)
    content = filled(facts)
    assert [field.key for field in content.fields] == ["TEXT"]
    assert (content.barcode, content.expires_at, content.linked) == (None, None, ())
    assert "Ada" not in repr(content)
    assert "c-17" not in repr(content)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BarcodeSource.MEMBER_ID, "c-17"),
        (BarcodeSource.PASS_ID, SERIAL),
        (BarcodeSource.COUPON_CODE, "ABCD2345"),
    ],
)
def test_a_barcode_says_what_its_design_says(source: BarcodeSource, message: str) -> None:
    """With the same below it, unless the design leaves that away."""
    for shows_text in (True, False):
        design = replace(ALL, barcode=Barcode(BarcodeFormat.AZTEC, source, shows_text))
        shown = ShownBarcode(BarcodeFormat.AZTEC, message, message if shows_text else "")
        assert filled(Facts(ADA, coupon=COUPON), design).barcode == shown


def test_without_a_code_there_is_no_barcode() -> None:
    """Who may not read codes hands out no card that could be scanned as something else."""
    design = replace(ALL, barcode=Barcode(BarcodeFormat.QR, BarcodeSource.COUPON_CODE))
    assert filled(Facts(ADA, coupon=COUPON._replace(code="")), design).barcode is None


def test_designs_that_say_the_code_are_known() -> None:
    """Only for those is a code unsealed."""
    plain = replace(ALL, fields=())
    assert not shows_code(plain)
    assert shows_code(replace(plain, barcode=Barcode(BarcodeFormat.QR, BarcodeSource.COUPON_CODE)))
    assert shows_code(ALL)
