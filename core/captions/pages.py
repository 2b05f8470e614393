"""Items of a music corpus as pages show them: tags, captions of every style with their checks, and what people decided.

Offsets in checks are code points where they are stored, and UTF-16 units here, as browsers count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from core.captions.checks import CHECK_VERSION, CheckOptions, check
from core.captions.cleaning import clean, clean_text, options_of
from core.captions.media import names_sound, sound_link
from core.captions.names import NameIndex
from core.captions.request import Controls
from core.captions.styles import STYLES, field_of, style_of
from core.captions.tags import TagSet
from core.corpora.browsing import find_item, parse_cursor, search_condition
from core.corpora.catalog import Corpus, corpus_by_pk, status_counts
from core.corpora.given import GivenReader
from core.corpora.rendering import TITLE_LIMIT, field_text, prettify, render, shorten
from core.errors import InvalidInput
from core.review.boxes import CAPTIONS
from core.review.decisions import State, load_states
from core.review.meanings import chunks
from core.review.queue import Show, item_detail
from core.store.schema import STATUS_CODE, STATUSES, item, item_caption, run, run_item, suggestion

KIND = "music"
VERDICTS = ("pass", "warn", "fail", "none", "missing")
"""`none`: the newest run gave no caption. `missing`: no run has come to the item."""

PAGE = 50
MOST = 100
PART = 500  # values in one query
_NO_CAPTION: dict[str, Any] = {
    "state": "missing",
    "error": None,
    "flags": [],
    "text": None,
    "suggestion": None,
    "run": None,
    "engine": None,
    "model": None,
    "predicted": [],
    "checks": None,
    "candidates": [],
}


def shower(corpus: Corpus) -> Show | None:
    """How items of this corpus are shown, where it is a music corpus."""
    return show_captions if corpus.kind == KIND else None


def as_utf16(checks: dict[str, Any], text: str) -> dict[str, Any]:
    """A check's result with the places of its reasons counted as browsers count."""
    if text.isascii():
        return checks
    reasons = [
        {**reason, **{end: _utf16(text, reason[end]) for end in ("start", "end") if reason.get(end) is not None}}
        for reason in checks.get("reasons", [])
    ]
    return {**checks, "reasons": reasons}


def _utf16(text: str, offset: int) -> int:
    return offset + sum(c > "\uffff" for c in text[:offset])


class Facts:
    """What does not change from item to item while a page of a corpus is made."""

    def __init__(self, connection: Connection, corpus: Corpus) -> None:
        self.connection = connection
        self.corpus = corpus
        self.options = options_of(connection, corpus)
        self._given = GivenReader(corpus)

    @cached_property
    def names(self) -> NameIndex:
        return NameIndex.of(self.connection, self.corpus)

    def tags(self, values: dict[str, Any]) -> TagSet:
        """The cleaned tags of an item with these fields."""
        return clean(self._given(values), self.options)

    def about(self, row: Any, values: dict[str, Any] | None = None, tags: TagSet | None = None) -> dict[str, Any]:
        """{id, position, external_id, title, names, tags, player} of a row of the item table."""
        values = orjson.loads(row.fields) if values is None else values
        tags = self.tags(values) if tags is None else tags
        named = [column for column, role in self.corpus.roles.items() if role == "names"]
        names = [
            {"name": column, "label": prettify(column), "text": text}
            for column in named
            if (text := " ".join(field_text(values.get(column)).split()))
        ]
        title = row.title or shorten(" – ".join(each["text"] for each in names), TITLE_LIMIT)
        return {
            "id": row.id,
            "position": row.pk,
            "external_id": row.external_id,
            "title": title or row.external_id or row.id,
            "names": names,
            "tags": tags.as_dict(),
            "player": player_of(row),
        }

    def check(
        self,
        text: str,
        tags: TagSet,
        style: str,
        predicted: Iterable[str] = (),
        options: CheckOptions | None = None,
    ) -> dict[str, Any]:
        """Checks of a text, places in code points. `options`: how it was asked for."""
        return check(text, tags, style, names=self.names, predicted=tuple(predicted), options=options).as_dict()


def asked_for(parameters: str | None) -> CheckOptions:
    """How the captions of a run were asked for, from its parameters: a text in another language is not judged by
    English words."""
    found = orjson.loads(parameters or "{}").get("controls")
    controls = found if isinstance(found, dict) else {}
    banned = controls.get("banned") or ()
    return CheckOptions(
        banned=tuple(str(word) for word in banned),
        words=Controls(length=str(controls.get("length") or "")).words,
        language=str(controls.get("language") or ""),
        hype=controls.get("tone") != "marketing",
    )


def player_of(row: Any) -> str | None:
    """What an audio element may play: a link to a sound file, or the route of a file of this machine."""
    link = sound_link(row.media) or sound_link(row.link)
    return link or (f"media/{row.id}" if names_sound(row.media) else None)


def show_captions(connection: Connection, corpus: Corpus, rows: list[Any]) -> list[dict[str, Any]]:
    """Items as the review surface shows them, with the newest captions of every style; see docs/protocol.md."""
    facts = Facts(connection, corpus)
    keys = [row.pk for row in rows]
    states: dict[int, State] = load_states(connection, {row.pk: row.status for row in rows}, CAPTIONS)
    told = _told(connection, keys)
    said = _said(connection, {(pk, each.run) for (pk, _), each in told.items()})
    shown = []
    for row in rows:
        values = orjson.loads(row.fields)
        tags = facts.tags(values)
        captions = {}
        for style in STYLES:
            answer = told.get((row.pk, field_of(style)))
            if answer is None:
                captions[style] = {**_NO_CAPTION}
                continue
            texts = said.get((row.pk, answer.run, field_of(style)), [])
            captions[style] = _caption(facts, answer, texts, tags, style)
        shown.append(
            {
                **facts.about(row, values, tags),
                "fields": [
                    {"name": f.name, "label": f.label, "kind": f.kind, "text": f.text, "cut": False}
                    for f in render(values, corpus.roles)
                ],
                "link": row.link,
                "media": row.media,
                "state": states[row.pk].as_dict(),
                "captions": captions,
            }
        )
    return shown


def _told(connection: Connection, keys: list[int]) -> dict[tuple[int, str], Any]:
    """(item, field) → how the newest run that came to it ended there."""
    found: dict[tuple[int, str], Any] = {}
    fields = [field_of(style) for style in STYLES]
    for part in chunks(keys):
        query = (
            select(
                *(item_caption.c[name] for name in ("item", "field", "run", "verdict", "reasons")),
                *(run.c[name] for name in ("engine", "model", "parameters")),
                *(run_item.c[name] for name in ("state", "error", "flags")),
            )
            .join(run, run.c.id == item_caption.c.run)
            .outerjoin(run_item, (run_item.c.run == item_caption.c.run) & (run_item.c.item == item_caption.c.item))
            .where(item_caption.c.item.in_(part), item_caption.c.field.in_(fields))
        )
        found.update(((row.item, row.field), row) for row in connection.execute(query))
    return found


def _said(connection: Connection, answers: set[tuple[int, int]]) -> dict[tuple[int, int, str], list[Any]]:
    """(item, run, field) → its captions, the best first."""
    found: dict[tuple[int, int, str], list[Any]] = {}
    columns = [suggestion.c[name] for name in ("pk", "item", "run", "field", "value", "detail")]
    wanted = sorted(answers)
    for part in (wanted[start : start + PART] for start in range(0, len(wanted), PART)):
        query = select(*columns).where(tuple_(suggestion.c.item, suggestion.c.run).in_(part))
        query = query.where(suggestion.c.validity == "valid", suggestion.c.value.is_not(None))
        for row in connection.execute(query.order_by(suggestion.c.rank, suggestion.c.pk)):
            found.setdefault((row.item, row.run, row.field), []).append(row)
    return found


def _caption(facts: Facts, answer: Any, rows: list[Any], tags: TagSet, style: str) -> dict[str, Any]:
    candidates = [_candidate(facts, row, tags, style, answer.parameters) for row in rows]
    best = candidates[0] if candidates else {"text": None, "suggestion": None, "predicted": [], "checks": None}
    return {
        **_NO_CAPTION,
        "state": answer.state or ("ok" if candidates else "missing"),
        "error": answer.error,
        "flags": orjson.loads(answer.flags or "[]"),
        "run": str(answer.run),
        "engine": answer.engine,
        "model": answer.model,
        **best,
        "candidates": candidates,
    }


def _candidate(facts: Facts, row: Any, tags: TagSet, style: str, parameters: str) -> dict[str, Any]:
    detail = orjson.loads(row.detail or "{}")
    predicted = [str(name) for name in detail.get("predicted") or []]
    checks = detail.get("checks")
    if not _holds(checks, tags):
        checks = facts.check(row.value, tags, style, predicted, asked_for(parameters))
    return {
        "suggestion": str(row.pk),
        "text": row.value,
        "predicted": predicted,
        "checks": as_utf16(checks, row.value),
    }


def _holds(checks: Any, tags: TagSet) -> bool:
    """Whether stored checks are of this Tagloom, and of the tags as they are cleaned now."""
    if not isinstance(checks, dict) or checks.get("version") != CHECK_VERSION:
        return False
    return [said.get("tag") for said in checks.get("coverage", ())] == [tag.name for tag in tags.present]


def one_item(connection: Connection, item_id: str) -> dict[str, Any]:
    """One item of a music corpus as the queue shows it.

    Raises:
        NotFound: there is none.
        InvalidInput: its corpus holds no music.
    """
    row = find_item(connection, item_id)
    return show_captions(connection, music_corpus(corpus_by_pk(connection, row.corpus)), [row])[0]


def whole_item(connection: Connection, item_id: str) -> dict[str, Any]:
    """One item for the drawer, of whatever kind of corpus."""
    return item_detail(connection, item_id, shower)


def music_corpus(corpus: Corpus) -> Corpus:
    """The corpus itself. Raises InvalidInput where it is none of music."""
    if corpus.kind != KIND:
        raise InvalidInput(f"“{corpus.name}” holds no music.", "Choose a corpus that was imported as music.")
    return corpus


def check_typed(
    connection: Connection, *, style: str, text: str, predicted: Iterable[str], item_id: str = "", typed: str = ""
) -> dict[str, Any]:
    """Checks of a text that somebody is typing, against an item's tags or against typed ones, for the page."""
    style = style_of(style)
    if item_id:
        row = find_item(connection, item_id)
        facts = Facts(connection, music_corpus(corpus_by_pk(connection, row.corpus)))
        newest = select(run.c.parameters).join(item_caption, item_caption.c.run == run.c.id)
        newest = newest.where(item_caption.c.item == row.pk, item_caption.c.field == field_of(style))
        options = asked_for(connection.execute(newest).scalar())
        return as_utf16(facts.check(text, facts.tags(orjson.loads(row.fields)), style, predicted, options), text)
    return as_utf16(check(text, clean_text(typed), style, predicted=tuple(predicted)).as_dict(), text)


# lists


@dataclass(frozen=True, slots=True)
class CaptionFilter:
    """What a list of tracks is narrowed to: a search, a status or "all", a verdict of VERDICTS, and the style that has
    it (without one: any style)."""

    query: str = ""
    status: str = "all"
    verdict: str = ""
    style: str = ""


def verdict_condition(
    connection: Connection, corpus: Corpus, verdict: str, style: str = "", missing: dict[str, int] | None = None
) -> ColumnElement[bool]:
    """Items with a caption of that verdict, of one style or of any.

    Args:
        missing: how many items lack each style, where that is known: a style that none lacks is not looked for.

    Raises:
        InvalidInput: there is no such verdict or style.
    """
    if verdict not in VERDICTS:
        raise InvalidInput(f"“{verdict[:40]}” is no result of the checks.", f"Results: {', '.join(VERDICTS)}.")
    styles = [style_of(style)] if style else list(STYLES)
    of_item = select(func.count()).select_from(item_caption).where(item_caption.c.item == item.c.pk)
    if verdict == "missing":
        lacking = [field_of(each) for each in styles if missing is None or missing[each]]
        return of_item.where(item_caption.c.field.in_(lacking)).scalar_subquery() < len(lacking)
    wanted = (item_caption.c.field.in_([field_of(each) for each in styles]), item_caption.c.verdict == verdict)
    if connection.dialect.name == "sqlite":
        return item.c.pk.in_(select(item_caption.c.item).where(item_caption.c.corpus == corpus.pk, *wanted))
    # no join for Postgres to plan: before it has counted a table that a job just filled, it compares all with all
    return of_item.where(*wanted).scalar_subquery() > 0


def queue_condition(connection: Connection, corpus: Corpus, queue: str) -> ColumnElement[bool] | None:
    """The queue of the review that is called by a verdict; None for those that every corpus has."""
    return verdict_condition(connection, corpus, queue) if corpus.kind == KIND and queue in VERDICTS else None


def caption_list(
    connection: Connection, corpus: Corpus, wanted: CaptionFilter, cursor: str = "", limit: int = PAGE
) -> dict[str, Any]:
    """One page of tracks with their captions, and counts of the whole corpus; see docs/protocol.md.

    Raises:
        InvalidInput: a filter or the cursor is none.
    """
    limit = max(1, min(limit, MOST))
    direction, position, rank = parse_cursor(cursor)
    statuses = status_counts(connection, corpus.pk)
    live = sum(statuses.values())
    verdicts = verdict_counts(connection, corpus, live)
    passing = _passing(connection, corpus, wanted, verdicts)
    if passing is None:
        keys, more = _keys(connection, corpus, wanted, direction, position, limit)
        total = statuses.get(wanted.status, live)
    elif direction == "next":
        start = bisect_right(passing, position)
        keys, more, total = passing[start : start + limit], len(passing) > start + limit, len(passing)
    else:
        end = bisect_left(passing, position)
        keys, more, total = passing[max(0, end - limit) : end], end > limit, len(passing)
    rows = list(connection.execute(select(item).where(item.c.pk.in_(keys)).order_by(item.c.pk))) if keys else []
    forward = direction == "next"
    rank = rank if forward or more else 1
    has_next, has_previous = (more, rank > 1) if forward else (True, more)
    return {
        "items": _cards(connection, corpus, rows),
        "total": total,
        "total_is_more": False,
        "from": rank if rows else 0,
        "next": f"next:{rows[-1].pk}:{rank + len(rows)}" if rows and has_next else None,
        "previous": f"previous:{rows[0].pk}:{max(1, rank - limit)}" if rows and has_previous else None,
        "statuses": statuses,
        "verdicts": verdicts,
    }


def _passing(
    connection: Connection, corpus: Corpus, wanted: CaptionFilter, verdicts: dict[str, dict[str, int]]
) -> list[int] | None:
    """The numbers of all items that pass, in order: one look serves both the page and the count. None where only the
    status is asked for, which an index answers."""
    if not wanted.verdict and not wanted.query.strip():
        return None
    query = select(item.c.pk).where(*_of_status(corpus, wanted.status)).order_by(item.c.pk)
    if wanted.verdict:
        missing = {style: counts["missing"] for style, counts in verdicts.items()}
        query = query.where(verdict_condition(connection, corpus, wanted.verdict, wanted.style, missing))
    if wanted.query.strip():
        query = query.where(search_condition(connection, wanted.query))
    return list(connection.execute(query).scalars())


def _of_status(corpus: Corpus, status: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [item.c.corpus == corpus.pk, item.c.deleted == 0]
    if status in STATUS_CODE:
        conditions.append(item.c.status == STATUS_CODE[status])
    elif status not in ("", "all"):
        raise InvalidInput(f"“{status[:40]}” is no status.", f"Use all, or one of {', '.join(STATUSES)}.")
    return conditions


def _keys(
    connection: Connection, corpus: Corpus, wanted: CaptionFilter, direction: str, position: int, limit: int
) -> tuple[list[int], bool]:
    """The numbers of a page's items of one status, and whether others lie beyond them."""
    query = select(item.c.pk).where(*_of_status(corpus, wanted.status)).limit(limit + 1)
    if direction == "next":
        query = query.where(item.c.pk > position).order_by(item.c.pk)
    else:
        query = query.where(item.c.pk < position).order_by(item.c.pk.desc())
    keys = list(connection.execute(query).scalars())
    return keys[:limit], len(keys) > limit


def verdict_counts(connection: Connection, corpus: Corpus, live: int) -> dict[str, dict[str, int]]:
    """{style: {pass, warn, fail, none, missing}} over the corpus' items, of which `live` are not deleted."""
    fields = {field_of(style): style for style in STYLES}
    counts = {style: dict.fromkeys(VERDICTS, 0) for style in STYLES}
    counted = select(item_caption.c.field, item_caption.c.verdict, func.count()).group_by(
        item_caption.c.field, item_caption.c.verdict
    )
    counted = counted.where(item_caption.c.corpus == corpus.pk)
    gone = select(item.c.pk).where(item.c.corpus == corpus.pk, item.c.deleted > 0)
    # deleted items are few: they are taken away instead of looking every item up
    for sign, query in ((1, counted), (-1, counted.where(item_caption.c.item.in_(gone)))):
        for name, verdict, n in connection.execute(query):
            if name in fields and verdict in VERDICTS:
                counts[fields[name]][verdict] += sign * int(n)
    for of_style in counts.values():
        of_style["missing"] = max(0, live - sum(of_style.values()))
    return counts


def _cards(connection: Connection, corpus: Corpus, rows: list[Any]) -> list[dict[str, Any]]:
    facts = Facts(connection, corpus)
    keys = [row.pk for row in rows]
    states = load_states(connection, {row.pk: row.status for row in rows}, CAPTIONS)
    texts: dict[tuple[int, str], tuple[str, str | None]] = {}
    for part in chunks(keys):
        query = (
            select(item_caption.c.item, item_caption.c.field, item_caption.c.verdict, suggestion.c.value)
            .outerjoin(suggestion, suggestion.c.pk == item_caption.c.suggestion)
            .where(item_caption.c.item.in_(part))
        )
        texts.update(((row.item, row.field), (row.verdict, row.value)) for row in connection.execute(query))
    cards = []
    for row in rows:
        state = states[row.pk]
        captions = {}
        for style in STYLES:
            verdict, text = texts.get((row.pk, field_of(style)), ("missing", None))
            box = (state.boxes or {}).get(style)
            captions[style] = {"verdict": verdict, "text": box["text"] if box else text, "decided": box is not None}
        cards.append({**facts.about(row), "status": STATUSES[row.status], "captions": captions})
    return cards
