"""Marks say what a test costs: who runs the quick part waits for nothing that is not said."""

import multiprocessing
import subprocess
import sys

import pytest

UNSAID = pytest.raises(pytest.fail.Exception, match="is marked `process`")


def test_who_starts_a_process_without_saying_so_fails() -> None:
    """One such test after the other, and the quick part is quick no more."""
    with UNSAID:
        subprocess.run([sys.executable, "-c", ""], check=True)
    with UNSAID:
        multiprocessing.get_context("spawn").Process().start()


@pytest.mark.process
def test_who_says_so_may_start_one() -> None:
    """The guard is for the others."""
    subprocess.run([sys.executable, "-c", ""], check=True)
