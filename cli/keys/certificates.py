"""`fealty keys certificates`: services known by a client certificate."""

import json
from typing import Any

import click

from cli.keys.options import of_service
from cli.options import as_json, not_empty


@click.group()
def certificates() -> None:
    """Register, list and revoke the certificates that services show in place of a key."""


@certificates.command()
@click.argument("name", callback=not_empty)
@click.argument("certificate_name")
@of_service
@as_json
def register(name: str, certificate_name: str, json_: bool, **options: Any) -> None:
    """Let the service NAME in with a certificate of CERTIFICATE_NAME; it is made where there is none.

    That is one of the certificate's alternative names (DNS or URI) or, where it has none, its common name.
    """
    from cli import books
    from cli.keys import making
    from cli.settings import load
    from fealty.v1 import credentials_pb2
    from server.policy import method_of
    from storage.access.certificates import RegisterCertificate
    from storage.access.commands import as_operator
    from storage.engine.unit import run

    context = as_operator(method_of(credentials_pb2.RegisterCertificateRequest).kind)
    with books.opened(load()) as database:
        made = run(
            database,
            lambda unit: (
                RegisterCertificate(making.service(name, options), making.bounds(options), certificate_name, context)
                .decide(unit)
                .value
            ),
        )
        held = run(database, lambda unit: making.roles_of(made.service))
    if json_:
        click.echo(json.dumps({"id": made.id, "name": certificate_name, "service": name, "roles": held}))
        return
    click.echo(f"Whoever shows a certificate of {certificate_name} is {name}, {making.told(held)}.")


@certificates.command("list")
@as_json
def list_(json_: bool) -> None:
    """List all certificates, oldest first, and when each was last used."""
    from datetime import datetime

    from cli import books
    from cli.settings import load
    from storage.access import queries

    with books.opened(load()):
        found = queries.certificates()
    if json_:
        click.echo(json.dumps([one._asdict() for one in found], default=datetime.isoformat))
        return
    form = "{:<38}  {:<30}  {:<20}  {:<10}  {:<10}  {}"
    click.echo(form.format("CERTIFICATE", "NAME IN IT", "SERVICE", "MADE", "USED", "STATE"))
    for one in found:
        used = f"{one.used_at:%Y-%m-%d}" if one.used_at else "never"
        state = "revoked" if one.revoked_at else "usable"
        click.echo(form.format(one.id, one.name, one.service, f"{one.created_at:%Y-%m-%d}", used, state))


@certificates.command()
@click.argument("certificate")
@as_json
def revoke(certificate: str, json_: bool) -> None:
    """End CERTIFICATE, given by its id as the list shows it, or by the name in it."""
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from fealty.v1 import credentials_pb2
    from server.policy import method_of
    from storage.access.certificates import RevokeCertificate
    from storage.access.commands import as_operator
    from storage.access.records import CertificateRow
    from storage.engine.unit import run

    context = as_operator(method_of(credentials_pb2.RevokeCertificateRequest).kind)
    is_it = (CertificateRow.id == certificate) | (CertificateRow.name == certificate)
    with books.opened(load()) as database:
        row = CertificateRow.get_or_none(is_it & CertificateRow.revoked_at.is_null())
        if row is None:
            raise Failure("no such certificate is usable: `fealty keys certificates list` shows which there are")
        run(database, lambda unit: RevokeCertificate(row.caller, row.id, context).decide(unit))
    click.echo(json.dumps({"id": row.id, "revoked": True}) if json_ else f"Certificate {row.name} is revoked.")
