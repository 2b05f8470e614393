"""Terms of music in a text, and whether tags support them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from core.captions.lexicon import LONGEST, lexicon, plain
from core.captions.tags import TagSet

CHECKED_FACETS = ("instrument", "voice", "tempo", "genre", "era", "place")
"""Facets in which a term that no tag supports counts against a caption."""

_WORD = re.compile(r"[^\W_]+(?:['’&][^\W_]+)*")
_STEM = re.compile(r"(?:ings?|ers?|ists?|ies|es|s|ed|ic|al|ly|y)$")


@dataclass(frozen=True, slots=True)
class Term:
    """A term in a text: `term` is how the lexicon calls it, `text[start:end]` how it is said (code points)."""

    facet: str
    term: str
    start: int
    end: int
    broader: frozenset[str] = frozenset()


def find(text: str) -> list[Term]:
    """Every term of the lexicon in a text, the longest first where they overlap; one for each facet of it."""
    return list(_find(text))


@lru_cache(maxsize=20_000)
def _find(text: str) -> tuple[Term, ...]:
    words = [(found.group().lower().replace("’", "'"), found.start(), found.end()) for found in _WORD.finditer(text)]
    known, found, place = lexicon(), [], 0
    while place < len(words):
        for length in range(min(LONGEST, len(words) - place), 0, -1):
            part = words[place : place + length]
            entries = known.look(tuple(word for word, _, _ in part))
            if entries and not _apart(text, part):
                start, end = part[0][1], part[-1][2]
                found += [Term(e.facet, e.term, start, end, e.broader) for e in entries if e.facet != "none"]
                place += length
                break
        else:
            place += 1
    return tuple(found)


def _apart(text: str, words: Sequence[tuple[str, int, int]]) -> bool:
    """Whether a comma, stop or bracket stands between the words."""
    gaps = (text[before[2] : after[1]] for before, after in pairwise(words))
    return any(gap.strip(" \n\t-–'’") for gap in gaps)


@dataclass(frozen=True, slots=True)
class Support:
    """What a set of tags supports: made once for an item, asked for each term of its captions."""

    terms: frozenset[tuple[str, str]]  # (facet, term), broader ones included
    families: frozenset[str]  # instruments that are said only by one of their kind
    words: tuple[frozenset[str], ...]  # stems of each tag's words
    rest: tuple[frozenset[str], ...]  # the same without what names an instrument: “bass drum” says nothing of a bass
    tempo: frozenset[str]

    def supports(self, term: Term) -> bool:
        """Whether a tag says this, says it in other words, or says something that includes it."""
        if (term.facet, term.term) in self.terms or term.term in lexicon().loose:
            return True
        if term.facet == "tempo":
            return term.term in self.tempo
        return _in_words(term, self.rest if term.facet == "instrument" else self.words)

    def loosely(self, term: Term) -> bool:
        """Whether tags support an instrument only as the family of one that they name: “percussion” for “shaker”."""
        return term.facet == "instrument" and term.term in self.families and not _in_words(term, self.words)


def _in_words(term: Term, tags: Iterable[frozenset[str]]) -> bool:
    wanted = {stem(word) for word in term.term.split()}
    return any(wanted <= words for words in tags)


def support_of(tags: TagSet, predicted: Iterable[str] = ()) -> Support:
    """What the present tags of an item support, and the predicted ones where a caption may use them."""
    names = [tag.name for tag in tags.present] + [tag.raw for tag in tags.present] + list(predicted)
    return _support(tuple(filter(None, names)))


@lru_cache(maxsize=2_000)
def _support(names: tuple[str, ...]) -> Support:
    known = lexicon()
    terms: set[tuple[str, str]] = set()
    said: set[tuple[str, str]] = set()
    families: set[str] = set()
    tempo: set[str] = set()
    for name in names:
        for term in _find(name):
            said.add((term.facet, term.term))
            terms |= {(term.facet, above) for above in term.broader}
            families |= term.broader if term.facet == "instrument" else set()
            for each in (term.term, *term.broader):
                said |= {("instrument", part) for part in known.includes.get(each, ())}
        for part in re.split(r"[/,]", name):
            if entry := known.whole.get(plain(part)):
                terms |= {(entry.facet, entry.term), *((entry.facet, above) for above in entry.broader)}
        tempo |= known.hints.get(plain(name), frozenset())
    words = tuple(frozenset(stem(word) for word in plain(name).split()) for name in names)
    rest = tuple(frozenset(stem(word) for word in plain(_without_instruments(name)).split()) for name in names)
    return Support(
        frozenset(terms | said), frozenset(families - {name for _, name in said}), words, rest, frozenset(tempo)
    )


def _without_instruments(name: str) -> str:
    for term in reversed(_find(name)):
        if term.facet == "instrument":
            name = name[: term.start] + name[term.end :]
    return name


def supported(term: Term, tags: TagSet, predicted: Sequence[str] = ()) -> bool:
    """Whether the tags (or predicted ones) support a term of a caption."""
    return support_of(tags, predicted).supports(term)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its usual endings, so that “singing”, “sings” and “sing” are one; at least three letters stay."""
    word = word.lower().strip("'’")
    while len(word) > 3:
        shorter = _STEM.sub("", word)
        if shorter == word or len(shorter) < 3:
            break
        word = shorter
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word.rstrip("e") or word
