"""Word forms: words folded, without plural endings, without family endings; and the scripts that have no words.

The rules for endings are English and look for Latin letters only: where there is no such plural, words stay as
they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Han, kana, hangul, Thai, Lao, Tibetan, Myanmar, Khmer: words are not set apart by spaces (hangul: particles cling).
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
# Signs that belong to the letter before them and that `\w` leaves out: accents, points, the scripts of India whole.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
)
_WORD = re.compile(rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])+(?:[+#]{{1,2}}(?!\w))?")

# Endings that English words of one family differ by, the longest first; what stays must have four letters.
_ENDINGS = (
    *("izations", "ization", "ations", "ation", "ators", "ities", "ments", "ator", "ical", "ings", "ions", "isms"),
    *("ists", "ment", "ness", "als", "ers", "ful", "ics", "ing", "ion", "ism", "ist", "ity", "ive", "ors", "ous"),
    *("al", "ed", "er", "es", "ic", "ly", "or", "e", "s", "y"),
)
_STEM_LETTERS = 4


def words_of(text: str) -> Iterator[tuple[str, int, int]]:
    """(folded word, start, end) of every word outside the unspaced scripts."""
    for found in _WORD.finditer(text):
        word = fold_word(found.group())
        if word:
            yield word, found.start(), found.end()


@lru_cache(maxsize=65536)
def fold_word(word: str) -> str:
    """A word without case, width and accents."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=65536)
def singular(word: str) -> str:
    """A folded word without an English plural ending: cities → city, boxes → box, cars → car; bus and glass stay."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A folded word without its ending, so that activism meets activist: one family of words, not always one sense."""
    word = singular(word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_LETTERS:
            return word[: -len(ending)]
    return word


def fold_characters(text: str) -> tuple[str, list[int] | None]:
    """A text without case and width, and for each of its characters the offset it came from; None: the same offset."""
    lowered = text.lower()
    if len(lowered) == len(text) and unicodedata.is_normalized("NFKC", lowered):
        return lowered, None
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        folded = unicodedata.normalize("NFKC", character).lower()
        characters.append(folded)
        offsets.extend([offset] * len(folded))
    return "".join(characters), offsets
