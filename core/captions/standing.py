"""What stands as the captions of a piece of music: what a person wrote, else the newest caption of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.captions.cleaning import clean_text
from core.captions.pages import Facts
from core.captions.styles import STYLES, field_of
from core.captions.tags import TagSet
from core.corpora.catalog import Corpus
from core.review.boxes import CAPTIONS
from core.review.decisions import load_states
from core.review.meanings import chunks
from core.store.schema import item_caption, run, run_item, suggestion

_MISSING = "No run has come to this track."


@dataclass(frozen=True, slots=True)
class Standing:
    """One caption of one item.

    Attributes:
        text: None where there is none.
        state: ok | missing | invalid | refused | failed | left_out (a person wants none of this style).
        reason: why there is none, as a sentence.
        person: a person wrote or took it.
        predicted: what the caption says that nobody gave, without `taken`.
        taken: predicted tags that a person took as given.
        verdict: pass | warn | fail, or None where there is no text.
        reasons: sentences of the checks.
    """

    style: str
    text: str | None = None
    state: str = "missing"
    reason: str | None = _MISSING
    person: bool = False
    stars: int | None = None
    valid: bool | None = None
    predicted: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    engine: str | None = None
    model: str | None = None

    def passes(self, wanted: str) -> bool:
        """Whether a filter of core.captions.export_options.FILTERS lets it through."""
        if self.text is None:
            return False
        if wanted == "valid":
            return self.valid is True
        return wanted == "all" or self.verdict == "pass" or (wanted == "no-fail" and self.verdict == "warn")

    def as_dict(self) -> dict[str, Any]:
        """As an export tells where a caption is from."""
        return {
            "text": self.text,
            "by": "person" if self.person else self.engine,
            "model": None if self.person else self.model,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "stars": self.stars,
            "valid": self.valid,
            "predicted": list(self.predicted),
            "taken": list(self.taken),
        }


@dataclass(frozen=True, slots=True)
class Track:
    """An item with all that stands of it: its row, its stored fields, its tags, and its captions by style."""

    row: Any
    fields: dict[str, Any]
    tags: TagSet
    captions: dict[str, Standing]

    @property
    def id(self) -> str:
        """The id that the file gave it, else ours."""
        return str(self.row.id if self.row.external_id is None else self.row.external_id)

    @property
    def tag_names(self) -> list[str]:
        """Its tags as a file lists them: the cleaned ones, absent ones as such, and those that a person took."""
        names = [tag.name for tag in self.tags.present]
        names += [spoken_absent(tag.name, tag.raw) for tag in self.tags.absent]
        names += [name for caption in self.captions.values() for name in caption.taken]
        return list(dict.fromkeys(names))


@lru_cache(maxsize=4096)
def spoken_absent(name: str, raw: str) -> str:
    """An absent tag in words that say that it is absent: as the file had it where that says so, else "no …"."""
    if raw and any(tag.name == name for tag in clean_text(raw).absent):
        return raw
    return f"no {name}"


def styles_asked(connection: Connection, corpus: Corpus) -> tuple[str, ...]:
    """The styles that some run has come to in a corpus; all, where no run has come to any."""
    query = select(item_caption.c.field).where(item_caption.c.corpus == corpus.pk).distinct()
    fields = set(connection.execute(query).scalars())
    return tuple(style for style in STYLES if field_of(style) in fields) or STYLES


def load_tracks(connection: Connection, facts: Facts, rows: Sequence[Any], *, tags: bool = True) -> list[Track]:
    """Rows of the item table (pk, id, external_id, fields, status) with what stands of them, in their order.

    Args:
        tags: without, they are read only where a person's own text is to be checked, which is much faster.
    """
    pks = [row.pk for row in rows]
    states = load_states(connection, {row.pk: row.status for row in rows if row.status}, CAPTIONS)
    told = _told(connection, pks)
    boxes = {pk: state.boxes or {} for pk, state in states.items()}
    began = _details(
        connection, {int(b["suggestion"]) for of in boxes.values() for b in of.values() if b["suggestion"]}
    )
    tracks = []
    for row in rows:
        fields = orjson.loads(row.fields)
        tag_set = facts.tags(fields) if tags or boxes.get(row.pk) else TagSet()
        captions = {}
        for style in STYLES:
            answer, box = told.get((row.pk, field_of(style))), boxes.get(row.pk, {}).get(style)
            if box is not None:
                captions[style] = _decided(facts, style, box, answer, began, tag_set)
            elif answer is not None:
                captions[style] = _answered(style, answer)
            else:
                captions[style] = Standing(style)
        tracks.append(Track(row, fields, tag_set, captions))
    return tracks


def _told(connection: Connection, pks: Collection[int]) -> dict[tuple[int, str], Any]:
    """(item, field) → its newest caption, or why there is none."""
    found: dict[tuple[int, str], Any] = {}
    query = (
        select(
            *(item_caption.c[name] for name in ("item", "field", "suggestion", "verdict", "reasons")),
            *(suggestion.c[name] for name in ("value", "detail")),
            *(run.c[name] for name in ("engine", "model")),
            *(run_item.c[name] for name in ("state", "error")),
        )
        .join(run, run.c.id == item_caption.c.run)
        .outerjoin(suggestion, suggestion.c.pk == item_caption.c.suggestion)
        .outerjoin(run_item, (run_item.c.run == item_caption.c.run) & (run_item.c.item == item_caption.c.item))
        .where(item_caption.c.field.in_([field_of(style) for style in STYLES]))
    )
    for part in chunks(pks):
        rows = connection.execute(query.where(item_caption.c.item.in_(part)))
        found.update(((row.item, row.field), row) for row in rows)
    return found


def _details(connection: Connection, pks: Collection[int]) -> dict[int, Any]:
    """Suggestion → its row, for those that boxes began from."""
    found: dict[int, Any] = {}
    for part in chunks(pks):
        query = select(suggestion.c.pk, suggestion.c.value, suggestion.c.detail).where(suggestion.c.pk.in_(part))
        found.update((row.pk, row) for row in connection.execute(query))
    return found


def _answered(style: str, answer: Any) -> Standing:
    if answer.suggestion is None or answer.value is None:
        told = orjson.loads(answer.reasons)
        reason = answer.error or (str(told[0]) if told else "The newest run gave no caption.")
        state = answer.state if answer.state not in (None, "ok") else "failed"
        return Standing(style, state=state, reason=reason, engine=answer.engine, model=answer.model)
    detail = orjson.loads(answer.detail or "{}")
    return Standing(
        style,
        answer.value,
        "ok",
        None,
        predicted=_predicted(detail),
        verdict=answer.verdict,
        reasons=_sentences(detail.get("checks")),
        engine=answer.engine,
        model=answer.model,
    )


def _decided(
    facts: Facts, style: str, box: dict[str, Any], answer: Any, began: dict[int, Any], tags: TagSet
) -> Standing:
    taken = tuple(box["taken"])
    if not box["text"]:
        reason = "A person wants no caption of this style here."
        return Standing(style, None, "left_out", reason, True, box["stars"], box["valid"], taken=taken)
    first = began.get(int(box["suggestion"])) if box["suggestion"] else None
    detail = orjson.loads(first.detail or "{}") if first is not None else {}
    predicted = _predicted(detail)
    if answer is not None and not taken and answer.value == box["text"]:
        verdict, reasons = answer.verdict, _sentences(orjson.loads(answer.detail or "{}").get("checks"))
    else:
        checks = facts.check(box["text"], tags, style, (*predicted, *taken))
        verdict, reasons = checks["verdict"], _sentences(checks)
    left = tuple(name for name in predicted if name not in taken)
    return Standing(style, box["text"], "ok", None, True, box["stars"], box["valid"], left, taken, verdict, reasons)


def _predicted(detail: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in detail.get("predicted") or ())


def _sentences(checks: Any) -> tuple[str, ...]:
    reasons: Iterable[Any] = checks.get("reasons", ()) if isinstance(checks, dict) else ()
    return tuple(str(reason.get("message", "")) for reason in reasons)
