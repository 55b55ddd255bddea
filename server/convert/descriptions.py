"""Activities in sentences for people: what happened to what, with its figures, by whom, or how it came to nothing.

Figures are in the card's smallest unit, so a sentence speaks of units; a record knows of no decimals.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rules.accounts import BALANCE

# What a record says, and what it is about: the sentence without its end.
Part = Callable[[Mapping[str, Any], str], str]


def activity(body: Mapping[str, Any], actor_name: str) -> str:
    """One sentence: what was done to whom, by whom and why; of a call that came to nothing, how it ended."""
    actor = body["actor"]
    who = _WHO.get(actor["type"]) or f"{actor['type'].capitalize()} {actor_name or actor['id']}"
    if _is_of_elsewhere(body):
        return f"{_elsewhere(body)}{_why(body['details'], who)}."
    if body["outcome"] != "SUCCEEDED":
        return _ended(body, who)
    happened = _happened(body["action"], body["subject"], body["details"])
    changes = () if body["action"] in _SAYS_CHANGES else [one for one in body["changes"] if not _is_figure(one)]
    told = "; ".join((happened, *(_changed(change) for change in changes)))
    return f"{told}{_why(body['details'], '' if actor['type'] == 'SYSTEM' else who)}."


def event(action: str, subject: str, details: Mapping[str, Any]) -> str:
    """The same from the customer's side: who called is of no interest there, only for whom."""
    return f"{_happened(action, subject, details)}{_why(details)}."


def _happened(action: str, subject: str, details: Mapping[str, Any]) -> str:
    plainly = _plainly(action)
    try:
        return _PARTS.get(action, plainly)(details, subject)
    except KeyError:
        # A record stays as it was written, also by a version that said less.
        return plainly(details, subject)


def _why(details: Mapping[str, Any], who: str = "") -> str:
    whom = f"for {details['admin']}" if details.get("admin") else ""
    by = " ".join(filter(None, (who, whom)))
    said = ", ".join(filter(None, (by, details.get("reason_code"))))
    return f" ({said})" if said else ""


def _ended(body: Mapping[str, Any], who: str) -> str:
    details = body["details"]
    called = body["method"].rpartition("/")[2] or body["action"]
    about = f" for {body['subject']}" if body["subject"] else ""
    why = f": {details['reason']}" if details.get("reason") else ""
    return f"{who} called {called}{about}, which {_ENDS[body['outcome']]}{why}."


def _plainly(action: str) -> Part:
    noun, _, deed = action.partition(".")
    return lambda details, subject: f"{noun.capitalize()}{_space(subject)} was {deed.replace('_', ' ')}"


def _is_of_elsewhere(body: Mapping[str, Any]) -> bool:
    # A call that came to nothing is named as the contract names it.
    return str(body.get("method")).endswith("/RecordActivity") and body["action"] != "activity.recorded"


def _elsewhere(body: Mapping[str, Any]) -> str:
    """Booking 4711 of anna was created: what a caller says that happened, with how it ended there."""
    noun, _, deed = body["action"].partition(".")
    related = body["details"].get("related", "")
    kind, _, number = related.rpartition("/")
    kind = kind.rpartition("/")[2]
    is_its_own = noun in (kind.removesuffix("s"), f"{kind.removesuffix('ies')}y")
    about = f" about {related}" if related and not is_its_own else ""
    end = f", which {_ENDS[body['outcome']]}" if body["outcome"] != "SUCCEEDED" else ""
    what = f"{noun.replace('_', ' ').capitalize()}{f' {number}' if is_its_own else ''}"
    return f"{what} of {body['subject']} was {deed.replace('_', ' ')}{about}{end}"


def _is_figure(change: Mapping[str, Any]) -> bool:
    # Of the balance: the sentence speaks of the points already.
    return change["field"].rpartition(".")[2] in BALANCE


def _changed(change: Mapping[str, Any]) -> str:
    if change["before"] is None and change["after"] is None:
        return f"its {change['field']} changed"
    return f"its {change['field']} changed from {_said(change['before'])} to {_said(change['after'])}"


def _said(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)


def _space(text: str) -> str:
    return f" {text}" if text else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if abs(number) == 1 else f"{number} {noun}s"


def _units(number: int) -> str:
    return _count(number, "unit")


def _were(number: int) -> str:
    return f"{_units(number)} {_be(number)}"


def _be(number: int) -> str:
    return "was" if abs(number) == 1 else "were"


def _whose(subject: str) -> str:
    return "all programs" if subject in ("", "-") else subject


def _on(details: Mapping[str, Any]) -> str:
    what = details.get("reference") or details.get("transaction", "")
    return f" on {what}" if what else ""


def _for(details: Mapping[str, Any]) -> str:
    return f" for {details['reference']}" if details.get("reference") else ""


def _recorded(details: Mapping[str, Any], subject: str) -> str:
    earned = f"{_units(details['points'])}{', pending' if details.get('pending') else ''}"
    amount = f"{_minor(details['amount_minor'])} of {details['currency']}"
    return f"Purchase {subject} of {amount} was recorded; it earned {earned}"


def _updated(details: Mapping[str, Any], subject: str) -> str:
    amounts, points = details["amount_minor"], details["points"]
    earned = f"it earned {_units(points[1])} in place of {points[0]}"
    return f"Purchase {subject} was corrected from {amounts[0]} to {_minor(amounts[1])}; {earned}"


def _refunded(details: Mapping[str, Any], subject: str) -> str:
    claimed = ", ".join(f"{details[name]} {words}" for name, words in _CLAIMED.items() if details.get(name))
    of = f": {claimed}" if claimed else ""
    back = f"; {_units(details['restored'])} that had paid for it came back" if details.get("restored") else ""
    amount = _minor(details["amount_minor"])
    taken = f"that took {_units(details['points'])}{of}{back}"
    return f"{amount} of purchase {subject} {_be(details['amount_minor'])} refunded; {taken}"


def _minor(amount: int) -> str:
    return _count(amount, "minor unit")


def _adjusted(details: Mapping[str, Any], subject: str) -> str:
    amount = details["amount"]
    return f"{_were(abs(amount))} {'added to' if amount > 0 else 'taken from'} {subject} by hand"


def _transferred(details: Mapping[str, Any], subject: str) -> str:
    if "from" in details:
        return f"{_were(details['amount'])} transferred to {subject} from {details['from']}"
    return f"{_were(-details['amount'])} transferred from {subject} to {details['to']}"


def _rolled_back(details: Mapping[str, Any], subject: str) -> str:
    gone = f", of which {details['expired']} expired at once" if details.get("expired") else ""
    back = f"{_units(details['restored'])} came back{gone}" if details["restored"] else "nothing came back"
    return f"Spending {subject} was rolled back by {_units(details['points'])}: {back}"


def _redating(details: Mapping[str, Any], subject: str) -> str:
    where = _count(details["accounts"], "account")
    # A record that names the whole program was written before cards had names.
    which = "lots" if subject.count("/") > 1 else f"{details['card_id']} lots"
    return (
        f"Operation {details['operation']} was begun: the expiry of {which} of {subject}, in {where}, is {_to(details)}"
    )


def _redated(details: Mapping[str, Any], subject: str) -> str:
    lots = f"{_units(details['points'])} in {_count(details['lots'], 'lot')}"
    return f"The expiry of {lots} of {subject} was {_to(details)}"


def _to(details: Mapping[str, Any]) -> str:
    to = {"AT": f"set to {details.get('expires_at')}", "NEVER": "set to never", "BY_CURRENT_POLICY": "set anew"}
    return to[details["expiry"]]


def _operation(deed: str) -> Part:
    def part(details: Mapping[str, Any], subject: str) -> str:
        lots = f"{_units(details['points'])} in {_count(details['lots'], 'lot')} {_be(details['lots'])} changed"
        through = f"{details['accounts_done']} of {_count(details['accounts_total'], 'account')}"
        return f"Operation {subject} on {details['on']} {deed} after {through}: {lots}"

    return part


def _written_off(details: Mapping[str, Any], subject: str) -> str:
    points = details["points"]
    return f"{_units(points)} of {subject} {_be(points)} written off; {details['remaining']} of it remain"


def _event(details: Mapping[str, Any], subject: str) -> str:
    about = f" about purchase {details['transaction']}" if details.get("transaction") else ""
    gave = f"; it gave {_units(details['points'])} to {details['account']}" if details.get("points") else ""
    return f"Event {details['event_type']} of {subject}{about} was recorded{gave}"


def _merged(details: Mapping[str, Any], subject: str) -> str:
    if "into" in details:
        return f"Customer {subject} was merged into {details['into']}, which got {_moved(details)}"
    return f"Customer {subject} got {_moved(details)} by the merge of {details['from']}"


def _unmerged(details: Mapping[str, Any], subject: str) -> str:
    if "from" in details:
        return f"Customer {subject} was parted from {details['from']} again, and got back {_moved(details)}"
    return f"Customer {subject} gave back {_moved(details)}, as {details['to']} was parted from it again"


def _cleared(details: Mapping[str, Any]) -> str:
    cleared = []
    for account in details["accounts"]:
        ended = [say(account[figure]) for figure, say in _CLEARED.items() if account[figure]]
        cleared.append(f"of card {account['card_id']}, {_listed(ended)}")
    return f"; {'; '.join(cleared)}" if cleared else ""


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _moved(details: Mapping[str, Any]) -> str:
    moved = []
    for account in details["accounts"]:
        debt = f" and {account['debt']} of debt" if account["debt"] else ""
        moved.append(f"{_units(account['active'] + account['pending'])}{debt} of card {account['card_id']}")
    return ", ".join(moved) or "no points"


_WHO = {"SYSTEM": "Fealty", "ANONYMOUS": "somebody without a valid key"}

_ENDS = {"DENIED": "was denied", "INVALID": "was not understood", "REFUSED": "was refused", "FAILED": "failed"}

_CLAIMED = {
    "pending": "pending",
    "own_lot": "of its own",
    "other_lots": "of others",
    "debt": "as debt",
    "shortfall": "missing",
}

_CLEARED: dict[str, Callable[[int], str]] = {
    "released": lambda points: f"{_were(points)} released from holds",
    "cancelled": lambda points: f"{_were(points)} cancelled",
    "expired": lambda points: f"{_units(points)} expired",
    "repaid": lambda points: f"{_units(points)} repaid debt",
}

# Acts whose sentence says already what changed.
_SAYS_CHANGES = {
    *("customer.merged", "customer.unmerged", "customer.suspended", "customer.reactivated"),
    *("customer.blocked", "customer.closed"),
    *("program.archived", "program.unarchived", "card.archived", "card.unarchived"),
}

_PARTS: dict[str, Part] = {
    "transaction.recorded": _recorded,
    "transaction.updated": _updated,
    "transaction.accepted": lambda d, s: f"Purchase {s} was accepted: {_units(d['points'])} became active",
    "transaction.rejected": lambda d, s: f"Purchase {s} was rejected: {_were(d['points'])} cancelled",
    "transaction.refunded": _refunded,
    "points.spent": lambda d, s: f"{_units(-d['amount'])} of {s} {_be(d['amount'])} spent{_on(d)}",
    "points.activated": lambda d, s: f"{_units(d['amount'])} of {s} became active",
    "points.expired": lambda d, s: f"{_units(-d['amount'])} of {s} expired",
    "points.adjusted": _adjusted,
    "points.transferred": _transferred,
    "spending.rolled_back": _rolled_back,
    "reward.claimed": lambda d, s: f"{_were(-d['amount'])} taken from {s} as rewards were claimed{_for(d)}",
    "debt.repaid": lambda d, s: f"{_units(-d['amount'])} of {s} repaid debt",
    "hold.created": lambda d, s: f"{_were(d['points'])} set aside{_for(d)} as {s}, until {d['expires_at']}",
    "hold.captured": lambda d, s: f"Hold {s} was captured: {_were(-d['amount'])} spent{_on(d)}",
    "hold.released": lambda d, s: f"Hold {s} was released: {_units(d['points'])} can be spent again",
    "hold.expired": lambda d, s: f"Hold {d['hold']} of {s} expired: nobody captured its {_units(d['points'])} in time",
    "lot.activated": lambda d, s: f"Lot {s} was made active by hand, with {_units(d['points'])}",
    "lot.cancelled": lambda d, s: f"Lot {s} was cancelled by hand, with {_units(d['points'])}",
    "redating.started": _redating,
    "lot.redated": _redated,
    "operation.succeeded": _operation("was done"),
    "operation.cancelled": _operation("was cancelled"),
    "operation.failed": _operation("was given up"),
    "event.recorded": _event,
    "shortfall.written_off": _written_off,
    "customer.merged": _merged,
    "customer.unmerged": _unmerged,
    "customer.listed": lambda d, s: f"{_count(d['count'], 'customer')} of {s} {_be(d['count'])} listed",
    "customer.suspended": lambda d, s: f"Customer {s} was suspended",
    "customer.blocked": lambda d, s: f"Customer {s} was blocked{_cleared(d)}",
    "customer.closed": lambda d, s: f"Customer {s} was closed for ever{_cleared(d)}",
    "customer.reactivated": lambda d, s: f"Customer {s} was reactivated",
    "program.clock_advanced": lambda d, s: f"The test clock of program {s} was moved",
    "activity.read": lambda d, s: f"Activity {s.removeprefix('activities/')} was read",
    "activity.listed": lambda d, s: f"Activities of {_whose(s)} were listed",
    "activity.watched": lambda d, s: f"Activities of {_whose(s)} were watched",
    "mail.sent": lambda d, s: f"Mail {d['mail']} ({d['template']}) was sent to {s}",
    "mail.failed": lambda d, s: f"Mail {d['mail']} ({d['template']}) to {s} was given up: {d['error']}",
    "key.created": lambda d, s: f"API key {s} was made for caller {d['name']}, of role {d['role']}",
    "key.revoked": lambda d, s: f"API key {s} was revoked",
    "database.migrated": lambda d, s: "The database was migrated",
}
