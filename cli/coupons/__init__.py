"""`fealty coupons`: codes by the million, made, taken in and handed out by whoever has a key for that."""

import click

from cli.coupons.exporting import export
from cli.coupons.generating import generate
from cli.coupons.importing import import_
from cli.coupons.listing import batches
from cli.coupons.watching import cancel, watch


@click.group()
def coupons() -> None:
    """Make codes of a coupon campaign, take in codes of others, take away the codes of a batch as a file.

    The key in FEALTY_API_KEY, or in --key-file, says who asks: `fealty keys create NAME --role administrator` makes
    one. A campaign is named by its program and its id, such as coffee/spring; a batch by its number too:
    coffee/spring/1.

    Exit codes: 0 done, 1 refused or nothing taken, in one sentence, 2 wrong arguments, 70 a fault of Fealty, 130
    interrupted.
    """


for command in (generate, watch, cancel, batches, import_, export):
    coupons.add_command(command)
