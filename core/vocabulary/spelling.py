"""The form of a name that its spellings share, and which of them two names differ by."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from core.vocabulary.plurals import OWN_MEANING, one_of, without_e
from core.vocabulary.stems import UNSPACED_CHARACTER

_APOSTROPHES = re.compile("['’‘`´ʼ＇]")
_SEPARATORS = re.compile(
    r"(?<!\d)[\s_\-‐‑‒–—/·・.]+|[\s_\-‐‑‒–—/·・]+(?!\d)|(?<=\d)\.(?!\d)|(?<=\d)[\s_\-‐‑‒–—/·・]+(?=\d)"
)
_DIGITS_APART = re.compile(r"(?<=\d)[\s_\-‐‑‒–—/·・]+(?=\d)")
_EDGES = ' .,;:!?"“”„«»()[]{}|~'
_ACCENTS = "\u0300\u0301\u0302\u0304\u0306\u0327"  # grave, acute, circumflex, macron, breve, cedilla
_SHORTEST_ACCENTED = 4
_FACE = 6  # characters of a name in which signs may be what matters
_AND = re.compile(r"\s*&\s*|(?<=\w)[\s_-]+(?:n|'n'|’n’|'n|n')[\s_-]+(?=\w)")

_OUR = (
    *("arm", "behavi", "cand", "clam", "col", "demean", "endeav", "fav", "ferv", "flav", "glam", "harb", "hon", "hum"),
    *("lab", "neighb", "od", "parl", "ranc", "rig", "rum", "sav", "splend", "tum", "val", "vap", "vig", "succ"),
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\b({'|'.join(_OUR)})our"), r"\1or"),
    (re.compile(r"(?<=\w{3})is(e|ed|es|er|ers|ing|ation|ations|able)\b"), r"iz\1"),
    (re.compile(r"(?<=\w{3})lys(e|ed|er|ers|ing)\b"), r"lyz\1"),
    (re.compile(r"(?<=\w{2})(nt|at|et|it|ib|ch|eb|ct)re(s?)\b"), r"\1er\2"),
    (re.compile(r"\b(\w{3,})ogue(s?)\b"), r"\1og\2"),
    (re.compile(r"([aeiou][^\Waeiou]+[aeiou])ll(?=(?:ed|ing|ings|er|ers|ist|ists|or|ors|ous)\b)"), r"\1l"),
    (re.compile(r"\bgrey"), "gray"),
    (re.compile(r"(?<=[a-z]{2})fence(s?)\b"), r"fense\1"),
    (re.compile(r"\b(licen|preten|offen)ce"), r"\1se"),
    (re.compile(r"\baluminium"), "aluminum"),
    (re.compile(r"\bprogramme(s?)\b"), r"program\1"),
    (re.compile(r"(an|h|orthop|encyclop|p|c|arch|di)ae(?=[mdocrs])"), r"\1e"),
    (re.compile(r"\b(o|f|am)e(?=[dst][a-z]{4})"), r"\1e"),
    (re.compile(r"\boe(?=[sd][a-z]{4})"), "e"),
    (re.compile(r"\b(judg|acknowledg)ement"), r"\1ment"),
    (re.compile(r"\bmoustache"), "mustache"),
    (re.compile(r"\b(m|sm)ould(?=(?:s|ed|ing|er|y)?\b)(?<!\bw)"), r"\1old"),
    (re.compile(r"\bpyjama"), "pajama"),
    (re.compile(r"\btyre"), "tire"),
    (re.compile(r"\bcosy\b"), "cozy"),
    (re.compile(r"\bscepti"), "skepti"),
    (re.compile(r"\byoghurt"), "yogurt"),
    (re.compile(r"\bdoughnut"), "donut"),
    (re.compile(r"\bjewellery"), "jewelry"),
    (re.compile(r"\bmaths\b"), "math"),
    (re.compile(r"\bplough"), "plow"),
    (re.compile(r"\bwoollen"), "woolen"),
    (re.compile(r"\b(skil|instal|enrol|fulfil)l(?=(?:ful|ment|s)?\b)"), r"\1"),
)
"""British forms to American ones; where a rule makes no word, it does so for every spelling alike."""


def width_folded(name: str) -> str:
    """NFKC, invisible characters gone, spaces collapsed."""
    text = unicodedata.normalize("NFKC", name)
    return " ".join("".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace()).split())


def case_folded(name: str) -> str:
    """`width_folded` without case."""
    return width_folded(name).casefold()


def spaced(name: str) -> str:
    """`case_folded` as words with one space between them: hyphens, underscores and points are spaces, & is and."""
    folded = case_folded(name)
    if sum(map(str.isalnum, folded)) * 2 <= len(folded) and len(folded) < _FACE:
        return folded  # :d and ;d are all signs
    text = _APOSTROPHES.sub("", _AND.sub(" and ", folded.strip(_EDGES) or folded))
    return " ".join(_SEPARATORS.sub(" ", text).split())


def joined(text: str) -> str:
    """A `spaced` text without its spaces, but for those between two digits."""
    return "".join(
        c for i, c in enumerate(text) if c != " " or (text[i - 1].isdigit() and text[i + 1 : i + 2].isdigit())
    )


def without_accents(text: str) -> str:
    """Latin letters of longer words without the accents that people leave out (café, cafe). Marks that make other
    letters stay (año, schön, other scripts)."""
    if text.isascii() or UNSPACED_CHARACTER.search(text):
        return text
    return " ".join(word if len(word) < _SHORTEST_ACCENTED else _plain_letters(word) for word in text.split(" "))


def _plain_letters(word: str) -> str:
    kept: list[str] = []
    for c in unicodedata.normalize("NFD", word):
        if c not in _ACCENTS or not kept or not kept[-1].isascii():
            kept.append(c)
    return unicodedata.normalize("NFC", "".join(kept))


def american(text: str) -> str:
    """A `spaced` text with British spellings as American ones."""
    if not text.isascii():
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=131072)
def variant_key(name: str) -> str:
    """What all spellings of one name share: case, width, accents, spaces and hyphens, plural, British or American.

    Digits and signs stay: gpt-2 and gpt-3, c and c++ have keys of their own.
    """
    return _without_plural(american(without_accents(spaced(name))))


def _without_plural(text: str) -> str:
    """A `spaced` text joined, every word and the whole in the singular (node js and nodejs lose the same s)."""
    words = text.split()
    if not words:
        return text
    whole = joined(" ".join(one_of(word) for word in words))
    if words[-1] not in OWN_MEANING and not whole.endswith(_KEEP_S):
        whole = one_of(whole)
    return without_e(american(whole))


_KEEP_S = ("news", "glasses", "pants", "goods")


def differences(a: str, b: str) -> tuple[str, ...]:
    """What two names of one key differ by, in the order: width, case, spacing, accents, plural, spelling.

    Returns:
        empty for names that are no variants of each other.
    """
    if a == b or variant_key(a) != variant_key(b):
        return ()
    found: list[str] = []
    one, other = width_folded(a), width_folded(b)
    if (one == a) != (other == b) and one.casefold() == other.casefold():
        found.append("width")
    if one.casefold() == other.casefold():
        return tuple(found + (["case"] if one != other else [])) or ("width",)
    one, other = spaced(a), spaced(b)
    left, right = joined(one), joined(other)
    if left == right:
        return ("spacing",)
    if left.replace(" ", "") and without_accents(left) == without_accents(right):
        return ("accents",)
    if _same_spacing(case_folded(a), case_folded(b)) is False:
        found.append("spacing")
    one, other = without_accents(one), without_accents(other)
    if joined(american(one)) == joined(american(other)):
        return (*found, "spelling")
    if _plain_singular(one) == _plain_singular(other):
        return (*found, "plural")
    return (*found, "plural", "spelling")


def _plain_singular(text: str) -> str:
    return without_e(one_of(joined(" ".join(map(one_of, text.split())))))


def _same_spacing(a: str, b: str) -> bool:
    return [c for c in a if not c.isalnum()] == [c for c in b if not c.isalnum()]
