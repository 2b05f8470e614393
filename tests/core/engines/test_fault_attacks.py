"""What else may go wrong around an engine: damaged state, headers that make no sense, callers that raise or go away."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from core.engines import EngineOptions, connect
from core.engines.calls import Call, Request
from core.engines.images import image_part
from core.engines.server.shared_limits import FILE
from core.errors import JobCancelled
from core.store.schema import attempt, reply
from tests.asking import calls_about, guarded, limits_of, state_of
from tests.fault_server import MODEL, FaultServer
from tests.making import count


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def database(sqlite_host: Any) -> Any:
    return sqlite_host.open("test")


@pytest.fixture
def engine_of(sqlite_host: Any, database: Any) -> Iterator[Callable[..., Any]]:
    """`engine_of(server, model=MODEL, **limits)`: an engine, closed in the end."""
    made = []

    def engine_of(server: FaultServer, model: str = MODEL, **limits: Any) -> Any:
        engine = connect(
            sqlite_host, EngineOptions("openai", server.base_url, model), None, database, limits_of(**limits)
        )
        made.append(engine)
        return engine

    yield engine_of
    for engine in made:
        guarded(engine.close)


def all_ok(engine: Any, calls: Any, n: int) -> None:
    states = guarded(lambda: [state_of(outcome) for outcome in engine.answers(calls)])
    assert states == ["ok"] * n, states


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "folder_of_another_time"])
def test_damaged_shared_limits_are_made_anew(
    damage: str, server: FaultServer, engine_of: Callable[..., Any], sqlite_host: Any
) -> None:
    """The file holds nothing that cannot be made anew: no damage of it may keep anybody from working."""
    path = sqlite_host.settings.home / FILE
    first = engine_of(server)
    all_ok(first, calls_about(range(4)), 4)
    first.close()
    for extra in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        extra.unlink(missing_ok=True)
    if damage == "garbage":
        path.write_bytes(b"this is no database at all, whatever it is called. " * 400)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:1500])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        import sqlite3

        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE server (something TEXT)")
    all_ok(engine_of(server), calls_about(range(4, 8)), 4)
    assert server.asked == 8


ODD = ("-5", "nan", "inf", "-inf", "1e400", "soon", "", "\u0663", "Fri, 99 Foo 2026 99:99:99 GMT", "9" * 400)


@pytest.mark.parametrize("header", ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests"])
def test_headers_that_make_no_sense_are_no_header(
    header: str, server: FaultServer, engine_of: Callable[..., Any]
) -> None:
    script: list[dict[str, Any]] = [{}]
    for value in ODD:
        odd = {header: value.encode().decode("latin-1"), "x-ratelimit-remaining-requests": "0"}
        script += [{"status": 429, "headers": odd}, {"headers": odd}]
    server.order(script=script)
    all_ok(engine_of(server, concurrency=1), calls_about(range(15)), 15)
    assert server.asked == 15 + len(ODD)


def test_a_server_that_says_how_much_is_left_is_not_asked_for_more(
    server: FaultServer, engine_of: Callable[..., Any]
) -> None:
    left = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
    server.order(script=[{"headers": left}])
    all_ok(engine_of(server, concurrency=1), calls_about(range(3)), 3)
    assert server.requests[1].at - server.requests[0].at > 0.25


def test_a_caller_that_raises_loses_nothing_that_was_paid(
    server: FaultServer, engine_of: Callable[..., Any], database: Any
) -> None:
    """Its calls, its checks and its stop may raise: it hears of it, and what was paid for is stored."""
    server.latency = 0.02

    def calls() -> Iterator[Call]:
        yield from calls_about(range(12))
        raise LookupError("a row cannot be read")

    with pytest.raises(LookupError):
        guarded(lambda: list(engine_of(server).answers(calls())))
    assert server.answered == count(database, reply)

    def check(_reply: Any) -> str | None:
        raise ZeroDivisionError("a mistake of the caller")

    with pytest.raises(ZeroDivisionError):
        guarded(lambda: list(engine_of(server).answers(replace(c, check=check) for c in calls_about(range(20, 26)))))
    assert server.answered == count(database, reply)
    looked = []

    def stop() -> bool:
        looked.append(1)
        if len(looked) > 5:
            raise JobCancelled("stopped by a person")
        return False

    with pytest.raises(JobCancelled):
        guarded(lambda: list(engine_of(server).answers(calls_about(range(30, 200)), stop=stop)))
    assert server.answered == count(database, reply)
    all_ok(engine_of(server), calls_about(range(12)), 12)
    assert server.asked == server.answered == count(database, reply), "each question was asked once"


def test_an_engine_that_was_left_can_be_asked_again(
    server: FaultServer, engine_of: Callable[..., Any], database: Any
) -> None:
    server.latency = 0.02
    engine = engine_of(server)

    def leave() -> None:
        outcomes = engine.answers(calls_about(range(50)))
        for _ in range(5):
            assert state_of(next(outcomes)) == "ok"
        outcomes.close()

    guarded(leave)
    assert server.answered == count(database, reply)
    before = server.asked
    assert before < 30
    all_ok(engine, calls_about(range(50)), 50)
    assert server.asked == 50 == count(database, reply)


def test_an_answer_with_another_status_of_success_is_an_answer(
    server: FaultServer, engine_of: Callable[..., Any], database: Any
) -> None:
    """It is paid for: some gateways say 201 or 203 where others say 200."""
    server.order(script=[{"status": status} for status in (200, 201, 203, 206)])
    all_ok(engine_of(server), calls_about(range(4)), 4)
    assert server.asked == 4 == count(database, reply) == count(database, attempt, attempt.c.billed == "yes")


def test_two_models_of_one_server_do_not_share_answers(
    server: FaultServer, engine_of: Callable[..., Any], database: Any
) -> None:
    for model in (MODEL, "mock-large"):
        all_ok(engine_of(server, model), calls_about(range(5)), 5)
    assert server.asked == 10 == count(database, reply)


def test_an_answer_without_end_is_cut_off(server: FaultServer, engine_of: Callable[..., Any], database: Any) -> None:
    """Thirty megabytes: more than any answer is. The item may fail; nothing else does, and little of it is kept."""
    server.order(rules=[{"contains": "number 1", "do": {"text": "{", "fill": ["the sun shines. ", 2_000_000]}}])
    outcomes = guarded(lambda: {o.call.key[0]: o for o in engine_of(server).answers(calls_about(range(3)))})
    assert {n: state_of(outcome) for n, outcome in outcomes.items() if n != 1} == {0: "ok", 2: "ok"}
    assert state_of(outcomes[1]) in ("invalid", "failed")
    with database.read() as connection:
        longest = max(connection.exec_driver_sql("SELECT length(raw) FROM reply").scalars())
    assert longest <= 5_000_000


def test_what_databases_do_not_take_is_stored_all_the_same(host: Any) -> None:
    """NUL, half characters, a percent sign, a megabyte, on both databases: stored once, found again, in the books."""
    database = host.open("test")
    odd: list[dict[str, Any]] = [
        {"content_json": '"{\\"tags\\": [\\"so\\u0000lar\\"]}"'},
        {"content_json": '"{\\"tags\\": [\\"val\\ud800ley\\"]}"'},
        {"text": '{"tags": ["sun\\\\u0000", "100 %s %(x)s :y ? \\\\"]}'},
        {"text": '{"tags": ["sun"]}', "fill": [" ", 1_000_000]},
        {"model": "mo\x00del"},
        {"status": 429, "headers": {"retry-after": "0.02"}, "error": "\x00 slow \ud83c down"},
    ]
    with FaultServer(script=odd) as server:

        def run() -> list[str]:
            options = EngineOptions("openai", server.base_url, MODEL)
            with connect(host, options, None, database, limits_of(concurrency=1)) as engine:  # type: ignore[attr-defined]
                return sorted(state_of(outcome) for outcome in engine.answers(calls_about(range(8))))

        assert guarded(run) == ["ok"] * 8
        asked = server.asked
        assert asked == 9 and count(database, reply) == 8 and count(database, attempt) == 9
        assert guarded(run) == ["ok"] * 8 and server.asked == asked


def test_a_picture_reaches_the_server_as_its_bytes_and_not_as_a_path(
    server: FaultServer, engine_of: Callable[..., Any], tmp_path: Path, database: Any
) -> None:
    from PIL import Image

    path = tmp_path / "secret folder" / "picture.png"
    path.parent.mkdir()
    Image.effect_noise((80, 60), 90).convert("RGB").save(path)
    parts = [{"type": "text", "text": "Tags of this picture, as JSON."}, image_part(path)]
    call = Call((1, 0), Request(({"role": "user", "content": parts},)))
    server.order(always={"text": '{"tags": ["noise"]}'})
    [outcome] = guarded(lambda: list(engine_of(server).answers([call])))
    assert outcome.reply is not None and server.asked == 1
    [text, picture] = server.requests[0].body["messages"][0]["content"]
    kind, _, data = picture["image_url"]["url"].partition(";base64,")
    assert text["type"] == "text" and kind in ("data:image/png", "data:image/jpeg")
    with Image.open(BytesIO(b64decode(data))) as sent:
        assert sent.size == (80, 60)
    assert b"secret folder" not in server.requests[0].raw
    with database.read() as connection:
        stored = connection.exec_driver_sql("SELECT request || coalesce(wire, '') FROM reply").scalar_one()
    assert "secret folder" not in stored and data[:200] not in stored, "kept by its hash"
