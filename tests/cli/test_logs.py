"""What processes write to their log: under the set-up that all of them have, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.settings import LogFormat
from tests.wallet.apple.service import TOKEN, TOPIC, standing
from tests.workers.processes import CHECKOUT

PUSHES = f"""
import logging, sys
from pathlib import Path
from uuid import uuid4
from cli import logs
from cli.settings import LogFormat
from wallet import accounts
from wallet.apple.apns import open_transport
logs.configure(LogFormat(sys.argv[1]))
logging.getLogger("workers").info("pushing")
transport = open_transport(accounts.load(Path(sys.argv[2])), sys.argv[3], "", Path(sys.argv[4]))
assert transport.send("{TOKEN}", "{TOPIC}", str(uuid4())).status == 200
"""


@pytest.mark.process
@pytest.mark.parametrize("log_format", LogFormat)
def test_no_push_writes_the_token_of_its_phone(tmp_path: Path, log_format: LogFormat) -> None:
    """Clients of HTTP write the address of each request, and Apple wants the token in it (W17): whoever reads the log
    could wake every phone."""
    with standing(tmp_path) as apple:
        arguments = [log_format, str(apple.folder), apple.service.url, str(apple.trust)]
        command = [sys.executable, "-c", PUSHES, *arguments]
        ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        assert len(apple.service.pushes) == 1
    assert "pushing" in ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr
