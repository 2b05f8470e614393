"""Hashtags of Chinese short videos: the third part of `python benchmarks/tagging.py`.

Hashtags are stripped from the texts, so that a tag in a text is one that somebody wrote out. The baseline suggests the
hashtags whose name stands in an item's text, the most popular first, and fills up with the most popular of all.
Popularity that a tagger may know is how many texts name a hashtag. How often people used it is gold: baselines that
read it are printed too, marked as such, because most uses are platform spam ("thanks, make me trend") that no text
supports and that only a count of the gold can guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.tagging import Corpus


def substrings(corpus: Corpus) -> list[list[str]]:
    """The hashtags whose name stands in each item's text."""
    texts = ["\n".join(clue.text for clue in clues).casefold() for clues in corpus.clues]
    names = [(tag, tag.casefold()) for tag in corpus.vocabulary]
    return [[tag for tag, name in names if name in text] for text in texts]


def compare(
    corpus: Corpus, said: Sequence[Sequence[str]], scores: Sequence[Sequence[float]], threshold: float
) -> dict[str, list[list[str]]]:
    """{method: tags of each item}: the baselines, and what ours said."""
    found = substrings(corpus)
    in_texts = Counter(tag for tags in found for tag in tags)
    in_gold = Counter(tag for tags in corpus.gold for tag in tags)
    k = corpus.top_k
    cut = [[t for t, s in zip(ts, ss, strict=True) if s >= threshold] for ts, ss in zip(said, scores, strict=True)]
    return {
        f"substring + popularity in the texts, k = {k}": _ranked(found, corpus.vocabulary, in_texts, k, fill=True),
        f"ours, k = {k}": [list(tags) for tags in said],
        f"substring only, popularity in the texts, <= {k}": _ranked(found, corpus.vocabulary, in_texts, k, fill=False),
        f"substring only, popularity in gold, <= {k}": _ranked(found, corpus.vocabulary, in_gold, k, fill=False),
        f"ours, score >= {threshold}, <= {k}": cut,
        f"(reads gold) substring + popularity, k = {k}": _ranked(found, corpus.vocabulary, in_gold, k, fill=True),
    }


def _ranked(
    found: Sequence[Sequence[str]], vocabulary: Sequence[str], popularity: Mapping[str, int], k: int, *, fill: bool
) -> list[list[str]]:
    def order(tags: Sequence[str]) -> list[str]:
        return sorted(tags, key=lambda tag: (-popularity.get(tag, 0), tag))

    popular = order(vocabulary)
    return [(order(tags) + [tag for tag in popular if fill and tag not in tags])[:k] for tags in found]


def macro_f1(said: Sequence[Sequence[str]], gold: Sequence[set[str]]) -> float:
    """The mean over tags of each tag's F1: a frequent tag counts as much as a rare one."""
    right, suggested, true = Counter[str](), Counter[str](), Counter[str]()
    for tags, labels in zip(said, gold, strict=True):
        right.update(set(tags) & labels)
        suggested.update(set(tags))
        true.update(labels)
    return sum(2 * right[tag] / (suggested[tag] + true[tag]) for tag in true) / max(len(true), 1)
