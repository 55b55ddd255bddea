"""`fealty worker`: works on the tasks of some queues."""

import click


@click.command(short_help="Run a worker: matures and expires points, sends what is to be sent.")
@click.option("--queues", metavar="NAME,NAME", help="What it works on.  [default: FEALTY_QUEUES, else all queues]")
@click.option("--threads", type=int, help="Tasks that it works on at once.  [default: FEALTY_THREADS, else 4]")
def worker(queues: str | None, threads: int | None) -> None:
    """Run a worker until SIGTERM or Ctrl-C; then it finishes the step in hand. Start more to do more."""
    from cli import books, logs
    from cli.settings import load, validated
    from workers import worker as workers
    from workers.settings import WorkerSettings

    settings = load()
    logs.configure(settings.log_format)
    given = {"queues": queues, "threads": threads}
    chosen = {name: value for name, value in given.items() if value is not None}
    of_worker = validated(WorkerSettings, redis_url=settings.redis, personal_key_file=settings.personal_keys, **chosen)
    books.require_schema(settings)
    raise SystemExit(workers.main(of_worker, settings.database))
