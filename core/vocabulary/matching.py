"""Free tags to tags of the vocabulary: by name, alias, word form, and where that fails by meaning or spelling.

Likeness alone never joins opposites (`core.vocabulary.opposites`), and never rests on strings that the encoder
cannot read: those are compared by their characters, above a threshold of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.embedding.hashing import HashingEncoder
from core.embedding.scripts import ScriptAwareEncoder
from core.embedding.vectors import TextEncoder, Vectors
from core.vocabulary.entries import TagEntry
from core.vocabulary.names import name_key
from core.vocabulary.opposites import opposed
from core.vocabulary.stems import UNSPACED_CHARACTER, fold_characters, singular, stem, words_of

How = Literal["exact", "alias", "stem", "meaning"]

MEANING = 0.7
"""Least cosine of two texts that mean the same, by an encoder that reads both."""
SPELLING = 0.75
"""Least cosine of two spellings (hashed character n-grams) where the encoder reads neither."""
FAMILY = 0.5
"""Least cosine of two texts whose words are of the same families: activism is activist, universal is not university."""
NEAREST = 3
LOOKED_AT = 24  # spellings nearest to a text; several may belong to one tag
DIGITS = 4  # of a similarity; the last bits depend on how many texts are compared at once
CACHED = 100_000


@dataclass(frozen=True, slots=True)
class Match:
    """What a text means in the vocabulary.

    Attributes:
        tag: id of the tag it is matched to; None when it is new.
        how: by its name ("exact"), an alias, a word form of one of them ("stem": plural, hyphen, word family), or by
            likeness ("meaning"). None when it is new.
        similarity: 1 for a name, alias or plural; else the cosine with the tag's nearest spelling; 0 for an empty
            vocabulary.
        nearest: at most NEAREST (tag id, cosine), the nearest first, without opposites; the matched tag included.
    """

    tag: str | None
    how: How | None
    similarity: float
    nearest: tuple[tuple[str, float], ...] = ()


class TagMatcher:
    """Matches texts to tags. A text's answer does not depend on the other texts.

    Args:
        tags: the vocabulary; of two tags with one spelling the first by name has it.
        encoder: None, or an encoder without meaning, for spelling only.
        threshold: the least cosine of a match by meaning.
    """

    def __init__(self, tags: Sequence[TagEntry], encoder: TextEncoder | None, threshold: float = MEANING) -> None:
        self.tags = sorted(tags, key=lambda tag: (tag.name, tag.id))
        self.threshold = threshold
        self._meaning = encoder if encoder is not None and encoder.semantic else None
        self._scripts = ScriptAwareEncoder(self._meaning, HashingEncoder()) if self._meaning is not None else None
        self._names: dict[str, int] = {}
        self._aliases: dict[str, int] = {}
        self._forms: dict[str, int] = {}
        self._families: dict[tuple[str, ...], list[int]] = {}
        self._spellings: list[tuple[int, str]] = []
        self._spaces: dict[bool, _Space] = {}
        self._known: dict[str, Match] = {}
        for position, tag in enumerate(self.tags):
            self._names.setdefault(name_key(tag.name), position)
        for position, tag in enumerate(self.tags):
            for spelling in (tag.name, *tag.aliases):
                if spelling is not tag.name:
                    self._aliases.setdefault(name_key(spelling), position)
                if form := word_form(spelling):
                    self._forms.setdefault(form, position)
                if family := _family(spelling):
                    self._families.setdefault(family, []).append(len(self._spellings))
                self._spellings.append((position, spelling))

    def match(self, texts: Sequence[str]) -> list[Match]:
        """What each text means in the vocabulary.

        Raises:
            EngineError: the embedding model cannot be loaded.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(self._known) + len(new) > CACHED:
            self._known.clear()
            new = list(dict.fromkeys(texts))
        for read in (True, False):
            part = [text for text in new if self._reads(text) is read]
            self._known.update(zip(part, self._match(part, read), strict=True))
        return [self._known[text] for text in texts]

    def _match(self, texts: Sequence[str], read: bool) -> list[Match]:
        space = self._space(read) if texts else None
        if space is None:
            return [self._by_name(text, ()) or Match(None, None, 0.0) for text in texts]
        found = []
        for text, candidates in zip(texts, space.nearest([_spaced(text) for text in texts]), strict=True):
            by_tag: dict[int, float] = {}
            for spelling, cosine in candidates:
                position, name = self._spellings[spelling]
                if position not in by_tag and not opposed(text, name):
                    by_tag[position] = cosine
            nearest = sorted(by_tag.items(), key=lambda pair: (-pair[1], pair[0]))[:NEAREST]
            shown = tuple((self.tags[position].id, cosine) for position, cosine in nearest)
            matched = self._by_name(text, shown) or self._by_family(text, by_tag, shown)
            if matched is None and nearest and nearest[0][1] >= (self.threshold if read else SPELLING):
                matched = Match(shown[0][0], "meaning" if read else "stem", shown[0][1], shown)
            found.append(matched or Match(None, None, shown[0][1] if shown else 0.0, shown))
        return found

    def _by_name(self, text: str, shown: tuple[tuple[str, float], ...]) -> Match | None:
        key = name_key(text)
        ways: tuple[tuple[dict[str, int], str, How], ...] = (
            (self._names, key, "exact"),
            (self._aliases, key, "alias"),
            (self._forms, word_form(text), "stem"),
        )
        for known, wanted, how in ways:
            if wanted in known:
                tag = self.tags[known[wanted]].id
                others = tuple(pair for pair in shown if pair[0] != tag)
                return Match(tag, how, 1.0, ((tag, 1.0), *others)[:NEAREST])
        return None

    def _by_family(self, text: str, by_tag: dict[int, float], shown: tuple[tuple[str, float], ...]) -> Match | None:
        positions = {self._spellings[spelling][0] for spelling in self._families.get(_family(text), ())}
        best = max((p for p in positions if p in by_tag), key=lambda p: (by_tag[p], -p), default=None)
        if best is None or by_tag[best] < FAMILY:
            return None
        return Match(self.tags[best].id, "stem", by_tag[best], shown)

    def _reads(self, text: str) -> bool:
        return self._scripts is not None and self._scripts.understands(text)

    def _space(self, read: bool) -> _Space | None:
        """The spellings that texts of one kind are compared with: by meaning those that are read; by their characters
        all of them."""
        if read not in self._spaces:
            chosen = [i for i, (_, name) in enumerate(self._spellings) if not read or self._reads(name)]
            names = [_spaced(self._spellings[i][1]) for i in chosen]
            encoder = self._meaning if read and self._meaning is not None else HashingEncoder()
            self._spaces[read] = _Space(encoder, np.array(chosen, np.int64), names)
        space = self._spaces[read]
        return space if len(space.chosen) else None


class _Space:
    """Spellings as vectors of one encoder."""

    def __init__(self, encoder: TextEncoder, chosen: np.ndarray, names: list[str]) -> None:
        self.encoder = encoder
        self.chosen = chosen
        self.vectors: Vectors = encoder.encode(names) if names else np.zeros((0, 0), np.float32)

    def nearest(self, texts: Sequence[str]) -> list[list[tuple[int, float]]]:
        """For each text the LOOKED_AT nearest spellings: (position of the spelling, cosine), falling."""
        found: list[list[tuple[int, float]]] = []
        most = min(LOOKED_AT, len(self.chosen))
        for start in range(0, len(texts), 256):
            cosines = self.encoder.encode(texts[start : start + 256]) @ self.vectors.T
            for row in cosines:
                least = np.partition(row, len(row) - most)[len(row) - most]
                rounded = [(int(self.chosen[i]), round(float(row[i]), DIGITS)) for i in np.flatnonzero(row >= least)]
                found.append(sorted((pair for pair in rounded if pair[1] > 0), key=lambda p: (-p[1], p[0]))[:most])
        return found


def word_form(text: str) -> str:
    """What stays of a text when case, width, accents, hyphens, spaces and plural endings do not count; empty when
    nothing stays. Neural Networks, neural-network and neuralnetwork have one form."""
    words = [singular(word) for word, *_ in words_of(text)]
    if not words or UNSPACED_CHARACTER.search(text):
        return "".join(_spaced(fold_characters(text)[0]).split())
    return "".join(words)


def _family(text: str) -> tuple[str, ...]:
    return tuple(sorted(stem(word) for word, *_ in words_of(text)))


def _spaced(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").strip()
