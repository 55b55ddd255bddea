"""Sentences of the log and of the events history, word by word: whoever changes one reads it first."""

import pytest

from server.convert import descriptions
from tests.server.acts import ACTS, call_of, without_operation
from tests.server.club import ADA, BEN, NAME, Club, account
from tests.server.serving import activities, fresh, purchase, told

_PLAIN = account()
_T1 = f"{ADA}/transactions/t1"
_HAND = " (Administrator admin for u-17, GOODWILL)"

SENTENCES = {
    "transactions.RecordTransaction": f"Purchase {ADA}/transactions/till~t1 of 100 minor units of EUR was recorded; "
    "it earned 100 units, pending (Administrator admin).",
    "transactions.UpdateTransaction": f"Purchase {_T1} was corrected from 100 to 60 minor units; "
    f"it earned 60 units in place of 100{_HAND}.",
    "transactions.AcceptTransaction": f"Purchase {_T1} was accepted: 100 units became active{_HAND}.",
    "transactions.RejectTransaction": f"Purchase {_T1} was rejected: 100 units were cancelled{_HAND}.",
    "transactions.RefundTransaction": f"50 minor units of purchase {_T1} were refunded; "
    f"that took 50 units: 20 of its own, 30 missing{_HAND}.",
    "points.SpendPoints": f"30 units of {_PLAIN} were spent on order-7 (Administrator admin).",
    "points.RollBackSpending": f"Spending {_PLAIN}/entries/2 was rolled back by 20 units: 20 units came back{_HAND}.",
    "points.AdjustPoints": f"40 units were taken from {_PLAIN} by hand{_HAND}.",
    "points.TransferPoints": f"25 units were transferred from {_PLAIN} to {account('plain', BEN)}{_HAND}.",
    "points.ClaimReward": f"20 units were taken from {account('stamps')} as rewards were claimed for mug "
    "(Administrator admin).",
    "holds.CreateHold": f"60 units were set aside for cart-3 as {_PLAIN}/holds/1, until 2025-01-01T12:10:00+00:00 "
    "(Administrator admin).",
    "holds.CaptureHold": f"Hold {_PLAIN}/holds/1 was captured: 45 units were spent (Administrator admin).",
    "holds.ReleaseHold": f"Hold {_PLAIN}/holds/1 was released: 60 units can be spent again{_HAND}.",
    "lots.ActivateLot": f"Lot {account('hand')}/lots/1 was made active by hand, with 100 units{_HAND}.",
    "lots.CancelLot": f"Lot {account('hand')}/lots/1 was cancelled by hand, with 100 units{_HAND}.",
    "lots.RedateLots": f"Operation {NAME}/operations/OPERATION was begun: the expiry of lots of "
    f"{account('slow')}, in 1 account, is set to never{_HAND}.",
    "events.RecordEvent": f"Event review.written of {ADA} was recorded; it gave 25 units to {_PLAIN}{_HAND}.",
    "audit.RecordActivity": f"Booking 4711 of {ADA} was created (Administrator admin).",
    "reports.WriteOffShortfall": f"30 units of {account('owing')}/shortfalls/1 were written off; "
    f"70 of it remain{_HAND}.",
    "customers.SuspendCustomer": f"Customer {ADA} was suspended{_HAND}.",
    "customers.BlockCustomer": f"Customer {ADA} was blocked; of card plain, 60 units were released from holds{_HAND}.",
    "customers.CloseCustomer": f"Customer {ADA} was closed for ever; of card plain, 60 units were released from holds "
    f"and 100 units expired{_HAND}.",
    "customers.ReactivateCustomer": f"Customer {ADA} was reactivated{_HAND}.",
    "customers.MergeCustomers": f"Customer {ADA} was merged into {BEN}, which got 100 units of card plain{_HAND}.",
    "customers.UnmergeCustomers": f"Customer {ADA} was parted from {BEN} again, and got back 100 units of card plain"
    f"{_HAND}.",
    "customers.CreateCustomer": f"Customer {NAME}/customers/gwen was created (Administrator admin).",
    "customers.UpdateCustomer": f"Customer {ADA} was updated; its display_name changed (Administrator admin).",
    "programs.CreateProgram": "Program programs/tea was created (Administrator admin).",
    "programs.UpdateProgram": f"Program {NAME} was updated; its display_name changed from Coffee club to Tea club "
    "(Administrator admin).",
    "programs.ArchiveProgram": f"Program {NAME} was archived{_HAND}.",
    "programs.UnarchiveProgram": f"Program {NAME} was unarchived{_HAND}.",
    "programs.ArchiveCard": f"Card {NAME}/cards/plain was archived{_HAND}.",
    "programs.UnarchiveCard": f"Card {NAME}/cards/plain was unarchived{_HAND}.",
    "programs.AdvanceTestClock": f"The test clock of program {NAME} was moved; its test_clock_time changed from "
    "2025-01-01T12:00:00+00:00 to 2025-02-01T12:00:00+00:00 (Administrator admin).",
    "operations.CancelOperation": f"Operation {NAME}/operations/OPERATION on {NAME}/cards/slow was cancelled after 0 of"
    " 1 account:"
    f" 0 units in 0 lots were changed{_HAND}.",
}


@pytest.mark.parametrize("name", ACTS)
async def test_every_act_has_a_sentence_that_people_can_read(club: Club, name: str) -> None:
    """Support reads it aloud to a customer: what happened, with its figures, by whom and why."""
    request = await ACTS[name].ask(club)
    request.request_id = fresh()
    answer = await call_of(club.admin, name)(request)
    [recorded] = [found for found in await activities(club.admin) if found.name == answer.receipt.activity]
    assert without_operation(recorded.description) == SENTENCES[name]


async def test_what_time_does_has_sentences_too(club: Club) -> None:
    """Nobody called: the sentence begins with what happened, and names nobody."""
    await club.earn(70, "slow")
    await club.earn(50)
    await club.hold(20)
    bought = await club.earn(100, "owing")
    await club.spend(100, "owing")
    await club.refund(bought.transaction.name)
    await club.earn(40, "owing")
    await club.move(days=60)
    for card in ("slow", "plain"):
        await club.earn(1, card)
    sentences = [found.description for found in await activities(club.admin)]
    assert f"70 units of {account('slow')} became active." in sentences
    assert f"70 units of {account('slow')} expired." in sentences
    assert f"Hold 1 of {_PLAIN} expired: nobody captured its 20 units in time." in sentences
    assert f"100 minor units of purchase {bought.transaction.name} were refunded; that took 100 units: 100 as debt" in (
        sentence.partition(" (")[0] for sentence in sentences
    )


async def test_a_call_that_came_to_nothing_says_why(club: Club) -> None:
    """The reason stands in the sentence; of a stream's message, how many of each."""
    await told(club.spend(5))
    await told(club.till.transactions.RecordTransaction(purchase(-1, _PLAIN)))
    sentences = [found.description for found in await activities(club.admin)][:2]
    assert sentences == [
        f"Service till called RecordTransaction for {_PLAIN}, which was not understood: INVALID_REQUEST.",
        f"Service till called SpendPoints for {_PLAIN}, which was refused: INSUFFICIENT_POINTS.",
    ]


async def test_the_history_of_a_customer_does_not_say_who_called(club: Club) -> None:
    """Which program of ours carried it is of no interest there; for whom and why is."""
    await club.earn(100)
    await club.spend(30)
    assert [event.description for event in await club.history(event_type="points.spent")] == [
        f"30 units of {_PLAIN} were spent."
    ]
    await club.suspend()
    [event] = await club.history(event_type="customer.suspended")
    assert event.description == f"Customer {ADA} was suspended (for u-17, GOODWILL)."


async def test_an_event_that_was_just_recorded_is_the_one_that_is_listed(club: Club) -> None:
    """A screen that shows the answer, and then the list, must not flicker."""
    asked = {"properties": {"stars": "5"}, "transaction": (await club.earn(1)).transaction.name}
    recorded = (await club.event("review.written", **asked)).event
    [listed] = await club.history(event_type="review.written")
    assert recorded == listed


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("mail.sent", f"Mail mail_1 (test) was sent to {ADA}."),
        ("mail.failed", f"Mail mail_1 (test) to {ADA} was given up: MailRefused 550."),
    ],
)
def test_what_became_of_a_mail_has_a_sentence(action: str, sentence: str) -> None:
    """A customer asks where his mail is."""
    details = {"mail": "mail_1", "template": "test", "tries": 1, "error": "MailRefused 550"}
    body = {"action": action, "details": details, "subject": ADA, "changes": [], "outcome": "SUCCEEDED"}
    assert descriptions.activity({**body, "actor": {"type": "SYSTEM", "id": ""}}, "") == sentence


def test_a_record_that_says_less_still_has_a_sentence() -> None:
    """Records are never rewritten: a later version must be able to read those of an earlier one."""
    actor = {"type": "SERVICE", "id": "caller_1"}
    body = {"action": "points.spent", "details": {}, "subject": NAME, "changes": [], "outcome": "SUCCEEDED"}
    assert descriptions.activity({**body, "actor": actor}, "till") == f"Points {NAME} was spent (Service till)."
