"""Items as the selective tagger reads them: words found and vectors computed, in blocks of a fixed shape.

A block is always filled up to BLOCK items of MOST_PASSAGES passages: matrix products of one shape treat a row the
same whatever the other rows hold, so that an item's figures never depend on its company, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from core.corpora.clues import Clue
from core.corpora.passages import MOST_PASSAGES, Passage, lead, passages
from core.embedding.vectors import TextEncoder
from core.tagging.lexical import Hit, Matcher
from core.tagging.scoring import Floats, SelectiveParameters

BLOCK = 32
BLOCKS_AT_ONCE = 8  # read together, so that the encoder gets texts enough to fill its batches


@dataclass(slots=True)
class ReadItem:
    """One item: its clues, the part of it that stands for the whole, passages, and the words found in each clue."""

    clues: Sequence[Clue]
    lead: str
    passages: list[Passage]
    hits: list[dict[int, Hit]]

    @property
    def blank(self) -> bool:
        """True when there is nothing to tag."""
        return not self.lead and not any(self.hits)

    def strengths(self, parameters: SelectiveParameters) -> dict[int, float]:
        """How strongly the item names each tag, wherever it does: 1 for a name or alias, less for a word family."""
        strongest: dict[int, float] = {}
        for found in self.hits:
            for tag, hit in found.items():
                strongest[tag] = max(parameters.strength(hit.match), strongest.get(tag, 0.0))
        return strongest

    def words(self, parameters: SelectiveParameters) -> dict[int, float]:
        """The same, weighted by the kind of clue: what naming adds to a score before rarity."""
        heaviest: dict[int, float] = {}
        for clue, found in zip(self.clues, self.hits, strict=True):
            for tag, hit in found.items():
                heaviest[tag] = max(parameters.word_gain(clue.kind, hit.match), heaviest.get(tag, 0.0))
        return heaviest


@dataclass(slots=True)
class Block:
    """At most BLOCK items with their vectors.

    Attributes:
        leads: float32 (BLOCK, d); zeros beyond the items and for items without a lead.
        passages: float32 (BLOCK * MOST_PASSAGES, d); item i has the rows from i * MOST_PASSAGES on, zeros where there
            are fewer.
    """

    items: list[ReadItem]
    leads: Floats
    passages: Floats

    def similarities(self, tags: Floats, parameters: SelectiveParameters) -> tuple[Floats, Floats]:
        """Cosines of each item with each of m tags.

        Args:
            tags: float32 (m, d).

        Returns:
            float32 (BLOCK, m): lead and best passage mixed; float32 (BLOCK, MOST_PASSAGES, m): each passage, -1 where
            there is none.
        """
        leads = self.leads @ tags.T
        by_passage = (self.passages @ tags.T).reshape(BLOCK, MOST_PASSAGES, len(tags))
        for row, item in enumerate(self.items):
            by_passage[row, len(item.passages) :] = -1.0
        best = np.maximum(by_passage.max(axis=1), leads)
        return (1 - parameters.passage_weight) * leads + parameters.passage_weight * best, by_passage


def read(clues: Sequence[Clue], matcher: Matcher) -> ReadItem:
    """Find words and passages in one item."""
    return ReadItem(clues, lead(clues), passages(clues), [matcher.find(clue.text) for clue in clues])


def read_blocks(items: Iterable[Sequence[Clue]], matcher: Matcher, encoder: TextEncoder) -> Iterator[Block]:
    """Read items and embed their leads and passages."""
    pending = iter(items)
    while chunk := [read(clues, matcher) for clues in islice(pending, BLOCK * BLOCKS_AT_ONCE)]:
        texts = [text for item in chunk for text in (item.lead, *(p.text for p in item.passages)) if text]
        known = list(dict.fromkeys(texts))
        vectors = dict(zip(known, encoder.encode(known), strict=True)) if known else {}
        for start in range(0, len(chunk), BLOCK):
            yield _block(chunk[start : start + BLOCK], vectors, encoder.dimension)


def _block(items: list[ReadItem], vectors: dict[str, Floats], dimension: int) -> Block:
    leads = np.zeros((BLOCK, dimension), np.float32)
    parts = np.zeros((BLOCK * MOST_PASSAGES, dimension), np.float32)
    for row, item in enumerate(items):
        if item.lead:
            leads[row] = vectors[item.lead]
        for place, passage in enumerate(item.passages):
            parts[row * MOST_PASSAGES + place] = vectors[passage.text]
    return Block(items, leads, parts)
