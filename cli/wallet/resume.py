"""`fealty wallet resume`: lets pushes go on that were stopped."""

import click


@click.command(short_help="Let pushes go on that were stopped.")
@click.argument("topic", metavar="[PASS_TYPE|ISSUER]", required=False)
def resume(topic: str | None) -> None:
    """Let pushes of a pass type of Apple's, or of an issuer of Google's, go on; without one, show what is stopped.

    They go on by themselves within minutes once what was wrong is mended; this is for who does not want to wait.
    """
    from cli import books
    from cli.failures import Failure
    from cli.settings import load
    from cli.wallet.standing import advice
    from rules.activity import PUSHES_RESUMED, by_operator
    from storage.engine.database import connection
    from storage.engine.unit import transaction
    from storage.passes import halts

    with books.opened(load()) as database:
        with connection(database) as held:
            stopped = halts.halts(held)
        if topic is None:
            for halt in stopped:
                since = f"{halt.since:%Y-%m-%d %H:%M} UTC"
                click.echo(f"{halt.topic} ({halt.platform.capitalize()}) is stopped since {since}: {halt.reason}")
                click.echo(f"  -> {advice(halt)}")
            if not stopped:
                click.echo("Nothing is stopped. `fealty wallet doctor` says what else keeps cards from phones.")
            return
        mine = [halt for halt in stopped if halt.topic == topic]
        if not mine:
            raise Failure(
                f"pushes of {topic} are not stopped: what waits is tried again by itself within minutes, and"
                " `fealty wallet doctor` says what else may keep it"
            )
        with transaction(database) as unit:
            for halt in mine:
                halts.end(unit, halt.platform, halt.topic, by_operator(PUSHES_RESUMED))
    click.echo(f"Pushes of {topic} go on: what waits is tried within minutes.")
