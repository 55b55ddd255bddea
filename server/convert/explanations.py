"""What became of each point, as the contract shows it."""

from fealty.v1 import explanations_pb2 as pb
from server.convert import names
from server.convert.lots import STATES
from server.convert.requests import set_instant
from storage.ledger.addresses import Address
from storage.ledger.reading.explain import Explanation


def fill(shown: pb.Explanation, address: Address, found: Explanation) -> None:
    """A lot and the steps of its life."""
    shown.lot = f"{address.name}/lots/{found.lot}"
    shown.points = found.points
    shown.remaining = found.remaining
    shown.state = STATES[found.state]
    for step in found.steps:
        told = shown.steps.add()
        told.sentence = step.sentence
        set_instant(told.occur_time, step.occurred_at)
        told.amount = step.amount
        if step.entry is not None:
            told.entry = f"{address.name}/entries/{step.entry}"
        told.activity = names.activity(step.activity)
        told.settings_version = step.settings_version
