"""Stand-ins of Apple, Google and a mail server for the demo, and what Fealty is told of them: an account at each."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cryptography import x509

from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE, WWDR_FILE
from walletkit.apns import PushService
from walletkit.authority import AppleAuthority, Authority
from walletkit.google import GoogleWallet
from walletkit.smtp import MailServer

PASS_TYPE, TEAM = "pass.example.fealty.demo", "STANDIN000"
ISSUER = "3388000000000000001"


class StandIns(NamedTuple):
    """They run. `root` is whose cards phones believe, `trust` the file with whose servers they believe."""

    push: PushService
    google: GoogleWallet
    mail: MailServer
    root: x509.Certificate
    trust: Path
    environment: Mapping[str, str]


@contextmanager
def standins(passes_port: int) -> Iterator[StandIns]:
    """All of them, for as long as the block lasts; `environment` is what Fealty finds them by. Phones will reach its
    passes on that port of this host."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        server, server_key, trust, clients = (
            folder / name for name in ("server.pem", "server.key", "trust.pem", "clients.pem")
        )
        with ThreadPoolExecutor() as keys:  # each is a tenth of a second
            made, apple = keys.submit(Authority.root), AppleAuthority()
            account = folder / "wallet" / "apple" / PASS_TYPE
            account.mkdir(parents=True)
            apple.pass_type(PASS_TYPE, TEAM).write(account / CERTIFICATE_FILE, account / KEY_FILE)
            authority = made.result()
        (account / WWDR_FILE).write_bytes(apple.wwdr.pem)
        authority.server().write(server, server_key)
        trust.write_bytes(authority.pem)
        clients.write_bytes(apple.wwdr.pem + apple.root.pem)
        with (
            PushService(server, server_key, clients) as push,
            GoogleWallet(server, server_key) as google,
            MailServer() as mail,
        ):
            (folder / "wallet" / "google").mkdir()
            (folder / "wallet" / "google" / f"{ISSUER}.json").write_text(google.create_account(ISSUER))
            environment = {
                "FEALTY_WALLET_DIR": str(folder / "wallet"),
                "FEALTY_WALLET_CA_FILE": str(trust),
                "FEALTY_PASSES_URL": f"https://localhost:{passes_port}",
                "FEALTY_PASSES_CERTIFICATE_FILE": str(server),
                "FEALTY_PASSES_KEY_FILE": str(server_key),
                # All phones are on this host, and say which address they would have: strangers have limits by it.
                "FEALTY_TRUSTED_PROXIES": "127.0.0.1,::1",
                "FEALTY_APNS_URL": push.url,
                "FEALTY_GOOGLE_WALLET_URL": google.api_url,
                "FEALTY_GOOGLE_KEYS_URL": google.keys_url,
                "FEALTY_MAIL_URL": f"smtp+plain://127.0.0.1:{mail.port}",
                "FEALTY_MAIL_SENDER": "The Complete Journey <club@journey.example>",
            }
            yield StandIns(push, google, mail, apple.root.certificate, trust, environment)
