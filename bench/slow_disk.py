"""Builds the preloadable shim that makes a disk's syncs longer, so that a slow disk can be measured on any machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_sync.c")

LENGTH_VARIABLE = "FEALTY_SLOW_SYNC_US"
"""The environment variable that says how many microseconds each sync takes longer; 1000 without it."""

COMPILE_S = 60.0
"""Fifty lines compile in a tenth of a second; a compiler that takes so long is waiting for something."""


def build(folder: Path) -> Path | None:
    """Compile the shim into `folder` and return the library, for LD_PRELOAD; None if there is no C compiler.

    Raises CalledProcessError, with the compiler's words in `stderr`, if there is one and it refuses.
    """
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    library = folder.resolve() / "slow_sync.so"
    command = [compiler, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMPILE_S)
    return library
