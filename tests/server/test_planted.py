"""What persons told us, and secrets, planted wherever a request takes them: none is found where it does not belong.

Requests that are wrong are searched field by field in test_unchecked.py; these are right ones, and those that the books
refuse.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor

from fealty.v1 import options_pb2
from server.policy import Method, methods
from tests.databases import SEEN
from tests.server.calling import request_of, send
from tests.server.club import Club
from tests.server.serving import Served, told

pytestmark = pytest.mark.long

_CLASS: Any = options_pb2.data_class
_OUTSIDE = {"google.protobuf.Timestamp", "google.protobuf.FieldMask"}
_PLANTED = {options_pb2.DATA_CLASS_PERSONAL, options_pb2.DATA_CLASS_SECRET}
# Where people may write as they like, this; elsewhere, what the field's shape lets through.
TEXT = "Featherstone, planted"
SHAPED = {
    "email": "planted@example.org",
    "phone_number": "+420601999888",
    "external_id": "planted-4711",
    "filter_text": 'actor="planted-4711"',
    "language_code": "qaa-QM",
}
WORDS = ("Featherstone", "planted", "601999888", "qaa-QM")
# Where it may be: profiles, notes, and encrypted what changed. Everything else is searched, whoever adds it.
# What an export asks for stands beside its operation, and is forgotten as that ends.
KEEPS = {"customer", "customer_external_id", "activity_note", "activity_export", "app_user"}


def personal(descriptor: Descriptor) -> Iterator[list[str]]:
    """The paths of the texts of a request that are about a person, or secret. Codes of coupons are looked up: they are
    planted in test_planted_codes.py."""
    for field in descriptor.fields:
        if (field.name, _class_of(field)) == ("code", options_pb2.DATA_CLASS_SECRET):
            continue
        if field.message_type is None and field.type == field.TYPE_STRING:
            if _class_of(field) in _PLANTED:
                yield [field.name]
        # An item of a stream has one kind of posting at a time: those have requests of their own.
        elif field.message_type is not None and field.message_type.full_name not in ("fealty.v1.Item", *_OUTSIDE):
            yield from ([field.name, *path] for path in personal(field.message_type))


def _class_of(field: Any) -> int:
    return int(field.GetOptions().Extensions[_CLASS])


# What an update changes of them.
UPDATED = {
    "UpdateCustomer": ["display_name", "email", "phone_number", "language_code", "external_ids"],
    "UpdateUser": ["display_name", "language_code"],
}

# What users log in with is planted in test_planted_logins.py.
PLANTED = [
    method
    for method in methods()
    if any(personal(method.request.DESCRIPTOR)) and method.service != "fealty.v1.AccessService"
]


def plant(message: Any, path: list[str], text: str = TEXT) -> None:
    """Writes it where the path leads, in the shape that the field lets through."""
    *outer, last = path
    for name in outer:
        inner = getattr(message, name)
        if message.DESCRIPTOR.fields_by_name[name].is_repeated:
            inner = inner.add(source="shop") if not inner else inner[0]
        message = inner
    value = SHAPED.get(last, text)
    if message.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(message, last).append(value)
    else:
        setattr(message, last, value)


def _found(served: Served, said: str) -> list[str]:
    """The tables that hold a planted word, and whether we said one: on a terminal, or to the caller."""
    tables = [name for (name,) in served.rows(SEEN)]
    searched = {name: str(served.rows(f'SELECT * FROM "{name}"')) for name in tables if name not in KEEPS}
    searched["what was said"] = said
    return [name for name, text in searched.items() if any(word in text for word in (*WORDS, served.till_key))]


@pytest.mark.parametrize("method", PLANTED, ids=lambda method: method.name)
async def test_no_record_task_log_or_error_holds_what_was_planted(
    club: Club, capfd: pytest.CaptureFixture[str], method: Method
) -> None:
    """Bodies are for ever, tasks go to a broker that anybody in the house may read, and errors end up in tickets."""
    request = await request_of(club, method)
    for path in personal(method.request.DESCRIPTOR):
        plant(request, path)
    if "reason" in request.DESCRIPTOR.fields_by_name:
        request.reason.code = "GOODWILL"
    if "update_mask" in request.DESCRIPTOR.fields_by_name:
        request.update_mask.paths[:] = UPDATED[method.name]
    if method.name == "LookupCustomer":
        # Nobody has the planted number.
        answer = str(vars(await told(send(club.admin, method, request))))
    else:
        await send(club.admin, method, request)
        answer = ""
    if "validate_only" in request.DESCRIPTOR.fields_by_name:
        # The same id with other content: it was right in shape, and is refused by the books.
        other = next(path for path in personal(method.request.DESCRIPTOR) if path[-1] not in SHAPED)
        plant(request, other, f"{TEXT} again")
        answer = str(vars(await told(send(club.admin, method, request))))
        kept = any(word in str(club.served.rows(f"SELECT * FROM {name}")) for name in KEEPS for word in WORDS)
        # Whoever is erased is not to be found in the note of it either.
        assert kept == (method.name != "EraseCustomer")
    assert not _found(club.served, answer + "".join(capfd.readouterr()))


def test_every_call_that_takes_something_personal_is_here() -> None:
    """A new one is searched from its first day, since the contract says what is personal."""
    assert {"CreateCustomer", "UpdateCustomer", "AdjustPoints", "RecordActivity", "ListActivities"} <= {
        method.name for method in PLANTED
    }
