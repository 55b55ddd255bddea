"""Which requests a rule puts under approval.

All is asked of what a request says: its whole numbers, by the paths of their fields, and the paths of what it sets.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from rules.approvals.refusals import ApprovalRuleInvalid

# Three days: a weekend passes, and what was asked for is still what somebody wants.
EXPIRES_AFTER_HOURS = 72


class Rule(NamedTuple):
    """Puts methods under approval: all their requests or, where it has conditions, those that meet them.

    An amount is the number in `amount_field`, whatever its sign: it is `above`, or what the same maker has done that
    day with nobody's approval comes to more than `day_sum_above` with it; either is enough. `paths` are fields of
    which the request must set one. It takes `approvers`, each another person who holds `role` (empty: any role that may
    decide).
    """

    rule_id: str
    methods: tuple[str, ...]
    amount_field: str = ""
    above: int | None = None
    day_sum_above: int | None = None
    paths: tuple[str, ...] = ()
    approvers: int = 1
    role: str = ""
    expires_after_hours: int = EXPIRES_AFTER_HOURS
    begins_as_draft: bool = False

    def amount(self, asked: "RequestFacts") -> int:
        """The amount of a request that its conditions are about."""
        return abs(asked.figures.get(self.amount_field, 0))


class RequestFacts(NamedTuple):
    """What a request says, as far as rules ask: its method, its numbers and which fields it sets, by their paths."""

    method: str
    figures: Mapping[str, int]
    paths: Collection[str]


class Match(StrEnum):
    """Whether a request needs approval: BY_SUM where that depends on what its maker has done that day."""

    NO = "NO"
    BY_SUM = "BY_SUM"
    YES = "YES"


def match(rule: Rule, asked: RequestFacts) -> Match:
    """Whether a rule puts a request under approval."""
    if asked.method not in rule.methods:
        return Match.NO
    if rule.paths and not any(_touches(path, one) for path in rule.paths for one in asked.paths):
        return Match.NO
    if rule.above is None and rule.day_sum_above is None:
        return Match.YES
    amount = rule.amount(asked)
    if rule.above is not None and amount > rule.above:
        return Match.YES
    return Match.BY_SUM if rule.day_sum_above is not None and amount else Match.NO


def exceeds(rule: Rule, amount: int, done: int) -> bool:
    """Whether an amount, on top of what its maker has done that day, is more than may be done with nobody's
    approval."""
    return rule.day_sum_above is not None and done + amount > rule.day_sum_above


def may_match(rules: Iterable[Rule], asked: RequestFacts) -> bool:
    """Whether any of the rules may put a request under approval."""
    return any(match(rule, asked) is not Match.NO for rule in rules)


def check_rule(rule: Rule) -> None:
    """Raises ApprovalRuleInvalid where a rule contradicts itself."""
    has_amounts = rule.above is not None or rule.day_sum_above is not None
    if has_amounts and not rule.amount_field:
        raise ApprovalRuleInvalid(what="it has an amount and does not say of which field; name that in amount_field")
    if rule.amount_field and not has_amounts:
        raise ApprovalRuleInvalid(what="it names an amount_field and no amount; give above, or day_sum_above")


def _touches(path: str, other: str) -> bool:
    """Whether two paths are of one field, or one of a part of the other's."""
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")
