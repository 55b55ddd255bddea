"""How the client keeps private what it sends: by TLS, but to its own machine."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from fealty import Unanswered, connect, connect_async, v1
from fealty.security import secured
from tests.server.serving import PLAIN, Served, customer, program
from tests.server.tls import Files, authorities, files_in, serve_secured

BALANCE = v1.GetBalanceRequest(account=PLAIN)
HERE = ["localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/run/x", "dns:localhost:1", "dns:///localhost:1"]
HERE += ["ipv4:127.0.0.1:1", "ipv6:[::1]:1"]
ELSEWHERE = ["fealty.example.com:1", "10.0.0.1:1", "[2001:db8::1]:1", "dns:///fealty.internal:1", "ipv4:10.0.0.1:1"]
ELSEWHERE += ["localhost.example.com:1", "dns://127.0.0.1/fealty.example.com:1"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What the server reads, and its clients."""
    return files_in(tmp_path)


@pytest.fixture
def private(runner: asyncio.Runner, database_url: str, files: Files) -> Iterator[Served]:
    """A server with TLS and the customer `ada`."""

    async def begin() -> Served:
        served = await serve_secured(database_url, files)
        await served.admin.programs.CreateProgram(program("coffee"))
        await served.admin.customers.CreateCustomer(customer("ada"))
        return served

    served = runner.run(begin())
    yield served
    runner.run(served.close())


@pytest.mark.parametrize("target", [*HERE, *ELSEWHERE])
def test_only_to_this_machine_it_is_plain(target: str) -> None:
    """Whoever moves the server to another host must not send keys in the clear for that."""
    assert (_of(target).credentials is None) == (target in HERE)
    assert _of(target, plaintext=True).credentials is None
    assert _of(target, plaintext=False).credentials is not None
    assert _of(target, root_certificates=authorities().server.pem).credentials is not None


@pytest.mark.parametrize(
    "wishes",
    [
        {"plaintext": True, "root_certificates": b""" """},
        {"plaintext": True, "server_name": "fealty.example.com"},
        {"credentials": grpc.ssl_channel_credentials(), "root_certificates": b" "},
    ],
    ids=["roots", "name", "credentials"],
)
def test_wishes_that_exclude_each_other_are_refused(wishes: dict[str, Any]) -> None:
    """One of them would be forgotten without a word."""
    with pytest.raises(ValueError, match=r"leave one|put root_certificates"):
        connect("127.0.0.1:1", "key", **wishes)


def test_a_key_is_wanted_where_nothing_else_is_shown() -> None:
    """A forgotten one is found here, not as a refusal of the server."""
    with pytest.raises(ValueError, match="API key"):
        connect("127.0.0.1:1")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And no other is taken in its place."""
    with pytest.raises(FileNotFoundError, match=r"roots\.pem"):
        connect("127.0.0.1:1", "key", root_certificates=tmp_path / "roots.pem")


async def test_threads_and_tasks_call_by_tls(private: Served, files: Files) -> None:
    """By the name of a file, or by its content; streams too."""

    def call() -> int:
        with connect(private.address, private.till_key, root_certificates=str(files.roots)) as fealty:
            return fealty.points.GetBalance(BALANCE).balance.active

    assert await asyncio.to_thread(call) == 0
    believed = files.roots.read_bytes()
    async with connect_async(private.address, private.till_key, root_certificates=believed) as fealty:
        assert (await fealty.points.GetBalance(BALANCE)).balance.active == 0
        async with fealty.activities.WatchActivities(v1.WatchActivitiesRequest(parent="programs/coffee")) as stream:
            assert (await anext(stream)).activities


async def test_public_authorities_are_what_is_believed_where_none_is_named(private: Served) -> None:
    """A certificate that anybody can make is no reason to send a key."""
    async with connect_async(private.address, private.till_key, plaintext=False) as fealty:
        with pytest.raises(Unanswered):
            await fealty.points.GetBalance(BALANCE, timeout_s=2)


def _of(target: str, **wishes: Any) -> Any:
    given = {"credentials": None, "root_certificates": None, "certificate": None, "server_name": "", "plaintext": None}
    return secured(target, **{**given, **wishes})
