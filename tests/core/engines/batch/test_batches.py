"""Questions handed in together, against a real server: nothing is handed in twice, whenever the process ends."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from sqlalchemy import func, select

from core.engines import EngineOptions, connect
from core.engines.batch import batch_rows, batches
from core.engines.batch.batches import Batches, Pace
from core.engines.calls import Call, Request
from core.engines.connecting.connections import ConnectionSettings, keep_health, save_connection
from core.engines.money.ledger import spent_by
from core.engines.server.http_client import Connection
from core.errors import EngineError, JobCancelled
from core.store.schema import attempt, batch, reply
from tests.batch_server import BatchServer
from tests.engine_server import MODEL
from tests.making import count

QUICK = Pace(most_lines=25, poll=0.02, first_poll=0.01, patience=2.0)
KEY = "sk-test-batch-9d1f"


@pytest.fixture
def database(sqlite_host):
    return sqlite_host.open("test")


@pytest.fixture
def server():
    with BatchServer() as server:
        yield server


class Killed(BaseException):
    """The process ends here."""


def questions(n, word="bees", **options):
    messages = ({"role": "system", "content": "Answer in JSON."},)
    texts = [f"Tell about {word} {i} and honey" for i in range(n)]
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
    return [Call(t, Request((*messages, {"role": "user", "content": t}), schema, **options)) for t in texts]


@pytest.fixture
def hand_in(sqlite_host, database, server, tmp_path):
    """`hand_in(calls)` → (what `Batches.run` returns, the batches)"""

    def hand_in(calls, *, job="job1", pace=QUICK, report=lambda progress: None, key=None, **options):
        folder = tmp_path / job
        made = Batches(
            sqlite_host,
            server.base_url,
            MODEL,
            key,
            database,
            job=job,
            folder=folder,
            report=report,
            pace=pace,
            **options,
        )
        hand_in.last = made
        return made.run(lambda: iter(calls))

    return hand_in


def keys(server, calls):
    return [call.request.key(server.base_url, MODEL) for call in calls]


def priced(host, server, **settings):
    """A connection with a price: a dollar a million tokens read, two a million written."""
    settings = ConnectionSettings(price_input=Decimal(1), price_output=Decimal(2), **settings)
    return save_connection(host, engine="openai", base_url=server.base_url, model=MODEL, settings=settings)


def test_what_is_handed_in_together_lands_where_plain_questions_are_answered_from(
    sqlite_host, database, server, hand_in
):
    priced(sqlite_host, server)
    calls, seen = questions(60), []
    assert hand_in([*calls, calls[0]], report=lambda p: seen.append(p.as_dict())) == 0
    assert sorted(server.handed_in) == sorted(keys(server, calls)), "each once"
    assert len(server.batches) == 3 and max(len(server.lines(b.file)) for b in server.batches.values()) == 25
    assert count(database, reply) == 60 and server.asked() == 0
    assert seen[-1] == {"handed_in": 60, "answered": 60, "landed": 60, "batches": 3}
    with database.read() as connection:
        spent = spent_by(connection, "job1")
        raw, usage = connection.execute(select(reply.c.raw, reply.c.usage)).first()
        assert set(connection.execute(select(batch.c.state)).scalars()) == {"landed"}
    assert spent["answered"] == spent["requests"] == 60
    assert spent["cost_micros"] == pytest.approx(spent["prompt_tokens"] + 2 * spent["completion_tokens"], abs=60)
    assert orjson.loads(raw)["choices"] and orjson.loads(usage)["prompt"] > 0
    assert not list((hand_in.last.folder).glob("*")), "files go when they are not needed any more"
    engine = connect(sqlite_host, EngineOptions("openai", server.base_url, MODEL), None, database)
    outcomes = list(engine.answers(calls))
    engine.close()
    assert len(outcomes) == 60 and all(o.reply and o.reply.cached and "honey" in o.reply.text for o in outcomes)
    assert server.asked() == 0 and hand_in(calls) == 0 and len(server.batches) == 3, "again: nothing is handed in"


def test_what_a_batch_leaves_unanswered_is_handed_in_again_and_nothing_else(database, server, hand_in):
    server.batch_manners.expire, server.batch_manners.line_errors = 0.3, 0.2
    server.batch_manners.refused_lines = 0.1
    calls, said = questions(80), []
    assert hand_in(calls, log=said.append) == 0
    assert len(server.answered_in_batches) == len(set(server.answered_in_batches)) == count(database, reply)
    refused = 80 - count(database, reply)
    assert 0 < refused < 20, "refused for itself: asked plainly, it is refused again, at no cost"
    assert 80 < len(server.handed_in) < 130 and any("expired" in line for line in said)
    with database.read() as connection:
        by_outcome = dict(connection.execute(select(attempt.c.outcome, func.count()).group_by(attempt.c.outcome)).all())
        billed = connection.execute(select(func.count()).where(attempt.c.billed == "yes")).scalar()
    assert by_outcome["answered"] == billed == 80 - refused and by_outcome["refused"] == refused
    assert by_outcome["server"] > 0


def test_what_stays_unanswered_is_said(server, hand_in):
    server.batch_manners.line_errors = 0.2
    calls = questions(30)
    original = server._http.RequestHandlerClass.first
    server._http.RequestHandlerClass.first = lambda self, line: True
    try:
        left = hand_in(calls)
    finally:
        server._http.RequestHandlerClass.first = original
    assert 0 < left < 15 and len(server.batches) == 2 + QUICK.rounds, "two at first, then one a round in vain"


STEPS = ("add", "post_file", "post", "get", "stream_to", "save", "store")


def dying(monkeypatch, at):
    """The process ends before the n-th thing that leaves a trace; returns the names of what was done."""
    done = []

    def begin(name):
        done.append(name)
        if len(done) > at:
            raise Killed

    def plain(owner, name):
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a: (begin(name.strip("_")), real(*a))[1])

    for name in ("add", "save"):
        plain(batch_rows, name)
    plain(Batches, "_store")

    def awaited(name):
        real = getattr(Connection, name)

        async def call(self, *a):
            begin(name)
            return await real(self, *a)

        monkeypatch.setattr(Connection, name, call)

    for name in ("post_file", "post", "get", "stream_to"):
        awaited(name)
    return done


def test_a_process_killed_at_any_step_hands_nothing_in_twice(monkeypatch, database, server, hand_in):
    """Killed before step 0, 1, 2, … of a run, until a run has no further step to be killed at."""
    server.batch_manners.looks = 1
    at, killed = 0, []
    while True:
        calls, job = questions(9, f"case {at}"), f"job-{at}"
        before = len(server.handed_in)
        with monkeypatch.context() as patched:
            done = dying(patched, at)
            try:
                hand_in(calls, job=job)
                break
            except Killed:
                killed.append(done[-1])
        assert hand_in(calls, job=job) == 0
        assert len(server.handed_in) - before == 9, f"killed before step {at} ({killed[-1]})"
        with database.read() as connection:
            spent = spent_by(connection, job)
        assert spent["answered"] == 9, f"the ledger has each once (step {at}, {killed[-1]})"
        at += 1
    assert set(killed) == set(STEPS) and len(killed) >= 9


def test_a_connection_that_breaks_while_a_batch_is_handed_in_pays_nothing_twice(database, server, hand_in):
    server.batch_manners.cut_create = True
    assert hand_in(questions(20)) == 0
    assert len(server.handed_in) == 20 and count(database, reply) == 20


def test_where_nobody_can_say_what_was_handed_in_it_is_not_handed_in_again(server, hand_in):
    server.batch_manners.cut_create = server.batch_manners.no_lists = True
    for _ in range(2):
        with pytest.raises(EngineError) as unknown:
            hand_in(questions(20))
        assert "handed in" in unknown.value.message and unknown.value.remedy
    assert len(server.handed_in) == 20


def test_cancelling_cancels_at_the_server_and_what_was_answered_is_kept(database, server, hand_in):
    def stop(progress):
        if progress.handed_in == 20 and progress.answered:
            raise JobCancelled("Cancelled.")

    calls = questions(20)
    server.batch_manners.looks = 50
    with pytest.raises(JobCancelled):
        hand_in(calls, report=stop)
    assert server.cancelled == ["batch_0000"] and count(database, reply) == 0
    server.batch_manners.looks = 2
    assert hand_in(calls) == 0
    assert count(database, reply) == 20 and len(server.handed_in) == 30, "the half that was answered came for nothing"
    assert len(server.answered_in_batches) == len(set(server.answered_in_batches)) == 20


def test_what_a_server_does_not_take_is_left_out_of_the_next_batch(server, hand_in):
    server.batch_manners.no_schema = True
    said = []
    assert hand_in(questions(10), log=said.append) == 0
    first, *_, last = server.batches.values()
    assert server.lines(first.file)[0]["body"]["response_format"]["type"] == "json_schema"
    assert server.lines(last.file)[0]["body"].get("response_format", {}).get("type") != "json_schema"
    assert any("response_format" in line or "JSON" in line or "schema" in line for line in said)


def test_an_account_with_a_limit_gets_smaller_batches_one_after_another(database, server, hand_in):
    server.batch_manners.token_limit = 12
    assert hand_in(questions(24)) == 0
    assert count(database, reply) == 24 and len(set(server.answered_in_batches)) == 24
    assert max(len(server.lines(b.file)) for b in server.batches.values() if b.output) <= 12


def test_a_batch_that_is_refused_as_a_whole_says_why(server, hand_in):
    server.batch_manners.most_lines = 10
    with pytest.raises(EngineError) as refused:
        hand_in(questions(20))
    assert "Too many lines" in refused.value.message and refused.value.remedy


def test_files_stay_below_the_server_s_size(server, hand_in):
    server.batch_manners.most_bytes = 4000
    assert hand_in(questions(40), pace=Pace(most_bytes=4000, poll=0.02, first_poll=0.01)) == 0
    sizes = [len(server.files[b.file][1]) for b in server.batches.values()]
    assert len(sizes) > 3 and max(sizes) <= 4000 and len(server.answered_in_batches) == 40


def test_a_budget_holds_for_batches_too(sqlite_host, database, server, hand_in):
    calls = questions(40, max_tokens=100)
    with pytest.raises(EngineError) as unknown:
        hand_in(calls, budget=lambda: Decimal("0.01"))
    assert "price" in unknown.value.message and not server.handed_in
    priced(sqlite_host, server)

    def left():
        with database.read() as connection:
            return Decimal("0.001") - Decimal(spent_by(connection, "job1")["cost_micros"] or 0) / 1_000_000

    waiting = hand_in(calls, budget=left)
    assert 0 < waiting < 40 and hand_in.last.out_of_budget
    with database.read() as connection:
        assert 0 < spent_by(connection, "job1")["cost_micros"] <= 1000
    assert len(server.handed_in) == count(database, reply) == 40 - waiting


def test_a_server_without_batches_and_a_refused_key_are_sentences(server, hand_in):
    server.batch_manners.no_batches = True
    with pytest.raises(EngineError) as none:
        hand_in(questions(3))
    assert "no batches" in none.value.message and none.value.remedy
    server.batch_manners.no_batches, server.manners.key, server.manners.echo_key = False, KEY, True
    with pytest.raises(EngineError) as refused:
        hand_in(questions(3), job="job2", key="sk-wrong")
    assert refused.value.kind == "key" and "sk-wrong" not in str(refused.value)


def test_answers_that_echo_the_key_are_kept_without_it(database, server, hand_in):
    server.manners.key, server.manners.echo_key = KEY, True
    real = server._http.RequestHandlerClass.answer
    server._http.RequestHandlerClass.answer = lambda self, body, q: (f'{{"tags": ["{KEY}"]}}', "stop")
    try:
        assert hand_in(questions(3), key=KEY) == 0
    finally:
        server._http.RequestHandlerClass.answer = real
    with database.read() as connection:
        assert KEY not in str(connection.execute(select(reply)).all())


def test_results_that_the_server_has_thrown_away_are_asked_for_again(database, server, hand_in):
    server.batch_manners.lose_output = True
    said = []
    assert hand_in(questions(5), log=said.append) == 5
    assert any("thrown away" in line for line in said) and count(database, reply) == 0
    server.batch_manners.lose_output = False
    assert hand_in(questions(5)) == 0 and count(database, reply) == 5


def test_batches_are_offered_only_where_they_are_known(sqlite_host, server):
    assert batches.offered(sqlite_host, "https://api.openai.com/v1")
    assert not batches.offered(sqlite_host, server.base_url)
    row = priced(sqlite_host, server)
    keep_health(sqlite_host, row.id, {"ok": True, "batches": False})
    assert not batches.offered(sqlite_host, server.base_url)
    keep_health(sqlite_host, row.id, {"ok": True, "batches": True})
    assert batches.offered(sqlite_host, server.base_url)
