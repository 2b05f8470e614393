"""Files of questions handed in together (/v1/batches): one JSON line a question, in parts that servers take; and what
is needed to read the answers by, beside each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from core.engines.calls import Request
from core.engines.server.wire import Quirks, body_of, stored_wire

PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Question:
    """A request under its key."""

    key: str
    request: Request


@dataclass(slots=True)
class Written:
    """A part on the disk: `lines` for the server, `meant` for us."""

    lines: Path
    meant: Path
    questions: int = 0
    bytes: int = 0
    sends: frozenset[str] = field(default_factory=frozenset)


def line_of(question: Question, model: str, quirks: Quirks) -> tuple[bytes, bytes]:
    """(the line to hand in, the line that we keep) of a question."""
    body = body_of(question.request, model, quirks)
    sent = {"custom_id": question.key, "method": "POST", "url": PATH, "body": body}
    meant = {"key": question.key, "request": question.request.as_dict(), "wire": stored_wire(body, quirks)}
    return orjson.dumps(sent) + b"\n", orjson.dumps(meant) + b"\n"


def write_part(
    questions: Iterator[Question], folder: Path, name: str, model: str, quirks: Quirks, most_lines: int, most_bytes: int
) -> tuple[Written | None, Question | None]:
    """Write as many questions as one file may hold.

    Returns:
        (the part or None when there was nothing to write, the first question that found no room or None)
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = Written(folder / f"{name}.jsonl", folder / f"{name}.meant.jsonl")
    over: Question | None = None
    with part.lines.open("wb") as lines, part.meant.open("wb") as meant:
        for question in questions:
            line, kept = line_of(question, model, quirks)
            full = part.questions >= most_lines or part.bytes + len(line) > most_bytes
            if full and part.questions:
                over = question
                break
            lines.write(line)
            meant.write(kept)
            part.questions += 1
            part.bytes += len(line)
            part.sends |= quirks.sends(question.request)
    if not part.questions:
        part.lines.unlink()
        part.meant.unlink()
        return None, over
    return part, over


class Meant:
    """The questions of a part, found by their key while the answers are read; open it with `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, int] = {}

    def __enter__(self) -> Meant:
        self._file = self._path.open("rb")
        place = 0
        for line in self._file:
            self._places[orjson.loads(line)["key"]] = place
            place += len(line)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def find(self, key: str) -> tuple[Request, dict[str, Any]] | None:
        """(request, wire) of a key; None for one that we did not hand in."""
        place = self._places.get(key)
        if place is None:
            return None
        self._file.seek(place)
        stored = orjson.loads(self._file.readline())
        meant = stored["request"]
        return Request(**{**meant, "messages": tuple(meant["messages"])}), stored["wire"]


@dataclass(frozen=True, slots=True)
class Line:
    """What a server says of one question: `status` 200 with an answer's `body`; another status or 0 with words."""

    key: str
    status: int
    body: str
    code: str = ""


def read_lines(paths: Iterable[Path]) -> Iterator[Line | None]:
    """The lines of a batch's output and error files; None for a line that is none."""
    for path in paths:
        if not path.exists():
            continue
        with path.open("rb") as file:
            for raw in file:
                if raw.strip():
                    yield _line(raw)


def _line(raw: bytes) -> Line | None:
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("custom_id"), str):
        return None
    response, error = said.get("response"), said.get("error")
    if isinstance(response, dict) and isinstance(response.get("status_code"), int):
        body = response.get("body")
        text = body if isinstance(body, str) else orjson.dumps(body).decode()
        return Line(said["custom_id"], response["status_code"], text)
    code, words = "", "no answer"
    if isinstance(error, dict):
        code, words = str(error.get("code") or ""), str(error.get("message") or words)
    return Line(said["custom_id"], 0, words, code)
