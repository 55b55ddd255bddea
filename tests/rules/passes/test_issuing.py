"""For what a pass can be issued."""

import pytest

from rules.passes.designs import PassKind
from rules.passes.issuing import LINKS_MAX, check_links, check_possible
from rules.passes.refusals import PassNotPossible, TooManyLinks

# Of each kind: nothing besides, a coupon, a claim, both.
POSSIBLE = {
    PassKind.LOYALTY: (True, False, False, False),
    PassKind.STAMPS: (True, False, False, False),
    PassKind.COUPON: (False, True, False, True),
    PassKind.GENERIC: (True, False, True, False),
}


@pytest.mark.parametrize("kind", PassKind)
def test_a_template_shows_what_its_kind_is_made_for(kind: PassKind) -> None:
    """A card with a hole where the coupon should be would be found out at the till."""
    what = (("", False), ("spring", False), ("", True), ("spring", True))
    assert tuple(_is_possible(kind, "", campaign, claim) for campaign, claim in what) == POSSIBLE[kind]


def test_a_template_of_one_campaign_shows_no_coupon_of_another() -> None:
    """Its words promise five euros, whatever the coupon gives."""
    assert _is_possible(PassKind.COUPON, "spring", "spring")
    with pytest.raises(PassNotPossible) as refused:
        check_possible(PassKind.COUPON, "spring", "autumn", has_claim=False)
    assert refused.value.facts["what"] == "this template is for coupons of campaign spring; choose another"


def test_a_pass_has_so_many_links_and_no_more() -> None:
    """One that is made for each page view would make millions of ways to one card."""
    check_links(LINKS_MAX - 1)
    with pytest.raises(TooManyLinks) as refused:
        check_links(LINKS_MAX)
    assert refused.value.facts == {"links": str(LINKS_MAX)}


def _is_possible(kind: PassKind, of: str, campaign: str, has_claim: bool = False) -> bool:
    try:
        check_possible(kind, of, campaign, has_claim)
    except PassNotPossible:
        return False
    return True
