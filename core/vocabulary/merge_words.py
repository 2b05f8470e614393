"""How the words of two names relate: the same in another order, one with an addition, one inside the other."""

from __future__ import annotations

from collections.abc import Iterator

from core.vocabulary import wordlists
from core.vocabulary.abbreviations import words
from core.vocabulary.plurals import one_of
from core.vocabulary.spelling import spaced, variant_key
from core.vocabulary.stems import UNSPACED_CHARACTER, stem

_LIGHT_WORDS = frozenset(map(one_of, wordlists.words("light")))
_LIGHT_TERMS = wordlists.words("light_unspaced")
_DIRECTED = frozenset(wordlists.words("directed"))


def word_bag(name: str) -> tuple[str, ...]:
    """Stems of a name in no order; for unspaced scripts the two halves at a change of script. Empty: no such form."""
    if UNSPACED_CHARACTER.search(name):
        return script_parts(name)
    found = words(name)
    if not found or not all(word.isascii() for word in found) or not any(word.isalpha() for word in found):
        return ()
    if len(found) == 1:
        return (stem(found[0]),) if len(found[0]) > 6 else ()
    return tuple(sorted(map(stem, found)))


def script_parts(name: str) -> tuple[str, ...]:
    """手工DIY and DIY手工: the runs of one script in a name, in no order."""
    parts: list[str] = []
    unspaced_before: bool | None = None
    for c in spaced(name):
        if c == " ":
            unspaced_before = None
            continue
        unspaced = UNSPACED_CHARACTER.match(c) is not None
        if unspaced == unspaced_before:
            parts[-1] += c
        else:
            parts.append(c)
        unspaced_before = unspaced
    return tuple(sorted(parts)) if len(parts) == 2 and min(map(len, parts)) > 1 else ()


def only_order(a: str, b: str) -> bool:
    """Whether two names have the same words, but for singular and plural, in another order."""
    if UNSPACED_CHARACTER.search(a):
        return script_parts(a) == script_parts(b)
    return sorted(map(one_of, words(a))) == sorted(map(one_of, words(b)))


def order_matters(name: str) -> bool:
    """image to text is not text to image."""
    return any(word in _DIRECTED or word.isdigit() for word in words(name)[1:-1])


def without_light(found: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(key of the rest, what was left out) for a light word at the beginning or end."""
    if len(found) < 2:
        return
    for rest, extra in ((found[1:], found[0]), (found[:-1], found[-1])):
        if one_of(extra) in _LIGHT_WORDS and not all(one_of(word) in _LIGHT_WORDS for word in rest):
            yield variant_key(" ".join(rest)), extra


def without_light_terms(name: str) -> Iterator[tuple[str, str]]:
    if not UNSPACED_CHARACTER.search(name):
        return
    for term in _LIGHT_TERMS:
        for rest in (name.removesuffix(term), name.removeprefix(term)):
            if rest != name and len(rest) > 1:
                yield variant_key(rest), term


def nested(a: str, b: str) -> bool:
    """Whether one name holds the other: mostly broader and narrower, not the same."""
    one, other = set(map(stem, words(a))), set(map(stem, words(b)))
    if one and other and (one < other or other < one):
        return True
    left, right = variant_key(a), variant_key(b)
    return left != right and bool(UNSPACED_CHARACTER.search(a)) and (left in right or right in left)


def likeness(a: str, b: str) -> float:
    """Share of the pairs of neighbouring characters that two names have in common (Dice)."""
    one, other = _bigrams(variant_key(a)), _bigrams(variant_key(b))
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(max(1, len(text) - 1))}
