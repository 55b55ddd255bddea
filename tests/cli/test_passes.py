"""`fealty passes`: where it listens, with which certificate, and how it begins and ends."""

import json
import signal
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import httpx
import psycopg
import pytest
from cryptography import x509

from tests.cli.terminal import Terminal, sentence
from walletkit.authority import Authority, Identity


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who issues our certificates."""
    return Authority.root()


def laid(folder: Path, identity: Identity) -> dict[str, str]:
    """A certificate where the process finds it."""
    files = folder / "server.pem", folder / "server.key"
    identity.write(*files)
    return {"FEALTY_PASSES_CERTIFICATE_FILE": str(files[0]), "FEALTY_PASSES_KEY_FILE": str(files[1])}


def test_it_begins_serves_and_ends_as_it_is_told(connected: Terminal, database_url: str) -> None:
    """Without any account: links and images; behind a proxy or on loopback: without TLS. The log has both ends."""
    running = connected.start("passes")
    running.await_said("passes started")
    assert "there is no account of a wallet" in running.err
    port, probes = (connected.environment[f"FEALTY_PASSES_{name}"] for name in ("PORT", "PROBE_PORT"))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        assert http.get("/healthz").text == "ok\n"
        assert http.get("/p/none").status_code == 404
    for path, said in (("livez", "ok"), ("readyz", "ready"), ("metrics", "fealty_passes_requests_total")):
        with urlopen(f"http://127.0.0.1:{probes}/{path}") as answer:
            assert said in answer.read().decode()
    ended = running.end(signal.SIGTERM)
    assert ended.code == 0
    assert "passes stopped" in ended.err
    with psycopg.connect(database_url) as books:
        found = books.execute("SELECT action FROM activity WHERE body::jsonb ->> 'subject' = 'processes/passes'")
        assert [action for (action,) in found] == ["process.started", "process.ended"]


def test_it_speaks_tls_and_takes_a_new_certificate_without_a_restart(connected: Terminal, authority: Authority) -> None:
    """Certificates are replaced every few weeks; phones must not notice. One that does not fit its key is not taken."""
    variables = laid(connected.folder, authority.server())
    trust = connected.folder / "trust.pem"
    trust.write_bytes(authority.pem)
    running = connected.start("passes", **variables, FEALTY_PASSES_HOST="0.0.0.0")
    running.await_said("passes started")
    port = int(connected.environment["FEALTY_PASSES_PORT"])
    context = ssl.create_default_context(cafile=str(trust))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=context) as http:
        assert http.get("/healthz").status_code == 200
        before = serial(port)
        renewed = authority.server()
        Path(variables["FEALTY_PASSES_CERTIFICATE_FILE"]).write_bytes(renewed.certificate_pem)
        running.process.send_signal(signal.SIGHUP)
        running.await_said("certificate not renewed")
        assert serial(port) == before
        laid(connected.folder, renewed)
        running.process.send_signal(signal.SIGHUP)
        running.await_said("certificate renewed")
        assert serial(port) == renewed.certificate.serial_number != before
        assert http.get("/healthz").status_code == 200
    assert running.end(signal.SIGTERM).code == 0


def test_a_certificate_that_has_ended_is_taken_and_said_to_have(connected: Terminal, authority: Authority) -> None:
    """Links and images are served on; but phones stop coming, and nobody would know why."""
    ended = authority.server(now=datetime.now(UTC) - timedelta(days=400))
    running = connected.start("passes", **laid(connected.folder, ended))
    running.await_said("passes started")
    assert "phones do not believe the certificate" in running.err
    assert running.end(signal.SIGTERM).code == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_does_not_listen_to_others_without_tls(connected: Terminal, host: str) -> None:
    """Tokens of cards would be read on their way."""
    said = sentence(connected.run("passes", FEALTY_PASSES_HOST=host))
    assert "FEALTY_PASSES_CERTIFICATE_FILE" in said
    assert "FEALTY_PASSES_BEHIND_PROXY" in said


def test_behind_a_proxy_it_does(connected: Terminal) -> None:
    """That speaks TLS, on another host."""
    running = connected.start("passes", FEALTY_PASSES_HOST="0.0.0.0", FEALTY_PASSES_BEHIND_PROXY="1")
    running.await_said("passes started")
    assert running.end(signal.SIGINT).code == 0


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("one file", "one of the two files is not set"),
        ("no file", "No such file"),
        ("another key", "the key belongs to another certificate"),
        ("no certificate", "holds no certificate in the format PEM"),
        ("no key", "holds no key in the format PEM"),
        ("locked", "is encrypted: store it without a password"),
    ],
)
def test_a_certificate_that_cannot_be_used(connected: Terminal, authority: Authority, fault: str, why: str) -> None:
    """It is said before anybody is told that there is a service, and not in OpenSSL's words."""
    variables = laid(connected.folder, authority.server())
    certificate, key = map(Path, variables.values())
    if fault == "one file":
        del variables["FEALTY_PASSES_KEY_FILE"]
    elif fault == "no file":
        key.unlink()
    elif fault == "another key":
        key.write_bytes(authority.server().key_pem())
    elif fault == "no key":
        key.write_bytes(certificate.read_bytes())
    elif fault == "locked":
        authority.server().write(certificate, key, "secret")
    else:
        certificate.write_text("nothing")
    said = " ".join(sentence(connected.run("passes", **variables)).split())
    assert "FEALTY_PASSES_CERTIFICATE_FILE" in said
    assert why in said


def test_accounts_that_cannot_be_used_are_named_and_the_others_serve(connected: Terminal) -> None:
    """A certificate that ended must not take the links of all others along."""
    place = connected.folder / "wallet" / "google"
    place.mkdir(parents=True)
    (place / "3388.json").write_text(json.dumps({"type": "something else"}))
    running = connected.start("passes", FEALTY_WALLET_DIR=str(place.parent))
    running.await_said("passes started")
    assert "google/3388.json is no key of a service account" in " ".join(running.err.split())
    assert running.end(signal.SIGTERM).code == 0


def serial(port: int) -> int:
    """The certificate that a new connection is shown."""
    shown = ssl.get_server_certificate(("127.0.0.1", port))
    return x509.load_pem_x509_certificate(shown.encode()).serial_number
