"""Codes in the hands of workers: whoever is killed, exactly so many are made, and seen once all are."""

from datetime import timedelta
from signal import SIGKILL

from rules.coupons.terms import Benefit, Terms
from storage.coupons.campaigns import CreateCampaign
from storage.coupons.generating.commands import GenerateCoupons
from storage.engine.commands import carry_out
from storage.engine.database import Database
from storage.engine.unit import transaction
from tests.workers.acting import GENERATE_SLOWLY, STEP_ACCOUNTS, Holder, figure, open_tasks, rows
from tests.workers.customers import asked, create_program
from tests.workers.processes import Processes, eventually
from workers.broker import Broker
from workers.relay import Relay

COUPONS = "SELECT count(*) FROM coupon"
BATCH = "SELECT coupons, published_at IS NOT NULL FROM coupon_batch"


def test_a_worker_killed_in_the_middle_of_a_step_leaves_whole_steps_and_the_next_goes_on(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """Exactly so many as were asked for: who ordered a million and sells a million and one is short of money."""
    create_program(database, "coffee", None)
    carry_out(database, CreateCampaign("coffee", "spring", "Spring", Terms(Benefit.FREE_SHIPPING), asked()))
    carry_out(database, GenerateCoupons("coffee", "spring", 45, "", asked()))
    with transaction(database) as unit:
        unit.connection.execute("UPDATE task SET actor = %s, queue = 'test'", (GENERATE_SLOWLY.name,))
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert figure(database, COUPONS) == 2 * STEP_ACCOUNTS
    assert rows(database, BATCH) == [(2 * STEP_ACCOUNTS, False)]
    holder.release()
    processes.worker()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert figure(database, COUPONS) == 45
    assert rows(database, BATCH) == [(45, True)]
    assert rows(database, "SELECT state, accounts_done FROM operation") == [("SUCCEEDED", 45)]
    assert figure(database, "SELECT count(*) FROM activity WHERE action = 'operation.succeeded'") == 1
