"""Users in the books: who stays, what ends with whom, and what two at once make of one user."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rules.access import Caller, Role, in_role
from rules.activity import KEY_CREATED
from rules.refusals import (
    LastAdministrator,
    LoginNotFound,
    Refusal,
    StaleEtag,
    UserIsCaller,
    UserNotFound,
    UserStateWrong,
)
from rules.users import UserState, UserStatus, Way
from storage.access.authenticating import authenticate
from storage.access.commands import as_operator, create_key
from storage.access.credentials import Credential, CredentialKind, new_token
from storage.access.keys import Bounds, CreateKey
from storage.access.services import NewService, RoleAt
from storage.access.users import logins, queries
from storage.access.users.inviting import InviteUser
from storage.access.users.logins import RevokeLogin
from storage.access.users.queries import User, UserFilter
from storage.access.users.roles import AssignRole, EndRole, GivenRole
from storage.access.users.states import MoveUser
from storage.engine.database import Database, connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import run
from tests.storage.administering import ADMIN, ALL, STAFF, as_caller, at_work, by, invite, log_in, move
from tests.storage.scene import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program, and nobody who logs in yet."""
    return Scene(database)


def _read(scene: Scene, user: User) -> User:
    with connection(scene.database):
        return queries.get(user.id, ADMIN)


def _known(scene: Scene, token: str, kind: CredentialKind = CredentialKind.KEY) -> bool:
    with connection(scene.database) as books:
        [found] = blocking(authenticate(session(books), [Credential(kind, token)]))
    return found is not None


def _at_once(scene: Scene, *commands: Any) -> list[Any]:
    def answer(command: Any) -> Any:
        try:
            return scene.carry_out(command)
        except Refusal as refusal:
            return refusal
        finally:
            scene.database.close()

    with ThreadPoolExecutor(len(commands)) as callers:
        return list(callers.map(answer, commands))


@pytest.mark.parametrize("way", [Way.LOCK, Way.ARCHIVE])
def test_whoever_is_locked_or_archived_is_out_at_once_with_every_key(scene: Scene, way: Way) -> None:
    """Somebody who was dismissed this morning must not act by the browser that is still open, nor by a script."""
    user, other = at_work(scene, "gwen@example.com", STAFF), at_work(scene, "otto@example.com", STAFF)
    tokens = [log_in(scene, user).text for _ in range(2)]
    theirs = log_in(scene, other).text
    key = run(scene.database, lambda unit: create_key(unit, "gwens", Role.SERVICE)).key
    scene.execute(f"UPDATE api_key SET made_for = '{user.id}' WHERE id = '{key.id}'")
    assert all(_known(scene, token) for token in (*tokens, theirs, key.text))
    move(scene, user, way)
    assert [_known(scene, token) for token in (*tokens, key.text, theirs)] == [False, False, False, True]
    revoked = scene.rows("SELECT body::jsonb ->> 'subject' FROM activity WHERE action = 'key.revoked'")
    assert revoked == scene.rows(f"SELECT 'services/' || caller || '/keys/' || id FROM api_key WHERE id = '{key.id}'")
    move(scene, user, {Way.LOCK: Way.UNLOCK, Way.ARCHIVE: Way.UNARCHIVE}[way])
    assert not any(_known(scene, token) for token in (*tokens, key.text))
    assert _known(scene, user.id, CredentialKind.USER)
    assert [one.holding.role for one in _read(scene, user).roles] == ["STAFF"]


def test_no_key_speaks_for_who_is_not_at_work(scene: Scene) -> None:
    """The lock ends the keys that are there; one that is made a moment later must not bring him back."""
    user = at_work(scene, "gwen@example.com", STAFF)
    key = run(scene.database, lambda unit: create_key(unit, "gwens", Role.SERVICE)).key
    move(scene, user, Way.LOCK)
    scene.execute(f"UPDATE api_key SET made_for = '{user.id}' WHERE id = '{key.id}'")
    assert not _known(scene, key.text)
    token = new_token(CredentialKind.KEY)
    service = NewService("gwens too", (RoleAt("SERVICE", ""),))
    making = CreateKey(service, Bounds(), None, user.id, token, as_operator(KEY_CREATED))
    with pytest.raises(UserNotFound):
        run(scene.database, making.decide)


def test_who_never_accepted_is_invited_still_after_a_lock(scene: Scene) -> None:
    """As active, they could neither log in nor be invited again."""
    user = invite(scene, "gwen@example.com")
    assert move(scene, user, Way.LOCK).status == UserStatus(UserState.LOCKED, UserState.INVITED)
    assert move(scene, user, Way.UNLOCK).status == UserStatus(UserState.INVITED)


def _taken(user: User) -> list[Callable[[Any], Any]]:
    return [
        lambda caller: MoveUser(user.id, "", Way.LOCK, by(caller, user.id)),
        lambda caller: MoveUser(user.id, "", Way.ARCHIVE, by(caller, user.id)),
        lambda caller: EndRole(user.id, ALL, by(caller, user.id)),
    ]


@pytest.mark.parametrize("number", range(3))
def test_the_last_active_administrator_stays(scene: Scene, number: int) -> None:
    """With nobody left, only a shell on the host would help; those who are invited or locked are not there to help."""
    user = at_work(scene, "gwen@example.com", ALL)
    invite(scene, "invited@example.com", ALL)
    move(scene, at_work(scene, "locked@example.com", ALL), Way.LOCK)
    at_work(scene, "staff@example.com", GivenRole("ADMINISTRATOR", "programs/coffee"))
    command = _taken(user)[number]
    with pytest.raises(LastAdministrator):
        scene.carry_out(command(ADMIN))
    assert _read(scene, user).status.state == UserState.ACTIVE
    at_work(scene, "second@example.com", ALL)
    scene.carry_out(command(ADMIN))


@pytest.mark.parametrize("number", range(3))
def test_two_administrators_who_dismiss_each_other_at_once_leave_one(scene: Scene, number: int) -> None:
    """Each finds the other there: whoever comes second must find that he is the last."""
    for attempt in range(5):
        first, second = (at_work(scene, f"{name}{attempt}@example.com", ALL) for name in ("first", "second"))
        commands = [_taken(second)[number](as_caller(first)), _taken(first)[number](as_caller(second))]
        found = _at_once(scene, *commands)
        assert sorted(isinstance(one, LastAdministrator) for one in found) == [False, True]
        scene.execute("UPDATE app_user SET state = 'ARCHIVED' WHERE state = 'ACTIVE'")


def test_a_lock_and_a_role_at_once_are_both_done_in_some_order(scene: Scene) -> None:
    """Neither undoes the other: the user is locked, and holds the role when unlocked."""
    for attempt in range(5):
        user = at_work(scene, f"gwen{attempt}@example.com")
        lock, assign = MoveUser(user.id, "", Way.LOCK, by(ADMIN, "lock")), AssignRole(user.id, STAFF, by(ADMIN, "role"))
        assert not any(isinstance(one, Refusal) for one in _at_once(scene, lock, assign))
        found = _read(scene, user)
        assert (found.status.state, [one.holding.role for one in found.roles]) == (UserState.LOCKED, ["STAFF"])
        assert found.version == user.version + 2


def test_of_two_who_read_the_same_one_is_told_that_it_has_changed(scene: Scene) -> None:
    """Whoever decides on what is no longer true decides again."""
    user = at_work(scene, "gwen@example.com")
    commands = [MoveUser(user.id, user.etag, way, by(ADMIN, way)) for way in (Way.LOCK, Way.ARCHIVE)]
    assert sorted(isinstance(one, StaleEtag) for one in _at_once(scene, *commands)) == [False, True]


def test_one_address_invited_ten_times_at_once_makes_one_user(scene: Scene) -> None:
    """However it is written; the others are told of the user there is."""
    written = [f"{'Gwen' if number % 2 else 'gwen'}@example.com" for number in range(10)]
    commands = [_invitation(scene, address, number) for number, address in enumerate(written)]
    found = _at_once(scene, *commands)
    assert sum(isinstance(one, Refusal) for one in found) == 9
    assert {type(one).__name__ for one in found if isinstance(one, Refusal)} == {"UserExists"}
    assert scene.rows("SELECT email FROM app_user") == [("gwen@example.com",)]
    assert scene.rows("SELECT count(*) FROM mail") == [(1,)]


def _invitation(scene: Scene, address: str, number: int) -> Any:
    return InviteUser(address, "Gwen", "", (STAFF,), by(ADMIN, number))


def test_nobody_changes_himself_by_a_login_or_a_key(scene: Scene) -> None:
    """Neither up nor down, nor away."""
    user = at_work(scene, "gwen@example.com", ALL)
    at_work(scene, "second@example.com", ALL)
    key = in_role("caller_7", "gwens", Role.ADMINISTRATOR)._replace(user=user.id)
    for caller in (as_caller(user), key):
        given: Callable[[Caller], Any] = lambda one: AssignRole(user.id, STAFF, by(one, "role"))  # noqa: E731
        for command in (*_taken(user), given):
            with pytest.raises(UserIsCaller):
                scene.carry_out(command(caller))


def test_a_role_is_given_to_whoever_may_come_back_and_not_to_the_archived(scene: Scene) -> None:
    """Who has left gets nothing that would hold without a word on the day of coming back."""
    user = at_work(scene, "gwen@example.com")
    move(scene, user, Way.ARCHIVE)
    with pytest.raises(UserStateWrong):
        scene.carry_out(AssignRole(user.id, STAFF, by(ADMIN, "role")))
    back = move(scene, user, Way.UNARCHIVE, ADMIN, STAFF, STAFF)
    assert [one.holding.role for one in back.roles] == ["STAFF"]


def test_what_was_held_on_a_past_day_stays_written(scene: Scene) -> None:
    """A role is ended, never removed; given again, it is a second time."""
    user = at_work(scene, "gwen@example.com", STAFF)
    scene.carry_out(EndRole(user.id, STAFF, by(ADMIN, "end")))
    scene.carry_out(AssignRole(user.id, STAFF, by(ADMIN, "again")))
    rows = scene.rows("SELECT until_at IS NULL, end_activity IS NULL FROM role_assignment WHERE holder = %s", [user.id])
    assert sorted(rows) == [(False, False), (True, True)]


def test_a_login_that_is_over_is_neither_listed_nor_ended_again(scene: Scene) -> None:
    """Idle, expired or ended: who looks for an intruder wants those who are in."""
    user = at_work(scene, "gwen@example.com")
    over = {
        "created_at": "now() - interval '31 minutes'",
        "ends_at": "now() - interval '1 s'",
        "ended_at": "now()",
    }
    ids = {field: log_in(scene, user).id for field in over}
    for field, value in over.items():
        scene.execute(f"UPDATE login SET {field} = {value} WHERE id = '{ids[field]}'")
    live = log_in(scene, user)
    with connection(scene.database):
        assert [one.id for one in logins.page(ADMIN, user.id, None, 10)] == [live.id]
    for login in ids.values():
        with pytest.raises(LoginNotFound):
            scene.carry_out(RevokeLogin(user.id, login, by(ADMIN, login)))
    other = at_work(scene, "otto@example.com")
    with pytest.raises(LoginNotFound):
        scene.carry_out(RevokeLogin(other.id, live.id, by(ADMIN, "another's")))
    scene.carry_out(RevokeLogin(user.id, live.id, by(ADMIN, "live")))
    assert not _known(scene, live.text)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (UserFilter(), ["Gwen", "Otto", "Wanda"]),
        (UserFilter(state="LOCKED"), ["Otto"]),
        (UserFilter(role="STAFF"), ["Gwen", "Otto"]),
        (UserFilter(role="STAFF", scope="programs/coffee"), ["Gwen"]),
        (UserFilter(scope="programs/tea"), ["Otto", "Wanda"]),
        (UserFilter(text="WAN"), ["Wanda"]),
        (UserFilter(text="%"), []),
    ],
)
def test_users_are_found_by_what_they_are(scene: Scene, wanted: UserFilter, names: list[str]) -> None:
    """Who holds which role where is what an audit asks first; what people type is no pattern."""
    Scene(scene.database, program="tea")
    tea = "programs/tea"
    at_work(scene, "gwen@example.com", STAFF)
    move(scene, at_work(scene, "otto@example.com", GivenRole("STAFF", tea)), Way.LOCK)
    at_work(scene, "wanda@example.com", GivenRole("AUDITOR", tea))
    with connection(scene.database):
        assert [one.display_name for one in queries.page(ADMIN, wanted, "", 10)] == names
