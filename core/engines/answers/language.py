"""Whether words are in the language that was asked for: by their script, and among languages of one script by the small
words that every longer text has. Names alone are in no language, and short words are given the benefit of the doubt.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOOKED_AT = 4000
LEAST_LETTERS = 8  # that a text needs for its script to say anything; a dense letter counts for DENSE
DENSE = 3
SHARE = 0.3  # of the letters that a text in a language has in its script at least: names and terms take the rest
LEAST_COMMON = 3  # words in small letters that a text of another script needs: fewer are names
LEAST_WORDS = 8
LEAST_SMALL = 3  # small words of another language
TIMES = 2  # how much more of them than of the wanted one's
KANA = 0.05  # share of kana in Japanese that is more than a few words
MANY_HAN = 20  # of them with no kana: Chinese
_FILE = Path(__file__).with_name("words") / "languages.txt"
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_STARTS = (
    (0x0000, "latin"), (0x0370, "greek"), (0x0400, "cyrillic"), (0x0530, "other"), (0x0590, "hebrew"),
    (0x0600, "arabic"), (0x0780, "other"), (0x0900, "devanagari"), (0x0980, "bengali"), (0x0A00, "other"),
    (0x0B80, "tamil"), (0x0C00, "other"), (0x0E00, "thai"), (0x0E80, "other"), (0x1100, "hangul"),
    (0x1200, "other"), (0x1C80, "cyrillic"), (0x1C90, "other"), (0x1E00, "latin"), (0x1F00, "greek"),
    (0x2000, "latin"), (0x2DE0, "cyrillic"), (0x2E00, "other"), (0x2E80, "han"), (0x3040, "kana"), (0x3100, "han"),
    (0x3130, "hangul"), (0x3190, "han"), (0x31F0, "kana"), (0x3200, "han"), (0xA000, "other"), (0xA720, "latin"),
    (0xA800, "other"), (0xAC00, "hangul"), (0xD7B0, "other"), (0xF900, "han"), (0xFB00, "latin"),
    (0xFB1D, "hebrew"), (0xFB50, "arabic"), (0xFE00, "other"), (0xFE70, "arabic"), (0xFF00, "latin"),
    (0xFF66, "kana"), (0xFFA0, "hangul"), (0xFFE0, "other"), (0x20000, "han"), (0x40000, "other"),
)  # fmt: skip
_POINTS = [start for start, _ in _STARTS]
_DENSE = ("han", "kana", "hangul")


@dataclass(frozen=True, slots=True)
class Language:
    """A language as words/languages.txt has it."""

    code: str
    name: str
    scripts: tuple[str, ...]
    small: frozenset[str]


def language_of(wanted: str) -> Language | None:
    """The language that a person names: "German", "Deutsch", "de", "de-AT"; None where it is not known."""
    names = _names()
    said = " ".join(wanted.casefold().replace("_", "-").split())
    plain = re.sub(r"\s*[(（].*?[)）]", "", said)
    for each in (said, plain, plain.split("-")[0].strip(), plain.split(",")[0].strip()):
        if each in names:
            return names[each]
    return next((found for word in _WORD.findall(plain) if len(word) > 3 and (found := names.get(word))), None)


def mismatch(text: str, wanted: str) -> str | None:
    """What is wrong with a text that is not in the wanted language, as a sentence for the model; None where it is, or
    where nobody can tell: short words, names, a language that is not known here.

    Args:
        text: a caption, or tags with commas between them.
        wanted: as a person names a language; "" for any.
    """
    language = language_of(wanted) if wanted.strip() else None
    text = text[:LOOKED_AT]
    letters = Counter(_script(c) for c in text if c.isalpha()) if language is not None else Counter()
    weighted = {script: n * (DENSE if script in _DENSE else 1) for script, n in letters.items()}
    total = sum(weighted.values())
    if language is None or total < LEAST_LETTERS:
        return None
    own = sum(weighted.get(script, 0) for script in language.scripts)
    if own < SHARE * total:
        rest = max((s for s in weighted if s not in language.scripts), key=lambda s: weighted[s], default="latin")
        if rest == "latin" and sum(word.islower() for word in _WORD.findall(text)) < LEAST_COMMON:
            return None  # names
        return _complaint(_guessed(text, rest, letters), language)
    if language.scripts[-1] == "han":
        return _han(letters, language)
    return _other_words(text, language)


def _han(letters: Counter[str], language: Language) -> str | None:
    kana, han = letters["kana"], letters["han"]
    if language.code == "zh" and kana > KANA * (kana + han) and kana > 1:
        return _complaint(_names()["ja"], language)
    if language.code == "ja" and not kana and han >= MANY_HAN:
        return _complaint(_names()["zh"], language)
    return None


def _other_words(text: str, language: Language) -> str | None:
    """Languages that share a script differ in their small words; a list of nouns has none, and says nothing."""
    other = _best(text, language.scripts[0], language)
    return _complaint(other, language) if other is not None else None


def _best(text: str, script: str, against: Language | None = None) -> Language | None:
    """The language of a script whose small words a text has, and plainly more of them than of `against`."""
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    if len(words) < LEAST_WORDS:
        return None
    named = {each.code: each for each in _languages() if script in each.scripts and each.small}
    hits = {code: sum(word in each.small for word in words) for code, each in named.items()}
    if not hits or (against is not None and against.code not in hits):
        return None
    best = named[max(hits, key=lambda code: hits[code])]
    if against is None:
        return best if hits[best.code] >= LEAST_SMALL else None
    # words that both languages have say nothing between the two
    own = sum(word in best.small and word not in against.small for word in words)
    others = sum(word in against.small and word not in best.small for word in words)
    return best if best.code != against.code and own >= LEAST_SMALL and own > TIMES * others else None


def _guessed(text: str, script: str, letters: Counter[str]) -> Language | None:
    if script == "kana" or (script == "han" and letters["kana"]):
        return _names()["ja"]
    alone = [language for language in _languages() if script in language.scripts and not language.small]
    if len({language.code for language in alone}) == 1:
        return alone[0]
    return _names()["zh"] if script == "han" else _best(text, script)


def _complaint(found: Language | None, wanted: Language) -> str:
    if found is None or found.code == wanted.code:
        return f"it is not in {wanted.name}; write it in {wanted.name}."
    return f"it is in {found.name}; write it in {wanted.name}."


def _script(character: str) -> str:
    return _STARTS[bisect_right(_POINTS, ord(character)) - 1][1]


@cache
def _languages() -> tuple[Language, ...]:
    found = []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            code, names, scripts, small = (part.strip() for part in line.split("|"))
            name = names.split(",")[0].strip().title()
            found.append(Language(code, name, tuple(scripts.split()), frozenset(small.split())))
    return tuple(found)


@cache
def _names() -> dict[str, Language]:
    named: dict[str, Language] = {}
    lines = (line for line in _FILE.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#")
    for language, line in zip(_languages(), lines, strict=True):
        for name in (language.code, *line.split("|")[1].split(",")):
            named[name.strip().casefold()] = language
    return named
