"""What `fealty wallet doctor` finds out about Google: whether each service account gets a token, and may act for its
issuer. It asks for a class that nobody makes, and changes nothing."""

import stat
import time
from collections.abc import Iterator

from wallet.accounts import Accounts
from wallet.google.account import GoogleAccount
from wallet.google.answers import GoogleAway, NotPermitted, Rejected, TooManyRequests
from wallet.google.client import GoogleClient
from wallet.google.names import Kind, class_id
from wallet.settings import WalletSettings

CHECK_LIMIT_S = 10.0
# Of no program: theirs are longer than nothing.
_NOBODYS = "fealty", "doctor"


def check(accounts: Accounts, settings: WalletSettings) -> Iterator[tuple[str, str]]:
    """What was found of each account, and what to do, which is empty where all is well."""
    for account in accounts.google_accounts:
        yield _may_act(account, settings)
        file = settings.wallet_dir / "google" / f"{account.issuer}.json" if settings.wallet_dir else None
        if file is not None and stat.S_IMODE(file.stat().st_mode) & 0o077:
            yield f"others may read {file}", f"chmod 600 {file}"


def _may_act(account: GoogleAccount, settings: WalletSettings) -> tuple[str, str]:
    named = f"{account.client_email} for the issuer {account.issuer}"
    client = GoogleClient(account, settings.google_wallet_url, settings.wallet_ca_file)
    try:
        client.ask(Kind.GENERIC.classes, class_id(account.issuer, *_NOBODYS), time.monotonic() + CHECK_LIMIT_S)
    except NotPermitted as refused:
        return f"{named}: {refused.reason}", str(refused)
    except GoogleAway as away:
        return f"{settings.google_wallet_url} does not answer ({away})", "see that this host reaches it"
    except TooManyRequests:
        return f"{named} is at the limit of its requests", "look who else uses the project of this account"
    except Rejected as refused:
        return f"{named}: {refused.status} {refused.reason}", "see that the issuer id is the one of Google's console"
    return f"{named} may act", ""
