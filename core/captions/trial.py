"""What a run would write, for tags that somebody types and for ten pieces of a corpus: shown at once, nothing stored.

What a language model answers is, as always, stored before it is read: the run that follows does not pay for it again
where it asks the same.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from core.captions.builtin import PREDICTING, BuiltinWriter, learned_from
from core.captions.cleaning import clean_text, options_of
from core.captions.cooccurrence import Counts
from core.captions.estimate import TRIED, estimate_captions
from core.captions.items import MusicItem, MusicReader, music_corpus
from core.captions.music_job import check_options
from core.captions.music_llm import Judge, MusicLLM, Unit
from core.captions.names import NameIndex
from core.captions.projection import Caption
from core.captions.request import CaptionRequest, checked_styles, controls_of, request_of
from core.corpora.catalog import Corpus
from core.engines import connect
from core.engines.calls import Engine, Outcome
from core.engines.connecting.endpoints import EngineOptions
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_project
from core.errors import EngineError, InvalidInput
from core.store.database import Database
from core.store.projects import Host
from core.tagging.asking import Asked

LONGEST_TAGS = 4000  # characters that may be typed
LEARNED_FROM = 4000  # items that a trial learns from what goes with what
KEPT = 4
BUILTIN_NOTE = "The builtin writer keeps to its own length, tone and tense, and writes English."
ALONE_NOTE = "The builtin writer predicts attributes from a corpus: typed tags alone have none."
_FREE = {"requests": 0, "cached": 0, "tokens": 0, "estimated": False, "cost": 0.0}

_learned: OrderedDict[tuple[Any, ...], Counts] = OrderedDict()
_lock = threading.Lock()


def caption_tags(
    host: Host,
    database: Database,
    text: str,
    styles: Sequence[str] | str = "all",
    engine: EngineOptions | None = None,
    *,
    key: str | None = None,
    controls: Mapping[str, Any] | None = None,
    candidates: int = 1,
    retry_failing: int = 0,
    corpus: str = "",
) -> dict[str, Any]:
    """Captions for one set of tags.

    Args:
        text: tags as somebody types them, separated by commas or the like.
        key: for the engine's server, where it asks for one.
        corpus: whose cleaning is used, and whose tags say what goes with what; "" for none.

    Returns:
        {tags, captions: {style: {state, error, flags, candidates: [{text, predicted, checks}]}}, note, spent:
        {requests, cached, tokens, estimated, cost}}; places in checks are code points.

    Raises:
        InvalidInput: there are no tags in the text.
        EngineError: the server cannot answer.
    """
    engine = engine or EngineOptions()
    request = CaptionRequest(checked_styles(styles), engine, candidates, retry_failing, controls=controls_of(controls))
    return try_tags(host, database, text, request, key, corpus)


def try_tags(
    host: Host, database: Database, text: str, request: CaptionRequest, key: str | None = None, corpus: str = ""
) -> dict[str, Any]:
    """As `caption_tags`, with a checked request."""
    if len(text) > LONGEST_TAGS:
        raise InvalidInput(f"At most {LONGEST_TAGS:,} characters of tags can be typed.", "Leave some out.")
    names: NameIndex | None = None
    found = music_corpus(database, corpus) if corpus else None
    if found is None:
        tags = clean_text(text)
    else:
        with database.read() as connection:
            tags = clean_text(text, options_of(connection, found))
            names = NameIndex.of(connection, found)
    if not tags.present and not tags.absent:
        raise InvalidInput("There are no tags: nothing to write from.", "Type some, for example: happy, piano.")
    item = MusicItem(0, "typed", None, "", tags)
    units = [Unit(item, style) for style in request.styles]
    done = _written(host, database, request, units, Judge(names, check_options(request.controls)), key, found)
    if found is None and not request.by_model and PREDICTING in request.styles:
        done.told.append(ALONE_NOTE)
    return {
        "tags": tags.as_dict(),
        "captions": {caption.style: shown(caption) for caption in done.captions},
        "note": " ".join(done.told) or None,
        "spent": done.spent,
    }


def try_on_ten(
    database: Database, host: Host, corpus_name: str, arguments: Mapping[str, Any], key: str | None = None
) -> dict[str, Any]:
    """What a run would write about ten pieces, spread over the corpus.

    Returns:
        {items: [{id, external_id, title, tags, captions: {style: {state, error, flags, candidates}}}], note,
        seconds_per_item, total_items, estimate_seconds, spent, estimate: as `estimate_captions` (with what this trial
        has taught)}

    Raises:
        EngineError: the server cannot answer.
    """
    request = request_of(arguments)
    corpus = music_corpus(database, corpus_name)
    reader = MusicReader(database, corpus)
    items = reader.sample(TRIED, request.limit)
    if not items:
        raise InvalidInput(f"“{corpus.name}” has no items.", "Import some first.")
    with database.read() as connection:
        judge = Judge(NameIndex.of(connection, corpus), check_options(request.controls))
    units = [Unit(each, style) for each in items for style in request.styles]
    done = _written(host, database, request, units, judge, key, corpus)
    by_item: dict[int, dict[str, Any]] = {}
    for caption in done.captions:
        by_item.setdefault(caption.answer.item, {})[caption.style] = shown(caption)
    total = reader.count(request.limit)
    seconds = done.seconds / len(items)
    return {
        "items": [
            {
                "id": each.id,
                "external_id": each.external_id,
                "title": each.title,
                "tags": each.tags.as_dict(),
                "captions": {style: by_item[each.pk][style] for style in request.styles if style in by_item[each.pk]},
            }
            for each in items
            if each.pk in by_item
        ],
        "note": " ".join(done.told) or None,
        "seconds_per_item": seconds,
        "total_items": total,
        "estimate_seconds": seconds * total,
        "spent": done.spent,
        "estimate": estimate_captions(database, corpus_name, arguments, host),
    }


def shown(caption: Caption) -> dict[str, Any]:
    """{state, error, flags, candidates: [{text, predicted, checks}]}"""
    answer, candidates = caption.answer, []
    for row in answer.rows:
        detail = orjson.loads(row["detail"])
        candidates.append({"text": row["value"], "predicted": detail["predicted"], "checks": detail["checks"]})
    return {"state": answer.state, "error": answer.error, "flags": list(answer.flags), "candidates": candidates}


@dataclass
class _Done:
    captions: list[Caption]
    seconds: float
    spent: dict[str, Any]
    told: list[str]


def _written(
    host: Host,
    database: Database,
    request: CaptionRequest,
    units: list[Unit],
    judge: Judge,
    key: str | None,
    corpus: Corpus | None,
) -> _Done:
    started = time.perf_counter()
    if request.by_model:
        captions, spent, told = _by_model(host, database, request, units, judge, key)
    else:
        counts = None
        if corpus is not None and PREDICTING in request.styles:
            counts = _counts(database, corpus)
            started = time.perf_counter()  # learning is paid once, not per item
        writer = BuiltinWriter(request, judge, counts)
        captions, spent = [writer.caption(unit) for unit in units], dict(_FREE)
        told = [BUILTIN_NOTE] if request.controls.as_dict().keys() - {"banned"} else []
    order = {unit.key: place for place, unit in enumerate(units)}
    captions.sort(key=lambda caption: order[caption.answer.item, caption.style])
    return _Done(captions, time.perf_counter() - started, spent, told)


def _counts(database: Database, corpus: Corpus) -> Counts:
    """What goes with what in a corpus, learned from a part of it; kept until the corpus changes."""
    key = (str(database.engine.url), database.schema, corpus.id, corpus.updated_at)
    with _lock:
        if key not in _learned:
            _learned[key] = learned_from(MusicReader(database, corpus), most=LEARNED_FROM)
        _learned.move_to_end(key)
        while len(_learned) > KEPT:
            _learned.popitem(last=False)
        return _learned[key]


def _by_model(
    host: Host, database: Database, request: CaptionRequest, units: list[Unit], judge: Judge, key: str | None
) -> tuple[list[Caption], dict[str, Any], list[str]]:
    prompts = {style: of_project(database, request.prompt(style)) for style in request.styles}
    engine = connect(host, request.engine, key, database)
    fitter = Fitter.of(host, engine.endpoint, engine.model)
    method = MusicLLM(request, prompts, judge, database, fitter=fitter)
    silent = [caption for unit in units if (caption := method.silent(unit)) is not None]
    by_key = {unit.key: unit for unit in units}
    came: dict[tuple[int, str], dict[int, Outcome]] = {}
    try:
        for outcome in engine.answers(method.calls(units)):
            unit_key, sample = cast("tuple[tuple[int, str], int]", outcome.call.key)
            came.setdefault(unit_key, {})[sample] = outcome
    except EngineError:
        if not came:
            raise
    finally:
        engine.close()
    asked = [Asked(by_key[each], tuple(found[s] for s in sorted(found))) for each, found in came.items()]
    return [*silent, *method.answers(asked)], _spent(engine), [f"{sentence}." for sentence in fitter.told()]


def _spent(engine: Engine) -> dict[str, Any]:
    spent = engine.spent
    return {
        "requests": spent.requests,
        "cached": spent.cached,
        "tokens": spent.prompt_tokens + spent.completion_tokens,
        "estimated": spent.estimated,
        "cost": None if spent.cost is None else float(spent.cost),
    }
