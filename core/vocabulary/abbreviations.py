"""Short forms of names: initialisms (nlp), blends of beginnings (recsys), numeronyms (k8s), one word for a phrase in
a longer name (pos-tagging for part-of-speech-tagging).

Whether a short form is meant is never certain from letters alone: `Abbreviations.meanings` gives every name that it
could stand for, so that the caller can ask for a single one or for further evidence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from core.vocabulary import wordlists
from core.vocabulary.plurals import one_of
from core.vocabulary.spelling import american, spaced, without_accents
from core.vocabulary.stems import UNSPACED_CHARACTER

Kind = Literal["initialism", "blend", "numeronym", "symbol"]

SHORTEST_INITIALISM = 2
LONGEST_SHORT = 8
MOST_WORDS = 8
_NUMERONYM = re.compile(r"^([a-z])(\d{1,2})([a-z])$")
_LEAST_HIDDEN = 5  # letters that a numeronym's number stands for: i18n hides 18, b2b is another thing
_SMALL = frozenset({"a", "an", "and", "as", "at", "by", "de", "der", "des", "di", "du", "et", "for", "from", "in"}) | {
    *("la", "le", "of", "on", "or", "the", "to", "und", "van", "von", "with", "y"),
}
_COMBINING = tuple(sorted(wordlists.words("combining"), key=len, reverse=True))
_LEAST_PART = 3
_SYMBOLS = {"+": "p", "#": "s"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """A name that a short form may stand for.

    Attributes:
        short, long: positions in the list of names.
        kind: how the letters were taken.
        exact: every word gave its first letter (of, and, the and the like need not), none was split.
        within: True where only a part of both names is the short and long form.
    """

    short: int
    long: int
    kind: Kind
    exact: bool
    within: bool = False


@lru_cache(maxsize=131072)
def words(name: str) -> tuple[str, ...]:
    """Words of a name for taking initials: folded, American, without accents; signs spelled at their letter."""
    return tuple(american(without_accents(spaced(name))).split())


class Abbreviations:
    """Short and long forms among many names; cost grows with the names, not with their pairs.

    Args:
        names: the names; positions in this list identify them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        # scripts without spaces make short forms otherwise: no initials there
        self._words = [() if UNSPACED_CHARACTER.search(name) else words(name) for name in self.names]
        self._singles: dict[str, list[int]] = defaultdict(list)
        for place, found in enumerate(self._words):
            if len(found) == 1:
                self._singles[found[0]].append(place)
        self._parts = {word for word in self._singles if len(word) >= _LEAST_PART and word.isalpha()}
        self._parts |= {word for found in self._words for word in found if len(found) > 1 and len(word) > _LEAST_PART}

    def meanings(self) -> Iterator[Meaning]:
        """Every pair of a short form and a name that it could stand for; a pair comes once, exact ones first."""
        seen: dict[tuple[int, int], Meaning] = {}
        for found in (*self._initialisms(), *self._symbols(), *self._numeronyms(), *self._blends(), *self._within()):
            if found.short == found.long:
                continue
            known = seen.get((found.short, found.long))
            if known is None or (found.exact and not known.exact):
                seen[found.short, found.long] = found
        yield from sorted(seen.values(), key=lambda m: (m.short, m.long))

    def _initialisms(self) -> Iterator[Meaning]:
        for place, name in enumerate(self._words):
            for letters, exact in self.initials(name):
                for short in (letters, letters + "s") if len(letters) > SHORTEST_INITIALISM else (letters,):
                    for other in self._singles.get(short, ()):
                        yield Meaning(other, place, "initialism", exact)

    def initials(self, name: tuple[str, ...]) -> set[tuple[str, bool]]:
        """The initialisms of a name, each with whether every word gave its first letter and
        no more; of, and, the and the like may be left out."""
        if len(name) > MOST_WORDS or not name:
            return set()
        found: set[tuple[str, bool]] = set()
        content = [word for word in name if word not in _SMALL]
        for chosen in (name, tuple(content)):
            split = [part for word in chosen for part in self.split(word)]
            for parts, exact in ((chosen, True), (split, list(chosen) == split)):
                if len(parts) > 1:
                    letters = "".join(part[0] for part in parts)
                    found.add((letters, exact))
                    found.add(("".join(_digit(part) for part in parts), False))
        for place in (0, len(name) - 1):  # a short form inside: temporal cnn is tcnn
            inside = name[place]
            if len(name) > 1 and 2 <= len(inside) <= 4 and not _has_vowel(inside):
                rest = "".join(word[0] for word in (name[1:] if place == 0 else name[:-1]))
                found.add((inside + rest if place == 0 else rest + inside, False))
        return {(s, exact) for s, exact in found if SHORTEST_INITIALISM <= len(s) <= LONGEST_SHORT and not s.isdigit()}

    def split(self, word: str) -> list[str]:
        """The parts of a compound: those that begin with a combining form, or are words of these names."""
        for prefix in _COMBINING:
            if word.startswith(prefix) and len(word) - len(prefix) > _LEAST_PART:
                return [prefix, word[len(prefix) :]]
        for cut in range(_LEAST_PART, len(word) - _LEAST_PART + 1):
            if word[:cut] in self._parts and (word[cut:] in self._parts or one_of(word[cut:]) in self._parts):
                return [word[:cut], word[cut:]]
        for cut in range(_LEAST_PART + 1, len(word) - _LEAST_PART):
            if word[:cut] in self._singles and word[cut] not in "aeiou":  # begins with another of the names
                return [word[:cut], word[cut:]]
        return [word]

    def _symbols(self) -> Iterator[Meaning]:
        """c++ is cpp or cplusplus, c# is csharp."""
        for place, name in enumerate(self._words):
            text = "".join(name)
            if len(name) == 1 and text and any(sign in text for sign in _SYMBOLS) and text[0].isalpha():
                for written in (
                    text.replace("+", "p"),
                    text.replace("+", "plus").replace("#", "sharp"),
                ):
                    for other in self._singles.get(written, ()):
                        yield Meaning(other, place, "symbol", True)

    def _numeronyms(self) -> Iterator[Meaning]:
        wanted: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        for word, places in self._singles.items():
            shape = _NUMERONYM.match(word)
            if shape and int(shape[2]) >= _LEAST_HIDDEN:
                wanted[shape[1], shape[3], int(shape[2])] += places
        if not wanted:
            return
        for place, name in enumerate(self._words):
            text = "".join(name)
            if text.isalpha():
                for short in wanted.get((text[0], text[-1], len(text) - 2), ()):
                    yield Meaning(short, place, "numeronym", True)

    def _blends(self) -> Iterator[Meaning]:
        """Beginnings of the words run together: rec(ommendation) sys(tems), n(atural) l(anguage) proc(essing)."""
        by_ends: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, name in enumerate(self._words):
            if 1 < len(name) <= MOST_WORDS or (len(name) == 1 and len(self.split(name[0])) > 1):
                last = name[-1]
                for part in {last, *self.split(last)}:
                    by_ends[name[0][0], part[0]].append(place)
        for short, places in self._singles.items():
            if not 3 <= len(short) <= LONGEST_SHORT or not short.isalnum() or not short.isascii():
                continue
            for last in set(short[1:]):
                for place in by_ends.get((short[0], last), ()):
                    if self.blends(short, self._words[place]):
                        for other in places:
                            yield Meaning(other, place, "blend", False)

    def blends(self, short: str, name: tuple[str, ...]) -> bool:
        """Whether a short form is made of the beginnings of the words of a name, most of which it leaves out."""
        content = [word for word in name if word not in _SMALL]
        parts = [part for word in content for part in self.split(word)]
        whole = "".join(parts)
        if len(parts) < 2 or len(short) > 0.65 * len(whole) or whole.startswith(short):
            return False
        return _consumed(short, tuple(parts), longest=False)

    def _within(self) -> Iterator[Meaning]:
        """Names that differ by a short form and its long form: tf js and tensorflow js."""
        by_rest: dict[tuple[str, ...], list[tuple[int, str]]] = defaultdict(list)
        for place, name in enumerate(self._words):
            if 2 <= len(name) <= 4:
                for cut in range(len(name)):
                    word = name[cut]
                    if 2 <= len(word) <= 5 and word.isalnum() and not word.isdigit():
                        by_rest[(*name[:cut], "", *name[cut + 1 :])].append((place, word))
        if not by_rest:
            return
        for place, name in enumerate(self._words):
            if not 2 <= len(name) <= MOST_WORDS:
                continue
            for start in range(len(name)):
                for end in range(start + 1, len(name) + 1):
                    if end - start == len(name):
                        continue
                    rest = (*name[:start], "", *name[end:])
                    for other, word in by_rest.get(rest, ()):
                        if other != place and any(s == word for s, _ in self.initials(name[start:end])):
                            yield Meaning(other, place, "initialism", False, within=True)


def _digit(part: str) -> str:
    return _CARDINALS.get(part) or (part if part.isdigit() else part[0])


ORDINARY_WORDS = frozenset(wordlists.words("ordinary_short"))
"""Common short words: one of them in small letters is not taken for initials."""

_CARDINALS = {
    word: value
    for value, *words in (line.split() for line in wordlists.lines("numbers"))
    for word in words
    if word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
}


def _has_vowel(word: str) -> bool:
    return any(c in "aeiou" for c in word)


def _consumed(short: str, parts: tuple[str, ...], longest: bool) -> bool:
    """Whether the short form is a beginning of each part in turn: single letters, then longer beginnings to the end
    (nl-proc, rec-sys). Single letters alone are initials; a long one before a single letter is another word."""
    if not parts:
        return not short and longest
    first = parts[0]
    for taken in range(1, min(len(first), len(short)) + 1):
        if short[taken - 1] != first[taken - 1]:
            return False
        if (taken >= _LEAST_PART or (taken == 1 and not longest)) and _consumed(
            short[taken:], parts[1:], longest or taken >= _LEAST_PART
        ):
            return True
    return False
