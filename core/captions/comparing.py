"""A versus B, blind: two systems' texts about the same item side by side, and what people made of them.

The two questions are those of the LP-MusicCaps study: which text says more that is true, and which says less that is
false. Which system stands at the left is decided by a hash of item, person and pair (core.review.boxes), and neither
the page nor its routes say it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.captions.pages import Facts
from core.captions.styles import STYLES, TITLES, field_of
from core.corpora.catalog import Corpus
from core.corpora.given import reference_of
from core.errors import InvalidInput
from core.review.boxes import COMPARISON, QUESTIONS, flipped, own_answers, pair_of, sides, title_of
from core.review.meanings import chunks
from core.review.suggestions import newest_runs
from core.store.schema import current, item, item_caption, run, run_item, suggestion

TASK = "captions"
REFERENCE = "reference"
MOST = 50
LOOKED_AT = 1000  # items in one request, where many have the same words twice or no reference
DRAWS = 1000
FEWEST_ITEMS = 10  # below this an interval would say nothing


def system_title(name: str) -> str:
    """What people call a system."""
    return "Reference" if name == REFERENCE else TITLES.get(name) or title_of(name)


def systems(connection: Connection, corpus: Corpus) -> list[dict[str, Any]]:
    """What can be compared in a corpus: [{name, title, items}], the styles first, the references last."""
    told = (
        select(item_caption.c.field, func.count())
        .where(item_caption.c.corpus == corpus.pk, item_caption.c.verdict != "none")
        .group_by(item_caption.c.field)
    )
    by_field = {field: int(n) for field, n in connection.execute(told)}
    loaded = (
        select(run.c.method, func.count(func.distinct(run_item.c.item)))
        .join(run_item, run_item.c.run == run.c.id)
        .where(run.c.corpus == corpus.pk, run.c.task == TASK, run_item.c.state == "ok", run.c.method.not_in(STYLES))
        .group_by(run.c.method)
    )
    found = {style: by_field.get(field_of(style), 0) for style in STYLES}
    found.update({method: int(n) for method, n in connection.execute(loaded)})
    names = [style for style in STYLES if found[style]]
    names += sorted(name for name in found if name not in STYLES and found[name])
    answer = [{"name": name, "title": system_title(name), "items": found[name]} for name in names]
    if "reference" in corpus.roles.values():
        live = select(func.count()).select_from(item).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
        items = int(connection.execute(live).scalar_one())
        answer.append({"name": REFERENCE, "title": system_title(REFERENCE), "items": items})
    return answer


def _known(connection: Connection, corpus: Corpus, a: str, b: str) -> str:
    """The pair's name. Raises InvalidInput where one of the systems is not there."""
    names = [each["name"] for each in systems(connection, corpus)]
    for name in (a, b):
        if name not in names:
            raise InvalidInput(
                f"“{name[:60]}” has no captions in this corpus.", f"Choose two of: {', '.join(names) or 'none yet'}."
            )
    return pair_of(a, b)


def _with_both(connection: Connection, corpus: Corpus, pair: str) -> list[int]:
    """Items for which both systems have answered, in their order. An item may lack a reference all the same."""
    live = select(item.c.pk).where(item.c.corpus == corpus.pk, item.c.deleted == 0).order_by(item.c.pk)
    keys = list(connection.execute(live).scalars())
    for system in sides(pair):
        if system in STYLES:
            told = select(item_caption.c.item).where(
                item_caption.c.corpus == corpus.pk,
                item_caption.c.field == field_of(system),
                item_caption.c.verdict.in_(("pass", "warn", "fail")),
            )
        elif system != REFERENCE:
            told = (
                select(run_item.c.item)
                .join(run, run.c.id == run_item.c.run)
                .where(run.c.corpus == corpus.pk, run.c.task == TASK, run.c.method == system, run_item.c.state == "ok")
            )
        else:
            continue
        # put together here: Postgres compares all with all before it has counted a table that a job just filled
        answered = set(connection.execute(told).scalars())
        keys = [pk for pk in keys if pk in answered]
    return keys


def texts_of(
    connection: Connection, corpus: Corpus, rows: list[Any], names: Iterable[str]
) -> dict[tuple[int, str], tuple[str, str]]:
    """(item, system) → (a name for that text, the text): the newest of each system. `rows` have `pk` and `fields`."""
    names = list(names)
    keys = [row.pk for row in rows]
    newest = newest_runs(connection, keys, TASK)
    wanted = {(pk, run_id): method for (pk, method), run_id in newest.items() if method in names}
    found: dict[tuple[int, str], tuple[str, str]] = {}
    for part in chunks(keys):
        query = select(suggestion.c.pk, suggestion.c.item, suggestion.c.run, suggestion.c.value, suggestion.c.field)
        query = query.where(suggestion.c.item.in_(part), suggestion.c.run.in_(sorted({r for _, r in wanted})))
        query = query.where(suggestion.c.validity == "valid").order_by(suggestion.c.rank.desc())
        for row in connection.execute(query):
            system = wanted.get((row.item, row.run))
            if system is not None and row.field == field_of(system) and row.value:
                found[row.item, system] = (str(row.pk), row.value)  # the best comes last
    if REFERENCE in names:
        for row in rows:
            reference = reference_of(orjson.loads(row.fields), corpus)
            if reference:
                found[row.pk, REFERENCE] = ("r", reference)
    return found


def _answers(connection: Connection, corpus: Corpus) -> dict[int, dict[str, Any]]:
    """What stands said about pairs, by item: {item: boxes}."""
    query = select(current.c.item, current.c.boxes).where(current.c.field == COMPARISON)
    stored = {row.item: row.boxes for row in connection.execute(query)}
    found: dict[int, dict[str, Any]] = {}
    for part in chunks(stored):
        live = select(item.c.pk).where(item.c.pk.in_(part), item.c.corpus == corpus.pk, item.c.deleted == 0)
        found.update((pk, orjson.loads(stored[pk] or "{}")) for pk in connection.execute(live).scalars())
    return found


def pairs(
    connection: Connection,
    corpus: Corpus,
    person: str,
    a: str,
    b: str,
    *,
    limit: int = 20,
    rated: bool = False,
) -> dict[str, Any]:
    """Texts of two systems to choose between, in an order of this person's own; see docs/protocol.md.

    Args:
        rated: also what this person has answered already.

    Raises:
        InvalidInput: a system is none of this corpus, or both are the same.
    """
    pair = _known(connection, corpus, a, b)
    one, other = sides(pair)
    keys = _with_both(connection, corpus, pair)
    random.Random(f"{person}\x1f{pair}").shuffle(keys)
    said = {pk: own_answers(boxes, person).get(pair) for pk, boxes in _answers(connection, corpus).items()}
    open_keys = [pk for pk in keys if rated or not said.get(pk)]
    facts = Facts(connection, corpus)
    shown: list[dict[str, Any]] = []
    limit = max(1, min(limit, MOST))
    for part in (open_keys[start : start + MOST] for start in range(0, min(len(open_keys), LOOKED_AT), MOST)):
        found = {row.pk: row for row in connection.execute(select(item).where(item.c.pk.in_(part)))}
        rows = [found[pk] for pk in part if pk in found]
        texts = texts_of(connection, corpus, rows, (one, other))
        for row in rows:
            left, right = texts.get((row.pk, one)), texts.get((row.pk, other))
            if left is None or right is None or left[1].split() == right[1].split():
                continue  # nothing to choose between
            seen = f"{left[0]}.{right[0]}"
            if flipped(row.id, person, pair):
                left, right = right, left
            about = facts.about(row)
            shown.append(
                {
                    "item": about.pop("id"),
                    **about,
                    "left": left[1],
                    "right": right[1],
                    "seen": seen,
                    "mine": said.get(row.pk),
                }
            )
            if len(shown) == limit:
                break
        if len(shown) == limit:
            break
    answered = sum(bool(said.get(pk)) for pk in keys)
    return {"pair": pair, "pairs": shown, "left_to_rate": len(keys) - answered, "rated": answered}


# results


@dataclass(slots=True)
class _Tally:
    """Answers to one question about one pair, or about one system against all others: by item, 1 for a win of the
    first, 0.5 for a tie, 0 for a loss."""

    by_item: dict[int, list[float]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)

    def add(self, pk: int, person: str, points: float) -> None:
        self.by_item.setdefault(pk, []).append(points)
        self.people.add(person)

    def figures(self) -> dict[str, Any]:
        points = [p for each in self.by_item.values() for p in each]
        counts = {p: points.count(p) for p in (1.0, 0.5, 0.0)}
        return {
            "wins": counts[1.0],
            "ties": counts[0.5],
            "losses": counts[0.0],
            "ratings": len(points),
            "people": len(self.people),
            "items": len(self.by_item),
            "share": round(sum(points) / len(points), 4) if points else None,
            "interval": self.interval(),
        }

    def interval(self) -> list[float] | None:
        """95 % bootstrap of the share, by drawing items again: the ratings of one item hang together."""
        if len(self.by_item) < FEWEST_ITEMS:
            return None
        import numpy as np

        sums = np.array([sum(each) for each in self.by_item.values()])
        sizes = np.array([len(each) for each in self.by_item.values()])
        draw = np.random.default_rng(0)
        shares = np.empty(DRAWS)
        for place in range(DRAWS):
            drawn = draw.integers(0, len(sums), len(sums))
            shares[place] = sums[drawn].sum() / sizes[drawn].sum()
        low, high = np.percentile(shares, [2.5, 97.5])
        return [round(float(low), 4), round(float(high), 4)]


def results(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """What everybody has said so far: rows by pair and question, and totals by system and question."""
    offered = systems(connection, corpus)
    known = [each["name"] for each in offered]
    rows: dict[tuple[str, str], _Tally] = {}
    totals: dict[tuple[str, str], _Tally] = {}
    people: set[str] = set()
    ratings = 0
    for pk, boxes in _answers(connection, corpus).items():
        for pair, of_pair in boxes.items():
            one, other = sides(pair)
            if one not in known or other not in known:
                continue
            for person, answer in of_pair.items():
                people.add(person)
                ratings += 1
                for question in QUESTIONS:
                    points = {"a": 1.0, "b": 0.0}.get(answer[question], 0.5)
                    rows.setdefault((pair, question), _Tally()).add(pk, person, points)
                    totals.setdefault((one, question), _Tally()).add(pk, person, points)
                    totals.setdefault((other, question), _Tally()).add(pk, person, 1 - points)
    order = {name: place for place, name in enumerate(known)}
    return {
        "systems": offered,
        "ratings": ratings,
        "people": len(people),
        "rows": [_row(pair, question, tally) for (pair, question), tally in sorted(rows.items())],
        "totals": [
            {"system": name, "title": system_title(name), "question": question, **tally.figures()}
            for (name, question), tally in sorted(totals.items(), key=lambda each: (order[each[0][0]], each[0][1]))
        ],
    }


def _row(pair: str, question: str, tally: _Tally) -> dict[str, Any]:
    one, other = sides(pair)
    figures = tally.figures()
    return {
        "a": one,
        "b": other,
        "a_title": system_title(one),
        "b_title": system_title(other),
        "question": question,
        "wins_a": figures["wins"],
        "ties": figures["ties"],
        "wins_b": figures["losses"],
        "ratings": figures["ratings"],
        "people": figures["people"],
        "items": figures["items"],
        "share_a": figures["share"],
        "interval": figures["interval"],
    }
