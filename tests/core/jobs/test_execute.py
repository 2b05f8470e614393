import pytest

from core.errors import JobCancelled
from core.jobs.context import JobContext
from core.jobs.execute import execute
from tests.core.jobs.kinds import KINDS


def run(queue, kind, **options):
    job = queue.create("test", kind, kind, {}, **options)
    return execute(queue, job.id, KINDS)


def test_a_job_that_ends_well(queue):
    job = run(queue, "count")
    assert (job.state, job.result, job.done, job.total, job.attempt) == ("done", {"counted": 3}, 3, 3, 1)
    assert job.log[-1].endswith("Done.")


def test_a_refused_request_fails_with_its_sentence_and_remedy(queue):
    job = run(queue, "refuse")
    assert (job.state, job.message, job.remedy, job.done) == ("failed", "Row 3 is wrong.", "Correct row 3.", 2)
    assert "Row 3 is wrong." in job.log[-1]
    assert not (queue.folder(job.id) / "traceback.txt").exists()


def test_a_mistake_of_ours_fails_with_a_sentence_and_keeps_the_traceback(queue):
    job = run(queue, "stumble")
    assert job.state == "failed" and "ZeroDivisionError" in job.message
    assert "Traceback" not in job.message + job.remedy and "secret detail" not in job.message
    trace = queue.folder(job.id) / "traceback.txt"
    assert str(trace) in job.remedy
    assert "ZeroDivisionError: secret detail" in trace.read_text()


def test_too_little_memory_is_a_sentence(queue):
    job = run(queue, "run_out_of_memory")
    assert job.state == "failed" and "memory" in job.message and job.remedy


def test_a_cancelled_job_keeps_what_was_done(queue):
    job = run(queue, "be_cancelled")
    assert (job.state, job.done, job.total) == ("cancelled", 2, 9)
    assert "resume" in job.remedy.lower() and job.can == ("resume",)


def test_control_c_cancels(queue):
    job = queue.create("test", "press_control_c", "x", {})
    with pytest.raises(KeyboardInterrupt):
        execute(queue, job.id, KINDS)
    assert queue.get(job.id).state == "cancelled"


def test_an_unknown_kind_fails_with_a_sentence(queue):
    job = run(queue, "of tomorrow")
    assert job.state == "failed" and "of tomorrow" in job.message and job.remedy


def test_a_kind_whose_function_is_gone_fails(queue):
    job = run(queue, "gone")
    assert job.state == "failed" and job.message and job.remedy


def test_a_job_that_somebody_else_took_is_left_alone(queue):
    job = queue.create("test", "count", "x", {})
    queue.claim(job.id, 1, 1.0)
    assert execute(queue, job.id, KINDS) is None
    assert queue.get(job.id).state == "running"


def test_a_resumed_job_knows_it(queue):
    job = queue.create("test", "say_attempt", "x", {})
    assert execute(queue, job.id, KINDS).result == {"attempt": 1, "resumed": False, "done": 0}
    queue._change(job.id, ("done",), state="cancelled")
    queue.resume(job.id)
    ended = execute(queue, job.id, KINDS)
    assert ended.result == {"attempt": 2, "resumed": True, "done": 0}
    assert any("Attempt 2" in line for line in ended.log)


def test_progress_is_stored_twice_a_second_at_most_and_gives_a_rate(queue, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("core.jobs.context.time.monotonic", lambda: clock[0])
    reports = []
    report = queue.report
    monkeypatch.setattr(queue, "report", lambda *a: (reports.append(a[:4]), report(*a))[1])
    job = queue.create("test", "count", "x", {})
    context = JobContext(queue, queue.claim(job.id, 1, 1.0))
    for n in range(0, 100, 10):  # 0.125 s and 10 units a step, after 1,000 of an earlier attempt
        context.progress(1000 + n, 2000)
        clock[0] += 0.125
    assert [done for _, done, _, _ in reports] == [1000, 1040, 1080]
    stored = queue.get(job.id)
    assert (stored.done, stored.total) == (1080, 2000)
    assert stored.rate == pytest.approx(80)
    context.progress(1090, spent=lambda: pytest.fail("asked only when a report is due"))
    context.progress(1100, force=True, spent=lambda: {"requests": 7})
    assert queue.get(job.id).spent == {"requests": 7}
    assert queue.get(job.id).total == 2000, "a total once said stays"


def test_progress_raises_once_a_person_asked_to_stop(queue):
    job = queue.create("test", "count", "x", {})
    context = JobContext(queue, queue.claim(job.id, 1, 1.0))
    context.progress(1)
    queue.cancel(job.id)
    with pytest.raises(JobCancelled):
        context.progress(2, force=True)


def test_log_lines_stay_lines(queue):
    job = queue.create("test", "count", "x", {})
    context = JobContext(queue, queue.claim(job.id, 1, 1.0))
    context.log("two\nlines\r and   <b>markup</b> 日本")
    assert [line.split(" ", 1)[1] for line in queue.get(job.id).log] == ["two lines and <b>markup</b> 日本"]


def test_a_refused_key_waits_where_somebody_looks_after_it_and_fails_where_nobody_does(queue):
    alone = run(queue, "be_refused")
    assert alone.state == "failed" and alone.result == {"error": "EngineError", "kind": "key"}
    job = queue.create("test", "be_refused", "x", {"base_url": "https://example.org/v1"})
    waiting = execute(queue, job.id, KINDS, {"engine_key": "wrong"}, waits_for_key=True)
    assert waiting.state == "needs_key" and "refused the key" in waiting.message and waiting.remedy
    assert "wrong" not in "".join(waiting.log)
    queue.resume(job.id)
    assert execute(queue, job.id, KINDS, {"engine_key": "right"}, waits_for_key=True).state == "done"
