"""The command `fealty`: its commands, and the one place where an error becomes a sentence and an exit code."""

import os
import signal
import sys
import traceback

import click

from cli.access import access
from cli.activities import activities
from cli.approvals import approvals
from cli.certificates import certificates
from cli.clock import clock
from cli.coupons import coupons
from cli.demo import demo
from cli.doctor import doctor
from cli.failures import sentence
from cli.keys import keys
from cli.ledger import ledger
from cli.log import log
from cli.mail import mail
from cli.migrate import migrate
from cli.pass_ import pass_
from cli.passes import passes
from cli.personal_key import personal_key
from cli.retention import retention
from cli.roles import roles
from cli.serve import serve
from cli.up import up
from cli.users import users
from cli.wallet import wallet
from cli.worker import worker

EXIT_FAILED = 1  # known, and said in a sentence
EXIT_FAULT = 70  # a fault of ours, shown with its traceback: EX_SOFTWARE of sysexits.h
EXIT_INTERRUPTED = 128 + signal.SIGINT


class _InOrder(click.Group):
    """Lists its commands as they were added: the first is what a newcomer types first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fealty", message="fealty %(version)s")
def fealty() -> None:
    """Fealty, a self-hosted loyalty backend.

    `fealty up` starts all of it here. The other processes and `fealty doctor` find the same data by FEALTY_DATA_DIR,
    or the servers that FEALTY_DATABASE_URL and FEALTY_REDIS_URL name.
    """


for command in (
    *(
        up,
        demo,
        doctor,
        coupons,
        pass_,
        activities,
        keys,
        users,
        approvals,
        roles,
        access,
        certificates,
        personal_key,
        retention,
        ledger,
        log,
        mail,
        wallet,
        migrate,
        serve,
        worker,
        clock,
        passes,
    ),
):
    fealty.add_command(command)


def main() -> None:
    """Runs the command line and exits: 0 done, 1 refused in one sentence, 2 wrong arguments, 70 a fault of ours."""
    # Of each handshake that fails, of any stranger's too, gRPC would write a line of its own.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    sys.exit(_run())


def _run() -> int:
    try:
        code = fealty.main(standalone_mode=False)
    except click.ClickException as error:  # wrong arguments: usage and a sentence
        error.show()
        if isinstance(error, click.UsageError) and error.ctx is None:  # click's parser forgets whose it was
            click.echo("Try with --help.", err=True)
        return error.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `fealty keys list | head`: nobody reads on, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        said = sentence(error)
        if said is None:
            traceback.print_exc()
            return EXIT_FAULT
        click.echo(f"Error: {said}", err=True)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
