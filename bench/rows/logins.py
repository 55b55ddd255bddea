"""Users who log in beside tills: passwords are slow by intention, and must not slow anybody else."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import grpc

from bench.requests import purchases
from bench.row import Row, clean, cost, rate, speeds
from bench.server import RECORD
from bench.stage import Stage
from fealty.v1 import access_pb2, access_pb2_grpc
from rules.activity import ADMINISTRATOR_CREATED, by_operator
from storage.access.records import UserRow
from storage.activity.commands import record
from storage.engine.unit import Unit, run
from storage.logins import hashing, passwords

LOGINS_PER_S = 100
# So many that no account meets its limit.
USERS = 200
PASSWORD = "a mule eats glue at noon"


def logins_beside_earn(here: Stage, rounds: int) -> Iterable[Row]:
    """`logins_beside_earn`."""
    make = purchases()
    run(here.database, _add_users)
    before, done, let_in = [], [], Counter[str]()
    for _ in range(rounds):
        before.append(clean(here.unary(RECORD, make)))
        with _offered(here, let_in):
            done.append(clean(here.unary(RECORD, make)))
    counted = ", ".join(f"{count} {what}" for what, count in let_in.most_common())
    note = (
        f"{rate(done)} beside {LOGINS_PER_S} logins a second against {rate(before)}; {cost(done)} a call against "
        f"{cost(before)}; logins: {counted}"
    )
    yield Row("logins_beside_earn", speeds(done, before), 0.7, 0.9, note)


@contextmanager
def _offered(here: Stage, answered: "Counter[str]") -> Iterator[None]:
    """Offers logins at their rate, however many are answered, until the block ends; counts what came of them."""
    over = threading.Event()

    def offer() -> None:
        with grpc.insecure_channel(here.target) as channel:
            stub, due, waiting = access_pb2_grpc.AccessServiceStub(channel), time.monotonic(), []
            number = 0
            while not over.is_set():
                request = access_pb2.LogInRequest(email=_email(number % USERS), password=PASSWORD)
                waiting.append(stub.LogIn.future(request, timeout=20.0))
                number, due = number + 1, due + 1 / LOGINS_PER_S
                time.sleep(max(0.0, due - time.monotonic()))
            for one in waiting:
                answered["let in" if one.exception() is None else one.code().name] += 1

    offering = threading.Thread(target=offer)
    offering.start()
    try:
        yield
    finally:
        over.set()
        offering.join()


def _add_users(unit: Unit) -> None:
    # One hash serves all: what it costs to check it is the same.
    phc = hashing.derive(PASSWORD)
    activity = record(unit, by_operator(ADMINISTRATOR_CREATED), "users/bench")
    unit.write()
    for number in range(USERS):
        row = {"language_code": "", "version": 1, "created_at": unit.now, "updated_at": unit.now, "activity": activity}
        person = f"user_{number:026}"
        UserRow.insert(id=person, email=_email(number), display_name="Bench", state="ACTIVE", **row).execute()
        passwords.put(unit, person, phc, False, activity)


def _email(number: int) -> str:
    return f"user{number}@bench.example"
