"""Finds the names and aliases of tags in a text, by words or, where a script has no word borders, by characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.vocabulary.stems import UNSPACED_CHARACTER, fold_characters, singular, stem, words_of

Match = Literal["exact", "alias", "stem"]

TEXT_LIMIT = 20_000
"""Characters of a field in which words are looked for."""

_ACRONYM_WORDS = 3
_SHOUTING = 0.6


@dataclass(frozen=True, slots=True)
class Hit:
    """A tag that a text names.

    Attributes:
        tag: position of the tag in the matcher's list.
        start, end: character offsets in the text as it was given.
        match: "exact" (the name, with plural and hyphens folded), "alias" (an alias, or the initials of a name) or
            "stem" (words of the same families).
    """

    tag: int
    start: int
    end: int
    match: Match


class Matcher:
    """Looks for many tags at once; cost grows with the text, not with the vocabulary.

    Args:
        names: for each tag its name, then its aliases.
    """

    def __init__(self, names: Sequence[Sequence[str]]) -> None:
        self._phrases: dict[tuple[str, ...], list[tuple[int, Match]]] = {}
        self._stems: dict[tuple[str, ...], list[int]] = {}
        self._initials: dict[str, list[int]] = {}
        self._unspaced: dict[str, list[tuple[str, int, Match]]] = {}
        for tag, spellings in enumerate(names):
            for position, spelling in enumerate(spellings):
                self._add(tag, spelling, "alias" if position else "exact")
        self._lengths = _lengths_by_first(self._phrases)
        self._stem_lengths = _lengths_by_first(self._stems)

    def _add(self, tag: int, spelling: str, match: Match) -> None:
        if UNSPACED_CHARACTER.search(spelling):
            key, _ = fold_characters(spelling.strip())
            if key:
                self._unspaced.setdefault(key[:2], []).append((key, tag, match))
            return
        words = [word for word, *_ in words_of(spelling)]
        if not words:
            return
        whole = tuple(singular(word) for word in words)
        for phrase in {whole, (singular("".join(words)),)}:
            self._phrases.setdefault(phrase, []).append((tag, match))
        self._stems.setdefault(tuple(stem(word) for word in words), []).append(tag)
        if len(words) >= _ACRONYM_WORDS and all(word[0].isalpha() for word in words):
            self._initials.setdefault("".join(word[0] for word in words), []).append(tag)

    def find(self, text: str) -> dict[int, Hit]:
        """The tags that the text names, each with its best and then earliest place."""
        text = text[:TEXT_LIMIT]
        found: dict[int, Hit] = {}
        words = list(words_of(text))
        singulars = [singular(word) for word, *_ in words]
        for first, length in _windows(singulars, self._lengths):
            for tag, match in self._phrases.get(tuple(singulars[first : first + length]), ()):
                _keep(found, Hit(tag, words[first][1], words[first + length - 1][2], match))
        if self._initials and not _shouts(text):
            for word, start, end in words:
                if len(word) >= _ACRONYM_WORDS and sum(map(str.isupper, text[start:end])) >= 2:
                    for tag in self._initials.get(word) or self._initials.get(word.removesuffix("s")) or ():
                        _keep(found, Hit(tag, start, end, "alias"))
        if self._stems:
            stems = [stem(word) for word, *_ in words]
            for first, length in _windows(stems, self._stem_lengths):
                for tag in self._stems.get(tuple(stems[first : first + length]), ()):
                    _keep(found, Hit(tag, words[first][1], words[first + length - 1][2], "stem"))
        if self._unspaced and UNSPACED_CHARACTER.search(text):
            self._find_unspaced(text, found)
        return found

    def _find_unspaced(self, text: str, found: dict[int, Hit]) -> None:
        folded, offsets = fold_characters(text)
        for position in range(len(folded)):
            for size in (2, 1):
                for key, tag, match in self._unspaced.get(folded[position : position + size], ()):
                    if len(key) < 2 and size == 2:
                        continue
                    if folded.startswith(key, position):
                        last = position + len(key) - 1
                        start = position if offsets is None else offsets[position]
                        end = (last if offsets is None else offsets[last]) + 1
                        _keep(found, Hit(tag, start, end, match))


_RANK = {"exact": 0, "alias": 1, "stem": 2}


def _keep(found: dict[int, Hit], hit: Hit) -> None:
    known = found.get(hit.tag)
    if known is None or (_RANK[hit.match], hit.start) < (_RANK[known.match], known.start):
        found[hit.tag] = hit


def _lengths_by_first(phrases: Iterable[tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = {}
    for phrase in phrases:
        lengths.setdefault(phrase[0], set()).add(len(phrase))
    return {first: tuple(sorted(sizes)) for first, sizes in lengths.items()}


def _windows(words: Sequence[str], lengths: dict[str, tuple[int, ...]]) -> Iterator[tuple[int, int]]:
    for first, word in enumerate(words):
        for length in lengths.get(word, ()):
            if first + length <= len(words):
                yield first, length


def _shouts(text: str) -> bool:
    """True for a text in capitals, where a word in capitals is no acronym."""
    letters = [c for c in text[:2000] if c.isalpha()]
    return len(letters) > 20 and sum(map(str.isupper, letters)) > _SHOUTING * len(letters)
