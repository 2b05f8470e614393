"""How well a run's suggestions meet the gold labels.

The figures on top (`precision`, `recall`, `f1`) are micro averages in which a gold label counts by name or alias, and
only if the vocabulary has it: a tagger that must choose from the vocabulary cannot say others. Their share is
reported as `gold_in_vocabulary`. A free tag (a word that is not in the vocabulary) counts as wrong. Beside them stand
the same figures counted in other ways; docs/protocol.md, "Figures", lists them. Gold is read here and nowhere near
a tagger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.corpora.catalog import Corpus, corpus_by_pk
from core.errors import InvalidInput
from core.store.runs import find_run, list_runs
from core.store.schema import item, run_item, suggestion, tag
from core.tagging.figures import Micro, TagCounts, at_k, by_tag, intervals, macro, micro, per_item
from core.vocabulary.names import name_key
from core.vocabulary.spelling import variant_key
from core.vocabulary.store import merged, owners

__all__ = ["Micro", "Vocabulary", "evaluate", "evaluate_run", "figures_of", "micro", "read_vocabulary", "scored_runs"]

EXAMPLES = 20  # items listed per tag that is suggested wrongly or missed
WORST_TAGS = 12


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What names mean: `known` key → tag, `merged` old tag → tag, `names` active tag → its name."""

    known: dict[str, int]
    merged: dict[int, int]
    names: dict[int, str]


def read_vocabulary(connection: Connection) -> Vocabulary:
    rows = connection.execute(select(tag.c.id, tag.c.name).where(tag.c.state == "active"))
    return Vocabulary(owners(connection), merged(connection), {row[0]: row[1] for row in rows})


@dataclass(slots=True)
class _Item:
    """One item that a run answered: its gold labels, as written and as tags, and what was said, best first."""

    labels: frozenset[str]
    gold: frozenset[int | str]
    said: list[int | str] = field(default_factory=list)  # tag ids, and the keys of free tags
    words: list[str] = field(default_factory=list)  # keys of what was said before it was matched

    def say(self, meant: int | str, word: str) -> None:
        if meant not in self.said:
            self.said.append(meant)
        if word and word not in self.words:
            self.words.append(word)


def _answered(connection: Connection, run_id: int, vocabulary: Vocabulary) -> tuple[dict[int, _Item], bool]:
    """Items of a run that have gold, by pk, with what the run said; and whether it spoke in words of its own."""
    found: dict[int, _Item] = {}
    query = (
        select(item.c.pk, item.c.gold)
        .join(run_item, run_item.c.item == item.c.pk)
        .where(run_item.c.run == run_id, item.c.gold.is_not(None), item.c.deleted == 0)
    )
    for pk, names in connection.execute(query.execution_options(yield_per=2000)):
        labels = frozenset(name_key(name) for name in orjson.loads(names))
        found[pk] = _Item(labels, frozenset(vocabulary.known[key] for key in labels if key in vocabulary.known))
    free = False
    columns = (suggestion.c.item, suggestion.c.tag, suggestion.c.value)
    rows = (
        select(*columns)
        .where(suggestion.c.run == run_id, suggestion.c.field == "tags", suggestion.c.validity == "valid")
        .order_by(suggestion.c.item, suggestion.c.rank, suggestion.c.pk)
    )
    for pk, tag_id, value in connection.execute(rows.execution_options(yield_per=5000)):
        entry = found.get(pk)
        if entry is None:
            continue
        word = name_key(value) if value else ""
        free = free or bool(word)
        if tag_id is None:
            meant: int | str = vocabulary.known.get(word, word)
        else:
            meant = vocabulary.merged.get(tag_id, tag_id)
        if meant != "":
            entry.say(meant, word or name_key(vocabulary.names.get(tag_id, "")))
    return found, free


def _head(items: dict[int, _Item], vocabulary: Vocabulary) -> dict[str, Any] | None:
    """The figures that have always been there; None without a gold label."""
    labels = sum(len(entry.labels) for entry in items.values())
    if not labels:
        return None
    inside = sum(key in vocabulary.known for entry in items.values() for key in entry.labels)
    score = micro((set(entry.said), entry.gold) for entry in items.values())
    return {**score.as_dict(), "scored_items": len(items), "gold_in_vocabulary": round(inside / labels, 4)}


def evaluate_run(connection: Connection, run_id: int) -> dict[str, Any] | None:
    """Scores of one run over the items that it answered and that have gold; None when there are none."""
    vocabulary = read_vocabulary(connection)
    return _head(_answered(connection, run_id, vocabulary)[0], vocabulary)


def figures_of(connection: Connection, run_id: int, vocabulary: Vocabulary) -> dict[str, Any] | None:
    """Everything that can be said of one run against gold (docs/protocol.md, "Figures"); None without gold."""
    items, free = _answered(connection, run_id, vocabulary)
    head = _head(items, vocabulary)
    if head is None:
        return None
    pairs = [(entry.said, entry.gold) for entry in items.values()]
    counts = by_tag(pairs)
    found = {
        **head,
        "gold_labels": sum(len(entry.labels) for entry in items.values()),
        "exact": _exact(items, vocabulary).as_dict(),
        "in_vocabulary": micro(({t for t in said if type(t) is int}, gold) for said, gold in pairs).as_dict(),
        "before_matching": _before_matching(items) if free else None,
        "macro": macro(counts),
        "per_item": per_item(pairs),
        "at_k": at_k(pairs),
        "interval": intervals(pairs),
        "coverage": _coverage(items, vocabulary),
        "redundancy": _redundancy(items, vocabulary),
        "worst": _worst(connection, items, counts, vocabulary),
    }
    return found


def _exact(items: dict[int, _Item], vocabulary: Vocabulary) -> Micro:
    """A tag is right only if it is called as the label is written; an alias is wrong."""
    keys = {tag_id: name_key(name) for tag_id, name in vocabulary.names.items()}

    def pairs() -> Iterator[tuple[set[str], set[str]]]:
        for entry in items.values():
            said = {t if isinstance(t, str) else keys.get(t, f"\0{t}") for t in entry.said}
            yield said, {key for key in entry.labels if key in vocabulary.known}

    return micro(pairs())


def _before_matching(items: dict[int, _Item]) -> dict[str, Any]:
    """The words as they were said beside every gold label as it is written, the vocabulary left out of it."""
    pairs = [(entry.words, entry.labels) for entry in items.values()]
    return {**micro((set(words), labels) for words, labels in pairs).as_dict(), "at_k": at_k(pairs)}


def _coverage(items: dict[int, _Item], vocabulary: Vocabulary) -> dict[str, Any]:
    tagged = sum(any(type(t) is int for t in entry.said) for entry in items.values())
    used = {t for entry in items.values() for t in entry.said if t in vocabulary.names}
    said = sum(len(entry.said) for entry in items.values())
    free = sum(isinstance(t, str) for entry in items.values() for t in entry.said)
    size = len(vocabulary.names)
    return {
        "items_with_tag": tagged,
        "items_share": round(tagged / len(items), 4),
        "vocabulary_used": len(used),
        "vocabulary": size,
        "vocabulary_share": round(len(used) / size, 4) if size else 0.0,
        "tags_per_item": round(said / len(items), 2),
        "free_tags": free,
    }


def _redundancy(items: dict[int, _Item], vocabulary: Vocabulary) -> dict[str, Any]:
    """Suggestions that say again, spelt otherwise, what stands above them on the same item."""
    keys: dict[int | str, str] = {}
    again = said = 0
    for entry in items.values():
        seen: set[str] = set()
        for each in entry.said:
            if each not in keys:
                keys[each] = variant_key(each if isinstance(each, str) else vocabulary.names.get(each, f"\0{each}"))
            again += keys[each] in seen
            seen.add(keys[each])
            said += 1
    return {"near_duplicates": again, "share": round(again / said, 4) if said else 0.0}


def _worst(
    connection: Connection, items: dict[int, _Item], counts: dict[Any, TagCounts], vocabulary: Vocabulary
) -> dict[str, list[dict[str, Any]]]:
    """The tags that were suggested wrongly and missed most often: {over: […], missed: […]}, with items to look at."""

    def top(mistakes: str) -> list[tuple[int, TagCounts]]:
        known = [(t, c) for t, c in counts.items() if isinstance(t, int) and t in vocabulary.names]
        size = {t: (c.suggested if mistakes == "over" else c.gold) - c.correct for t, c in known}
        wrong = [(t, c) for t, c in known if size[t] > 0]
        return sorted(wrong, key=lambda each: (-size[each[0]], vocabulary.names[each[0]]))[:WORST_TAGS]

    over, missed = top("over"), top("missed")
    examples: dict[tuple[str, int | str], list[int]] = {("over", t): [] for t, _ in over}
    examples |= {("missed", t): [] for t, _ in missed}

    def note(kind: str, t: int | str, pk: int) -> None:
        listed = examples.get((kind, t))
        if listed is not None and len(listed) < EXAMPLES:
            listed.append(pk)

    for pk, entry in items.items():
        for t in entry.said:
            if t not in entry.gold:
                note("over", t, pk)
        for t in entry.gold.difference(entry.said):
            note("missed", t, pk)
    keys = sorted({pk for each in examples.values() for pk in each})
    ids: dict[int, str] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        ids.update((r[0], r[1]) for r in connection.execute(select(item.c.pk, item.c.id).where(item.c.pk.in_(part))))

    def rows(kind: str, tags: list[tuple[int, TagCounts]]) -> list[dict[str, Any]]:
        return [
            {
                "tag": str(t),
                "name": vocabulary.names[t],
                "suggested": c.suggested,
                "gold": c.gold,
                "correct": c.correct,
                "mistakes": (c.suggested if kind == "over" else c.gold) - c.correct,
                "items": [ids[pk] for pk in examples[kind, t]],
            }
            for t, c in tags
        ]

    return {"over": rows("over", over), "missed": rows("missed", missed)}


def scored_runs(
    connection: Connection, corpus: Corpus, runs: list[dict[str, Any]], most: int | None = None
) -> list[dict[str, Any]]:
    """Runs (entries of `list_runs`) with all their figures; those without gold are left out."""
    vocabulary = read_vocabulary(connection)
    scored: list[dict[str, Any]] = []
    for entry in runs:
        if most is not None and len(scored) == most:
            break
        figures = figures_of(connection, int(entry["id"]), vocabulary)
        if figures is not None:
            names = ("method", "engine", "model", "parameters", "items", "created_at")
            scored.append({"run": entry["id"], **{n: entry[n] for n in names}, **figures})
    return scored


def evaluate(connection: Connection, corpus: Corpus, run_ids: list[str] | None = None) -> list[dict[str, Any]]:
    """Scores of a corpus' runs, the newest first.

    Raises:
        NotFound: a run does not exist.
        InvalidInput: a run is of another corpus, or the corpus has no gold labels or no run.
    """
    runs = list_runs(connection, corpus.pk, limit=1000, task="tags")
    if run_ids:
        for wanted in run_ids:
            found = find_run(connection, wanted)
            if found.corpus != corpus.pk:
                other = corpus_by_pk(connection, found.corpus).name
                raise InvalidInput(f"Run {wanted} is of the corpus “{other}”.", f"Evaluate it with --corpus {other}.")
        runs = [r for r in runs if r["id"] in run_ids]
    if not runs:
        raise InvalidInput(f"“{corpus.name}” has not been tagged yet.", "Run `tagloom tag` first.")
    scored = scored_runs(connection, corpus, runs)
    if not scored:
        raise InvalidInput(
            f"No item of “{corpus.name}” that was tagged has gold labels.",
            "Import the corpus with a column mapped to gold (--gold COLUMN).",
        )
    return scored
