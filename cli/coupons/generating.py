"""`fealty coupons generate`."""

import sys
from pathlib import Path

import click

from cli.activities.asking import connecting
from cli.coupons.names import CampaignName, Count, counted, short
from cli.coupons.watching import awaited, tell
from cli.options import as_json

CODES_MAX = 10_000_000


@click.command()
@click.argument("campaign", type=CampaignName(), metavar="CAMPAIGN")
@click.argument("count", type=Count(1, CODES_MAX), metavar="COUNT")
@click.option("--pattern", metavar="PATTERN", default="", help="Such as TEA-####-####@.  [default: the campaign's]")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@connecting
@as_json
def generate(
    campaign: str, count: int, pattern: str, yes: bool, address: str | None, key_file: Path | None, json_: bool
) -> None:
    """Make COUNT codes of CAMPAIGN, and wait until they are made. They become visible together.

    Interrupted, it goes on without this command: `watch` waits for it, and `cancel` ends it.
    """
    from cli.activities.asking import connected
    from fealty import v1

    request = v1.GenerateCouponsRequest(parent=campaign, count=count, code_pattern=pattern)
    with connected(address, key_file, "administrator") as fealty:
        if not yes:
            would = v1.GenerateCouponsRequest(validate_only=True)
            would.MergeFrom(request)
            fealty.coupon_campaigns.GenerateCoupons(would)
            _ask(f"Make {counted(count)} of campaign {short(campaign)}?")
        ended = awaited(fealty, fealty.coupon_campaigns.GenerateCoupons(request).operation)
    tell(ended, json_)


def _ask(question: str) -> None:
    """Raises Abort where somebody says no, UsageError where there is nobody."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("Nobody is here to answer: say --yes.") from None
    if not agreed:
        raise click.Abort
