"""`fealty certificates`: certificates for trying TLS, by the authority that `fealty up --tls` makes."""

import json
import re
from pathlib import Path

import click

from cli.options import as_json

DAYS_MAX = 825  # what is forgotten for longer than that is found by nobody
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


@click.group()
def certificates() -> None:
    """Make certificates that services show instead of a key, for trying it."""


@certificates.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=90, show_default=True, help="It ends then.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where.  [default: of the authority]")
@click.option("--force", is_flag=True, help="Replace the files that are there.")
@as_json
def create(name: str, days: int, folder: Path | None, force: bool, json_: bool) -> None:
    """Make a certificate for the service NAME, such as tills.example.com: NAME.pem, and its key NAME.key.

    The server takes it on the port FEALTY_CLIENTS_PORT, where FEALTY_CLIENTS_CA_FILE names no other authorities.
    """
    from datetime import timedelta

    from cli import authority
    from cli.failures import Failure
    from cli.settings import load

    if not _NAME.fullmatch(name):
        raise click.BadParameter("letters, digits, dots and hyphens are wanted, such as tills.example.com.")
    place = load().local
    if not place.authority_key.is_file():
        raise Failure(f"there is no authority in {place.folder}: `fealty up --tls` makes one")
    where = folder or place.folder / "clients"
    where.mkdir(parents=True, exist_ok=True)
    files = where / f"{name}.pem", where / f"{name}.key"
    for file in files:
        if file.exists() and not force:
            raise Failure(f"the file {file} exists already: choose another name, or replace it with --force")
    authority.make_client(place, name, timedelta(days=days), files)
    if json_:
        shown = {"name": name, "certificate": str(files[0]), "key": str(files[1]), "authority": str(place.authority)}
        click.echo(json.dumps({**shown, "days": days}))
        return
    click.echo(f"Certificate for {name}, for {days} days:\n")
    click.echo(f"    {files[0]}\n    {files[1]}\n")
    click.echo(f"Services believe the server by {place.authority}.")
