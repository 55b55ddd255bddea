"""Services known by their certificates: by which names, for how long, and beside keys."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography.hazmat.primitives import hashes
from grpc import StatusCode

from fealty.v1 import points_pb2
from rules.access import Role
from tests.server.serving import PLAIN, Client, Served, activities, customer, program, told
from tests.server.tls import authorities, files_in, serve_secured, show
from tests.server.watching import ends, watching
from walletkit.authority import Identity

BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)
TILLS = "tills.example.com"


@pytest.fixture
def private(runner: asyncio.Runner, database_url: str, tmp_path: Path) -> Iterator[Served]:
    """A server with a port for certificates, the customer `ada` of `coffee`, and a service known as TILLS."""

    async def begin() -> Served:
        served = await serve_secured(database_url, files_in(tmp_path))
        await served.admin.programs.CreateProgram(program("coffee"))
        await served.admin.customers.CreateCustomer(customer("ada"))
        register(served, TILLS, "till")
        return served

    served = runner.run(begin())
    yield served
    runner.run(served.close())


def register(served: Served, name: str, service: str) -> None:
    """From now on a certificate of that name is the service's."""
    served.execute(_REGISTER, name, service)


def issued(*names: str, life_s: float = 3600.0, common_name: str = "") -> Identity:
    """A certificate of the authority that the server believes."""
    return authorities().clients.client(names, life=timedelta(seconds=life_s), common_name=common_name)


async def test_a_service_calls_by_its_certificate_alone(private: Served) -> None:
    """No secret to copy, to lose, or to find in a log; and the record says which service it was."""
    identity = issued(TILLS)
    tills = show(private, identity)
    assert (await tills.points.GetBalance(BALANCE)).balance.active == 0
    denied = await told(tills.programs.CreateProgram(program("tea")))
    assert (denied.code, denied.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    [(service,)] = private.rows("SELECT id FROM caller WHERE name = 'till'")
    noted = await activities(private.admin, outcome="ACTIVITY_OUTCOME_DENIED")
    assert {activity.actor.name for activity in noted} == {f"callers/{service}"}
    used = private.rows("SELECT 1 FROM credential_use u JOIN certificate c ON c.id = u.credential")
    assert used, "one that nobody uses any more is to be found"


@pytest.mark.parametrize(
    "identity",
    [
        issued("other.example.com", TILLS),
        issued("spiffe://example.com/tills"),
        issued(common_name="tills"),
    ],
    ids=["the second of several", "a URI", "the common name, where there is no other"],
)
async def test_it_is_known_by_any_of_its_names(private: Served, identity: Identity) -> None:
    """Meshes name services by URIs, old tools by the common name; and a service moves from one name to another."""
    register(private, "spiffe://example.com/tills", "till")
    register(private, "tills", "till")
    tills = show(private, identity)
    assert (await tills.points.GetBalance(BALANCE)).balance.active == 0


async def test_a_common_name_beside_others_says_nothing(private: Served) -> None:
    """Authorities check the other names, and write into that one what they are told."""
    register(private, "tills", "till")
    tills = show(private, issued("other.example.com", common_name="tills"))
    assert (await told(tills.points.GetBalance(BALANCE))).reason == "CERTIFICATE_INVALID"


async def test_who_is_not_registered_is_nobody(private: Served) -> None:
    """That an authority believes it lets it connect, no more; the answer says which certificate that was."""
    identity = issued("other.example.com")
    stranger = show(private, identity)
    answer = await told(stranger.points.GetBalance(BALANCE))
    assert (answer.code, answer.reason) == (StatusCode.UNAUTHENTICATED, "CERTIFICATE_INVALID")
    assert answer.facts == {"fingerprint": identity.certificate.fingerprint(hashes.SHA256()).hex()}


async def test_a_key_that_is_sent_with_it_says_who_calls(private: Served) -> None:
    """A console has a certificate and speaks for who is logged in: else everybody there would be the console."""
    admin = show(private, issued(TILLS), private.key("another", Role.ADMINISTRATOR))
    made = await admin.programs.CreateProgram(program("tea"))
    assert made.program.name == "programs/tea"
    wrong = show(private, issued(TILLS), "fealty_none")
    assert (await told(wrong.points.GetBalance(BALANCE))).reason == "KEY_INVALID"


async def test_the_other_port_asks_for_no_certificate(private: Served) -> None:
    """Nobody is a service there for what they show."""
    identity = issued(TILLS)
    own = grpc.ssl_channel_credentials(authorities().server.pem, identity.key_pem(), identity.certificate_pem)
    async with grpc.aio.secure_channel(private.address, own) as channel:
        assert (await told(Client(channel).points.GetBalance(BALANCE))).reason == "KEY_INVALID"


@pytest.mark.long
async def test_one_that_is_revoked_is_nobody_within_seconds(private: Served) -> None:
    """Its connection is open, and stays so."""
    tills = show(private, issued(TILLS))
    assert (await tills.points.GetBalance(BALANCE)).balance.active == 0
    private.execute("UPDATE certificate SET revoked_at = now()")
    await _until_refused(tills.points.GetBalance)


@pytest.mark.long
async def test_one_that_ends_while_its_connection_is_open_is_nobody(private: Served) -> None:
    """A handshake is checked once; connections last for half an hour, and streams as long."""
    ends_at = datetime.now(UTC) + timedelta(seconds=4)
    tills = show(private, issued(TILLS, life_s=4))
    assert (await tills.points.GetBalance(BALANCE)).balance.active == 0
    async with watching(tills, "programs/coffee") as stream:
        await stream.message()
        await asyncio.sleep((ends_at - datetime.now(UTC)).total_seconds() + 0.1)
        assert (await told(tills.points.GetBalance(BALANCE))).reason == "CERTIFICATE_INVALID"
        assert (await ends(stream)).reason == "CERTIFICATE_INVALID"


async def _until_refused(call: object) -> None:
    assert callable(call)
    for _ in range(200):
        try:
            await call(BALANCE)
        except Exception:
            assert (await told(call(BALANCE))).reason == "CERTIFICATE_INVALID"
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it is believed for ever")


_REGISTER = """
INSERT INTO certificate (id, caller, name, created_at, activity)
SELECT gen_random_uuid(), id, %s, now(), activity FROM caller WHERE name = %s
"""
