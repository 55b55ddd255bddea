"""What `fealty wallet doctor` looks at, of what is here; what others answer stands beside their clients, what the books
say in cli/wallet/standing.py."""

import socket
import ssl
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from cli import books
from cli.checks import CLOCK_SKEW_MAX_S, Finding
from cli.settings import load
from cli.wallet import standing
from storage import migrate
from storage.engine.database import StorageUnavailable, connection
from storage.rights import RightsMissing
from wallet import accounts
from wallet.accounts import Accounts
from wallet.apple.certificates import AppleAccount
from wallet.apple.checking import check as check_apple
from wallet.google.checking import check as check_google
from wallet.settings import WalletSettings

CONNECT_LIMIT_S = 10.0
# From here on it is no warning: phones are about to lose their updates.
URGENT_DAYS = 7
# What Date tells is whole seconds, and the answer took its way.
_ROUNDING_S = 2.0

# X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL.
_HAS_EXPIRED = 10

# What it found and what to do, which is empty where all is well.
Check = Callable[[Accounts, WalletSettings], Iterable[tuple[str, str]]]


def examine(settings: WalletSettings, now: datetime | None = None) -> Iterator[Finding]:
    """Every check, in the order in which one needs the other."""
    now = now or datetime.now(UTC)
    found = accounts.load(settings.wallet_dir, settings.key_password, now)
    yield from _accounts(found, settings, now)
    yield _address(settings)
    yield _clock(settings)
    for name, check in CHECKS:
        for what, advice in check(found, settings):
            yield Finding(name, what, advice)
    yield from _books(found)


# Of Apple's push service and of Google, by the name that their lines have.
CHECKS: tuple[tuple[str, Check], ...] = (("pushes", check_apple), ("google", check_google))


def _accounts(found: Accounts, settings: WalletSettings, now: datetime) -> Iterator[Finding]:
    if settings.wallet_dir is None:
        yield Finding("accounts", "FEALTY_WALLET_DIR is not set", "make a folder, as docs/wallet.md says, and name it")
        return
    if not found.names:
        advice = "put apple/<pass type>/{certificate,key,wwdr}.pem or google/<issuer>.json there (docs/wallet.md)"
        yield Finding("accounts", f"there is none in {settings.wallet_dir}", advice)
    for fault in found.faults:
        what, _, advice = str(fault).partition(": ")
        yield Finding("account", what, advice)
    for wallet, named, names in (
        ("Apple", "apple_pass_type", [one.pass_type for one in found.apple_accounts]),
        ("Google", "google_issuer", [one.issuer for one in found.google_accounts]),
    ):
        if len(names) > 1:
            said = f"a template that names none ({named}) has none, and its cards are not updated"
            yield Finding("accounts", f"{len(names)} of {wallet}, {', '.join(names)}: {said}")
    for account in found.apple_accounts:
        yield from _apple(account, now)


def _apple(account: AppleAccount, now: datetime) -> Iterator[Finding]:
    named = f"{account.pass_type} of team {account.team}"
    yield Finding("account", f"{named} signs until {account.expires_at:%Y-%m-%d}")
    for ending in account.warnings(now):
        found = f"{ending.file} of {account.pass_type} ends in {ending.days_left} days"
        yield Finding("certificate", found, ending.advice, warns=ending.stage > URGENT_DAYS)
    if stat.S_IMODE(account.key_file.stat().st_mode) & 0o077:
        yield Finding("key", f"others may read {account.key_file}", f"chmod 600 {account.key_file}")


def _address(settings: WalletSettings) -> Finding:
    url = settings.passes_url
    if not url:
        advice = "set FEALTY_PASSES_URL to where phones reach `fealty passes`: without it no card is updated"
        return Finding("address", "none is set", advice)
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 443
    try:
        with (
            socket.create_connection((host, port), CONNECT_LIMIT_S) as plain,
            settings.trust().wrap_socket(plain, server_hostname=host),
        ):
            advice = (
                "name an address of the internet: phones do not reach this one" if _is_of_this_network(host) else ""
            )
            return Finding("address", f"{url} answers, with a certificate that is believed", advice, warns=True)
    except ssl.SSLCertVerificationError as error:
        has_ended = error.verify_code == _HAS_EXPIRED
        advice = "renew it" if has_ended else "give it one of a public authority: phones believe no other"
        return Finding("address", f"the certificate of {url} is not believed ({error.verify_message})", advice)
    except OSError as error:
        advice = "see that `fealty passes` runs and the name leads to it; from outside, for some networks hide it here"
        return Finding("address", f"{url} does not answer from here ({error})", advice, warns=True)


def _clock(settings: WalletSettings) -> Finding:
    """Signatures, tokens and certificates are of an instant: with a wrong clock each is refused somewhere else."""
    host = urlsplit(settings.google_wallet_url).hostname
    before = datetime.now(UTC)
    try:
        answer = httpx.head(settings.google_wallet_url, verify=settings.trust(), timeout=CONNECT_LIMIT_S)
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError) as error:
        advice = f"see that this host reaches {host}"
        return Finding("clock", f"{host} does not tell the time ({type(error).__name__})", advice, warns=True)
    after = datetime.now(UTC)
    skew_s = max((before - theirs).total_seconds() - _ROUNDING_S, (theirs - after).total_seconds(), 0.0)
    advice = "synchronize the clock of this host (NTP)" if skew_s > CLOCK_SKEW_MAX_S else ""
    return Finding("clock", f"{skew_s:.1f} s beside that of {host}", advice)


def _books(found: Accounts) -> Iterator[Finding]:
    try:
        with books.opened(load()) as database, connection(database) as held:
            yield from standing.examine(held, found)
    except (StorageUnavailable, migrate.MigrationsPending, migrate.ServerTooOld, RightsMissing):
        advice = "`fealty doctor` says why"
        yield Finding("books", "cannot be read: templates and stopped pushes were not looked at", advice, warns=True)


def _is_of_this_network(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local"))
