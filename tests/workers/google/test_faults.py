"""Google away, slow or unwilling, and workers in each other's way: nothing is lost, and nothing old comes last."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from storage.engine.database import connection
from storage.engine.unit import transaction
from storage.passes import google_pushes, halts
from storage.passes.halts import Platform
from tests.storage.passes.carrying import issue, template
from tests.wallet.google.cards import ISSUER, PASSES
from tests.workers.google.sending import POINTS, ROW, Sending, ask, pass_time, seconds_left
from wallet.accounts import Accounts
from walletkit.google_http import Scripted


def test_two_workers_are_never_at_one_card(sending: Sending, card: UUID) -> None:
    """Of two updates under way at once the older might arrive last, and stay."""
    sending.scene.earn(5)
    sending.refresh()
    sending.google.wallet.script(Scripted(delay_s=1.0))
    [first] = sending.sent()
    ended = sending.beside(first)
    while not sending.scene.rows("SELECT FROM pass_google WHERE begun_until > now()"):
        pass
    sending.scene.earn(5)
    sending.refresh()
    [second] = [task for task in sending.sent() if task != first]
    sending.run(second)
    assert len(sending.asked()) == 2, "the second waits: it has asked nothing"
    ended()
    sending.work()
    assert sending.points(card) == 10


def test_a_worker_that_dies_with_a_card_in_hand_loses_nothing(sending: Sending, card: UUID) -> None:
    """Its time passes, and another sends what there is then; twice is as good as once."""
    sending.scene.earn(5)
    sending.refresh()
    sending.scene.execute("UPDATE pass_google SET begun_until = now() + interval '1 minute'")
    sending.work()
    assert len(sending.asked()) == 2
    sending.scene.execute("UPDATE pass_google SET begun_until = now()")
    sending.work()
    assert sending.points(card) == 5


@pytest.mark.parametrize("scripted", [Scripted(503), Scripted(is_cut=True), Scripted(429, retry_after="120")])
def test_a_google_that_is_away_is_waited_for(sending: Sending, card: UUID, scripted: Scripted) -> None:
    """However long that lasts: it counts as no attempt, and the card is up to date afterwards."""
    sending.google.wallet.script(*[scripted] * 3)
    sending.scene.earn(5)
    sending.refresh()
    for _ in range(3):
        sending.work()
        assert sending.waiting() == ["Away"]
        if scripted.retry_after:
            assert seconds_left(sending.scene) > 60
        pass_time(sending)
    sending.work()
    assert sending.points(card) == 5


def test_where_the_account_may_not_act_all_pushes_of_the_issuer_stop(sending: Sending, card: UUID) -> None:
    """An operator is told once what to do; nothing is given up, and a probe finds out that it was done."""
    sending.google.wallet.forbid(ISSUER)
    sending.scene.earn(5)
    sending.refresh()
    with capture_logs() as logs:
        sending.work()
        pass_time(sending)
        sending.work(2)
    assert ["make it a user" in line["advice"] for line in logs if line["event"] == "pushes stopped"] == [True]
    with connection(sending.database) as books:
        [halt] = halts.halts(books)
    assert (halt.platform, halt.topic, halt.reason) == (Platform.GOOGLE, ISSUER, "permissionDenied")
    asked = len(sending.asked())
    sending.google.wallet.permit(sending.google.account.client_email, ISSUER)
    sending.scene.execute("UPDATE push_halt SET probe_at = now()")
    sending.work()
    assert sending.points(card) == 5
    assert len(sending.asked()) == asked + 1
    with connection(sending.database) as books:
        assert not halts.halts(books)


def test_a_card_that_google_refuses_is_said_to_be_and_keeps_no_other_waiting(sending: Sending, card: UUID) -> None:
    """It is our fault: the word of Google's is in the books and in the log, its sentence nowhere."""
    sending.google.wallet.script(Scripted(400, "invalidResource", "Invalid value Alice"))
    sending.scene.earn(5)
    sending.refresh()
    with capture_logs() as logs:
        sending.work()
    assert sending.scene.rows(ROW) == [("400 invalidResource", False, False)]
    assert "Alice" not in str(logs)
    assert "invalidResource" in str(logs)
    sending.scene.earn(5)
    sending.refresh()
    sending.work()
    assert (sending.points(card), sending.waiting()) == (10, [])


def test_a_design_without_a_logo_is_said_to_be_impossible(sending: Sending) -> None:
    """Google asks for one. The operator reads what to do."""
    made = issue(sending.scene, template(sending.scene, replace(POINTS, images=())))
    sending.hand_out(made)
    with capture_logs() as logs:
        sending.work()
    assert sending.scene.rows(ROW) == [("NoLogo", False, False)]
    assert "give the design an image" in str(logs)


def test_where_no_turn_is_near_what_is_new_looks_again_first(sending: Sending, card: UUID) -> None:
    """A sweep changes a million cards. Nobody stands in a line: a purchase now does not wait for half a day."""
    sending.scene.earn(5)
    sending.refresh()
    sending.scene.execute("UPDATE pass_google_pace SET next_at = clock_timestamp() + interval '3 seconds'")
    before = sending.scene.rows("SELECT next_at FROM pass_google_pace")
    sending.work()
    assert seconds_left(sending.scene) < 2
    assert sending.scene.rows("SELECT next_at FROM pass_google_pace") == before, "it has reserved nothing"
    sending.scene.execute("UPDATE pass_content SET changed_at = changed_at - interval '1 hour'")
    sending.work()
    assert 299 < seconds_left(sending.scene) < 901, "what has waited for an hour"
    sending.scene.execute("UPDATE pass_google_pace SET next_at = now()")
    sending.work()
    assert (sending.points(card), sending.waiting()) == (5, [])


def test_a_million_cards_reserve_no_more_than_the_next_seconds(sending: Sending, card: UUID) -> None:
    """What is reserved and not used, as in an outage, is lost for everybody: so it is never much."""
    with transaction(sending.database) as unit:
        turns = [google_pushes.pace(unit.connection) for _ in range(500)]
    assert 40 <= len([turn for turn in turns if turn is not None]) < 200
    sending.scene.earn(5)
    sending.refresh()
    sending.scene.execute("UPDATE pass_google_pace SET next_at = least(next_at, now() + interval '1.5 seconds')")
    sending.work()
    assert (sending.points(card), sending.waiting()) == (5, [])


def test_all_workers_together_ask_twenty_times_a_second(sending: Sending) -> None:
    """That is what Google allows a project."""
    with connection(sending.database) as books:
        found = [google_pushes.pace(books, requests) for requests in (1, 1, 1, 2, 1)]
    *turns, last = [turn for turn in found if turn is not None]
    assert [later - earlier for earlier, later in pairwise(turns)] == [timedelta(seconds=0.05)] * 3
    assert last - turns[-1] == timedelta(seconds=0.1)


def test_an_installation_without_google_keeps_no_task_for_it(sending: Sending) -> None:
    """Links are handed out there, too. Where Google had the card, somebody is to bring the account back."""
    made = issue(sending.scene, template(sending.scene, POINTS))
    sending.fresh(Accounts({}))
    sending.hand_out(made)
    sending.work()
    assert not sending.waiting()
    sending.fresh()
    sending.hand_out(made)
    sending.work()
    sending.fresh(Accounts({}))
    ask(sending, made)
    sending.work()
    assert sending.waiting() == ["NoAccount"]


def test_a_template_that_names_an_account_nobody_has_keeps_no_task_open(sending: Sending) -> None:
    """A mistyped issuer is no outage: nothing comes back by waiting, and what the doctor says of old tasks misleads."""
    made = issue(sending.scene, template(sending.scene, replace(POINTS, google_issuer="42"), "mistyped"))
    with capture_logs() as told:
        sending.hand_out(made)
        sending.work()
        sending.hand_out(made)
        sending.work()
    assert not sending.waiting()
    assert ["account 42" in one["reason"] for one in told] == [True]


def test_where_nobody_said_what_address_phones_call_cards_wait(sending: Sending, card: UUID) -> None:
    """Their images would lead nowhere, for ever: Google fetches them once."""
    sending.fresh(passes_url="")
    sending.scene.earn(5)
    sending.refresh()
    with capture_logs() as logs:
        sending.work()
    assert ["FEALTY_PASSES_URL" in line["reason"] for line in logs] == [True]
    sending.fresh(passes_url=PASSES)
    sending.work()
    assert sending.points(card) == 5


@pytest.mark.parametrize("seed", range(3))
def test_several_workers_leave_the_truth_at_google_within_its_rate(sending: Sending, card: UUID, seed: int) -> None:
    """Whatever order tasks are worked in, and however long each request takes: what was committed last is shown, and
    all workers together ask no more than twenty times a second."""
    chance = random.Random(seed)
    sending.google.wallet.script(*[Scripted(delay_s=chance.choice((0.0, 0.03, 0.15))) for _ in range(100)])
    asked, under_way = len(sending.asked()), list[Callable[[], None]]()
    for _ in range(8):
        sending.scene.earn(chance.randint(1, 9))
        sending.refresh()
        tasks = sending.sent()
        chance.shuffle(tasks)
        under_way += [sending.beside(task) for task in tasks]
        if chance.random() < 0.5:
            under_way.pop()()
    for ended in under_way:
        ended()
    while sending.waiting():
        sending.work()
    assert sending.points(card) == sending.scene.balance().spendable
    times = sorted(one.at for one in sending.google.wallet.asked[asked:])
    assert times[-1] - times[0] > (len(times) - 1) * 0.05 - 0.2, "but for what the longest answer took"
