"""The first calls: a program, a customer, a purchase, the balance, and the record that they left."""

import os
from uuid import uuid4

from fealty import connect
from fealty.v1.audit_pb2 import ListActivitiesRequest
from fealty.v1.audit_pb2_grpc import AuditServiceStub
from fealty.v1.customers_pb2 import CreateCustomerRequest, Customer
from fealty.v1.customers_pb2_grpc import CustomerServiceStub
from fealty.v1.points_pb2 import GetBalanceRequest
from fealty.v1.points_pb2_grpc import PointsServiceStub
from fealty.v1.programs_pb2 import Card, CreateProgramRequest, EarnRate, Program
from fealty.v1.programs_pb2_grpc import ProgramServiceStub
from fealty.v1.transactions_pb2 import RecordTransactionRequest
from fealty.v1.transactions_pb2_grpc import TransactionServiceStub
from fealty.v1.values_pb2 import Money

with connect("127.0.0.1:8470", os.environ["FEALTY_API_KEY"]) as channel:
    rate = EarnRate(points=1, per_amount_minor=100, currency_code="EUR")  # a point for each euro
    card = Card(card_id="points", display_name="Points", earn_rate=rate)
    club = Program(display_name="Coffee club", time_zone="Europe/Prague", cards=[card])
    made = ProgramServiceStub(channel).CreateProgram(CreateProgramRequest(program=club, request_id=str(uuid4())))
    joining = CreateCustomerRequest(parent=made.program.name, customer=Customer(), request_id=str(uuid4()))
    customer = CustomerServiceStub(channel).CreateCustomer(joining).customer

    account = f"{customer.name}/accounts/points"
    paid = Money(currency_code="EUR", amount_minor=12_50)
    purchase = RecordTransactionRequest(account=account, transaction_id="till-71", amount=paid, request_id=str(uuid4()))
    for _ in range(2):  # the second is a retry: it changes nothing, and answers the same
        TransactionServiceStub(channel).RecordTransaction(purchase)
    balance = PointsServiceStub(channel).GetBalance(GetBalanceRequest(account=account)).balance
    print(balance.spendable, "points to spend")

    for activity in AuditServiceStub(channel).ListActivities(ListActivitiesRequest(parent=customer.name)).activities:
        print(activity.description)
