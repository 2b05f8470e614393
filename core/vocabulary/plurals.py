"""English plurals for names that stand alone: which two words are one thing in singular and plural.

Stricter than `stems.singular`, which serves search: a tag "glasses" is not a tag "glass". Words that are no English
plural (Kubernetes) may lose an s here, too: that matters only where the shorter word is used as well.
"""

from __future__ import annotations

from functools import lru_cache

from core.vocabulary import wordlists

_SHORTEST = 4

OWN_MEANING = frozenset(wordlists.words("own_meaning"))
"""Plurals with a meaning of their own (glasses), and words that only look like plurals (news)."""

_IRREGULAR = {plural: one for one, plural in (pair.split("/") for pair in wordlists.words("irregular"))}
_NOUNS_IN_IC = frozenset(wordlists.words("nouns_in_ic"))


@lru_cache(maxsize=65536)
def one_of(word: str) -> str:
    """A folded word in the form that stands for its singular and plural; not always a word itself."""
    if not word.isascii() or not word.isalpha() or len(word) < _SHORTEST:
        return _IRREGULAR.get(word, word)
    if word in OWN_MEANING and word not in _IRREGULAR:
        return word
    return _IRREGULAR.get(word) or _regular(word)


def _regular(word: str) -> str:
    if word.endswith("men") and len(word) > 5 and not word.endswith(("specimen", "regimen", "abdomen")):
        return word[:-2] + "an"  # firemen
    if not word.endswith("s") or word.endswith(("ss", "us", "is", "xs", "zs", "chs", "shs")):
        return word
    if word.endswith("ics"):
        return word[:-1] if word[:-1] in _NOUNS_IN_IC else word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("iones"):
        return word[:-2]
    if word.endswith("yses"):
        return word[:-2] + "is"
    if word.endswith("eses") and not word.endswith("eeses") and len(word) > 6:
        return word[:-2] + "is"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "iases")):
        return word[:-2]
    if word.endswith("uses") and word[-5] in "rtnpis" and len(word) > 6:
        return word[:-2]
    if word.endswith("oes") and not word.endswith(("shoes", "toes", "foes", "canoes", "woes")):
        return word[:-2]
    return word[:-1]


def without_e(word: str) -> str:
    """A singular by rule, so that it meets the true one: cach(es) and cache, movy (movies) and movie."""
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if word.endswith(("che", "she", "sse", "xe", "ze")) and len(word) > 3:
        return word[:-1]
    return word
