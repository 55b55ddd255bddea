"""Tasks that wait, are given up or come late: none undoes what others did, and none brings anybody back."""

from uuid import UUID

from storage.engine.unit import run, transaction
from storage.passes import forgetting
from tests.storage.members import erase
from tests.workers.google.sending import Sending, ask, pass_time, told
from walletkit.google_http import Scripted
from workers.limits import PROBE_EVERY

ANSWER = "SELECT answer, begun_until IS NOT NULL FROM pass_google"


def given_up(sending: Sending, card: UUID) -> None:
    """As a worker that has no file of keys does, at the end of its attempts."""
    with transaction(sending.database) as unit:
        sending.actor.given_up(unit, {"pass": str(card)}, "KeyringError")


def test_who_gives_up_leaves_another_worker_at_the_card_and_what_google_took(sending: Sending, card: UUID) -> None:
    """Two at one card are what must never be: the older might come last. And coupons are linked to what Google has."""
    sending.scene.execute("UPDATE pass_google SET answer = '', begun_until = now() + interval '30 seconds'")
    given_up(sending, card)
    assert sending.scene.rows(ANSWER) == [("", True)]
    sending.scene.execute("UPDATE pass_google SET answer = '200 inserted', begun_until = NULL")
    given_up(sending, card)
    assert sending.scene.rows(ANSWER) == [("200 inserted", False)]
    sending.scene.execute("UPDATE pass_google SET answer = ''")
    given_up(sending, card)
    assert sending.scene.rows(ANSWER) == [("KeyringError", False)]


def test_a_removal_that_meets_a_halt_is_learnt_of_when_it_is_over(sending: Sending, card: UUID) -> None:
    """Of several tasks of one card that wait, one asks who has it still: without it, it is sent for ever."""
    sending.call_back(card, "n-1", saved=True)
    sending.work()
    sending.google.wallet.script(*[Scripted(403)] * 2)
    ask(sending, card, "hand")
    sending.work()
    sending.call_back(card, "n-2", saved=False)
    sending.scene.execute("UPDATE push_halt SET probe_at = now()")
    pass_time(sending)
    query = "SELECT id::text FROM task WHERE args ->> 'asks' = 'true' AND state IN ('READY', 'SENT')"
    sending.sent()
    [(asks,)] = sending.scene.rows(query)
    sending.run(asks)
    for _ in range(3):
        sending.scene.execute("UPDATE push_halt SET probe_at = now() - %s", [PROBE_EVERY])
        pass_time(sending)
        sending.work()
    assert told(sending) == ["pass.installed", "pass.removed"]


def test_a_task_that_comes_late_brings_nobody_back_who_was_erased(sending: Sending, card: UUID) -> None:
    """It waited behind a halt, or for its turn; Google has forgotten the card, and is to go on so."""
    ask(sending, card, "late")
    tasks = sending.sent()
    erase(sending.scene)
    sending.refresh()
    sending.work()
    sending.scene.execute("UPDATE pass SET erased_at = erased_at - interval '31 days'")
    assert run(sending.database, lambda unit: forgetting.forget(unit.connection, 10)) == 1
    asked = len(sending.asked())
    ask(sending, card, "later")
    for task in [*tasks, *sending.sent()]:
        sending.run(task)
    assert sending.asked(asked) == []
    assert sending.scene.rows("SELECT count(*) FROM pass_google") == [(0,)]
