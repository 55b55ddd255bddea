"""docs/walletkit.md, run as it stands by somebody who has nothing of ours but the kit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.recipes import ROOT, blocks

PAGE = ROOT / "docs" / "walletkit.md"
OURS = ("rules", "storage", "server", "workers", "wallet", "cli", "fealty", "tests")
# Blocks go on from each other: in one process, in which nothing of ours can be imported.
ALONE = f"""
import contextlib, io, json, sys
sys.modules.update(dict.fromkeys({OURS!r}))
names, printed = {{}}, []
for code in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, names)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


@pytest.mark.process
def test_each_block_prints_what_stands_under_it_with_nothing_of_ours_but_the_kit(tmp_path: Path) -> None:
    """Whoever tests another integration copies them, and has no Fealty to import."""
    found = blocks(PAGE.read_text())
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        input=json.dumps([block.code for block in found]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [block.printed for block in found]


def test_the_page_names_every_stand_in() -> None:
    """One that is not told of is used by nobody."""
    page = PAGE.read_text()
    for name in ("AppleAuthority", "pkpass.read", "PushService", "IPhone", "GoogleWallet", "Android", "MailServer"):
        assert name in page
    assert page.count("It cannot know") >= 5, "of each it says what only the real one shows"
