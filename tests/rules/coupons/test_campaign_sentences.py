"""Campaigns as the log tells of them: what their coupons give, and each of their terms from what to what."""

from typing import Any

import pytest

from rules import sentences
from rules.cards import CardKind
from rules.sentences import CardNoun, Nouns

SPRING = "programs/club/couponCampaigns/spring"
NOUNS = Nouns("Coffee club", {"beans": CardNoun("Beans", CardKind.POINTS, 2, "EUR")}, {}, "Europe/Prague")


def of(action: str, changes: list[dict[str, Any]] | None = None, subject: str = SPRING, **details: Any) -> str:
    """The sentence of something that nobody did."""
    actor = {"type": "SYSTEM", "id": ""}
    body = {"action": action, "actor": actor, "subject": subject, "details": details, "outcome": "SUCCEEDED"}
    return sentences.activity({**body, "changes": changes or []}, "", NOUNS)


@pytest.mark.parametrize(
    ("terms", "given"),
    [
        ({"benefit": "AMOUNT_OFF", "amount_minor": 550, "currency_code": "EUR"}, "€5.50 off"),
        ({"benefit": "PERCENT_OFF", "basis_points": 1000}, "10% off"),
        ({"benefit": "PERCENT_OFF", "basis_points": 1255}, "12.55% off"),
        ({"benefit": "PERCENT_OFF", "basis_points": 10_000}, "100% off"),
        ({"benefit": "FREE_ITEM", "quantity": 1}, "1 free piece"),
        ({"benefit": "FREE_ITEM", "quantity": 2}, "2 free pieces"),
        ({"benefit": "POINTS", "points": 1250, "card_id": "beans"}, "12.50 points"),
        ({"benefit": "FREE_SHIPPING"}, "free shipping"),
        ({"benefit": "BALANCE", "amount_minor": 5000, "currency_code": "CZK"}, "50.00 CZK to spend"),
    ],
)
def test_a_campaign_is_told_with_what_its_coupons_give(terms: dict[str, Any], given: str) -> None:
    """As people say it, not in hundredths of a percent."""
    assert of("campaign.created", terms=terms) == f"Campaign spring created, of coupons for {given}."


@pytest.mark.parametrize(
    ("field", "before", "after", "sentence"),
    [
        ("display_name", "Spring", "May", "Name of campaign spring updated from Spring → May."),
        ("basis_points", 1000, 1250, "Percentage of campaign spring updated from 10% → 12.5%."),
        ("amount_minor", 500, 750, "Amount of campaign spring updated from €5.00 → €7.50."),
        ("points", 100, 250, "Points of campaign spring updated from 1.00 point → 2.50 points."),
        ("uses_max", 0, 5000, "Uses in all of campaign spring set to 5,000."),
        ("uses_max", 5000, 0, "Uses in all of campaign spring taken away."),
        ("last_day", "2025-01-31", "2025-02-28", "Last day of campaign spring updated from 31 January 2025 → "
         "28 February 2025."),
        ("last_day", None, "2025-02-28", "Last day of campaign spring set to 28 February 2025."),
        ("customer_limits.DAY", None, 1, "Limit for each customer and day of campaign spring set to 1."),
        ("customer_limits.EVER", 5, None, "Limit for each customer of campaign spring taken away."),
        ("unlimited_for_customer", False, True, "Shared use without limit of campaign spring toggled from Disabled → "
         "Enabled."),
        ("product_ids", ["tea"], ["tea", "mug"], "Products of campaign spring updated from tea → tea, mug."),
        ("stacking.exclusive", True, False, "Use without other coupons of campaign spring toggled from Enabled → "
         "Disabled."),
        ("give_back", "NEVER", "WHOLE", "Uses that refunds give back of campaign spring updated from never → whole."),
        ("card_id", "mugs", "beans", "Card of campaign spring updated from mugs → Beans."),
        ("something_new", 1, 2, "Something new of campaign spring updated from 1 → 2."),
    ],
)  # fmt: skip
def test_a_term_is_told_from_what_to_what(field: str, before: Any, after: Any, sentence: str) -> None:
    """With its unit, its currency and the name of its card; no limit is none, and not 0."""
    changes = [{"field": field, "before": before, "after": after, "kind": "TEXT"}]
    assert of("campaign.updated", changes, currency="EUR", card_id="beans") == sentence


def test_an_id_that_nobody_chose_is_not_read_out() -> None:
    """It means nothing to people; nor does the name of a code for many, of which its last symbols do."""
    made = f"programs/club/couponCampaigns/campaign_{'0' * 26}"
    assert of("campaign.archived", subject=made) == "A campaign archived."
    shared = of("coupon.shared", subject=f"{SPRING}/coupons/coupon_{'0' * 26}", last_four="2026")
    assert shared == "Code for many, ending in 2026, made for campaign spring."
    assert of("code.revealed", subject="programs/club", count=1) == "1 code of program Coffee club shown in the clear."
