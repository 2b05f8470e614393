"""Real worker processes, started, killed and found again."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from core.corpora.mapping import Mapping
from core.jobs.queue import KEYED, RESERVED, JobQueue
from core.jobs.supervisor import MOST_ATTEMPTS, Supervisor, process_lives
from core.store.projects import Host
from core.store.schema import import_note, import_run, item
from tests.engine_server import MODEL, EngineServer
from tests.making import count, rows_of
from tests.support import wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
ROWS = 50_000  # an import of them takes longer than a wish to stop takes to arrive


@pytest.fixture
def big_file(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("id,title\n")
        for n in range(ROWS):
            broken = ",too,many,cells" if n % 1000 == 7 else ""
            file.write(f"{n},Talk number {n} about topic {n % 97}{broken}\n")
    return path


def import_job(queue, path, corpus="Talks"):
    mapping = Mapping({"id": "id", "title": "title"})
    arguments = {"path": str(path), "name": path.name, "corpus": corpus, "mapping": mapping.to_json()}
    return queue.create("test", "import", f"Import {path.name}", arguments, unit="rows")


@pytest.fixture
def supervisor(queue):
    supervisor = Supervisor(queue, 2)
    yield supervisor
    if supervisor._thread.is_alive():
        supervisor.stop()
    for job in queue.in_state("running", "queued"):
        if process_lives(job.pid, job.pid_started):
            os.kill(job.pid, signal.SIGKILL)


def ended(queue, job, seconds=90):
    wait_for(lambda: not queue.get(job.id).active, seconds)
    return queue.get(job.id)


def rows_imported(database, job):
    with database.read() as connection:
        return connection.execute(select(import_run.c.rows_done).where(import_run.c.id == job.id)).scalar() or 0


def kill_in_the_middle(queue, database, job):
    wait_for(lambda: rows_imported(database, job) > 500, 60)
    running = queue.get(job.id)
    os.kill(running.pid, signal.SIGKILL)
    wait_for(lambda: not process_lives(running.pid, running.pid_started))
    return running.pid


def check_whole_import(database, job, result):
    broken = ROWS // 1000
    assert result["new"] == ROWS - broken and result["skipped"] == broken
    assert result["updated"] == result["unchanged"] == 0 and result["rows"] == ROWS
    rows = rows_of(database)
    assert [row.external_id for row in rows] == [str(n) for n in range(ROWS) if n % 1000 != 7], "each once, in order"
    assert count(database, import_note, import_note.c.import_run == job.id) == broken


def test_a_killed_worker_is_noticed_and_its_job_goes_on(queue, database, supervisor, big_file):
    job = import_job(queue, big_file)
    supervisor.start()
    first = kill_in_the_middle(queue, database, job)
    done = ended(queue, job)
    assert done.state == "done", (done.message, done.log)
    assert done.attempt == 2 and done.pid != first
    check_whole_import(database, job, done.result)
    log = (queue.folder(job.id) / "log.txt").read_text()
    assert "Interrupted" in log and "Attempt 2" in log


def test_a_worker_outlives_the_server_that_started_it(queue, database, supervisor, big_file):
    job = import_job(queue, big_file)
    code = textwrap.dedent(
        """
        import time
        from core.jobs.queue import JobQueue
        from core.jobs.supervisor import Supervisor
        from core.settings import load_settings
        from core.store.projects import Host
        Supervisor(JobQueue(Host(load_settings())), 2).start()
        time.sleep(600)
        """
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, **queue.host.settings.environment()},
        start_new_session=True,
    )
    wait_for(lambda: rows_imported(database, job) > 0, 60)
    os.killpg(server.pid, signal.SIGKILL)  # the whole process group, as a terminal that closes does
    server.wait()
    worker = queue.get(job.id)
    assert worker.state == "running" and process_lives(worker.pid, worker.pid_started)
    supervisor.start()  # the server that returns finds it and does not start another one
    done = ended(queue, job)
    assert (done.state, done.attempt, done.pid) == ("done", 1, worker.pid)
    assert done.pid != os.getpid() and done.done == done.total == ROWS
    check_whole_import(database, job, done.result)


def test_a_cancelled_worker_stops_and_its_job_can_go_on(queue, database, supervisor, big_file):
    job = import_job(queue, big_file)
    supervisor.start()
    wait_for(lambda: rows_imported(database, job) > 0, 60)
    queue.cancel(job.id)
    cancelled = ended(queue, job)
    assert cancelled.state == "cancelled", (cancelled.message, cancelled.log)
    kept = count(database, item)
    assert 0 < kept < ROWS - ROWS // 1000
    queue.resume(job.id)
    supervisor.wake()
    done = ended(queue, job)
    assert done.state == "done" and done.attempt == 2
    check_whole_import(database, job, done.result)


def test_only_as_many_jobs_run_as_there_are_slots(sqlite_host, tmp_path, monkeypatch):
    queue = JobQueue(sqlite_host)
    supervisor = Supervisor(queue, 2)
    started = []

    def spawn(job):
        started.append(job.id)
        queue.claim(job.id, os.getpid(), psutil.Process().create_time())
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(supervisor, "spawn", spawn)
    jobs = [import_job(queue, tmp_path / f"{n}.csv").id for n in range(3)]
    import_job(queue, tmp_path / "own.csv")
    queue._change(queue.in_state("queued")[-1].id, ("queued",), state=RESERVED)
    supervisor.tick()
    supervisor.tick()
    assert started == jobs[:2], "the oldest first, no more than two"
    queue.finish(jobs[0], "done")
    for process, _ in supervisor._starting.values():
        process.wait(60)
    supervisor.tick()
    assert started == jobs, "and never a job that a command runs itself"


def test_a_job_that_always_dies_is_given_up(sqlite_host, tmp_path):
    queue = JobQueue(sqlite_host)
    job = import_job(queue, tmp_path / "x.csv")
    supervisor = Supervisor(queue, 0)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        assert queue.claim(job.id, gone.pid, time.time()).attempt == attempt
        supervisor.tick()
        assert queue.get(job.id).state == ("queued" if attempt < MOST_ATTEMPTS else "interrupted")
    given_up = queue.get(job.id)
    assert given_up.message and given_up.remedy and given_up.can == ("resume",)


def test_a_killed_job_that_was_to_stop_is_cancelled(sqlite_host, tmp_path):
    queue = JobQueue(sqlite_host)
    job = import_job(queue, tmp_path / "x.csv")
    queue.claim(job.id, 2**22 + 1, time.time())
    queue.cancel(job.id)
    Supervisor(queue, 0).tick()
    assert queue.get(job.id).state == "cancelled"


def test_a_process_is_known_by_pid_and_start_time():
    own = psutil.Process()
    assert process_lives(own.pid, own.create_time())
    assert not process_lives(own.pid, own.create_time() - 100), "another process has that number now"
    assert not process_lives(None, None) and not process_lives(own.pid, None)
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(child.pid).create_time()
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert not process_lives(child.pid, started), "dead, though nobody has asked how it ended"
    child.wait()


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_a_worker_that_cannot_start_fails_its_job_with_a_remedy(sqlite_host, tmp_path, monkeypatch, program):
    queue = JobQueue(sqlite_host)
    supervisor = Supervisor(queue, 2)
    supervisor.start()
    monkeypatch.setattr("core.jobs.supervisor.sys.executable", program)
    job = import_job(queue, tmp_path / "x.csv")
    failed = ended(queue, job)
    assert failed.state == "failed" and failed.attempt == 0
    assert failed.message and failed.remedy and "resume" in failed.can
    monkeypatch.undo()
    assert supervisor._thread.is_alive(), "the next job must find it at work"
    path = tmp_path / "x.csv"
    path.write_text("id,title\n1,A talk\n")
    queue.resume(job.id)
    assert ended(queue, job).state == "done"
    supervisor.stop()


def test_a_mistake_in_one_look_does_not_end_the_watch(sqlite_host, monkeypatch):
    supervisor = Supervisor(JobQueue(sqlite_host), 2)
    looks = []

    def tick():
        looks.append(1)
        raise ValueError("a mistake")

    monkeypatch.setattr(supervisor, "tick", tick)
    supervisor.start()
    wait_for(lambda: len(looks) > 1)
    supervisor.stop()


def test_a_job_resumed_before_its_ended_process_was_noticed_runs_again(sqlite_host, tmp_path):
    queue = JobQueue(sqlite_host)
    supervisor = Supervisor(queue, 1)
    path = tmp_path / "x.csv"
    job = import_job(queue, path)  # the file is missing: the first attempt fails
    supervisor.tick()
    for process, _ in supervisor._starting.values():
        process.wait(60)
    assert queue.get(job.id).state == "failed"
    path.write_text("id,title\n1,A talk\n")
    queue.resume(job.id)
    for _ in range(200):
        supervisor.tick()
        if not queue.get(job.id).active:
            break
        time.sleep(0.1)
    assert queue.get(job.id).state == "done", queue.get(job.id).message


def test_folders_named_core_are_not_imported_instead_of_ours(sqlite_host, tmp_path, monkeypatch):
    queue = JobQueue(sqlite_host)
    path = tmp_path / "x.csv"
    path.write_text("id,title\n1,A talk\n")
    job = import_job(queue, path)
    for folder in (tmp_path / "work", queue.folder(job.id)):
        (folder / "core").mkdir(parents=True)
        for name in ("__init__.py", "worker.py"):
            (folder / "core" / name).write_text("raise SystemExit('the wrong core')")
    monkeypatch.chdir(tmp_path / "work")
    supervisor = Supervisor(queue, 1)
    supervisor.start()
    done = ended(queue, job)
    supervisor.stop()
    assert done.state == "done", (queue.folder(job.id) / "worker.txt").read_text()


def test_two_servers_on_one_folder_run_a_job_once(sqlite_settings, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,title\n1,A talk\n")
    hosts = [Host(sqlite_settings), Host(sqlite_settings)]
    supervisors = [Supervisor(JobQueue(host), 2) for host in hosts]
    job = import_job(supervisors[0].queue, path)
    for supervisor in supervisors:
        supervisor.tick()
    for supervisor in supervisors:
        for process, _ in supervisor._starting.values():
            process.wait(60)
    for supervisor in supervisors:
        supervisor.tick()
    done = supervisors[0].queue.get(job.id)
    assert (done.state, done.attempt) == ("done", 1)
    with hosts[0].open("test").read() as connection:
        assert connection.execute(select(func.count()).select_from(item)).scalar() == 1
    for host in hosts:
        host.close()


def test_nobody_sees_a_lost_job_between_interrupted_and_queued(queue, tmp_path, monkeypatch):
    """A page that looked then would show a Resume that comes too late."""
    monkeypatch.setattr(Supervisor, "spawn", lambda *_: pytest.fail("only the lost job's state is looked at"))
    supervisor = Supervisor(queue, 0)
    job = import_job(queue, tmp_path / "x.csv")
    queue.claim(job.id, 2**22 + 5, 1.0)  # no process has that number
    states = []
    real = queue.database.write

    def write(change):
        answer = real(change)
        states.append(queue.get(job.id).state)
        return answer

    monkeypatch.setattr(queue.database, "write", write)
    supervisor.tick()
    assert states == ["queued"]
    assert queue.get(job.id).can == ("cancel",)


def test_a_job_lost_too_often_stays_interrupted(queue, tmp_path):
    supervisor = Supervisor(queue, 0)
    job = import_job(queue, tmp_path / "x.csv")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        queue.claim(job.id, 2**22 + 5, 1.0)
        supervisor.tick()
        assert queue.get(job.id).state == ("queued" if attempt < MOST_ATTEMPTS else "interrupted")
    assert "resume" in queue.get(job.id).can


# keys: a job that was begun with one waits where there is none, without a slot, and goes on by itself


@pytest.fixture
def keyed(sqlite_host, import_rows):
    """A tagging job over six items against a server that asks for the key "sk-right"."""
    with EngineServer(key="sk-right") as server:
        import_rows(sqlite_host.open("test"), [{"id": str(i), "title": f"Bees {i}"} for i in range(6)])
        arguments = {"corpus": "Talks", "method": "generative", "engine": "openai", "base_url": server.base_url}
        arguments |= {"model": MODEL, KEYED: True}
        queue = JobQueue(sqlite_host)
        yield queue, server, queue.create("test", "tag", "Tag", arguments, unit="items")


def test_a_job_whose_key_is_gone_waits_and_goes_on_when_it_is_given(keyed):
    queue, server, job = keyed
    given = {}
    supervisor = Supervisor(queue, 1, lambda job: dict(given))
    supervisor.start()
    wait_for(lambda: queue.get(job.id).state == "needs_key")
    waiting = queue.get(job.id)
    assert f"127.0.0.1:{server.port}" in waiting.message and waiting.attempt == 0 and server.asked() == 0
    given["engine_key"] = "sk-wrong"
    supervisor.wake()
    wait_for(lambda: (now := queue.get(job.id)).state == "needs_key" and now.attempt == 1, 60)
    assert "refused" in queue.get(job.id).message
    for _ in range(3):
        supervisor.tick()
    assert queue.get(job.id).attempt == 1 and server.asked() == 1, "the same wrong key is not tried again and again"
    given["engine_key"] = "sk-right"
    supervisor.wake()
    done = ended(queue, job)
    supervisor.stop()
    assert done.state == "done" and done.result["ok"] == 6, (done.message, done.log)
    for path in queue.host.settings.home.rglob("*"):
        assert path.is_dir() or b"sk-right" not in path.read_bytes(), f"{path} holds the key"


def test_a_worker_that_was_lost_waits_for_the_key_that_went_with_the_server(keyed, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(Supervisor, "spawn", lambda self, job: started.append(job.id) or subprocess.Popen(["true"]))
    queue, _, job = keyed
    queue.claim(job.id, 2**22 + 5, 1.0)  # no process has that number
    supervisor = Supervisor(queue, 1)  # a new server: a typed key is gone
    supervisor.tick()
    assert queue.get(job.id).state == "needs_key"
    other = import_job(queue, tmp_path / "x.csv")
    supervisor.tick()
    assert started == [other.id], "what waits for a key holds no slot"
    queue.cancel(job.id)
    supervisor.tick()
    assert queue.get(job.id).state == "cancelled"
