"""Pushes from their task to Apple, what is kept of them, and which phones are forgotten."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database, connection
from storage.engine.ids import typeid
from storage.engine.unit import transaction
from storage.passes.apple_pushes import Update, plan_push
from tests.wallet.apple.service import TOPIC, Standing
from tests.workers.acting import figure, rows
from tests.workers.pushing import DELIVERIES, TASKS, Cards, Pushing, pauses
from wallet import accounts
from walletkit.apns import Scripted
from workers.actors.passes.apple import push_apple
from workers.limits import PUSH_RETRY_MIN, PUSH_TRIES_MAX

OPEN = "SELECT count(*) FROM task WHERE actor = 'push_apple' AND state IN ('READY', 'SENT')"


def token(phone: int) -> str:
    """The push token of the phone of that number."""
    return f"{phone:064x}"


def test_one_task_tells_every_phone_that_has_the_card(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """And what Apple answered is kept for each, with the id by which Apple knows the push."""
    card, other = cards.issue(7), cards.issue(8)
    for having in ((card,), (card, other), (other,)):
        cards.phone(*having)
    cards.plan(card, 7)
    pushing.work()
    assert sorted(push.token for push in apple.service.pushes) == [token(1), token(2)]
    assert {push.topic for push in apple.service.pushes} == {TOPIC}
    assert rows(database, DELIVERIES) == [(1, 7, "200", True), (2, 7, "200", True)]
    kept = {str(push_id) for (push_id,) in rows(database, "SELECT push_id FROM pass_delivery")}
    assert kept == {push.apns_id for push in apple.service.pushes}
    assert rows(database, TASKS) == [("DONE", 1, None)]


def test_of_many_changes_the_newest_is_pushed(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Each of a burst planned its push; the phone is asked to look once."""
    card = cards.issue(5)
    cards.phone(card)
    for revision in (3, 4, 5):
        cards.plan(card, revision)
    pushing.work()
    assert len(apple.service.pushes) == 1
    assert rows(database, DELIVERIES) == [(1, 5, "200", True)]
    assert figure(database, OPEN) == 0


def test_a_phone_that_has_it_already_is_left_alone_unless_somebody_asked(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """It looked for another card of the same wallet, and took this one along; support still may tell it again."""
    card = cards.issue(5)
    device = cards.phone(card)
    with connection(database) as books:
        books.execute(_FETCHED, (card, device))
    cards.plan(card, 5)
    pushing.work()
    assert apple.service.pushes == []
    cards.plan(card)
    pushing.work()
    assert len(apple.service.pushes) == 1


def test_a_card_that_is_in_no_phone_is_pushed_to_nobody(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """It was deleted before its push came about."""
    cards.plan(cards.issue())
    pushing.work()
    assert apple.service.connections == 0
    assert rows(database, TASKS) == [("DONE", 1, None)]


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
def test_a_phone_that_is_gone_is_forgotten_with_all_its_cards_and_the_log_says_so(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing, reason: str
) -> None:
    """410: nobody is there. Programs see that the card is in one phone less."""
    card, other = cards.issue(), cards.issue()
    cards.phone(card, other)
    cards.phone(card)
    apple.service.script(token(1), Scripted(410, reason, timestamp_ms=_ms(database, "now() - interval '1 hour'")))
    cards.plan(card)
    pushing.work()
    assert rows(database, "SELECT id FROM pass_device") == [(2,)]
    assert rows(database, "SELECT pass, device FROM pass_registration") == [(card, 2)]
    assert rows(database, DELIVERIES) == [(1, 1, f"410 {reason}", False), (2, 1, "200", True)]
    assert figure(database, OPEN) == 0
    said = [json.loads(body) for (body,) in rows(database, _GONE)]
    assert {body["subject"] for body in said} == {
        f"programs/club/customers/c-1/passes/{typeid('pass', one.int)}" for one in (card, other)
    }
    assert sorted((body["details"]["devices"], body["details"]["answer"]) for body in said) == [
        (left, f"410 {reason}") for left in (0, 1)
    ]
    [removed] = [json.loads(body) for (body,) in rows(database, _REMOVED)]
    assert removed["subject"].endswith(typeid("pass", other.int))


def test_a_phone_that_registered_again_since_it_was_gone_is_kept(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Somebody deleted the card and took it back: Apple's answer is about before."""
    card = cards.issue()
    cards.phone(card, told="1 minute")
    apple.service.script(
        token(1), Scripted(410, "Unregistered", timestamp_ms=_ms(database, "now() - interval '1 hour'"))
    )
    cards.plan(card)
    pushing.work()
    assert figure(database, "SELECT count(*) FROM pass_registration") == 1


def test_a_phone_that_told_another_token_while_it_was_pushed_to_is_kept(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Its old token is dead, which is why it told the new one."""
    card = cards.issue()
    cards.phone(card)
    cards.plan(card)
    apple.service.script(token(1), Scripted(410, "Unregistered", timestamp_ms=_ms(database, "now()")))
    actor = pushing.actor

    def act(begun: Any, deadline: float) -> Any:
        told = actor.act(begun, deadline)
        with connection(database) as books:
            books.execute("UPDATE pass_device SET push_token = push_token || '\\x00'::bytea")
        return told

    pushing.actor = replace(actor, act=act)
    pushing.work()
    assert rows(database, DELIVERIES) == [(1, 1, "410 Unregistered", False)]
    assert figure(database, "SELECT count(*) FROM pass_registration") == 1


def test_what_apple_does_not_take_now_is_pushed_later_to_that_phone_alone(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Each of its answers is kept, and the pause is as long as Apple wants it, or grows."""
    card = cards.issue(3)
    cards.phone(card)
    cards.phone(card)
    apple.service.script(token(1), Scripted(503, "ServiceUnavailable"), Scripted(429, "TooManyRequests"))
    cards.plan(card, 3)
    pushing.work()
    assert rows(database, DELIVERIES) == [(1, 3, "503 ServiceUnavailable", False), (2, 3, "200", True)]
    [pause] = pauses(database)
    assert timedelta(seconds=1) < pause <= 1.5 * PUSH_RETRY_MIN
    pushing.work()
    [pause] = pauses(database)
    assert timedelta(seconds=50) < pause
    pushing.work()
    assert rows(database, DELIVERIES) == [(1, 3, "200", True), (2, 3, "200", True)]
    assert len(apple.service.taken(token(2))) == 1
    assert figure(database, OPEN) == 0


def test_a_phone_that_apple_is_never_ready_for_is_given_up_and_kept(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """The look of the night begins anew with it."""
    card = cards.issue()
    cards.phone(card)
    apple.service.answer_all = Scripted(500, "InternalServerError")
    cards.plan(card)
    pushing.work(PUSH_TRIES_MAX)
    assert figure(database, OPEN) == 1
    with capture_logs() as logged:
        pushing.work()
    assert [line["event"] for line in logged] == ["push given up"]
    assert figure(database, OPEN) == 0
    assert figure(database, "SELECT count(*) FROM pass_registration") == 1


def test_what_is_our_fault_is_said_loudly_and_not_sent_again(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Apple would answer the same; nobody is forgotten for it."""
    card = cards.issue()
    cards.phone(card)
    apple.service.script(token(1), Scripted(400, "BadExpirationDate"))
    cards.plan(card)
    with capture_logs() as logged:
        pushing.work()
    assert [(line["log_level"], line["reason"]) for line in logged] == [("error", "BadExpirationDate")]
    assert figure(database, OPEN) == 0
    assert figure(database, "SELECT count(*) FROM pass_registration") == 1


def test_while_apple_is_away_pushes_wait_and_all_arrive(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """An outage of an hour costs no push a try, and is said once."""
    phones = 4
    for _ in range(phones):
        card = cards.issue()
        cards.phone(card)
        cards.plan(card, 1)
    apple.service.stop()
    with capture_logs() as logged:
        pushing.work(3)
    assert [line["event"] for line in logged] == ["Apple's push service away"]
    assert rows(database, "SELECT DISTINCT state, attempts, last_error FROM task") == [("SENT", 1, "Away")]
    apple.service.start()
    pushing.fresh()
    pushing.work()
    assert {push.token for push in apple.service.pushes} == {token(phone + 1) for phone in range(phones)}
    assert figure(database, OPEN) == 0


def test_where_there_is_no_account_pushes_wait_for_a_worker_that_has_one(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Its files are put there tomorrow; nothing is lost until then."""
    card = cards.issue()
    cards.phone(card)
    cards.plan(card)
    with_account = pushing.actor
    pushing.actor = push_apple(accounts.load(None), apple.transport(), pushing.keys)
    with capture_logs() as logged:
        pushing.work(2)
    assert [line["event"] for line in logged] == ["account of Apple's away"]
    assert TOPIC in logged[0]["reason"]
    assert rows(database, TASKS) == [("SENT", 1, "NoAccount")]
    pushing.actor = with_account
    pushing.work()
    assert len(apple.service.pushes) == 1


def test_nothing_that_would_tell_a_phone_is_in_a_log_or_in_the_arguments_of_a_task(
    database: Database, cards: Cards, pushing: Pushing, apple: Standing
) -> None:
    """Who has a push token can wake the phone."""
    card = cards.issue()
    cards.phone(card)
    cards.plan(card)
    apple.service.script(token(1), Scripted(503, "ServiceUnavailable"), Scripted(400, "PayloadEmpty"))
    with capture_logs() as logged:
        pushing.work(2)
    everything = json.dumps([logged, rows(database, "SELECT args, unique_key FROM task")], default=str)
    assert token(1) not in everything
    assert "PayloadEmpty" in everything


def _ms(database: Database, instant: str) -> int:
    return int(figure(database, f"SELECT (extract(epoch FROM {instant}) * 1000)::bigint"))


_FETCHED = """
INSERT INTO pass_delivery (pass, device, revision, changed_at, fetched_at) VALUES (%s, %s, 5, now(), now())
"""

_GONE = "SELECT body FROM activity WHERE body::json ->> 'action' = 'pass.device_gone' AND customer = 1"
_REMOVED = "SELECT body FROM activity WHERE body::json ->> 'action' = 'pass.removed' AND customer = 1"


def test_a_push_to_some_phones_stands_for_none_to_others(database: Database, cards: Cards) -> None:
    """A revision is pushed twice, by a refresh and by hand, and Apple says later of another phone each time."""
    update = Update(cards.issue(7), TOPIC, 1, 1, 7, datetime.now(UTC), ())
    with transaction(database) as unit:
        for devices in ([1], [2], [2, 1], [1, 2], None):
            plan_push(unit, update, devices, 1, unit.now)
    assert figure(database, OPEN) == 4
