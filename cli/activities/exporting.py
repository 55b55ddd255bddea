"""`fealty activities export`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cli.activities.asking import connecting, filtering, scoping
from cli.options import as_json

FORMATS = {"csv": "EXPORT_FORMAT_CSV", "ndjson": "EXPORT_FORMAT_NDJSON"}
BY_SUFFIX = {".ndjson": "ndjson", ".jsonl": "ndjson"}


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@filtering
@scoping()
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: as FILE ends, else csv]")
@click.option("--force", is_flag=True, help="Replace FILE where there is one.")
@connecting
@as_json
def export(
    file: Path,
    form: str | None,
    force: bool,
    address: str | None,
    key_file: Path | None,
    json_: bool,
    **given: Any,
) -> None:
    """Write what matches into FILE (`-`: to stdout), the oldest first, as it stands when this begins.

    A connection that breaks is resumed. FILE is there only once it is whole, and what the server says it sent.
    """
    from cli.activities.asking import asked, connected
    from cli.activities.download import Download
    from cli.writing import opened
    from fealty import v1

    if not file.name:
        raise click.BadParameter("a name is wanted, such as march.csv.", param_hint="FILE")
    chosen = FORMATS[form or BY_SUFFIX.get(file.suffix, "csv")]
    request = v1.ExportActivitiesRequest(**asked(**given)._asdict(), format=chosen)
    to_stdout = str(file) == "-"
    with connected(address, key_file) as fealty, opened(file, force) as out:
        download = Download(fealty.activities.ExportActivities, request, out, _progress())
        end = download.run()
    if sys.stderr.isatty():
        click.echo(err=True)
    if json_:
        parts = [{"bytes": part.bytes, "sha256": part.sha256} for part in end.parts]
        told = {"file": str(file), "rows": end.rows, "bytes": end.bytes, "sha256": download.sha256, "parts": parts}
        click.echo(json.dumps(told), err=to_stdout)
        return
    pieces = f", sent in {len(end.parts)} parts" if len(end.parts) > 1 else ""
    click.echo(f"{_counted(end.rows)}, {end.bytes:,} bytes{pieces}", err=to_stdout)
    click.echo(f"SHA-256 {download.sha256}", err=to_stdout)


def _progress() -> Any:
    if not sys.stderr.isatty():
        return lambda rows: None
    return lambda rows: click.echo(f"\r{_counted(rows)}", err=True, nl=False)


def _counted(rows: int) -> str:
    return "1 activity" if rows == 1 else f"{rows:,} activities"
