"""Questions about made-up items, and what becomes of them: what tests of the engine share. The questions are those of
the generative tagger, and an item's state is read as it reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert

from core.corpora.clues import Clue, TaggableItem
from core.engines.calls import Call, Outcome
from core.engines.prompting.prompts import load
from core.engines.server.openai_engine import Limits
from core.store.host_schema import connection as connection_table
from core.store.projects import Host
from core.vocabulary.free_tags import free_tag_calls, read_free_tags

T = TypeVar("T")
QUICK: dict[str, Any] = {
    "concurrency": 3,
    "seconds": 20.0,
    "first_backoff": 0.01,
    "first_pause": 0.02,
    "busy_pause": 0.02,
    "probe_seconds": 0.05,
    "give_up_seconds": 3.0,
    "grace": 2.0,
}
"""Limits whose pauses take milliseconds; how long a request may take is not among them: machines are busy."""


def limits_of(**given: Any) -> Limits:
    """QUICK with changes."""
    known = {each.name for each in fields(Limits)}
    return Limits(**{name: value for name, value in {**QUICK, **given}.items() if name in known})


def item_number(number: int, *, long: bool = False) -> TaggableItem:
    """An item about solar energy."""
    body = f"Panels on the roofs of valley number {number} bring solar energy to every house. "
    clues = (
        Clue("title", "title", f"Solar energy in valley number {number}"),
        Clue("body", "body", body * (90 if long else 1)),
    )
    return TaggableItem(number, f"item-{number}", clues[0].text, clues)


def calls_about(numbers: Iterable[int], *, language: str = "", long: int | None = None) -> Iterator[Call]:
    """A question about each item; its key is (number, 0)."""
    return free_tag_calls((item_number(n, long=n == long) for n in numbers), load("free-tags"), language=language)


def state_of(outcome: Outcome) -> str:
    """ok, refused, invalid or failed, as the generative tagger has it."""
    said = read_free_tags(outcome)
    if said.refused:
        return "refused"
    if outcome.reply is None:
        return "failed"
    return "ok" if said.problem is None else "invalid"


def guarded(function: Callable[[], T], seconds: float = 60.0) -> T:
    """What a function returns or raises; the test fails where it does neither (a bound against hanging)."""
    box: list[Any] = []

    def run() -> None:
        try:
            box.append((True, function()))
        except BaseException as error:
            box.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        pytest.fail(f"it hangs: no end after {seconds:.0f} s")
    well, result = box[0]
    if not well:
        raise result
    return result  # type: ignore[no-any-return]


def set_up_connection(host: Host, base_url: str, model: str, settings: str) -> None:
    """A connection as the Connections page stores it."""
    values = {
        "id": f"c-{abs(hash((base_url, model))):x}",
        "name": f"Test {base_url} {model}",
        "name_key": f"test {base_url} {model}",
        "engine": "openai",
        "base_url": base_url,
        "model": model,
        "roles": '["text"]',
        "settings": settings,
        "created_at": 1.0,
        "updated_at": 1.0,
    }
    host.database.write(lambda c: c.execute(insert(connection_table).values(values)) and None)
