"""What the books and the folder of accounts tell of wallets together: pushes that are stopped, templates that name
accounts that nobody has. For `fealty wallet doctor`, which says all of it, and for others that point to it."""

from collections.abc import Iterator

from cli.checks import Finding
from rules.passes import breaking
from storage.engine.database import Connection
from storage.passes import halts
from storage.passes.halts import Halt, Platform
from storage.passes.naming import namings
from wallet import accounts
from wallet.accounts import Accounts
from wallet.failures import AccountMissing, WalletError
from wallet.settings import WalletSettings


def examine(held: Connection, found: Accounts) -> Iterator[Finding]:
    """What is to be mended; nothing where all is well."""
    for halt in halts.halts(held):
        since = f"{halt.since:%Y-%m-%d %H:%M} UTC"
        said = f"of {halt.topic} ({halt.platform.capitalize()}) are stopped since {since}: {halt.reason}"
        yield Finding("stopped", said, advice(halt))
    for template, pass_type, issuer in namings(held):
        for name, field, account in (
            (pass_type, "apple_pass_type", found.apple),
            (issuer, "google_issuer", found.google),
        ):
            try:
                account(name)
            except AccountMissing:
                if name:
                    said = f"{template} names the account {name}, which is not here"
                    to_do = f"correct {field} of its design, or put the account into FEALTY_WALLET_DIR"
                    yield Finding("template", said, to_do)
            except WalletError:
                pass  # said of the account itself, or of all templates that name none


def advice(halt: Halt) -> str:
    """What to do about a halt."""
    if halt.platform is Platform.APPLE:
        return breaking.advice(halt.reason)
    return "see what Google answers for this account: `fealty wallet doctor` asks, and says what to set right there"


def summary(held: Connection, settings: WalletSettings) -> Finding:
    """All of it in one line."""
    try:
        found = accounts.load(settings.wallet_dir, settings.key_password)
    except WalletError as error:
        what, _, to_do = str(error).partition(": ")
        return Finding("wallets", what, to_do)
    wrong = list(examine(held, found))
    said = [f"{len(found.faults):,} of {len(found.names):,} accounts cannot be used"] if found.faults else []
    said += [f"pushes {one.found}" for one in wrong if one.check == "stopped"]
    unmet = [one for one in wrong if one.check == "template"]
    said += [f"{len(unmet):,} times a template names an account that is not here"] if unmet else []
    if said:
        return Finding("wallets", "; ".join(said), "see what `fealty wallet doctor` says")
    return Finding("wallets", f"{len(found.names):,} accounts, no pushes stopped" if found.names else "no account here")


def lacks(settings: WalletSettings) -> Iterator[str]:
    """What cards lack here, a sentence each; nothing where nobody set them up."""
    try:
        found = accounts.load(settings.wallet_dir, settings.key_password)
    except WalletError as error:
        yield str(error)
        return
    yield from map(str, found.faults)
    if settings.wallet_dir is not None and not found.names:
        yield f"There is no account in {settings.wallet_dir}: docs/wallet.md says how to get one."
    if found.names and not settings.passes_url:
        yield "Phones do not know where to ask for updates of cards: set FEALTY_PASSES_URL."
