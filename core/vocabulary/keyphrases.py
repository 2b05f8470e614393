"""The builtin engine's free tags: keyphrases of an item, in the words that its corpus uses, in any language.

`prepare` reads a sample of the corpus, unlabelled, and keeps an inventory of the words and phrases that its items
share. An item's keyphrases are then chosen from its own words and from that inventory, so that a phrase may be said
of an item that means it without naming it, as a person or a language model would say it. A phrase's evidence adds up
  1. likeness: cosine of the phrase with the opening of the item, less what the phrase has with every item;
  2. its place: named in a title, a caption, elsewhere; a word that few items use says more;
  3. neighbours: the share of the most similar items that name it;
  4. the phrase itself: a phrase that items near its own meaning use is a topic ("ocean"), one that turns up anywhere
     is a manner of speaking ("shares"); one that many items share makes a better tag than a hapax.
No label is read, and no part-of-speech model is needed. Where the encoder cannot read a script, spelling stands in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from core.corpora.clues import Clue
from core.corpora.passages import lead
from core.embedding.hashing import HashingEncoder
from core.embedding.scripts import ScriptAwareEncoder, script_of
from core.embedding.vectors import TextEncoder
from core.errors import InvalidInput
from core.vocabulary.inventory import DEFAULTS, Floats, Inventory, KeyphraseParameters
from core.vocabulary.phrases import Phrase, languages_of, phrases_of
from core.vocabulary.segmentation import Segmenter

__all__ = ["DEFAULTS", "Keyphrase", "KeyphraseExtractor", "KeyphraseParameters", "gist"]

STATE_VERSION = 2
SAMPLE_LIMIT = 5000
BLOCK = 32  # items judged at once; always filled up, so that an item's figures do not depend on its company
BLOCKS_AT_ONCE = 8
ENCODED_AT_ONCE = 512
KEPT_ITEMS = 1000  # of the sample whose phrases are kept: a small corpus is read once, not twice
SAME_ITEM = 0.999  # cosine above which a neighbour is the item itself or a copy
LEAST_FREQUENT = 20  # items that name a phrase before it can be too frequent
LOOKED_AT = 80  # phrases of an item from which its keyphrases are chosen
PLACES_SHOWN = 5
DIGITS = 5


@dataclass(frozen=True, slots=True)
class Keyphrase:
    """A free tag of an item.

    Attributes:
        text: as the corpus spells it most often.
        score: 0 to 1, comparable across items of a corpus.
        places: (field, start, end) of where the item names it; empty where it is only meant.
        likeness: cosine with the item's opening; 0 where the phrase has no vector.
    """

    text: str
    score: float
    places: tuple[tuple[str, int, int], ...] = ()
    likeness: float = 0.0


class KeyphraseExtractor:
    """Finds keyphrases. A pure function of what `prepare` read and the item: the same answer on every call.

    Args:
        encoder: turns texts into unit vectors; wrap it in `CachedEncoder`. None for spelling only.
        parameters: constants; leave them alone unless you measure.
    """

    def __init__(self, encoder: TextEncoder | None, parameters: KeyphraseParameters = DEFAULTS) -> None:
        spelling = HashingEncoder()
        self.encoder: TextEncoder = (
            ScriptAwareEncoder(encoder, spelling) if encoder is not None and encoder.semantic else spelling
        )
        self.parameters = parameters
        self.segmenter = Segmenter()
        self.languages: list[str] = []
        self._kept: dict[tuple[Clue, ...], dict[str, list[Phrase]]] = {}
        self._use(Inventory.empty())

    def prepare(self, sample: Iterable[Sequence[Clue]], progress: Callable[[], object] | None = None) -> None:
        """Learn a corpus' words from some of its items; no label is read.

        Args:
            sample: items of the corpus; the first SAMPLE_LIMIT that hold text are used.
            progress: called now and then; what it raises stops the work and leaves the extractor as it was.
        """
        report = progress or (lambda: None)
        items = list(islice((clues for clues in sample if any(c.text.strip() for c in clues)), SAMPLE_LIMIT))
        segmenter = Segmenter.learn(clue.text for clues in items for clue in clues)
        report()
        languages = languages_of([clue.text for clue in clues] for clues in items)
        found = []
        for clues in items:
            found.append(_by_key(phrases_of(clues, segmenter, languages)))
            report()
        inventory = self._inventory(items, found, report)
        self.segmenter, self.languages = segmenter, languages
        self._use(inventory)
        self._kept = {tuple(clues): phrases for clues, phrases in zip(items[:KEPT_ITEMS], found, strict=False)}

    def extract(self, items: Sequence[Sequence[Clue]], top_k: int = 8) -> list[list[Keyphrase]]:
        """The keyphrases of items, the best first; fewer than `top_k` where an item and its corpus offer no more.

        Raises:
            InvalidInput: top_k is below 1.
            EngineError: the embedding model cannot be loaded.
        """
        if top_k < 1:
            raise InvalidInput("The number of tags per item is at least 1.", "Choose such a number.")
        answers: list[list[Keyphrase]] = []
        pending = iter(items)
        while chunk := list(islice(pending, BLOCK * BLOCKS_AT_ONCE)):
            gists = self._gists(chunk)
            for start in range(0, len(chunk), BLOCK):
                answers += self._block(chunk[start : start + BLOCK], gists[start : start + BLOCK], top_k)
        return answers

    def state(self) -> dict[str, Any]:
        """The extractor as JSON values: parameters, what `prepare` learned and the encoder's name."""
        return {
            "version": STATE_VERSION,
            "encoder": self.encoder.name,
            "parameters": asdict(self.parameters),
            "languages": self.languages,
            "words": self.segmenter.words,
            "characters": self.segmenter.total,
            "inventory": self.inventory.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], encoder: TextEncoder | None) -> KeyphraseExtractor:
        """The extractor that `state` stored; it answers exactly as the stored one.

        Raises:
            InvalidInput: the state is damaged, of another version, or was made with another encoder.
        """
        if state.get("version") != STATE_VERSION:
            raise InvalidInput("The stored keyphrases are of another version of Tagloom.", "Start the run again.")
        try:
            extractor = cls(encoder, KeyphraseParameters(**state["parameters"]))
            extractor.segmenter = Segmenter(dict(state["words"]), int(state["characters"]))
            extractor.languages = list(state["languages"])
            inventory = Inventory.from_state(state["inventory"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput("The stored keyphrases are damaged.", "Start the run again.") from error
        if state.get("encoder") != extractor.encoder.name:
            raise InvalidInput(
                f"The run was started with the embedding model {state.get('encoder')}, not {extractor.encoder.name}.",
                "Set that model again to resume the run, or start a new run.",
            )
        extractor._use(inventory)
        return extractor

    def _use(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self._known = {key: place for place, key in enumerate(inventory.keys)}
        self._vectors: Floats | None = None
        self._kept = {}
        n = max(inventory.items, 2)
        rarity = np.log(n / np.minimum(inventory.counts, n - 1)) / np.log(n) if len(inventory.keys) else np.zeros(0)
        self._rarity = (rarity**self.parameters.rarity_power).astype(np.float32)

    def _phrase_vectors(self) -> Floats:
        """float32 (m, d)."""
        if self._vectors is None:
            self._vectors = self.encoder.encode(self.inventory.texts)
        return self._vectors

    def _gists(self, items: Sequence[Sequence[Clue]]) -> Floats:
        """float32 (len(items), d), on the float16 grid as they are stored."""
        texts = [gist(clues, self.parameters.gist) for clues in items]
        known = list(dict.fromkeys(text for text in texts if text))
        vectors = np.zeros((len(texts), self.encoder.dimension), np.float32)
        if known:
            by_text = dict(zip(known, self.encoder.encode(known), strict=True))
            for row, text in zip(vectors, texts, strict=True):
                if text:
                    row[:] = by_text[text]
        rounded: Floats = vectors.astype(np.float16).astype(np.float32)
        return rounded

    # learning

    def _inventory(
        self, items: list[Sequence[Clue]], found: list[dict[str, list[Phrase]]], report: Callable[[], object]
    ) -> Inventory:
        n, parameters = len(items), self.parameters
        if not n:
            return Inventory.empty()
        counts: Counter[str] = Counter()
        weights: defaultdict[str, float] = defaultdict(float)
        words: dict[str, int] = {}
        for clues, phrases in zip(items, found, strict=True):
            counts.update(phrases.keys())
            for key, places in phrases.items():
                words[key] = places[0].words
                weights[key] += max(self._weight(clues, place) for place in places)
        most = max(LEAST_FREQUENT, parameters.most_share * n)
        frequent = frozenset(key for key, count in counts.items() if count > most)
        size = min(max(parameters.least_phrases, parameters.phrases_per_item * n), parameters.most_phrases)
        chosen = sorted((key for key in counts if key not in frequent), key=lambda key: (-weights[key], key))[:size]
        keys = sorted(chosen)
        known = {key: place for place, key in enumerate(keys)}
        written: list[Counter[str]] = [Counter() for _ in keys]
        named: list[list[int]] = []
        for phrases in found:
            named.append(sorted(known[key] for key in phrases if key in known))
            for key, places in phrases.items():
                if key in known:
                    written[known[key]].update(_written(place) for place in places)
        texts = [max(forms, key=lambda form: (forms[form], form)) for forms in written]
        gists = np.zeros((n, self.encoder.dimension), np.float32)
        for start in range(0, n, ENCODED_AT_ONCE):
            gists[start : start + ENCODED_AT_ONCE] = self._gists(items[start : start + ENCODED_AT_ONCE])
            report()
        vectors = np.zeros((len(texts), self.encoder.dimension), np.float32)
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            vectors[start : start + ENCODED_AT_ONCE] = self.encoder.encode(texts[start : start + ENCODED_AT_ONCE])
            report()
        mean = gists.mean(axis=0, dtype=np.float64).astype(np.float32)
        common = vectors @ mean
        own = np.zeros(len(texts), np.float64)
        for gist_vector, places_named in zip(gists, named, strict=True):
            own[places_named] += vectors[places_named] @ gist_vector
        shared = np.array([counts[key] for key in keys], np.int32)
        topic = (own / shared - common) * shared / (shared + parameters.topic_items)
        prior = parameters.topic_weight * topic + parameters.shared_weight * np.log(shared) / np.log(max(n, 2))
        prior -= parameters.word_cost * (np.array([words[key] for key in keys], np.float64) - 1)
        return Inventory(
            n,
            keys,
            texts,
            shared,
            np.round(common, DIGITS).astype(np.float32),
            np.round(common + parameters.meant_share * (own / shared - common), DIGITS).astype(np.float32),
            np.round(prior, DIGITS).astype(np.float32),
            gists,
            np.cumsum([0, *map(len, named)], dtype=np.int32),
            np.array([place for places_named in named for place in places_named], np.int32),
            frequent,
        )

    def _weight(self, clues: Sequence[Clue], place: Phrase) -> float:
        weights = self.parameters.place_weights
        marked = self.parameters.marked_weight if place.marked else 0.0
        return weights.get(clues[place.clue].kind, weights["clue"]) + marked

    # answering

    def _block(self, items: list[Sequence[Clue]], gists: Floats, top_k: int) -> list[list[Keyphrase]]:
        kept, parameters = self.inventory, self.parameters
        rows = np.zeros((BLOCK, self.encoder.dimension), np.float32)
        rows[: len(items)] = gists
        likeness = rows @ self._phrase_vectors().T if kept.keys else np.zeros((BLOCK, 0), np.float32)
        raw = likeness - parameters.common_share * kept.common + kept.prior
        near = rows @ kept.gists.T if kept.items else np.zeros((BLOCK, 0), np.float32)
        answers: list[list[Keyphrase]] = []
        for row, clues in enumerate(items):
            phrases = self._kept.get(tuple(clues))
            if phrases is None:
                phrases = _by_key(phrases_of(clues, self.segmenter, self.languages))
            if not phrases and not gists[row].any():
                answers.append([])
                continue
            self._add_neighbours(raw[row], near[row])
            unnamed = np.ones(len(kept.keys), bool)
            unnamed[[place for key in phrases if (place := self._known.get(key)) is not None]] = False
            lacking = np.maximum(0, kept.least - likeness[row])
            raw[row] -= np.float32(parameters.meant_cost) * np.where(unnamed, lacking, 0)
            others: list[tuple[float, str]] = []
            for key, places in phrases.items():
                weight = max(self._weight(clues, place) for place in places)
                place = self._known.get(key)
                if place is not None:
                    raw[row, place] += weight * self._rarity[place]
                elif key not in kept.frequent:
                    cost = parameters.word_cost * (places[0].words - 1)
                    others.append((parameters.unknown_likeness + weight - cost, key))
            answers.append(self._choose(clues, phrases, np.round(raw[row], DIGITS), likeness[row], others, top_k))
        return answers

    def _add_neighbours(self, raw: Floats, near: Floats) -> None:
        kept, parameters = self.inventory, self.parameters
        near = np.where(near >= SAME_ITEM, 0, np.round(near, DIGITS))
        most = min(parameters.neighbours, len(near))
        if not most:
            return
        least = np.partition(near, len(near) - most)[len(near) - most]
        candidates = np.flatnonzero(near >= max(least, np.float32(1e-6)))
        nearest = candidates[np.lexsort((candidates, -near[candidates]))][:most]
        weights = near[nearest] ** parameters.neighbour_power
        total = float(weights.sum())
        for neighbour, weight in zip(nearest, weights, strict=True):
            named = kept.named[kept.starts[neighbour] : kept.starts[neighbour + 1]]
            raw[named] += parameters.neighbour_weight * float(weight) / total

    def _choose(
        self,
        clues: Sequence[Clue],
        phrases: Mapping[str, list[Phrase]],
        raw: Floats,
        likeness: Floats,
        others: list[tuple[float, str]],
        top_k: int,
    ) -> list[Keyphrase]:
        kept = self.inventory
        most = min(max(LOOKED_AT, 4 * top_k), len(raw))
        best: list[tuple[float, str, int]] = []
        if most:
            least = np.partition(raw, len(raw) - most)[len(raw) - most]
            best = [(float(raw[i]), kept.keys[i], int(i)) for i in np.flatnonzero(raw >= least)]
        best += [(value, key, -1) for value, key in others]
        best.sort(key=lambda entry: (-entry[0], entry[1]))
        chosen: list[Keyphrase] = []
        taken: list[str] = []
        for value, key, place in best:
            if any(_overlap(key, other) for other in taken):
                continue
            taken.append(key)
            places = phrases.get(key, [])
            text = kept.texts[place] if place >= 0 else _written(places[0])
            shown = tuple((clues[p.clue].field, p.start, p.end) for p in places[:PLACES_SHOWN])
            cosine = round(float(likeness[place]), 4) if place >= 0 else 0.0
            chosen.append(Keyphrase(text, self._score(value), shown, cosine))
            if len(chosen) == top_k:
                break
        return chosen

    def _score(self, raw: float) -> float:
        return round(float(1 / (1 + np.exp(-(raw - self.parameters.midpoint) / self.parameters.slope))), DIGITS)


def gist(clues: Sequence[Clue], characters: int) -> str:
    """The opening of an item, cut between words: what is embedded for it."""
    text = lead(clues)
    most = characters // 2 if script_of(text) in ("han", "kana", "hangul") else characters
    if len(text) <= most:
        return text
    space = text.rfind(" ", most // 2, most + 1)
    return text[: space if space > 0 else most]


def _by_key(phrases: Iterable[Phrase]) -> dict[str, list[Phrase]]:
    found: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        found.setdefault(phrase.key, []).append(phrase)
    return found


def _written(phrase: Phrase) -> str:
    """How a phrase is written as a tag: in small letters, but for acronyms."""
    text = " ".join(phrase.text.split())
    return text if text.isupper() and len(text) <= 6 else text.lower()


def _overlap(a: str, b: str) -> bool:
    """Whether one of two phrases says no more than part of the other: its words, or in unspaced scripts its
    characters, are all in it."""
    if a.isascii() or b.isascii():
        words, others = set(a.split()), set(b.split())
        return words <= others or others <= words
    return a in b or b in a
