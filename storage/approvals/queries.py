"""Reads what was asked for, and who decided."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from peewee import JOIN, SQL

from rules.access import Caller, Permission
from rules.approvals.deciding import OPEN, ApprovalState, Need, Party, check_maker, party, state_at
from rules.approvals.refusals import ApprovalRequestNotFound
from rules.refusals import ProgramNotFound
from storage.approvals.records import DecisionRow, RequestRow
from storage.engine.database import NO_KEY_UPDATE
from storage.engine.ids import parse_typeid, typeid
from storage.programs.records import ProgramRow

_READING = (Permission.APPROVALS_READ, Permission.APPROVALS_DECIDE)
# In place of the id of a request that was only rehearsed.
REHEARSED = UUID(int=0)


class Decision(NamedTuple):
    """What somebody decided: the caller, the person behind it, and for whom it acted."""

    party: Party
    decision: str
    reason_code: str
    decided_at: datetime
    activity: UUID


class ApprovalRequest(NamedTuple):
    """What somebody asked for that is under approval, without what it says of people. `program` is the public id, empty
    for what is in none; `content_hash` is the SHA-256 of what was asked, in hexadecimal, empty once its customer was
    erased; `etag` changes with every change."""

    id: UUID
    program: str
    state: ApprovalState
    method: str
    action: str
    request_id: str
    subject: str
    figures: dict[str, int]
    content_hash: str
    maker: Party
    actor_type: str
    source: str
    reason_code: str
    acting_user: str
    needs: tuple[Need, ...]
    decisions: tuple[Decision, ...]
    expires_after_hours: int
    version: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    activity: UUID
    approved_activity: UUID | None
    end_activity: UUID | None
    effect_activity: UUID | None
    failure_reason: str
    failure_message: str
    # Those that it gives or takes (storage/approvals/submitting.py: Frozen).
    roles: Sequence[dict[str, str]] = ()

    @property
    def public_id(self) -> str:
        """The last part of its name: under it, as a caller of its own, its act is carried out."""
        return typeid("approval", self.id.int)

    @property
    def name(self) -> str:
        """Its resource name; empty where it was only rehearsed."""
        return request_name(self.program, self.id) if self.id != REHEARSED else ""

    @property
    def etag(self) -> str:
        """Changes with every change of its row."""
        return f'"{self.version}"'

    def as_kept(self) -> "ApprovalRequest":
        """What is kept of an answer that shows it: no hash of what was asked, which is about people."""
        return self._replace(content_hash="")

    def as_it_stands(self, caller: Caller) -> "ApprovalRequest":
        """The answer again, with the hash as long as that is there."""
        row = RequestRow.select(RequestRow.content_hash).where(RequestRow.id == self.id).first()
        return self._replace(content_hash=bytes(row.content_hash).hex()) if row is not None else self

    @property
    def approvers(self) -> tuple[str, ...]:
        """The ids of the people who approved it."""
        given = (one for one in self.decisions if one.decision == ApprovalState.APPROVED)
        return tuple(person for one in given for person in sorted(one.party.people))


class RequestFilter(NamedTuple):
    """Which requests: in a state, made by a caller (an id), or that wait for whoever asks; empty: any."""

    state: str = ""
    maker: str = ""
    waits_for_me: bool = False


class RequestCursor(NamedTuple):
    """Where a request stands in its list: what to ask the next page with."""

    created_at: datetime
    id: UUID


def request_name(program_id: str, identity: UUID) -> str:
    """The resource name of a request."""
    own = f"approvalRequests/{typeid('approval', identity.int)}"
    return f"programs/{program_id}/{own}" if program_id else own


def get(name: str, caller: Caller, now: datetime) -> ApprovalRequest:
    """The request of that resource name, which its maker sees, and who may read there. Raises ProgramNotFound,
    ApprovalRequestNotFound."""
    found, _ = find(name, caller, now)
    if not (check_maker(caller, found.maker) or reads(caller, found.program)):
        raise ApprovalRequestNotFound
    return found


def shows_all(caller: Caller, found: ApprovalRequest) -> bool:
    """Whether a caller is shown what was asked for, word for word, whoever it names: its maker is, and who may decide
    on it. Whoever only reads may be one who sees nothing of persons."""
    return check_maker(caller, found.maker) or _may(caller, (Permission.APPROVALS_DECIDE,), found.program)


def find(name: str, caller: Caller, now: datetime, for_update: bool = False) -> tuple[ApprovalRequest, Any]:
    """The same with its row, for whoever may see its program. Raises ProgramNotFound, ApprovalRequestNotFound."""
    program, _, own = name.rpartition("approvalRequests/")
    program_id = program.split("/")[1] if program else ""
    if program_id and not caller.sees(program_id):
        raise ProgramNotFound(program=program_id)
    identity = parse_typeid("approval", own)
    found = of_id(identity, now, for_update) if identity is not None else None
    if found is None or found[0].program != program_id:
        raise ApprovalRequestNotFound
    return found


def state_of(name: str, now: datetime) -> ApprovalState:
    """How a request stands, by its name, whoever asks; one that there is not is over."""
    identity = parse_typeid("approval", name.rpartition("/")[2])
    found = of_id(identity, now) if identity is not None else None
    return found[0].state if found is not None else ApprovalState.EXPIRED


def of_id(identity: UUID, now: datetime, for_update: bool = False) -> tuple[ApprovalRequest, Any] | None:
    """A request by its id, whoever asks, with its row; None where there is none."""
    if for_update:
        # By itself: a row that is joined to nothing cannot be locked.
        RequestRow.select(RequestRow.id).where(RequestRow.id == identity).for_update(NO_KEY_UPDATE).first()
    rows = list(_requests().where(RequestRow.id == identity))
    return (_all(rows, now)[0], rows[0]) if rows else None


def page(
    parent: str, caller: Caller, wanted: RequestFilter, now: datetime, after: RequestCursor | None, size: int
) -> list[ApprovalRequest]:
    """Up to `size` requests of a program (its public id), or of all and of none (`-`), that the caller may see, newest
    first, from the first after `after`. Raises ProgramNotFound."""
    query = _requests().where(_seen(parent, caller))
    if wanted.state:
        query = query.where(_in_state(wanted.state, now))
    if wanted.maker:
        query = query.where(RequestRow.maker == wanted.maker)
    if wanted.waits_for_me:
        query = query.where(_waits_for(caller) & _in_state(ApprovalState.PENDING, now))
    if after is not None:
        at, identity = RequestRow.created_at, RequestRow.id
        query = query.where((at < after.created_at) | ((at == after.created_at) & (identity < after.id)))
    return _all(list(query.order_by(RequestRow.created_at.desc(), RequestRow.id.desc()).limit(size)), now)


def reads(caller: Caller, program: str) -> bool:
    """Whether a caller may read what others asked for in a program (empty: in none), or decide on it: nobody decides on
    what he is not shown."""
    return _may(caller, _READING, program)


def _may(caller: Caller, permissions: Sequence[Permission], program: str) -> bool:
    """Whether it holds one of them in a program, or in all where that is empty."""
    if program:
        return any(caller.may(permission, program) for permission in permissions)
    return any(caller.programs(permission) is None for permission in permissions)


def _requests() -> Any:
    query = RequestRow.select(RequestRow, ProgramRow.program_id)
    return query.join(ProgramRow, JOIN.LEFT_OUTER, on=(ProgramRow.id == RequestRow.program)).objects()


def _seen(parent: str, caller: Caller) -> Any:
    own = _made_by(party(caller))
    if parent != "-":
        if not caller.sees(parent):
            raise ProgramNotFound(program=parent)
        of_program = ProgramRow.program_id == parent
        return of_program if reads(caller, parent) else of_program & own
    found = [caller.programs(permission) for permission in _READING]
    if None in found:
        return SQL("true")
    where = frozenset().union(*filter(None, found))
    return own | ProgramRow.program_id.in_(sorted(where)) if where else own


def _in_state(state: str, now: datetime) -> Any:
    is_open = RequestRow.state.in_(sorted(OPEN))
    if state in OPEN:
        return (RequestRow.state == state) & (RequestRow.expires_at > now)
    if state == ApprovalState.EXPIRED:
        return (RequestRow.state == state) | (is_open & (RequestRow.expires_at <= now))
    return RequestRow.state == state


def _waits_for(caller: Caller) -> Any:
    """Those on which a caller may decide, as far as that can be said without looking at each: in its programs, not its
    own, and not decided by it."""
    where, me = caller.programs(Permission.APPROVALS_DECIDE), party(caller)
    is_mine = DecisionRow.person.in_(_listed(me.people)) | DecisionRow.on_behalf_of.in_(_names(me))
    waits = RequestRow.id.not_in(DecisionRow.select(DecisionRow.request).where(is_mine)) & ~_made_by(me)
    if where is not None:
        waits &= ProgramRow.program_id.in_(_listed(where))
    return waits


def _made_by(who: Party) -> Any:
    """Those that somebody asked for, by whatever way (rules/approvals/deciding.py: check_maker)."""
    is_user = RequestRow.maker_user.in_(_listed(who.people))
    return RequestRow.maker.in_(_listed(who.all)) | is_user | RequestRow.maker_on_behalf_of.in_(_names(who))


def _names(who: Party) -> list[str]:
    return _listed(f"users/{person}" for person in who.people)


def _listed(ids: Iterable[str]) -> list[str]:
    # Of nobody's, nothing is: an id is never that.
    return sorted(ids) or ["-"]


def _all(rows: Sequence[Any], now: datetime) -> list[ApprovalRequest]:
    decisions: dict[UUID, list[Decision]] = {row.id: [] for row in rows}
    taken = DecisionRow.select().where(DecisionRow.request.in_(list(decisions))) if rows else ()
    for one in sorted(taken, key=lambda one: one.decided_at):
        who = Party(one.caller, one.person, one.on_behalf_of)
        decisions[one.request].append(Decision(who, one.decision, one.reason_code, one.decided_at, one.activity))
    return [_request(row, decisions[row.id], now) for row in rows]


def _request(row: Any, decisions: Sequence[Decision], now: datetime) -> ApprovalRequest:
    plain = {name: getattr(row, name) for name in ApprovalRequest._fields if hasattr(row, name)}
    return ApprovalRequest(
        **{
            **plain,
            "program": row.program_id or "",
            "state": state_at(ApprovalState(row.state), row.expires_at, now),
            "content_hash": bytes(row.content_hash).hex(),
            "maker": Party(row.maker, row.maker_user, row.maker_on_behalf_of),
            "needs": tuple(Need(*need) for need in row.needs),
            "decisions": tuple(decisions),
        }
    )
