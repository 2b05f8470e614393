"""Whether words are a refusal, or an excuse, instead of an answer: the one place that decides it, for whole answers,
captions and tags alike, in the languages that models refuse in.

The patterns (words/refusals.txt) are made of the parts that such sentences have in every language. What somebody says
within an item is no refusal: words in quotation marks count only where nothing stands around them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

LONGEST = 1200  # a longer text is no refusal, whatever it begins with
SHORT = 400  # in a longer one only the beginning may refuse: it may quote or retell
BEGINNING = 200
TAG = 60  # characters
_FILE = Path(__file__).with_name("words") / "refusals.txt"
_QUOTED = re.compile(
    '“[^”]{2,300}”|"[^"]{2,300}"|«[^»]{2,300}»|„[^“”]{2,300}[“”]|「[^」]{2,300}」|『[^』]{2,300}』|《[^》]{1,80}》'
)
_APOSTROPHES = str.maketrans("’‘`´ʼ＇", "''''''")
_WIDE = re.compile("[\uff01-\uff5e\u3000]+")
_DECORATION = " \t\n*_#>-–—•.!?…:;,，。！？、：；\"'“”„«»「」『』()[]（）"
_SEPARATOR = re.compile(r"[,;\n，、；|]")
_SCRIPTS = {
    "kana": re.compile("[\u3041-\u30ff]"),
    "han": re.compile("[\u4e00-\u9fff\u3400-\u4dbf]"),
    "hangul": re.compile("[\uac00-\ud7af]"),
    "cyrillic": re.compile("[\u0400-\u04ff]"),
    "other": re.compile("[\u0590-\u0e7f]"),
}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ENGLISH = frozenset(("the", "and", "with", "that", "this", "you", "from", "have", "your", "are", "for"))
LETTERS = 5  # of a word by which it is known that a language's patterns may find something


def looks_like_refusal(text: str) -> bool:
    """True for “I'm sorry, but I can't …” and its like, as a whole answer or as what should have been a tag."""
    if not 2 <= len(text) <= 4 * LONGEST:
        return False
    return _remembered(text) if len(text) <= TAG else _refuses(text)


@lru_cache(maxsize=20_000)
def _remembered(text: str) -> bool:
    """The tags of a corpus come again and again."""
    return _refuses(text)


def _refuses(text: str) -> bool:
    said = _plain(text)
    likely = _likely(said) if said and len(said) <= LONGEST else []
    if not likely:
        return False
    if _alone().fullmatch(said.strip(_DECORATION)):
        return True
    outside = _QUOTED.sub(" … ", said)
    if outside != said and sum(map(str.isalpha, outside)) >= 3:
        said = " ".join(outside.split())
    if _is_list(said):
        return False
    return any(
        (len(said) <= SHORT or found.start() < BEGINNING)
        for pattern in likely
        if (found := pattern.search(said)) is not None
    )


def _likely(text: str) -> list[re.Pattern[str]]:
    """The patterns of the scripts and languages that a text can be in: looking for all of them takes a hundred times
    as long."""
    scripts, languages, words = _patterns()
    found = [] if text.isascii() else [scripts[name] for name, letters in _SCRIPTS.items() if letters.search(text)]
    said = text.casefold()
    here = set(_WORD.findall(said))
    here |= {word[:LETTERS] for word in here}
    if "n't" in said:
        here.add("not")
    if not words.isdisjoint(here):
        english = len(here & _ENGLISH) > 1  # then “no” and “me” are no Spanish
        fitting = languages[:1] if english else languages
        found += [pattern for needed, pattern in fitting if not needed.isdisjoint(here)]
    return found


def _plain(text: str) -> str:
    """One line, with usual apostrophes and widths, without marks of emphasis at its ends."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_APOSTROPHES))
        text = _WIDE.sub(lambda found: _narrow(found.group()), text)
    return " ".join(text.replace("**", "").split()).strip("*_#> \t")


def _narrow(text: str) -> str:
    """Full-width letters as usual ones; the marks that Chinese and Japanese sentences are divided by stay."""
    return "".join(c if c in "，。！？：；、" else unicodedata.normalize("NFKC", c) for c in text)


def _is_list(text: str) -> bool:
    """“sorry, apology, regret”: a list of tags, none of them a clause."""
    pieces = [piece.split() for piece in _SEPARATOR.split(text)]
    if len(pieces) < 3 or re.search(r"[.!?。！？](?:\s|$)", text):
        return False
    longest = 8 if _SCRIPTS["han"].search(text) or _SCRIPTS["kana"].search(text) else 26
    return all(words and len(words) <= 3 and len(" ".join(words)) <= longest for words in pieces)


@cache
def _read() -> dict[str, list[str]]:
    parts: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, pattern = line.partition(": ")
        while "«" in pattern:
            pattern = re.sub("«(\\w+)»", lambda name: parts[name[1]], pattern)
        if kind.startswith("part "):
            parts[kind.removeprefix("part ")] = pattern
        elif kind.startswith("words "):
            found[kind] = [pattern]
        else:
            found.setdefault(kind, []).append(f"(?:{pattern})")
    return found


@cache
def _patterns() -> tuple[dict[str, re.Pattern[str]], list[tuple[frozenset[str], re.Pattern[str]]], frozenset[str]]:
    """(patterns by script; for languages in Latin letters, English first, the words that their patterns need, and the
    pattern; all of those words)."""
    read = _read()
    patterns = {kind: re.compile("|".join(lines), re.I) for kind, lines in read.items() if " " not in kind}
    needed = {
        kind.removeprefix("words "): frozenset(word[:LETTERS] for word in lines[0].split())
        for kind, lines in read.items()
        if kind.startswith("words ")
    }
    languages = [(words, patterns[language]) for language, words in needed.items()]
    return {name: patterns[name] for name in _SCRIPTS}, languages, frozenset().union(*needed.values())


@cache
def _alone() -> re.Pattern[str]:
    return re.compile("|".join(_read()["alone"]), re.I)
