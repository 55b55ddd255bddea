"""`python -m bench`. The work stands beside it: client processes must be able to import what they run."""

import sys

from bench.table import main

if __name__ == "__main__":
    sys.exit(main())
