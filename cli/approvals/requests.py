"""`fealty approvals list` and `show`: what was asked for."""

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import as_json

if TYPE_CHECKING:
    from storage.approvals.queries import ApprovalRequest

# A terminal shows no more.
SHOWN_MAX = 1_000

_STATES = ("draft", "pending", "approved", "rejected", "withdrawn", "expired", "executed", "failed")


@click.command("list")
@click.option("--program", metavar="ID", help="Only what is in it.  [default: all, and what is in none]")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only what is in this state.")
@as_json
def list_(program: str | None, state: str | None, json_: bool) -> None:
    """List what was asked for, newest first."""
    from cli import books
    from cli.settings import load
    from storage.approvals import queries
    from storage.approvals.queries import RequestFilter
    from storage.engine.unit import run

    wanted = RequestFilter((state or "").upper())
    with books.opened(load()) as database:
        found = run(
            database, lambda unit: queries.page(program or "-", books.OPERATOR, wanted, unit.now, None, SHOWN_MAX)
        )
    if json_:
        click.echo(json.dumps([_plain(one) for one in found]))
        return
    form = "{:<16}  {:<9}  {:<22}  {:<9}  {}"
    click.echo(form.format("ASKED", "STATE", "CALL", "APPROVED", "NAME"))
    for one in found:
        line = (f"{one.created_at:%Y-%m-%d %H:%M}", one.state.lower(), one.method, _given(one), one.name)
        click.echo(form.format(*line))


@click.command()
@click.argument("name")
@as_json
def show(name: str, json_: bool) -> None:
    """Show the request for approval NAME, as `fealty approvals list` names it: not what it says of people."""
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from rules.approvals.refusals import ApprovalRequestNotFound
    from rules.refusals import ProgramNotFound
    from storage.access import queries as access
    from storage.approvals import queries
    from storage.engine.database import connection
    from storage.engine.unit import run

    with books.opened(load()) as database:
        try:
            found = run(database, lambda unit: queries.get(name, books.OPERATOR, unit.now))
        except (ApprovalRequestNotFound, ProgramNotFound) as error:
            raise Failure(f"there is no request {name}; `fealty approvals list` names them") from error
        with connection(database) as held:
            called = access.called(held, [found.maker.caller, *(one.party.caller for one in found.decisions)])
    if json_:
        click.echo(json.dumps(_plain(found)))
        return
    maker = called.get(found.maker.caller, found.maker.caller)
    behalf = f", on behalf of {found.maker.on_behalf_of}" if found.maker.on_behalf_of else ""
    click.echo(f"{found.method} of {found.subject or 'something new'}, asked for by {maker}{behalf}")
    click.echo(f"State:     {found.state.lower()}")
    click.echo(f"RequestFacts:     {found.created_at:%Y-%m-%d %H:%M} UTC")
    click.echo(f"Expires:   {found.expires_at:%Y-%m-%d %H:%M} UTC")
    click.echo(f"SHA-256:   {found.content_hash or 'forgotten'}")
    for path, figure in found.figures.items():
        click.echo(f"Figure:    {path} {figure:,}")
    for need in found.needs:
        of = f" by {need.role.lower()}" if need.role else ""
        rule = f", by rule {need.rule}" if need.rule else ""
        click.echo(f"Takes:     {need.approvers} approved{of}{rule}; {need.given} so far")
    for one in found.decisions:
        who = called.get(one.party.caller, one.party.caller)
        click.echo(f"Decided:   {one.decision.lower()} by {who}, {one.decided_at:%Y-%m-%d %H:%M} UTC")
    if found.failure_reason:
        click.echo(f"Failed:    {found.failure_message or found.failure_reason}")


def _refused(deed: str) -> click.Command:
    @click.command(deed, hidden=True, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def command() -> None:
        """Not on this shell."""
        from cli.failures import Failure

        raise Failure(
            f"nobody {deed}s on this shell, which does not know who types; {deed} through the API, with a key that was"
            " made for you or a login"
        )

    return command


approve, reject = _refused("approve"), _refused("reject")


def _given(one: "ApprovalRequest") -> str:
    given, needed = (sum(getattr(need, field) for need in one.needs) for field in ("given", "approvers"))
    return f"{given} of {needed}"


def _plain(one: "ApprovalRequest") -> dict[str, Any]:
    return {
        "name": one.name,
        "state": one.state.value,
        "method": one.method,
        "subject": one.subject,
        "figures": one.figures,
        "sha256": one.content_hash,
        "maker": one.maker.caller,
        "on_behalf_of": one.maker.on_behalf_of,
        "reason_code": one.reason_code,
        "needs": [need._asdict() for need in one.needs],
        "decisions": [
            {"caller": two.party.caller, "decision": two.decision, "decided_at": two.decided_at.isoformat()}
            for two in one.decisions
        ],
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "failure_reason": one.failure_reason,
    }
