"""docs/access.md, gone through as it stands by somebody who has nothing yet."""

import builtins
import getpass
import json
import re
import shlex
import subprocess
import sys
import time
from base64 import b32decode
from collections import Counter
from pathlib import Path
from typing import Any

import click
import pytest

from cli.main import fealty
from rules import totp
from tests.cli.terminal import Running, Terminal, eventually, free_port
from walletkit.smtp import MailServer

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "access.md"
# What an operator types later, about all that it leads to.
OTHERS = [DOCS / f"{name}.md" for name in ("users", "logging-in", "approvals")]
LINES = [
    line
    for page in OTHERS
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
# A block, and the block of output right under it, or none.
BLOCK = re.compile(r"```(sh|python)\n(.*?)```(?:\n\n```\n(.*?)```)?", re.DOTALL)
# What is another each time that it is made.
MADE = re.compile(r"(?:[2-9a-z]{5}-){4}[2-9a-z]{5}|(?<=secret=)[A-Z2-7]+|\b[0-9a-f]{16}\b|(?<=…)\w{6}\b")
# A code or a token has a line of its own in a mail.
MAILED = re.compile(r"^([0-9]{6}|[0-9a-f]{16}-[0-9a-f]{32})$", re.MULTILINE)
OWN_PASSWORD = "seven grey owls on a wire"
# Every step of the way, as the log calls it.
STEPS = {
    *("administrator.created", "login.begun", "login.ended", "login.succeeded", "code.requested", "code.verified"),
    *("password.changed", "totp.begun", "totp.enrolled", "recovery_codes.created", "invitation.accepted"),
    *("network.created", "partner.created", "program.created", "role.created", "user.invited", "key.created"),
    *("client_certificate.registered", "customer.created", "transaction.recorded", "approval_rule.created"),
    *("points.adjusted", "approval.submitted", "approval.previewed", "approval.approved", "approval.executed"),
}


class Operator:
    """Does on a terminal what the page says, and answers what is asked for there."""

    def __init__(self, terminal: Terminal, mail: MailServer) -> None:
        self.terminal, self.mail = terminal, mail
        self.clients_port = free_port()
        self.shown = ""
        self.names: dict[str, Any] = {"print": self._print}
        self._mails_read: Counter[str] = Counter()

    def start(self, code: str) -> Running:
        """The first block: settings, and a command that goes on."""
        *exports, command = code.splitlines()
        assert all(line.startswith("export ") for line in exports)
        told = {
            "FEALTY_MAIL_URL": f"smtp+plain://127.0.0.1:{self.mail.port}",
            "FEALTY_MAIL_SENDER": "club@example.com",
            "FEALTY_CLIENTS_PORT": str(self.clients_port),
        }
        assert re.findall(r"(\w+)=", " ".join(exports)) == list(told)
        self.terminal.environment |= told
        running = self.terminal.start(*command.split()[1:])
        running.await_said("Fealty is up")
        return running

    def type(self, code: str) -> str:
        """What a block of commands prints."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", 'fealty() { "$PYTHON" -m cli.main "$@"; }\n' + code],
            env=self.terminal.environment | {"PYTHON": sys.executable},
            cwd=self.terminal.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.shown += done.stdout
        return done.stdout

    def run(self, code: str) -> str:
        """What a block of Python prints; it goes on from those before."""
        code = code.replace("127.0.0.1:8470", self.terminal.address)
        code = code.replace("127.0.0.1:8474", f"127.0.0.1:{self.clients_port}")
        began = len(self.shown)
        exec(compile(code, str(PAGE), "exec"), self.names)
        return self.shown[began:]

    def answer(self, asked: str) -> str:
        """What is typed where somebody is asked: from the screen, a mail, an authenticator or one's head."""
        if asked == "Password that was shown: ":
            return str(re.findall(r"^ {4}(\S+)$", self.shown, re.MULTILINE)[-1])
        if "authenticator" in asked:
            return self.authenticator()
        to = re.search(r"\S+@\S+(?=: )", asked)
        return self._mailed(to[0]) if to else OWN_PASSWORD

    def authenticator(self, steps: int = 0) -> str:
        """The code that it shows, or will so many steps later."""
        secret = re.findall("secret=([A-Z2-7]+)", self.shown)[-1]
        return totp.code(b32decode(secret), totp.step_of(time.time()) + steps)

    def _mailed(self, address: str) -> str:
        """The code or the token in the next mail to somebody."""
        number = self._mails_read[address]
        self._mails_read[address] += 1
        eventually(lambda: len(self._texts(address)) > number)
        return str(MAILED.findall(self._texts(address)[number])[0])

    def _texts(self, address: str) -> list[str]:
        return [mail.text for mail in self.mail.received if mail.recipients == [address]]

    def _print(self, *words: object) -> None:
        self.shown += " ".join(map(str, words)) + "\n"


def test_the_page_leads_from_nothing_to_an_approved_act_with_every_step_in_the_log(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone by once, by somebody who has no second try: what it shows is what they see, to the word."""
    monkeypatch.chdir(terminal.folder)
    Path(".fealty").symlink_to(terminal.data_dir.name)
    first, *others = BLOCK.findall(PAGE.read_text())
    with MailServer() as mail:
        operator = Operator(terminal, mail)
        for module, name in ((builtins, "input"), (getpass, "getpass")):
            monkeypatch.setattr(module, name, operator.answer)
        operator.start(first[1])
        for language, code, printed in others:
            seen = {"sh": operator.type, "python": operator.run}[language](code)
            if printed:
                assert MADE.sub("…", seen) == MADE.sub("…", printed)
        _logs_in_by_authenticator(operator, monkeypatch)
        listed = terminal.run("activities", "list", "--key-file", "audit.key", "--limit", "500", "--json")
    activities = json.loads(listed.out)["activities"]
    assert STEPS - {one["action"] for one in activities if one["outcome"] == "SUCCEEDED"} == set()
    assert {one["outcome"] for one in activities} == {"SUCCEEDED"}, "nobody has to try twice"
    [done] = [one for one in activities if one["action"] == "points.adjusted" and one["details"].get("approval")]
    assert done["details"]["approval"] == operator.names["name"]


def _logs_in_by_authenticator(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada comes back another day: the same lines let her in, and nothing is mailed."""
    mails = len(operator.mail.received)
    monkeypatch.setattr(builtins, "input", lambda asked: operator.authenticator(1))
    operator.run(f"log_in('ada@example.com', '{OWN_PASSWORD}').close()")
    assert len(operator.mail.received) == mails


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_pages_that_it_leads_to_is_one_that_fealty_takes(line: str) -> None:
    """It is copied by whoever has somebody waiting in front of a closed door."""
    name, *arguments = shlex.split(line)
    command: click.Command = fealty
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    with command.make_context(name, arguments) as context:
        assert context.params
