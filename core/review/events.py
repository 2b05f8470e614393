"""One decision as a client sends it, checked before anything else looks at it."""

from __future__ import annotations

import uuid as uuid_module
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import InvalidInput
from core.review.boxes import CAPTIONS, COMPARISON, Boxes, parse_answers, parse_boxes
from core.store.schema import STATUSES

ACTIONS = ("accept", "edit", "reject", "skip", "undo")
FIELDS = ("tags", CAPTIONS, COMPARISON)
MOST_TAGS = 500
LONGEST_KEY = 1000  # characters of a free tag's name key
SHOWN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One checked decision as a client sent it."""

    uuid: str
    item: str
    field: str
    action: str
    change: dict[str, Any] | None
    undoes: str | None
    version: int
    status: str
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    dropped: tuple[str, ...] | None  # None: an older page, which knows of none
    boxes: Boxes | None  # None: they stay as they are
    new_tags: tuple[tuple[str, str], ...]
    shown: str
    blind: bool
    client_time: str
    milliseconds: int | None


def _text(data: dict[str, Any], name: str, most: int, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str) or len(value) > most:
        raise InvalidInput(f"The decision's “{name}” is not a text of at most {most} characters.", "Reload the page.")
    return value.replace("\0", "")  # Postgres stores no NUL


def _ids(data: dict[str, Any], name: str) -> tuple[str, ...]:
    values = data.get(name, [])
    if not isinstance(values, list) or len(values) > MOST_TAGS or any(not isinstance(v, str) for v in values):
        raise InvalidInput(f"The decision's “{name}” is not a list of up to {MOST_TAGS} tag ids.", "Reload the page.")
    return tuple(dict.fromkeys(values))


def _keys(data: dict[str, Any]) -> tuple[str, ...] | None:
    keys = data.get("dropped")
    if keys is None:
        return None
    if not isinstance(keys, list) or len(keys) > MOST_TAGS:
        raise InvalidInput(f"The decision's “dropped” is not a list of up to {MOST_TAGS} names.", "Reload the page.")
    checked = [_text({"dropped": key}, "dropped", LONGEST_KEY) for key in keys]
    return tuple(dict.fromkeys(key for key in checked if key.strip()))


def parse_event(data: Any) -> Event:
    """Check one event from a client; nothing of it is trusted.

    Raises:
        InvalidInput: a part is missing or not what it should be.
    """
    if not isinstance(data, dict):
        raise InvalidInput("A decision is not a JSON object.", "Reload the page.")
    uuid = _text(data, "uuid", 36)
    try:
        uuid_module.UUID(uuid)
    except ValueError:
        raise InvalidInput("The decision's uuid is not one.", "Reload the page.") from None
    after = data.get("after")
    if not isinstance(after, dict) or after.get("status") not in STATUSES:
        raise InvalidInput(
            "The decision does not say which state it leaves behind.", f"Its status is one of {', '.join(STATUSES)}."
        )
    action, field = _text(data, "action", 20), _text(data, "field", 40, "tags")
    if action not in ACTIONS or field not in FIELDS:
        raise InvalidInput(f"“{action}” on “{field}” is no decision.", f"Actions: {', '.join(ACTIONS)}.")
    version, milliseconds = data.get("version"), data.get("ms")
    if type(version) is not int or not 0 <= version < 2**31:  # a bool is an int, too
        raise InvalidInput("The decision does not say which version was seen.", "Reload the page.")
    new_tags = data.get("new_tags") or []
    if not isinstance(new_tags, list) or len(new_tags) > 50 or not all(isinstance(t, dict) for t in new_tags):
        raise InvalidInput("The decision's new tags are not a list.", "Reload the page.")
    shown = orjson.dumps(data.get("shown") or {}).decode()
    if len(shown) > SHOWN_BYTES:
        raise InvalidInput("The decision says more about what was shown than fits.", "Reload the page.")
    change = data.get("change")
    boxes = after.get("boxes")
    if boxes is not None and field == "tags":
        raise InvalidInput("A decision on tags has no boxes.", "Reload the page.")
    if boxes is not None:
        boxes = parse_boxes(boxes) if field == CAPTIONS else parse_answers(boxes)
    if field != "tags" and any(after.get(name) for name in ("accepted", "rejected", "dropped")):
        raise InvalidInput(f"A decision on “{field}” has no tags.", "Reload the page.")
    return Event(
        uuid=uuid,
        item=_text(data, "item", 64),
        field=field,
        action=action,
        change=change if isinstance(change, dict) else None,
        undoes=_text(data, "undoes", 36) if action == "undo" else None,
        version=version,
        status=after["status"],
        accepted=_ids(after, "accepted"),
        rejected=_ids(after, "rejected"),
        dropped=_keys(after),
        boxes=boxes,
        new_tags=tuple((_text(t, "id", 64), _text(t, "name", 400)) for t in new_tags),
        shown=shown,
        blind=data.get("blind") is True,
        client_time=_text(data, "client_time", 40, ""),
        milliseconds=milliseconds if type(milliseconds) is int and 0 <= milliseconds < 2**31 else None,
    )
