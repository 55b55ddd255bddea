"""`fealty mail`: whether mail gets through."""

import click


@click.group(short_help="See whether mail gets through.")
def mail() -> None:
    """See whether mail gets through."""


@mail.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a mail to ADDRESS, from here and at once, with the settings that workers have. The address is not kept."""
    import secrets
    import time
    from datetime import UTC, datetime

    from cli.failures import Failure
    from cli.settings import load, validated
    from storage.engine.ids import new_uuid
    from storage.mail.records import MailTemplate
    from workers.failures import Refused
    from workers.limits import MAIL_LIMIT_S
    from workers.mail.message import write
    from workers.mail.transport import MailServerAway, open_transport
    from workers.settings import WorkerSettings

    settings = load()
    transport = open_transport(validated(WorkerSettings, redis_url=settings.redis))
    if transport is None:
        raise Failure("no mail server is set: name it in FEALTY_MAIL_URL, and our address in FEALTY_MAIL_SENDER")
    server = f"the mail server at {settings.mail_shown}"
    reference = secrets.token_hex(3)
    arguments = {"reference": reference}
    try:
        message = write(new_uuid(), datetime.now(UTC), MailTemplate.TEST, arguments, transport.sender, address)
    except ValueError:
        raise Failure("that is no address that mail could be sent to: write it as somebody@example.com") from None
    try:
        transport.send(message, address, time.monotonic() + MAIL_LIMIT_S)
    except MailServerAway as away:
        raise Failure(f"{server} cannot be used ({away}): see that it runs, or correct FEALTY_MAIL_URL") from None
    except Refused as refused:
        raise Failure(f"{server} does not take the mail: it answered {refused.code}") from None
    except OSError:
        raise Failure(f"{server} ended the connection in the middle of the mail: try again") from None
    click.echo(f"T{server[1:]} has taken the mail, from {transport.sender}, with the reference {reference}.")
    click.echo("See that it arrives, and not among the spam.")
