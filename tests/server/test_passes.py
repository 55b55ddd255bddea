"""Passes by their calls: issued with what they show, handed out by links, followed to the phone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import json_format
from grpc import StatusCode

from fealty import connect_async
from fealty.v1 import coupons_pb2, ingest_pb2, rewards_pb2
from fealty.v1 import passes_pb2 as pb
from fealty.v1.pass_templates_pb2 import PASS_KIND_GENERIC, PASS_KIND_LOYALTY
from rules.access import Role
from server.app import build
from storage.passes.sealing import link_hash
from tests.personal import WALLET
from tests.server import campaigning, passing
from tests.server.club import ADA, BEN, NAME, Club, account
from tests.server.serving import Client, activities, fresh, settings_of, told

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_a_coupon_comes_with_its_pass(club: Club) -> None:
    """One call at the till, and the customer has both."""
    campaign, template = (await campaigning.created(club)).name, await passing.of_coupons(club)
    request = coupons_pb2.AssignCouponRequest(
        customer=ADA, campaign=campaign, pass_template=template, request_id=fresh()
    )
    given = await club.till.coupons.AssignCoupon(request)
    found = (await club.till.passes.GetPass(pb.GetPassRequest(name=given.wallet_pass.name))).wallet_pass
    assert found == given.wallet_pass
    assert (found.coupon, found.pass_template, found.activity) == (given.coupon.name, template, given.receipt.activity)
    [recorded] = [one for one in await activities(club.admin) if one.name == given.receipt.activity]
    assert recorded.description.endswith(" given to customer ada with a pass (Service till).")
    again = await club.till.coupons.AssignCoupon(request)
    assert (again.receipt.replayed, again.wallet_pass) == (True, given.wallet_pass)


async def test_a_claim_in_a_stream_comes_with_its_pass(club: Club) -> None:
    """Whatever a call of its own can do, an item can."""
    await club.earn(100)
    template, reward = await passing.of_gifts(club), (await club.reward()).name
    claim = rewards_pb2.ClaimRewardRequest(account=account(), reward=reward, pass_template=template, request_id=fresh())
    stream = club.till.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(claim=claim)])]))
    [result] = [one async for response in stream for one in response.results]
    assert result.claimed.wallet_pass.claim == result.claimed.claim.name
    assert result.claimed.wallet_pass.reward == reward


async def test_the_passes_of_a_customer_tell_all_that_was_promised(club: Club) -> None:
    """Id, date of creation, last update, reward and type: a page of the back office is made of this answer."""
    await club.earn(100)
    template, reward = await passing.of_gifts(club), (await club.reward()).name
    claim = (await club.claim(reward, pass_template=template)).claim
    await passing.issued(club)
    card, gift = (await club.till.passes.ListPasses(pb.ListPassesRequest(parent=ADA))).passes
    assert (card.kind, card.reward, card.claim) == (PASS_KIND_LOYALTY, "", "")
    assert (gift.kind, gift.reward, gift.claim) == (PASS_KIND_GENERIC, reward, claim.name)
    assert gift.name.startswith(f"{ADA}/passes/pass_")
    assert gift.update_time == gift.create_time
    passing.change(club, gift.name, 3)
    [changed] = (await club.till.passes.ListPasses(pb.ListPassesRequest(parent=ADA, kind=PASS_KIND_GENERIC))).passes
    assert changed.update_time.ToDatetime() > changed.create_time.ToDatetime()


async def test_who_may_not_issue_passes_gets_none_with_a_reward(club: Club) -> None:
    """A storefront claims for whoever imitates it; a card for each claim is nothing that it may hand out."""
    await club.earn(100)
    template, reward = await passing.of_gifts(club), (await club.reward()).name
    shop = club.served.client(club.served.key("shop", Role.STOREFRONT))
    request = rewards_pb2.ClaimRewardRequest(
        account=account(), reward=reward, pass_template=template, request_id=fresh()
    )
    assert (await told(shop.rewards.ClaimReward(request))).reason == "PERMISSION_MISSING"
    request.pass_template = ""
    assert not (await shop.rewards.ClaimReward(request)).HasField("wallet_pass")


async def test_a_template_of_another_program_is_none(club: Club) -> None:
    """Its words are of another club."""
    await passing.issued(club)
    answer = await told(club.issue("programs/coffee/passTemplates/card"))
    assert (answer.reason, answer.fields) == ("INVALID_REQUEST", ["pass_template"])


async def test_links_lead_to_the_card_and_are_nowhere_in_the_books(club: Club) -> None:
    """Whoever reads the database, its log or a kept answer must not open them; who asks again gets the same ones."""
    name = (await passing.issued(club)).name
    request = pb.GetSaveLinksRequest(name=name, request_id=fresh())
    made = await club.till.passes.GetSaveLinks(request)
    begin, _, token = made.url.rpartition("/")
    assert begin == "https://passes.example.com/p"
    assert (made.apple_url, made.google_url) == (f"{made.url}/apple", f"{made.url}/google")
    [(kept, link)] = club.served.rows("SELECT token_hash, id FROM pass_link")
    assert kept == link_hash(token)
    assert token == WALLET.link_token(UUID(str(link)))
    assert token not in repr(club.books())
    assert token not in repr(club.served.rows("SELECT body FROM activity"))
    again = await club.till.passes.GetSaveLinks(request)
    assert (again.receipt.replayed, again.url, again.name) == (True, made.url, made.name)


async def test_whoever_only_asks_for_a_link_gets_no_address(club: Club) -> None:
    """One that leads nowhere would be handed to a customer."""
    name = (await passing.issued(club)).name
    rehearsed = await passing.link(club, name, validate_only=True, days=3)
    assert (rehearsed.url, rehearsed.apple_url, rehearsed.google_url, rehearsed.name) == ("", "", "", "")
    assert rehearsed.HasField("expire_time")


async def test_without_an_address_of_ours_nothing_that_needs_one_is_promised(club: Club, database_url: str) -> None:
    """The sentence says which setting the operator forgot."""
    name = (await passing.addressed(club)).name
    settings = settings_of(database_url).model_copy(update={"passes_url": ""})
    app = await build(settings)
    try:
        client = Client(connect_async(settings.address, club.served.till_key).channel)
        for asked in (
            client.passes.GetSaveLinks(pb.GetSaveLinksRequest(name=name, request_id=fresh())),
            client.passes.EmailPass(pb.EmailPassRequest(name=name, request_id=fresh())),
        ):
            answer = await told(asked)
            assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "PASSES_URL_UNSET")
            assert "FEALTY_PASSES_URL" in answer.message
    finally:
        await app.drain()


async def test_a_list_shows_which_wallets_have_a_pass_and_how_it_fares(club: Club) -> None:
    """What support looks at first: where it is, and whether it is up to date there."""
    name = (await passing.issued(club)).name
    passing.change(club, name, 1, ago=2 * DAY)
    assert await _standing(club) == ([], 0, "NOT_INSTALLED")
    phone = passing.install(club, name, ago=DAY + HOUR)
    assert await _standing(club) == (["APPLE"], 1, "CURRENT")
    passing.change(club, name, 2, ago=HOUR)
    assert await _standing(club) == (["APPLE"], 1, "UNDER_WAY")
    passing.deliver(club, name, phone, 2, pushed_at=HOUR, fetched_at=HOUR)
    assert await _standing(club) == (["APPLE"], 1, "CURRENT")
    passing.change(club, name, 3, ago=DAY)
    passing.deliver(club, name, phone, 3, pushed_at=DAY, answer="200")
    assert await _standing(club) == (["APPLE"], 1, "OVERDUE")
    passing.install(club, name, "watch")
    club.served.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, saved_at)"
        " VALUES (%s, '3388', 3, now(), now(), '200', now())",
        passing.id_of(name),
    )
    assert await _standing(club) == (["APPLE", "GOOGLE"], 2, "OVERDUE")
    club.served.execute("UPDATE pass_google SET removed_at = now() + interval '1 second'")
    assert await _standing(club) == (["APPLE"], 2, "OVERDUE")


async def test_a_trace_says_of_each_phone_what_became_of_the_update(club: Club) -> None:
    """Support asks for one pass, and reads one sentence a phone."""
    name = (await passing.issued(club)).name
    passing.change(club, name, 7, ago=HOUR)
    told_only, fetching, gone = (passing.install(club, name, one, ago=DAY) for one in ("a", "b", "c"))
    passing.deliver(club, name, told_only, 7, pushed_at=HOUR, answer="200", push_id=UUID(int=1))
    passing.deliver(club, name, fetching, 7, pushed_at=HOUR, answer="200", fetched_at=HOUR - timedelta(seconds=4))
    passing.deliver(club, name, gone, 7, answer="410 Unregistered")
    club.served.execute("DELETE FROM pass_registration WHERE device = %s", gone)
    found = await passing.trace(club, name)
    assert (found.wallet_pass.name, found.revision, found.halted) == (name, 7, "")
    assert found.HasField("build_time")
    verdicts = {one.device: one.verdict for one in found.installations}
    assert len(verdicts) == 3
    assert sorted(verdict.partition(" ")[0] for verdict in verdicts.values()) == ["current:", "gone:", "registered,"]
    [never] = [one for one in found.installations if one.verdict.endswith("updates are probably off on the device")]
    assert never.platform == pb.PASS_PLATFORM_APPLE
    [delivery] = never.deliveries
    assert (delivery.revision, delivery.answer, delivery.provider_id) == (7, "200", str(UUID(int=1)))
    assert (delivery.HasField("fetch_time"), delivery.HasField("seconds")) == (False, False)
    [arrived] = [one for one in found.installations if one.verdict.startswith("current")]
    assert arrived.deliveries[0].seconds == pytest.approx(4, abs=1)


async def test_a_trace_says_that_pushes_are_stopped(club: Club) -> None:
    """Of the pass type of the design where it names one: what stops another's cards stops not this one."""
    await club.template(apple_pass_type="pass.com.example.club", google_issuer="3388000000012345678")
    name = (await club.issue()).name
    passing.change(club, name, 2, ago=HOUR)
    passing.install(club, name, ago=DAY)
    halt = "INSERT INTO push_halt (platform, topic, reason, since, probe_at) VALUES ('APPLE', %s, %s, now(), now())"
    club.served.execute(halt, "pass.com.example.other", "BadCertificate")
    assert (await passing.trace(club, name)).halted == ""
    club.served.execute(halt, "pass.com.example.club", "CertificateExpired")
    found = await passing.trace(club, name)
    assert found.halted == "CertificateExpired"
    assert [one.verdict for one in found.installations] == [
        "registered, not pushed: pushes with its certificate are stopped (CertificateExpired)"
    ]


async def test_of_google_is_told_what_it_has_and_when(club: Club) -> None:
    """It does not say which phones show it."""
    name = (await passing.issued(club)).name
    passing.change(club, name, 2, ago=HOUR)
    club.served.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, saved_at)"
        " VALUES (%s, '3388', 2, now(), now(), '200', now())",
        passing.id_of(name),
    )
    [one] = (await passing.trace(club, name)).installations
    assert (one.platform, one.device) == (pb.PASS_PLATFORM_GOOGLE, "")
    assert one.verdict.startswith("current: Google has it since ")
    assert one.deliveries[0].revision == 2


async def test_what_phones_reported_is_listed_of_their_pass_alone(club: Club) -> None:
    """Newest first; what names no pass is nobody's."""
    await passing.add_log(club)
    await passing.add_log(club)
    club.served.execute("INSERT INTO pass_device_log (received_at, line) VALUES (now(), 'of no pass')")
    logs = pb.ListDeviceLogsRequest(parent=passing.LOGGED_NAME)
    lines = [one.line for one in (await club.till.passes.ListDeviceLogs(logs)).device_logs]
    assert [line.rpartition(" ")[2] for line in lines] == ["1", "0"]


async def test_a_pass_says_nothing_about_its_customer(club: Club) -> None:
    """Calls of passes are no way to read names and addresses."""
    name = (await passing.addressed(club)).name
    shown: list[Any] = [
        await club.till.passes.GetPass(pb.GetPassRequest(name=name)),
        await passing.trace(club, name),
        await club.till.passes.EmailPass(pb.EmailPassRequest(name=name, request_id=fresh())),
    ]
    assert not any("ada@example.com" in json_format.MessageToJson(one) for one in shown)
    assert not club.served.rows("SELECT FROM mail WHERE arguments::text LIKE '%%ada@%%'")


async def test_passes_are_known_by_whose_they_are(club: Club) -> None:
    """A name under another customer, or another program, names nothing; a key of another program sees none."""
    name = (await passing.issued(club)).name
    for wrong in (name.replace(ADA, BEN), name.replace(NAME, "programs/coffee")):
        answer = await told(club.till.passes.GetPass(pb.GetPassRequest(name=wrong)))
        assert answer.reason == "PASS_NOT_FOUND"
    stranger = club.served.client(club.served.key("stranger", Role.SERVICE, "coffee"))
    assert (await told(stranger.passes.GetPass(pb.GetPassRequest(name=name)))).reason == "PROGRAM_NOT_FOUND"


async def _standing(club: Club) -> tuple[list[str], int, str]:
    """Wallets, devices and delivery state of ada's only pass."""
    [found] = (await club.till.passes.ListPasses(pb.ListPassesRequest(parent=ADA))).passes
    platforms = [pb.PassPlatform.Name(one).removeprefix("PASS_PLATFORM_") for one in found.platforms]
    state = pb.PassDeliveryState.Name(found.delivery_state).removeprefix("PASS_DELIVERY_STATE_")
    return platforms, found.devices, state
