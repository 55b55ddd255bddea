"""What happened elsewhere, as a caller records it: it stands in the log, and moves no points."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rules.refusals import CustomerClosed, CustomerNotFound, ProgramNotFound
from rules.states import CustomerState
from storage.activity.commands import Outcome, Scope, record
from storage.customers.loading import CONCERNED, CUSTOMER, Concerned
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger import addresses
from storage.ledger.acts.purchases import check_instant
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads


class ActivityRecorded(NamedTuple):
    """When it happened, and when it was recorded; what else is answered stands in the request."""

    occurred_at: datetime
    recorded_at: datetime


class RecordActivity(NamedTuple):
    """Something that happened elsewhere to a customer or, where the name has none, in a program.

    What it is called and from where it came are the context's; `related` is what it is about there.
    """

    name: CustomerName
    occurred_at: datetime | None
    outcome: Outcome
    related: str
    facts: tuple[tuple[str, str], ...]
    figures: tuple[tuple[str, int], ...]
    context: CommandContext

    @property
    def subject(self) -> str:
        """The resource name of whom it happened to."""
        return self.name.name if self.name.customer else f"programs/{self.name.program}"

    @property
    def details(self) -> Mapping[str, Any]:
        """What its record says of it."""
        known = {"related": self.related, "facts": dict(self.facts), "figures": dict(self.figures)}
        return self.context.reason.added_to({name: value for name, value in known.items() if value})

    def reads(self, reads: Reads) -> None:
        """The customer, who must not be merged or closed meanwhile; none of its accounts."""
        reads.other(CUSTOMER, *self.name)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lots."""

    def answers(self) -> type[ActivityRecorded]:
        """When it was."""
        return ActivityRecorded

    def decide(self, group: Group) -> Answer[ActivityRecorded]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed, OccursInFuture."""
        found = self._concerned(group)
        at = check_instant(self.occurred_at, found.now)
        # Of no event type: it is in the log, and not in the history of what gave points.
        activity = record(
            group.workspace,
            self.context.origin,
            self.subject,
            Scope(found.program, found.customer),
            at,
            self.outcome,
            details=self.details,
            request_id=self.context.request.request_id,
            note=self.context.reason.note,
        )
        return Answer(ActivityRecorded(at, group.now), activity)

    def _concerned(self, group: Group) -> Concerned:
        found, name = group.workspace.get(CONCERNED, self.name), self.name
        if found is None:
            raise ProgramNotFound(program=name.program)
        if name.customer and found.customer is None:
            raise CustomerNotFound(program=name.program)
        if found.state is CustomerState.MERGED:
            raise addresses.merged(*name, found.merged_into)
        if found.state is CustomerState.CLOSED:
            raise CustomerClosed(customer=name.customer)
        return found
