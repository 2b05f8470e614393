"""Quality and speed of merge proposals beside TagGPT's rule and plain cosine thresholds, in one run.

    python benchmarks/merge.py [--bags projects,images,taggpt,speed] [--tags N] [--strings N] [--subset N] [--samples]

Quality: canonical names and their aliases as one bag of strings, sorted by name; no counts, no item sets, nothing of
the grouping. A pair is right when the one is an alias of the other; pairs of two aliases of one tag count neither way.
The same encoder reads the strings for every method. Nothing is fitted here: thresholds of the rivals are printed in a
row, ours are the defaults.

Speed: near pairs of many vectors beside TagGPT's loop (a dot product and a division per pair, in Python), which is
timed on a subset and extrapolated by the number of pairs that it would visit; on the subset both must merge the same.

The data come from TAGLOOM_DATA (default ../shared/data beside the repository); see benchmarks/merge.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.embedding.encoder import Encoder, find_model
from core.embedding.hashing import HashingEncoder
from core.embedding.vectors import TextEncoder, Vectors
from core.vocabulary.cleaning import clean
from core.vocabulary.merging import Candidate, MergeProposal, propose_merges
from core.vocabulary.neighbours import leaders, near_pairs
from core.vocabulary.taggpt import proposals, read_final_tags

REPOSITORY = Path(__file__).resolve().parents[1]
THRESHOLDS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
TAGGPT = 0.95


@dataclass(frozen=True)
class Bag:
    """Strings in one bag, and for the scorer what belongs to what."""

    name: str
    strings: list[str]
    owner: dict[str, str]  # string → canonical name

    def pairs(self) -> set[frozenset[str]]:
        """Pairs of a canonical name and its alias."""
        return {frozenset((string, owner)) for string, owner in self.owner.items() if string != owner}


def data_folder() -> Path:
    return Path(os.environ.get("TAGLOOM_DATA", REPOSITORY.parent / "shared" / "data"))


def bag_of(name: str, entries: Iterable[tuple[str, list[str]]]) -> Bag:
    """A string that stands under several names, or is a name itself, is left to the first."""
    entries = list(entries)
    owner = {canonical: canonical for canonical, _ in entries}
    for canonical, aliases in entries:
        for alias in aliases:
            owner.setdefault(alias, canonical)
    return Bag(name, sorted(owner), owner)


def projects(folder: Path, most: int) -> Bag:
    """400 curated tags of machine-learning projects and their 82 aliases."""
    tags = json.loads((folder / "vocabulary" / "ml_projects_curated_tags.json").read_text(encoding="utf-8"))
    return bag_of("projects", [(tag["tag"], tag["aliases"]) for tag in tags])


def images(folder: Path, most: int) -> Bag:
    """The commonest image-board tags and their aliases in Latin letters (shortcuts that begin with / left out)."""
    with (folder / "vocabulary" / "booru_tags_general.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[:most]
    entries = [
        (row[0], [a for a in map(str.strip, row[3].split(",")) if a and a.isascii() and not a.startswith("/")])
        for row in rows
    ]
    return bag_of("images", entries)


BAGS: dict[str, Callable[[Path, int], Bag]] = {"projects": projects, "images": images}


def shown(string: str) -> str:
    """A tag as an encoder should see it."""
    return string.replace("_", " ")


def score(bag: Bag, found: Iterable[frozenset[str]]) -> tuple[int, int, float, float, float]:
    """(pairs that count, right ones, precision, recall, F1)."""
    gold = bag.pairs()
    counted = {pair for pair in found if pair in gold or len({bag.owner[string] for string in pair}) == 2}
    right = len(counted & gold)
    precision, recall = right / max(1, len(counted)), right / len(gold)
    return len(counted), right, precision, recall, 2 * right / (len(counted) + len(gold))


def by_cosine(bag: Bag, vectors: Vectors, threshold: float) -> set[frozenset[str]]:
    pairs = near_pairs(vectors, threshold)
    return {
        frozenset((bag.strings[i], bag.strings[j])) for i, j in zip(pairs.i.tolist(), pairs.j.tolist(), strict=True)
    }


def by_taggpt(bag: Bag, vectors: Vectors) -> set[frozenset[str]]:
    """TagGPT's merge: the first that nothing took takes all later ones with a cosine above .95."""
    clusters = leaders(near_pairs(vectors, np.nextafter(np.float32(TAGGPT), np.float32(1))), len(vectors))
    return {frozenset((bag.strings[i], bag.strings[j])) for i, members in clusters for j in members}


def quality(bag: Bag, encoder: TextEncoder, samples: bool) -> None:
    gold = bag.pairs()
    print(f"\n{bag.name}: {len(bag.strings):,} strings, {len(gold):,} pairs of a name and its alias")
    vectors = encoder.encode([shown(string) for string in bag.strings])
    print(f"{'method':34}{'pairs':>7}{'right':>7}{'prec.':>8}{'recall':>8}{'F1':>7}")

    def line(name: str, found: Iterable[frozenset[str]]) -> None:
        pairs, right, precision, recall, f1 = score(bag, found)
        print(f"{name:34}{pairs:7,}{right:7,}{precision:8.3f}{recall:8.3f}{f1:7.3f}")

    line("TagGPT: leaders, cosine > .95", by_taggpt(bag, vectors))
    for threshold in THRESHOLDS:
        line(f"cosine >= {threshold:.2f}", by_cosine(bag, vectors, threshold))
    known = [Candidate(string, vector=vector) for string, vector in zip(bag.strings, vectors, strict=True)]
    start = time.perf_counter()
    found = propose_merges(known)
    spent = time.perf_counter() - start
    line("Tagloom", as_pairs(bag, found))
    line("Tagloom, no encoder", as_pairs(bag, propose_merges([Candidate(string) for string in bag.strings])))
    print(f"Tagloom took {spent:.2f} s after embedding.")
    by_reason(bag, found)
    if samples:
        missed = gold - as_pairs(bag, found)
        print("missed: " + "; ".join(sorted(" / ".join(sorted(pair)) for pair in missed)))
        wrong = [p for p in found if bag.owner[bag.strings[p.keep]] != bag.owner[bag.strings[p.drop]]]
        for proposal in wrong:
            print(f"  wrong {proposal.score:.2f} {bag.strings[proposal.drop]} → {bag.strings[proposal.keep]}")


def as_pairs(bag: Bag, found: Sequence[MergeProposal]) -> set[frozenset[str]]:
    return {frozenset((bag.strings[p.keep], bag.strings[p.drop])) for p in found}


def by_reason(bag: Bag, found: Sequence[MergeProposal]) -> None:
    gold = bag.pairs()
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for p in found:
        pair = frozenset((bag.strings[p.keep], bag.strings[p.drop]))
        reason = p.lexical or "meaning"
        if pair in gold:
            right[reason] += 1
        elif bag.owner[bag.strings[p.keep]] != bag.owner[bag.strings[p.drop]]:
            wrong[reason] += 1
    rows = (f"{reason} {right[reason]}:{wrong[reason]}" for reason in sorted(set(right) | set(wrong)))
    print("right:wrong by reason: " + ", ".join(rows))


def taggpt_file(folder: Path) -> None:
    """What the published vocabulary of TagGPT becomes."""
    text = (folder / "vocabulary" / "taggpt_final_tags.csv").read_text(encoding="utf-8")
    start = time.perf_counter()
    vocabulary = read_final_tags(text)
    found = proposals(vocabulary)
    spent = time.perf_counter() - start
    strings = {row.name for row in vocabulary.rows} | {entry for row in vocabulary.rows for entry in row.absorbed}
    problems = Counter(clean(string).problem for string in strings)
    print(f"\nTagGPT's file: {len(vocabulary.rows):,} rows, {len(strings):,} strings, read in {spent:.1f} s")
    print(f"aliases proposed {len(found.aliases):,} (of several owners one: {found.ambiguous:,})")
    print(f"to the archive {len(found.archive)} tags; absorbed refusals and chatter {len(found.refusals)}")
    print(f"merged in the file though opposed: {len(found.opposites):,}")
    print("strings by problem: " + ", ".join(f"{k} {v:,}" for k, v in problems.most_common()))


def many_vectors(folder: Path, encoder: TextEncoder, n: int) -> Vectors:
    """n vectors as n tags would have them: those of real tags, each with another mixed in, and a tenth near copies.
    To embed n new strings takes minutes and would measure the model."""
    real = encoder.encode([shown(string) for string in images(folder, 3000).strings[:4000]])
    random = np.random.default_rng(7)
    first, second = random.integers(0, len(real), n), random.integers(0, len(real), n)
    vectors = real[first] + 0.8 * random.random((n, 1), dtype=np.float32) * real[second]
    copies = random.choice(n, n // 10, replace=False)
    sources = random.integers(0, n, n // 10)
    noise = random.standard_normal((n // 10, real.shape[1]), dtype=np.float32)
    vectors[copies] = vectors[sources] + 0.012 * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def taggpt_loop(vectors: Vectors) -> tuple[list[tuple[int, list[int]]], int]:
    """TagGPT's merge as it is written: every unmarked tag against every later one, a division for each pair.

    Returns:
        its clusters, and how many pairs it looked at.
    """
    norms = [float(np.linalg.norm(vector)) for vector in vectors]
    marked = [False] * len(vectors)
    clusters, looked_at = [], 0
    for i in range(len(vectors)):
        if marked[i]:
            continue
        members = []
        for j in range(i + 1, len(vectors)):
            looked_at += 1
            if np.dot(vectors[i], vectors[j]) / (norms[i] * norms[j]) > TAGGPT:
                members.append(j)
                marked[j] = True
        clusters.append((i, members))
    return clusters, looked_at


def speed(folder: Path, encoder: TextEncoder, n: int, subset: int) -> None:
    vectors = many_vectors(folder, encoder, n)
    above = float(np.nextafter(np.float32(TAGGPT), np.float32(1)))
    some = np.ascontiguousarray(vectors[:: max(1, n // subset)][:subset])
    start = time.perf_counter()
    theirs, looked_at = taggpt_loop(some)
    per_pair = (time.perf_counter() - start) / looked_at
    ours = leaders(near_pairs(some, above), len(some))
    print(f"\nspeed: {n:,} vectors of {vectors.shape[1]} axes")
    print(f"subset of {len(some):,}: {len(theirs):,} clusters by TagGPT's loop, {len(ours):,} here; ", end="")
    print("the same merges" if theirs == ours else "THE MERGES DIFFER")
    start = time.perf_counter()
    pairs = near_pairs(vectors, above)
    clusters = leaders(pairs, n)
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    visited = sum(n - 1 - leader for leader, _ in clusters)
    loop = per_pair * visited
    print(f"TagGPT's loop: {per_pair * 1e6:.2f} µs a pair x {visited:,} pairs that it visits = {loop:,.0f} s")
    print(f"here: {spent:.1f} s for {len(pairs):,} pairs, {len(clusters):,} clusters")
    print(f"memory: {peak:,.0f} MB at most, encoder and all")
    print(f"ratio: {loop / spent:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bags", default="projects,images,taggpt,speed", help="which parts, separated by commas")
    parser.add_argument("--tags", type=int, default=1500, help="image-board tags taken, by use")
    parser.add_argument("--strings", type=int, default=100_000, help="vectors of the speed part")
    parser.add_argument("--subset", type=int, default=2000, help="vectors on which TagGPT's loop is run")
    parser.add_argument("--samples", action="store_true", help="print what was missed and what was wrong")
    options = parser.parse_args()
    folder = data_folder()
    if not folder.is_dir():
        raise SystemExit(f"There is no data at {folder}. Set TAGLOOM_DATA.")
    location = find_model(None)
    encoder: TextEncoder = Encoder(location) if location.found else HashingEncoder()
    print(f"encoder: {encoder.name}")
    parts = options.bags.split(",")
    for name in parts:
        if name in BAGS:
            quality(BAGS[name](folder, options.tags), encoder, options.samples)
    if "taggpt" in parts:
        taggpt_file(folder)
    if "speed" in parts:
        speed(folder, encoder, options.strings, options.subset)


if __name__ == "__main__":
    main()
