"""The builtin selective tagger: chooses tags from a vocabulary for items it has never seen labelled.

It may know tag names, aliases and descriptions, and the items' clue fields. It never sees gold labels, how often a
tag is used, or in which order the vocabulary was given. The score of a tag adds up
  1. similarity: cosine of the tag with the item's lead and with its best passage, less what the tag has with
     everything;
  2. words: the tag's name, alias, initials or word family in a field, more for rare words and for titles;
  3. neighbours: the items of an unlabelled sample that are most like this one: do they name the tag, and do they
     have it among their own first tags? (Recall of tags by way of similar content, as in LLM4Tag's graph: KDD 2025.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from core.corpora.clues import Clue
from core.embedding.hashing import HashingEncoder
from core.embedding.scripts import ScriptAwareEncoder
from core.embedding.vectors import TextEncoder
from core.errors import InvalidInput
from core.tagging.evidence import Evidence, supports
from core.tagging.lexical import Matcher
from core.tagging.reading import Block, read_blocks
from core.tagging.scoring import (
    DEFAULTS,
    NAMED_SIMILARITY,
    Floats,
    SampleStatistics,
    SelectiveParameters,
    TagPriors,
    neighbour_tags,
    neighbour_words,
    neighbours,
    order_by_score,
    pack,
    parameters_from,
    probability,
)
from core.tagging.storage import STATE_VERSION, pack_sample, unpack_sample
from core.vocabulary.entries import TagEntry

__all__ = ["DEFAULTS", "Clue", "Evidence", "SelectiveParameters", "SelectiveTagger", "TagEntry", "TagSuggestion"]

SAMPLE_LIMIT = 5000
ALIAS_SHARE = 0.5  # of the aliases' mean, and of the description, beside the name in a tag's vector
RAW_DIGITS = 5


@dataclass(frozen=True, slots=True)
class TagSuggestion:
    """A tag for an item: `score` from 0 to 1 is comparable across items, `rank` starts at 1."""

    tag_id: str
    score: float
    rank: int
    evidence: tuple[Evidence, ...]


class SelectiveTagger:
    """Tags items from a vocabulary. A pure function of tags, sample and item: the same answer on every call.

    Args:
        tags: the vocabulary; its order does not matter.
        encoder: turns texts into unit vectors; wrap it in `CachedEncoder` to pay for each text once.
        parameters: constants; leave them alone unless you measure.

    Raises:
        InvalidInput: two tags have the same id.
    """

    def __init__(
        self, tags: Sequence[TagEntry], encoder: TextEncoder, parameters: SelectiveParameters = DEFAULTS
    ) -> None:
        self.tags = sorted(tags, key=lambda tag: (tag.name, tag.id))
        if len({tag.id for tag in self.tags}) != len(self.tags):
            raise InvalidInput("Two tags have the same id.", "Give every tag an id of its own.")
        self.encoder = ScriptAwareEncoder(encoder, HashingEncoder()) if encoder.semantic else encoder
        self.parameters = parameters
        self._matcher = Matcher([(tag.name, *tag.aliases) for tag in self.tags])
        self._tag_vectors: Floats | None = None
        self._tags_read: list[bool] = []
        self._use(SampleStatistics.empty(len(self.tags)))

    def prepare(self, sample: Iterable[Sequence[Clue]], progress: Callable[[], object] | None = None) -> None:
        """Learn how a corpus speaks from some of its items; no label is read.

        Without it the tagger judges an item alone: it cannot tell rare words from common ones and has no neighbours.

        Args:
            sample: items of the corpus; the first SAMPLE_LIMIT that hold text are used.
            progress: called after every block of items; what it raises stops the work and leaves the tagger as it was.
        """
        before = self.sample
        self._use(SampleStatistics.empty(len(self.tags)))
        try:
            self._learn(sample, progress)
        except BaseException:
            self._use(before)
            raise

    def tag(
        self, items: Sequence[Sequence[Clue]], *, top_k: int = 8, threshold: float | None = None
    ) -> list[list[TagSuggestion]]:
        """Suggest tags for items.

        Args:
            items: the clues of each item. An item's answer does not depend on the other items.
            top_k: at most so many tags an item.
            threshold: the least score; None for the default, 0 for exactly `top_k` tags (fewer only where the
                vocabulary is smaller).

        Returns:
            For each item its suggestions, the best first; none for an item without text.

        Raises:
            InvalidInput: top_k is below 1.
            EngineError: the embedding model cannot be loaded.
        """
        if top_k < 1:
            raise InvalidInput("The number of tags per item is at least 1.", "Choose such a number.")
        least = self.parameters.threshold if threshold is None else threshold
        answers: list[list[TagSuggestion]] = []
        if not self.tags:
            return [[] for _ in items]
        for block in read_blocks(items, self._matcher, self.encoder):
            similarity, by_passage = block.similarities(self._vectors(), self.parameters)
            raw = self._raw(block, similarity)
            for row, item in enumerate(block.items):
                scores = probability(raw[row], self.parameters)
                chosen = [] if item.blank else order_by_score(raw[row], top_k)
                answers.append(
                    [
                        TagSuggestion(
                            self.tags[tag].id,
                            round(float(scores[tag]), RAW_DIGITS),
                            rank,
                            supports(item, tag, by_passage[row, :, tag], self.parameters, self._understands),
                        )
                        for rank, tag in enumerate(chosen, start=1)
                        if scores[tag] >= least
                    ]
                )
        return answers

    def state(self) -> dict[str, Any]:
        """The tagger as JSON values: tags, parameters, what `prepare` learned and the encoder's name."""
        return {
            "version": STATE_VERSION,
            "encoder": self.encoder.name,
            "parameters": asdict(self.parameters),
            "tags": [[tag.id, tag.name, list(tag.aliases), tag.description] for tag in self.tags],
            "sample": pack_sample(self.sample),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], encoder: TextEncoder) -> SelectiveTagger:
        """The tagger that `state` stored; it answers exactly as the stored one.

        Raises:
            InvalidInput: the state is damaged, of another version, or was made with another encoder.
        """
        if state.get("version") != STATE_VERSION:
            raise InvalidInput("The stored tagger is of another version of Tagloom.", "Start the run again.")
        try:
            tags = [TagEntry(id_, name, tuple(aliases), text) for id_, name, aliases, text in state["tags"]]
            tagger = cls(tags, encoder, parameters_from(state["parameters"]))
            sample = unpack_sample(state["sample"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput("The stored state of the tagger is damaged.", "Start the run again.") from error
        if state.get("encoder") != tagger.encoder.name:
            raise InvalidInput(
                f"The run was started with the embedding model {state.get('encoder')}, not {tagger.encoder.name}.",
                "Set that model again to resume the run, or start a new run.",
            )
        if len(sample.named) != len(tags):
            raise InvalidInput("The stored state of the tagger is damaged.", "Start the run again.")
        tagger._use(sample)
        return tagger

    def _understands(self, text: str) -> bool:
        encoder = self.encoder
        return encoder.understands(text) if isinstance(encoder, ScriptAwareEncoder) else encoder.semantic

    def _use(self, sample: SampleStatistics) -> None:
        self.sample = sample
        self._priors = TagPriors(sample, self.parameters)

    def _vectors(self) -> Floats:
        """float32 (m, d): name, aliases and description of each tag in one unit vector."""
        if self._tag_vectors is None:
            texts = [(_spaced(tag.name), [_spaced(a) for a in tag.aliases], tag.description) for tag in self.tags]
            known = list(dict.fromkeys(t for name, aliases, about in texts for t in (name, *aliases, about) if t))
            vectors = dict(zip(known, self.encoder.encode(known), strict=True))
            rows = np.zeros((len(texts), self.encoder.dimension), np.float32)
            for row, (name, aliases, about) in zip(rows, texts, strict=True):
                row += vectors.get(name, 0)
                spelled = [vectors[a] for a in aliases if a]
                if spelled:
                    row += ALIAS_SHARE * np.mean(spelled, axis=0)
                if about:
                    row += ALIAS_SHARE * vectors[about]
            lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
            self._tags_read = [self._understands(name) for name, _, _ in texts]
            self._tag_vectors = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return self._tag_vectors

    def _raw(self, block: Block, similarity: Floats) -> Floats:
        """float32 (items, m): the sums of evidence. `similarity` as `Block.similarities` returned it."""
        priors, sample, m = self._priors, self.sample, len(self.tags)
        raw = similarity[: len(block.items)] - priors.common
        nearest, weights = neighbours(block.leads, sample, self.parameters)
        for row, item in enumerate(block.items):
            read = bool(item.lead) and self._understands(item.lead)
            for tag, gain in item.words(self.parameters).items():
                raw[row, tag] += gain * priors.rarity[tag]
                if not (read and self._tags_read[tag]):
                    raw[row, tag] += max(0.0, NAMED_SIMILARITY - float(similarity[row, tag]))
            if priors.trust and weights[row].any():
                words = neighbour_words(nearest[row], weights[row], sample, m)
                raw[row] += np.float32(priors.trust) * priors.neighbour_gain * words
                if sample.first_tags.shape[1]:
                    votes = neighbour_tags(nearest[row], weights[row], sample, m)
                    raw[row] += np.float32(priors.trust * self.parameters.neighbour_tags) * votes
        return np.round(raw, RAW_DIGITS)

    def _learn(self, sample: Iterable[Sequence[Clue]], progress: Callable[[], object] | None) -> None:
        m = len(self.tags)
        if not m:
            return
        blocks: list[Block] = []
        similarity = np.zeros(m, np.float64)
        words: list[dict[int, float]] = []
        chosen = islice((clues for clues in sample if any(c.text.strip() for c in clues)), SAMPLE_LIMIT)
        for block in read_blocks(chosen, self._matcher, self.encoder):
            block.leads = block.leads.astype(np.float16).astype(np.float32)  # as they are stored
            mixed, _ = block.similarities(self._vectors(), self.parameters)
            similarity += mixed[: len(block.items)].sum(axis=0, dtype=np.float64)
            words += [item.strengths(self.parameters) for item in block.items]
            for item in block.items:
                item.clues = [replace(clue, text="") for clue in item.clues]  # kinds are needed, texts no more
            blocks.append(block)
            if progress is not None:
                progress()
        if not blocks:
            return
        n = len(words)
        starts, tags, strengths = pack(words)
        named = np.bincount(tags[strengths == 1.0], minlength=m) / n
        learned = SampleStatistics(
            leads=np.concatenate([block.leads[: len(block.items)] for block in blocks]),
            mean_similarity=(similarity / n).astype(np.float32),
            named=named.astype(np.float32),
            strength=(np.bincount(tags, weights=strengths, minlength=m) / n).astype(np.float32),
            word_starts=starts,
            word_tags=tags,
            word_strengths=strengths,
            first_tags=np.zeros((n, 0), np.int32),
        )
        self._use(learned)
        self._use(replace(learned, first_tags=self._first_tags(blocks, progress)))

    def _first_tags(self, blocks: Sequence[Block], progress: Callable[[], object] | None) -> np.ndarray:
        """int32 (n, votes): what each item of the sample would get without its neighbours' votes."""
        first: list[list[int]] = []
        for block in blocks:
            mixed, _ = block.similarities(self._vectors(), self.parameters)
            for raw in self._raw(block, mixed):
                best = order_by_score(raw, self.parameters.votes)
                first.append(best + [-1] * (self.parameters.votes - len(best)))
            if progress is not None:
                progress()
        return np.array(first, np.int32)


def _spaced(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").strip()
