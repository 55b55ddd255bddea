"""`fealty passes`: the public endpoints of passes."""

import click


@click.command(short_help="Run what phones call: updates of cards, links to them, images.")
def passes() -> None:
    """Run the public endpoints of passes until SIGTERM or Ctrl-C; then it finishes the requests in hand.

    It needs the file of personal keys that belongs to the database: FEALTY_PERSONAL_KEY_FILE. Accounts of wallets are
    in FEALTY_WALLET_DIR; without any it serves links, images and pages.

    FEALTY_PASSES_HOST and FEALTY_PASSES_PORT say where, FEALTY_PASSES_URL by which address phones get there. TLS is
    spoken by FEALTY_PASSES_CERTIFICATE_FILE and FEALTY_PASSES_KEY_FILE, or by a proxy before it.
    """
    from cli import books, logs
    from cli.settings import load, validated
    from wallet.web import process
    from wallet.web.settings import PassesSettings

    settings = load()
    logs.configure(settings.log_format)
    of_passes = validated(PassesSettings, database_url=settings.database, personal_key_file=settings.personal_keys)
    of_passes.check()
    books.require_schema(settings)
    books.require_keys(settings)
    raise SystemExit(process.run(of_passes))
