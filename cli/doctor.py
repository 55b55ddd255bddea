"""`fealty doctor`: whether everything here is as it must be, and what to do where it is not."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from cli.options import as_json

if TYPE_CHECKING:
    from cli.checks import Finding


@click.command(short_help="Say what is wrong here, and what to do.")
@as_json
def doctor(json_: bool) -> None:
    """Check Python, PostgreSQL, who could change the log, the schema, the personal keys, the tasks, the accounts,
    mails, wallets, administrators, passwords, keys, what waits for approval, the broker, the mail server, TLS, the
    server and the disk, a line each.

    Exit code 1 where any of them is a problem; a warning is none.
    """
    from cli.checks import examine
    from cli.settings import load

    tell(examine(load()), json_)


def tell(found: "Iterable[Finding]", json_: bool) -> None:
    """Say what was found, each as soon as it is. Exit code 1 where something is a problem."""
    findings = []
    for finding in found:
        findings.append(finding)
        if not json_:
            mark = ("warning " if finding.advice else "ok      ") if finding.ok else "PROBLEM "
            click.echo(f"{mark} {finding.check:<14} {finding.found}")
            if finding.advice:
                click.echo(f"{'':<24}-> {finding.advice}")
    ok = all(finding.ok for finding in findings)
    if json_:
        click.echo(json.dumps({"ok": ok, "checks": [{**found._asdict(), "ok": found.ok} for found in findings]}))
    if not ok:
        raise SystemExit(1)
