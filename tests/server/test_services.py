"""Services and what they call with: keys that may less, that are rotated and that end; certificates; and who may."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fealty import claims
from fealty.v1 import credentials_pb2 as pb
from fealty.v1 import options_pb2, points_pb2, programs_pb2, roles_pb2
from rules.access import Role
from server import limits
from tests.server import crediting
from tests.server.club import NAME, Club, account
from tests.server.crediting import EARN, key, of_certificate, of_key, service_of
from tests.server.peopled import client_of, role
from tests.server.serving import activities, fresh, told

GET = programs_pb2.GetProgramRequest(name=NAME)
BALANCE = points_pb2.GetBalanceRequest(account=account())


async def test_a_key_speaks_for_a_new_service_in_its_roles(club: Club) -> None:
    """A till is let in without a shell on the host, and sees the program that it is of."""
    made = await key(club)
    till = club.served.client(made.secret)
    seen = await till.programs.ListPrograms(programs_pb2.ListProgramsRequest())
    assert [program.name for program in seen.programs] == [NAME]
    mine = await till.roles.ListMyPermissions(roles_pb2.ListMyPermissionsRequest())
    assert mine.caller == service_of(made.key.name)
    assert [(grant.role, grant.scope) for grant in mine.grants] == [("roles/SERVICE", NAME)]


async def test_a_key_may_less_than_the_roles_of_its_service(club: Club) -> None:
    """A display that shows balances needs no more than that, and somebody will copy its key."""
    made = await key(club, permissions=[options_pb2.PERMISSION_POINTS_READ])
    display = club.served.client(made.secret)
    await display.points.GetBalance(BALANCE)
    assert (await told(display.programs.GetProgram(GET))).reason == "PERMISSION_MISSING"


async def test_the_secret_is_kept_nowhere(club: Club) -> None:
    """Whoever has the database, the log, or the kept answers, cannot call."""
    made = await key(club)
    rotated = await club.admin.credentials.RotateKey(pb.RotateKeyRequest(name=made.key.name, request_id=fresh()))
    kept = str(club.books()) + str(club.served.rows("SELECT a::text FROM activity a"))
    for secret in (made.secret, rotated.secret):
        assert secret.split("_")[1] in kept
        assert secret.split("_")[2] not in kept


async def test_a_rotated_key_works_until_its_overlap_is_over(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tills are given the new one by and by; the old one ends by itself, and the new one may no more."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    made = await key(club, permissions=[EARN, options_pb2.PERMISSION_PROGRAMS_READ])
    long = await club.admin.credentials.RotateKey(
        pb.RotateKeyRequest(name=made.key.name, overlap_s=3600, request_id=fresh())
    )
    assert list(long.key.permissions) == list(made.key.permissions)
    old, new = club.served.client(made.secret), club.served.client(long.secret)
    for client in (old, new):
        await client.programs.GetProgram(GET)
    left = long.old_key.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)

    short = await club.admin.credentials.RotateKey(pb.RotateKeyRequest(name=long.key.name, request_id=fresh()))
    assert (await told(new.programs.GetProgram(GET))).reason == "KEY_INVALID"
    newest = club.served.client(short.secret)
    await newest.programs.GetProgram(GET)
    again = club.admin.credentials.RotateKey(pb.RotateKeyRequest(name=long.key.name, request_id=fresh()))
    assert (await told(again)).reason == "CREDENTIAL_ENDED"


async def test_what_takes_the_place_of_a_rotated_key_once_more_lives_as_long_as_the_key_was_made_for(
    club: Club,
) -> None:
    """Whoever loses the new secret rotates the old key again within its overlap: tills must not stop with that."""
    endless = (await key(club)).key.name
    ends = Timestamp()
    ends.FromDatetime(datetime.now(UTC) + timedelta(days=90))
    ending = (await key(club, name="other", expire_time=ends)).key.name
    for made, lives in ((endless, None), (ending, timedelta(days=90))):
        for _ in range(2):
            rotated = await club.admin.credentials.RotateKey(
                pb.RotateKeyRequest(name=made, overlap_s=86_400, request_id=fresh())
            )
            if lives is None:
                assert not rotated.key.HasField("expire_time")
            else:
                left = rotated.key.expire_time.ToDatetime(UTC) - datetime.now(UTC)
                assert abs(left - lives) < timedelta(minutes=1)


async def test_of_two_that_rotate_a_key_at_once_one_does(club: Club) -> None:
    """Else one of two new keys would be nobody's, and work for years."""
    made = await key(club)
    asked = [pb.RotateKeyRequest(name=made.key.name, request_id=fresh()) for _ in range(2)]
    answers = await asyncio.gather(*(club.admin.credentials.RotateKey(one) for one in asked), return_exceptions=True)
    assert sum(isinstance(answer, pb.RotateKeyResponse) for answer in answers) == 1


async def test_what_is_changed_here_holds_here_at_once(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who revokes a stolen key, or takes a role away, does not wait for what is remembered of callers."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 600.0)
    monkeypatch.setattr(limits, "KEY_ASKED_AGAIN_S", 600.0)
    made, other = await key(club), await key(club, name="other")
    stolen, till = club.served.client(made.secret), club.served.client(other.secret)
    for client in (stolen, till):
        await client.points.GetBalance(BALANCE)
    await club.admin.credentials.RevokeKey(pb.RevokeKeyRequest(name=made.key.name, request_id=fresh()))
    assert (await told(stolen.points.GetBalance(BALANCE))).reason == "KEY_INVALID"
    await till.points.GetBalance(BALANCE)
    roles = [roles_pb2.RoleInScope(role="roles/SERVICE", scope="programs/coffee")]
    moved = pb.Service(name=service_of(other.key.name), roles=roles)
    await club.admin.credentials.UpdateService(pb.UpdateServiceRequest(service=moved, request_id=fresh()))
    assert (await told(till.points.GetBalance(BALANCE))).reason == "PROGRAM_NOT_FOUND"


async def test_nobody_makes_a_key_that_may_more_than_himself(club: Club) -> None:
    """A partner lets tills into its own program, and neither others there nor itself out of it."""
    partner = club.served.client(club.served.key("partner", Role.PARTNER, "club"))
    made = await key(club, partner, name="mine")
    beyond = {
        "GRANT_EXCEEDED": [
            of_key("a", [roles_pb2.RoleInScope(role="roles/ADMINISTRATOR", scope=NAME)]),
            of_key("b", [roles_pb2.RoleInScope(role="roles/SERVICE")]),
        ],
        "SCOPE_NOT_FOUND": [
            of_key("c", [roles_pb2.RoleInScope(role="roles/SERVICE", scope="programs/coffee")]),
            of_key("d", [roles_pb2.RoleInScope(role="roles/SERVICE", scope="programs/nowhere")]),
        ],
    }
    for reason, requests in beyond.items():
        for request in requests:
            assert (await told(partner.credentials.CreateKey(request))).reason == reason
    # A narrower one is not what its service may, nor is what its role may become.
    clerk = await key(club, partner, name="clerk", permissions=[options_pb2.PERMISSION_CREDENTIALS_WRITE, EARN])
    assert clerk.secret
    small = await key(
        club, name="small", roles=[roles_pb2.RoleInScope(role="roles/PARTNER", scope=NAME)], permissions=[_WRITE]
    )
    weak = club.served.client(small.secret)
    rotating = pb.RotateKeyRequest(name=made.key.name, request_id=fresh())
    assert (await told(weak.credentials.RotateKey(rotating))).reason == "GRANT_EXCEEDED"


_WRITE = options_pb2.PERMISSION_CREDENTIALS_WRITE


async def test_a_service_elsewhere_is_nobodys_to_see_or_change(club: Club) -> None:
    """Tenants do not learn of each other's tills; and of one that is in both, each sees its own part, and neither
    touches what is the other's."""
    foreign = await key(club, name="foreign", roles=[roles_pb2.RoleInScope(role="roles/SERVICE", scope=_COFFEE)])
    both = [*crediting.IN_CLUB, roles_pb2.RoleInScope(role="roles/SERVICE", scope=_COFFEE)]
    shared = await key(club, name="shared", roles=both)
    partner = club.served.client(club.served.key("partner", Role.PARTNER, "club"))
    listed = await partner.credentials.ListServices(pb.ListServicesRequest())
    seen = {service.display_name: [role.scope for role in service.roles] for service in listed.services}
    assert seen == {"partner": [NAME], "shared": [NAME]}
    keys = pb.ListKeysRequest(parent=service_of(foreign.key.name))
    missing = pb.ListKeysRequest(parent=f"services/caller_{'0' * 26}")
    assert [(await told(partner.credentials.ListKeys(one))).reason for one in (keys, missing)] == [_MISSING] * 2
    for name, reason in ((foreign.key.name, _MISSING), (shared.key.name, "GRANT_EXCEEDED")):
        revoked = partner.credentials.RevokeKey(pb.RevokeKeyRequest(name=name, request_id=fresh()))
        assert (await told(revoked)).reason == reason
    assert [one.name for one in (await partner.credentials.ListKeys(pb.ListKeysRequest(parent=_of(shared)))).keys]


_COFFEE = "programs/coffee"
_MISSING = "SERVICE_NOT_FOUND"


def _of(made: pb.CreateKeyResponse) -> str:
    return service_of(made.key.name)


async def test_keys_are_listed_newest_first_with_their_last_use(club: Club) -> None:
    """Which can be revoked is read from here: what nobody used for a year."""
    first = await key(club)
    request = pb.CreateKeyRequest(service=_of(first), request_id=fresh())
    second = await club.admin.credentials.CreateKey(request)
    till = club.served.client(first.secret)
    await till.points.GetBalance(BALANCE)
    await club.admin.credentials.RevokeKey(pb.RevokeKeyRequest(name=second.key.name, request_id=fresh()))
    found: list[pb.Key] = []
    token = ""
    while True:
        asked = pb.ListKeysRequest(parent=_of(first), page_size=1, page_token=token)
        page = await club.admin.credentials.ListKeys(asked)
        found += page.keys
        token = page.next_page_token
        if not token:
            break
    assert [one.name for one in found] == [second.key.name, first.key.name]
    assert [one.HasField("use_time") for one in found] == [False, True]
    usable = await club.admin.credentials.ListKeys(pb.ListKeysRequest(parent=_of(first), only_usable=True))
    assert [one.name for one in usable.keys] == [first.key.name]


async def test_a_name_in_a_certificate_is_one_services(club: Club) -> None:
    """Two that show the same would be one; a revoked one gives it free."""
    first = (await club.admin.credentials.RegisterCertificate(of_certificate())).certificate
    again = of_certificate("other")
    assert (await told(club.admin.credentials.RegisterCertificate(again))).reason == "CERTIFICATE_NAME_TAKEN"
    revoking = pb.RevokeCertificateRequest(name=first.name, request_id=fresh())
    await club.admin.credentials.RevokeCertificate(revoking)
    await club.admin.credentials.RegisterCertificate(of_certificate("other"))
    listed = await club.admin.credentials.ListCertificates(pb.ListCertificatesRequest(parent=service_of(first.name)))
    assert [(one.certificate_name, one.HasField("revoke_time")) for one in listed.certificates] == [
        ("desk.example.com", True)
    ]


async def test_the_log_says_in_words_what_was_given_to_whom(club: Club) -> None:
    """Whoever looks for how somebody got in reads it here; a program's part in its own log."""
    made = await key(club, permissions=[EARN], may_act_for=[pb.ACTS_FOR_CUSTOMERS])
    await club.admin.credentials.RotateKey(pb.RotateKeyRequest(name=made.key.name, overlap_s=60, request_id=fresh()))
    [rotated, created] = [
        one for one in await activities(club.admin, parent=NAME) if one.action in ("key.created", "key.rotated")
    ]
    assert created.description == (
        f"API key {made.key.name[-16:]} made for desk, as service of program club, for no more than points earn, which"
        " may act for customers (Administrator admin)."
    )
    assert f"made for desk in place of {made.key.name[-16:]}, which ends at" in rotated.description


async def test_who_acts_for_users_is_let_in_by_whoever_may_let_in_users(club: Club) -> None:
    """A key that may make keys and nothing else must not make one that does things in everybody's name."""
    held = [roles_pb2.RoleInScope(role="roles/PARTNER", scope=NAME)]
    for more, reason in (_WRITE, "GRANT_EXCEEDED"), (options_pb2.PERMISSION_USERS_WRITE, ""):
        permissions = list(dict.fromkeys([_WRITE, EARN, more]))
        maker = await key(club, name=f"maker {reason}", roles=held, permissions=permissions)
        client = club.served.client(maker.secret)
        asked = pb.CreateKeyRequest(
            service=service_of(maker.key.name),
            permissions=[EARN],
            may_act_for=[pb.ACTS_FOR_USERS],
            request_id=fresh(),
        )
        if reason:
            assert (await told(client.credentials.CreateKey(asked))).reason == reason
        else:
            assert (await client.credentials.CreateKey(asked)).secret


async def test_a_key_speaks_for_who_made_it_and_for_nobody_else(club: Club) -> None:
    """Who has a key of somebody's decides in that name: two keys of one person would be four eyes."""
    (xavier, his), (_, hers) = [
        await client_of(club, role("PARTNER", NAME), name=name) for name in ("xavier", "yolanda")
    ]
    with_role = [roles_pb2.RoleInScope(role="roles/PARTNER", scope=NAME)]
    refused = await told(xavier.credentials.CreateKey(of_key(roles=with_role, made_for=hers)))
    assert refused.reason == "USER_NOT_FOUND"
    own = await key(club, xavier, roles=with_role, made_for=his, may_act_for=[pb.ACTS_FOR_USERS])
    desk = club.served.client(own.secret)
    with claims(on_behalf_of=hers):
        for name in (his, hers):
            asked = of_key("other", roles=with_role, made_for=name)
            assert (await told(desk.credentials.CreateKey(asked))).reason == "USER_NOT_FOUND"
    # Nor by the place of one that is his.
    kept = await xavier.credentials.RotateKey(pb.RotateKeyRequest(name=own.key.name, request_id=fresh()))
    taken = await club.admin.credentials.RotateKey(pb.RotateKeyRequest(name=kept.key.name, request_id=fresh()))
    assert [own.key.made_for, kept.key.made_for, taken.key.made_for] == [his, his, ""]
