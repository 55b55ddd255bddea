"""Whoever guesses is stopped, and learns nothing: the same words, statements and work whether there is such an account
or not."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest
from grpc import StatusCode

from fealty.v1 import access_pb2 as pb
from rules.access import Role
from server import limits, passwords
from server.app import build
from storage.engine.session import Session
from storage.logins import hashing
from tests.server.logging_in import EMAIL, PASSWORD, Console, make_user
from tests.server.serving import Served, activities, settings_of, told
from tests.server.test_limiting import seen

WRONG = "not the one that it is"
HOME, ELSEWHERE = "93.184.216.34", "93.184.216.35"
# Addresses of users in each state, and one of nobody.
STATES = {"ACTIVE": EMAIL, **{state: f"{state.lower()}@coffee.example" for state in ("INVITED", "LOCKED", "ARCHIVED")}}
NOBODY = "nobody@coffee.example"


@pytest.fixture
def behind_proxy(runner: asyncio.Runner, database_url: str) -> Iterator[Served]:
    """A server that believes what a proxy on this host says of addresses."""
    settings = settings_of(database_url).model_copy(update={"trusted_proxies": (ip_network("127.0.0.0/8"),)})
    served = Served(runner.run(build(settings)), settings)
    yield served
    runner.run(served.close())


@contextmanager
def worked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile, but for those of the limiter, and every password that is hashed."""
    done: list[str] = []
    run, execute, match = Session.run, psycopg.Cursor.execute, hashing.matches

    async def seeing_run(self: Session, statement: Any, parameters: Any, **how: Any) -> Any:
        if "attempt" not in statement.sql:
            done.append(statement.sql)
        return await run(self, statement, parameters, **how)

    def seeing_execute(self: Any, query: Any, *arguments: Any, **how: Any) -> Any:
        done.append(str(query))
        return execute(self, query, *arguments, **how)

    def seeing_match(password: str, phc: str) -> bool:
        done.append(f"hashed as {phc.split('$')[1:4]}")
        return match(password, phc)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "run", seeing_run)
        patched.setattr(psycopg.Cursor, "execute", seeing_execute)
        patched.setattr(hashing, "matches", seeing_match)
        yield done


@pytest.fixture(autouse=True)
def _nothing_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look now and then for what was approved: statements that no call asked for."""
    monkeypatch.setattr(limits, "APPROVED_LOOK_S", 3600.0)


async def test_a_login_that_fails_says_the_same_after_the_same_work_whoever_there_is(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, words, statements and hashes, of each state and of nobody: by none of them an address is found out."""
    for state, email in STATES.items():
        make_user(server.database, email, state)
    console = Console(server)
    # What is read once is read now, and threads have their connections; equal failures share a record from the 20th on.
    await asyncio.gather(*(told(console.log_in(f"first{number}@coffee.example", WRONG)) for number in range(6)))
    answers, works = [], []
    right = [(email, PASSWORD) for state, email in STATES.items() if state != "ACTIVE"]
    for email, password in ((NOBODY, WRONG), *((email, WRONG) for email in STATES.values()), *right):
        with worked(monkeypatch) as work:
            answers.append(await told(console.log_in(email, password)))
        works.append(work)
    assert {(one.code, one.reason, one.message, str(one.facts)) for one in answers} == {
        (StatusCode.UNAUTHENTICATED, "LOGIN_FAILED", answers[0].message, "{}")
    }
    assert sum("hashed" in one for one in works[0]) == 1
    assert len(works[0]) > 3
    assert works == [works[0]] * len(works)


async def test_a_reset_that_is_asked_for_says_the_same_after_the_same_work_whoever_there_is(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether anything is mailed is found out behind the call."""
    for state, email in STATES.items():
        make_user(server.database, email, state)
    console = Console(server)
    works = []
    first = [pb.RequestPasswordResetRequest(email=f"first{number}@coffee.example") for number in range(16)]
    await asyncio.gather(*(console.call("RequestPasswordReset", request) for request in first))
    for email in (NOBODY, *STATES.values()):
        with worked(monkeypatch) as work:
            await console.call("RequestPasswordReset", pb.RequestPasswordResetRequest(email=email))
        works.append(work)
    assert len(works[0]) > 3
    assert works == [works[0]] * len(works)
    tasks = server.rows("SELECT count(*) FROM task WHERE actor = 'mail_reset'")
    assert tasks == [(len(first) + len(works),)]
    assert server.rows("SELECT count(*) FROM mail") == [(0,)]


async def test_the_log_says_why_and_whose_account_it_was(server: Served) -> None:
    """For who may read it: a user who is locked, somebody who guesses, an address of nobody."""
    people = {state: make_user(server.database, email, state) for state, email in STATES.items()}
    console = Console(server)
    for email in (*STATES.values(), NOBODY):
        await told(console.log_in(email, WRONG))
    failed = await activities(server.admin, action="login.failed")
    whys = ["WRONG_PASSWORD", "INVITED", "LOCKED", "ARCHIVED", "UNKNOWN"]
    assert [one.details["why"].text for one in reversed(failed)] == whys
    named = [*(f"users/{one.id}" for one in people.values()), ""]
    assert [one.subject for one in reversed(failed)] == named
    assert failed[-1].description == (
        "Somebody without a valid key tried to log in: denied, because the password was wrong."
    )
    # A partner sees what is tried of the program's own people, and of nobody else.
    partner = server.client(server.key("partner", Role.PARTNER, "coffee"))
    of_program = await activities(partner, "programs/coffee", action="login.failed")
    assert [one.name for one in of_program] == [one.name for one in failed if one.subject]


async def test_whoever_guesses_passwords_is_refused_unheard_even_if_right(server: Served) -> None:
    """By account, whether there is one or not, and however many try at once; others log in meanwhile."""
    make_user(server.database)
    make_user(server.database, "ben@coffee.example")
    console = Console(server)
    for email in (EMAIL, NOBODY):
        tried = [told(console.log_in(email, f"{WRONG} {number}")) for number in range(30)]
        reasons = [answer.reason for answer in await asyncio.gather(*tried)]
        assert reasons.count("LOGIN_FAILED") == limits.LOGINS_OF_ACCOUNT.times_max
        assert reasons.count("TOO_MANY_ATTEMPTS") == 30 - limits.LOGINS_OF_ACCOUNT.times_max
    refused = await told(console.log_in())
    assert (refused.code, refused.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
    assert 0 < refused.retry_ms[0] <= 2 * 600_000
    await console.log_in("ben@coffee.example")
    recorded = "SELECT body::jsonb -> 'details' FROM activity WHERE action = 'attempts.limited'"
    await seen(lambda: len(server.rows(recorded)) >= 2)
    limited = await activities(server.admin, action="attempts.limited")
    assert limited[0].description.startswith(
        "Attempts at passwords of one account limited, after 10 failed within 600 seconds ("
    )


async def test_an_address_that_tries_many_accounts_is_refused(behind_proxy: Served) -> None:
    """One password tried on everybody would never reach the limit of an account."""
    make_user(behind_proxy.database, role=None)
    console = Console(behind_proxy)

    async def log_in(address: str, email: str, password: str) -> Any:
        console.metadata = (("x-forwarded-for", address),)
        return await console.log_in(email, password)

    for number in range(limits.LOGINS_FROM_ADDRESS.times_max):
        await told(log_in(HOME, f"user{number}@coffee.example", WRONG))
    assert (await told(log_in(HOME, EMAIL, PASSWORD))).reason == "TOO_MANY_ATTEMPTS"
    assert (await log_in(ELSEWHERE, EMAIL, PASSWORD)).challenge


async def test_guesses_through_several_processes_count_together(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what fails at one the other knows within two exchanges."""
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.1)
    make_user(server.database)
    settings = settings_of(server.settings.database_url.get_secret_value())
    app = await build(settings)
    try:
        here, there = Console(server), Console(server, address=settings.address)
        await told(there.log_in(EMAIL, WRONG))
        for _ in range(limits.LOGINS_OF_ACCOUNT.times_max - 2):
            await told(here.log_in(EMAIL, WRONG))
        reasons = []
        for _ in range(100):
            reasons.append((await told(there.log_in(EMAIL, WRONG))).reason)
            if reasons[-1] == "TOO_MANY_ATTEMPTS":
                break
            await asyncio.sleep(0.3)
        assert reasons[-1] == "TOO_MANY_ATTEMPTS"
        # Alone it would have heard nine more.
        assert len(reasons) < 6
        await seen(lambda: server.rows("SELECT count(*) FROM attempt")[0][0] > 0)
    finally:
        await app.server.stop(0)
        await app.interceptors.close()
        await app.books.close()


async def test_codes_of_a_user_are_limited_whatever_challenge_they_are_tried_of(server: Served) -> None:
    """Whoever has the password may begin as many challenges as they like."""
    make_user(server.database)
    console = Console(server)
    reasons: list[str] = []
    for _ in range(3):
        begun = await console.log_in()
        reasons += [(await told(console.verify(begun.challenge, "000000", "RECOVERY"))).reason for _ in range(5)]
    assert reasons == ["CODE_WRONG"] * limits.CODES_OF_USER.times_max + ["TOO_MANY_ATTEMPTS"] * 5
    begun = await console.log_in()
    code = await console.mailed(begun.challenge)
    assert (await told(console.verify(begun.challenge, code))).reason == "TOO_MANY_ATTEMPTS"


async def test_resets_are_limited_by_account(server: Served) -> None:
    """Each is a mail to somebody; of an address of nobody as well, or it would be told apart."""
    make_user(server.database)
    console = Console(server)
    for email in (EMAIL, NOBODY):
        request = pb.RequestPasswordResetRequest(email=email)
        for _ in range(limits.RESETS_OF_ACCOUNT.times_max):
            await console.call("RequestPasswordReset", request)
        assert (await told(console.call("RequestPasswordReset", request))).reason == "TOO_MANY_ATTEMPTS"


async def test_of_two_hundred_logins_at_once_no_more_than_may_wait_are_in_hand(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 19 MiB and a piece of a processor. Those beyond are refused before anything is looked up, and told
    when to come again."""
    most = 0
    match = passwords.Passwords.match

    async def seeing_match(self: passwords.Passwords, password: str, phc: str) -> bool:
        nonlocal most
        most = max(most, self._in_hand)
        return await match(self, password, phc)

    monkeypatch.setattr(passwords.Passwords, "match", seeing_match)
    console = Console(server)
    tried = [console.log_in(f"user{number}@coffee.example", WRONG) for number in range(200)]
    answers = await asyncio.gather(*map(told, tried))
    reasons = [answer.reason for answer in answers]
    assert most == limits.PASSWORDS_IN_HAND_MAX
    assert reasons.count("LOGIN_FAILED") + reasons.count("OVERLOADED") == 200
    assert reasons.count("OVERLOADED") >= 100
    assert {answer.retry_ms[0] for answer in answers if answer.reason == "OVERLOADED"} == {limits.PASSWORD_PUSHBACK_MS}
