"""Campaigns that several administrators work on at once, and what the books keep of each change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from rules.coupons.refusals import CampaignExists, CodeExists, TermsInvalid
from rules.coupons.terms import Benefit, CustomerLimit, Period, Terms
from rules.refusals import Refusal, StaleEtag
from storage.coupons.campaigns import CreateCampaign, UpdateCampaign
from storage.coupons.sharing import CreateSharedCoupon
from storage.engine.database import Database
from tests.storage.scene import Scene, asked

TEN = Terms(Benefit.PERCENT_OFF, basis_points=1000, customer_limits=(CustomerLimit(Period.EVER, 1),))
AT_ONCE = 6


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program with a customer."""
    return Scene(database, "ada")


def create(name: object, campaign_id: str = "spring", terms: Terms = TEN) -> CreateCampaign:
    """A campaign, asked for by a request of that name."""
    return CreateCampaign("coffee", campaign_id, "Spring", terms, asked(name))


def share(name: object, code: str = "c0de" * 9) -> CreateSharedCoupon:
    """A code for many of `spring`."""
    return CreateSharedCoupon("coffee", "spring", code, "2026", asked(name))


def update(name: object, etag: str = "", **changes: Any) -> UpdateCampaign:
    """An update of `spring`."""
    return UpdateCampaign("coffee", "spring", etag, changes, asked(name))


def together(scene: Scene, *commands: Any) -> list[Any]:
    """The outcomes of commands that are carried out at once."""

    def outcome(command: Any) -> Any:
        try:
            return scene.carry_out(command).value
        except Refusal as refusal:
            return type(refusal)

    with ThreadPoolExecutor(len(commands)) as administrators:
        return list(administrators.map(outcome, commands))


@pytest.mark.parametrize(
    ("make", "refusal", "counted"),
    [
        (create, CampaignExists, "SELECT (SELECT count(*) FROM coupon_campaign), (SELECT count(*) FROM stock)"),
        (share, CodeExists, "SELECT (SELECT count(*) FROM coupon), (SELECT count(*) FROM stock) - 1"),
    ],
)
def test_of_several_who_make_the_same_one_makes_it(
    scene: Scene, make: Callable[[object], Any], refusal: type[Refusal], counted: str
) -> None:
    """The others hear that it is there, and leave nothing behind: no stock, no slot, no record."""
    if make is share:
        scene.carry_out(create("before"))
    outcomes = together(scene, *(make(f"maker {number}") for number in range(AT_ONCE)))
    assert outcomes.count(refusal) == AT_ONCE - 1
    assert scene.rows(counted) == [(1, 1)]


def test_a_code_for_many_never_meets_terms_that_forbid_it(scene: Scene) -> None:
    """Of an administrator who makes the code and one who takes the limit away, the second is told."""
    for number in range(5):
        scene.carry_out(
            create(f"again {number}") if not number else update(f"again {number}", customer_limits=TEN.customer_limits)
        )
        scene.execute("DELETE FROM coupon")
        outcomes = together(
            scene, share(f"share {number}", f"{number:02x}" * 20), update(f"take {number}", customer_limits=())
        )
        assert outcomes.count(TermsInvalid) == 1


def test_who_changes_what_another_has_changed_since_is_told(scene: Scene) -> None:
    """Both read the same; the second would have undone the first without knowing."""
    made = scene.carry_out(create("made")).value
    outcomes = together(
        scene, *(update(f"update {number}", made.etag, uses_max=number + 1) for number in range(AT_ONCE))
    )
    assert outcomes.count(StaleEtag) == AT_ONCE - 1


def test_every_version_is_kept_as_it_was(scene: Scene) -> None:
    """A redemption says under which it was decided; what is written once is never written again."""
    scene.carry_out(create("made"))
    for uses in (5, 6, 6, 7):
        scene.carry_out(update(f"uses {uses}", uses_max=uses))
    versions = scene.rows("SELECT version, terms ->> 'uses_max' FROM coupon_campaign_version ORDER BY version")
    assert versions == [(1, "0"), (2, "5"), (3, "6"), (4, "7")]
    assert scene.rows("SELECT version, terms ->> 'uses_max', capacity FROM coupon_campaign, stock") == [(4, "7", 7)]
    by = "SELECT count(DISTINCT a.id) FROM coupon_campaign_version v JOIN activity a ON a.id = v.activity"
    assert scene.rows(by) == [(4,)]


def test_campaigns_of_two_programs_may_be_called_the_same(scene: Scene) -> None:
    """And so may their codes: neither learns of the other's."""
    tea = Scene(scene.database, "ada", program="tea")
    scene.carry_out(create("coffee"))
    tea.carry_out(CreateCampaign("tea", "spring", "Spring", replace(TEN, basis_points=1), asked("tea")))
    scene.carry_out(share("coffee code"))
    tea.carry_out(CreateSharedCoupon("tea", "spring", "c0de" * 9, "2026", asked("tea code")))
    assert scene.rows("SELECT count(*), count(DISTINCT program) FROM coupon") == [(2, 2)]
