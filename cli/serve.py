"""`fealty serve`: the gRPC server."""

from functools import partial

import click


@click.command(short_help="Run the gRPC server.")
def serve() -> None:
    """Run the gRPC server until SIGTERM or Ctrl-C; then it finishes the calls in hand.

    It needs the file of personal keys that belongs to the database: FEALTY_PERSONAL_KEY_FILE.

    FEALTY_HOST and FEALTY_PORT say where, FEALTY_PROCESSES how many processes share the port, FEALTY_PROBE_PORT where
    probes and metrics are.
    """
    from cli import books, logs
    from cli.settings import load, validated
    from server.main import main
    from server.settings import ServerSettings

    settings = load()
    logs.configure(settings.log_format)
    of_server = validated(
        ServerSettings,
        database_url=settings.database,
        host=settings.host,
        port=settings.port,
        probe_port=settings.probe_port,
        processes=settings.processes,
        spool_dir=settings.data_dir / "spool",
        personal_key_file=settings.personal_keys,
    )
    books.require_schema(settings)
    books.require_keys(settings)
    raise SystemExit(main(of_server, partial(logs.configure, settings.log_format)))
