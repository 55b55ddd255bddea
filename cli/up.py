"""`fealty up`: all of Fealty in one terminal."""

import click


@click.command(short_help="Start everything here: PostgreSQL, Valkey, server, passes, worker, clock.")
@click.option("--tls", is_flag=True, help="Make certificates for this machine, and speak TLS with them from now on.")
def up(tls: bool) -> None:
    """Start PostgreSQL, Valkey, server, passes, worker and clock here; Ctrl-C stops them in order.

    What FEALTY_DATABASE_URL or FEALTY_REDIS_URL names is used instead of being started. The data stays in
    FEALTY_DATA_DIR, and the next start finds it.

    The certificates of --tls lie in its folder tls, and every server on this data directory uses them, until that
    folder is removed or FEALTY_CERTIFICATE_FILE names another.
    """
    import signal
    from types import FrameType

    import structlog

    from cli import logs
    from cli.failures import Failure
    from cli.settings import load, validated
    from cli.stopping import StopRequest
    from cli.supervisor import Stack
    from cli.wallet.standing import lacks
    from wallet.settings import WalletSettings

    settings = load()
    if tls and settings.certificate_file:
        raise Failure(f"FEALTY_CERTIFICATE_FILE names {settings.certificate_file}: leave out --tls, or the setting")
    wallets = validated(WalletSettings)
    logs.configure(settings.log_format)
    log = structlog.get_logger("fealty.up")
    stopping = StopRequest()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.make()

    # Not as exceptions: what is being started is then started or not, never something in between.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # a closed terminal, unless `nohup` was asked for
        signal.signal(signal.SIGHUP, stop)
    stack = Stack(settings, show_key, makes_tls=tls)
    try:
        stack.start(stopping)
        if not stopping.is_set():
            log.info("Fealty is up: Ctrl-C stops it", data_dir=str(settings.data_dir))
            if settings.tls_files[0] == settings.local.certificate:
                log.info("clients believe it by its authority", root_certificates=str(settings.local.authority))
            for lack in lacks(wallets):
                log.warning(lack)
        ended = stack.watch(stopping)
        if ended:
            log.error(ended)
        else:
            log.info("stopping")
    finally:
        stack.stop()
    if ended:
        raise Failure(f"{ended}; everything else was stopped")


def show_key(key: str) -> None:
    """Shows the first key on the terminal, and nowhere else."""
    lines = (
        "The first API key, for an administrator:",
        "",
        f"    {key}",
        "",
        "It is shown this once and never again: only its hash is kept. Callers send it as",
        "`authorization: Bearer <key>`. `fealty keys` makes more keys and revokes them.",
    )
    bar = "=" * max(map(len, lines))
    click.echo("\n".join((bar, *lines, bar)))
