"""`fealty coupons batches`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.coupons.names import CampaignName, counted, short
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import v1


@click.command()
@click.argument("campaign", type=CampaignName(), metavar="CAMPAIGN")
@connecting
@as_json
def batches(campaign: str, address: str | None, key_file: Path | None, json_: bool) -> None:
    """List the batches of CAMPAIGN, newest first: how many codes, how they came, and whether they were taken away."""
    from cli.activities.asking import connected
    from fealty import v1

    with connected(address, key_file, "administrator") as fealty:
        request = v1.ListCouponBatchesRequest(parent=campaign)
        found = [_plain(one) for one in fealty.coupon_campaigns.all_batches(request)]
    if json_:
        click.echo(json.dumps(found))
        return
    if not found:
        click.echo("There is none: `fealty coupons generate` and `fealty coupons import` make them.")
    for one in found:
        taken = f"taken away {one['exported']}" if one["exported"] else "not taken away"
        how = f"{one['origin'].lower()} {one['created']}"
        click.echo(f"{short(one['batch'])}  {counted(one['coupons'])}, {how}, {taken}")


def _plain(batch: "v1.CouponBatch") -> dict[str, Any]:
    from fealty import v1

    origin = v1.CouponOrigin.Name(batch.origin).removeprefix("COUPON_ORIGIN_")
    exported = f"{batch.export_time.ToDatetime():%Y-%m-%dT%H:%M:%SZ}" if batch.HasField("export_time") else None
    created = f"{batch.create_time.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
    return {
        "batch": batch.name,
        "coupons": batch.coupons,
        "origin": origin,
        "created": created,
        "exported": exported,
    }
