"""`fealty clock`: hands tasks to the workers, and keeps the schedule."""

import click


@click.command(short_help="Run the clock: hands tasks to workers, plans what falls due.")
def clock() -> None:
    """Run a clock until SIGTERM or Ctrl-C. Start several on different hosts: one acts, the others wait to."""
    from cli import books, logs
    from cli.settings import load, validated
    from workers import clock as clocks
    from workers.settings import WorkerSettings

    settings = load()
    logs.configure(settings.log_format)
    of_clock = validated(WorkerSettings, redis_url=settings.redis)
    books.require_schema(settings)
    raise SystemExit(clocks.main(of_clock, settings.database))
