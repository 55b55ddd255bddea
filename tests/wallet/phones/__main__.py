"""`make phones`: ten thousand runs of ours, and a thousand of each design that loses updates; a table of them."""

import sys
from concurrent.futures import ProcessPoolExecutor

from tests.wallet.phones.table import OURS, WRONG, Line, line
from tests.wallet.phones.world import CALM, HASTY

RUNS, WRONG_RUNS = 10_000, 1_000
PIECE = 100


def main() -> int:
    """1 where a run of ours ended stale."""
    wrong = False
    with ProcessPoolExecutor() as pool:
        for pace in (CALM, HASTY):
            print(f"stale for ever, of runs with a change every {pace.every_s:g} s:")
            for design, runs in {**dict.fromkeys(WRONG, WRONG_RUNS), OURS: RUNS}.items():
                starts = range(0, runs, PIECE)
                parts = [pool.submit(line, design, range(start, start + PIECE), pace) for start in starts]
                found = Line(design, runs, [seed for part in parts for seed in part.result().stale])
                print(f"  {found}", flush=True)
                if design == OURS and found.stale:
                    wrong = True
                    print(f"  seeds: {found.stale[:20]}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
