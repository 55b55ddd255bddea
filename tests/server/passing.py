"""Passes of ada, for the tests of calls: how to come to each change of one, and what phones say of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fealty.v1 import customers_pb2
from fealty.v1 import passes_pb2 as pb
from fealty.v1.pass_templates_pb2 import PASS_KIND_COUPON, PASS_KIND_GENERIC
from storage.engine.ids import parse_typeid, typeid
from tests.server.club import ADA, NAME, WHY, Club
from tests.server.serving import fresh

CARD = f"{NAME}/passTemplates/card"
# A pass of an id that is known before it is issued.
LOGGED = UUID(int=7)
LOGGED_NAME = f"{ADA}/passes/{typeid('pass', LOGGED.int)}"


async def issued(club: Club) -> pb.Pass:
    """A card of points of ada's."""
    await club.template()
    return await club.issue()


async def of_coupons(club: Club) -> str:
    """The name of a template of coupons."""
    return (await club.template("coupon", kind=PASS_KIND_COUPON, card_id="", fields=[])).name


async def of_gifts(club: Club) -> str:
    """The name of a template of anything else."""
    return (await club.template("gift", kind=PASS_KIND_GENERIC, card_id="", fields=[])).name


async def addressed(club: Club) -> pb.Pass:
    """The same, of an ada who has a mail address."""
    known = customers_pb2.Customer(name=ADA, email="ada@example.com")
    await club.admin.customers.UpdateCustomer(
        customers_pb2.UpdateCustomerRequest(customer=known, update_mask={"paths": ["email"]}, request_id=fresh())
    )
    return await issued(club)


async def link(club: Club, name: str, **more: Any) -> pb.GetSaveLinksResponse:
    """A link to a pass."""
    return await club.till.passes.GetSaveLinks(pb.GetSaveLinksRequest(name=name, request_id=fresh(), **more))


async def void(club: Club, name: str) -> pb.Pass:
    """Ends a pass."""
    request = pb.VoidPassRequest(name=name, reason=WHY, request_id=fresh())
    return (await club.till.passes.VoidPass(request)).wallet_pass


async def trace(club: Club, name: str) -> pb.TraceDeliveryResponse:
    """What became of its updates."""
    return await club.admin.passes.TraceDelivery(pb.TraceDeliveryRequest(name=name))


async def ask_issue(club: Club) -> Any:
    """Another card of points."""
    await club.template()
    return pb.IssuePassRequest(parent=ADA, pass_template=CARD)


async def ask_email(club: Club) -> Any:
    """Mails it."""
    return pb.EmailPassRequest(name=(await addressed(club)).name)


async def ask_push(club: Club) -> Any:
    """Pushes it to the phone that has it."""
    name = (await issued(club)).name
    install(club, name)
    return pb.PushPassRequest(name=name)


async def ask_void(club: Club) -> Any:
    """Voids it, with a link to it."""
    name = (await issued(club)).name
    await link(club, name)
    return pb.VoidPassRequest(name=name, reason=WHY)


async def ask_link(club: Club) -> Any:
    """A link to it."""
    return pb.GetSaveLinksRequest(name=(await issued(club)).name)


async def ask_revoke(club: Club) -> Any:
    """Revokes a link to it."""
    return pb.RevokeLinkRequest(name=(await link(club, (await issued(club)).name)).name)


async def add_pass(club: Club) -> pb.Pass:
    """One more pass of ada's, of a template of its own."""
    return await club.issue((await club.template("")).name)


async def add_log(club: Club) -> None:
    """One more line of a phone about LOGGED_NAME."""
    if not club.served.rows("SELECT FROM pass WHERE id = %s", LOGGED):
        made = await add_pass(club)
        club.served.execute("UPDATE pass SET id = %s WHERE id = %s", LOGGED, id_of(made.name))
    line = f"[2025-01-01] could not fetch, try {len(club.served.rows('SELECT FROM pass_device_log'))}"
    club.served.execute("INSERT INTO pass_device_log (pass, received_at, line) VALUES (%s, now(), %s)", LOGGED, line)


def id_of(name: str) -> UUID:
    """The id by which the books know a pass."""
    found = parse_typeid("pass", name.rpartition("/")[2])
    assert found is not None
    return found


def install(club: Club, name: str, library_id: str = "phone", ago: timedelta = timedelta(0)) -> int:
    """A phone has the pass, for so long; its number."""
    club.served.execute(
        "INSERT INTO pass_device (library_hash, push_token, token_at, created_at) VALUES (%s, 'x', now(), now())"
        " ON CONFLICT DO NOTHING",
        library_id.encode(),
    )
    [(device,)] = club.served.rows("SELECT id FROM pass_device WHERE library_hash = %s", library_id.encode())
    club.served.execute(
        "INSERT INTO pass_registration (pass, device, registered_at) VALUES (%s, %s, now() - %s)",
        *(id_of(name), device, ago),
    )
    return int(device)


def change(club: Club, name: str, revision: int, ago: timedelta = timedelta(0)) -> None:
    """What the pass says is another thing, for so long."""
    club.served.execute(
        "INSERT INTO pass_content (pass, revision, modified_at, digest, changed_at, built_at)"
        " VALUES (%s, %s, now() - %s, 'd', now() - %s, now() - %s) ON CONFLICT (pass) DO UPDATE SET"
        " revision = excluded.revision, modified_at = excluded.modified_at, changed_at = excluded.changed_at,"
        " built_at = excluded.built_at",
        *(id_of(name), revision, ago, ago, ago),
    )


def deliver(club: Club, name: str, device: int, revision: int, **columns: Any) -> None:
    """Something became of an update on its way to a phone: instants are given as what has passed since."""
    instants = {column: value for column, value in columns.items() if isinstance(value, timedelta)}
    others = {column: value for column, value in columns.items() if column not in instants}
    names = "".join(f", {column}" for column in (*instants, *others))
    places = "".join([", now() - %s" for _ in instants] + [", %s" for _ in others])
    club.served.execute(
        f"INSERT INTO pass_delivery (pass, device, revision, changed_at{names})"
        f" SELECT c.pass, %s, %s, c.changed_at{places} FROM pass_content c WHERE pass = %s",
        *(device, revision, *instants.values(), *others.values(), id_of(name)),
    )
