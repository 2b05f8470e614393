"""A real server of other people's making, without downloads: `transformers serve` on the tiny Llama. It takes every
form of answer without a word and holds to none, lists no model, and refuses what it does not know."""

import os
import subprocess
import sys
import urllib.request

import pytest
from sqlalchemy import select

from core.engines import EngineOptions, connect
from core.engines.answers.parsing import parse_tags
from core.engines.calls import Call, Request
from core.engines.capabilities import Capabilities
from core.engines.server.openai_engine import Limits
from core.errors import EngineError
from core.store.schema import attempt, reply
from tests import tiny_models
from tests.support import free_port, wait_for
from tests.tiny_models import TOPICS, about

ITEMS = 24
SCHEMA = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20}},
    "required": ["tags"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(base URL, the model's name there)"""
    pytest.importorskip("uvicorn")
    home, port = tmp_path_factory.mktemp("hub"), free_port()
    (home / "hub").mkdir()  # without it even the list of models fails
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    folder = str(tiny_models.text_model())
    command = [sys.executable, "-c", "from transformers.cli.transformers import app; app()", "serve", folder]
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:

            def ready():
                assert process.poll() is None, (home / "log.txt").read_text()[-2000:]
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                        return answer.status == 200
                except OSError:
                    return False

            wait_for(ready, 120)
            yield f"http://127.0.0.1:{port}/v1", folder
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def ask(server, sqlite_host):
    """`ask(calls)` → (outcomes by key, what was spent)"""

    def ask(calls, model=None):
        options = EngineOptions("openai", server[0], model or server[1])
        limits = Limits(concurrency=4, seconds=60, first_backoff=0.05)
        engine = connect(sqlite_host, options, None, sqlite_host.open("test"), limits)
        try:
            return {outcome.call.key: outcome for outcome in engine.answers(calls)}, engine.spent
        finally:
            engine.close()

    return ask


def problem(reply):
    parsed = parse_tags(reply.text, reply.finish_reason)
    return None if parsed.refused else parsed.problem


def question(text, **options):
    return Request(
        ({"role": "system", "content": "we talk about work"}, {"role": "user", "content": text}),
        SCHEMA,
        **{"max_tokens": 30, **options},
    )


def test_every_item_of_a_run_ends_in_a_state_and_a_second_run_asks_nothing(ask, server, sqlite_host):
    calls = [Call((i, t), question(about(t, 8, i)), problem) for i in range(ITEMS) for t in [[*TOPICS][i % 4]]]
    outcomes, spent = ask(calls)
    assert len(outcomes) == ITEMS and all(o.error is None and o.problem is None for o in outcomes.values())
    right = sum(list(parse_tags(o.reply.text).tags) == TOPICS[key[1]] for key, o in outcomes.items())
    assert right == ITEMS and spent.requests == ITEMS and not spent.estimated
    with sqlite_host.open("test").read() as connection:
        rows, attempts = connection.execute(select(reply)).all(), connection.execute(select(attempt)).all()
    assert len(rows) == len(attempts) == ITEMS and {a.outcome for a in attempts} == {"answered"}
    assert sum(a.prompt_tokens for a in attempts) == spent.prompt_tokens
    again, spent = ask(calls)
    assert spent.requests == 0 and spent.cached == ITEMS
    assert {k: o.reply.text for k, o in again.items()} == {k: o.reply.text for k, o in outcomes.items()}


def test_a_form_that_is_ignored_is_found_out_and_nothing_is_lost(ask, server, sqlite_host):
    """The model answers with tags where a sentence is asked for: taken without complaint, and not held to."""
    wanted = {"type": "object", "properties": {"caption": {"type": "string"}}, "required": ["caption"]}

    def check(reply):
        return None if "caption" in reply.text else "it lacks “caption”."

    calls = [Call(i, Request(question(about("solar", 6, i)).messages, wanted, max_tokens=12), check) for i in range(6)]
    outcomes, spent = ask(calls)
    assert set(outcomes) == set(range(6)) and all(o.problem and o.error is None for o in outcomes.values())
    learned = Capabilities.of(sqlite_host, *server)
    assert learned.quirks.response_format != "json_schema_strict"
    assert any("do not keep to the form" in note for note in spent.notes)
    assert ask(calls)[1].requests <= len(calls)


def test_a_wrong_model_is_named(ask):
    try:
        outcomes, _ = ask([Call(1, question("about solar work"))], model="another-model")
        message = outcomes[1].error.message
    except EngineError as error:
        message = error.message
    assert "another-model" in message
