"""The usual way to record a purchase: Peewee models, one transaction a call. The same rows as Fealty writes."""

import json
import uuid
from typing import Any

from peewee import fn

from bench.models import AccountRow, EntryRow, LotRow, RequestRow, TransactionRow
from fealty.v1 import transactions_pb2
from storage.activity.records import ActivityRow
from storage.customers.records import CustomerRow
from storage.engine.database import handle
from storage.engine.ids import new_uuid
from storage.programs.queries import from_row
from storage.programs.records import ProgramRow

# Of the length of a caller's id, as it stands in each of its records.
CALLER = "caller_01m81zbetef3kbgr3gcj94kcar"


def record(request: transactions_pb2.RecordTransactionRequest) -> transactions_pb2.RecordTransactionResponse:
    """Records one purchase in a transaction of its own; the same rows and checks as the gathered way, row by row."""
    _, program_id, _, customer_id, _, card_id = request.account.split("/")
    with handle.atomic():
        program = from_row(ProgramRow.get(ProgramRow.program_id == program_id))
        customer = CustomerRow.get((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
        mine = (AccountRow.customer == customer.id) & (AccountRow.card_id == card_id)
        account = AccountRow.select().where(mine).for_update().get()
        key = (RequestRow.caller == CALLER) & (RequestRow.method == "RecordTransaction")
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
            settings_version=program.version,
            occurred_at=now,
            recorded_at=now,
            decided="ACCEPTED",
            accepts_at=term.activates_at,
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
            settings_version=program.version,
            issued_at=now,
            transaction_id=request.transaction_id,
            activity=activity,
        )
        EntryRow.create(
            **mark,
            seq=account.entries,
            kind="EARN",
            amount=points,
            active_after=account.active,
            held_after=0,
            debt_after=0,
            lot=account.lots,
            occurred_at=now,
            recorded_at=now,
            transaction_id=request.transaction_id,
            activity=activity,
        )
        response = transactions_pb2.RecordTransactionResponse()
        response.transaction.points = points
        response.balance.active = account.active
        kept = [points, "ACCEPTED", *map(str, (now, term.activates_at, term.expires_at)), account.lots, program.version]
        RequestRow.create(
            caller=CALLER,
            method="RecordTransaction",
            request_id=request.request_id,
            content_hash=uuid.uuid4().bytes * 2,
            response=json.dumps([*kept, account.active, account.earned, str(activity)]),
            recorded_at=now,
        )
    return response


def _activity(
    program: int, customer: int, request: transactions_pb2.RecordTransactionRequest, now: Any, points: int
) -> uuid.UUID:
    number = new_uuid()
    body = {
        "action": "transaction.recorded",
        "actor": {"agent": "", "id": CALLER, "ip": "127.0.0.1", "type": "SERVICE"},
        "category": "ORDERS",
        "changes": [],
        "details": {"points": points, "amount_minor": request.amount.amount_minor, "currency": "USD"},
        "id": str(number),
        "method": "/fealty.v1.TransactionService/RecordTransaction",
        "occurred_at": now.isoformat(),
        "outcome": "SUCCEEDED",
        "recorded_at": now.isoformat(),
        "request_id": request.request_id,
        "source": "API",
        "subject": f"{request.account.rpartition('/accounts/')[0]}/transactions/{request.transaction_id}",
        "type": "ORDER",
        "v": 1,
    }
    row = ActivityRow.create(
        id=number,
        program=program,
        customer=customer,
        occurred_at=now,
        recorded_at=now,
        action="transaction.recorded",
        category="ORDERS",
        type="ORDER",
        source="API",
        actor_type="SERVICE",
        actor=CALLER,
        outcome="SUCCEEDED",
        event="transaction.recorded",
        points=points,
        subject=body["subject"],
        details=body["details"],
        body=json.dumps(body, sort_keys=True),
    )
    return uuid.UUID(str(row.id))
