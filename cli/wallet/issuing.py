"""`fealty wallet issue-demo`: a card that one can open."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wallet.apple.certificates import AppleAccount

STAND_IN_TYPE, STAND_IN_TEAM = "pass.example.fealty.demo", "STANDIN000"


@click.command("issue-demo", short_help="Write a card for Apple Wallet that one can open.")
@click.argument("path", default="fealty-demo.pkpass", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--pass-type", default="", help="Of which account.  [default: the only one]")
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
def issue_demo(path: Path, pass_type: str, force: bool) -> None:
    """Write a card of a built-in design to PATH, `-` for stdout.

    Mailed to an iPhone, it opens in Wallet, if it is signed with an account of FEALTY_WALLET_DIR. Where there is none
    a stand-in signs it, to look at with tools: phones do not take it. It is nobody's, and never updated.
    """
    from cli.wallet.example import card, images
    from cli.writing import opened
    from wallet.apple.bundle import build
    from wallet.apple.validation import validate

    with _account(pass_type) as (account, is_ours):
        made = build(card(), images().__getitem__, account)
        named = f"{account.pass_type} of team {account.team}"
    with zipfile.ZipFile(io.BytesIO(made)) as card_file:
        validate(card_file.read("pass.json"))
    with opened(path, force) as out:
        out.write(made)
    if is_ours:
        click.echo(f"Wrote {path}, signed as {named}: mail it to an iPhone, or open it on a Mac.", err=True)
    else:
        click.echo(f"Wrote {path}, signed by a stand-in, as {named}, for there is no account here.", err=True)
        click.echo("Phones do not take it. FEALTY_WALLET_DIR names the folder of accounts (docs/wallet.md).", err=True)


@contextmanager
def _account(pass_type: str) -> Iterator[tuple["AppleAccount", bool]]:
    """The account to sign with, and whether it is the operator's."""
    from datetime import UTC, datetime

    from cli.failures import Failure
    from cli.settings import validated
    from wallet import accounts
    from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE, WWDR_FILE, load_account
    from wallet.failures import AccountAmbiguous
    from wallet.settings import WalletSettings
    from walletkit.authority import AppleAuthority

    settings = validated(WalletSettings)
    found = accounts.load(settings.wallet_dir, settings.key_password)
    if pass_type or found.names:
        try:
            account = found.apple(pass_type)
        except AccountAmbiguous as several:
            names = several.facts["names"]
            raise Failure(f"there are several accounts of Apple here ({names}): name one with --pass-type") from None
        yield account, True
        return
    with TemporaryDirectory() as place:
        folder = Path(place) / STAND_IN_TYPE
        folder.mkdir()
        apple = AppleAuthority()
        apple.pass_type(STAND_IN_TYPE, STAND_IN_TEAM).write(folder / CERTIFICATE_FILE, folder / KEY_FILE)
        (folder / WWDR_FILE).write_bytes(apple.wwdr.pem)
        yield load_account(folder, "", datetime.now(UTC)), False
