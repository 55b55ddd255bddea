"""What was promised, held against what is there: each row names a call of the contract and a test that is run."""

import re
from pathlib import Path

import pytest

from server.policy import methods

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?!---|Promise)(.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "promises.md").read_text())
CALLS = {method.name for method in methods()}


@pytest.mark.parametrize(("promise", "kept_by", "proof"), ROWS, ids=[promise[:40] for promise, _, _ in ROWS])
def test_each_promise_names_what_keeps_it_and_a_test_that_proves_it(promise: str, kept_by: str, proof: str) -> None:
    """A promise without a test is an advertisement."""
    for call in re.findall(r"`([A-Z]\w+)`", kept_by):
        assert call in CALLS, promise
    named = re.findall(r"`(tests/[\w/]+\.py)` `(test_\w+)`", proof)
    assert named, promise
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), (promise, test)


def test_the_promises_of_all_four_products_are_there() -> None:
    """Whoever takes a row out changes what was promised."""
    assert len(ROWS) > 30
