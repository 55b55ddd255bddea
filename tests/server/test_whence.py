"""From where a call came: whoever investigates must know which part of that can be believed."""

from ipaddress import ip_network
from typing import Any

import grpc.aio
import pytest
from pydantic import SecretStr

from fealty import claims, connect_async, v1
from fealty.v1 import transactions_pb2_grpc
from rules.access import Role
from rules.activity import browser
from rules.proxies import CHAIN_MAX
from server.settings import ServerSettings
from server.whence import Proxies, page
from tests.server.serving import PLAIN, Served, activities

PEER = "ipv4:10.0.0.7:51000"
PROXIES = Proxies([ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")])
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        (PEER, "", "10.0.0.7"),
        (PEER, "203.0.113.9", "203.0.113.9"),
        # Whoever calls through a proxy may write what he likes before it.
        (PEER, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (PEER, "198.51.100.1, 203.0.113.9, 10.2.0.1", "203.0.113.9"),
        (PEER, "10.3.0.1, 10.2.0.1", "10.3.0.1"),
        # Nobody's proxy: what it says of others is not asked.
        ("ipv4:203.0.113.9:1", "198.51.100.1", "203.0.113.9"),
        ("ipv6:%5B2001:db8::5%5D:443", "198.51.100.1:4711", "198.51.100.1"),
        (PEER, "[2001:db9::1]:443", "2001:db9::1"),
        # What is no address was made up, and so was all before it.
        (PEER, "198.51.100.1, somebody@example.org, 203.0.113.9", "203.0.113.9"),
        (PEER, "somebody@example.org", "10.0.0.7"),
        (PEER, ",".join(["198.51.100.1", *["10.0.0.1"] * CHAIN_MAX]), "10.0.0.1"),
        ("unix:/tmp/socket", "198.51.100.1", ""),
    ],
)
def test_the_address_is_the_nearest_that_is_none_of_our_own_proxies(peer: str, forwarded: str, believed: str) -> None:
    """Read from the left it would be whatever the caller invented; the peer alone would always be the proxy."""
    assert PROXIES.whence(peer, {"x-forwarded-for": forwarded}).ip_address == believed


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://console.example.com/customers/ada", "https://console.example.com/customers/ada"),
        ("https://console.example.com/find?mail=somebody@example.org#x", "https://console.example.com/find"),
        ("https://console.example.com/of/somebody@example.org", "https://console.example.com"),
        ("https://console.example.com/of/somebody%40example.org", "https://console.example.com"),
        ("https://somebody:secret@example.com/", ""),
        ("javascript:alert(1)", ""),
        ("https://[::1", ""),
        ("https://example.com/" + "x" * 200, "https://example.com"),
        ("somebody@example.org", ""),
    ],
)
def test_of_a_page_nothing_is_kept_that_might_tell_of_a_person(url: str, kept: str) -> None:
    """A search for somebody's address stands in many a URL, and the log is for ever."""
    assert page(url) == kept


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (FIREFOX, "Firefox 128"),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "Chrome 126"),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.61", "Edge 126"),
        ("Mozilla/5.0 AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "Safari 17"),
        ("grpc-python-asyncio/1.85.1 grpc-c/54.0.0", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_with_its_version(agent: str, shown: str) -> None:
    """All of them claim to be Mozilla, and most to be each other."""
    assert browser(agent) == shown


async def test_the_log_shows_from_where_on_whose_page_and_what_for(server: Served) -> None:
    """An administrator finds out who looked at this customer from the office, and why; a till sees none of it."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    name = "programs/coffee/customers/ada"
    said: dict[str, Any] = {
        "purpose": "ticket-4711",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        "forwarded_for": "198.51.100.1",
        "user_agent": FIREFOX,
    }
    async with connect_async(server.address, server.till_key) as fealty:
        with claims(page_url="https://console.example.com/ada?tab=points"), claims(**said):
            await fealty.customers.GetCustomer(v1.GetCustomerRequest(name=name))
    [seen] = await activities(server.admin, action="customer.read")
    assert (seen.purpose, seen.trace_id) == ("ticket-4711", trace)
    assert (seen.actor.page_url, seen.actor.browser) == ("https://console.example.com/ada", "Firefox 128")
    # Nobody said that this host is a proxy of ours.
    assert (seen.actor.ip_address, list(seen.actor.forwarded_for)) == ("127.0.0.1", ["198.51.100.1"])
    assert list(seen.actor.roles) == [Role.SERVICE]
    watching = server.till.audit.WatchActivities(v1.WatchActivitiesRequest(parent=name))
    shown: Any = await watching.read()
    watching.cancel()
    [found] = [one for one in shown.activities if one.name == seen.name]
    hidden = ("ip_address", "user_agent", "page_url", "browser")
    assert [getattr(found.actor, field) for field in hidden] == [""] * 4
    assert not found.actor.forwarded_for


async def test_a_record_has_the_ids_of_its_request_and_of_the_callers_own_log(server: Served) -> None:
    """Two logs are one story only where each names the other's line."""
    async with connect_async(server.address, server.till_key) as fealty:
        buying = v1.RecordTransactionRequest(
            account=PLAIN,
            transaction_id="till-71",
            amount=v1.Money(currency_code="EUR", amount_minor=100),
            request_id="till-71/sale",
        )
        stub = transactions_pb2_grpc.TransactionServiceStub(fealty.channel)
        said = (("x-request-id", "abc-123"), ("x-purpose", "somebody@example.org"))
        await stub.RecordTransaction(buying, metadata=grpc.aio.Metadata(*said))
    [recorded] = await activities(server.admin, action="transaction.recorded")
    assert (recorded.request_id, recorded.trace_id, recorded.purpose) == ("till-71/sale", "abc-123", "")


def test_proxies_are_networks_or_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, or a network with a typing error, would trust nobody, or everybody."""
    monkeypatch.setenv("FEALTY_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    books: Any = {"database_url": SecretStr("postgresql://"), "personal_key_file": "personal.key"}
    settings = ServerSettings(**books)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
    for wrong in ("proxy.example.com", "10.0.0.1/8"):
        monkeypatch.setenv("FEALTY_TRUSTED_PROXIES", wrong)
        with pytest.raises(ValueError, match="trusted_proxies"):
            ServerSettings(**books)
