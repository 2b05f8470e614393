"""Opens Tagloom: `python app.py` locally, and the entry of a Hugging Face Space.

Settings come from the environment (docs/settings.md); `tagloom serve` does the same with options.
"""

from __future__ import annotations

import sys

from core.errors import TagloomError
from core.settings import load_settings
from ui.server import serve


def main() -> int:
    """Serve until stopped; a wrong setting ends with a sentence and its remedy, exit code 2."""
    try:
        serve(load_settings())
    except TagloomError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. Running jobs go on by themselves.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
