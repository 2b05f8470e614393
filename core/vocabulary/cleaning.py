"""One candidate tag as a model or a person wrote it → the tag that was meant, or why there is none.

What is good is kept: numbering, bullets, quotes, "Tags:" and the like are taken off. What is no tag is named:
refusals ("I cannot determine the tags", 抱歉), chatter ("Here are the tags", 根据所提供的信息), whole sentences.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from core.embedding.scripts import UNSPACED, script_of
from core.engines.answers import refusals
from core.vocabulary import wordlists
from core.vocabulary.chatter import is_chatter

Problem = Literal["refusal", "chatter", "numbering", "too_long", "empty"]

MOST_WORDS = 8
MOST_CHARACTERS = 60
MOST_DENSE_CHARACTERS = 24  # Han and kana say as much in a third of the characters
_READ = 400  # characters of a candidate that are looked at; more than this is no tag in any script


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned candidate: exactly one of the two is None.

    Attributes:
        text: the tag.
        problem: why there is none: "refusal", "chatter" (also whole sentences), "numbering" (nothing but a number of
            a list), "too_long", "empty" (no letter or digit).
    """

    text: str | None
    problem: Problem | None


def clean(text: str) -> Cleaned:
    """The tag in a candidate. Cleaning what was cleaned changes nothing."""
    plain = plain_text(text)
    stripped = _peel(plain)
    if not any(c.isalnum() for c in stripped):
        return Cleaned(None, "numbering" if any(c.isalnum() for c in plain) else "empty")
    for said in dict.fromkeys((plain, stripped)):
        if refusals.looks_like_refusal(said):
            return Cleaned(None, "refusal")
        if is_chatter(said):
            return Cleaned(None, "chatter")
    if _ENDS_A_SENTENCE.search(plain) and len(stripped.split()) >= _SENTENCE_WORDS:
        return Cleaned(None, "chatter")
    if _too_long(stripped):
        return Cleaned(None, "too_long")
    return Cleaned(stripped, None)


def looks_like_refusal(text: str) -> bool:
    """Whether a model says here, in any of a dozen languages, that it will not or cannot answer."""
    plain = plain_text(text)
    return refusals.looks_like_refusal(plain) or refusals.looks_like_refusal(_peel(plain))


def plain_text(text: str) -> str:
    """NFC, full-width letters and half-width kana in their usual form, invisible characters gone, spaces collapsed."""
    text = text[: 4 * _READ]
    if not text.isascii():
        text = _WIDTHS.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
        text = unicodedata.normalize("NFC", text)
    visible = "".join(" " if c.isspace() else c for c in text)
    if not visible.isprintable():
        visible = "".join(c for c in visible if unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFC", " ".join(visible.split())[:_READ].rstrip())


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}  # as in a tag's name
_WIDTHS = re.compile("[\uff01-\uffee\u3000]+")

_QUOTES = "\"'`´“”„‟‘’‚‛«»‹›「」『』《》〈〉"
_LIKE = {quote: _QUOTES if quote not in "'`´’‘" else "'`´’‘" for quote in _QUOTES}  # what could be its other half
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "【": "】", "〔": "〕", "（": "）", "［": "］"}
_OPENERS = {closer: opener for opener, closer in _PAIRS.items()}
_TRAILING = " .,;:!?。，、；：！？…|/\\~·*_-=–—→>"
_LEADING = " ,;:!?。，、；：！？…|/\\~·=–—→•●○◦▪■□◆◇★☆✓✔✅➤►▶※"
_ABBREVIATION = re.compile(r"\b(?:\w+\.)+\w\.$|^(?:\w{1,3}\.){2,}$")
_BULLET = re.compile(r"^[-*+>](?:\s+|(?=[*_]))|^[-*](?=[^\W\d])|^\*+(?=\S)|^__+(?=\S)")
_NUMBERING = re.compile(
    r"^[(\[（]?(?:\d{1,3}|[ivx]{1,4}|[a-zA-Z]|[一二三四五六七八九十]{1,3})[)\]）](?:\s*(?=\D)|$)"  # 1) (2) a) （三）
    r"|^\d{1,3}\s?[.、:：．](?:\s+|(?=[^\W\d])|$)"  # 1. 1、
    r"|^[一二三四五六七八九十]{1,3}、"
    r"|^[\u2460-\u2473\u2776-\u277f\u24ea]\s*"  # ① ❶
    r"|^#\d{1,3}[.:)]\s+"
)
_LABELS = "|".join(sorted(map(re.escape, wordlists.lines("labels")), key=len, reverse=True))
_PREFIX = re.compile(rf"^(?:{_LABELS})\s*\d{{0,3}}\s*[:：=]\s*", re.IGNORECASE)
_BETWEEN_SIGNS = re.compile("^[#＃]([^#＃]+)[#＃]$")  # as Weibo writes them
_HASHTAG = re.compile(r"^[#＃]+(?=[^\W_])")
_ENDS_A_SENTENCE = re.compile(r"[^.\W][.!?][\"'”’)]*$|[。！？][\"'”’」』]*$")
_SENTENCE_WORDS = 5


def _peel(text: str) -> str:
    """The text without what stands around a tag; nothing more comes off the second time."""
    while True:
        before = text  # every step makes it shorter or leaves it
        text = _PREFIX.sub("", _NUMBERING.sub("", _BULLET.sub("", text.lstrip(_LEADING))))
        text = _HASHTAG.sub("", _BETWEEN_SIGNS.sub(r"\1", text))
        text = _unwrap(_trim_end(text)).strip()
        if text == before:
            return text


def _trim_end(text: str) -> str:
    if text.endswith(".") and _ABBREVIATION.search(text):
        return text
    return text.rstrip(_TRAILING)


def _unwrap(text: str) -> str:
    """Without brackets around all of it, or ones that open or close nothing."""
    if not text:
        return text
    first, last, inner = text[0] in _QUOTES, text[-1] in _QUOTES, text[1:-1]
    if first and last and len(text) > 1 and not (text[0] in inner or text[-1] in inner):
        return inner
    if first != last and not any(
        quote in (text[1:] if first else text[:-1]) for quote in _LIKE[text[0 if first else -1]]
    ):
        return text[1:] if first else text[:-1]
    closer = _PAIRS.get(text[0])
    if closer and (text.find(closer) == len(text) - 1 or closer not in text):
        return text[1:].removesuffix(closer)
    opener = _OPENERS.get(text[-1])
    if opener and opener not in text:
        return text[:-1]
    return text


def _too_long(text: str) -> bool:
    words = len(text.split())
    if script_of(text) in UNSPACED - {"hangul", "thai", "southeast"}:
        return len(text) > MOST_DENSE_CHARACTERS or words > 2 * MOST_WORDS
    return len(text) > MOST_CHARACTERS or words > MOST_WORDS
