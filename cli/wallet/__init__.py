"""`fealty wallet`: the operator's side of passes: accounts at Apple and Google, and whether they work."""

import click

from cli.wallet.doctor import doctor
from cli.wallet.issuing import issue_demo
from cli.wallet.resume import resume


@click.group(short_help="See whether passes can be made and pushed, and make one to look at.")
def wallet() -> None:
    """See whether passes can be made and pushed from here, and make one to look at.

    The accounts lie in the folder that FEALTY_WALLET_DIR names; docs/wallet.md says how to get them.
    """


for command in (doctor, issue_demo, resume):
    wallet.add_command(command)
