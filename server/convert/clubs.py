"""Clubs."""

from typing import Any

from fealty.v1 import clubs_pb2 as pb
from rules import clubs as rules
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names
from server.convert.requests import context, receipt, timestamp
from server.errors import RequestInvalid
from storage.clubs.commands import CreateClub, DeleteClub, JoinClub, UpdateClub
from storage.clubs.queries import Club, Joined
from storage.engine.requests import Answer


def create_club(call: Call, message: pb.CreateClubRequest) -> CreateClub:
    """The command in a request. Raises RequestInvalid."""
    program = names.program_id(message.parent)
    return CreateClub(program, message.club_id, _club(message.club, program), context(call, message))


def created(command: CreateClub, answer: Answer[Club]) -> pb.CreateClubResponse:
    """What is answered to it."""
    return pb.CreateClubResponse(club=club(answer.value), receipt=receipt(answer))


def update_club(call: Call, message: pb.UpdateClubRequest) -> UpdateClub:
    """The command in a request. Raises UpdateMaskInvalid, RequestInvalid."""
    program, club_id = names.club(message.club.name)
    given = _club(message.club, program)
    fields = {**given._asdict(), "rewards": given.reward_ids}
    del fields["reward_ids"]
    paths = list(message.update_mask.paths) or [name for name, value in fields.items() if value]
    changes: dict[str, Any] = {}
    for path in paths:
        if path not in fields:
            raise UpdateMaskInvalid(path=path)
        changes["reward_ids" if path == "rewards" else path] = fields[path]
    return UpdateClub(program, club_id, message.club.etag, changes, context(call, message))


def updated(command: UpdateClub, answer: Answer[Club]) -> pb.UpdateClubResponse:
    """What is answered to it."""
    return pb.UpdateClubResponse(club=club(answer.value), receipt=receipt(answer))


def delete_club(call: Call, message: pb.DeleteClubRequest) -> DeleteClub:
    """The command in a request."""
    return DeleteClub(*names.club(message.name), message.etag, context(call, message))


def deleted(command: DeleteClub, answer: Answer[Club]) -> pb.DeleteClubResponse:
    """What is answered to it."""
    return pb.DeleteClubResponse(club=club(answer.value), receipt=receipt(answer))


def join_club(call: Call, message: pb.JoinClubRequest) -> JoinClub:
    """The command in a request. Raises RequestInvalid."""
    return JoinClub(*names.club(message.name), _customer(message), True, context(call, message))


def joined(command: JoinClub, answer: Answer[Club]) -> pb.JoinClubResponse:
    """What is answered to it."""
    return pb.JoinClubResponse(club=club(answer.value), receipt=receipt(answer))


def leave_club(call: Call, message: pb.LeaveClubRequest) -> JoinClub:
    """The command in a request. Raises RequestInvalid."""
    return JoinClub(*names.club(message.name), _customer(message), False, context(call, message))


def left(command: JoinClub, answer: Answer[Club]) -> pb.LeaveClubResponse:
    """What is answered to it."""
    return pb.LeaveClubResponse(club=club(answer.value), receipt=receipt(answer))


def club(found: Club) -> pb.Club:
    """A club as the contract shows it."""
    return pb.Club(
        name=found.name,
        display_name=found.club.display_name,
        description=found.club.description,
        card_ids=found.club.card_ids,
        rewards=[f"programs/{found.program_id}/rewards/{one}" for one in found.club.reward_ids],
        customer_count=found.customers,
        version=found.version,
        etag=found.etag,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
    )


def customer(program: str, found: Joined) -> pb.ClubCustomer:
    """One that is in a club."""
    return pb.ClubCustomer(
        customer=f"programs/{program}/customers/{found.customer_id}", join_time=timestamp(found.joined_at)
    )


def _club(given: pb.Club, program: str) -> rules.Club:
    rewards = [names.reward(one) for one in given.rewards]
    if any(one.program != program for one in rewards):
        raise RequestInvalid([("club.rewards", "must be rewards of the program of the club")])
    reward_ids = tuple(one.reward for one in rewards)
    return rules.Club(given.display_name, given.description, tuple(given.card_ids), reward_ids)


def _customer(message: pb.JoinClubRequest | pb.LeaveClubRequest) -> str:
    found = names.customer(message.customer)
    if found.program != names.program_id(message.name):
        raise RequestInvalid([("customer", "must be of the program of the club")])
    return found.customer
