"""JSON as language models write it: single quotes, trailing commas, comments, Python's names, cut-off ends.

A reader of its own, because a repair library answers "valid" for a list that was cut in the middle of a tag: here
what the end of the text cuts is dropped, and the reader says so. It never raises and never nests deeper than DEEPEST.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 40
_SPACE = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*)*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "`": "`"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NAMES = {"true": True, "false": False, "null": None, "none": None}
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Loose:
    """A value read from text. `end`: where it stops; `cut`: the text ended before the value did."""

    value: Any
    end: int
    cut: bool


class _Broken(Exception):
    """Not JSON, however loosely read."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.cut = False

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()

    def peek(self) -> str:
        self.skip()
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

    def mapping(self, depth: int) -> dict[str, Any]:
        self.at += 1
        found: dict[str, Any] = {}
        while True:
            sign = self.peek()
            if not sign:
                self.cut = True
                return found
            if sign == "}":
                self.at += 1
                return found
            if sign == ",":
                self.at += 1
                continue
            name = self.string() if sign in _QUOTES else self.word()
            if name is _MISSING:
                return found
            if self.peek() not in (":", "="):
                if not self.peek():
                    self.cut = True
                    return found
                raise _Broken
            self.at += 1
            value = self.value(depth + 1)
            if value is not _MISSING:
                name = str(name)
                if isinstance(found.get(name), list) and isinstance(value, list):
                    value = found[name] + value  # a key said twice: what both lists hold
                found[name] = value
            if self.cut:
                return found

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
            if sign in ",，、":
                self.at += 1
                continue
            if sign in "]})":
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
        parts: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "\\":
                parts.append(self.text[start : self.at])
                parts.append(self.escape())
                start = self.at
                continue
            if character == closing and (closing == '"' or self.closes()):
                parts.append(self.text[start : self.at])
                self.at += 1
                return "".join(parts)
            self.at += 1
        self.cut = True
        return _MISSING

    def closes(self) -> bool:
        """True where a single quote ends a string and is no apostrophe: something structural follows it."""
        rest = _SPACE.match(self.text, self.at + 1)
        after = self.text[rest.end() : rest.end() + 1] if rest else ""
        return not after or after in ",:]})，、"

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


def read_at(text: str, start: int) -> Loose | None:
    """The object or list that begins at `start`; None where none does."""
    reader = _Reader(text)
    reader.at = start
    try:
        value = reader.value(0)
    except (_Broken, RecursionError):
        return None
    return None if value is _MISSING or not isinstance(value, (dict, list)) else Loose(value, reader.at, reader.cut)


def values_in(text: str, most: int = 20) -> Iterator[Loose]:
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
