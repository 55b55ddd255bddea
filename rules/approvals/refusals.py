"""What stands against an act under approval, and against who would approve it."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from rules.refusals import Refusal

# What whoever asks again is told, by what became of the request.
_BECAME = {
    "DRAFT": "It is a draft: submit it, and it is done once it is approved",
    "PENDING": "It is done once that is approved",
    "APPROVED": "It is approved, and is being done",
    "REJECTED": "It was rejected, and is not done; ask anew under another request_id",
    "WITHDRAWN": "It was withdrawn, and is not done; ask anew under another request_id",
    "EXPIRED": "Nobody decided in time, and it is not done; ask anew under another request_id",
    "EXECUTED": "It was approved, and is done: do not ask again",
    "FAILED": "It could not be done, the request tells why; ask anew under another request_id",
}


class ApprovalRequired(Refusal):
    """This is under approval here, and was asked for: {approval_request}. {state}."""

    said: ClassVar[Mapping[str, Callable[[str], str]]] = {"state": lambda state: _BECAME.get(state, state)}

    def __init__(self, approval_request: str, state: str = "PENDING") -> None:
        super().__init__(approval_request=approval_request, state=state)


class ApprovalNeedsCall(Refusal):
    """This may be under approval here, and is asked for by a call of its own, not in a stream."""

    # Which version of what is under approval says so; kept apart from the facts, which travel to callers.
    version = 0

    @classmethod
    def by(cls, version: int) -> "ApprovalNeedsCall":
        """The same of an act that was not checked against this version of what is under approval."""
        refusal = cls()
        refusal.version = version
        return refusal


class ApprovalRuleNotFound(Refusal):
    """There is no such approval rule."""


class ApprovalRequestNotFound(Refusal):
    """There is no such request for approval."""


class ApprovalRuleExists(Refusal):
    """There is an approval rule {rule} already; choose another id, or update that one."""


class ApprovalRuleInvalid(Refusal):
    """The rule cannot be: {what}."""


class ApprovalStateWrong(Refusal):
    """The request is {state}; it would have to be {wanted}."""


class OwnApproval(Refusal):
    """Nobody decides on what he asked for himself, also not by a key of his or on his behalf; somebody else has to."""


class ApproverUnknown(Refusal):
    """Only people decide, each for himself; log in, or use a key of your own, and not on behalf of somebody."""


class ApproverRoleMissing(Refusal):
    """This is approved by whoever holds the role {role} here; you do not."""


class MakerGone(Refusal):
    """Whoever asked for it calls no more: the user is locked or archived, or the service has no key left."""


class AlreadyDecided(Refusal):
    """You have approved this already, and each approval is another person's."""
