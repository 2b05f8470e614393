"""Whether two tags exclude each other: negation, polarity, numbers, sizes, directions, gender, seasons, animals.

Opposites stand in the same places of a text, so that encoders put them side by side (and an encoder that cannot read
them gives them one vector): such pairs are never proposed for merging. A pair that is named opposed by mistake costs
one proposal; one that is missed merges weight loss with weight gain.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from core.vocabulary import wordlists
from core.vocabulary.stems import UNSPACED_CHARACTER, fold_characters, fold_word, singular, words_of

_READ = 200  # characters of a tag that are compared
_LONGEST_TERM = 8
_REST_LETTERS = 3  # of what follows a beginning (up-load, un-real) for it to be one

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_ROMAN = frozenset(
    [
        "i",
        "ii",
        "iii",
        "iv",
        "v",
        "vi",
        "vii",
        "viii",
        "ix",
        "x",
        "xi",
        "xii",
        "xiii",
        "xiv",
        "xv",
        "xvi",
        "xvii",
        "xviii",
        "xix",
        "xx",
    ]
)
_SIGNS = re.compile(r"[+#*°℃℉%$€£¥<>=≥≤±&@]")


@dataclass(frozen=True, slots=True)
class _Sense:
    group: int
    pole: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """What of a tag is compared.

    Attributes:
        text: without case and width.
        solid: letters and digits alone.
        words: its words in scripts that have them.
        poles: group → pole → how often it is named.
        bound: the same for single characters beside one neighbour: (group, side, neighbour) → pole → how often.
        numbers: the numbers in it, in digits or words, rising.
        negators: how many words that turn the rest round.
        rest: the words, and characters of unspaced scripts, that are left without them.
        unspaced: whether it has characters of scripts without spaces.
    """

    text: str
    solid: str
    words: tuple[str, ...]
    poles: dict[int, dict[int, int]]
    bound: dict[tuple[int, int, str], dict[int, int]]
    numbers: tuple[str, ...]
    negators: int
    rest: frozenset[str]
    unspaced: bool


def opposed(a: str, b: str) -> str | None:
    """Why two tags exclude each other, as "kind: one/other"; None where nothing says so.

    Symmetric up to the order of the two words in the reason; a tag is never opposed to itself.
    """
    one, other = _read(a), _read(b)
    if one.text == other.text:
        return None
    if one.solid and one.solid == other.solid and one.numbers == other.numbers and not _signs_differ(one, other):
        return None  # written apart or together
    return (
        _numbers(one, other)
        or _contrast(one.poles, other.poles)
        or _bound_contrast(one, other)
        or _negation(one, other)
        or _framed(one, other)
        or _by_words(one, other)
    )


def numbers_differ(a: str, b: str) -> bool:
    """Whether the numbers in two tags are not the same (gpt and gpt-2, too): they may be related, never one."""
    return _read(a).numbers != _read(b).numbers


# --------------------------------------------------------------------------------------------------- the lists

_kinds: list[str] = []
_words: dict[str, list[_Sense]] = {}
_terms: dict[str, list[_Sense]] = {}
_characters: dict[str, list[_Sense]] = {}
_beginnings: dict[str, list[_Sense]] = {}

_ENDINGS = {"english": ("",), "romance": ("", "s", "es"), "german": ("", "e", "er", "en", "es", "em"), "russian": ("",)}
_SHORTEST_INFLECTED = 3


def _forms(word: str, language: str) -> set[str]:
    folded = fold_word(word)
    forms = {folded}
    if len(folded) > _SHORTEST_INFLECTED:
        forms |= {folded + ending for ending in _ENDINGS[language]}
        if language == "romance" and folded.endswith("o"):
            forms |= {folded[:-1] + ending for ending in ("a", "os", "as", "i", "e")}
    return forms


def _put(table: dict[str, list[_Sense]], term: str, sense: _Sense) -> None:
    senses = table.setdefault(term, [])
    if sense not in senses:
        senses.append(sense)


def _load() -> None:
    for language in _ENDINGS:
        for kind, poles in wordlists.sets(f"opposites_{language}"):
            _kinds.append(kind)
            for pole, words in enumerate(poles):
                for word in words:
                    for form in _forms(word, language):
                        _put(_words, form, _Sense(len(_kinds) - 1, pole))
    for kind, poles in wordlists.sets("opposites_prefixes"):
        _kinds.append(kind)
        for pole, words in enumerate(poles):
            for word in words:
                _put(_beginnings, word, _Sense(len(_kinds) - 1, pole))
    for language in ("chinese", "japanese", "korean"):
        for kind, poles in wordlists.sets(f"opposites_{language}"):
            _kinds.append(kind)
            for pole, terms in enumerate(poles):
                for term in terms:
                    sense = _Sense(len(_kinds) - 1, pole)
                    folded, _ = fold_characters(term.removesuffix("!"))
                    _put(_terms if len(folded) > 1 or term.endswith("!") else _characters, folded, sense)


_load()
_NEGATORS = frozenset(map(fold_word, wordlists.words("negators")))
_NUMBER_WORDS = {
    fold_word(word): value for value, *words in map(str.split, wordlists.lines("numbers")) for word in words
}
_AFTER = frozenset({"free", "frei", "libre", "less"})  # sugar-free
_UNSPACED_NEGATORS = frozenset(wordlists.words("negators_unspaced"))
_DIRECTED = frozenset(wordlists.words("directed"))
_KIND_WORDS = frozenset(wordlists.words("kinds"))
_NEGATIVE_PREFIXES = (
    "un",
    "non",
    "in",
    "im",
    "il",
    "ir",
    "dis",
    "de",
    "anti",
    "mis",
    "contra",
    "counter",
    "a",
    "nicht",
)
_NEGATIVE_SUFFIXES = ("less", "free", "frei", "los")
_STRONG_NEGATORS = frozenset("不没沒非未无無勿莫")


# ------------------------------------------------------------------------------------------------- one tag read


@lru_cache(maxsize=131072)
def _read(tag: str) -> _Reading:
    text, _ = fold_characters(" ".join(tag[:_READ].split()))
    text = _APOSTROPHE.sub("", text)
    unspaced = UNSPACED_CHARACTER.search(text) is not None
    words = tuple(word for word, *_ in words_of(text))
    poles: dict[int, dict[int, int]] = {}
    numbers = [number.replace(",", ".").lstrip("0") or "0" for number in _NUMBER.findall(text)]
    for word in words:
        for sense in _words.get(word) or _words.get(singular(word)) or ():
            _count(poles, sense.group, sense.pole)
        if word in _NUMBER_WORDS:
            numbers.append(_NUMBER_WORDS[word])
    bound: dict[tuple[int, int, str], dict[int, int]] = {}
    turned = [word in _NEGATORS or (place > 0 and word in _AFTER) for place, word in enumerate(words)]
    negators = sum(turned)
    rest = {singular(word) for word, turns in zip(words, turned, strict=True) if not turns}
    if unspaced:
        dense = "".join(text.split())
        _find_terms(dense, poles, bound)
        marks = [c for c in dense if UNSPACED_CHARACTER.match(c)]
        negators += sum(c in _STRONG_NEGATORS for c in marks)
        rest.update(c for c in marks if c not in _STRONG_NEGATORS and c not in "的了地得之")
    solid = "".join(c for c in text if c.isalnum())
    return _Reading(text, solid, words, poles, bound, tuple(sorted(numbers)), negators, frozenset(rest), unspaced)


def _count(poles: dict[int, dict[int, int]], group: int, pole: int) -> None:
    found = poles.setdefault(group, {})
    found[pole] = found.get(pole, 0) + 1


def _find_terms(text: str, poles: dict[int, dict[int, int]], bound: dict[tuple[int, int, str], dict[int, int]]) -> None:
    for start, character in enumerate(text):
        for sense in _characters.get(character, ()):
            for side, place in ((0, start - 1), (1, start + 1)):
                if 0 <= place < len(text):
                    found = bound.setdefault((sense.group, side, text[place]), {})
                    found[sense.pole] = found.get(sense.pole, 0) + 1
        for end in range(start + 1, min(start + _LONGEST_TERM, len(text)) + 1):
            for sense in _terms.get(text[start:end], ()):
                _count(poles, sense.group, sense.pole)


# ------------------------------------------------------------------------------------------------ two compared


def _numbers(one: _Reading, other: _Reading) -> str | None:
    if one.numbers == other.numbers or not one.numbers or not other.numbers:
        return None
    left, right = Counter(one.numbers) - Counter(other.numbers), Counter(other.numbers) - Counter(one.numbers)
    return f"number: {' '.join(left) or '…'}/{' '.join(right) or '…'}"


def _contrast(one: dict[int, dict[int, int]], other: dict[int, dict[int, int]]) -> str | None:
    for group, poles in one.items():
        others = other.get(group)
        if others and (pair := _poles_apart(poles, others)):
            return _reason(group, pair)
    return None


def _bound_contrast(one: _Reading, other: _Reading) -> str | None:
    for place, poles in one.bound.items():
        others = other.bound.get(place)
        if others and (pair := _poles_apart(poles, others)):
            return _reason(place[0], pair)
    return None


def _poles_apart(one: dict[int, int], other: dict[int, int]) -> tuple[int, int] | None:
    """A pole that the one names more often, and another that the other does."""
    for pole, times in one.items():
        if times > other.get(pole, 0):
            for rival, rival_times in other.items():
                if rival != pole and rival_times > one.get(rival, 0):
                    return pole, rival
    return None


@lru_cache(maxsize=4096)
def _pole_names(group: int) -> dict[int, str]:
    names: dict[int, str] = {}
    for table in (_words, _terms, _characters, _beginnings):
        for term, senses in table.items():
            for sense in senses:
                if sense.group == group:
                    names.setdefault(sense.pole, term)
    return names


def _reason(group: int, pair: tuple[int, int]) -> str:
    names = _pole_names(group)
    return f"{_kinds[group]}: {names[pair[0]]}/{names[pair[1]]}"


def _negation(one: _Reading, other: _Reading) -> str | None:
    if one.negators == other.negators:
        return None
    if one.rest and other.rest and (one.rest <= other.rest or other.rest <= one.rest):
        return "negation"
    return None


def _framed(one: _Reading, other: _Reading) -> str | None:
    """The two as one frame with two different middles."""
    left, right = _middles(one.text, other.text)
    if one.unspaced or other.unspaced:
        for longer, shorter in ((left, right), (right, left)):
            if not shorter.strip() and longer.strip() in _UNSPACED_NEGATORS:
                return f"negation: {longer.strip()}"
    for table in (_terms, _characters):
        for sense in table.get(left, ()):
            for rival in (*_terms.get(right, ()), *_characters.get(right, ())):
                if sense.group == rival.group and sense.pole != rival.pole:
                    return _reason(sense.group, (sense.pole, rival.pole))
    if _signs_differ(one, other):
        return f"sign: {left or '…'}/{right or '…'}"
    return None


def _signs_differ(one: _Reading, other: _Reading) -> bool:
    """c, c++ and c#: what is left without the signs is the same, the signs are not."""
    mine, theirs = _SIGNS.findall(one.text), _SIGNS.findall(other.text)
    return mine != theirs and one.solid == other.solid


def _middles(a: str, b: str) -> tuple[str, str]:
    """What is left of two strings without their common beginning and, then, their common end."""
    shorter = min(len(a), len(b))
    start = 0
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return a[start : len(a) - end], b[start : len(b) - end]


def _by_words(one: _Reading, other: _Reading) -> str | None:
    """Numbers, letters, kinds and opposite parts of the words that only one of the two has."""
    if not one.words and not other.words:
        return None
    left, right = _without(one.words, other.words), _without(other.words, one.words)
    if len(left) == len(right) == 1:
        if left[0] in _ROMAN and right[0] in _ROMAN:
            return f"number: {left[0]}/{right[0]}"
        if len(left[0]) == len(right[0]) == 1:
            return f"letter: {left[0]}/{right[0]}"
    elif len(left) + len(right) == 1:
        (extra,) = left or right
        if extra in _ROMAN - {"i", "v", "x"} and len(one.words) + len(other.words) > 1:
            return f"number: {extra}"
        if extra in _KIND_WORDS:
            return f"kind: {extra}"
    if not left and not right and one.words != other.words and _DIRECTED & set(one.words[1:-1]):
        return f"direction: {' '.join(one.words)}/{' '.join(other.words)}"  # text to image, image to text
    for mine, theirs in ((left, right), (right, left)):
        if len(theirs) == 2 and len(mine) == 1 and theirs[0] in _KIND_WORDS and theirs[1] == mine[0]:
            return f"kind: {theirs[0]}"
    for a in left:
        for b in right:
            if reason := _word_against(a, b):
                return reason
    return None


def _without(one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    """The words of the one that the other does not have, each as often as it has more of it."""
    left = list(one)
    for word in other:
        if word in left:
            left.remove(word)
    return left


@lru_cache(maxsize=65536)
def _word_against(a: str, b: str) -> str | None:
    first, second = (a, b) if (len(a), a) <= (len(b), b) else (b, a)
    if len(first) < _REST_LETTERS:
        return None
    for prefix in _NEGATIVE_PREFIXES:
        bare = second.removeprefix(prefix)
        if bare != second and len(first) >= _REST_LETTERS + 1 and singular(bare) == singular(first):
            return f"negation: {first}/{second}"
    for suffix in _NEGATIVE_SUFFIXES:
        bare = second.removesuffix(suffix)
        if bare != second and singular(bare) == singular(first):
            return f"negation: {first}/{second}"
    for one, other in ((a, b), (b, a)):
        if one.endswith("less") and other.startswith(one[:-5] or " ") and other[len(one) - 4 :] in _HAVING:
            return f"negation: {a}/{b}"
    left, right = _middles(a, b)
    for grow_left in range(5):
        for grow_right in range(4):
            reason = _grown(a, b, left, right, grow_left, grow_right)
            if reason:
                return reason
    return None


_HAVING = ("ful", "ed", "y", "d", "some")


def _grown(a: str, b: str, left: str, right: str, before: int, after: int) -> str | None:
    """Whether the different middles of two words, with so many of the letters around them, are opposite parts."""
    start = _common_start(a, b)
    end = len(a) - start - len(left)
    if before > start or after > end:
        return None
    one = a[start - before : start + len(left) + after]
    other = b[start - before : start + len(right) + after]
    rest = len(a) - len(one)
    if rest < _REST_LETTERS:
        return None
    if before == start:  # at the beginning
        for sense in _beginnings.get(one, ()):
            for rival in _beginnings.get(other, ()):
                if sense.group == rival.group and sense.pole != rival.pole:
                    return f"{_kinds[sense.group]}: {a}/{b}"
    if min(len(one), len(other)) >= _REST_LETTERS and (before == start or after == end):
        for sense in _words.get(one, ()):
            for rival in _words.get(other, ()):
                if sense.group == rival.group and sense.pole != rival.pole:
                    return f"{_kinds[sense.group]}: {a}/{b}"
    return None


def _common_start(a: str, b: str) -> int:
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    return start
