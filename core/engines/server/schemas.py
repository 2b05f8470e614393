"""JSON schemas as servers take them. Whatever a server enforces, every answer is checked here.

Servers that turn a schema into a grammar read the bounds (maxItems, maxLength), which also stop answers that run on;
the strict mode of OpenAI refuses them, so there they go into the description. No pattern is ever sent: llama.cpp
answers without any constraint when it cannot read one.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import orjson

MOST_PROPERTIES = 5000  # the limits of OpenAI's strict mode
MOST_LEVELS = 10
MOST_ENUM_VALUES = 1000
MOST_ENUM_CHARACTERS = 15_000  # of an enum of more than 250 values
MANY_ENUM_VALUES = 250
DEEPEST = 40
WRAPPED = "result"  # the property that holds what is no object: strict schemas begin with one

_KEPT = ("type", "description", "enum", "properties", "required", "items", "additionalProperties", "anyOf")
_BOUNDS = {
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
}


def name_of(text: str) -> str:
    """A name as `json_schema` wants it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:64] or "answer"


def sanitised(schema: dict[str, Any], *, bounds: bool = True) -> tuple[dict[str, Any], bool]:
    """(a schema that servers take, whether it fits into the strict mode).

    References are written out, every property is required (what was optional may be null), other properties are
    forbidden, and the root is an object: anything else is wrapped as {"result": …}, which the parser unwraps.

    Args:
        bounds: keep lengths and counts as they are; else they are said in the description.
    """
    try:
        dumped = orjson.dumps(schema)
    except TypeError:  # numbers that it does not write
        dumped = json.dumps(schema, default=str).encode()
    clean, strict = _sanitised(dumped, bounds)
    return json.loads(clean), strict


@lru_cache(maxsize=64)
def _sanitised(dumped: bytes, bounds: bool) -> tuple[str, bool]:
    schema = json.loads(dumped)
    writer = _Writer(schema, bounds)
    clean = writer.node(schema, 0, ())
    if clean.get("type") != "object":
        clean = {
            "type": "object",
            "properties": {WRAPPED: clean},
            "required": [WRAPPED],
            "additionalProperties": False,
        }
    fits = writer.open == 0 and writer.properties <= MOST_PROPERTIES and writer.deepest <= MOST_LEVELS
    return json.dumps(clean, ensure_ascii=False), fits and writer.enum_values <= MOST_ENUM_VALUES


class _Writer:
    def __init__(self, root: dict[str, Any], bounds: bool) -> None:
        self.root = root
        self.bounds = bounds
        self.properties = self.deepest = self.enum_values = 0
        self.open = 0  # places where anything may stand: strict mode has no such thing

    def node(self, schema: Any, depth: int, seen: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(schema, dict) or depth > DEEPEST:
            self.open += 1
            return {}
        schema = _sound(schema)
        if isinstance(target := schema.get("$ref"), str):
            if target in seen:  # a schema that holds itself has no end; what is below is left open
                self.open += 1
                return {}
            seen = (*seen, target)
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**_sound(self._target(target)), **beside}
        for part in schema.get("allOf") or ():
            part = self._target(part["$ref"]) if isinstance(part, dict) and "$ref" in part else part
            schema = _joined(schema, _sound(part))
        clean: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema and name != "anyOf"}
        if "const" in schema:
            clean["enum"] = [schema["const"]]
        if isinstance(choices := schema.get("oneOf") or schema.get("anyOf"), list):
            clean["anyOf"] = [self.node(choice, depth, seen) for choice in choices]
        self._bounds(schema, clean)
        self._enum(clean)
        self.deepest = max(self.deepest, depth)
        if isinstance(clean.get("properties"), dict) or clean.get("type") == "object":
            self._object(clean, depth, seen)
        if "items" in clean or clean.get("type") == "array":
            clean["items"] = self.node(clean.get("items"), depth + 1, seen)
        if not clean.keys() & {"type", "enum", "anyOf"}:
            self.open += 1
        return clean

    def _object(self, clean: dict[str, Any], depth: int, seen: tuple[str, ...]) -> None:
        given = clean.get("properties") or {}
        required = clean.get("required") or ()
        properties = {}
        for name, inner in given.items():
            written = self.node(inner, depth + 1, seen)
            properties[name] = written if name in required else _or_null(written)
        self.properties += len(properties)
        clean["type"] = "object"
        clean["properties"] = properties
        clean["required"] = list(properties)
        if not properties and clean.get("additionalProperties") is not False:
            self.open += 1  # any object: there is nothing to hold it to
            clean.pop("additionalProperties", None)
        else:
            clean["additionalProperties"] = False

    def _bounds(self, schema: dict[str, Any], clean: dict[str, Any]) -> None:
        said = []
        for name, words in _BOUNDS.items():
            if name in schema:
                if self.bounds:
                    clean[name] = schema[name]
                else:
                    said.append(words.format(schema[name]))
        if schema.get("uniqueItems"):
            said.append("no entry twice")
        if isinstance(pattern := schema.get("pattern"), str):
            said.append(f"matching {pattern}")
        if said:
            text = "; ".join(said)
            clean["description"] = f"{clean['description']} ({text})" if clean.get("description") else text

    def _enum(self, clean: dict[str, Any]) -> None:
        values = clean.get("enum")
        if not isinstance(values, list):
            return
        length = sum(len(str(value)) for value in values)
        if len(values) > MANY_ENUM_VALUES and length > MOST_ENUM_CHARACTERS:
            del clean["enum"]  # a list of that size is checked here alone
            clean.setdefault("type", "string")
            return
        self.enum_values += len(values)

    def _target(self, reference: Any) -> dict[str, Any]:
        found: Any = self.root
        for step in str(reference).lstrip("#").strip("/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, dict) and step else found
        return found if isinstance(found, dict) else {}


_SOUND: dict[str, type | tuple[type, ...]] = {
    "type": (str, list),
    "description": str,
    "enum": list,
    "properties": dict,
    "required": list,
    "anyOf": list,
    "oneOf": list,
    "allOf": list,
    "minItems": int,
    "maxItems": int,
    "minLength": int,
    "maxLength": int,
    "minimum": (int, float),
    "maximum": (int, float),
}


def _sound(schema: Any) -> dict[str, Any]:
    """A schema without what makes no sense in it: prompts are edited by people."""
    if not isinstance(schema, dict):
        return {}
    kept = {n: v for n, v in schema.items() if n not in _SOUND or (isinstance(v, _SOUND[n]) and v is not True)}
    if isinstance(kept.get("type"), list):
        kept["type"] = [kind for kind in kept["type"] if isinstance(kind, str)]
    return {name: value for name, value in kept.items() if value not in ([], False) or name not in _SOUND}


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    properties = {**(one.get("properties") or {}), **(other.get("properties") or {})}
    required = list(dict.fromkeys([*(one.get("required") or ()), *(other.get("required") or ())]))
    joined = {**other, **{name: value for name, value in one.items() if name != "allOf"}}
    if properties:
        joined["properties"] = properties
        joined["required"] = required
    return joined


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if "enum" in schema:
        return schema if None in schema["enum"] else {"anyOf": [schema, {"type": "null"}]}
    if isinstance(kind, str) and kind != "null":
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return schema if "null" in kind else {**schema, "type": [*kind, "null"]}
    if "anyOf" in schema:
        choices = schema["anyOf"]
        null = {"type": "null"}
        return schema if null in choices else {**schema, "anyOf": [*choices, null]}
    return schema


def list_in(schema: dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """(name of the one list that an answer is, the names its entries have), where it can be written as lines.

    The names are () for a list of texts; two names for entries that have a text and something said about it.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict) or len(properties) != 1:
        return None
    name, inner = next(iter(properties.items()))
    items = inner.get("items") if isinstance(inner, dict) and inner.get("type") == "array" else None
    if not isinstance(items, dict):
        return None
    if items.get("type") == "string" or "enum" in items:
        return name, ()
    parts = items.get("properties")
    if isinstance(parts, dict) and 1 <= len(parts) <= 2:
        return name, tuple(parts)
    return None


def text_in(schema: dict[str, Any]) -> str | None:
    """The name of the one text that an answer is; None where it is anything else."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or len(properties) != 1:
        return None
    name, inner = next(iter(properties.items()))
    return name if isinstance(inner, dict) and inner.get("type") == "string" else None
