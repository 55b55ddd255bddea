"""`fealty serve`: the gRPC server."""

from functools import partial
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cli.settings import Settings
    from server.settings import ServerSettings


@click.command(short_help="Run the gRPC server.")
def serve() -> None:
    """Run the gRPC server until SIGTERM or Ctrl-C; then it finishes the calls in hand.

    It needs the file of personal keys that belongs to the database: FEALTY_PERSONAL_KEY_FILE.

    FEALTY_HOST and FEALTY_PORT say where, FEALTY_PROCESSES how many processes share the port, FEALTY_PROBE_HOST and
    FEALTY_PROBE_PORT where probes and metrics are. FEALTY_CERTIFICATE_FILE and FEALTY_KEY_FILE are for TLS, without
    which it listens for this machine only; FEALTY_CLIENTS_PORT and FEALTY_CLIENTS_CA_FILE for services that show a
    certificate.
    """
    from cli import books, logs
    from cli.settings import load
    from server.main import main

    settings = load()
    logs.configure(settings.log_format)
    told = of_server(settings)
    told.check()
    books.require_schema(settings)
    books.require_keys(settings)
    raise SystemExit(main(told, partial(logs.configure, settings.log_format)))


def of_server(settings: "Settings") -> "ServerSettings":
    """What a server here is told. Raises SettingsInvalid."""
    from cli.settings import validated
    from server.settings import ServerSettings

    certificate_file, key_file, clients_ca_file = settings.tls_files
    return validated(
        ServerSettings,
        database_url=settings.database,
        host=settings.host,
        port=settings.port,
        certificate_file=certificate_file,
        key_file=key_file,
        clients_port=settings.clients_port,
        clients_ca_file=clients_ca_file,
        listen_without_tls=settings.listen_without_tls,
        probe_host=settings.probe_host,
        probe_port=settings.probe_port,
        processes=settings.processes,
        spool_dir=settings.data_dir / "spool",
        personal_key_file=settings.personal_keys,
    )
