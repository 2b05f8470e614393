"""Which parts of an item are embedded: a lead that stands for the whole, and a few passages that can be pointed at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.corpora.clues import Clue

LEAD_CHARACTERS = 600
SHORT_LEAD = 60  # a lead below this is continued from the longer fields
PASSAGE_CHARACTERS = 300
MOST_PASSAGES = 6
TITLE_PASSAGES = 2
READ_CHARACTERS = 200_000  # of a field; passages are spread evenly over them

_LEAD_KINDS = ("title", "caption", "category")
_LONG_KINDS = ("ocr", "speech", "body")
_PASSAGE_KINDS = ("title", "caption", *_LONG_KINDS)

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？；])\s*|\n+")
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\n]{0,1000}\)")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\([^()\n]{0,1000}\)")
_ADDRESS = re.compile(r"https?://\S+")
_MARKS = re.compile(r"[#*`>|_~=]+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a clue.

    Attributes:
        clue: position of the clue in the item.
        start, end: character offsets in the clue's text.
        text: what is embedded: that part without markup.
    """

    clue: int
    start: int
    end: int
    text: str


def lead(clues: Sequence[Clue]) -> str:
    """Title, caption and category in a row, at most LEAD_CHARACTERS; a very short one goes on with the openings of
    the longer fields. Other clues (a speaker, a place) are left out: they are looked for by their words only."""
    text = ""
    for kinds in (_LEAD_KINDS, _LONG_KINDS):
        for kind in kinds:
            for clue in clues:
                if clue.kind == kind and len(text) < LEAD_CHARACTERS:
                    part = readable(clue.text[: 4 * LEAD_CHARACTERS])
                    if part:
                        text = f"{text}. {part}" if text else part
        if len(text) >= SHORT_LEAD:
            break
    return text[:LEAD_CHARACTERS].strip()


def passages(clues: Sequence[Clue]) -> list[Passage]:
    """At most MOST_PASSAGES parts of at most about PASSAGE_CHARACTERS each, cut between sentences where possible.

    Titles come first and whole; the rest is shared out over the other fields in turn, and within a field the parts
    are spread from its first to its last.
    """
    chosen: list[Passage] = []
    longer: list[list[Passage]] = []
    for position, clue in enumerate(clues):
        if clue.kind not in _PASSAGE_KINDS:
            continue
        parts = [
            Passage(position, start, end, text)
            for start, end in spans(clue.text[:READ_CHARACTERS], PASSAGE_CHARACTERS)
            if (text := readable(clue.text[start:end]))
        ]
        if clue.kind == "title" and parts and len(chosen) < TITLE_PASSAGES:
            chosen.append(parts[0])
        elif parts:
            longer.append(parts)
    shares = [0] * len(longer)
    left = MOST_PASSAGES - len(chosen)
    while left > 0 and any(share < len(parts) for share, parts in zip(shares, longer, strict=True)):
        for i, parts in enumerate(longer):
            if left > 0 and shares[i] < len(parts):
                shares[i] += 1
                left -= 1
    for share, parts in zip(shares, longer, strict=True):
        steps = max(share - 1, 1)
        chosen += [parts[i * (len(parts) - 1) // steps] for i in range(share)]
    return chosen


def spans(text: str, size: int) -> list[tuple[int, int]]:
    """Offsets of consecutive parts of at most `size` characters (a third more where a word would be cut), whole
    sentences where they fit, without blank borders; in order, not overlapping."""
    parts: list[tuple[int, int]] = []
    begin = finish = -1
    for start, end in _sentences(text, size):
        if begin >= 0 and end - begin <= size:
            finish = end
            continue
        if begin >= 0:
            parts.append((begin, finish))
        begin, finish = start, end
    if begin >= 0:
        parts.append((begin, finish))
    return parts


def _sentences(text: str, size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start = 0
    borders = [*((m.start(), m.end()) for m in _SENTENCE_END.finditer(text)), (len(text), len(text))]
    for end, next_start in borders:
        while end - start > size:
            space = text.rfind(" ", start + size // 2, start + size)
            cut = space if space > 0 else start + size
            _append_stripped(found, text, start, cut)
            start = cut
        _append_stripped(found, text, start, end)
        start = next_start
    return found


def _append_stripped(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        found.append((start, end))


def readable(text: str) -> str:
    """A text without markdown signs, pictures and addresses, white space collapsed; empty when no letter or digit
    stays."""
    if "](" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub(" ", text))
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    text = " ".join(_MARKS.sub(" ", text).split())
    return text if any(c.isalnum() for c in text) else ""
