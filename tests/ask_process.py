"""A process of its own that asks a server about items, for tests of what several processes share and of what is left
when one is killed: `python -m tests.ask_process`.

Reads a line of JSON: {"home": …, "base_url": …, "first": 0, "items": 40, "limits": {…}}; asks; writes a line of JSON:
{"states": {…}, "requests": …, "cached": …, "error": …}; and so on until its input ends.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.engines import EngineOptions, connect
from core.errors import EngineError
from core.settings import Settings
from core.store.projects import Host
from tests.asking import calls_about, limits_of, state_of
from tests.fault_server import MODEL


def ask(given: dict[str, Any]) -> dict[str, Any]:
    wanted = dict(given.get("limits", {}))
    for name in ("budget", "total_budget"):
        if name in wanted:
            wanted[name] = Decimal(wanted[name])
    host = Host(Settings(home=Path(given["home"])))
    options = EngineOptions("openai", given["base_url"], MODEL)
    engine = connect(host, options, None, host.open("test"), limits_of(**wanted))
    states: Counter[str] = Counter()
    error = None
    try:
        for outcome in engine.answers(calls_about(range(given["first"], given["first"] + given["items"]))):
            states[state_of(outcome)] += 1
    except EngineError as ended:
        error = ended.kind or str(ended)
    engine.close()
    host.close()
    return {"states": states, "requests": engine.spent.requests, "cached": engine.spent.cached, "error": error}


def main() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(ask(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
