"""`fealty coupons export`."""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.coupons.names import BatchName, counted
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import Fealty


@click.command()
@click.argument("batch", type=BatchName(), metavar="BATCH")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Where to write; needed on a terminal, where - shows all codes.  [default: stdout]",
)
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@click.option("--reason", metavar="CODE", help="Such as REPRINT: needed where the batch was taken away before.")
@connecting
@as_json
def export(
    batch: str,
    output: Path | None,
    force: bool,
    reason: str | None,
    address: str | None,
    key_file: Path | None,
    json_: bool,
) -> None:
    """Write the codes of BATCH in the clear, as CSV, with how each stands.

    That they are taken away stands in the log before the first is sent. The file is there only once it is whole, and
    nobody but its owner reads it.
    """
    from cli.activities.asking import connected
    from cli.failures import Failure
    from cli.writing import opened
    from fealty import Refused, v1

    if output is None and sys.stdout.isatty():
        raise click.UsageError("All codes would be shown, and a batch is taken away once: name a file with --output.")
    output = output or Path("-")
    request = v1.ExportCouponsRequest(name=batch, reason=v1.Reason(code=reason) if reason else None)
    digest, end, to_stdout = hashlib.sha256(), None, str(output) == "-"
    is_hidden = not sys.stderr.isatty() or (to_stdout and sys.stdout.isatty())
    with connected(address, key_file, "administrator") as fealty, opened(output, force, is_secret=True) as out:
        total = 1 if is_hidden else _coupons(fealty, batch)
        bar: Any = click.progressbar(length=total, label="taking codes away", file=sys.stderr, hidden=is_hidden)
        try:
            with bar:
                for answer in fealty.coupon_campaigns.ExportCoupons(request):
                    out.write(answer.data)
                    digest.update(answer.data)
                    bar.update(answer.data.count(b"\n"))
                    end = answer.exported if answer.HasField("exported") else None
        except Refused as refused:
            if refused.reason != "BATCH_EXPORTED":
                raise
            raise Failure(_taken_before(refused.facts["export_time"])) from None
        if end is None or end.sha256 != digest.hexdigest():
            raise Failure("what arrived is not what the server sent: give a --reason, and take the batch away again")
    if json_:
        told = {"file": str(output), "coupons": end.coupons, "bytes": end.bytes, "sha256": end.sha256}
        click.echo(json.dumps(told), err=to_stdout)
    elif not to_stdout or sys.stderr.isatty():
        click.echo(f"{counted(end.coupons)}, {end.bytes:,} bytes, SHA-256 {end.sha256}", err=to_stdout)


def _coupons(fealty: "Fealty", batch: str) -> int:
    """How many lines there will be; of a batch that is not there, which the server will say, any number."""
    from fealty import v1

    asked = v1.ListCouponBatchesRequest(parent=batch.rpartition("/batches/")[0])
    return next((one.coupons + 1 for one in fealty.coupon_campaigns.all_batches(asked) if one.name == batch), 1)


def _taken_before(at: str) -> str:
    when = datetime.fromisoformat(at).astimezone(UTC)
    return (
        f"these codes were taken away on {when:%Y-%m-%d at %H:%M} UTC: to take them again, give a reason with "
        "--reason, such as REPRINT"
    )
