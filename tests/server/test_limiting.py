"""Guessing: whoever fails too often is refused unheard, for a while, by every process; nobody else notices."""

import asyncio
import time
from collections.abc import Callable

import pytest
from grpc import StatusCode
from prometheus_client import REGISTRY

from fealty.v1 import activity_pb2
from rules.access import ActorType
from rules.activity import METHOD_UNKNOWN, Origin
from rules.limiting import Rule
from rules.refusals import TooManyAttempts
from server import limits
from server.guarding import source_of
from server.limiting import Key, Limiter, Whose
from storage.activity.recorder import Act
from storage.attempts.exchange import WINDOW_MAX_S
from storage.books import Books
from storage.engine.database import Database, connection, open_database
from tests.personal import CODES, KEYRING, WALLET
from tests.server.guessing import ELSEWHERE, HOME, RIGHT, Shop, shop
from tests.server.serving import activities, told

SECRET = bytes(32)
RULES = [rule for rule in vars(limits).values() if isinstance(rule, Rule)]
FEW = Rule("guesses", "address", 5, 60)
STRANGER = Whose(Origin(ActorType.ANONYMOUS, "", "API", METHOD_UNKNOWN), "")


@pytest.fixture(autouse=True)
def _exchanged_soon(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.1)


async def fail(one: Shop, times: int, address: str = HOME) -> None:
    """So many wrong guesses, each of which is looked up."""
    for _ in range(times):
        assert (await told(one.guess(one.storefront, address=address))).reason == "TRANSACTION_NOT_FOUND"


async def seen(what: Callable[[], bool]) -> None:
    """Waits until something that comes by itself has come."""
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


def is_closed(limiter: Limiter, key: Key) -> bool:
    """Whether an attempt of that key would be refused."""
    try:
        limiter.check([key])
    except TooManyAttempts:
        return True
    return False


async def test_whoever_guesses_too_often_is_refused_unheard_even_if_right(database_url: str) -> None:
    """Else the guess that hits would be answered, and the limit would cost a guesser nothing but time."""
    async with shop(database_url) as one:
        most = limits.CODES_FROM_ADDRESS.times_max
        await fail(one, most)
        answer = await told(one.guess(one.storefront, RIGHT))
        assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
        [retry_ms] = answer.retry_ms
        assert 0 < retry_ms <= 2 * 60_000
        assert answer.facts["retry_after_s"] == str(retry_ms // 1000)
        # A library that waited and tried again would go on guessing.
        assert answer.trailers["grpc-retry-pushback-ms"] == "-1"
        assert one.looked_up == most
        # Somebody else at another address, and a till, are heard.
        assert await one.guess(one.storefront, RIGHT, ELSEWHERE) == b""
        assert await one.guess(one.served.till, RIGHT) == b""


async def test_successes_count_nowhere(database_url: str) -> None:
    """A shop on a busy day looks up thousands of codes."""
    async with shop(database_url) as one:
        for _ in range(3 * limits.CODES_FROM_ADDRESS.times_max):
            await one.guess(one.storefront, RIGHT)


async def test_a_backend_is_not_shut_out_for_what_its_customers_mistype(database_url: str) -> None:
    """All its calls come from its own address: limits that fit one person would close a shop within seconds."""
    async with shop(database_url) as one:
        for _ in range(3 * limits.CODES_FROM_ADDRESS.times_max):
            assert (await told(one.guess(one.served.till))).reason == "TRANSACTION_NOT_FOUND"
        assert await one.guess(one.served.till, RIGHT) == b""


@pytest.mark.parametrize("limit", ["CODES_OF_CALLER", "CODES_IN_PROGRAM"])
async def test_guesses_from_many_addresses_are_limited_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Addresses are cheap: whoever changes them is known by the key, or by what all of them guess at."""
    monkeypatch.setattr(limits, limit, getattr(limits, limit)._replace(times_max=10))
    async with shop(database_url) as one:
        for number in range(10):
            await fail(one, 1, f"93.184.217.{number}")
        assert (await told(one.guess(one.storefront, RIGHT, ELSEWHERE))).reason == "TOO_MANY_ATTEMPTS"
        # What strangers do to the storefront shuts out no backend of the same program.
        assert await one.guess(one.served.till, RIGHT) == b""


async def test_a_limit_that_is_reached_is_one_security_activity_and_what_is_refused_another(database_url: str) -> None:
    """Who reads the log learns that somebody guesses, from where, and how often; not once for each try."""
    async with shop(database_url) as one:
        await fail(one, limits.CODES_FROM_ADDRESS.times_max)
        for _ in range(2 * limits.EQUAL_FAILURES_MAX):
            assert (await told(one.guess(one.storefront))).reason == "TOO_MANY_ATTEMPTS"
        await one.app.interceptors.close()
        [limited] = await activities(one.served.admin, action="attempts.limited")
        assert limited.category == activity_pb2.ACTIVITY_CATEGORY_SYSTEM
        assert limited.type == activity_pb2.ACTIVITY_TYPE_SECURITY
        assert (limited.actor.ip_address, limited.subject) == (HOME, "programs/coffee")
        assert limited.description == (
            "Attempts at coupon codes from one address limited, after 30 failed within 60 seconds (Staff storefront)."
        )
        refused = [
            one
            for one in await activities(one.served.admin, action="transaction.looked_up")
            if one.details["reason"].text == "TOO_MANY_ATTEMPTS"
        ]
        assert sum(one.details["folded"].number for one in refused) == 2 * limits.EQUAL_FAILURES_MAX
        # Two, where a minute ends in between.
        assert len(refused) <= 2


async def test_what_fails_at_one_process_is_known_at_the_other(database_url: str) -> None:
    """Else each process more would be as many guesses more; and it is one closing, so one activity."""
    async with shop(database_url) as one, shop(database_url) as other:
        await fail(other, 1)
        await fail(one, limits.CODES_FROM_ADDRESS.times_max - 1)
        await asyncio.sleep(5 * limits.ATTEMPTS_EXCHANGE_S)
        for each in (one, other):
            assert (await told(each.guess(each.storefront, RIGHT))).reason == "TOO_MANY_ATTEMPTS"
        for each in (one, other):
            await each.app.interceptors.close()
        assert len(await activities(one.served.admin, action="attempts.limited")) == 1


async def test_the_table_tells_of_nobody(database: Database) -> None:
    """An address is about a person: who reads the database, or a dump of it, must not find it, nor try them all."""
    for limiter in [_limiter(database, secret)[0] for secret in (SECRET, bytes(range(32)))]:
        limiter.failed([Key(FEW, HOME)], STRANGER)
        await limiter.close()
    with connection(database) as books:
        keys = [bytes(key) for (key,) in books.execute("SELECT key FROM attempt")]
    assert len(keys) == len(set(keys)) == 2
    assert not any(HOME.encode() in key for key in keys)


async def test_a_dead_database_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guesses go on while PostgreSQL is restarted: each process limits what it sees, and records what it can."""
    limiter, recorded = _limiter(open_database("postgresql://nobody@127.0.0.1:1/nothing"))
    key = Key(FEW, HOME)
    for _ in range(FEW.times_max):
        assert not is_closed(limiter, key)
        limiter.failed([key], STRANGER)
    assert is_closed(limiter, key)
    await seen(lambda: bool(recorded))
    await asyncio.sleep(3 * limits.ATTEMPTS_EXCHANGE_S)
    assert is_closed(limiter, key)
    await limiter.close()
    assert [act.origin.kind.action for act in recorded] == ["attempts.limited"]


async def test_a_crash_of_the_database_opens_nothing(database: Database) -> None:
    """PostgreSQL empties the table when it recovers; and what failed since is added to what was known."""
    limiter, _ = _limiter(database)
    key = Key(FEW, HOME)
    for _ in range(FEW.times_max - 1):
        limiter.failed([key], STRANGER)
    await seen(lambda: _failures(database) == FEW.times_max - 1)
    with connection(database) as books:
        books.execute("DELETE FROM attempt")
    limiter.failed([key], STRANGER)
    assert is_closed(limiter, key)
    await seen(lambda: _failures(database) == 1)
    assert is_closed(limiter, key)
    await limiter.close()


async def test_what_fails_while_the_others_are_told_is_not_lost_at_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers are stopped in the middle of an attack too: what it came to by then is told, and recorded."""
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.0)
    limiter, recorded = _limiter(database)
    key = Key(FEW, HOME)
    limiter.failed([key], STRANGER)
    while _sample("fealty_attempt_keys_untold"):
        await asyncio.sleep(0)
    for _ in range(FEW.times_max - 1):
        limiter.failed([key], STRANGER)
    await limiter.close()
    assert _failures(database) == FEW.times_max
    assert len(recorded) == 1


@pytest.mark.long
async def test_keys_without_end_take_no_more_memory_than_was_allowed(database: Database) -> None:
    """Whoever has a million addresses must not be able to use up the memory of the process, nor its connection."""
    limiter, _ = _limiter(database)
    for number in range(10 * limits.ATTEMPT_KEYS_MAX):
        limiter.failed([Key(FEW, f"{number}")], STRANGER)
    assert _sample("fealty_attempt_keys") == _sample("fealty_attempt_keys_untold") == limits.ATTEMPT_KEYS_MAX
    await seen(lambda: _failures(database) > 0)
    assert _failures(database) % limits.ATTEMPTS_EXCHANGED_MAX == 0
    await limiter.close()
    assert _failures(database) < limits.ATTEMPT_KEYS_MAX


async def test_what_counts_no_more_is_forgotten(database: Database) -> None:
    """A process that runs for months keeps nothing of who failed months ago, and is quiet when nobody fails."""
    limiter, _ = _limiter(database)
    key = Key(Rule("guesses", "address", 2, 1), HOME)
    limiter.failed([key], STRANGER)
    limiter.failed([key], STRANGER)
    assert is_closed(limiter, key)
    await seen(lambda: not is_closed(limiter, key))
    await seen(lambda: not _sample("fealty_attempt_keys"))
    await seen(lambda: limiter.telling.is_quiet)


def test_every_rule_counts_apart_and_within_what_the_database_keeps() -> None:
    """Two of the same values would count together; a longer window would lose its rows to the prune."""
    assert len(RULES) == len(set(RULES)) >= 5
    assert all(rule.window_s <= WINDOW_MAX_S for rule in RULES)
    assert 2 * limits.ATTEMPTS_EXCHANGED_MAX <= 1_024


@pytest.mark.parametrize(
    ("address", "source"),
    [
        (HOME, HOME),
        (f"::ffff:{HOME}", HOME),
        ("2606:2800:220:1:248:1893:25c8:1946", "2606:2800:220:1::"),
        ("2606:2800:220:1::1", "2606:2800:220:1::"),
        ("127.0.0.1", ""),
        ("10.0.0.7", ""),
        ("fe80::1", ""),
        ("::ffff:192.168.1.1", ""),
        ("", ""),
        ("unix", ""),
    ],
)
def test_an_address_stands_for_whoever_can_choose_it(address: str, source: str) -> None:
    """One customer of a provider has 2^64 addresses; a private one is that of a proxy, with all of its customers."""
    assert source_of(address) == source


def _limiter(database: Database, secret: bytes = SECRET) -> tuple[Limiter, list[Act]]:
    recorded: list[Act] = []

    async def record(act: Act) -> None:
        recorded.append(act)

    return Limiter(Books(database, KEYRING, CODES, WALLET), secret, record), recorded


def _failures(database: Database) -> int:
    with connection(database) as books:
        [(failures,)] = books.execute("SELECT coalesce(sum(failures), 0) FROM attempt")
    return int(failures)


def _sample(name: str) -> float:
    found = REGISTRY.get_sample_value(name)
    assert found is not None
    return found
