"""Whether a server can be used, found out by asking it: its models, then one tiny question. Names the fault."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass
from typing import Any

import orjson

from core.engines.calls import Request
from core.engines.capabilities import Capabilities
from core.engines.endpoints import host_of, with_version
from core.engines.envelope import read_envelope
from core.engines.faults import Verdict, judge_body, judge_connection, judge_status
from core.engines.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut
from core.engines.wire import body_of
from core.store.projects import Host

SECONDS = 30.0
MOST_MODELS = 500
QUESTION = Request(
    ({"role": "system", "content": "You answer with one word."}, {"role": "user", "content": "Say: ready"}),
    max_tokens=16,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `models`: names that the server lists (it need not list any); `base_url`: the address that
    works, where another one was given."""

    ok: bool
    message: str
    remedy: str = ""
    models: tuple[str, ...] = ()
    base_url: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "message": self.message,
            "remedy": self.remedy,
            "models": list(self.models),
            "base_url": self.base_url,
        }


def check(host: Host, base_url: str, model: str, key: str | None, seconds: float = SECONDS) -> Finding:
    """Ask a server what it has, and, where a model is named, one tiny question (about 30 tokens).

    Args:
        base_url: a normalised address.
        key: what it is let in with, or None.
    """
    return asyncio.run(_check(host, base_url, model, key, seconds))


async def _check(host: Host, base_url: str, model: str, key: str | None, seconds: float) -> Finding:
    connection = Connection(base_url, key, seconds)
    try:
        listed = await _ask(connection, base_url, None)
        if isinstance(listed, Verdict) and listed.fault.kind in ("unreachable", "timeout"):
            return _finding(listed, ())
        models = _models(listed) if isinstance(listed, Answered) else ()
        if isinstance(listed, Verdict) and listed.fault.kind == "key":
            return _finding(listed, (), key)
        better = with_version(base_url)
        if not models and better is not None:
            other = Connection(better, key, seconds)
            try:
                there = await _ask(other, better, None)
                if isinstance(there, Answered) and _models(there):
                    message = f"There is a server at {host_of(base_url)}, but its address lacks /v1."
                    return Finding(False, message, f"Use {better}.", _models(there), better)
            finally:
                await other.close()
        if not model:
            if models:
                return Finding(False, f"{host_of(base_url)} answers.", "Now choose one of its models.", models)
            message = f"{host_of(base_url)} answers, but does not list its models."
            return Finding(False, message, "Type the model's name.")
        return await _try(host, connection, base_url, model, models, key)
    finally:
        await connection.close()


async def _try(
    host: Host, connection: Connection, base_url: str, model: str, models: tuple[str, ...], key: str | None
) -> Finding:
    capabilities = Capabilities.of(host, base_url, model)
    while True:
        quirks = capabilities.quirks
        answer = await _ask(connection, base_url, body_of(QUESTION, model, quirks), model, quirks.sends(QUESTION))
        if isinstance(answer, Answered):
            return Finding(True, f"{model} answers.", models=models)
        if answer.action != "negotiate" or capabilities.refused(quirks, answer.change or "") is None:
            break
    if answer.fault.kind == "model" or (models and model not in models and answer.fault.kind == "address"):
        close = difflib.get_close_matches(model, models, 3, 0.4)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "Choose one of its models."
        message = f"{host_of(base_url)} has no model “{model}”."
        return Finding(False, message, remedy if models else "Check the model's name.", models)
    return _finding(answer, models, key)


async def _ask(
    connection: Connection,
    base_url: str,
    body: dict[str, Any] | None,
    model: str = "",
    sent: frozenset[str] = frozenset(),
) -> Answered | Verdict:
    try:
        answer = await (connection.get("/models") if body is None else connection.post(body))
    except TimedOut:
        return judge_connection(base_url, "timeout", "")
    except CannotConnect as error:
        return judge_connection(base_url, "connect", str(error))
    except CutOff:
        return judge_connection(base_url, "broken", "")
    if answer.status != 200:
        return judge_status(answer.status, answer.headers, answer.text, base_url, model, sent)
    if body is not None and not read_envelope(answer.text).usable:
        return judge_body(answer.text, base_url)
    return answer


def _models(answer: Answered) -> tuple[str, ...]:
    try:
        body = orjson.loads(answer.text)
    except orjson.JSONDecodeError:
        return ()
    listed = body.get("data", body.get("models")) if isinstance(body, dict) else body
    names = [m.get("id") or m.get("name") for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
    return tuple(sorted({n for n in names if isinstance(n, str) and len(n) <= 200}))[:MOST_MODELS]


def _finding(verdict: Verdict, models: tuple[str, ...], key: str | None = None) -> Finding:
    remedy = verdict.fault.remedy.replace(", then resume", "").replace(" Then resume.", "")
    if verdict.fault.kind == "key" and key is None:
        remedy = "This server asks for a key: paste it into the key field."
    return Finding(False, verdict.fault.message, remedy or "Try again in a moment.", models)
