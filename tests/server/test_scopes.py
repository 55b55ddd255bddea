"""What is held in one program counts in no other, whatever it is asked for beside the permission of a call."""

import pytest

from fealty.v1 import audit_pb2, coupons_pb2, credentials_pb2, ingest_pb2, points_pb2, programs_pb2, roles_pb2
from server import limits
from tests.server import campaigning, couponing, organizing
from tests.server.club import NAME, Club, account
from tests.server.crediting import key, service_of
from tests.server.serving import PLAIN, Client, program, purchase, told

COFFEE = "programs/coffee"


async def _both(club: Club, here: str, there: str) -> Client:
    """Somebody with one role in the club, and another in `coffee`."""
    held = [(here, NAME), (there, COFFEE)]
    roles = [roles_pb2.RoleInScope(role=f"roles/{role}", scope=scope) for role, scope in held]
    return club.served.client((await key(club, name="somebody", roles=roles)).secret)


async def test_reads_of_all_programs_take_in_those_in_which_they_are_permitted(club: Club) -> None:
    """An auditor of one program who serves in another reads the log of the first, in lists, sums and files."""
    somebody = await _both(club, "AUDITOR", "SERVICE")
    await club.earn(1)
    await club.served.admin.points.GetBalance(
        points_pb2.GetBalanceRequest(account=f"{COFFEE}/customers/ada/accounts/plain")
    )
    for parent in ("-", NAME):
        listed = await somebody.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent=parent, page_size=1000))
        assert listed.activities
        assert not [one.subject for one in listed.activities if one.subject.startswith(COFFEE)]
        counted = await somebody.audit.AnalyzeActivities(audit_pb2.AnalyzeActivitiesRequest(parent=parent))
        # That the list was read stands in the log of the program, where it was asked of that.
        assert counted.total == len(listed.activities) + (parent == NAME)
        exporting = audit_pb2.ExportActivitiesRequest(parent=parent, format=audit_pb2.EXPORT_FORMAT_CSV)
        file = b"".join([piece.data async for piece in somebody.audit.ExportActivities(exporting)])
        assert NAME.encode() in file
        assert b"programs/coffee" not in file
    refused = somebody.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent=COFFEE))
    assert (await told(refused)).reason == "PERMISSION_MISSING"


async def test_programs_are_listed_in_which_they_may_be_read(club: Club) -> None:
    """A role that reads no programs shows none by way of another role elsewhere."""
    nothing = roles_pb2.Role(permissions=["PERMISSION_POINTS_EARN"])
    await club.admin.roles.CreateRole(roles_pb2.CreateRoleRequest(role_id="earner", role=nothing, request_id="r"))
    somebody = await _both(club, "SERVICE", "earner")
    listed = await somebody.programs.ListPrograms(programs_pb2.ListProgramsRequest())
    assert [one.name for one in listed.programs] == [NAME]


async def test_whoever_inspects_coupons_elsewhere_inspects_none_here(club: Club) -> None:
    """A storefront that is also a till of another shop must not learn which codes exist."""
    somebody = await _both(club, "STOREFRONT", "SERVICE")
    await campaigning.there(club)
    name = couponing.coupon(club, campaigning.SPRING)
    assert (
        await told(somebody.coupons.GetCoupon(coupons_pb2.GetCouponRequest(name=name)))
    ).reason == "COUPON_NOT_FOUND"
    listing = coupons_pb2.ListCouponsRequest(parent=campaigning.SPRING)
    assert (await told(somebody.coupons.ListCoupons(listing))).reason == "PERMISSION_MISSING"
    await club.admin.coupons.ListCoupons(listing)


async def test_an_item_of_a_stream_needs_its_permission_in_its_own_program(club: Club) -> None:
    """What a call of its own is refused, a stream is refused."""
    somebody = await _both(club, "AUDITOR", "SERVICE")
    items = [ingest_pb2.Item(record=purchase(1, at)) for at in (account(), PLAIN)]
    stream = somebody.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=items)]))
    results = [result async for answer in stream for result in answer.results]
    assert [result.WhichOneof("result") for result in results] == ["refused", "recorded"]


async def test_a_program_that_a_partner_makes_is_seen_by_it_at_once(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes a program goes on with it in the next call, and not when its key is asked for again."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 600.0)
    monkeypatch.setattr(limits, "KEY_ASKED_AGAIN_S", 600.0)
    await organizing.partner(club)
    roles = [roles_pb2.RoleInScope(role="roles/PARTNER", scope=organizing.BEANS)]
    beans = club.served.client((await key(club, name="beans", roles=roles)).secret)
    assert not (await beans.programs.ListPrograms(programs_pb2.ListProgramsRequest())).programs
    made = await beans.programs.CreateProgram(program("cocoa"))
    shown = await beans.programs.GetProgram(programs_pb2.GetProgramRequest(name=made.program.name))
    assert shown.program.name == "programs/cocoa"


async def test_a_stream_ends_where_what_it_needs_is_held_elsewhere_only(club: Club) -> None:
    """Whoever lost a program must not go on following it because of another one."""
    made = await key(club, name="somebody", roles=[roles_pb2.RoleInScope(role="roles/AUDITOR", scope=NAME)])
    somebody = club.served.client(made.secret)
    watching = somebody.audit.WatchActivities(audit_pb2.WatchActivitiesRequest(parent=NAME))
    await watching.read()
    roles = [roles_pb2.RoleInScope(role="roles/AUDITOR", scope=COFFEE)]
    moved = credentials_pb2.Service(name=service_of(made.key.name), roles=roles)
    await club.admin.credentials.UpdateService(credentials_pb2.UpdateServiceRequest(service=moved, request_id="m"))
    await club.earn(1)

    async def follow() -> None:
        async for _ in watching:
            await club.earn(1)

    assert (await told(follow())).reason == "PROGRAM_NOT_FOUND"
