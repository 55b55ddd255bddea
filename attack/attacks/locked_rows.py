"""Rows that somebody else has locked: an operator in psql, a stuck neighbour. Only who needs them may wait."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any, LiteralString

import grpc.aio
import psycopg

from attack import club, limits, raw
from attack.callers import keep_calling
from attack.stage import Scene
from attack.trial import Attack
from fealty.v1.transactions_pb2_grpc import TransactionServiceStub

# What a call to a locked row gets: as long as anybody is patient.
PATIENCE_S = 5.0

ACCOUNT = """
SELECT FROM account a JOIN customer c ON c.id = a.customer JOIN program p ON p.id = c.program
WHERE p.program_id = %s AND c.customer_id = %s FOR UPDATE OF a
"""
CUSTOMER = """
SELECT FROM customer c JOIN program p ON p.id = c.program
WHERE p.program_id = %s AND c.customer_id = %s FOR UPDATE OF c
"""
PROGRAM = "SELECT FROM program WHERE program_id = %s FOR UPDATE"


def _locked(row: LiteralString, names: tuple[str, ...], accounts: list[str], scene: Scene, seconds: float) -> str:
    """Holds the row, and calls for it meanwhile."""
    with closing(psycopg.connect(scene.database_url)) as neighbour:
        if not neighbour.execute(row, names).rowcount:
            raise RuntimeError(f"there is no {names} to lock")
        ended = keep_calling(scene.target, scene.keys.rival, _earn(accounts), limits.CALLS_AT_LOCKED, seconds)
        neighbour.rollback()
    return f"calls for it: {raw.counted(ended)}"


def _earn(accounts: list[str]) -> Callable[[grpc.aio.Channel, int], Awaitable[Any]]:
    def call(channel: grpc.aio.Channel, number: int) -> Awaitable[Any]:
        request = club.purchase(accounts[number % len(accounts)])
        answer: Any = TransactionServiceStub(channel).RecordTransaction(request, timeout=PATIENCE_S)
        return answer  # type: ignore[no-any-return]

    return call


def _account(scene: Scene, seconds: float) -> str:
    return _locked(ACCOUNT, (club.CLUB, club.LOCKED), [club.account(club.CLUB, club.LOCKED)], scene, seconds)


def _customer(scene: Scene, seconds: float) -> str:
    """The first purchase with a card makes an account, which points to its customer."""
    first = [club.account(club.CLUB, club.LOCKED, club.SPARE_CARD)]
    return _locked(CUSTOMER, (club.CLUB, club.LOCKED), first, scene, seconds)


def _program(scene: Scene, seconds: float) -> str:
    """So does the first purchase of a customer, which points to its program."""
    first = [club.account(club.CROWD, f"new{number}") for number in range(club.NEWCOMERS)]
    return _locked(PROGRAM, (club.CROWD,), first, scene, seconds)


ATTACKS = (
    Attack(
        "locked_account",
        f"a session holds an account's row; {limits.CALLS_AT_LOCKED} calls for it at any time",
        _account,
        seconds_min=limits.LOCKED_MIN_S,
    ),
    Attack(
        "locked_customer",
        f"a session holds a customer's row; {limits.CALLS_AT_LOCKED} first purchases of that customer at any time",
        _customer,
        seconds_min=limits.LOCKED_MIN_S,
    ),
    Attack(
        "locked_program",
        f"a session holds another program's row; {limits.CALLS_AT_LOCKED} first purchases in it at any time",
        _program,
        seconds_min=limits.LOCKED_MIN_S,
    ),
)
