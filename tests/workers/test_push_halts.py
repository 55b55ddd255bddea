"""Where nobody would be reached, pushes stop, nobody is forgotten, and all goes on by itself once it is mended."""

import json

import pytest
from structlog.testing import capture_logs

from rules.activity import PUSHES_RESUMED, by_operator
from rules.passes.breaking import ANSWERS_MAX, UNKNOWN_FIRST_MAX, UNKNOWN_PHONES
from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.passes import halts
from storage.passes.halts import Platform
from tests.wallet.apple.service import TOPIC, Standing, leaf
from tests.workers.acting import figure, rows
from tests.workers.pushing import Cards, Pushing, make_probes_due, pauses
from wallet import accounts
from walletkit.apns import Scripted
from workers.actors.passes.apple import push_apple
from workers.limits import PROBE_EVERY

HALTS = "SELECT platform, topic, reason FROM push_halt"
PHONES = "SELECT count(*) FROM pass_registration"
OPEN = "SELECT count(*) FROM task WHERE actor = 'push_apple' AND state IN ('READY', 'SENT')"
ACTIONS = (
    "SELECT body::json ->> 'action', body::json ->> 'subject' FROM activity"
    " WHERE body::json ->> 'action' LIKE 'pushes%' ORDER BY recorded_at"
)


def plan_many(cards: Cards, count: int) -> None:
    """Cards of as many customers, each in a phone of its own, to be pushed."""
    for _ in range(count):
        plan_one(cards)


def plan_one(cards: Cards, *tokens: str) -> None:
    """A card of another customer, in phones of these push tokens, to be pushed."""
    card = cards.issue(customer=cards.member())
    for token in tokens or [""]:
        cards.phone(card, token=token)
    cards.plan(card, 1)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "TopicDisallowed"),
        *[(403, reason) for reason in ("BadCertificate", "Forbidden", "MissingProviderToken")],
    ],
)
def test_a_certificate_that_apple_does_not_accept_stops_all_pushes_of_its_pass_type_and_forgets_nobody(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing, status: int, reason: str
) -> None:
    """One push finds out; thousands behind it are spared, and somebody is told what to do."""
    plan_many(cards, 5)
    apple.service.answer_all = Scripted(status, reason)
    with capture_logs() as logged:
        pushing.work(3)
    [line] = [line for line in logged if line["log_level"] == "error"]
    assert (line["event"], line["topic"], line["reason"]) == ("pushes stopped", TOPIC, reason)
    assert line["advice"]
    assert rows(database, HALTS) == [("APPLE", TOPIC, reason)]
    assert len(apple.service.pushes) == 1
    assert (figure(database, PHONES), figure(database, OPEN)) == (5, 5)
    assert max(pauses(database)) <= 2 * PROBE_EVERY


def test_one_push_is_let_through_now_and_then_and_that_it_is_taken_ends_the_halt(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Whoever mends it need not come back to switch something on; until then Apple sees one push in five minutes."""
    plan_many(cards, 4)
    apple.service.answer_all = Scripted(403, "BadCertificate")
    pushing.work(2)
    make_probes_due(database)
    pushing.work(2)
    assert len(apple.service.pushes) == 2
    apple.service.answer_all = None
    pushing.work()
    assert len(apple.service.pushes) == 2
    make_probes_due(database)
    with capture_logs() as logged:
        pushing.work(2)
    assert [(line["event"], line["stopped_for"]) for line in logged] == [("pushes go on", "BadCertificate")]
    assert {push.token for push in apple.service.pushes if push.answer.status == 200} == {
        f"{phone:064x}" for phone in range(1, 5)
    }
    assert (rows(database, HALTS), figure(database, OPEN)) == ([], 0)
    subject = f"pushes/apple/{TOPIC}"
    assert rows(database, ACTIONS) == [("pushes.halted", subject), ("pushes.resumed", subject)]


def test_one_phone_that_apple_does_not_know_is_forgotten_where_others_are_reached(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """400 BadDeviceToken of a single phone: it was wiped."""
    plan_many(cards, 4)
    pushing.work()
    plan_one(cards)
    apple.service.script(f"{5:064x}", Scripted(400, "BadDeviceToken"))
    pushing.work()
    assert figure(database, PHONES) == 4
    assert (rows(database, HALTS), figure(database, OPEN)) == ([], 0)


def test_a_phone_that_registered_with_a_token_of_another_club_s_card_is_forgotten_and_stops_nobody(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """What a phone says of itself is a stranger's word: one of them would stop the updates of everybody, for ever."""
    plan_many(cards, 4)
    pushing.work()
    plan_one(cards, "feed" * 16)
    apple.service.script("feed" * 16, *[Scripted(400, "DeviceTokenNotForTopic")] * 9)
    pushing.work()
    assert figure(database, PHONES) == 4
    assert (rows(database, HALTS), figure(database, OPEN)) == ([], 0)


def test_one_card_in_phones_that_somebody_made_up_stops_nobody(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Whoever has a card can register any number of them, also just after a worker was started anew."""
    made_up = [f"bad{number:061x}" for number in range(20)]
    for token in made_up:
        apple.service.script(token, *[Scripted(400, "BadDeviceToken")] * 9)
    plan_one(cards, *made_up)
    pushing.work()
    assert (rows(database, HALTS), figure(database, PHONES)) == ([], 20)
    plan_many(cards, 3)
    pushing.work(2)
    assert (rows(database, HALTS), figure(database, OPEN)) == ([], 0)
    assert figure(database, PHONES) == 3


@pytest.mark.parametrize(
    ("said", "halted"),
    [("BadDeviceToken", UNKNOWN_PHONES), ("DeviceTokenNotForTopic", "DeviceTokenNotForTopic")],
)
def test_phones_that_apple_does_not_know_in_masses_are_the_wrong_certificate_or_host_and_all_are_kept(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing, said: str, halted: str
) -> None:
    """The sandbox knows none of them: without this, one wrong setting would forget every phone there is."""
    plan_many(cards, 8)
    apple.service.answer_all = Scripted(400, said)
    with capture_logs() as logged:
        pushing.work(2)
    assert [line["reason"] for line in logged if line["log_level"] == "error"] == [halted]
    assert len(apple.service.pushes) == UNKNOWN_FIRST_MAX
    assert (figure(database, PHONES), figure(database, OPEN)) == (8, 8)
    apple.service.answer_all = None
    make_probes_due(database)
    pushing.work(2)
    assert (figure(database, PHONES), figure(database, OPEN), rows(database, HALTS)) == (8, 0, [])


def test_phones_that_are_suddenly_unknown_after_many_were_reached_are_kept_too(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Somebody changes a route or a proxy while workers run. A few are lost before it is clear, never all."""
    plan_many(cards, 10)
    pushing.work()
    plan_many(cards, ANSWERS_MAX)
    apple.service.answer_all = Scripted(400, "BadDeviceToken")
    pushing.work()
    assert rows(database, HALTS) == [("APPLE", TOPIC, UNKNOWN_PHONES)]
    assert figure(database, PHONES) >= 10 + ANSWERS_MAX - 5


def test_the_first_phone_of_a_process_that_apple_does_not_know_waits_until_others_are_reached(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """After a start nothing is known yet of the certificate that it began with."""
    plan_many(cards, 1)
    apple.service.script(f"{1:064x}", *[Scripted(400, "BadDeviceToken")] * 2)
    pushing.work()
    assert (figure(database, PHONES), figure(database, OPEN)) == (1, 1)
    plan_many(cards, 1)
    with connection(database) as books:
        books.execute("UPDATE task SET created_at = now() + interval '1 hour' WHERE args ->> 'tries' = '1'")
    pushing.work(2)
    assert figure(database, PHONES) == 1
    assert (figure(database, OPEN), rows(database, HALTS)) == (0, [])


def test_a_certificate_that_ends_while_workers_run_stops_pushes_with_that_reason(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Apple only hangs up then; whoever reads "away" would wait for Apple."""
    account = accounts.load(apple.folder).apple(TOPIC)
    expired = leaf(expired=True)
    object.__setattr__(account, "certificate", expired.certificate)
    expired.write(account.certificate_file, account.key_file)
    had = accounts.Accounts({TOPIC: account})
    pushing.actor = push_apple(had, apple.with_certificate(expired), pushing.keys)
    plan_many(cards, 2)
    with capture_logs() as logged:
        pushing.work(2)
    assert [line["reason"] for line in logged if line["log_level"] == "error"] == ["CertificateExpired"]
    assert rows(database, HALTS) == [("APPLE", TOPIC, "CertificateExpired")]
    assert figure(database, OPEN) == 2


def test_a_certificate_that_was_replaced_in_time_does_not_end_with_the_one_before(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Pushes show what is in the files; that Apple is away for a moment after the old one's day is only that."""
    account = accounts.load(apple.folder).apple(TOPIC)
    object.__setattr__(account, "certificate", leaf(expired=True).certificate)
    pushing.actor = push_apple(accounts.Accounts({TOPIC: account}), apple.transport(), pushing.keys)
    plan_many(cards, 1)
    apple.service.stop()
    pushing.work()
    assert rows(database, HALTS) == []
    apple.service.start()


def test_an_operator_lets_pushes_go_on_by_hand_and_the_log_says_who(database: Database) -> None:
    """Of two that say so, one did it."""
    with transaction(database) as unit:
        assert halts.begin(unit, Platform.GOOGLE, "issuer", "PermissionDenied", PROBE_EVERY)
        assert not halts.begin(unit, Platform.GOOGLE, "issuer", "Other", PROBE_EVERY)
    with connection(database) as books:
        [halt] = halts.halts(books)
        assert (halt.platform, halt.topic, halt.reason) == (Platform.GOOGLE, "issuer", "PermissionDenied")
    with transaction(database) as unit:
        ended = halts.end(unit, Platform.GOOGLE, "issuer", by_operator(PUSHES_RESUMED))
        assert ended == halt
        assert halts.end(unit, Platform.GOOGLE, "issuer", by_operator(PUSHES_RESUMED)) is None
    said = [
        json.loads(body)
        for (body,) in rows(database, "SELECT body FROM activity WHERE body::json ->> 'action' = 'pushes.resumed'")
    ]
    assert [(body["actor"]["id"], body["details"]["reason"]) for body in said] == [("operator", "PermissionDenied")]
