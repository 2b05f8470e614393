"""Where an item says what a model quotes of it, and where it names a tag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from core.corpora.clues import Clue
from core.tagging.lexical import Matcher

LONGEST = 300
_LEFT_OUT = re.compile(r"\s*(?:\[…\]|…|\.\.\.)\s*")


def place_of_quote(quote: str, clues: Sequence[Clue]) -> dict[str, Any] | None:
    """The place of a quote in an item's fields, as evidence; white space and case do not count, and of a quote with
    something left out its longest piece does. None where the item does not say it."""
    piece = max(_LEFT_OUT.split(quote.strip(" \t\n\"'“”‘’«»")), key=len, default="").strip()[:LONGEST]
    if len(piece) < 2:
        return None
    pattern = re.compile(r"\s+".join(re.escape(word) for word in piece.split()), re.I)
    for clue in clues:
        found = pattern.search(clue.text)
        if found:
            return _evidence(clue, found.start(), found.end(), "quote")
    return None


def places_of_name(names: Sequence[str], clues: Sequence[Clue], most: int = 2) -> list[dict[str, Any]]:
    """Places that name a tag, as evidence: by its name, an alias, a plural or a word of the same family."""
    matcher, places = Matcher([tuple(names)]), []
    for clue in clues:
        hit = matcher.find(clue.text).get(0)
        if hit is not None:
            places.append(_evidence(clue, hit.start, hit.end, hit.match))
        if len(places) == most:
            break
    return places


def _evidence(clue: Clue, start: int, end: int, match: str) -> dict[str, Any]:
    end = min(end, start + LONGEST)
    return {
        "field": clue.field,
        "passage": clue.text[start:end],
        "start": start,
        "end": end,
        "match": match,
        "similarity": 1.0,
    }
