"""`fealty coupons import`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.coupons.names import CampaignName, counted, short
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import Fealty, v1

FORMATS = {"csv": "IMPORT_FORMAT_CSV", "ndjson": "IMPORT_FORMAT_NDJSON"}
BY_SUFFIX = {".ndjson": "ndjson", ".jsonl": "ndjson"}
PIECE_BYTES = 256 << 10
# Bad lines that fit a screen; --json prints all that the server told.
SHOWN_MAX = 20


@click.command("import")
@click.argument("campaign", type=CampaignName(), metavar="CAMPAIGN")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--skip-bad-lines", is_flag=True, help="Take the good lines, and leave out the others.")
@click.option("--dry-run", is_flag=True, help="Say what would become of FILE, and take nothing.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: as FILE ends, else csv]")
@connecting
@as_json
def import_(
    campaign: str,
    file: Path,
    skip_bad_lines: bool,
    dry_run: bool,
    form: str | None,
    address: str | None,
    key_file: Path | None,
    json_: bool,
) -> None:
    """Take codes from FILE (`-`: from stdin) into CAMPAIGN: CSV, separated by commas, whose header names code and,
    where wanted, customer (an id), balance_minor and last_day; or a JSON object a line with these names.

    Each line is looked at. Unless all are good, or bad ones are skipped and one is good, nothing is taken, and the exit
    code is 1.
    """
    from cli.activities.asking import connected
    from cli.failures import Failure
    from fealty import v1

    chosen = FORMATS[form or BY_SUFFIX.get(file.suffix.lower(), "csv")]
    target = v1.ImportTarget(parent=campaign, format=chosen, skip_bad_lines=skip_bad_lines, validate_only=dry_run)
    with connected(address, key_file, "administrator") as fealty, click.open_file(str(file), "rb") as data:
        report = _sent(fealty, target, data, file.stat().st_size if str(file) != "-" else None)
    if json_:
        click.echo(json.dumps(_plain(report)))
    else:
        _show(report, dry_run)
    if not report.batch.coupons:
        raise Failure(f"nothing {'would be' if dry_run else 'was'} taken: {_advice(report)}")


def _sent(fealty: "Fealty", target: "v1.ImportTarget", data: IO[bytes], size: int | None) -> "v1.ImportReport":
    from cli.failures import Failure
    from fealty import v1

    def messages() -> Iterator[v1.ImportCouponsRequest]:
        yield v1.ImportCouponsRequest(target=target)
        while piece := data.read(PIECE_BYTES):
            yield v1.ImportCouponsRequest(data=piece)

    is_hidden = size is None or not sys.stderr.isatty()
    bar: Any = click.progressbar(length=size or 1, label="taking codes", file=sys.stderr, hidden=is_hidden)
    with bar:
        for answer in fealty.coupon_campaigns.ImportCoupons(messages()):
            if answer.HasField("report"):
                return answer.report
            bar.update(answer.progress.bytes - bar.pos)
    raise Failure("the server ended the import without a report: ask its operator, and send the file again")


def _show(report: "v1.ImportReport", dry_run: bool) -> None:
    for bad in report.bad_lines[:SHOWN_MAX]:
        click.echo(f"line {bad.line}: {bad.reason}. {bad.message}")
    if report.bad_lines_total > SHOWN_MAX:
        click.echo(f"… and {report.bad_lines_total - SHOWN_MAX:,} more bad lines")
    if report.expired_lines:
        lines = "1 line is" if report.expired_lines == 1 else f"{report.expired_lines:,} lines are"
        click.echo(f"{lines} good, but of a last_day that is past: expired at once.")
    of = f"{counted(report.batch.coupons)} of {report.lines:,} {'line' if report.lines == 1 else 'lines'}"
    if dry_run:
        click.echo(f"{of} would be taken.")
    elif report.batch.name:
        click.echo(f"{of} taken, as batch {short(report.batch.name)}.")
    else:
        click.echo(f"{of} taken.")


def _advice(report: "v1.ImportReport") -> str:
    """What to do about a file of which nothing is taken."""
    if any(bad.reason == "HEADER_INVALID" for bad in report.bad_lines):
        return "correct the header, or say with --format ndjson that there is a JSON object a line"
    if not report.lines:
        return "the file has no line with a code"
    if report.bad_lines_total == report.lines:
        return "no line is good; correct them, or say with --format what FILE is"
    return "correct these lines, or leave them out with --skip-bad-lines"


def _plain(report: "v1.ImportReport") -> dict[str, Any]:
    return {
        "batch": report.batch.name or None,
        "coupons": report.batch.coupons,
        "lines": report.lines,
        "expired_lines": report.expired_lines,
        "bad_lines_total": report.bad_lines_total,
        "bad_lines": [{"line": bad.line, "reason": bad.reason, "message": bad.message} for bad in report.bad_lines],
    }
