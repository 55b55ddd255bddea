"""`fealty wallet doctor`: whether passes can be made and brought to phones from here."""

import click

from cli.options import as_json


@click.command(short_help="Say what is wrong with accounts and addresses, and what to do.")
@as_json
def doctor(json_: bool) -> None:
    """Check accounts and their certificates, the address that phones call, and the clock, a line each; and where there
    are several accounts of a wallet, whether every template names one.

    It connects to that address, to Apple and to Google, and changes nothing. Exit code 1 where any of them is a
    problem; a warning is none.
    """
    from itertools import chain

    from cli.doctor import tell
    from cli.settings import load, validated
    from cli.wallet.checks import examine
    from cli.wallet.unnamed import examine_templates
    from wallet import accounts
    from wallet.settings import WalletSettings

    settings = validated(WalletSettings)
    found = accounts.load(settings.wallet_dir, settings.key_password)
    tell(chain(examine(settings), examine_templates(found, load)), json_)
