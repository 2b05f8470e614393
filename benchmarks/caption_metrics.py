"""What checks and metrics say of LP-MusicCaps' published captions, beside what was published or measured before.

    python benchmarks/caption_metrics.py ../shared/data

Figures of the paper: arXiv 2307.16372, table 2. METEOR there is with WordNet, here without, so its row names the value
that the same captions have without it.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from core.captions import metrics
from core.captions.checks import check
from core.captions.cleaning import clean
from core.captions.tags import TagSet
from core.captions.terms import find, support_of
from core.corpora.given import Given

METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "meteor", "chrf")
EXPECTED = {
    "writing": (36.84, 19.85, 11.37, 6.74, 25.36, 31.62, 39.8),
    "summary": (26.12, 14.58, 8.80, 5.52, 25.83, 28.08, 34.7),
}
NAMED = "an instrument that no tag supports is named, denied or not"
SHARES = {  # measured before, with another checker, in per cent of the captions
    NAMED: (4.0, 4.5),
    "unsupported_instrument": (None, None),
    "unsupported_tempo": (7.5, 3.5),
    "unsupported_genre": (2.1, 1.3),
    "hype": (19.6, 3.9),
    "imperative": (18.9, 0.0),
    "second_person": (16.3, 1.1),
    "format_leak": (0.0, 0.0),
    "unsupported_voice": (None, None),
    "negation": (None, None),
    "number": (None, None),
}


def _names_unsupported(text: str, tags: TagSet) -> bool:
    support = support_of(tags)
    return any(term.facet == "instrument" and not support.supports(term) for term in find(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds music/")
    folder = parser.parse_args().data / "music"
    with (folder / "musiccaps-public.csv").open(encoding="utf-8", newline="") as file:
        tags = {row["caption"]: ast.literal_eval(row["aspect_list"]) for row in csv.DictReader(file)}
    for place, (style, expected) in enumerate(EXPECTED.items()):
        rows = json.loads((folder / f"lp_musiccaps_{style}.json").read_text(encoding="utf-8"))
        pairs = [(row["prediction"], row["ground_truth"]) for row in rows]
        started = time.perf_counter()
        found = metrics.overlap(pairs)
        seconds = time.perf_counter() - started
        floor = metrics.shuffled_floor(pairs)
        print(f"## {style}: {len(pairs):,} captions, metrics in {seconds:.1f} s\n")
        print("| figure | here | published | captions of other tracks |\n| --- | --- | --- | --- |")
        for name, value in zip(METRICS, expected, strict=True):
            print(f"| {name} | {found[name]:.2f} | {value:.2f} | {floor[name]:.2f} |")
        sets = [clean([Given(name, None, None) for name in tags[reference]]) for _, reference in pairs]
        started = time.perf_counter()
        results = [check(text, given, style) for (text, _), given in zip(pairs, sets, strict=True)]
        seconds = time.perf_counter() - started
        codes = Counter(code for result in results for code in {reason.code for reason in result.reasons})
        codes[NAMED] = sum(_names_unsupported(text, given) for (text, _), given in zip(pairs, sets, strict=True))
        coverage = Counter(how for result in results for _, how in result.coverage)
        print(f"\nchecks: {1000 * seconds / len(results):.2f} ms a caption\n")
        print("| % of captions | here | measured before |\n| --- | --- | --- |")
        for code, before in SHARES.items():
            told = "" if before[place] is None else f"{before[place]:.1f}"
            print(f"| {code} | {100 * codes[code] / len(results):.1f} | {told} |")
        said = "  ".join(f"{how} {100 * n / coverage.total():.1f} %" for how, n in coverage.most_common())
        print(f"\ntags: {said}\n")


if __name__ == "__main__":
    main()
