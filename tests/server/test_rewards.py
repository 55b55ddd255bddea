"""The catalogue of rewards as its callers see it: made, read, changed, archived."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from fealty.v1 import coupon_campaigns_pb2, values_pb2
from fealty.v1 import rewards_pb2 as pb
from tests.server.club import NAME, WHY, Club
from tests.server.serving import fresh, told

MUG = f"{NAME}/rewards/mug"
DAILY = coupon_campaigns_pb2.CustomerLimit(period=coupon_campaigns_pb2.LIMIT_PERIOD_DAY, uses=2)


def day(year: int, month: int, number: int) -> values_pb2.Date:
    """A local day."""
    return values_pb2.Date(year=year, month=month, day=number)


async def read(club: Club, name: str = MUG) -> pb.Reward:
    """A reward as it stands."""
    return (await club.till.rewards.GetReward(pb.GetRewardRequest(name=name))).reward


async def update(club: Club, *paths: str, **fields: Any) -> pb.Reward:
    """Changes the mug: what a mask names or, without one, what is filled."""
    changed = pb.Reward(**{"name": MUG, **fields})
    mask = FieldMask(paths=paths) if paths else None
    request = pb.UpdateRewardRequest(reward=changed, update_mask=mask, request_id=fresh())
    return (await club.admin.rewards.UpdateReward(request)).reward


async def archive(club: Club, **more: Any) -> pb.Reward:
    """Takes the mug out of the catalogue."""
    request = pb.ArchiveRewardRequest(name=MUG, reason=WHY, request_id=fresh(), **more)
    return (await club.admin.rewards.ArchiveReward(request)).reward


async def listed(club: Club, **filter_: Any) -> list[str]:
    """The ids of the rewards that a list shows."""
    found = await club.till.rewards.ListRewards(pb.ListRewardsRequest(parent=NAME, **filter_))
    return [reward.name.rpartition("/")[2] for reward in found.rewards]


async def test_a_reward_is_read_as_it_was_made(club: Club) -> None:
    """Every field of its terms comes back: an app shows the catalogue from here."""
    made = await club.reward(
        stock=50,
        first_day=day(2025, 1, 1),
        last_day=day(2025, 2, 28),
        customer_limits=[DAILY],
        cancel_policy=pb.CancelPolicy(days=14, keeps_points=True, keeps_stock=True),
    )
    assert await read(club) == made
    assert (made.name, made.state, made.version, made.claimed) == (MUG, pb.REWARD_STATE_ACTIVE, 1, 0)
    assert (made.terms.item.sku, made.terms.stock, made.terms.last_day) == ("MUG-1", 50, day(2025, 2, 28))
    assert (list(made.terms.customer_limits), made.terms.cancel_policy.days) == ([DAILY], 14)


async def test_one_that_is_given_no_id_gets_one(club: Club) -> None:
    """Whoever does not care about ids need not invent any."""
    made = await club.reward("")
    assert made.name.startswith(f"{NAME}/rewards/reward_")
    assert await read(club, made.name) == made


async def test_each_change_makes_a_version_and_no_change_none(club: Club) -> None:
    """A retry, or a form that is saved as it was, must not look like a decision."""
    made = await club.reward()
    assert await update(club, "display_name", display_name="Mug") == made
    dearer = await update(club, "terms.price_points", terms=pb.RewardTerms(price_points=80))
    assert (dearer.version, dearer.terms.price_points, dearer.terms.item.sku) == (2, 80, "MUG-1")
    assert dearer.etag != made.etag
    renamed = await update(club, display_name="Big mug")
    assert (renamed.version, renamed.display_name, renamed.terms) == (3, "Big mug", dearer.terms)
    [versions] = club.served.rows("SELECT array_agg(terms ->> 'price_points' ORDER BY version) FROM reward_version")
    assert versions == (["60", "80", "80"],)


async def test_a_field_of_the_terms_is_taken_away_by_naming_it_and_leaving_it_empty(club: Club) -> None:
    """As in every update: the mask says what is meant."""
    await club.reward(last_day=day(2025, 2, 28), stock=5)
    changed = await update(club, "terms.last_day", "terms.stock", terms=pb.RewardTerms())
    assert not changed.terms.HasField("last_day")
    assert changed.terms.stock == 0


async def test_what_was_read_can_be_sent_back_and_its_card_stays(club: Club) -> None:
    """Read, change and send back is how it is edited; what no update changes is refused by its name."""
    found = await club.reward()
    found.description = "Of china"
    request = pb.UpdateRewardRequest(reward=found, request_id=fresh())
    changed = (await club.admin.rewards.UpdateReward(request)).reward
    assert (changed.description, changed.version) == ("Of china", 2)
    changed.version = 9
    answer = await told(club.admin.rewards.UpdateReward(pb.UpdateRewardRequest(reward=changed, request_id=fresh())))
    assert (answer.reason, answer.facts) == ("FIELD_FIXED", {"field": "version"})
    other = pb.RewardTerms(card_id="slow")
    assert (await told(update(club, "terms.card_id", terms=other))).facts == {"field": "terms.card_id"}


@pytest.mark.parametrize("path", ["name", "claimed", "terms.sku", "terms.item", "terms.price_points", "stock"])
async def test_a_mask_names_only_what_an_update_changes_and_brings(club: Club, path: str) -> None:
    """Also where what may never be empty was left away: a reward that costs nothing is a slip."""
    await club.reward()
    answer = await told(update(club, path, terms=pb.RewardTerms(stock=1)))
    assert (answer.reason, answer.facts) == ("UPDATE_MASK_INVALID", {"path": path})


async def test_terms_that_are_given_whole_are_whole(club: Club) -> None:
    """Everything that is missing is named at once."""
    await club.reward()
    fields = ["reward.terms.card_id", "reward.terms.price_points", "reward.terms.gives"]
    assert (await told(update(club, terms=pb.RewardTerms(stock=1)))).fields == fields
    bare = pb.CreateRewardRequest(parent=NAME, reward=pb.Reward(), request_id=fresh())
    assert (await told(club.admin.rewards.CreateReward(bare))).fields == fields
    foreign = club.reward("foreign", coupon_of="programs/coffee/couponCampaigns/spring")
    assert (await told(foreign)).fields == ["reward.terms.coupon_of"]


async def test_the_list_shows_what_is_asked_for_page_by_page(club: Club) -> None:
    """By id: an app that pages through the catalogue sees each once."""
    for name in ("tea", "mug", "cake"):
        await club.reward(name, card_id="slow" if name == "tea" else "plain")
    await archive(club)
    assert await listed(club) == ["cake", "mug", "tea"]
    assert await listed(club, state=pb.REWARD_STATE_ACTIVE) == ["cake", "tea"]
    assert await listed(club, state=pb.REWARD_STATE_ARCHIVED) == ["mug"]
    assert await listed(club, card_id="plain") == ["cake", "mug"]
    first = await club.till.rewards.ListRewards(pb.ListRewardsRequest(parent=NAME, page_size=2))
    assert await listed(club, page_size=2, page_token=first.next_page_token) == ["tea"]


async def test_a_reward_is_archived_and_taken_up_again_once(club: Club) -> None:
    """Whoever asks twice is told; nobody wonders which of two switches counted."""
    made = await club.reward()
    assert (await archive(club, etag=made.etag)).state == pb.REWARD_STATE_ARCHIVED
    assert (await told(archive(club))).reason == "REWARD_STATE"
    assert (await told(update(club, display_name="Cup"))).reason == "REWARD_ARCHIVED"
    assert (await told(archive(club, etag=made.etag))).reason == "STALE_ETAG"
    request = pb.UnarchiveRewardRequest(name=MUG, reason=WHY, request_id=fresh())
    again = (await club.admin.rewards.UnarchiveReward(request)).reward
    assert (again.state, again.terms, again.version) == (pb.REWARD_STATE_ACTIVE, made.terms, made.version)
