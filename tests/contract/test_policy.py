"""What every method and every field must declare, walked through all of them: nothing can be added without it."""

import re
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from buf.validate import validate_pb2
from fealty.v1 import (
    activity_pb2,
    audit_pb2,
    cards_pb2,
    customers_pb2,
    explanations_pb2,
    holds_pb2,
    names_pb2,
    operations_pb2,
    options_pb2,
    points_pb2,
    reports_pb2,
    transactions_pb2,
)
from rules import activity
from rules.access import ActorType, Permission
from rules.accounts import EntryKind, HoldState, LotState, ShortfallKind
from rules.activity import Kind
from rules.calendar import Rounding
from rules.cards import CardKind, RefundPolicy
from rules.refunds import RollbackPolicy
from rules.states import CustomerState
from rules.transactions import TransactionState
from server import policy
from server.convert import cards
from storage.activity.commands import Outcome
from storage.operations.records import OperationKind, OperationState
from tests.contract.descriptors import PROTOS, fields_of, is_map, messages, methods

METHODS = methods()
RULES: Any = validate_pb2.field
CLASS: Any = options_pb2.data_class
POLICY: Any = options_pb2.policy

# Strings that need no limit of their own, and why.
EXEMPT = {
    "update_mask.paths": "compared with the names of fields, never kept",
}

# Whose changes are not kept under a request_id, and why.
NOT_KEPT = {
    "fealty.v1.AccessService": "passwords, codes and tokens go in and out: not even a hash of them may be kept, and of"
    " who logs in there is no caller to keep it under",
}

# Streams that are one request, with a file in pieces behind it.
FILES = {"ImportCoupons": ("target", "report")}


def _name(declared: MethodDescriptor | Descriptor) -> str:
    return str(declared.name)


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_method_declares_who_may_call_it_and_what_the_log_keeps_of_it(method: MethodDescriptor) -> None:
    """A method without a permission is open to everybody; one without an audit class is seen by nobody."""
    declared: options_pb2.MethodPolicy = method.GetOptions().Extensions[POLICY]
    assert declared.permission != options_pb2.PERMISSION_UNSPECIFIED
    assert declared.audit != options_pb2.AUDIT_CLASS_UNSPECIFIED
    assert declared.category != activity_pb2.ACTIVITY_CATEGORY_UNSPECIFIED
    assert declared.type != activity_pb2.ACTIVITY_TYPE_UNSPECIFIED
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", declared.action)


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_change_declares_whether_it_makes_changes_or_ends_something(method: MethodDescriptor) -> None:
    """Whoever looks for what is gone asks the log for deletions; what a reading would be has no answer."""
    declared: options_pb2.MethodPolicy = method.GetOptions().Extensions[POLICY]
    is_change = declared.audit == options_pb2.AUDIT_CLASS_MUTATION
    assert (declared.event != activity_pb2.ACTIVITY_EVENT_UNSPECIFIED) == is_change
    if method.name.startswith(("Create", "Record")):
        assert declared.event == activity_pb2.ACTIVITY_EVENT_CREATED
    assert (declared.event == activity_pb2.ACTIVITY_EVENT_DELETED) == method.name.startswith(
        ("Close", "Archive", "Void", "Erase", "LogOut", "End", "Delete", "RevokeKey", "RevokeCertificate")
    )


def test_no_name_of_an_act_stands_for_two_kinds_of_events() -> None:
    """The log keeps the name, and what it was is found by it."""
    kinds = {(kind.action, kind.event) for kind in (*activity.OWN, *(method.kind for method in policy.methods()))}
    assert len(kinds) == len({action for action, _ in kinds})


def test_the_server_knows_every_method_of_every_file() -> None:
    """A service in a file that nobody lists would be answered as unknown."""
    assert {method.path for method in policy.methods()} == {
        f"/{method.containing_service.full_name}/{method.name}" for method in METHODS
    }


def test_what_shows_personal_data_is_recorded() -> None:
    """A response with a personal or a secret field belongs to a method whose every call is recorded, or to a change."""
    for method in METHODS:
        declared: options_pb2.MethodPolicy = method.GetOptions().Extensions[POLICY]
        classes = {field.GetOptions().Extensions[CLASS] for _, field in fields_of(method.output_type)}
        if classes & {options_pb2.DATA_CLASS_PERSONAL, options_pb2.DATA_CLASS_SECRET}:
            assert declared.audit in (options_pb2.AUDIT_CLASS_MUTATION, options_pb2.AUDIT_CLASS_PERSONAL_READ)


@pytest.mark.parametrize("message", messages(), ids=_name)
def test_every_field_declares_what_kind_of_data_it_carries(message: Descriptor) -> None:
    """Whoever adds a field decides then and there whether it may be logged."""
    for field in message.fields:
        assert field.GetOptions().Extensions[CLASS] != options_pb2.DATA_CLASS_UNSPECIFIED, field.full_name


def test_a_message_with_personal_data_is_personal_itself() -> None:
    """The class of a field that holds a message is the strictest of what is inside."""
    for message in messages():
        for field in message.fields:
            if field.message_type is None:
                continue
            inside = {part.GetOptions().Extensions[CLASS] for _, part in fields_of(field.message_type)}
            if strict := inside & {options_pb2.DATA_CLASS_PERSONAL, options_pb2.DATA_CLASS_SECRET}:
                assert field.GetOptions().Extensions[CLASS] == max(strict), field.full_name


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_text_of_a_request_has_an_end(method: MethodDescriptor) -> None:
    """Limits on everything: a text of four megabytes in a name is an attack, not a name."""
    for path, field in fields_of(method.input_type):
        if field.type == FieldDescriptor.TYPE_STRING and path not in EXEMPT:
            assert _is_limited(_text_rules(field)), f"{method.name}: {path}"
        if is_map(field):
            rules, entry = field.GetOptions().Extensions[RULES].map, field.message_type
            assert _is_limited(rules.keys.string), f"{method.name}: {path}"
            assert entry is not None
            if entry.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                assert _is_limited(rules.values.string), f"{method.name}: {path}"
            else:
                assert rules.values.int64.HasField("gte"), f"{method.name}: {path}"
                assert rules.values.int64.HasField("lte"), f"{method.name}: {path}"


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_list_of_a_request_has_an_end(method: MethodDescriptor) -> None:
    """The same for how many."""
    for path, field in fields_of(method.input_type):
        if field.is_repeated and path not in EXEMPT:
            rules = field.GetOptions().Extensions[RULES]
            assert rules.map.max_pairs if is_map(field) else rules.repeated.max_items, f"{method.name}: {path}"


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_number_of_a_request_has_bounds(method: MethodDescriptor) -> None:
    """Counts are not negative, and what is multiplied cannot overflow."""
    output_only = {"settings_version"}
    for path, field in fields_of(method.input_type):
        if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64) and field.name not in output_only:
            rules = field.GetOptions().Extensions[RULES]
            bounds = rules.int32 if field.type == FieldDescriptor.TYPE_INT32 else rules.int64
            assert bounds.HasField("gte"), f"{method.name}: {path}"
            assert bounds.HasField("lte") or field.name == "page_size", f"{method.name}: {path}"


@pytest.mark.parametrize("method", METHODS, ids=_name)
def test_every_change_can_be_repeated_safely_and_tried_without_effect(method: MethodDescriptor) -> None:
    """request_id and validate_only on each; on a stream, on each of its items, or on what says what it is for; and its
    answer brings a receipt."""
    if method.GetOptions().Extensions[POLICY].audit != options_pb2.AUDIT_CLASS_MUTATION:
        return
    if method.containing_service.full_name in NOT_KEPT:
        assert "request_id" not in method.input_type.fields_by_name
        return
    requests: list[Any] = [method.input_type]
    responses: list[Any] = [method.output_type]
    if method.name in FILES:
        requests, responses = ([part.fields_by_name[name].message_type] for part, name in _file(method))
    elif method.client_streaming:
        items, results = _postings(method)
        requests = [field.message_type for field in items]
        responses = [field.message_type for field in results]
    for request in requests:
        rules: Any = request.fields_by_name["request_id"].GetOptions().Extensions[RULES]
        assert rules.string.Extensions[names_pb2.is_request_id]
        assert request.fields_by_name["validate_only"].type == FieldDescriptor.TYPE_BOOL
    for response in responses:
        assert response.fields_by_name["receipt"].message_type.full_name == "fealty.v1.Receipt"


@pytest.mark.parametrize(
    "method", [method for method in METHODS if method.client_streaming and method.name not in FILES], ids=_name
)
def test_every_item_of_a_stream_is_a_call_and_its_result_the_answer_of_that_call(method: MethodDescriptor) -> None:
    """The server finds an item's permission and its word for the log by the request it holds."""
    items, results = _postings(method)
    calls = {
        (declared.input_type.full_name, declared.output_type.full_name)
        for declared in METHODS
        if not declared.client_streaming
    }
    for item, result in zip(items, results, strict=True):
        request: Any = item.message_type
        response: Any = result.message_type
        assert item.number == result.number
        assert (request.full_name, response.full_name) in calls, item.name


@pytest.mark.parametrize("method", [method for method in METHODS if method.name.startswith("List")], ids=_name)
def test_every_list_comes_in_pages(method: MethodDescriptor) -> None:
    """A list that is short today is long in a year; adding pages then would break every caller."""
    assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
    assert "next_page_token" in method.output_type.fields_by_name


@pytest.mark.parametrize(
    ("ours", "enum", "prefix"),
    [
        (Permission, options_pb2.Permission, "PERMISSION_"),
        (ActorType, activity_pb2.ActorType, "ACTOR_TYPE_"),
        (Outcome, activity_pb2.ActivityOutcome, "ACTIVITY_OUTCOME_"),
        (EntryKind, points_pb2.EntryKind, "ENTRY_KIND_"),
        (LotState, explanations_pb2.LotState, "LOT_STATE_"),
        (HoldState, holds_pb2.HoldState, "HOLD_STATE_"),
        (ShortfallKind, reports_pb2.ShortfallKind, "SHORTFALL_KIND_"),
        (TransactionState, transactions_pb2.TransactionState, "TRANSACTION_STATE_"),
        (CustomerState, customers_pb2.CustomerState, "CUSTOMER_STATE_"),
        (OperationKind, operations_pb2.OperationKind, "OPERATION_KIND_"),
        (OperationState, operations_pb2.OperationState, "OPERATION_STATE_"),
        (RollbackPolicy, points_pb2.RollbackPolicy, "ROLLBACK_POLICY_"),
        (CardKind, cards_pb2.CardKind, "CARD_KIND_"),
        (RefundPolicy, cards_pb2.RefundPolicy, "REFUND_POLICY_"),
    ],
)
def test_words_of_the_books_are_words_of_the_contract(ours: Any, enum: Any, prefix: str) -> None:
    """They are translated by name: one that is missing on either side would fail on its first use."""
    assert {f"{prefix}{word}" for word in ours} == set(enum.keys()) - {f"{prefix}UNSPECIFIED"}


def test_every_rounding_has_its_number_in_the_contract() -> None:
    """In both directions."""
    assert set(cards._ROUNDINGS) == set(cards_pb2.ExpiryRounding.values())
    assert set(cards._STARTS) == set(cards_pb2.PendingRounding.values())
    assert {*cards._ROUNDINGS.values(), *cards._STARTS.values()} == set(Rounding)


def test_what_fealty_does_of_itself_is_named_in_words_of_the_contract() -> None:
    """Reading the log would fail on a category that the contract does not know."""
    assert set(activity.OWN) == {kind for kind in vars(activity).values() if isinstance(kind, Kind)}
    assert [f"ACTIVITY_CATEGORY_{word}" for word in activity.CATEGORIES] == activity_pb2.ActivityCategory.keys()[1:]
    assert [f"ACTIVITY_TYPE_{word}" for word in activity.TYPES] == activity_pb2.ActivityType.keys()[1:]
    for kind in activity.OWN:
        assert f"ACTIVITY_CATEGORY_{kind.category}" in activity_pb2.ActivityCategory.keys()  # noqa: SIM118
        assert f"ACTIVITY_TYPE_{kind.type}" in activity_pb2.ActivityType.keys()  # noqa: SIM118
        assert kind.module is None or f"ADMIN_MODULE_{kind.module}" in activity_pb2.AdminModule.keys()  # noqa: SIM118
        assert not kind.event or f"ACTIVITY_EVENT_{kind.event}" in activity_pb2.ActivityEvent.keys()  # noqa: SIM118
        assert audit_pb2.Activity(action=kind.action).action


@pytest.mark.parametrize(
    ("enum", "prefix", "words"),
    [
        (activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_", "Orders, Customers, Bookings, Payments, System"),
        (
            activity_pb2.ActivityType,
            "ACTIVITY_TYPE_",
            "Auth, Access, Order, Payment, Cart, Booking, Enquiry, Visit, Scan, Communication, Settings, Configuration,"
            " Data, Security, Compliance, Notification, Integration, Report, Export",
        ),
        (
            activity_pb2.ActivitySource,
            "ACTIVITY_SOURCE_",
            "System, Staff, Customer, API, Webhook, Integration, Physical, Automated, Platform",
        ),
        (
            activity_pb2.AdminModule,
            "ADMIN_MODULE_",
            "Members, Rule Engine, Tiers, Segments, Campaigns, Communications, Access Control, Approval Workflow,"
            " Program Settings, Reports",
        ),
    ],
)
def test_the_log_speaks_every_word_that_was_promised(enum: Any, prefix: str, words: str) -> None:
    """The categories, types, sources and modules of the products that Fealty measures itself against."""
    promised = {f"{prefix}{word.upper().replace(' ', '_')}" for word in words.split(", ")}
    assert set(enum.keys()) == promised | {f"{prefix}UNSPECIFIED"}


def test_what_fealty_records_of_itself_is_told_in_the_contract() -> None:
    """A follower that wants to know of holds that ended cannot guess what the log calls it."""
    text = (PROTOS / "fealty/v1/audit.proto").read_text()
    kinds = [kind for kind in vars(activity).values() if isinstance(kind, Kind)]
    assert kinds
    assert [kind.action for kind in kinds if f"`{kind.action}`" not in text] == []


def _postings(method: MethodDescriptor) -> tuple[list[FieldDescriptor], list[FieldDescriptor]]:
    """The acts that an item can be, and what each can answer; all can be refused."""
    item: Any = method.input_type.fields_by_name["items"].message_type
    result: Any = method.output_type.fields_by_name["results"].message_type
    return list(item.fields), [field for field in result.fields if field.name != "refused"]


def _file(method: MethodDescriptor) -> list[tuple[Any, str]]:
    """The messages that carry a file and what becomes of it, each with its field that is the request or the answer."""
    return list(zip((method.input_type, method.output_type), FILES[method.name], strict=True))


def _text_rules(field: FieldDescriptor) -> Any:
    rules = field.GetOptions().Extensions[RULES]
    return rules.repeated.items.string if field.is_repeated else rules.string


def _is_limited(text: Any) -> bool:
    # A name or an id ends by its own rule (test_names.py).
    is_name = any(extension.file.name == names_pb2.DESCRIPTOR.name for extension, _ in text.ListFields())
    return bool(text.max_len or is_name)
