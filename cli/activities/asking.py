"""What is asked of the log, and of which server: options that the commands share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from fealty import Fealty, v1

Command = TypeVar("Command", bound=Callable[..., Any])

# Each option, the field of the contract's filter that it fills, and what to say of it. Words of enums go in any case.
FILTERS: Mapping[str, tuple[str, str]] = {
    "category": ("categories", "Such as orders or customers."),
    "type": ("types", "Such as order, access or security."),
    "event": ("events", "created, updated or deleted."),
    "action": ("actions", "Such as customer.created."),
    "outcome": ("outcomes", "Such as succeeded, denied or refused."),
    "actor": ("actors", "Who did it: a caller's name, or callers/ID."),
    "actor-type": ("actor_types", "Such as administrator or service."),
    "role": ("roles", "What the actor was trusted with, such as ADMINISTRATOR."),
    "source": ("sources", "Such as api, staff or platform."),
    "module": ("modules", "Such as members or access_control."),
    "subject": ("subjects", "What it was done to, by its resource name."),
    "subject-kind": ("subject_kinds", "Such as customers or cards."),
    "related": ("related", "What it is about elsewhere, such as bookings/4711."),
    "request-id": ("request_ids", "The id of the request."),
    "trace-id": ("trace_ids", "The trace that the call belongs to."),
    "reason": ("reason_codes", "The code of a reason, or of a refusal."),
    "ip": ("addresses", "The address that it came from."),
    "changed": ("changed_fields", "A field that changed, such as points.active."),
    "before": ("values_before", "Its value before."),
    "after": ("values_after", "Its value after."),
}


class Asked(NamedTuple):
    """Of whom, and what: as the requests of the contract have it."""

    parent: str
    filter: "v1.ActivityFilter"
    filter_text: str
    time_zone: str


def connecting(command: Command) -> Command:
    """`--address` and `--key-file`."""
    address = click.option("--address", metavar="HOST:PORT", help="Of the server.  [default: FEALTY_HOST, FEALTY_PORT]")
    key_file = click.option(
        "--key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="With the API key, or all that `fealty keys create` printed.  [default: FEALTY_API_KEY]",
    )
    return address(key_file(command))


def scoping(*, of_one: bool = False) -> Callable[[Command], Command]:
    """`--program`, which must be given where it is `of_one`, `--customer` and `--time-zone`."""
    said = "Of this program." if of_one else "Only of this program.  [default: all that the key sees]"
    program = click.option("--program", metavar="ID", required=of_one, help=said)
    customer = click.option("--customer", metavar="ID", help="Only of this customer of the program.")
    zone = click.option(
        "--time-zone", metavar="ZONE", default="UTC", show_default=True, help="Where days and times are."
    )
    return lambda command: program(customer(zone(command)))


def filtering(command: Command) -> Command:
    """The filter, as options and as a line of text; given several times, one of the values must match."""
    until = click.option("--until", metavar="WHEN", help="Recorded on or before that day, or before that instant.")
    command = until(command)
    since = click.option("--since", metavar="WHEN", help="Recorded from that day or instant on: 2026-03-01[T08:00].")
    command = since(command)
    for name, (field, said) in reversed(list(FILTERS.items())):
        command = click.option(f"--{name}", field, metavar="WORD", multiple=True, help=said)(command)
    return click.argument("filter_text", metavar="[FILTER]", default="")(command)


def asked(program: str | None, customer: str | None, time_zone: str, **given: Any) -> Asked:
    """What the options ask. Raises UsageError where they are wrong by themselves; the rest is the server's to say."""
    from fealty import v1

    for option, such, id_ in (("program", "coffee", program), ("customer", "anna", customer)):
        if id_ is not None and (not id_ or "/" in id_):
            raise click.BadParameter(f"an id is wanted, such as {such}.", param_hint=f"--{option}")
    if customer and not program:
        raise click.UsageError("--customer is of a program: name it with --program.")
    parent = f"programs/{program}" if program else "-"
    wanted = v1.ActivityFilter()
    for name, (field, _) in FILTERS.items():
        getattr(wanted, field).extend(_value(name, field, word) for word in given.get(field, ()))
    zone = _zone(time_zone)
    bounds = [
        _bound(wanted, option, side, given[option], zone)
        for option, side in (("since", "start"), ("until", "end"))
        if given.get(option)
    ]
    if bounds != sorted(bounds):
        raise click.UsageError(f"--since {given['since']} is after --until {given['until']}: nothing can be between.")
    return Asked(
        f"{parent}/customers/{customer}" if customer else parent, wanted, given.get("filter_text", ""), time_zone
    )


@contextmanager
def connected(address: str | None, key_file: Path | None, role: str = "auditor") -> "Iterator[Fealty]":
    """A connection with the key, which should be of a role. Raises Failure, also for what the server says no to."""
    from cli import dialing
    from cli.failures import Failure
    from cli.settings import load
    from fealty import Refused, Unanswered

    settings = load()
    where = address or settings.address
    key = _key_in(key_file) if key_file else settings.key
    if not key:
        raise Failure(
            "an API key is needed: set FEALTY_API_KEY, or name a file with --key-file; "
            f"`fealty keys create NAME --role {role}` makes one"
        )
    try:
        opened = dialing.connected(where, key)
    except ValueError as error:
        raise Failure(f"{error}: correct --address or the key") from None
    try:
        with opened:
            yield opened
    except Refused as refused:
        raise Failure(str(refused)) from None
    except Unanswered as unanswered:
        told = f"{unanswered.code.name}: {unanswered.what}"
        raise Failure(
            f"no server answers at {where} ({told}): `fealty up` starts one, --address names another"
        ) from None


def _key_in(file: Path) -> str:
    """The key in a file, which may be all that `fealty keys create` said. Raises Failure."""
    from cli.failures import Failure
    from storage.access.credentials import parse_token

    text = file.read_text(errors="replace").strip()
    found = {word for word in text.split() if parse_token(word)}
    if len(found) == 1:
        return found.pop()
    if not text.isascii() or len(text.split()) > 1:
        held = "several keys" if found else "no key"
        raise Failure(f"the file {file} holds {held}: put the key alone on a line of it")
    return text


def _value(option: str, field: str, word: str) -> Any:
    """A word of an option, as the filter's field has it."""
    from fealty import v1

    enum = v1.ActivityFilter.DESCRIPTOR.fields_by_name[field].enum_type
    if enum is None:
        return word
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    words = {value.name.removeprefix(prefix): value.number for value in enum.values if value.number}
    number = words.get(word.upper().replace("-", "_"))
    if number is None:
        raise click.BadParameter(f"{word!r} is none of {', '.join(words).lower()}.", param_hint=f"--{option}")
    return number


def _zone(name: str) -> ZoneInfo:
    from rules.programs import time_zone
    from rules.refusals import TimeZoneUnknown

    try:
        return time_zone(name)
    except TimeZoneUnknown:
        raise click.BadParameter(
            f"there is no zone {name!r}; write it like Europe/Prague.", param_hint="--time-zone"
        ) from None


def _bound(wanted: "v1.ActivityFilter", option: str, side: str, given: str, zone: ZoneInfo) -> datetime:
    """Fills `start_date` or `start_time`, `end_date` or `end_time`; answers the first or the last instant of it."""
    try:
        if len(given) == len("2026-03-01"):
            day = date.fromisoformat(given)
            getattr(wanted, f"{side}_date").MergeFrom(_date(day))
            wanted.time_zone = zone.key
            return datetime.combine(day, time.min if side == "start" else time.max, zone)
        at = datetime.fromisoformat(given)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        getattr(wanted, f"{side}_time").FromDatetime(at)
        return at
    except ValueError:
        said = f"{given!r} is no day and no instant; write it like 2026-03-01 or 2026-03-01T08:00."
        raise click.BadParameter(said, param_hint=f"--{option}") from None


def _date(day: date) -> "v1.Date":
    from fealty import v1

    return v1.Date(year=day.year, month=day.month, day=day.day)
