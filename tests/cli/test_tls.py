"""TLS for whoever types: `fealty up --tls`, certificates for trying, and what the doctor says of them."""

import json
import shutil
import signal
import ssl
import struct
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography import x509

from cli import authority
from cli.settings import LocalTls
from fealty import Refused, Unanswered, connect, v1
from tests.cli.terminal import KEY, Terminal, free_port, sentence
from tests.server.tls import authorities
from walletkit.authority import Identity

ASKING = v1.ListProgramsRequest()


@pytest.mark.thorough
def test_up_makes_certificates_and_everything_here_speaks_tls_with_them(terminal: Terminal) -> None:
    """What docs/operating.md promises: one flag, and the commands of other terminals need not be told."""
    clients_port = free_port()
    first = terminal.up()
    assert json.loads(terminal.run("doctor", "--json").out)["ok"]
    assert first.end(signal.SIGINT).code == 0

    second = terminal.start("up", "--tls", FEALTY_CLIENTS_PORT=str(clients_port))
    second.await_said("Fealty is up")
    place = LocalTls(terminal.data_dir / "tls")
    assert str(place.authority) in second.err, "whoever calls must be told whom to believe"
    for key_file in (place.key, place.authority_key):
        assert key_file.stat().st_mode & 0o077 == 0
    checks = _checks(terminal, 0)
    assert "localhost, 127.0.0.1, ::1; it ends in 396 days" in checks["TLS"]["found"]
    assert checks["server"]["found"].startswith("serving")
    [key] = KEY.findall(first.out)
    with connect(terminal.address, key, root_certificates=place.authority) as fealty:
        assert not fealty.programs.ListPrograms(ASKING).programs
    with connect(terminal.address, key, plaintext=True) as fealty, pytest.raises(Unanswered):
        fealty.programs.ListPrograms(ASKING, timeout_s=2)
    assert terminal.run("activities", "list", FEALTY_API_KEY=key).code == 0

    made = json.loads(terminal.run("certificates", "create", "tills.example.com", "--json").out)
    shown = (made["certificate"], made["key"])
    target = f"127.0.0.1:{clients_port}"
    with connect(target, root_certificates=place.authority, certificate=shown) as fealty:
        with pytest.raises(Refused) as refused:
            fealty.programs.ListPrograms(ASKING)
        assert refused.value.reason == "CERTIFICATE_INVALID", "it got in, and is registered for no service yet"
    assert "exists already" in sentence(terminal.run("certificates", "create", "tills.example.com"))
    assert second.end(signal.SIGINT).code == 0

    kept = place.certificate.read_bytes()
    third = terminal.up()
    assert place.certificate.read_bytes() == kept, "clients keep what they believe"
    assert "tls=True" in third.err
    assert third.end(signal.SIGINT).code == 0


def test_certificates_are_made_anew_near_their_end(tmp_path: Path) -> None:
    """Whoever tries Fealty for a year must not be stopped by what we made. The authority stays: clients believe it."""
    place, now = LocalTls(tmp_path / "tls"), datetime.now(UTC)
    assert authority.ensure(place, now)
    assert not authority.ensure(place, now + timedelta(days=360))
    before, believed = _certificate(place.certificate), place.authority.read_bytes()
    assert authority.ensure(place, now + timedelta(days=370))
    assert _certificate(place.certificate).not_valid_after_utc == before.not_valid_after_utc + timedelta(days=370)
    assert place.authority.read_bytes() == believed
    place.authority_key.unlink()
    assert authority.ensure(place, now), "one that can sign nothing any more is replaced, with all that it signed"
    _certificate(place.certificate).verify_directly_issued_by(_certificate(place.authority))


def test_without_an_authority_there_is_nothing_to_sign_with(terminal: Terminal) -> None:
    """With what makes one."""
    assert "`fealty up --tls`" in sentence(terminal.run("certificates", "create", "tills"))
    assert terminal.run("certificates", "create", "../tills").code == 2


@pytest.mark.thorough
def test_nothing_that_up_starts_is_heard_beyond_this_machine(terminal: Terminal) -> None:
    """PostgreSQL and Valkey have no port at all: whoever sits in the same café must find none of them."""
    running = terminal.up()
    found = {port for pid in terminal.processes() for port in _listening(pid)}
    told = ("FEALTY_PORT", "FEALTY_PROBE_PORT", "FEALTY_PASSES_PORT", "FEALTY_PASSES_PROBE_PORT")
    ours = {("127.0.0.1", int(terminal.environment[name])) for name in told}
    assert ours < found
    assert {address for address, _ in found} == {"127.0.0.1"}
    assert len(found - ours) == 1, "the one that the server calls itself on"
    assert running.end(signal.SIGINT).code == 0


@pytest.mark.parametrize("setting", ["FEALTY_HOST", "FEALTY_PROBE_HOST"])
@pytest.mark.parametrize("command", ["serve", "up"])
def test_nothing_is_started_that_others_would_hear(terminal: Terminal, command: str, setting: str) -> None:
    """Said before PostgreSQL is started, with what to set."""
    said = sentence(terminal.run(command, **{setting: "0.0.0.0"}))
    assert setting in said
    assert "FEALTY_CERTIFICATE_FILE" in said
    assert "FEALTY_LISTEN_WITHOUT_TLS=yes" in said
    assert not (terminal.data_dir / "postgres").exists()


@pytest.mark.thorough
def test_told_in_so_many_words_it_is(connected: Terminal) -> None:
    """Behind a proxy on another host; the doctor goes on to say it."""
    words = {"FEALTY_HOST": "0.0.0.0", "FEALTY_PROBE_HOST": "0.0.0.0", "FEALTY_LISTEN_WITHOUT_TLS": "yes"}
    running = connected.up(**words)
    tls = _checks(connected, None, **words)["TLS"]
    assert tls["found"].startswith("none, though others reach 0.0.0.0")
    assert (tls["ok"], tls["warns"]) == (True, True)
    assert running.end(signal.SIGINT).code == 0


def test_the_probes_of_passes_speak_tls_where_others_reach_them(connected: Terminal) -> None:
    """As those of servers do, with the certificate of the public endpoints."""
    files = _laid(connected.folder, authorities().server.server(), "FEALTY_PASSES_")
    said = sentence(connected.run("passes", FEALTY_PROBE_HOST="0.0.0.0"))
    assert "FEALTY_PROBE_HOST" in said
    running = connected.start("passes", **files, FEALTY_PROBE_HOST="0.0.0.0")
    running.await_said("passes started")
    context = ssl.create_default_context(cadata=authorities().server.pem.decode())
    port = connected.environment["FEALTY_PASSES_PROBE_PORT"]
    with urlopen(f"https://127.0.0.1:{port}/livez", timeout=30, context=context) as answer:
        assert answer.status == 200
    assert running.end(signal.SIGTERM).code == 0


@pytest.mark.parametrize(
    ("days", "ok", "advice"),
    [(22.5, True, ""), (20.5, True, "taken without a restart"), (-1, False, "no client believes it")],
)
def test_the_doctor_says_when_a_certificate_ends(terminal: Terminal, days: float, ok: bool, advice: str) -> None:
    """Three weeks before, and not on the day after."""
    now = datetime.now(UTC) if days > 0 else datetime.now(UTC) - timedelta(days=100)
    life = timedelta(days=days) if days > 0 else timedelta(days=99)
    identity = authorities().server.server(["fealty.example.com"], now=now, life=life)
    tls = _checks(terminal, 1, **_laid(terminal.folder, identity))["TLS"]
    assert "is for fealty.example.com" in tls["found"]
    assert tls["ok"] == ok
    assert advice in tls["advice"]
    assert bool(advice) == bool(tls["advice"])


def test_the_doctor_says_what_is_wrong_with_the_files(terminal: Terminal) -> None:
    """In words that lead to the file."""
    files = _laid(terminal.folder, authorities().server.server())
    key_file = Path(files["FEALTY_KEY_FILE"])
    key_file.chmod(0o644)
    assert _checks(terminal, 1, **files)["TLS key"]["advice"] == f"chmod 600 {key_file}"
    key_file.write_bytes(authorities().server.server().key_pem())
    assert "the key belongs to another certificate" in _checks(terminal, 1, **files)["TLS"]["found"]
    key_file.unlink()
    assert str(key_file) in _checks(terminal, 1, **files)["TLS"]["found"]
    laid = _laid(terminal.folder, authorities().server.server())
    clients = {**laid, "FEALTY_CLIENTS_PORT": str(free_port())}
    assert "FEALTY_CLIENTS_CA_FILE" in _checks(terminal, 1, **clients)["TLS"]["found"]
    authorities_file = terminal.folder / "clients.pem"
    authorities_file.write_bytes(authorities().clients.pem)
    clients["FEALTY_CLIENTS_CA_FILE"] = str(authorities_file)
    assert str(authorities_file) in _checks(terminal, 1, **clients)["clients"]["found"]


def test_a_certificate_for_another_name_than_the_host_s_is_believed_here(connected: Terminal) -> None:
    """Commands on the server's own host reach it at 127.0.0.1, and it is called otherwise outside."""
    files = _laid(connected.folder, authorities().server.server(["*.example.com"]))
    running = connected.up(**files)
    assert _checks(connected, None, **files)["server"]["ok"]
    shutil.copy(connected.folder / "server.pem", connected.folder / "other.pem")
    (connected.folder / "other.pem").write_bytes(authorities().strangers.pem)
    distrusting = {**files, "FEALTY_CA_FILE": str(connected.folder / "other.pem")}
    assert "by TLS (UNAVAILABLE)" in _checks(connected, 1, **distrusting)["server"]["found"]
    assert running.end(signal.SIGINT).code == 0


_MAPPED = ip_address("::ffff:0:0").packed[:12]


def _listening(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports on which a process listens, by what the kernel says."""
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for table, size in (("tcp", 4), ("tcp6", 16)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                address, _, port = local.partition(":")
                words = struct.unpack(f">{size // 4}I", bytes.fromhex(address))
                packed = struct.pack(f"={size // 4}I", *words)
                # gRPC has addresses of version 4 on sockets of version 6.
                found.add((str(ip_address(packed.removeprefix(_MAPPED))), int(port, 16)))
    return found


def _laid(folder: Path, identity: Identity, prefix: str = "FEALTY_") -> dict[str, str]:
    files = folder / "server.pem", folder / "server.key"
    identity.write(*files)
    files[1].chmod(0o600)
    return {f"{prefix}CERTIFICATE_FILE": str(files[0]), f"{prefix}KEY_FILE": str(files[1])}


def _certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _checks(terminal: Terminal, code: int | None, **variables: str) -> dict[str, Any]:
    outcome = terminal.run("doctor", "--json", **variables)
    assert code is None or outcome.code == code, outcome
    assert outcome.err == ""
    return {check["check"]: check for check in json.loads(outcome.out)["checks"]}
