"""Words in scripts that write none: Chinese, Japanese, Korean particles, Thai, by the statistics of the corpus.

A string of characters is a word where it holds together more than chance (pointwise mutual information over its
weakest cut) and where many different characters stand before and after it (branching entropy; Jin and Tanaka-Ishii
2006). No dictionary is needed and none is shipped, so that it works for any such script, new words included; what
stands alone between signs, spaces or another script is a word of itself when it is short.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

LEAST_COUNT = 3
LONGEST = 8
LEAST_COHESION = 2.0  # log2: how much oftener than chance the two sides of the weakest cut stand together
LEAST_ENTROPY = 0.8  # bits, on the poorer side
SHORT_RUN = 5  # characters of a run that is taken whole when nothing is known of it
MOST_WORDS = 60_000

_CLASSES = {
    "han": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "hiragana": "\u3041-\u309f",
    "katakana": "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "thai": "\u0e01-\u0e3a\u0e40-\u0e4e",
    "southeast": "\u0e81-\u0edf\u0f40-\u0fbc\u1000-\u103f\u1050-\u109f\u1780-\u17d3",
}
_RUN = re.compile("|".join(f"(?P<{name}>[{characters}]+)" for name, characters in _CLASSES.items()))
# vowel signs and tone marks that cannot begin a word
_MARK = re.compile(
    "[\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u0f71-\u0fbc\u102b-\u103e\u17b4-\u17d3]"
)
_EDGE = "\0"


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one script without a border between them."""

    script: str
    text: str
    start: int


def runs_of(text: str) -> Iterator[Run]:
    """The runs of unspaced scripts in a text."""
    for found in _RUN.finditer(text):
        yield Run(found.lastgroup or "", found.group(), found.start())


@dataclass(slots=True)
class Segmenter:
    """Finds words in runs.

    Attributes:
        words: {word: how often it occurs in the sample}, learned by `learn`.
    """

    words: dict[str, int] = field(default_factory=dict)
    total: int = 0

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Segmenter:
        """Words of a sample of texts."""
        runs = Counter((run.script, run.text) for text in texts for run in runs_of(text))
        if not runs:
            return cls()
        counts = _count(runs)
        total = sum(count for gram, count in counts.items() if len(gram) == 1)
        left, right = _neighbours(runs, counts)
        alone = Counter[str]()
        for (_, run), count in runs.items():
            if 2 <= len(run) <= SHORT_RUN:
                alone[run] += count
        words = {}
        for gram, count in counts.items():
            if len(gram) < 2 or _MARK.match(gram[0]):
                continue
            free = min(_entropy(left[gram]), _entropy(right[gram]))
            if alone[gram] >= max(2, count // 2) or (
                free >= LEAST_ENTROPY and _cohesion(gram, counts, total) >= LEAST_COHESION
            ):
                words[gram] = count
        kept = sorted(words, key=lambda word: (-words[word] * len(word), word))[:MOST_WORDS]
        return cls({word: words[word] for word in kept}, total)

    def cut(self, run: str) -> list[tuple[str, int, bool]]:
        """A run as (word, offset, known) in order: known words first of all, the rest as single characters; a short run
        of which nothing is known is one word."""
        if (
            run not in self.words
            and len(run) <= SHORT_RUN
            and not any(run[i:j] in self.words for i in range(len(run)) for j in range(i + 2, len(run) + 1))
        ):
            return [(run, 0, len(run) > 1)]
        best: list[tuple[float, int]] = [(0.0, 0)] + [(-math.inf, 0)] * len(run)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - LONGEST), end):
                value = best[start][0] + self._weight(run[start:end])
                if value > best[end][0]:
                    best[end] = (value, start)
        cuts, end = [], len(run)
        while end:
            start = best[end][1]
            cuts.append((run[start:end], start, run[start:end] in self.words))
            end = start
        return cuts[::-1]

    def _weight(self, piece: str) -> float:
        count = self.words.get(piece)
        if count is None:
            return -12.0 if len(piece) == 1 else -math.inf
        return math.log(count / max(self.total, 1)) + 0.5 * len(piece)


def _count(runs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Counts of the strings of up to LONGEST characters that occur at least LEAST_COUNT times (of one character: all);
    a longer one is only counted where its beginning is frequent."""
    counts: Counter[str] = Counter()
    for (_, run), count in runs.items():
        for character in run:
            counts[character] += count
    everything = dict(counts)
    frequent = {gram for gram, count in counts.items() if count >= LEAST_COUNT}
    for size in range(2, LONGEST + 1):
        longer: Counter[str] = Counter()
        for (_, run), count in runs.items():
            for start in range(len(run) - size + 1):
                if run[start : start + size - 1] in frequent and run[start + 1 : start + size] in frequent:
                    longer[run[start : start + size]] += count
        frequent = {gram for gram, count in longer.items() if count >= LEAST_COUNT}
        if not frequent:
            break
        everything.update((gram, longer[gram]) for gram in frequent)
    return everything


def _neighbours(
    runs: Mapping[tuple[str, str], int], counts: Mapping[str, int]
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """What stands before and after each counted string; each border of a run is a neighbour of its own."""
    left: dict[str, Counter[str]] = defaultdict(Counter)
    right: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, run), count in runs.items():
        for start in range(len(run)):
            for end in range(start + 2, min(len(run), start + LONGEST) + 1):
                gram = run[start:end]
                if gram not in counts:
                    break
                left[gram][run[start - 1] if start else _EDGE] += count
                right[gram][run[end] if end < len(run) else _EDGE] += count
    return left, right


def _entropy(neighbours: Counter[str]) -> float:
    """Bits of what stands beside a string; borders count as all different."""
    total = neighbours.total()
    if not total:
        return 0.0
    edges = neighbours[_EDGE]
    bits = sum(-n / total * math.log2(n / total) for c, n in neighbours.items() if c != _EDGE)
    return bits + (edges / total * math.log2(total) if edges else 0.0)


def _cohesion(gram: str, counts: Mapping[str, int], total: int) -> float:
    """log2 of how much oftener than chance the two sides of the weakest cut stand together."""
    weakest = math.inf
    for cut in range(1, len(gram)):
        expected = counts.get(gram[:cut], LEAST_COUNT) * counts.get(gram[cut:], LEAST_COUNT) / total
        weakest = min(weakest, math.log2(counts[gram] / expected))
    return weakest
