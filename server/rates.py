"""Limits on how often anybody calls, by class of method: a caller by itself, a stranger by the address.

A call costs a look-up and a subtraction. What a caller may still do is worked out anew around each exchange of counts
with the other processes (server/limiting), and where it is used up: until then nobody is asked.
"""

from typing import TYPE_CHECKING

from prometheus_client import Counter

from rules import limiting, rates
from rules.limiting import Rule
from rules.rates import RateClass
from rules.refusals import RateLimited
from server import limits
from server.guarding import source_of
from server.limiting import Key, Limiter, Whose
from server.limiting.held import now_ms

if TYPE_CHECKING:
    from server.call import Call

REFUSED = Counter("fealty_calls_limited", "Calls refused because there were too many", ["rate_class", "by"])

# What holds for whoever has no limit of its own.
DEFAULTS: dict[RateClass, Rule] = {
    RateClass.READ: limits.READS,
    RateClass.WRITE: limits.WRITES,
    RateClass.HEAVY: limits.HEAVY_CALLS,
    RateClass.AUTH: limits.CALLS_OF_STRANGERS,
}


class _Meter:
    """What a caller may still do until somebody is asked again, and what it was permitted then."""

    __slots__ = ("key", "left", "permitted", "whose")

    def __init__(self, key: Key, whose: Whose, permitted: int) -> None:
        self.key = key
        self.whose = whose
        self.permitted = permitted
        self.left = permitted


class Rates:
    """One for each server process; used on its event loop."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._meters: dict[RateClass, dict[str, _Meter]] = {rate_class: {} for rate_class in RateClass}
        limiter.telling.collect = self._collect

    def count(self, call: "Call") -> None:
        """Counts a call, or a message of a stream: by its caller or, where its method needs none, as a stranger's.
        Raises RateLimited."""
        rate_class = call.method.rate_class
        if rate_class is RateClass.AUTH:
            self.count_stranger(call)
            return
        meter = self._meters[rate_class].get(call.caller.id)
        if meter is not None and meter.left > 0:
            meter.left -= 1
        else:
            self._ask(call, rate_class, _rule_of(call, rate_class), call.caller.id)

    def count_stranger(self, call: "Call") -> None:
        """Counts a call without credentials, or with wrong ones. Raises RateLimited."""
        source = source_of(call.whence.ip_address)
        if not source:
            return
        meter = self._meters[RateClass.AUTH].get(source)
        if meter is not None and meter.left > 0:
            meter.left -= 1
        else:
            self._ask(call, RateClass.AUTH, DEFAULTS[RateClass.AUTH], source)

    def add(self, call: "Call", times: int) -> None:
        """Counts what came with a message of a stream that was counted: it is heard whole."""
        meter = self._meters[call.method.rate_class].get(call.caller.id)
        if meter is not None:
            meter.left -= times

    def _ask(self, call: "Call", rate_class: RateClass, rule: Rule, by: str) -> None:
        """Counts a call whose meter has run out, or that has none yet."""
        if (before := self._meters[rate_class].pop(by, None)) is not None:
            self._note(before)
        key, whose = Key(rule, by), Whose(call.origin, call.caller.only_program)
        if wait := limiting.wait_ms(rule, self._limiter.known(key), now_ms()):
            REFUSED.labels(rule.what, rule.by).inc()
            raise RateLimited(rate_class=rule.what, limit=rule.times_max, retry_after_s=-(-wait // 1000))
        known = self._limiter.note(key, whose, 1)
        self._meters[rate_class][by] = _Meter(key, whose, limiting.room(rule, known, now_ms()))

    def _collect(self) -> None:
        for meters in self._meters.values():
            for meter in meters.values():
                self._note(meter)
            meters.clear()

    def _note(self, meter: _Meter) -> None:
        if taken := meter.permitted - meter.left:
            self._limiter.note(meter.key, meter.whose, taken)


def _rule_of(call: "Call", rate_class: RateClass) -> Rule:
    rule = DEFAULTS[rate_class]
    most = rates.own(call.caller.rates, rate_class)
    return rule if most is None else rule._replace(times_max=most)
