"""Figures that compare captions with reference captions: BLEU, ROUGE-L, METEOR, chrF, novelty, vocabulary, length.

Implementations, because each has many: BLEU-1…4 and chrF by sacrebleu (corpus level, tokeniser 13a, no smoothing, case
counts); ROUGE-L by rouge-score (no stemmer, mean F); METEOR by NLTK with its exact and stem stages only, so that no
WordNet is downloaded (within about one point of the full one on captions of music). With these, LP-MusicCaps' published
BLEU and ROUGE-L are reproduced (arXiv 2307.16372, table 2; tests/core/captions/test_metrics.py). All are × 100.
"""

from __future__ import annotations

import math
import random
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

Pair = tuple[str, str]
"""A caption and the reference caption of the same item."""

FLOOR_FIGURES = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "meteor", "chrf")
OPENER_WORDS = 2
SHOWN_OPENERS = 5
_TOKEN = re.compile(r"\w+|[^\w\s]+")  # words, and runs of signs
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def overlap(pairs: Sequence[Pair]) -> dict[str, float]:
    """{bleu1, bleu2, bleu3, bleu4, brevity_penalty, rouge_l, meteor, chrf}: how many words captions share with their
    references, × 100 (the brevity penalty is 0 to 1: below 1, BLEU is lowered because captions are short).

    Raises:
        ValueError: there are no pairs.
    """
    if not pairs:
        raise ValueError("There is nothing to compare.")
    return {**_bleu(pairs), "rouge_l": rouge_l(pairs), "meteor": meteor(pairs), "chrf": _chrf(pairs)}


def _bleu(pairs: Sequence[Pair]) -> dict[str, float]:
    from sacrebleu.metrics.bleu import BLEU

    captions, references = [p for p, _ in pairs], [[r for _, r in pairs]]
    result = BLEU(max_ngram_order=4, smooth_method="none").corpus_score(captions, references)
    found: dict[str, float] = {}
    for order in (1, 2, 3, 4):  # of one count, as a scorer for each order would find them
        shares = result.precisions[:order]
        mean = math.exp(statistics.fmean(map(math.log, shares))) if all(shares) else 0.0
        found[f"bleu{order}"] = float(result.bp * mean)
    return {**found, "brevity_penalty": float(result.bp)}


def _chrf(pairs: Sequence[Pair]) -> float:
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score([p for p, _ in pairs], [[r for _, r in pairs]]).score)


def rouge_l(pairs: Sequence[Pair]) -> float:
    """Mean F of ROUGE-L × 100."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    return 100 * statistics.fmean(scorer.score(reference, caption)["rougeL"].fmeasure for caption, reference in pairs)


class _NoSynonyms:
    """Stands where NLTK's METEOR asks WordNet."""

    def synsets(self, _word: str) -> list[Any]:
        return []


def meteor(pairs: Sequence[Pair]) -> float:
    """Mean METEOR × 100: words that match exactly or by their stem, in order."""
    from nltk.translate.meteor_score import single_meteor_score

    nothing: Any = _NoSynonyms()
    return 100 * statistics.fmean(
        single_meteor_score(_TOKEN.findall(reference.lower()), _TOKEN.findall(caption.lower()), wordnet=nothing)
        for caption, reference in pairs
    )


def shuffled_floor(pairs: Sequence[Pair], seed: int = 0) -> dict[str, float]:
    """What a caption of another item would score: each reference beside the reference of another one. A figure that is
    not far above this says little about the item.

    Returns {} for fewer than two pairs.
    """
    if len(pairs) < 2:
        return {}
    references = [reference for _, reference in pairs]
    others = _derangement(len(references), random.Random(seed))
    found = overlap([(references[other], reference) for other, reference in zip(others, references, strict=True)])
    return {name: found[name] for name in FLOOR_FIGURES}


def _derangement(number: int, source: random.Random) -> list[int]:
    """An order in which nothing stays in its place."""
    order = list(range(number))
    source.shuffle(order)
    places = [0] * number
    for place, item in enumerate(order):
        places[item] = order[(place + 1) % number]
    return places


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return [word.lower() for word in _WORD.findall(text)]


def opener_of(text: str) -> str:
    """The first words of a caption, by which openings are counted."""
    return " ".join(words_of(text)[:OPENER_WORDS])


def texture(captions: Sequence[str], known: Iterable[str] = ()) -> dict[str, Any]:
    """How captions are written, without a look at references of the same items.

    Args:
        known: texts whose words are not new (references); none: no novelty.

    Returns:
        {captions, vocabulary (different words), novelty (share of these that `known` lacks, or None), distinct_1,
        distinct_2, duplicates (captions that another one equals), length: {mean, sd, p5, median, p95} in words,
        openers: [{text, share}], the most frequent first}
    """
    each = [words_of(caption) for caption in captions]
    vocabulary = {word for words in each for word in words}
    old = {word for text in known for word in words_of(text)}
    pairs = [pair for words in each for pair in pairwise(words)]
    total = sum(map(len, each))
    openers = Counter(opener_of(caption) for caption in captions)
    same = Counter(" ".join(words) for words in each)
    lengths = sorted(len(caption.split()) for caption in captions)
    return {
        "captions": len(captions),
        "vocabulary": len(vocabulary),
        "novelty": len(vocabulary - old) / len(vocabulary) if old and vocabulary else None,
        "distinct_1": len(vocabulary) / total if total else 0.0,
        "distinct_2": len(set(pairs)) / len(pairs) if pairs else 0.0,
        "duplicates": sum(n for n in same.values() if n > 1),
        "length": {
            "mean": statistics.fmean(lengths) if lengths else 0.0,
            "sd": statistics.pstdev(lengths) if lengths else 0.0,
            "p5": _percentile(lengths, 5),
            "median": _percentile(lengths, 50),
            "p95": _percentile(lengths, 95),
        },
        "openers": [
            {"text": text, "share": n / len(captions)} for text, n in openers.most_common(SHOWN_OPENERS) if text
        ],
    }


def _percentile(ordered: Sequence[int], percent: int) -> float:
    """By linear interpolation, as numpy's default; 0 of nothing."""
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def score(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Every figure of this module for captions with references: {scored, …`overlap`, …`texture`}.

    Raises:
        ValueError: there are no pairs.
    """
    captions, references = [p for p, _ in pairs], [r for _, r in pairs]
    return {"scored": len(pairs), **overlap(pairs), **texture(captions, references)}
