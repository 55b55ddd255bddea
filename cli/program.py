"""The program that a journey is replayed in: a point for each dollar, pending for two weeks, for six months then."""

from cli.issuing import CURRENCY
from cli.journey import ZONE, Journey
from fealty.v1 import cards_pb2, programs_pb2

CARD = "points"
PENDING_DAYS = 14
EXPIRY_MONTHS = 6


def new_program(journey: Journey, request_id: str) -> programs_pb2.CreateProgramRequest:
    """What makes it, with a test clock on the evening of the first day."""
    card = programs_pb2.Card(
        card_id=CARD,
        display_name="Points",
        earn_rate=programs_pb2.EarnRate(points=1, per_amount_minor=100, currency_code=CURRENCY, whole_steps=True),
        pending_policy=cards_pb2.PendingPolicy(delay=cards_pb2.PendingDelay(days=PENDING_DAYS)),
        expiry_policy=cards_pb2.ExpiryPolicy(months=EXPIRY_MONTHS, rounding=cards_pb2.EXPIRY_ROUNDING_END_OF_MONTH),
    )
    program = programs_pb2.Program(display_name="The Complete Journey", time_zone=ZONE.key, cards=[card])
    program.test_clock_time.FromDatetime(journey.days[0].evening)
    return programs_pb2.CreateProgramRequest(program_id=journey.program_id, program=program, request_id=request_id)
