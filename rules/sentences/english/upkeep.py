"""What is done to the books as a whole: operations over many accounts, mail, keys, the log itself, the database."""

from collections.abc import Mapping

from rules.sentences.english import coupon_batches, speech
from rules.sentences.english.customers import FIELDS
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer, part


def _redating(told: Told) -> str:
    where = speech.count(told["accounts"], "account")
    return f"Expiry of {_points_of(told, told.subject)} is being {_to(told)}, in {where}"


def _redated(told: Told) -> str:
    lots = f"{told.points(told['points'])} in {speech.count(told['lots'], 'lot')}"
    return f"Expiry of {lots} of {told.customer} {_to(told)}"


def _to(told: Told) -> str:
    if told["expiry"] == "AT":
        return f"set to {told.until(told['expires_at'])}"
    return {"NEVER": "set to never", "BY_CURRENT_POLICY": "set by the settings of today"}[told["expiry"]]


def _operation(deed: str) -> Template:
    def template(told: Told) -> str:
        if told.details.get("kind") == "EXPORT_ACTIVITIES":
            rows = speech.count(told["rows"], "activity", "activities")
            return f"Export of activities of {_whose(told, told['on'])} {deed} after {rows}"
        if told.details.get("kind") in coupon_batches.OPERATIONS:
            return coupon_batches.ended(told, deed)
        on, card_id = told["on"], part(told["on"], "accounts") or part(told["on"], "cards")
        lots = f"{told.counted(told['points'], card_id=card_id)} in {speech.count(told['lots'], 'lot')}"
        through = f"{told['accounts_done']:,} of {speech.count(told['accounts_total'], 'account')}"
        changed = lots if told["lots"] else "nothing"
        return f"Change of the expiry of {_points_of(told, on)} {deed} after {through}: {changed} changed"

    return template


def _points_of(told: Told, name: str) -> str:
    card_id = part(name, "accounts") or part(name, "cards") or str(told.details.get("card_id", ""))
    whose = f" of {customer(name)}" if part(name, "customers") else ""
    return f"points{told.among(card_id)}{whose}"


def _activity_read(told: Told) -> str:
    fields = told.details.get("personal_fields", ())
    shown = speech.listed([FIELDS.get(field, field) for field in fields])
    return f"One activity read{f', showing {shown} before and after' if shown else ''}"


def _activities(deed: str) -> Template:
    def template(told: Told) -> str:
        count = told.details.get("count")
        what = "Activities" if count is None else speech.count(count, "activity", "activities")
        return f"{what} of {_whose(told)} {deed}"

    return template


def _looks(told: Told) -> str:
    count = told.details.get("count")
    return "Looks" if count is None else speech.count(count, "look")


def _exported(told: Told) -> str:
    count = speech.count(told["count"], "activity", "activities")
    return f"{count} of {_whose(told)} exported as {told['format']}{'' if told['whole'] else ', not all of them'}"


def _exporting(told: Told) -> str:
    deed = f"gone on with after {told['count']:,}" if told["resumed"] else "begun"
    return f"Export of activities of {_whose(told)} as {told['format']} {deed}"


def _whose(told: Told, name: str = "") -> str:
    of = name or told.subject
    if part(of, "customers"):
        return customer(of)
    return told.program_name() if part(of, "programs").strip("-") else "all programs"


def _limited(told: Told) -> str:
    what = _ATTEMPTS.get(told["what"], str(told["what"]).replace("_", " "))
    whose = _BY.get(told["by"], "")
    times = f"{told['failures']:,} failed within {speech.count(told['window_s'], 'second')}"
    return f"Attempts at {what}{whose} limited, after {times}"


def _rate_limited(told: Told) -> str:
    what = _CALLS.get(told["what"], f"of kind {told['what']}")
    times = f"{told['calls']:,} within {speech.count(told['window_s'], 'second')}"
    return f"Calls {what}{_BY.get(told['by'], '')} limited, after {times}"


# What calls do, by their kind.
_CALLS = {
    "READ": "that read",
    "WRITE": "that change something",
    "HEAVY": "that read much",
    "AUTH": "without credentials",
}
# What is attempted, and of whom the failures are counted together.
_ATTEMPTS = {"coupon_codes": "coupon codes", "logins": "passwords", "login_codes": "codes to log in"}
_BY = {"caller": " by one caller", "address": " from one address", "account": " of one account", "user": " of one user"}


TEMPLATES: Mapping[str, Template] = {
    "redating.started": _redating,
    "lot.redated": _redated,
    "operation.succeeded": _operation("done"),
    "operation.cancelled": _operation("cancelled"),
    "operation.failed": _operation("given up"),
    "erasure.completed": lambda told: f"Erasure of {told.customer} completed",
    "mail.sent": lambda told: f"Mail {_mail(told)} sent to {_recipient(told)}",
    "mail.failed": lambda told: f"Mail {_mail(told)} to {_recipient(told)} given up: {told['error']}",
    "personal_key.created": lambda told: f"Personal key {told.last} made",
    "personal_key.rotated": lambda told: f"Personal key {told.last} took the place of the one before",
    "access_key.created": lambda told: f"Key of logging in made, under personal key {told['personal_key']}",
    "wallet_key.created": lambda told: f"Key of passes made, under personal key {told['personal_key']}",
    "code_key.created": lambda told: f"Key of coupon codes made, under personal key {told['personal_key']}",
    "database.migrated": lambda told: f"Database migrated by {speech.count(len(told['applied']), 'step')}",
    "index.rebuilt": lambda told: (
        f"{speech.capital(speech.listed(told['indexes']))} of the activity log forgotten, to be taken anew"
    ),
    "activity.read": _activity_read,
    "access.listed": lambda told: f"{_looks(told)} at the data of {told.customer} listed",
    "activity.listed": _activities("listed"),
    "activity.analyzed": _activities("counted"),
    "activity.watched": _activities("watched"),
    "activity.exported": _exported,
    "export.started": _exporting,
    "export.planned": lambda told: f"Export of activities of {_whose(told)} as {told['format']} into a file begun",
    "process.started": lambda told: f"{speech.capital(told.last)} started, version {told['version']}",
    "process.ended": lambda told: f"{speech.capital(told.last)} ended",
    "attempts.limited": _limited,
    "calls.limited": _rate_limited,
    "batch.ingested": lambda told: "Batch of postings taken in",
    "method.unknown": lambda told: "Unknown method called",
}


def _mail(told: Told) -> str:
    return _MAILS.get(told["template"]) or str(told["template"]).replace("_", " ")


def _recipient(told: Told) -> str:
    return "a user" if told.subject.startswith("users/") else told.customer


# What mails are called that are not called as their template is.
_MAILS = {
    "pass": "with a card",
    "login_code": "with a code to log in",
    "password_reset": "to set the password again",
    "invitation": "with an invitation",
}
