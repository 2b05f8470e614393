"""What words of music speak of: facets, terms with their variants, and which term is part of which.

The word lists stand in words/*.toml, one file a facet: "term: variants > broader terms". They serve every corpus alike.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.captions.tags import FACETS

WORDS = Path(__file__).parent / "words"
LONGEST = 6  # words of a variant
_ONE_FACET = ("instrument", "voice", "tempo", "genre", "mood")
# What a tag is mostly about where it holds terms of several facets ("slow piano ballad" is a genre of music).
_RANK = ("voice", "instrument", "tempo", "genre", "era", "place", "production", "rhythm", "use", "mood")


@dataclass(frozen=True, slots=True)
class Entry:
    """One term: `broader` are the terms that are true where it is."""

    facet: str
    term: str
    broader: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every variant (its words, lower case, one space between) → what it means."""

    entries: dict[str, tuple[Entry, ...]]
    includes: dict[str, frozenset[str]]  # term → terms that may be named where it stands
    hints: dict[str, frozenset[str]]  # whole tag → tempo terms that it supports
    whole: dict[str, Entry]  # what a tag means that is just this word, where the word alone is too loose in a text
    loose: frozenset[str]  # terms that are not held against a caption

    def look(self, words: tuple[str, ...]) -> tuple[Entry, ...]:
        """What these words mean; of a plural, what the singular means."""
        found = self.entries.get(" ".join(words))
        if found is None and words[-1].endswith("'s"):
            words = (*words[:-1], words[-1][:-2])
            found = self.entries.get(" ".join(words))
        if found is None and len(words[-1]) > 3 and words[-1].endswith("s") and not words[-1].endswith("ss"):
            found = self.entries.get(" ".join((*words[:-1], words[-1][:-1])))
        return found or ()


@cache
def lexicon() -> Lexicon:
    """The word lists, read once."""
    rows: list[tuple[str, str, list[str], list[str]]] = []
    includes: dict[str, frozenset[str]] = {}
    hints: dict[str, frozenset[str]] = {}
    for facet in _ONE_FACET:
        read = tomllib.loads((WORDS / f"{facet}.toml").read_text(encoding="utf-8"))
        rows += [(facet, *row) for row in _rows(read["terms"])]
        includes |= {term: frozenset(parts) for term, parts in read.get("includes", {}).items()}
        hints |= {tag: frozenset(terms) for tag, terms in read.get("hints", {}).items()}
    other = {
        facet: _rows(part["terms"])
        for facet, part in tomllib.loads((WORDS / "other.toml").read_text(encoding="utf-8")).items()
    }
    alone, loose = other.pop("whole"), other.pop("loose")
    rows += [(facet, *row) for facet, found in other.items() for row in found]
    broader = {(facet, term): set(above) for facet, term, _, above in rows}
    entries: dict[str, list[Entry]] = {}
    for facet, term, variants, _ in rows:
        entry = Entry(facet, term, frozenset(_all_above(facet, term, broader)))
        for variant in (term, *variants):
            meant = entries.setdefault(variant, [])
            if all(each.facet != facet for each in meant):
                meant.append(entry)
    genre = {term: Entry("genre", term, frozenset(_all_above("genre", term, broader))) for term, _, _ in alone}
    whole = {variant: genre[term] for term, variants, _ in alone for variant in variants}
    known = {variant: tuple(found) for variant, found in entries.items()}
    return Lexicon(known, includes, hints, whole, frozenset(term for term, _, _ in loose))


def _rows(text: str) -> list[tuple[str, list[str], list[str]]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        left, _, above = line.partition(" > ")
        term, _, variants = left.partition(":")
        found.append((term.strip(), _listed(variants), _listed(above)))
    return found


def _listed(text: str) -> list[str]:
    return [plain(part) for part in text.split(",") if part.strip()]


def _all_above(facet: str, term: str, broader: dict[tuple[str, str], set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [term]
    while waiting:
        for above in broader.get((facet, waiting.pop()), set()) - found:
            found.add(above)
            waiting.append(above)
    return found


def plain(text: str) -> str:
    """Lower case, hyphens as spaces, one space between words: how variants are looked up."""
    return " ".join(text.lower().replace("’", "'").replace("-", " ").split())


def facet_of(tag: str) -> str:
    """What a tag speaks of, one of `core.captions.tags.FACETS`; "other" where no word of it is known."""
    from core.captions.terms import find

    known, name = lexicon(), plain(tag)
    alone = known.whole.get(name)
    whole = (alone,) if alone else known.entries.get(name)
    facets = {entry.facet for entry in whole} if whole else {term.facet for term in find(tag)}
    return next((facet for facet in _RANK if facet in facets), FACETS[-1])
