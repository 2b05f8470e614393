"""What is asked of a server that takes batches: files up and down, batches begun, found again, looked at, cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from core.engines.batch.batch_rows import BatchRow
from core.engines.connecting.endpoints import host_of
from core.engines.server.faults import judge_connection, judge_status, said_by
from core.engines.server.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut
from core.errors import EngineError

MARK = "tagloom"  # the name under which a batch's metadata hold our own id
WINDOW = "24h"
PAGE = 100
LEAST_SECONDS = 600.0  # for one request: files are large


class Remote:
    """One server, asked from the thread that made this; close it in the end.

    Args:
        patience: seconds without an answer, after which `ask` gives up.
        pause: waits so many seconds, and may raise to end it all.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        key: str | None,
        seconds: float,
        patience: float,
        pause: Callable[[float], None],
    ) -> None:
        self.endpoint, self.model, self.patience = endpoint, model, patience
        self._key, self._pause = key, pause
        self._runner = asyncio.Runner()
        self.wire = Connection(endpoint, key, max(seconds, LEAST_SECONDS))

    def close(self) -> None:
        """End the connections and the event loop."""
        self.run(self.wire.close())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, Answered | None]) -> Any:
        """Something asked once.

        Raises:
            TimedOut, CannotConnect, CutOff: there is no whole answer.
        """
        return self._runner.run(work)

    def ask(self, send: Callable[[], Any]) -> Answered:
        """Something that may be asked twice, asked until there is an answer."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                answer: Answered = self.run(send())
                if answer.status < 500 and answer.status not in (408, 429):
                    return answer
                why = f"it answers {answer.status}"
            except (TimedOut, CutOff, CannotConnect) as error:
                why = str(error)
            if time.monotonic() - began > min(60.0, self.patience):
                raise self.gone(why)
            self._pause(pause)
            pause = min(15.0, 2 * pause)

    def upload(self, path: Path) -> str:
        """The id under which the server keeps a file."""
        return str(self.object(self.ask(partial(self.wire.post_file, "/files", path, "batch")), "the file").get("id"))

    def object(self, answer: Answered, what: str) -> dict[str, Any]:
        """The JSON object with an id that an answer is.

        Raises:
            EngineError: it is none; `what` names for people what was handed over or asked for.
        """
        said = json_of(answer.text)
        if answer.status != 200 or not said.get("id"):
            raise self.unexpected(answer, what)
        return said

    def create(self, row: BatchRow) -> str:
        """Hand a batch in; returns the server's id of it.

        Raises:
            EngineError: the server did not take it.
        """
        body = {
            "input_file_id": row.remote_file,
            "endpoint": "/v1/chat/completions",
            "completion_window": WINDOW,
            "metadata": {MARK: row.id},
        }
        try:
            answer = self.run(self.wire.post(body, "/batches"))
        except (TimedOut, CutOff) as error:  # handed in or not? the server knows
            found = self.created(row)
            if found is None:
                raise EngineError(
                    f"{host_of(self.endpoint)} broke off while a batch was handed in, and does not have it.",
                    "Resume hands it in.",
                    kind="unreachable",
                ) from error
            return found
        except CannotConnect as error:
            raise self.gone(str(error)) from error
        return str(self.object(answer, "the batch").get("id") or "")

    def uploaded(self, row: BatchRow) -> str | None:
        """The id of a file that was uploaded, but not written down; None where there is none, or nobody can say."""
        for each in self.listed("/files", strict=False):
            if each.get("filename") == f"{row.id}.jsonl":
                return str(each.get("id") or "") or None
        return None

    def created(self, row: BatchRow) -> str | None:
        """The id of a batch that was handed in, but not written down.

        Raises:
            EngineError: the server cannot say which batches it has: handing in again could pay twice.
        """
        for each in self.listed("/batches", strict=True):
            marks = each.get("metadata")
            if each.get("input_file_id") == row.remote_file or (isinstance(marks, dict) and marks.get(MARK) == row.id):
                return str(each.get("id") or "") or None
        return None

    def listed(self, path: str, *, strict: bool) -> Iterator[dict[str, Any]]:
        """The entries of a list, the newest first, page by page."""
        after = ""
        while True:
            answer = self.ask(partial(self.wire.get, f"{path}?limit={PAGE}{after}"))
            said = json_of(answer.text)
            if answer.status != 200 or not isinstance(said.get("data"), list):
                if not strict:
                    return
                raise EngineError(
                    f"{host_of(self.endpoint)} does not say which batches it has, and one may have been handed in.",
                    "Look there, cancel it or wait for it; then start a new run.",
                    kind="batch",
                )
            entries = [each for each in said["data"] if isinstance(each, dict)]
            yield from entries
            if not said.get("has_more") or not entries:
                return
            after = f"&after={entries[-1].get('id')}"

    def unexpected(self, answer: Answered, what: str) -> EngineError:
        """What to raise for an answer that is an error."""
        if answer.status in (404, 405, 501):
            return EngineError(
                f"{host_of(self.endpoint)} takes no batches ({answer.status}).",
                "Run it without a batch.",
                kind="batch",
            )
        verdict = judge_status(answer.status, answer.headers, answer.text, self.endpoint, self.model)
        if verdict.action == "fatal":
            return EngineError(verdict.fault.message, verdict.fault.remedy, kind=verdict.fault.kind)
        words = said_by(answer.text)[0]
        return EngineError(
            f"{host_of(self.endpoint)} did not take {what} ({answer.status}){f': “{words}”' if words else ''}.",
            "Resume tries again; or run it without a batch.",
            kind="batch",
        )

    def gone(self, why: str) -> EngineError:
        """What to raise for a server that does not answer any more."""
        fault = judge_connection(self.endpoint, "connect", why).fault
        return EngineError(
            fault.message, "Resume goes on from here; the batches wait at the server.", kind="unreachable"
        )

    def clean(self, text: str) -> str:
        """Words of the server without our key."""
        return text.replace(self._key, "[key]") if self._key else text


def json_of(text: str) -> dict[str, Any]:
    """A JSON object; empty where a text is none."""
    try:
        said = orjson.loads(text.encode("utf-8", "replace"))
    except (orjson.JSONDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
