"""A run that is killed, three times, and finished: nothing is lost, and nothing is paid for twice but what was under
way at that moment."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.store.schema import attempt, reply
from tests.fault_server import FaultServer
from tests.making import count
from tests.support import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
ITEMS, AT_ONCE = 500, 16


@pytest.fixture
def waiting():
    """Four processes that wait to be told what to ask."""
    command, pipe = [sys.executable, "-m", "tests.ask_process"], subprocess.PIPE
    four = [subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    yield four
    for process in four:
        process.kill()
        process.communicate()


def begin(process, options):
    process.stdin.write(json.dumps(options) + "\n")
    process.stdin.flush()


def test_a_run_that_is_killed_three_times_pays_again_only_for_what_was_under_way(sqlite_host, waiting):
    database = sqlite_host.open("test")
    with FaultServer() as server:
        where = {"home": str(sqlite_host.settings.home), "base_url": server.base_url}
        options = {**where, "first": 0, "items": ITEMS, "limits": {"concurrency": AT_ONCE}}
        server.latency = 0.1

        lost = 0
        for process, at in zip(waiting, (100, 230, 370), strict=False):
            begin(process, options)
            wait_for(lambda at=at: server.asked >= at, 60)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            under_way = server.asked - count(database, reply) - lost
            assert 0 <= under_way <= AT_ONCE, "what came back is stored before another question is asked"
            lost += under_way
        begin(waiting[3], options)
        said = json.loads(waiting[3].communicate(timeout=120)[0].splitlines()[-1])
        assert said["states"] == {"ok": ITEMS} and said["error"] is None
        assert server.asked == ITEMS + lost <= ITEMS + 3 * AT_ONCE
    with database.read() as connection:
        keys = connection.execute(select(func.count(reply.c.key.distinct()))).scalar_one()
        answered = connection.execute(select(func.count()).where(attempt.c.outcome == "answered")).scalar_one()
    assert count(database, reply) == keys == answered == ITEMS, "one answer each, and each of them in the ledger"
