"""Figures of a corpus' captions for Insights: what the checks say, how much of the tags is said, what no tag supports,
and how near captions are to reference captions, beside the floor that captions of other tracks reach."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.captions import metrics
from core.captions.checks import CHECK_VERSION
from core.captions.pages import Facts
from core.captions.styles import STYLES, TITLES, field_of
from core.captions.tags import TagSet
from core.captions.terms import CHECKED_FACETS
from core.corpora.catalog import Corpus
from core.corpora.given import reference_of
from core.review.meanings import chunks
from core.store.schema import item, item_caption, run, run_item, suggestion

TASK = "captions"
LOOKED_AT = 10_000  # captions of a system whose checks are read, evenly spaced
SCORED = 1_000  # captions of a system that are compared with references, evenly spaced
EXAMPLES = 20
HOW = ("verbatim", "stem", "alias", "missing")
VERDICTS = ("pass", "warn", "fail", "none")
FLOOR_OF = "reference captions of other tracks"
MOST_KEPT = 8

_kept: dict[tuple[Any, ...], dict[str, Any]] = {}
_lock = threading.Lock()


@dataclass(slots=True)
class Tally:
    """Counts over the captions of one system; `add` each caption, then read `figures`."""

    looked_at: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    coverage: Counter[str] = field(default_factory=Counter)
    full: int = 0
    with_tags: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    pairs: list[metrics.Pair] = field(default_factory=list)

    def add(self, item_id: str, text: str, checks: dict[str, Any], reference: str | None) -> None:
        """Count a caption of an item with its checks (`CheckResult.as_dict`)."""
        self.looked_at += 1
        self.verdicts[checks["verdict"]] += 1
        said = [each["how"] for each in checks["coverage"]]
        self.coverage.update(said)
        self.with_tags += bool(said)
        self.full += bool(said) and "missing" not in said
        codes = {reason["code"] for reason in checks["reasons"]}
        self.codes.update(codes)
        for code in sorted(codes):
            facet = code.removeprefix("unsupported_")
            if facet != code:
                self.unsupported[facet] += 1
            named = self.examples.setdefault(facet, [])
            if len(named) < EXAMPLES:
                named.append(item_id)
        self.texts.append(text)
        if reference:
            self.pairs.append((text, reference))

    def figures(self, most: int | None = None) -> dict[str, Any]:
        """{verdicts, coverage (shares of all tags), full (share of captions that say every tag), unsupported, codes,
        examples, looked_at, metrics}.

        Args:
            most: captions to compare with references; None for all.
        """
        tags = self.coverage.total()
        return {
            "verdicts": {verdict: self.verdicts[verdict] for verdict in VERDICTS},
            "coverage": {how: self.coverage[how] / tags if tags else 0.0 for how in HOW},
            "full": self.full / self.with_tags if self.with_tags else 0.0,
            "unsupported": {facet: self.unsupported[facet] for facet in CHECKED_FACETS},
            "codes": dict(self.codes.most_common()),
            "examples": self.examples,
            "looked_at": self.looked_at,
            "metrics": metrics.score(spaced(self.pairs, most)) if self.pairs else None,
            "texture": metrics.texture(self.texts),
        }


def spaced(values: Sequence[Any], most: int | None) -> Sequence[Any]:
    """At most so many of the values, evenly spaced: the same ones every time."""
    if most is None or len(values) <= most:
        return values
    return [values[place * len(values) // most] for place in range(most)]


def caption_figures(connection: Connection, corpus: Corpus, *, whole: bool = False) -> dict[str, Any]:
    """What can be counted of the newest captions of every style and of every other system.

    Args:
        whole: look at every caption, however many there are.

    Returns:
        {items, references (tracks that have one), version, styles: [{name, title, captions, …`Tally.figures`}],
        floor: {bleu1 …, rouge_l, meteor, chrf} or None, floor_of}
    """
    key = (str(connection.engine.url), corpus.id, whole, *_state(connection, corpus))
    with _lock:
        if key in _kept:
            return _kept[key]
    made = _figures(connection, corpus, whole)
    with _lock:
        _kept[key] = made
        while len(_kept) > MOST_KEPT:
            _kept.pop(next(iter(_kept)))
    return made


def _state(connection: Connection, corpus: Corpus) -> tuple[Any, ...]:
    """What changes when the figures may."""
    live = select(func.count(), func.max(item.c.updated_at)).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    captions = select(func.count(), func.sum(item_caption.c.run)).where(item_caption.c.corpus == corpus.pk)
    newest = (
        select(func.max(run.c.id), func.count(run_item.c.item))
        .outerjoin(run_item, run_item.c.run == run.c.id)
        .where(run.c.corpus == corpus.pk, run.c.task == TASK)
    )
    roles, options = tuple(sorted(corpus.roles.items())), Facts(connection, corpus).options
    parts = [tuple(connection.execute(query).one()) for query in (live, captions, newest)]
    return (*parts, roles, orjson.dumps(options.to_json(), option=orjson.OPT_SORT_KEYS), CHECK_VERSION)


def _figures(connection: Connection, corpus: Corpus, whole: bool) -> dict[str, Any]:
    facts = Facts(connection, corpus)
    references = references_of(connection, corpus)
    live = select(func.count()).select_from(item).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    systems = [(style, TITLES[style], _of_style(connection, corpus, style)) for style in STYLES]
    systems += [(name, name.removeprefix("other:"), keys) for name, keys in _others(connection, corpus)]
    styles = []
    for name, title, keys in systems:
        if not keys.captions and not keys.none:
            continue
        tally = Tally()
        for part in chunks(spaced(keys.captions, None if whole else LOOKED_AT)):
            _tally(connection, facts, tally, part, name, references)
        found = tally.figures(None if whole else SCORED)
        found["verdicts"] = keys.verdicts or {**found["verdicts"], "none": keys.none}
        styles.append({"name": name, "title": title, "captions": len(keys.captions), **found})
    pairs = [(text, text) for text in spaced(list(references.values()), None if whole else SCORED)]
    return {
        "items": int(connection.execute(live).scalar_one()),
        "references": len(references),
        "version": CHECK_VERSION,
        "styles": styles,
        "floor": metrics.shuffled_floor(pairs) or None,
        "floor_of": FLOOR_OF,
    }


@dataclass(slots=True)
class Found:
    """Suggestions that are a system's captions, and how many items it said nothing of. `verdicts`: of all of them."""

    captions: list[int]
    none: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)


def _of_style(connection: Connection, corpus: Corpus, style: str) -> Found:
    query = (
        select(item_caption.c.suggestion, item_caption.c.verdict)
        .join(item, item.c.pk == item_caption.c.item)
        .where(item_caption.c.corpus == corpus.pk, item_caption.c.field == field_of(style), item.c.deleted == 0)
        .order_by(item_caption.c.item)
    )
    verdicts: Counter[str] = Counter()
    captions = []
    for pk, verdict in connection.execute(query):
        verdicts[verdict if pk is not None else "none"] += 1
        if pk is not None:
            captions.append(int(pk))
    return Found(captions, verdicts["none"], {verdict: verdicts[verdict] for verdict in VERDICTS})


def _others(connection: Connection, corpus: Corpus) -> list[tuple[str, Found]]:
    """The newest captions of every loaded system, by its name."""
    query = (
        select(run.c.method, suggestion.c.item, func.max(suggestion.c.pk))
        .join(run, run.c.id == suggestion.c.run)
        .join(item, item.c.pk == suggestion.c.item)
        .where(run.c.corpus == corpus.pk, run.c.task == TASK, run.c.method.not_in(STYLES), item.c.deleted == 0)
        .where(suggestion.c.rank == 1, suggestion.c.validity == "valid")
        .group_by(run.c.method, suggestion.c.item)
        .order_by(run.c.method, suggestion.c.item)
    )
    found: dict[str, Found] = {}
    for method, _, pk in connection.execute(query):
        found.setdefault(method, Found([])).captions.append(int(pk))
    return sorted(found.items())


def _tally(
    connection: Connection, facts: Facts, tally: Tally, part: Iterable[int], name: str, references: dict[int, str]
) -> None:
    query = (
        select(suggestion.c.item, suggestion.c.value, suggestion.c.detail, item.c.id, item.c.fields)
        .join(item, item.c.pk == suggestion.c.item)
        .where(suggestion.c.pk.in_(list(part)))
        .order_by(suggestion.c.item)
    )
    for row in connection.execute(query):
        detail = orjson.loads(row.detail or "{}")
        checks = detail.get("checks")
        if not checks or checks.get("version") != CHECK_VERSION:
            tags: TagSet = facts.tags(orjson.loads(row.fields))
            checks = facts.check(row.value, tags, name, detail.get("predicted") or ())
        tally.add(row.id, row.value, checks, references.get(row.item))


def references_of(connection: Connection, corpus: Corpus) -> dict[int, str]:
    """Item → its reference caption."""
    if "reference" not in corpus.roles.values():
        return {}
    query = select(item.c.pk, item.c.fields).where(item.c.corpus == corpus.pk, item.c.deleted == 0).order_by(item.c.pk)
    rows = connection.execution_options(yield_per=2000).execute(query)
    return {row.pk: found for row in rows if (found := reference_of(orjson.loads(row.fields), corpus))}
