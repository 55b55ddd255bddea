"""Requests that name coupons by their codes, and what somebody who tries codes gets to know by them.

Of a code that is unknown, another customer's, voided or expired, callers without COUPONS_INSPECT are told the same,
byte for byte; the log has which it was. All four are found out by the same reads and leave the same record, so that
time does not tell them apart either. Each counts as a failed attempt (`guarding`); what succeeds, and what is refused
for any other reason, does not: those codes are good. To these callers a coupon that is named is there where it is the
customer's own; what is not counts as a code would.

A wrong check symbol is told to everybody, and counts for nothing: whoever guesses computes it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from fealty.v1 import coupons_pb2 as pb
from rules.access import Caller, Permission
from rules.coupons import refusals
from rules.coupons.availability import HIDDEN
from rules.coupons.codes import Code, carries_right_check_symbol, normalise
from rules.coupons.refusals import CodeMalformed, CodeMistyped
from rules.refusals import Refusal
from server import limits
from server.call import Call
from server.errors import Failure, failure
from server.guarding import CODES
from server.limiting import Undecided
from server.naming_coupons import completed
from server.reasons import REFUSALS
from storage.books import Books
from storage.coupons.unchecked import has_unchecked_codes

# Of coupons that are named, what counts.
NOT_THERE: frozenset[type[Refusal]] = frozenset({refusals.CouponNotFound})
NOT_USABLE = failure(refusals.CouponNotUsable())
_HIDDEN_REASONS = frozenset(REFUSALS[refusal].reason for refusal in HIDDEN)
_NOT_THERE_REASONS = frozenset(REFUSALS[refusal].reason for refusal in NOT_THERE)


def _of_uses(message: Any) -> Mapping[int, str]:
    return {item: use.code for item, use in enumerate(message.coupons, start=1) if use.HasField("code")}


def _of_one(message: Any) -> Mapping[int, str]:
    return {1: message.code} if message.code else {}


# The codes in each request that can have some, by where they stand in it, from 1.
GUARDED: Mapping[type[Any], Callable[[Any], Mapping[int, str]]] = {
    pb.LookupCouponRequest: _of_one,
    pb.AssignCouponRequest: _of_one,
    pb.ValidateCouponsRequest: _of_uses,
    pb.ReserveCouponsRequest: _of_uses,
    pb.RedeemCouponsRequest: _of_uses,
}


class Guessing:
    """One for each server process: it remembers which programs have codes without a check symbol."""

    def __init__(self, books: Books) -> None:
        self._books = books
        # By the public ids of programs that all codes of carry one: until when nobody is asked again.
        self._all_checked: dict[str, float] = {}
        self._some_unchecked: set[str] = set()

    async def begin(self, call: Call, requests: Iterable[tuple[Any, str]]) -> Undecided:
        """Takes requests of GUARDED in hand, each with the public id of its program; before `admit`. Raises
        DeadlinePassed."""
        attempts = Counter[str]()
        for message, program in requests:
            if call.caller.sees(program) and (times := guesses(call.caller, message, program)):
                attempts[program] += times
        return await CODES.begin(call, attempts)

    async def admit(self, call: Call, message: Any, program: str) -> None:
        """Before anything is looked up for a request of GUARDED. Raises TooManyAttempts; and CodeMalformed and
        CodeMistyped, but of what is only validated, where each code has a verdict of its own."""
        if not guesses(call.caller, message, program) or not call.caller.sees(program):
            return
        CODES.check(call, program)
        if not isinstance(message, pb.ValidateCouponsRequest):
            for item, typed in GUARDED[type(message)](message).items():
                try:
                    await self.read(call, typed, program)
                except (CodeMalformed, CodeMistyped) as refusal:
                    raise (refusal.of(item=item) if _is_of_several(message) else refusal) from None

    async def read(self, call: Call, typed: str, program: str) -> Code:
        """The code that somebody typed. Raises CodeMalformed, and CodeMistyped where its check symbol is wrong and all
        codes of the program have one."""
        code = normalise(typed)
        if not carries_right_check_symbol(code) and not await self._has_unchecked(call.caller, program):
            raise CodeMistyped
        return code

    def note(self, call: Call, message: Any, told: Failure, program: str) -> None:
        """Counts a request of GUARDED that was refused, where it was for a code, or a name of what is not there."""
        counted = _HIDDEN_REASONS if GUARDED[type(message)](message) else _NOT_THERE_REASONS
        if told.reason in counted and guesses(call.caller, message, program):
            CODES.failed(call, program)

    async def _has_unchecked(self, caller: Caller, program: str) -> bool:
        """As it was a second ago at most. Once a program has such codes, it stays so."""
        now = time.monotonic()
        if program in self._some_unchecked:
            return True
        if self._all_checked.get(program, 0.0) > now:
            return False
        if await self._books.query(caller, lambda books: has_unchecked_codes(books, program)):
            self._some_unchecked.add(program)
            return True
        if len(self._all_checked) >= limits.PROGRAMS_REMEMBERED_MAX:
            self._all_checked.clear()
        self._all_checked[program] = now + limits.CHECK_SYMBOLS_KNOWN_S
        return False


def guesses(caller: Caller, message: Any, program: str) -> int:
    """How many coupons of a request of GUARDED may be guessed at: those with codes and, by callers who may not look
    around, those with names."""
    codes = len(GUARDED[type(message)](message))
    if caller.may(Permission.COUPONS_INSPECT, program):
        return codes
    if isinstance(message, pb.AssignCouponRequest):
        return codes + message.HasField("coupon")
    return codes if isinstance(message, pb.LookupCouponRequest) else len(message.coupons)


def is_hidden(caller: Caller, refusal: Refusal, program: str) -> bool:
    """Whether a caller is told no more than that the code cannot be used."""
    return type(refusal) in HIDDEN and not caller.may(Permission.COUPONS_INSPECT, program)


def told_as(reason: str) -> str:
    """The reason that callers without COUPONS_INSPECT hear. Also what the log folds by: time must not tell more."""
    return NOT_USABLE.reason if reason in _HIDDEN_REASONS else reason


def shown(call: Call, message: Any, told: Failure, program: str) -> Failure:
    """What a caller is told of the refusal of a request of GUARDED; `told` is for the log."""
    if told.reason in _HIDDEN_REASONS and not call.caller.may(Permission.COUPONS_INSPECT, program):
        told = replace(NOT_USABLE, metadata={fact: told.metadata[fact] for fact in ("item",) if fact in told.metadata})
    return completed(call, message, told, program)


def _is_of_several(message: Any) -> bool:
    return len(getattr(message, "coupons", ())) > 1
