"""The engine against a real server that misbehaves: what is asked, what is paid for, what ends a run."""

import threading

import orjson
import pytest
from sqlalchemy import select

from core.engines import EngineOptions, connect
from core.engines.answers.parsing import parse_tags
from core.engines.calls import Call, Request
from core.engines.server.openai_engine import FAILED_IN_A_ROW, Limits
from core.errors import EngineError, InvalidInput
from core.store.schema import reply
from tests.engine_server import MODEL, EngineServer
from tests.making import count
from tests.support import free_port, wait_for

KEY = "sk-test-4f9a1c77d2e04b"
QUICK = Limits(concurrency=8, seconds=10, first_backoff=0.02, first_pause=0.1, busy_pause=0.02, probe_seconds=0.1)


@pytest.fixture
def database(sqlite_host):
    return sqlite_host.open("test")


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


@pytest.fixture
def ask(sqlite_host, database):
    """`ask(server, calls)` → the outcomes by key, by a new engine."""
    engines = []

    def ask(server, calls, *, model=MODEL, key=None, limits=QUICK, base_url=None, **options):
        engine = connect(
            sqlite_host, EngineOptions("openai", base_url or server.base_url, model), key, database, limits
        )
        engines.append(engine)
        outcomes = {outcome.call.key: outcome for outcome in engine.answers(calls, **options)}
        ask.spent = engine.spent
        return outcomes

    yield ask
    for engine in engines:
        engine.close()


def problem(reply):
    parsed = parse_tags(reply.text, reply.finish_reason)
    return None if parsed.refused else parsed.problem


def question(text, sample=0, **options):
    messages = ({"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": text})
    return Request(messages, {"type": "object"}, sample=sample, **options)


def calls(n, first=0, check=None):
    return [Call(i, question(f"solar energy in valley number {i}"), check) for i in range(first, first + n)]


def test_every_call_has_an_outcome_and_every_answer_is_stored_raw(server, ask, database):
    outcomes = ask(server, calls(30))
    assert set(outcomes) == set(range(30)) and server.asked() == 30
    assert all("solar" in o.reply.text and not o.reply.cached and o.error is None for o in outcomes.values())
    with database.read() as connection:
        rows = connection.execute(select(reply)).all()
    assert len(rows) == 30 and {row.endpoint for row in rows} == {server.base_url}
    assert all(orjson.loads(row.raw)["choices"] and orjson.loads(row.request)["messages"] for row in rows)
    assert {row.id for row in rows} == {o.reply.id for o in outcomes.values()}
    assert ask.spent.requests == 30 and ask.spent.prompt_tokens > 0 and not orjson.loads(rows[0].usage)["estimated"]


def test_nothing_is_asked_twice(server, ask):
    ask(server, calls(10))
    again = ask(server, calls(14))
    assert server.asked() == 14 and sum(o.reply.cached for o in again.values()) == 10
    assert ask.spent.cached == 10 and ask.spent.requests == 4


def test_equal_questions_under_way_are_one_request(server, ask):
    server.manners.slow = 0.1
    outcomes = ask(server, [Call(i, question("the same")) for i in range(8)])
    assert server.asked() == 1 and len({o.reply.id for o in outcomes.values()}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"model": "mock-large"},
        {"request": question("solar energy in valley number 0", sample=1)},
        {"request": question("solar energy in valley number 0", temperature=0.5)},
        {"request": question("solar energy in valley number 0", max_tokens=9)},
        {"request": question("solar energy in valley number 9")},
    ],
)
def test_another_question_is_another_request(server, ask, other):
    ask(server, calls(1))
    ask(server, [Call(0, other.get("request") or calls(1)[0].request)], model=other.get("model", MODEL))
    assert server.asked() == 2


def test_another_address_is_another_request(server, ask):
    ask(server, calls(1))
    with EngineServer() as second:
        ask(second, calls(1))
        assert second.asked() == 1


def test_memory_stays_flat(server, ask):
    """The calls are pulled as they are needed, never all at once."""
    pulled, behind = [], []

    def source():
        for call in calls(200):
            pulled.append(call)
            behind.append(len(pulled) - server.answered)
            yield call

    assert len(ask(server, source())) == 200
    assert max(behind) <= 2 * QUICK.concurrency + 2


# faults


def test_every_kind_of_hiccup_is_tried_again(server, ask):
    server.manners.errors, server.manners.html = 0.3, 0.1
    outcomes = ask(server, calls(60))
    failed = [o for o in outcomes.values() if o.error]
    assert len(outcomes) == 60 and len(failed) <= 6 and server.asked() > 60
    assert all(o.error.message and o.error.retriable for o in failed)
    before = server.asked()
    server.manners.errors = server.manners.html = 0
    assert all(o.reply for o in ask(server, calls(60)).values())
    assert server.asked() - before == len(failed), "only what failed is asked again"


def test_a_question_that_always_fails_fails_alone(server, ask):
    server.manners.broken = 0.1
    outcomes = ask(server, calls(60))
    failed = [o for o in outcomes.values() if o.error]
    assert 0 < len(failed) < 20 and all(o.error.kind == "server" for o in failed)
    assert sum(o.reply is not None for o in outcomes.values()) == 60 - len(failed)


def test_too_many_requests_pause_everybody(server, ask):
    server.manners.limit, server.manners.retry_after = 40, 0.3
    outcomes = ask(server, calls(100))
    assert all(o.reply for o in outcomes.values()), "a pause costs no try"
    refused = server.asked() - 100
    assert refused < 60, "after a 429 nobody goes on asking"


@pytest.mark.parametrize(
    ("manners", "options", "word"),
    [
        ({"key": "another"}, {}, "key"),
        ({"key": "another"}, {"key": KEY}, "key"),
        ({"status": 403}, {}, "403"),
        ({"quota": True}, {}, "credit"),
        ({}, {"model": "gpt-none"}, "gpt-none"),
        ({"redirect": "http://example.org/v1"}, {}, "example.org"),
    ],
)
def test_what_no_call_can_survive_ends_the_run_at_once(server, ask, manners, options, word):
    for name, value in manners.items():
        setattr(server.manners, name, value)
    with pytest.raises(EngineError) as ended:
        ask(server, calls(200), **options)
    assert word in ended.value.message and ended.value.remedy and KEY not in str(ended.value)
    assert server.asked() == 1


def test_an_address_without_v1_is_named(server, ask):
    with pytest.raises(EngineError) as ended:
        ask(server, calls(5), base_url=server.address)
    assert f"{server.address}/v1" in ended.value.remedy


def test_nobody_there_ends_the_run(ask):
    with pytest.raises(EngineError) as ended:
        ask(None, calls(50), base_url=f"http://127.0.0.1:{free_port()}/v1")
    assert "cannot be reached" in ended.value.message and "running" in ended.value.remedy


def test_a_server_that_answers_nobody_any_more_ends_the_run(server, ask):
    ask(server, calls(5))
    server.manners.status = 500
    with pytest.raises(EngineError) as ended:
        ask(server, calls(500))
    assert "in a row" in ended.value.message
    assert server.asked() < 5 + 5 * (FAILED_IN_A_ROW + 2 * QUICK.concurrency)


def test_a_hanging_request_ends(server, ask):
    server.manners.slow = 1.0
    outcomes = ask(server, calls(1), limits=Limits(concurrency=2, seconds=0.3, first_backoff=0.01))
    assert outcomes[0].error.kind == "timeout"


def test_what_is_paid_is_kept_when_the_run_ends_early(server, ask, database):
    outcomes = ask(server, calls(8))
    assert len(outcomes) == 8
    server.manners.key = "another"
    with pytest.raises(EngineError):
        ask(server, calls(50))
    server.manners.key = ""
    before = server.asked()
    ask(server, calls(50))
    assert server.asked() - before == 42


def test_stopping_asks_nothing_new(server, ask):
    server.manners.slow = 0.05
    came = []
    engine_calls = calls(500)
    outcomes = ask(server, (came.append(c) or c for c in engine_calls), stop=lambda: server.answered >= 10)
    assert 10 <= server.asked() <= 10 + 3 * QUICK.concurrency
    assert all(o.reply for o in outcomes.values()) and len(outcomes) < 60


def test_a_consumer_that_goes_away_keeps_what_was_paid(server, sqlite_host, database):
    server.manners.slow = 0.05
    engine = connect(sqlite_host, EngineOptions("openai", server.base_url, MODEL), None, database, QUICK)
    outcomes = engine.answers(calls(300))
    for _, outcome in zip(range(5), outcomes, strict=False):
        assert outcome.reply
    outcomes.close()
    engine.close()
    wait_for(lambda: server.answered <= count(database, reply), 10)
    assert server.asked() < 60 and count(database, reply) == server.answered


# what a server does not take


@pytest.mark.parametrize(
    "manners",
    [
        {"no_schema": True},
        {"no_json": True},
        {"no_temperature": True},
        {"completion_tokens_only": True},
        {"no_system": True},
        {"no_json": True, "no_temperature": True, "completion_tokens_only": True, "no_system": True},
        {"no_usage": True},
    ],
    ids=lambda manners: "+".join(manners),
)
def test_a_server_is_asked_in_the_form_that_it_takes(server, ask, manners):
    for name, value in manners.items():
        setattr(server.manners, name, value)
    outcomes = ask(server, calls(20))
    assert all(o.reply and "solar" in o.reply.text for o in outcomes.values())
    learned = server.asked() - 20
    before = server.asked()
    assert all(o.reply.cached for o in ask(server, calls(20)).values()), "the key is the question as it was meant"
    assert server.asked() == before and learned <= 6, "found out once, not by everybody"
    ask(server, calls(5, first=100))
    assert server.asked() - before == 5, "what was learned stands with the stored answers"


def test_a_missing_usage_is_estimated_and_says_so(server, ask, database):
    server.manners.no_usage = True
    ask(server, calls(1))
    with database.read() as connection:
        usage = orjson.loads(connection.execute(select(reply.c.usage)).scalar_one())
    assert usage["estimated"] and usage["prompt"] > 5 and usage["completion"] > 1


# unusable answers


def test_an_unusable_answer_is_asked_for_once_more_with_the_reason(server, ask, database):
    server.manners.prose = 1.0
    outcomes = ask(server, calls(6, check=problem))
    assert server.asked() == 12
    assert all(o.problem is None and len(o.replies) == 2 and parse_tags(o.reply.text).tags for o in outcomes.values())
    last = server.requests[-1]["messages"]
    assert [m["role"] for m in last] == ["system", "user", "assistant", "user"] and "JSON" in last[-1]["content"]
    ask(server, calls(6, check=problem))
    assert server.asked() == 12 and count(database, reply) == 12


def test_what_stays_unusable_keeps_both_raw_answers(server, ask, database):
    server.manners.babble = 1.0
    outcomes = ask(server, calls(2, check=problem))
    assert server.asked() == 4 and count(database, reply) == 4
    assert all(o.problem and o.reply and not o.error for o in outcomes.values())
    ask(server, calls(2, check=problem))
    assert server.asked() == 4


def test_a_refusal_is_not_asked_again(server, ask):
    server.manners.refuse = 1.0
    outcomes = ask(server, calls(5, check=problem))
    assert server.asked() == 5 and all(parse_tags(o.reply.text).refused for o in outcomes.values())


# the key


def test_the_key_goes_to_the_server_and_nowhere_else(server, ask, sqlite_host, database, monkeypatch):
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", f"environment-{name}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: environment-header")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    server.manners.echo_key = True
    server.manners.key = KEY
    outcomes = ask(server, calls(5), key=KEY)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "environment" not in str(server.headers) and not any(h.startswith("x-") for h in server.headers[0])
    assert all(KEY not in o.reply.text and "[key]" in o.reply.text for o in outcomes.values())
    server.manners.status = 500
    failed = ask(server, calls(1, first=50), key=KEY)
    assert failed[50].error and KEY not in failed[50].error.message
    database.close()
    for path in sqlite_host.settings.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_without_a_key_none_is_sent(server, ask, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "environment-key")
    ask(server, calls(1))
    assert "authorization" not in server.headers[0]


def test_the_builtin_engine_is_not_connected_to(sqlite_host, database):
    with pytest.raises(InvalidInput):
        connect(sqlite_host, EngineOptions(), None, database)


def test_threads_end_with_their_engine(server, ask, sqlite_host, database):
    before = threading.active_count()
    engine = connect(sqlite_host, EngineOptions("openai", server.base_url, MODEL), None, database, QUICK)
    list(engine.answers(calls(3)))
    engine.close()
    assert (
        not [t for t in threading.enumerate() if t.name == "tagloom-engine"] and threading.active_count() <= before + 9
    )
