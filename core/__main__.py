"""`python -m core` is the command `tagloom`."""

import sys

from core.cli import main

if __name__ == "__main__":
    sys.exit(main())
