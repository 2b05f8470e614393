"""A process of its own that asks a server about items, for tests of what several processes share and of what is left
when one is killed: `python -m tests.ask_process HOME BASE_URL '{"first": 0, "items": 40, "limits": {…}}'`.

Prints one line of JSON: {"states": {…}, "requests": …, "cached": …, "error": …}. The sooner it may begin is told by a
file: with "go" in the options it waits until that file is there, so that two processes begin together.
"""

from __future__ import annotations

import json
import sys
import time
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


def main() -> None:
    home, base_url, given = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    host = Host(Settings(home=home))
    database = host.open(given.get("project", "test"))
    wanted = {**given.get("limits", {})}
    for name in ("budget", "total_budget"):
        if name in wanted:
            wanted[name] = Decimal(wanted[name])
    limits = limits_of(**wanted)
    engine = connect(host, EngineOptions("openai", base_url, MODEL), None, database, limits)
    if "go" in given:
        Path(given["ready"]).touch()
        until = time.monotonic() + 60
        while not Path(given["go"]).exists() and time.monotonic() < until:
            time.sleep(0.005)
    states: Counter[str] = Counter()
    error: Any = None
    try:
        for outcome in engine.answers(calls_about(range(given["first"], given["first"] + given["items"]))):
            states[state_of(outcome)] += 1
    except EngineError as ended:
        error = getattr(ended, "kind", "") or str(ended)
    engine.close()
    said = {"states": states, "requests": engine.spent.requests, "cached": engine.spent.cached, "error": error}
    sys.stdout.write(json.dumps(said) + "\n")
    host.close()


if __name__ == "__main__":
    main()
