"""The usual way to record a purchase: Peewee models, one transaction a call. The same rows as Fealty writes."""

import json
import uuid
from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField, UUIDField, fn
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from fealty.v1 import points_pb2
from storage.activity.tables import ActivityRow
from storage.customers.tables import CustomerRow
from storage.engine.database import Table, handle
from storage.engine.ids import new_uuid
from storage.programs.queries import from_row
from storage.programs.tables import ProgramRow


class AccountRow(Table):
    """An account."""

    id = BigIntegerField(primary_key=True)
    program = IntegerField()
    customer = BigIntegerField()
    card_id = TextField()
    active = BigIntegerField()
    earned = BigIntegerField()
    version = BigIntegerField()
    lots = IntegerField()
    entries = BigIntegerField()
    due_at = DateTimeTZField(null=True)

    class Meta:
        """Its name."""

        table_name = "account"


class LotRow(Table):
    """A lot."""

    account = BigIntegerField()
    number = IntegerField()
    program = IntegerField()
    state = TextField()
    points = BigIntegerField()
    remaining = BigIntegerField()
    activates_at = DateTimeTZField()
    expires_at = DateTimeTZField(null=True)
    policy_version = IntegerField()
    transaction_id = TextField(null=True)
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "lot"
        primary_key = CompositeKey("account", "number")


class EntryRow(Table):
    """An entry."""

    account = BigIntegerField()
    seq = BigIntegerField()
    program = IntegerField()
    kind = TextField()
    amount = BigIntegerField()
    active = BigIntegerField()
    held = BigIntegerField()
    debt = BigIntegerField()
    occurred_at = DateTimeTZField()
    recorded_at = DateTimeTZField()
    transaction_id = TextField(null=True)
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "entry"
        primary_key = CompositeKey("account", "seq")


class AllocationRow(Table):
    """An allocation."""

    account = BigIntegerField()
    seq = BigIntegerField()
    lot = IntegerField()
    program = IntegerField()
    amount = BigIntegerField()

    class Meta:
        """Its name and key."""

        table_name = "allocation"
        primary_key = CompositeKey("account", "seq", "lot")


class TransactionRow(Table):
    """A purchase."""

    program = IntegerField()
    transaction_id = TextField()
    account = BigIntegerField()
    amount_minor = BigIntegerField()
    currency_code = TextField()
    lines = BinaryJSONField(null=True)
    points = BigIntegerField()
    lot = IntegerField(null=True)
    policy_version = IntegerField()
    occurred_at = DateTimeTZField()
    recorded_at = DateTimeTZField()
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "transaction"
        primary_key = CompositeKey("program", "transaction_id")


class RequestRow(Table):
    """A kept answer."""

    caller = TextField()
    method = TextField()
    request_id = UUIDField()
    content_hash = BlobField()
    response = TextField()
    recorded_at = DateTimeTZField()

    class Meta:
        """Its name and key."""

        table_name = "request"
        primary_key = CompositeKey("caller", "method", "request_id")


def record(request: points_pb2.RecordTransactionRequest) -> points_pb2.RecordTransactionResponse:
    """Records one purchase in a transaction of its own; the same rows and checks as the gathered way, row by row."""
    _, program_id, _, customer_id, _, card_id = request.account.split("/")
    with handle.atomic():
        program = from_row(ProgramRow.get(ProgramRow.program_id == program_id))
        customer = CustomerRow.get((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
        mine = (AccountRow.customer == customer.id) & (AccountRow.card_id == card_id)
        account = AccountRow.select().where(mine).for_update().get()
        key = (RequestRow.caller == "plain") & (RequestRow.method == "RecordTransaction")
        assert RequestRow.get_or_none(key & (RequestRow.request_id == request.request_id)) is None
        known = (TransactionRow.program == program.id) & (TransactionRow.transaction_id == request.transaction_id)
        assert TransactionRow.get_or_none(known) is None
        now = fn.clock_timestamp()
        now = ProgramRow.select(now).tuples().first()[0]
        card = program.settings.card(card_id, program_id)
        points = card.earn_rate.earned(request.amount.amount_minor, request.amount.currency_code)
        term = program.settings.term(card, now)
        account.active += points
        account.earned += points
        account.version += 1
        account.lots += 1
        account.entries += 1
        account.due_at = min(filter(None, (account.due_at, term.expires_at)), default=None)
        account.save()
        activity = _activity(program.id, customer.id, request, now, points)
        mark = {"account": account.id, "program": program.id}
        TransactionRow.create(
            program=program.id,
            transaction_id=request.transaction_id,
            account=account.id,
            amount_minor=request.amount.amount_minor,
            currency_code=request.amount.currency_code,
            points=points,
            lot=account.lots,
            policy_version=program.version,
            occurred_at=now,
            recorded_at=now,
            activity=activity,
        )
        LotRow.create(
            **mark,
            number=account.lots,
            state="ACTIVE",
            points=points,
            remaining=points,
            activates_at=term.activates_at,
            expires_at=term.expires_at,
            policy_version=program.version,
            transaction_id=request.transaction_id,
            activity=activity,
        )
        EntryRow.create(
            **mark,
            seq=account.entries,
            kind="EARN",
            amount=points,
            active=account.active,
            held=0,
            debt=0,
            occurred_at=now,
            recorded_at=now,
            transaction_id=request.transaction_id,
            activity=activity,
        )
        AllocationRow.create(**mark, seq=account.entries, lot=account.lots, amount=points)
        response = points_pb2.RecordTransactionResponse()
        response.transaction.points = points
        response.balance.active = account.active
        RequestRow.create(
            caller="plain",
            method="RecordTransaction",
            request_id=request.request_id,
            content_hash=uuid.uuid4().bytes * 2,
            response=json.dumps({"points": points, "active": account.active}),
            recorded_at=now,
        )
    return response


def _activity(
    program: int, customer: int, request: points_pb2.RecordTransactionRequest, now: Any, points: int
) -> uuid.UUID:
    body = {
        "action": "transaction.recorded",
        "actor": {"agent": "", "id": "plain", "ip": "127.0.0.1", "type": "SERVICE"},
        "details": {"points": points, "amount_minor": request.amount.amount_minor, "currency": "USD"},
        "recorded_at": now.isoformat(),
        "subject": f"{request.account}/transactions/{request.transaction_id}",
        "v": 1,
    }
    row = ActivityRow.create(
        id=new_uuid(),
        program=program,
        customer=customer,
        occurred_at=now,
        recorded_at=now,
        action="transaction.recorded",
        category="ORDERS",
        type="ORDER",
        source="API",
        actor_type="SERVICE",
        actor="plain",
        outcome="SUCCEEDED",
        body=json.dumps(body, sort_keys=True),
    )
    return row.id
