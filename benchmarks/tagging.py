"""Quality and speed of the builtin taggers beside baselines, in one run, on real corpora.

    python benchmarks/tagging.py [--parts selective,generative,kuaishou] [--items N] [--talks N]
                                 [--corpora ted,ml,videos,stories] [--vectors FILE]
                                 [--sensitivity] [--samples] [--thresholds] [--without-model]

The corpora come from TAGLOOM_DATA (default ../shared/data beside the repository) and from assets/demo. Columns get
the roles that the importer guesses; gold labels are read by the scorer alone. See benchmarks/tagging.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import generative, kuaishou
from core.corpora.clues import Clue
from core.corpora.formats.base import Row
from core.corpora.mapping import CompiledMapping, DraftItem, guess_mapping
from core.corpora.reading import inspect, read_rows
from core.corpora.rendering import render
from core.embedding.cache import CachedEncoder, LayeredCache, MemoryCache, SqliteCache
from core.embedding.encoder import Encoder, find_model
from core.embedding.hashing import HashingEncoder
from core.embedding.locate import ModelLocation
from core.embedding.vectors import TextEncoder
from core.tagging.lexical import Matcher
from core.tagging.selective import DEFAULTS, SelectiveParameters, SelectiveTagger, TagEntry
from core.vocabulary.names import name_key

REPOSITORY = Path(__file__).resolve().parents[1]
LEAST_USES = 5
PARTS = ("selective", "generative", "kuaishou")
TALKS = 300  # of the generative part, evenly spread
GENERATIVE = ("ted", "ml")
LEXICAL_BONUS = 0.2  # baseline (b): what a tag's name in the text adds to its cosine; the best of 0.1, 0.2, 0.3
READ_BY_BASELINES = ("title", "caption", "category", "ocr", "speech", "body")


@dataclass(frozen=True)
class Source:
    """A corpus: its file, tags per item (gold's mean, rounded up to what the issue names), most items, cleaning."""

    path: str
    top_k: int
    demo: bool = False
    most: int = 100_000
    clean: Callable[[str], str] | None = None
    least_uses: int = LEAST_USES


SOURCES = {
    "ted": Source("items/ted_talks.csv", 8),
    "ml": Source("items/ml_projects.json", 6),
    "videos": Source("items/kuaishou_videos.csv", 2, clean=lambda text: re.sub(r"#[^\s#]+#?", " ", text)),
    "stories": Source("assets/demo/stories.jsonl", 4, demo=True, least_uses=1),
}


@dataclass
class Corpus:
    """Items as a tagger may see them, and their gold for the scorer."""

    name: str
    clues: list[list[Clue]]
    gold: list[set[str]]
    vocabulary: list[str]  # sorted by name: the order says nothing of use
    top_k: int

    def part(self, items: int) -> Corpus:
        """At most so many items, evenly spread; the vocabulary stays that of the whole corpus."""
        step = max(1, len(self.clues) // items)
        return replace(self, clues=self.clues[::step][:items], gold=self.gold[::step][:items])


def data_folder() -> Path:
    return Path(os.environ.get("TAGLOOM_DATA") or REPOSITORY.parent / "shared" / "data")


def load(name: str, data: Path | None = None) -> Corpus:
    """A corpus through the importer's own reading, guessing and rendering; `data` is the folder of the shared data."""
    source = SOURCES[name]
    path = (REPOSITORY if source.demo else data or data_folder()) / source.path
    mapping = guess_mapping(inspect(path))
    compiled = CompiledMapping(mapping)
    clues: list[list[Clue]] = []
    labels: list[set[str]] = []
    for draft in _drafts(path, compiled):
        fields = render(draft.fields, mapping.roles)
        text = [Clue(f.name, f.kind, source.clean(f.text) if source.clean else f.text) for f in fields]
        if draft.gold and len(clues) < source.most and any(c.text.strip() for c in text if c.kind != "category"):
            clues.append(text)
            labels.append(set(draft.gold))
    uses = Counter(label for item in labels for label in item)
    vocabulary = sorted(label for label, count in uses.items() if count >= source.least_uses)
    known = set(vocabulary)
    return Corpus(name, clues, [item & known for item in labels], vocabulary, source.top_k)


def _drafts(path: Path, compiled: CompiledMapping) -> Iterator[DraftItem]:
    for row in read_rows(path):
        draft = compiled(row) if isinstance(row, Row) else None
        if isinstance(draft, DraftItem):
            yield draft


@dataclass(frozen=True)
class Score:
    """Micro figures over all items."""

    precision: float
    recall: float
    f1: float
    per_item: float


def score(said: Sequence[Sequence[str]], gold: Sequence[set[str]]) -> Score:
    correct = sum(len(set(tags) & true) for tags, true in zip(said, gold, strict=True))
    suggested, true = sum(map(len, said)), sum(map(len, gold))
    return Score(
        correct / max(suggested, 1),
        correct / max(true, 1),
        2 * correct / max(suggested + true, 1),
        suggested / len(gold),
    )


def whole_text(clues: Sequence[Clue]) -> str:
    return ". ".join(clue.text.strip() for clue in clues if clue.kind in READ_BY_BASELINES and clue.text.strip())


def spoken(tag: str) -> str:
    return tag.replace("-", " ").replace("_", " ")


def baselines(corpus: Corpus, encoder: TextEncoder) -> dict[str, list[list[str]]]:
    """Plain top-k: the item's text embedded whole against tag names; and the same plus words."""
    items = encoder.encode([whole_text(clues) for clues in corpus.clues])
    similarity = items @ encoder.encode([spoken(tag) for tag in corpus.vocabulary]).T
    matcher = Matcher([[tag] for tag in corpus.vocabulary])
    named = np.zeros_like(similarity)
    for row, clues in enumerate(corpus.clues):
        for tag, hit in matcher.find(whole_text(clues)).items():
            named[row, tag] = hit.match == "exact"

    def first(scores: np.ndarray) -> list[list[str]]:
        order = np.argsort(-scores, axis=1, kind="stable")[:, : corpus.top_k]
        return [[corpus.vocabulary[tag] for tag in row] for row in order]

    return {
        "embedding top-k": first(similarity),
        "embedding + lexical": first(similarity + LEXICAL_BONUS * named),
    }


@dataclass
class Answered:
    """What the tagger said, its scores, and items per second of processor time (vectors are cached when the sample
    was the whole corpus)."""

    said: list[list[str]]
    scores: list[list[float]]
    per_second: float
    score: Score


def ours(
    corpus: Corpus,
    encoder: TextEncoder,
    parameters: SelectiveParameters = DEFAULTS,
    *,
    sample: int | None = None,
    threshold: float = 0,
) -> Answered:
    """The selective tagger; `sample` items of the corpus are read unlabelled first (None: all, as a run does)."""
    tagger = SelectiveTagger([TagEntry(tag, tag) for tag in corpus.vocabulary], encoder, parameters)
    learned = corpus.clues if sample is None else corpus.part(sample).clues if sample else []
    tagger.prepare(learned)
    started = time.process_time()  # of all threads: what others do on this machine does not count
    answers = tagger.tag(corpus.clues, top_k=corpus.top_k, threshold=threshold)
    seconds = time.process_time() - started
    said = [[s.tag_id for s in suggestions] for suggestions in answers]
    scores = [[s.score for s in suggestions] for suggestions in answers]
    return Answered(said, scores, len(corpus.clues) / seconds, score(said, corpus.gold))


def row(corpus: str, method: str, found: Score, speed: str = "") -> None:
    print(
        f"{corpus:<9} {method:<24} {found.precision:>9.4f} {found.recall:>7.4f} {found.f1:>7.4f}"
        f" {found.per_item:>9.2f} {speed:>9}",
        flush=True,
    )


def compare(corpus: Corpus, encoder: TextEncoder) -> None:
    """The table of the issue: baselines and ours, exactly top_k tags an item."""
    for method, said in baselines(corpus, encoder).items():
        row(corpus.name, method, score(said, corpus.gold))
    alone = ours(corpus, encoder, sample=0)
    row(corpus.name, "ours, no sample", alone.score)
    whole = ours(corpus, encoder)
    row(corpus.name, "ours", whole.score, f"{whole.per_second:,.0f}")
    cut = ours(corpus, encoder, threshold=DEFAULTS.threshold)
    row(corpus.name, f"ours, score >= {DEFAULTS.threshold}", cut.score)


def free_tags(corpus: Corpus, location: ModelLocation, encoder: TextEncoder) -> None:
    """The generative part: YAKE, KeyBERT and ours, before and after matching to the vocabulary."""
    matcher = generative.vocabulary_matcher(corpus, encoder)
    found = generative.compare(corpus, location, [whole_text(clues) for clues in corpus.clues])
    keybert = {said.method: said.per_second for said in found}
    gold = [set(map(name_key, tags)) for tags in corpus.gold]
    for said in found:
        exact = score(generative.folded(said.tags, corpus.top_k), gold)
        after = score(generative.matched(said.tags, matcher, corpus.top_k), corpus.gold)
        speed = f"{said.per_second:>7.1f}/s"
        if said.method == "ours":
            speed += "".join(f", {said.per_second / keybert[m]:.1f} x {m}" for m in ("KeyBERT", "KeyBERT, one batch"))
        print(
            f"{corpus.name:<9} {said.method:<20} before matching: P {exact.precision:.3f} R {exact.recall:.3f}"
            f" F1 {exact.f1:.3f} | after: P {after.precision:.3f} R {after.recall:.3f} F1 {after.f1:.3f}"
            f" ({after.per_item:.1f} tags/item) | {speed}",
            flush=True,
        )


def samples(corpus: Corpus, encoder: TextEncoder) -> None:
    """How many unlabelled items it takes."""
    for size in (0, 10, 50, 200, 1000):
        row(corpus.name, f"sample of {size}", ours(corpus, encoder, sample=size).score)


def thresholds(corpus: Corpus, encoder: TextEncoder) -> None:
    """Precision, recall and what a score means: the share of right tags among those with about that score."""
    answered = ours(corpus, encoder)
    pairs = [
        (value, tag in gold)
        for tags, values, gold in zip(answered.said, answered.scores, corpus.gold, strict=True)
        for tag, value in zip(tags, values, strict=True)
    ]
    for low in (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        said = [
            [tag for tag, value in zip(tags, values, strict=True) if value >= low]
            for tags, values in zip(answered.said, answered.scores, strict=True)
        ]
        row(corpus.name, f"score >= {low:.2f}", score(said, corpus.gold))
    for low in np.arange(0, 1, 0.1):
        inside = [right for value, right in pairs if low <= value < low + 0.1]
        if inside:
            print(f"          score {low:.1f} to {low + 0.1:.1f}: {np.mean(inside):.3f} right of {len(inside)}")


SCALED = (
    *("passage_weight", "stem_weight", "rarity_power", "common_share", "neighbours", "neighbour_power"),
    *("neighbour_words", "neighbour_words_power", "neighbour_words_floor", "neighbour_tags", "votes", "sample_trust"),
)


def changed(name: str, factor: float) -> SelectiveParameters:
    """The constants with one of them times `factor`; `word_weights` stands for all kinds together."""
    if name.startswith("word_weights"):
        _, _, kind = name.partition(" ")
        weights = {k: w * (factor if kind in ("", k) else 1) for k, w in DEFAULTS.word_weights.items()}
        return replace(DEFAULTS, word_weights=weights)
    value = getattr(DEFAULTS, name) * factor
    return replace(DEFAULTS, **{name: round(value) if isinstance(getattr(DEFAULTS, name), int) else value})


def sensitivity(corpora: Sequence[Corpus], encoder: TextEncoder) -> None:
    """F1 with each constant 25 % lower and higher, the others as they are."""
    kinds = sorted({clue.kind for corpus in corpora for clues in corpus.clues for clue in clues})
    print(f"{'constant':<26} {'value':>6}  " + "  ".join(f"{c.name + ' -25% / +25%':>20}" for c in corpora), flush=True)
    for name in (*SCALED, "word_weights", *(f"word_weights {kind}" for kind in kinds)):
        cells = [
            " / ".join(f"{ours(corpus, encoder, changed(name, factor)).score.f1:.4f}" for factor in (0.75, 1.25))
            for corpus in corpora
        ]
        kind = name.partition(" ")[2]
        value = DEFAULTS.word_weights[kind] if kind else getattr(DEFAULTS, name, "")
        shown = "all" if name == "word_weights" else value
        print(f"{name:<26} {shown:>6}  " + "  ".join(f"{cell:>20}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)} (default: all)")
    parser.add_argument("--items", type=int, help="a quick look at so many items of each corpus, evenly spread")
    parser.add_argument("--talks", type=int, default=TALKS, help=f"items of the generative part ({TALKS}); 0: all")
    parser.add_argument("--corpora", default="ted,ml", help=f"some of {','.join(SOURCES)} (default: ted,ml)")
    parser.add_argument("--vectors", type=Path, help="keep vectors in this file, so that the next run starts warm")
    parser.add_argument("--sensitivity", action="store_true", help="each constant 25 %% lower and higher")
    parser.add_argument("--samples", action="store_true", help="with smaller unlabelled samples")
    parser.add_argument("--thresholds", action="store_true", help="at several thresholds, and what a score means")
    parser.add_argument("--without-model", action="store_true", help="the fallback that knows spelling only")
    arguments = parser.parse_args()

    parts = arguments.parts.split(",")
    location = find_model()
    if not location.found and not arguments.without_model:
        sys.exit(f"{location.reason} {location.remedy}")
    if not data_folder().is_dir():
        sys.exit(f"The shared data are not in {data_folder()}; set TAGLOOM_DATA to their folder.")
    memory = MemoryCache(1_000_000)
    cache = LayeredCache(memory, SqliteCache(arguments.vectors)) if arguments.vectors else memory
    encoder = CachedEncoder(HashingEncoder() if arguments.without_model else Encoder(location), cache)
    print(f"encoder: {encoder.name}" + ("" if arguments.without_model else f" ({location.source})"))
    if "selective" in parts:
        selective_part(arguments, encoder)
    if "generative" in parts and not arguments.without_model:
        generative_part(arguments, location, encoder)
    if "kuaishou" in parts:
        kuaishou_part(arguments, encoder)


def selective_part(arguments: argparse.Namespace, encoder: TextEncoder) -> None:
    """Tags chosen from the vocabulary, beside embedding top-k."""
    names = arguments.corpora.split(",")
    corpora = [load(name) if arguments.items is None else load(name).part(arguments.items) for name in names]
    for corpus in corpora:
        mean = sum(map(len, corpus.gold)) / len(corpus.gold)
        print(
            f"{corpus.name}: {len(corpus.clues)} items, {len(corpus.vocabulary)} tags, {mean:.2f} gold tags an item,"
            f" exactly {corpus.top_k} suggested"
        )
    print(f"{'corpus':<9} {'method':<24} {'precision':>9} {'recall':>7} {'F1':>7} {'tags/item':>9} {'per cpu s':>9}")
    for corpus in corpora:
        compare(corpus, encoder)
        if arguments.samples:
            samples(corpus, encoder)
        if arguments.thresholds:
            thresholds(corpus, encoder)
    if arguments.sensitivity:
        sensitivity(corpora, encoder)


def generative_part(arguments: argparse.Namespace, location: ModelLocation, encoder: TextEncoder) -> None:
    """Free tags, beside YAKE and KeyBERT."""
    if not all(importlib.util.find_spec(name) for name in ("yake", "keybert")):
        print('The generative part needs YAKE and KeyBERT: pip install -e ".[benchmark]"')
        return
    print(f"\nFree tags, exactly k of each method; the first {arguments.talks or 'all'} items, evenly spread")
    for name in GENERATIVE:
        corpus = load(name)
        free_tags(corpus.part(arguments.talks) if arguments.talks else corpus, location, encoder)


def kuaishou_part(arguments: argparse.Namespace, encoder: TextEncoder) -> None:
    """Hashtags of Chinese videos, beside substring plus popularity."""
    corpus = load("videos")
    corpus = corpus if arguments.items is None else corpus.part(arguments.items)
    print(
        f"\nHashtags of Chinese videos: {len(corpus.clues)} videos with hashtags and text, hashtags stripped from the"
        f" text, {len(corpus.vocabulary)} hashtags used at least {SOURCES['videos'].least_uses} times"
    )
    answered = ours(corpus, encoder)
    for method, said in kuaishou.compare(corpus, answered.said, answered.scores, DEFAULTS.threshold).items():
        found = score(said, corpus.gold)
        macro = kuaishou.macro_f1(said, corpus.gold)
        print(
            f"{method:<46} P {found.precision:.3f} R {found.recall:.3f} F1 {found.f1:.3f}"
            f" | mean F1 of the tags {macro:.3f} | {found.per_item:.1f} tags/item",
            flush=True,
        )


if __name__ == "__main__":
    main()
