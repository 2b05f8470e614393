import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from core.errors import Conflict, NotFound
from core.jobs.queue import ENDED, LOGS_SHOWN, RESERVED, RESUMABLE
from tests.support import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]


def make(queue, **options):
    return queue.create("test", "count", "Count", {"to": 3, "word": "naïve “x”"}, **options)


def in_state(queue, state):
    job = make(queue)
    if state == "needs_key":
        assert queue.need_key(job.id)
    elif state != "queued":
        queue.claim(job.id, os.getpid(), psutil.Process().create_time())
    if state in ENDED:
        assert queue.finish(job.id, state)
    return queue.get(job.id)


def test_a_new_job_is_as_it_was_made(queue):
    job = make(queue, person="ann", unit="rows", total=10)
    assert (job.state, job.attempt, job.done, job.total, job.unit, job.person) == ("queued", 0, 0, 10, "rows", "ann")
    assert job.arguments == {"to": 3, "word": "naïve “x”"} and job.result == {} and job.active
    assert job.can == ("cancel",)
    assert queue.get(job.id) == job


def test_an_unknown_job_is_a_sentence(queue):
    for act in (queue.get, queue.cancel, queue.resume, queue.retry):
        with pytest.raises(NotFound) as unknown:
            act("nope")
        assert "nope" in unknown.value.message and unknown.value.remedy


def test_a_claim_is_taken_once(queue):
    job = make(queue)
    claimed = queue.claim(job.id, 4711, 12.5)
    assert (claimed.state, claimed.attempt, claimed.pid, claimed.pid_started) == ("running", 1, 4711, 12.5)
    assert claimed.started_at is not None
    assert queue.claim(job.id, 4712, 13.5) is None
    assert queue.get(job.id).pid == 4711


def test_processes_never_take_the_same_job(queue, settings, tmp_path):
    jobs = [make(queue).id for _ in range(40)]
    code = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from core.jobs.queue import JobQueue
        from core.settings import load_settings
        from core.store.projects import Host
        queue = JobQueue(Host(load_settings()))
        jobs = [job.id for job in queue.in_state("queued")]
        Path(sys.argv[1]).touch()
        while not Path(sys.argv[2]).exists():
            time.sleep(0.001)
        for job in jobs:
            if queue.claim(job, os.getpid(), 1.0):
                print(job)
        """
    )
    go = tmp_path / "go"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / f"ready{n}"), str(go)],
            cwd=REPOSITORY,
            env={**os.environ, **settings.environment()},
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    wait_for(lambda: all((tmp_path / f"ready{n}").exists() for n in range(3)), 60)
    go.touch()
    taken = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(job for each in taken for job in each) == sorted(jobs), "each job was taken exactly once"
    assert all(queue.get(job).attempt == 1 for job in jobs)


@pytest.mark.parametrize("state", ["queued", "running", "needs_key", *ENDED])
def test_what_each_state_allows(queue, state):
    job = in_state(queue, state)
    expected = {
        "queued": ("cancel",),
        "running": ("cancel",),
        "needs_key": ("resume", "cancel"),
        "done": (),
        "failed": ("resume", "retry"),
        "cancelled": ("resume",),
        "interrupted": ("resume",),
    }
    assert job.state == state and job.can == expected[state]
    if state not in (*RESUMABLE, "needs_key"):
        with pytest.raises(Conflict):
            queue.resume(job.id)
    if state not in ("queued", "running", "needs_key"):
        with pytest.raises(Conflict):
            queue.cancel(job.id)
    if job.active:
        with pytest.raises(Conflict):
            queue.retry(job.id)
    assert queue.get(job.id).state == state


def test_a_job_that_needs_a_key_is_nobody_s_until_it_is_resumed(queue):
    job = queue.create("test", "tag", "Tag", {"base_url": "https://api.example.org/v1", "keyed": True})
    assert queue.need_key(job.id)
    waiting = queue.get(job.id)
    assert (waiting.state, waiting.active, waiting.server) == ("needs_key", True, "api.example.org")
    assert "api.example.org" in waiting.message and waiting.remedy
    assert queue.claim(job.id, 1, 1.0) is None and not queue.need_key(job.id)
    assert queue.resume(job.id).state == "queued" and queue.get(job.id).message == ""
    queue.need_key(job.id)
    assert queue.resume(job.id, state=RESERVED).state == RESERVED, "by a command that runs it itself"
    assert queue.claim(job.id, 1, 1.0).attempt == 1
    other = make(queue)
    queue.need_key(other.id)
    assert queue.cancel(other.id).state == "cancelled"


def test_what_an_engine_has_spent_is_kept_with_the_progress(queue):
    job = in_state(queue, "running")
    queue.report(job.id, 1, 2, None, {"requests": 3, "cost": 0.01})
    queue.report(job.id, 2, 2, None)
    assert queue.get(job.id).spent == {"requests": 3, "cost": 0.01}, "what is not said stays"


def test_a_queued_job_is_cancelled_at_once(queue):
    job = queue.cancel(make(queue).id)
    assert job.state == "cancelled" and not job.active
    assert queue.claim(job.id, 1, 1.0) is None, "nobody takes a cancelled job"


def test_a_running_job_is_asked_to_stop(queue):
    job = in_state(queue, "running")
    asked = queue.cancel(job.id)
    assert asked.state == "running" and asked.cancel_requested and asked.can == ()
    assert queue.report(job.id, 5, 10, None) is True


def test_a_job_whose_command_died_before_it_began_can_be_cancelled(queue):
    job = make(queue, state=RESERVED)
    assert queue.cancel(job.id).state == "cancelled"


def test_resume_is_the_same_job_and_retry_a_new_one(queue):
    job = in_state(queue, "running")
    queue.report(job.id, 5, 10, 2.0)
    queue.cancel(job.id)
    queue.finish(job.id, "failed", message="Broken.", remedy="Mend it.", result={"half": 1})
    retried = queue.retry(job.id, "bob")
    assert retried.id != job.id and retried.retry_of == job.id
    assert (retried.state, retried.person, retried.arguments) == ("queued", "bob", job.arguments)
    assert (retried.done, retried.attempt, retried.message) == (0, 0, "")
    resumed = queue.resume(job.id)
    assert (resumed.id, resumed.state, resumed.message) == (job.id, "queued", "")
    assert not resumed.cancel_requested, "the old wish to stop is over"
    assert queue.claim(job.id, 1, 1.0).attempt == 2
    with pytest.raises(Conflict):
        queue.resume(job.id)


def test_a_job_ends_once(queue):
    job = in_state(queue, "running")
    assert queue.finish(job.id, "done", result={"n": 1})
    assert not queue.finish(job.id, "interrupted", message="late")
    ended = queue.get(job.id)
    assert (ended.state, ended.result, ended.message) == ("done", {"n": 1}, "")
    assert ended.finished_at is not None and ended.finished_at >= ended.started_at


def test_progress_rate_and_the_time_that_is_left(queue):
    job = in_state(queue, "running")
    assert job.seconds_left is None
    queue.report(job.id, 25, 100, 5.0)
    job = queue.get(job.id)
    assert (job.done, job.total, job.rate, job.seconds_left) == (25, 100, 5.0, 15.0)
    queue.report(job.id, 120, 100, 5.0)
    assert queue.get(job.id).seconds_left == 0
    queue.report(job.id, 25, None, 5.0)
    assert queue.get(job.id).seconds_left is None
    queue.report(job.id, 25, 100, 5.0)
    queue.finish(job.id, "done")
    assert queue.get(job.id).seconds_left is None


def test_active_jobs_come_first_then_the_newest(queue, monkeypatch):
    made = []
    for n, state in enumerate(["done", "queued", "failed", "running"]):
        monkeypatch.setattr("core.jobs.queue.time.time", lambda n=n: 1_000.0 + n)
        made.append(in_state(queue, state).id)
    assert [job.id for job in queue.recent()] == [made[3], made[1], made[2], made[0]]
    assert [job.id for job in queue.recent("test", limit=1)] == [made[3]]
    assert queue.recent("another") == []
    assert [job.id for job in queue.in_state("done", "failed")] == [made[0], made[2]]


def test_the_last_lines_of_the_log_are_shown(queue):
    job = make(queue)
    assert queue.get(job.id).log == ()
    lines = [f"{n} ärger {'x' * 300}" for n in range(100)]
    (queue.folder(job.id) / "log.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert list(queue.get(job.id).log) == lines[-5:]
    (queue.folder(job.id) / "log.txt").write_bytes(b"\xff\xfe broken\n")
    assert len(queue.get(job.id).log) == 1


def test_times_are_now(queue):
    before = time.time()
    job = in_state(queue, "done")
    assert before <= job.created_at <= job.started_at <= job.finished_at <= time.time()


def test_a_list_reads_the_logs_of_active_and_newest_jobs_only(queue, monkeypatch):
    ended = [in_state(queue, "failed") for _ in range(20)]
    active = [make(queue), in_state(queue, "running")]
    for job in [*ended, *active]:
        (queue.folder(job.id) / "log.txt").write_text(f"log of {job.id}\n")
    opened = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *args, **more: opened.append(path) or real(path, *args, **more))
    listed = queue.recent()
    assert len(listed) == 22 and len(opened) == len(active) + LOGS_SHOWN
    shown = {job.id for job in listed if job.log}
    assert shown == {job.id for job in [*active, *ended[-LOGS_SHOWN:]]}


def test_a_lost_job_is_queued_again_unless_it_is_to_stop(queue):
    job = in_state(queue, "running")
    assert queue.requeue(job.id) and queue.get(job.id).state == "queued"
    assert not queue.requeue(job.id), "it is not running any more"
    stopping = in_state(queue, "running")
    queue.cancel(stopping.id)
    assert not queue.requeue(stopping.id) and queue.get(stopping.id).cancel_requested
