"""What somebody writes into metadata and names to be taken for something else: a line of a log, an order to a terminal,
another caller. Nothing of it gets anywhere."""

import logging

import pytest
from prometheus_client import REGISTRY, generate_latest

from fealty.v1 import audit_pb2, customers_pb2, points_pb2, programs_pb2
from rules import sentences
from rules.access import Role
from rules.proxies import chain
from rules.sentences import NO_NOUNS
from server import limits
from tests.databases import SEEN
from tests.server.raw_calls import call
from tests.server.serving import PLAIN, Served, activities, fresh

BALANCE = "/fealty.v1.PointsService/GetBalance"
READ = "/fealty.v1.CustomerService/GetCustomer"
ADA = customers_pb2.GetCustomerRequest(name="programs/coffee/customers/ada").SerializeToString()
OF_PLAIN = points_pb2.GetBalanceRequest(account=PLAIN).SerializeToString()
FORGED = "12:00:00 [info] forged"
# Lines, NUL, an order to a terminal, writing that turns around, bytes that are no text, more than anybody needs.
PAYLOADS = {
    "lines": f"x\r\n{FORGED}".encode(),
    "nul": f"x\0{FORGED}".encode(),
    "ansi": f"\x1b[2J\x1b[31m{FORGED}".encode(),
    "bidi": f"\u202e\u2066{FORGED}".encode(),
    "no text": b"\xff\xfe" + FORGED.encode(),
    "long": b"x" * 12_000 + FORGED.encode(),
}
FIELDS = ["x-purpose", "x-page-url", "x-request-id", "traceparent", "x-user-agent", "user-agent", "x-forwarded-for"]
# With what stands before it where it has its shape.
FIELDS_BEGIN = {
    "x-page-url": b"https://console.example.com/",
    "x-user-agent": b"App/1 ",
    "x-forwarded-for": b"fe80::1%",
}
TWICE = {"x-purpose": b"ticket-1", "x-page-url": b"https://a.example.com", "x-request-id": b"r-1"}


def said(server: Served, capfd: "pytest.CaptureFixture[str]", caplog: pytest.LogCaptureFixture) -> str:
    """All that is kept, logged and counted."""
    kept = [str(server.rows(f'SELECT * FROM "{name}"')) for (name,) in server.rows(SEEN)]
    return "".join((*kept, *capfd.readouterr(), caplog.text, generate_latest(REGISTRY).decode()))


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_is_no_text_of_its_kind_is_kept_nowhere(
    server: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, payload: str
) -> None:
    """A reader of logs, a terminal or a spreadsheet would take it for what it says it is; and the log keeps it."""
    caplog.set_level(logging.INFO)
    key = b"Bearer " + server.till_key.encode()
    for field in FIELDS:
        value = FIELDS_BEGIN.get(field, b"") + PAYLOADS[payload]
        answer = await call(server.address, READ, ADA, [(b"authorization", key), (field.encode(), value)])
        assert answer[b"grpc-status"] == b"0", field
    assert len(await activities(server.admin, action="customer.read")) == len(FIELDS)
    assert "forged" not in said(server, capfd, caplog)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_key_or_source_of_that_kind_is_refused_and_kept_nowhere(
    server: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, payload: str
) -> None:
    """A key with a byte too many is nearly a key: it must not stand in a log either."""
    caplog.set_level(logging.INFO)
    key, wrong = b"Bearer " + server.till_key.encode(), PAYLOADS[payload]
    denied = await call(server.address, BALANCE, OF_PLAIN, [(b"authorization", key + wrong)])
    assert denied[b"grpc-status"] == b"16"
    denied = await call(server.address, BALANCE, OF_PLAIN, [(b"authorization", key), (b"x-source", wrong)])
    assert denied[b"grpc-status"] == b"7"
    text = said(server, capfd, caplog)
    assert "forged" not in text
    assert server.till_key not in text


@pytest.mark.parametrize("size", [2 * limits.METADATA_BYTES_MAX, 12 * limits.METADATA_BYTES_MAX])
async def test_metadata_that_is_larger_than_anybody_needs_is_turned_away(server: Served, size: int) -> None:
    """It is held in memory for as long as the call is: by thousands who only send that, all of it would be used up."""
    key = (b"authorization", b"Bearer " + server.till_key.encode())
    for wrong in ([(b"x-purpose", b"x" * size)], [(b"x-%d" % number, b"x" * 1_000) for number in range(size // 1_000)]):
        answer = await call(server.address, BALANCE, OF_PLAIN, [key, *wrong])
        # By us, where gRPC has not ended the connection before.
        assert answer.get(b"grpc-status") in (None, b"8")
    assert (await call(server.address, BALANCE, OF_PLAIN, [key]))[b"grpc-status"] == b"0"
    # Counted, not recorded: nothing was read of it.
    assert await activities(server.admin, action="balance.read") == []


async def test_nobody_chooses_which_of_two_keys_or_sources_is_believed(server: Served) -> None:
    """What stands before us may look at the first, and we at the last: a call that it let through would be another."""
    till, admin = (b"Bearer " + key.encode() for key in (server.till_key, server.key("boss", Role.ADMINISTRATOR)))
    for keys in ((till, admin), (admin, till), (till, till), (b"", till)):
        metadata = [(b"authorization", key) for key in keys]
        assert (await call(server.address, BALANCE, OF_PLAIN, metadata))[b"grpc-status"] == b"16"
    for sources in ((b"API", b"STAFF"), (b"STAFF", b"API"), (b"API", b"API")):
        metadata = [(b"authorization", till), *((b"x-source", source) for source in sources)]
        assert (await call(server.address, BALANCE, OF_PLAIN, metadata))[b"grpc-status"] == b"7"


async def test_what_is_said_twice_is_not_kept_and_what_is_binary_is_another_name(server: Served) -> None:
    """Of two traces neither is the call's; and `-bin` is a name of its own, that nobody here reads."""
    key = (b"authorization", b"Bearer " + server.till_key.encode())
    twice = [(field.encode(), value) for field, value in TWICE.items() for _ in range(2)]
    binary = [(b"authorization-bin", b"AAEC"), (b"x-purpose-bin", b"AAEC"), (b"x-purpose-bin", b"AAED")]
    for metadata in (twice, binary):
        assert (await call(server.address, READ, ADA, [key, *metadata]))[b"grpc-status"] == b"0"
    for seen in await activities(server.admin, action="customer.read"):
        assert (seen.purpose, seen.trace_id, seen.actor.page_url) == ("", "", "")


async def test_of_two_lines_of_addresses_the_nearest_proxys_counts(server: Served) -> None:
    """A proxy that adds a line of its own adds the last: what a stranger wrote before it is not believed."""
    key = (b"authorization", b"Bearer " + server.till_key.encode())
    lines = [(b"x-forwarded-for", one) for one in (b"198.51.100.1", b"203.0.113.9, 203.0.113.10")]
    assert (await call(server.address, READ, ADA, [key, *lines]))[b"grpc-status"] == b"0"
    [seen] = await activities(server.admin, action="customer.read")
    assert list(seen.actor.forwarded_for) == ["203.0.113.9", "203.0.113.10"]


@pytest.mark.parametrize("named", ["fe80::1%somebody@example.org", "2606:2800:220:1::1%\x1b[31m", "[fe80::1%eth0]:443"])
def test_an_address_brings_no_text_with_it(named: str) -> None:
    """What follows a % is the name of a network card, or whatever somebody likes; the log keeps addresses."""
    assert chain(f"198.51.100.1, {named}") == ()


@pytest.mark.parametrize("payload", ["lines", "ansi", "bidi"])
async def test_a_name_writes_no_line_of_its_own_into_the_log(server: Served, payload: str) -> None:
    """`Club\\nProgram tea deleted` would read as two acts, in every list, file and terminal."""
    name = PAYLOADS[payload].decode()
    wanted = programs_pb2.UpdateProgramRequest(
        program=programs_pb2.Program(name="programs/coffee", display_name=name), request_id=fresh()
    )
    wanted.update_mask.paths.append("display_name")
    await server.admin.programs.UpdateProgram(wanted)
    listed = await server.admin.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="programs/coffee"))
    told = [one.description for one in listed.activities]
    assert any(FORGED in one for one in told)
    assert all(one.isprintable() for one in told)


def test_a_sentence_has_no_order_to_a_terminal_in_it_whoever_said_it() -> None:
    """Names of callers are given on a shell, of users by whoever invites them."""
    body = {
        "action": "key.revoked",
        "subject": "keys/1",
        "details": {},
        "outcome": "SUCCEEDED",
        "actor": {"type": "STAFF", "id": ""},
    }
    for wrong in "\r\n\0\x1b\x7f\x9b\u2028\u202e\u2066":
        told = sentences.activity(body, f"Eve{wrong}Mallory", NO_NOUNS)
        assert "Eve\N{REPLACEMENT CHARACTER}Mallory" in told
    # People's own writing is left alone.
    assert "Zoë עדה 👩\N{ZERO WIDTH JOINER}🌾" in sentences.activity(
        body, "Zoë עדה 👩\N{ZERO WIDTH JOINER}🌾", NO_NOUNS
    )
