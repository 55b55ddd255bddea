"""What phones ask most, of the public endpoints that serve a million registrations, against nothing."""

import random
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench import processes, wallets
from bench.row import Row, clean, cost, p50, rate, speeds
from bench.stage import WARMUP_S, Stage, stage
from bench.wallets import PASS_TYPE
from bench.web import Gets, load, request

REGISTRATIONS = 1_000_000
# Phones that ask, at random: more than what a phone may ask in a minute lets through of fewer.
ASKING = 50_000
TEMPLATES = ("gold", "silver")


def lists(seconds: float, rounds: int, registrations: int = REGISTRATIONS) -> Iterable[Row]:
    """`pass_list_vs_noop`: each phone has two cards, of which one has changed since it asked last."""
    customers = registrations // len(TEMPLATES)
    with stage(seconds, customers=customers) as here, tempfile.TemporaryDirectory() as place:
        for name in TEMPLATES:
            wallets.template(here, name)
        wallets.cards(here, customers, *TEMPLATES)
        ports = processes.passes_ports()
        environment = {
            **ports,
            "FEALTY_WALLET_DIR": str(wallets.operator(Path(place)).accounts),
            "FEALTY_TRUSTED_PROXIES": "127.0.0.1",
        }
        with processes.running(here, environment, "passes") as served:
            yield _row(here, rounds, int(ports["FEALTY_PASSES_PORT"]), served, customers)


def _row(here: Stage, rounds: int, port: int, served: list[int], customers: int) -> Row:
    asking = random.Random(1).sample(range(customers), min(ASKING, customers))
    watched = {**here.watched, "passes": served}
    del watched["server"]
    questions = [question(number) for number in asking]
    listing = Gets(port, questions, 200, WARMUP_S, here.seconds, watched)
    nothing = Gets(
        port, [request("/healthz", address(number)) for number in asking], 200, WARMUP_S, here.seconds, watched
    )
    load(listing)
    before, done = [], []
    for _ in range(rounds):
        before.append(clean(load(nothing)))
        done.append(clean(load(listing)))
    note = f"{rate(done)}, p50 {p50(done)}, against {rate(before)}; {cost(done)} a request against {cost(before)}"
    return Row("pass_list_vs_noop", speeds(done, before), 0.5, 0.7, note)


def question(number: int) -> bytes:
    """What the phone of a customer asks, who knows of the first card that it has changed, and not yet of the second."""
    registrations = f"/v1/devices/{wallets.library_id(number)}/registrations/{PASS_TYPE}"
    return request(f"{registrations}?passesUpdatedSince={number + 1}", address(number))


def address(number: int) -> str:
    """Where a customer lives."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
