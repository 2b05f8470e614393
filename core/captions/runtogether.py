"""Taking apart words that a file ran together: “drummachine” is “drum machine”. By a word list, not by a corpus."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

_FOLDER = Path(__file__).with_name("words")
_LONGEST = 30
_SHORTEST = 6


@cache
def _lists() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    data = tomllib.loads((_FOLDER / "joining.toml").read_text(encoding="utf-8"))
    return tuple(frozenset(data[name].split()) for name in ("parts", "links", "wholes"))  # type: ignore[return-value]


def taken_apart(tag: str) -> str:
    """A lower-case tag with its run-together words apart; as it is where none can be read."""
    if tag.isascii() and all(len(word) < _SHORTEST for word in tag.split()):
        return tag
    return re.sub(r"[a-z]+", lambda found: _apart(found[0]), tag)


@lru_cache(maxsize=65_536)
def _apart(word: str) -> str:
    parts, links, wholes = _lists()
    if not _SHORTEST <= len(word) <= _LONGEST or word in parts or word in wholes:
        return word
    singular = word.removesuffix("s")
    if singular in parts or singular in wholes:
        return word
    found = _best(word, parts, links)
    return " ".join(found) if found else word


def _best(word: str, parts: frozenset[str], links: frozenset[str]) -> tuple[str, ...]:
    """The reading with the fewest words; among those the one with the longest first word. Empty: there is none."""
    best: list[tuple[str, ...] | None] = [None] * (len(word) + 1)
    best[len(word)] = ()
    for start in range(len(word) - 1, -1, -1):
        for end in range(len(word), start, -1):
            rest = best[end]
            piece = word[start:end]
            link = piece in links and start > 0 and end < len(word)
            if rest is None or not (link or (len(piece) > 2 and piece in parts) or piece in _SHORT):
                continue
            if best[start] is None or len(rest) + 1 < len(best[start] or ()):
                best[start] = (piece, *rest)
    found = best[0] or ()
    real = [piece for piece in found if piece not in links]
    fine = len(real) > 1 and not any(a in _SHORT and b in _SHORT for a, b in pairwise(found))
    return found if fine and len(found) <= 4 else ()


_SHORT = frozenset({"hi", "lo", "fi", "dj", "nu"})
