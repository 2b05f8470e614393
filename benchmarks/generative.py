"""Free tags beside YAKE and KeyBERT: the generative part of `python benchmarks/tagging.py`.

Every method says exactly k tags of the same texts. Before matching a tag is right when it is a gold tag word for word
(case, width and spaces aside). After matching, what each says goes through the same matcher to the vocabulary of gold
tags, and what matches nothing is not counted. Vectors are computed anew for each method: no cache is warm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder
from core.embedding.locate import ModelLocation
from core.embedding.vectors import TextEncoder
from core.vocabulary.entries import TagEntry
from core.vocabulary.keyphrases import DEFAULTS, Keyphrase, KeyphraseExtractor, KeyphraseParameters
from core.vocabulary.matching import TagMatcher
from core.vocabulary.names import name_key

if TYPE_CHECKING:
    from benchmarks.tagging import Corpus


@dataclass(frozen=True)
class Said:
    """What a method said of each item, and the processor time it took."""

    method: str
    tags: list[list[str]]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.tags) / self.seconds


def keyphrases(
    corpus: Corpus, encoder: TextEncoder, top_k: int, parameters: KeyphraseParameters = DEFAULTS
) -> list[list[Keyphrase]]:
    """Ours: the corpus is read unlabelled first, as a run does."""
    extractor = KeyphraseExtractor(encoder, parameters)
    extractor.prepare(corpus.clues)
    return extractor.extract(corpus.clues, top_k)


def matched(said: Sequence[Sequence[str]], matcher: TagMatcher, most: int) -> list[list[str]]:
    """The tags of the vocabulary that free tags mean, each once."""
    found = []
    for tags in said:
        meant = [match.tag for match in matcher.match(tags) if match.tag is not None]
        found.append(list(dict.fromkeys(meant))[:most])
    return found


def vocabulary_matcher(corpus: Corpus, encoder: TextEncoder) -> TagMatcher:
    return TagMatcher([TagEntry(tag, tag) for tag in corpus.vocabulary], encoder)


def compare(corpus: Corpus, location: ModelLocation, texts: Sequence[str]) -> list[Said]:
    """YAKE, KeyBERT text by text and all at once, and ours; the model is loaded before the clock starts."""
    import yake
    from keybert import KeyBERT
    from sentence_transformers import SentenceTransformer

    k = corpus.top_k
    model = SentenceTransformer(str(location.path), local_files_only=True)
    keybert = KeyBERT(model)
    keybert.extract_keywords("load what is loaded at first use")
    encoder = Encoder(location)
    encoder.encode(["load what is loaded at first use"])
    extractor = yake.KeywordExtractor(lan="en", n=1, top=k)

    def one_by_one() -> list[list[str]]:
        return [[word for word, _ in keybert.extract_keywords(text, top_n=k)] for text in texts]

    def all_at_once() -> list[list[str]]:
        return [[word for word, _ in found] for found in keybert.extract_keywords(list(texts), top_n=k)]

    def ours() -> list[list[str]]:
        found = keyphrases(corpus, CachedEncoder(encoder, MemoryCache(1_000_000)), k)
        return [[phrase.text for phrase in phrases] for phrases in found]

    return [
        _timed("YAKE", lambda: [[word for word, _ in extractor.extract_keywords(text)] for text in texts]),
        _timed("KeyBERT", one_by_one),
        _timed("KeyBERT, one batch", all_at_once),
        _timed("ours", ours),
    ]


def _timed(method: str, say: Callable[[], list[list[str]]]) -> Said:
    started = time.process_time()
    tags = say()
    return Said(method, tags, time.process_time() - started)


def folded(said: Sequence[Sequence[str]], most: int) -> list[list[str]]:
    """The first `most` tags of each item, as exact match compares them."""
    return [[name_key(tag) for tag in tags[:most]] for tags in said]
