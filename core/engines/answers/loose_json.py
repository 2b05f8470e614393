"""JSON as language models write it: single quotes, trailing commas, comments, Python's names, cut-off ends.

Strict JSON is read by the standard library. What it refuses goes to a reader of our own and not to a repair library
(json-repair was tried): that one answers "valid" for a list that was cut in the middle of a tag, takes a draft in front
of an answer together with it, and does not bound what hostile text costs. Here what the end of the text cuts is dropped
and told, nothing is read that is not there, and it takes linear time, DEEPEST levels and no exception to say no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 40
MOST_STARTS = 20
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.S)
_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s,:;\[\]{}\"'“”「」](?:[^,:;\[\]{}\"“”「」\n]*[^\s,:;\[\]{}\"“”「」])?")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "`": "`"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NAMES = {"true": True, "false": False, "null": None, "none": None, "nan": None, "infinity": None, "-infinity": None}
_STRUCTURE = ",:]});，、：；"
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Loose:
    """A value read from text. `start`, `end`: where it stands; `cut`: the text ended before the value did; `repaired`:
    it is no strict JSON; `doubled`: an object had a name twice."""

    value: Any
    start: int
    end: int
    cut: bool = False
    repaired: bool = False
    doubled: bool = False


class _Broken(Exception):
    """Not JSON, however loosely read."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.cut = False
        self.doubled = False

    def peek(self) -> str:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Any:
        """A value, or _MISSING where the end of the text cut it."""
        if depth > DEEPEST:
            raise _Broken
        sign = self.peek()
        if not sign:
            self.cut = True
            return _MISSING
        if sign == "{":
            return self.mapping(depth)
        if sign in "[(":
            return self.list(depth, "]" if sign == "[" else ")")
        if sign in _QUOTES:
            return self.string()
        return self.word()

    def mapping(self, depth: int) -> Any:
        self.at += 1
        found: dict[str, Any] = {}
        alone: list[Any] = []  # as in Python's {"a", "b"}
        while True:
            sign = self.peek()
            if not sign:
                self.cut = True
                break
            if sign == "}":
                self.at += 1
                break
            if sign in ",;，；":
                self.at += 1
                continue
            name = self.string() if sign in _QUOTES else self.word()
            if name is _MISSING:
                break
            after = self.peek()
            if after in (":", "=", "："):
                self.at += 1
                self.put(found, str(name), self.value(depth + 1))
            elif not after:
                self.cut = True
            elif after in ",}" and not found and sign in _QUOTES:
                alone.append(name)
            else:
                raise _Broken
            if self.cut:
                break
        return alone if alone and not found else found

    def put(self, found: dict[str, Any], name: str, value: Any) -> None:
        if value is _MISSING:
            return
        if name in found:
            self.doubled = True
            value = _both(found[name], value)
        found[name] = value

    def list(self, depth: int, closing: str) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        while True:
            sign = self.peek()
            if not sign:
                self.cut = True
                return found
            if sign == closing:
                self.at += 1
                return found
            if sign in ",，、;；":
                self.at += 1
                continue
            if sign in "]})":
                if sign == "}" and depth:  # the list's own end is missing
                    return found
                raise _Broken
            if sign == ":":
                raise _Broken
            value = self.value(depth + 1)
            if self.cut and not isinstance(value, (dict, list)):
                return found  # the last entry may be cut: it is not complete
            if value is not _MISSING and not (self.cut and not value):
                found.append(value)
            if self.cut:
                return found

    def string(self) -> Any:
        closing = _QUOTES[self.text[self.at]]
        start = self.at = self.at + 1
        stops = re.compile(f"[\\\\{closing}]")
        parts: list[str] = []
        while stop := stops.search(self.text, self.at):
            self.at = stop.start()
            if stop.group() == "\\":
                parts.append(self.text[start : self.at])
                parts.append(self.escape())
                start = self.at
            elif self.closes(closing):
                parts.append(self.text[start : self.at])
                self.at += 1
                return "".join(parts)
            else:
                self.at += 1
        self.at = len(self.text)
        self.cut = True
        return _MISSING

    def closes(self, closing: str) -> bool:
        """True where a quote ends a string, and is no apostrophe or quote within it: what follows is structure."""
        rest = _BLANK.match(self.text, self.at + 1)
        end = rest.end() if rest else self.at + 1
        after = self.text[end : end + 1]
        if not after or after in _STRUCTURE or closing in "”」』":
            return True
        if self.text.startswith(("//", "/*", "#"), end):
            return True
        return closing == '"' and end > self.at + 1 and after == '"'  # the comma between two texts is missing

    def escape(self) -> str:
        sign = self.text[self.at + 1 : self.at + 2]
        if sign == "u":
            digits = self.text[self.at + 2 : self.at + 6]
            try:
                code = int(digits, 16) if len(digits) == 4 else -1
            except ValueError:
                code = -1
            if code < 0:
                self.at += 2
                return ""
            self.at += 6
            follows = re.match(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})", self.text[self.at : self.at + 6])
            if 0xD800 <= code < 0xDC00 and follows:
                self.at += 6
                return chr(0x10000 + ((code - 0xD800) << 10) + int(follows.group(1), 16) - 0xDC00)
            return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        self.at += 2
        return _ESCAPES.get(sign, sign)

    def word(self) -> Any:
        found = _WORD.match(self.text, self.at)
        if not found:
            raise _Broken
        self.at = found.end()
        if self.at == len(self.text):
            self.cut = True  # “tru”, “12”: nobody knows whether more would have come
            return _MISSING
        word = found.group()
        if word.lower() in _NAMES:
            return _NAMES[word.lower()]
        if _NUMBER.fullmatch(word):
            try:
                return float(word) if any(c in word for c in ".eE") else int(word)
            except (ValueError, OverflowError):
                return word
        return word


def _both(first: Any, second: Any) -> Any:
    """The value of a name that was said twice: what both lists hold, else the last."""
    return first + second if isinstance(first, list) and isinstance(second, list) else second


def read_at(text: str, start: int) -> Loose | None:
    """The object or list that begins at `start`; None where none does."""
    strict = _strict_at(text, start)
    if strict is not None:
        return strict
    reader = _Reader(text)
    reader.at = start
    try:
        value = reader.value(0)
    except (_Broken, RecursionError):
        return None
    if value is _MISSING or not isinstance(value, (dict, list)):
        return None
    return Loose(value, start, reader.at, reader.cut, True, reader.doubled)


def _strict_at(text: str, start: int) -> Loose | None:
    doubled = False

    def joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled = True
            found = {}
            for name, value in pairs:
                found[name] = _both(found[name], value) if name in found else value
        return found

    try:
        value, end = json.JSONDecoder(object_pairs_hook=joined, parse_constant=_no_constant).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return Loose(value, start, end, doubled=doubled) if isinstance(value, (dict, list)) else None


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def values_in(text: str, most: int = MOST_STARTS) -> Iterator[Loose]:
    """Every object and list in a text, whatever stands around them; outermost ones, in order."""
    at, tried = 0, 0
    while tried < most:
        starts = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not starts:
            return
        start = min(starts)
        tried += 1
        found = read_at(text, start)
        if found is None:
            at = start + 1
        else:
            yield found
            at = max(found.end, start + 1)


def unescaped(text: str) -> str | None:
    """A text whose JSON came with every quote escaped or doubled, without that; None for others."""
    if re.search(r"[{\[]\s*\\\"", text) and not re.search(r"(?<!\\)\"", text):
        return text.replace('\\"', '"').replace("\\n", "\n")
    if re.search(r"[{\[]\s*\"\"[^\",:\]}]", text) and not re.search(r"(?<!\")\"(?!\")", text):
        return text.replace('""', '"')
    return None
