"""Finds templates that name no account where there are several: which of them made their cards nobody can say."""

from collections.abc import Callable, Iterator

from cli import books
from cli.checks import Finding
from cli.settings import Settings
from storage.engine.database import StorageUnavailable, connection
from storage.passes.unnamed import naming_none
from wallet.accounts import Accounts
from wallet.failures import AccountAmbiguous, WalletError


def examine_templates(found: Accounts, settings: Callable[[], Settings]) -> Iterator[Finding]:
    """A line for each wallet that has several accounts; the books are looked into only where one has."""
    for fields, choose in (("apple_pass_type", found.apple), ("google_issuer", found.google)):
        try:
            choose("")
        except AccountAmbiguous as several:
            yield _told(fields, several.facts, settings())
        except WalletError:
            continue


def _told(field: str, facts: dict[str, str], settings: Settings) -> Finding:
    several = f"there are several accounts of {facts['wallet']} ({facts['names']})"
    try:
        with books.opened(settings) as database, connection(database) as held:
            count, first = naming_none(held, field)
    except StorageUnavailable:
        return Finding("templates", several, f"see that every template names its {field}", warns=True)
    if not count:
        return Finding("templates", f"{several}, and every template names its own")
    return Finding(
        "templates",
        f"{several}, and {count} templates name none, such as {first}: their cards are neither made nor updated",
        f"name in the {field} of each the account that its cards were made with: the one that was there first",
    )
