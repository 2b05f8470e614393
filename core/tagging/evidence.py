"""Why a tag is suggested: the words that name it and the passage nearest to it, as places in the item's fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.tagging.reading import ReadItem
from core.tagging.scoring import Floats, SelectiveParameters

WORDS_SHOWN = 2  # pieces of evidence from words
PASSAGE_SHOWN = 0.15  # least similarity of a passage that is shown beside words

Match = Literal["exact", "alias", "stem", "meaning"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that supports a tag.

    Attributes:
        field: name of the clue field.
        passage: the supporting part of that field's text: the words that name the tag, or the nearest passage.
        start, end: its character offsets: text[start:end] == passage.
        match: how it supports the tag: its name ("exact"), an alias or the initials of its name ("alias"), like words
            ("stem"; a whole passage where the model cannot read the script), or a passage near in meaning ("meaning").
        similarity: cosine of the tag with the item's nearest passage in that field; with the nearest of the item
            where the field has none that is embedded.
    """

    field: str
    passage: str
    start: int
    end: int
    match: Match
    similarity: float


def supports(
    item: ReadItem,
    tag: int,
    by_passage: Floats,
    parameters: SelectiveParameters,
    understands: Callable[[str], bool],
) -> tuple[Evidence, ...]:
    """Where an item supports a tag: by words, the weightiest field first, then by its nearest passage.

    Args:
        tag: position of the tag in the tagger's list.
        by_passage: float32 (MOST_PASSAGES,): cosine of the tag with each passage of the item.
        understands: whether the vector of a text carries its meaning.
    """
    nearest: dict[int, int] = {}
    for place, passage in enumerate(item.passages):
        known = nearest.get(passage.clue)
        if known is None or by_passage[place] > by_passage[known]:
            nearest[passage.clue] = place
    best = max(nearest.values(), key=lambda place: (by_passage[place], -place), default=None)
    highest = 0.0 if best is None else float(by_passage[best])

    words: list[tuple[float, int, Evidence]] = []
    for position, (clue, hits) in enumerate(zip(item.clues, item.hits, strict=True)):
        hit = hits.get(tag)
        if hit is not None:
            own = nearest.get(position)
            near = round(highest if own is None else float(by_passage[own]), 4)
            named = Evidence(clue.field, clue.text[hit.start : hit.end], hit.start, hit.end, hit.match, near)
            words.append((-parameters.word_gain(clue.kind, hit.match), position, named))
    words.sort(key=lambda entry: entry[:2])
    shown = [named for _, _, named in words[:WORDS_SHOWN]]
    if best is not None and highest > (PASSAGE_SHOWN if shown else 0):
        part = item.passages[best]
        clue = item.clues[part.clue]
        match: Match = "meaning" if understands(part.text) else "stem"
        text = clue.text[part.start : part.end]
        shown.append(Evidence(clue.field, text, part.start, part.end, match, round(highest, 4)))
    return tuple(shown)
