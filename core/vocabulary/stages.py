"""The stages in which candidates become proposals, each a function from one stage's result to the next one's.

Every stage leaves a small JSON with its counts and its data in the build's folder; a stage that has left them is not
done again. Nothing here asks an engine for anything.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from core.vocabulary.names import LONGEST, name_key

STAGES: tuple[tuple[str, str], ...] = (
    ("clues", "Clues read"),
    ("candidates", "Candidate tags"),
    ("cleaned", "Cleaned"),
    ("variants", "Spellings joined"),
    ("counted", "Counted by item"),
    ("neighbours", "Near-duplicates found"),
    ("proposals", "Proposals written"),
)
NAMES = tuple(name for name, _ in STAGES)
EVERYWHERE = 0.5  # a tag on more than this share of the items tells nothing about any of them
FEW_ITEMS = 20  # of so few items, half is not many
EXAMPLES = 8

Progress = Callable[[], None]


@dataclass(slots=True)
class Occurrences:
    """Which items say which name.

    Attributes:
        names: distinct.
        items: by name, the keys of the items that say it, rising, each once.
        scores: by name, the mean score of its candidates (0..1).
        total: items that were asked about.
    """

    names: list[str]
    items: list[np.ndarray[Any, Any]]
    scores: list[float]
    total: int

    def save(self, path: Path) -> None:
        lengths = np.array([len(each) for each in self.items], np.int64)
        flat = np.concatenate(self.items) if self.items else np.zeros(0, np.int64)
        named = np.frombuffer(orjson.dumps(self.names), np.uint8)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, names=named, lengths=lengths, items=flat, scores=np.array(self.scores), total=self.total)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Occurrences:
        with np.load(path) as stored:
            names = orjson.loads(stored["names"].tobytes())
            items = np.split(stored["items"], np.cumsum(stored["lengths"])[:-1]) if names else []
            return cls(names, items, stored["scores"].tolist(), int(stored["total"]))


# cleaned


@dataclass(slots=True)
class Cleaning:
    """What became of each distinct candidate text: {text: cleaned name, or None}."""

    kept: dict[str, str | None]
    counts: dict[str, int]
    examples: dict[str, list[str]]


def clean_texts(texts: Iterable[str], progress: Progress) -> Cleaning:
    """Refusals, chatter, numbering and what is no name are left out; what is good beneath them is kept."""
    from core.vocabulary.cleaning import clean

    kept: dict[str, str | None] = {}
    problems: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    changed = 0
    for number, text in enumerate(texts):
        if number % 500 == 0:
            progress()
        cleaned = clean(text)
        name = cleaned.text
        problem = cleaned.problem
        if name is not None and len(name) > LONGEST:
            name, problem = None, "too_long"
        kept[text] = name
        changed += name is not None and name != text
        if name is None:
            problems[problem or "empty"] += 1
            shown = examples.setdefault(problem or "empty", [])
            if len(shown) < EXAMPLES:
                shown.append(text[:80])
    counts = {"distinct": len(kept), "kept": sum(n is not None for n in kept.values()), "changed": changed}
    return Cleaning(kept, {**counts, **dict(problems.most_common())}, examples)


def occurrences(rows: Iterable[tuple[int, str, float]], kept: Mapping[str, str | None], total: int) -> Occurrences:
    """Candidates (item, text, score), an item's together, as what each cleaned name stands on."""
    items: dict[str, array[int]] = {}
    sums: dict[str, float] = {}
    said: Counter[str] = Counter()
    for item, text, score in rows:
        name = kept.get(text)
        if name is None:
            continue
        on = items.setdefault(name, array("q"))
        if not on or on[-1] != item:
            on.append(item)
        sums[name] = sums.get(name, 0.0) + score
        said[name] += 1
    names = list(items)
    arrays = [np.unique(np.frombuffer(items[name], np.int64)) for name in names]
    return Occurrences(names, arrays, [sums[name] / said[name] for name in names], total)


# variants


def join_variants(
    found: Occurrences, known: Iterable[str] = ()
) -> tuple[list[tuple[str, list[tuple[str, str]]]], dict[str, int]]:
    """Spellings of one name under one of them: [(name, [(other spelling, reason)])], and the counts.

    Args:
        known: names and aliases that the vocabulary has: a candidate may be another spelling of one of them.
    """
    from core.vocabulary.variants import group

    counted = {name: len(items) for name, items in zip(found.names, found.items, strict=True)}
    said = {name_key(name) for name in counted}
    others = dict.fromkeys((name for name in known if name_key(name) not in said), 0)
    found_groups = [(each.canonical, list(each.members)) for each in group(counted | others)]
    groups = [each for each in found_groups if each[0] in counted or any(m in counted for m, _ in each[1])]
    grouped = {name for canonical, members in groups for name in (canonical, *(m for m, _ in members))}
    groups += [(name, []) for name in found.names if name not in grouped]
    reasons = Counter(reason for _, members in groups for _, reason in members)
    counts = {"names": len(counted), "kept": len(groups), "joined": sum(reasons.values())}
    return groups, {**counts, **dict(reasons.most_common())}


# counted


@dataclass(frozen=True, slots=True)
class Counted:
    """A name that stays.

    Attributes:
        place: where its items stand in the stage's `Occurrences`.
        variants: its other spellings with the reason.
        tag: the tag of the vocabulary that goes by one of these names already.
        support: 0..1, how well the corpus supports it beside the others.
    """

    place: int
    name: str
    variants: tuple[tuple[str, str], ...]
    tag: int | None
    support: float


def count_by_item(
    found: Occurrences,
    groups: Sequence[tuple[str, list[tuple[str, str]]]],
    owners: Mapping[str, int],
    *,
    least: int,
    size: int,
) -> tuple[Occurrences, list[Counted], dict[str, Any]]:
    """Names by the distinct items that say them in any spelling; the rare and the empty ones are left out.

    Args:
        owners: key of every name that the vocabulary has → its tag.
        least: fewest items a new tag must be on.
        size: most new tags.

    Returns:
        the occurrences of what stays (known tags first), the names, the counts.
    """
    place = {name: i for i, name in enumerate(found.names)}
    joined: list[tuple[str, tuple[tuple[str, str], ...], np.ndarray[Any, Any], float, int | None]] = []
    for name, members in groups:
        places = [place[each] for each in (name, *(m for m, _ in members)) if each in place]
        items = np.unique(np.concatenate([found.items[p] for p in places]))
        score = sum(found.scores[p] * len(found.items[p]) for p in places) / sum(len(found.items[p]) for p in places)
        tags = [owners[key] for each in (name, *(m for m, _ in members)) if (key := name_key(each)) in owners]
        joined.append((name, tuple(members), items, score, tags[0] if tags else None))
    most = EVERYWHERE * found.total if found.total > FEW_ITEMS else found.total
    known = [each for each in joined if each[4] is not None]
    new = [each for each in joined if each[4] is None]
    often = [each for each in new if len(each[2]) >= least]
    telling = [each for each in often if len(each[2]) <= most]
    telling.sort(key=lambda each: (-_support(each), each[0]))
    kept = [*known, *telling[:size]]
    best = max((_support(each) for each in kept), default=1.0) or 1.0
    result = [
        Counted(i, name, variants, tag, round(float(np.log1p(_support(each)) / np.log1p(best)), 4))
        for i, each in enumerate(kept)
        for name, variants, _, _, tag in [each]
    ]
    uses = sorted(len(each[2]) for each in telling[:size])
    covered = np.unique(np.concatenate([each[2] for each in kept])) if kept else np.zeros(0)
    everywhere = [each[0] for each in often if len(each[2]) > most]
    counts = {
        "names": len(joined),
        "kept": len(telling[:size]),
        "known": len(known),
        "rare": len(new) - len(often),
        "everywhere": len(everywhere),
        "beyond_size": max(0, len(telling) - size),
        "median_items": uses[len(uses) // 2] if uses else 0,
        "items": found.total,
        "items_covered": len(covered),
        "least": least,
        "size": size,
    }
    on = Occurrences([e[0] for e in kept], [e[2] for e in kept], [e[3] for e in kept], found.total)
    return on, result, {**counts, "examples": {"everywhere": everywhere[:EXAMPLES]}}


def _support(each: tuple[Any, ...]) -> float:
    return float(len(each[2]) * (0.5 + 0.5 * min(1.0, max(0.0, each[3]))))


def least_items(items: int) -> int:
    """How many items a tag must be on when nobody has said it: tags on one or two items gather nothing."""
    return 2 if items < 40 else 3


def wanted_size(items: int) -> int:
    """How many tags to propose when nobody has said it: ten times the root of the items, within reason."""
    return int(min(1500, max(30, round(10 * items**0.5))))
