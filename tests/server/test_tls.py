"""TLS of the gRPC port, by real handshakes: who is believed, what is refused, and certificates that are replaced."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fealty import Unanswered, connect_async
from fealty.v1 import points_pb2
from rules.listening import NotPrivate
from server import expiring, tls
from server.settings import CertificateUnusable
from tests.server.serving import PLAIN, Served, customer, program, settings_of
from tests.server.tls import Files, authorities, files_in, serial, serve_secured, settings_with, show
from tests.server.watching import watching
from walletkit.authority import Identity

BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)
LONG_AGO = datetime.now(UTC) - timedelta(days=500)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What the server reads."""
    return files_in(tmp_path)


@pytest.fixture
def private(runner: asyncio.Runner, database_url: str, files: Files) -> Iterator[Served]:
    """A server with TLS, the program `coffee` and its customer `ada`."""

    async def begin() -> Served:
        served = await serve_secured(database_url, files)
        await served.admin.programs.CreateProgram(program("coffee"))
        await served.admin.customers.CreateCustomer(customer("ada"))
        return served

    served = runner.run(begin())
    yield served
    runner.run(served.close())


async def test_calls_go_by_tls(private: Served) -> None:
    """Keys and points are read by nobody on their way."""
    assert (await private.till.points.GetBalance(BALANCE)).balance.active == 0
    with pytest.raises(Unanswered):
        async with connect_async(private.address, private.till_key, plaintext=True) as fealty:
            await fealty.points.GetBalance(BALANCE, timeout_s=2)


@pytest.mark.parametrize("fault", ["expired", "another host", "unknown authority"])
async def test_a_server_that_is_not_to_be_believed_gets_no_call(private: Served, files: Files, fault: str) -> None:
    """Whoever stands between could take the key: the client must not send it."""
    by = authorities().strangers if fault == "unknown authority" else authorities().server
    hosts = ["fealty.example.com"] if fault == "another host" else ["localhost", "127.0.0.1"]
    files.lay(by.server(hosts, now=LONG_AGO if fault == "expired" else None))
    async with connect_async(private.address, private.till_key, **private.how) as fealty:
        with pytest.raises(Unanswered):
            await fealty.points.GetBalance(BALANCE, timeout_s=2)
    if fault == "another host":
        named = {**private.how, "server_name": "fealty.example.com"}
        async with connect_async(private.address, private.till_key, **named) as fealty:
            assert (await fealty.points.GetBalance(BALANCE)).balance.active == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_old_versions_of_tls_are_refused(private: Served) -> None:
    """A stranger between both could make them speak what can be broken."""
    assert await serial(private.app.port, maximum_version=ssl.TLSVersion.TLSv1_2)
    old = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    # The server hangs up; what our side does not speak itself would be said in other words.
    with pytest.raises(ssl.SSLError, match=r"UNEXPECTED_EOF|ALERT_PROTOCOL_VERSION"):
        await serial(private.app.port, **old)


async def test_a_certificate_is_replaced_while_calls_run(private: Served, files: Files) -> None:
    """They end every few weeks: nobody restarts a shop for that. Streams go on, new connections see the new one."""
    before = await serial(private.app.port)
    done = asyncio.Event()

    async def call() -> int:
        """All on one connection: how many were answered."""
        answered = 0
        while not done.is_set():
            await private.till.points.GetBalance(BALANCE)
            answered += 1
        return answered

    calling = [asyncio.ensure_future(call()) for _ in range(4)]
    async with watching(private.admin) as stream:
        await stream.until("programs/coffee")
        renewed = authorities().server.server()
        files.lay(renewed)
        assert await serial(private.app.port) == renewed.certificate.serial_number != before
        async with connect_async(private.address, private.till_key, **private.how) as fealty:
            assert (await fealty.points.GetBalance(BALANCE)).balance.active == 0
        await private.admin.customers.CreateCustomer(customer("ben"))
        await stream.until("programs/coffee/customers/ben")
    done.set()
    assert all(answered > 1 for answered in await asyncio.gather(*calling))


@pytest.mark.parametrize("fault", ["another key", "no certificate", "gone"])
async def test_what_cannot_be_used_leaves_the_one_before(private: Served, files: Files, fault: str) -> None:
    """A copy that was broken off must not take the service along; the log says it once, and what to correct."""
    before = await serial(private.app.port)
    renewed = authorities().server.server()
    with capture_logs() as lines:
        if fault == "another key":
            files.certificate.write_bytes(renewed.certificate_pem)
        elif fault == "no certificate":
            files.certificate.write_bytes(renewed.certificate_pem[:100])
        else:
            files.certificate.unlink()
        assert {await serial(private.app.port) for _ in range(3)} == {before}
        files.lay(renewed)
        assert await serial(private.app.port) == renewed.certificate.serial_number
    said = [line for line in lines if line["event"].startswith("certificate")]
    assert [line["event"] for line in said[:1] + said[-1:]] == ["certificate not renewed", "certificate renewed"]
    assert sum("FEALTY_CERTIFICATE_FILE" in line.get("error", "") for line in said) == 1


@pytest.mark.parametrize("fault", ["none", "of a foreign authority", "expired", "of a server"])
async def test_the_port_for_clients_wants_a_certificate_of_theirs(private: Served, fault: str) -> None:
    """There the certificate is who one is: nobody is to get as far as a call without."""
    shown: dict[str, Identity | None] = {
        "none": None,
        "of a foreign authority": authorities().strangers.client(["tills"]),
        "expired": authorities().clients.client(["tills"], now=LONG_AGO),
        "of a server": authorities().clients.server(),
    }
    identity = shown[fault]
    how: dict[str, Any] = dict(private.how)
    if identity is not None:
        how["certificate"] = (identity.certificate_pem, identity.key_pem())
    async with connect_async(private.settings.clients_address, private.till_key, **how) as fealty:
        with pytest.raises(Unanswered):
            await fealty.points.GetBalance(BALANCE, timeout_s=2)
    right = show(private, authorities().clients.client(["tills"]), private.till_key)
    assert (await right.points.GetBalance(BALANCE)).balance.active == 0


async def test_authorities_of_clients_are_replaced_too(private: Served, files: Files) -> None:
    """One whose key was stolen must be taken out at once, without an outage for the others."""
    old, new = authorities().clients.client(["tills"]), authorities().strangers.client(["tills"])
    before = show(private, old, private.till_key)
    assert (await before.points.GetBalance(BALANCE)).balance.active == 0
    files.clients.write_bytes(authorities().strangers.pem)
    after = show(private, new, private.till_key)
    assert (await after.points.GetBalance(BALANCE)).balance.active == 0
    shown = (old.certificate_pem, old.key_pem())
    async with connect_async(
        private.settings.clients_address, private.till_key, certificate=shown, **private.how
    ) as fealty:
        with pytest.raises(Unanswered):
            await fealty.points.GetBalance(BALANCE, timeout_s=2)


async def test_a_certificate_that_ends_soon_is_recorded_once(private: Served, files: Files) -> None:
    """Whoever is to renew it reads the log, and must not be tired of it, however many servers there are."""
    for days, said in ((60, 0), (10, 2), (3, 2)):
        files.lay(authorities().server.server(life=timedelta(days=days)))
        with capture_logs() as lines:
            for _ in range(2):
                secured = tls.of(private.settings)
                assert secured is not None
                await expiring.say(secured, private.app.books)
        assert [line["event"] for line in lines].count("certificate ends soon") == said
    assert private.rows(_EXPIRING) == [("certificates/server", "9"), ("certificates/server", "2")]


@pytest.mark.parametrize("setting", ["host", "probe_host"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fealty.example.com"])
def test_without_tls_it_listens_for_this_machine_only(tmp_path: Path, setting: str, host: str) -> None:
    """Keys would be read on their way; whoever wants that has to say it in so many words."""
    beyond = settings_of("postgresql://").model_copy(update={setting: host})
    with pytest.raises(NotPrivate, match=rf"FEALTY_{setting.upper()} is .*FEALTY_CERTIFICATE_FILE.*WITHOUT_TLS=yes"):
        tls.of(beyond)
    assert tls.of(beyond.model_copy(update={"listen_without_tls": True})) is None
    assert tls.of(settings_with("postgresql://", files_in(tmp_path), **{setting: host})) is not None
    for loopback in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert tls.of(beyond.model_copy(update={setting: loopback})) is None


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("key_file", "one of the two files"),
        ("clients_ca_file", "FEALTY_CLIENTS_PORT needs FEALTY_CLIENTS_CA_FILE"),
        ("certificate_file key_file", "FEALTY_CLIENTS_PORT needs FEALTY_CERTIFICATE_FILE"),
    ],
)
def test_settings_that_lack_a_file_say_which(files: Files, without: str, said: str) -> None:
    """A port for certificates that asked for none would be open to everybody."""
    lacking = settings_with("postgresql://", files, **dict.fromkeys(without.split()))
    with pytest.raises(CertificateUnusable, match=said):
        tls.of(lacking)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("certificate", "server.pem holds no certificate in the format PEM"),
        ("key", "server.key holds no key in the format PEM"),
        ("clients", "clients.pem holds no certificate in the format PEM"),
    ],
)
def test_files_that_cannot_be_used_are_found_out_at_the_start(files: Files, broken: str, said: str) -> None:
    """In a sentence, before anybody is told that there is a service."""
    getattr(files, broken).write_text("nothing")
    with pytest.raises(CertificateUnusable, match=said):
        tls.of(settings_with("postgresql://", files))


_EXPIRING = """
SELECT body::jsonb ->> 'subject', body::jsonb -> 'details' ->> 'days_left'
FROM activity WHERE action = 'certificate.expiring' ORDER BY recorded_at
"""
