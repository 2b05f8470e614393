"""The builtin writer of music captions on MusicCaps, beside plainer ways to turn tags into text, in one run.

    python benchmarks/captions.py [--rows test|others] [--styles writing,summary] [--samples docs/caption_samples.md]

Rows: the 2,839 of MusicCaps' test set that the published systems answered (joined by the human caption), or all rows
outside the test set, on which the writer was developed. Every system gets the tags in an order drawn with seed 0.
The human captions are references for BLEU and ROUGE-L, and nothing else here reads them.

Figures: BLEU-4 (sacrebleu, no smoothing), ROUGE-L (rouge_score, no stemmer, mean F); coverage (share of given tags all
of whose words, stemmed, are in the caption); captions that name an instrument no tag mentions; captions that say
something is there that a tag says is absent; captions of more than one sentence; the share of the commonest first two
words; captions with a list of more than three tags that nothing but commas, “and” and articles holds together.

The data come from TAGLOOM_DATA (default ../shared/data beside the repository).
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.captions.checks import check, sentences
from core.captions.cleaning import clean
from core.captions.cooccurrence import Counts, predict
from core.captions.metrics import overlap
from core.captions.styles import STYLES, TITLES
from core.captions.tags import TagSet
from core.captions.terms import stem
from core.captions.writer import write
from core.corpora.given import Given

DATA = Path(os.environ.get("TAGLOOM_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / "music"
SEED = 0
SAMPLES = 20
MOST_IN_A_LIST = 3
_WORD = re.compile(r"[^\W_]+(?:[&'][^\W_]+)*")
_HOLDS = re.compile(r"(?:[\s,]|and\b|or\b|an?\b|the\b|some\b|no\b)*")


@dataclass(frozen=True)
class Row:
    """One clip: its tags in the order drawn, cleaned, and what a person wrote."""

    id: str
    names: tuple[str, ...]
    tags: TagSet
    reference: str


def read_rows(test: bool) -> list[Row]:
    """The rows of a part, their tags shuffled with SEED."""
    with (DATA / "musiccaps-public.csv").open(encoding="utf-8", newline="") as file:
        clips = list(csv.DictReader(file))
    if test:
        by_caption = {clip["caption"]: clip for clip in clips}
        answered = json.loads((DATA / "lp_musiccaps_writing.json").read_text(encoding="utf-8"))
        clips = [by_caption[entry["ground_truth"]] for entry in answered]
    else:
        clips = [clip for clip in clips if clip["is_audioset_eval"] != "True"]
    drawn = random.Random(SEED)
    rows = []
    for clip in clips:
        names = ast.literal_eval(clip["aspect_list"])
        drawn.shuffle(names)
        rows.append(Row(clip["ytid"], tuple(names), clean([Given(name) for name in names]), clip["caption"]))
    return rows


# what the writer is compared with


def tag_concat(row: Row) -> str:
    return ", ".join(row.names)


def template(row: Row) -> str:
    return f"the music is characterized by {', '.join(row.names)}"


def three_sentences(row: Row) -> str:
    """What it is, what is heard, how it feels: the facets in a fixed frame."""
    heard = [tag.name for tag in row.tags.present if tag.facet in ("instrument", "voice", "rhythm")]
    felt = [tag.name for tag in row.tags.present if tag.facet in ("mood", "tempo")]
    rest = [tag.name for tag in row.tags.present if tag.name not in heard and tag.name not in felt]
    rest += [f"no {tag.name}" for tag in row.tags.absent]
    frames = (("The song is ", rest), ("It features ", heard), ("The mood is ", felt))
    return " ".join(f"{start}{', '.join(names)}." for start, names in frames if names)


def published(name: str) -> Callable[[], list[str]]:
    return lambda: [entry["prediction"] for entry in json.loads((DATA / name).read_text(encoding="utf-8"))]


# figures


def coverage(rows: Sequence[Row], captions: Sequence[str]) -> float:
    """Percent of the given tags, as the file has them, whose words are all in the caption after stemming."""
    found = total = 0
    for row, caption in zip(rows, captions, strict=True):
        said = stems(caption)
        total += len(row.names)
        found += sum(stems(name) <= said for name in row.names)
    return 100 * found / total


def stems(text: str) -> set[str]:
    return {stem(word) for word in _WORD.findall(text.lower().replace("’", "'"))}


def longest_list(row: Row, caption: str) -> int:
    """The most tags in a row that nothing but commas, “and” and articles holds together."""
    text = caption.lower()
    names = sorted({*row.names, *(tag.name for tag in row.tags.present)}, key=len, reverse=True)
    places: list[tuple[int, int]] = []
    for name in names:
        for found in re.finditer(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text):
            if all(found.end() <= start or found.start() >= end for start, end in places):
                places.append(found.span())
    places.sort()
    longest = run = 0
    before = -1
    for start, end in places:
        run = run + 1 if before >= 0 and _HOLDS.fullmatch(text[before:start]) else 1
        longest, before = max(longest, run), end
    return longest


def figures(rows: Sequence[Row], captions: Sequence[str], style: str) -> dict[str, float]:
    reasons: Counter[str] = Counter()
    for row, caption in zip(rows, captions, strict=True):
        reasons.update({reason.code for reason in check(caption, row.tags, style).reasons})
    openers = Counter(" ".join(caption.lower().split()[:2]) for caption in captions)
    scores = overlap([(caption, row.reference) for row, caption in zip(rows, captions, strict=True)])
    share = 100 / len(rows)
    return {
        "BLEU-4": scores["bleu4"],
        "ROUGE-L": scores["rouge_l"],
        "coverage": coverage(rows, captions),
        "unsupported": share * reasons["unsupported_instrument"],
        "negation": reasons["negation"],
        "several": share * sum(sentences(caption) != 1 for caption in captions),
        "opener": share * openers.most_common(1)[0][1],
        "lists": share
        * sum(longest_list(row, caption) > MOST_IN_A_LIST for row, caption in zip(rows, captions, strict=True)),
        "words": sum(len(caption.split()) for caption in captions) / len(captions),
    }


HEADS = (
    "| system | BLEU-4 | ROUGE-L | tags covered % | unsupported instrument % | negation violated | not one sentence % "
    "| commonest opener % | a list of over three % | words |"
)


def line(name: str, found: dict[str, float]) -> str:
    return (
        f"| {name} | {found['BLEU-4']:.2f} | {found['ROUGE-L']:.2f} | {found['coverage']:.1f} "
        f"| {found['unsupported']:.2f} | {found['negation']:.0f} | {found['several']:.1f} | {found['opener']:.1f} "
        f"| {found['lists']:.1f} | {found['words']:.1f} |"
    )


def systems(rows: list[Row], test: bool, styles: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """(name, style that it is checked as, captions)."""
    yield "tag concat", "writing", [tag_concat(row) for row in rows]
    yield "template", "writing", [template(row) for row in rows]
    yield "three-sentence frame", "writing", [three_sentences(row) for row in rows]
    for style in styles:
        began = time.perf_counter()
        captions = [write(row.tags, style) for row in rows]
        spent = 1000 * (time.perf_counter() - began) / len(rows)
        print(f"<!-- {style}: {spent:.2f} ms a caption -->")
        yield f"builtin writer, {TITLES[style].lower()}", style, captions
    if test:
        for style in ("writing", "summary"):
            yield f"published GPT-3.5, {style}", style, published(f"lp_musiccaps_{style}.json")()


def write_samples(rows: list[Row], path: Path) -> None:
    """Twenty random rows in all four styles."""
    counts = Counts.of(row.tags for row in rows)
    drawn = random.Random(SEED).sample(rows, SAMPLES)
    lines = [
        "# Twenty random captions of the builtin writer",
        "",
        "Made by `python benchmarks/captions.py --samples docs/caption_samples.md`: tags of twenty clips drawn at",
        "random from MusicCaps' test rows (CC BY-SA 4.0, Google Research), in a random order, and what the builtin",
        "writer makes of them without a model. Nobody chose or corrected them. The last sentence of attribute",
        "prediction names tags that often stand beside the given ones in this corpus: it says so, and they are kept",
        "apart from the given tags.",
    ]
    for number, row in enumerate(drawn, 1):
        lines += ["", f"## {number}. `{row.id}`", "", f"Tags: {', '.join(row.names)}", ""]
        for style in STYLES:
            predicted = predict(row.tags, counts) if style == "attribute_prediction" else ()
            lines.append(f"- **{TITLES[style]}**: {write(row.tags, style, predicted=predicted)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", choices=("test", "others"), default="test")
    parser.add_argument("--styles", default=",".join(STYLES))
    parser.add_argument("--samples", type=Path, help="write twenty random captions to this file")
    arguments = parser.parse_args()
    if not (DATA / "musiccaps-public.csv").is_file():
        raise SystemExit(f"The music files are not in {DATA}: set TAGLOOM_DATA to the folder of the shared data.")
    test = arguments.rows == "test"
    rows = read_rows(test)
    print(f"{len(rows):,} rows of MusicCaps ({arguments.rows}), tags shuffled with seed {SEED}\n")
    print(HEADS)
    print(f"|{' --- |' * 10}")
    for name, style, captions in systems(rows, test, arguments.styles.split(",")):
        print(line(name, figures(rows, captions, style)), flush=True)
    if arguments.samples:
        write_samples(rows, arguments.samples)
        print(f"\nTwenty random captions: {arguments.samples}")


if __name__ == "__main__":
    main()
