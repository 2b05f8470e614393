"""What a run would say of ten items, by any method and engine: shown at once, before all of them are tagged.

No run and no suggestion is stored. What a language model answers is, as always, before it is read: the run that
follows does not pay for it again where it asks the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

import orjson

from core.corpora.catalog import Corpus, find_corpus
from core.corpora.clues import TaggableItem, sample_items
from core.embedding.locate import find_model
from core.embedding.service import cached_encoder
from core.embedding.vectors import TextEncoder
from core.engines import connect
from core.engines.calls import Engine
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_project
from core.errors import EngineError, InvalidInput
from core.store.database import Database
from core.store.projects import Host
from core.store.runs import Answer
from core.tagging.estimate import estimate_run, tried_items
from core.tagging.job import items_of
from core.tagging.llm import PROMPTS, Asked, Method
from core.tagging.request import TagRequest, request_of, tag_entries
from core.tagging.selective import SelectiveTagger
from core.tagging.selective_run import row_of
from core.vocabulary.entries import TagEntry

TRY_SAMPLE = 200  # unlabelled items that a trial learns the corpus' ways of speaking from
_seconds_per_item: dict[tuple[str, str, str], float] = {}  # what trials of this process measured


@dataclass
class _Trial:
    database: Database
    host: Host
    corpus: Corpus
    request: TagRequest
    entries: list[TagEntry]
    encoder: TextEncoder
    sample: list[TaggableItem]
    key: str | None

    items: list[TaggableItem]


def try_on_ten(
    database: Database, host: Host, corpus_name: str, arguments: dict[str, Any], key: str | None = None
) -> dict[str, Any]:
    """What a run would say of ten items, spread over the corpus.

    Args:
        key: for the engine's server, where it asks for one.

    Returns:
        {items: [{id, title, state, error, flags, suggestions}], seconds_per_item, total_items, estimate_seconds, note,
        spent: {requests, cached, tokens, estimated, cost}, estimate: as `estimate_run` (with what this trial has
        taught)}

    Raises:
        EngineError: the server cannot answer.
    """
    request = request_of(arguments)
    entries = tag_entries(database, needed=request.method == "selective")
    with database.read() as connection:
        corpus = find_corpus(connection, corpus_name)
    encoder = cached_encoder(host.settings)
    sample = sample_items(database, corpus, TRY_SAMPLE)
    if not sample:
        raise InvalidInput(f"“{corpus.name}” has no items.", "Import some first.")
    chosen = tried_items(database, corpus, request.limit)
    trial = _Trial(database, host, corpus, request, entries, encoder, sample, key, chosen)
    encoder.encode(["warm"])  # loading the model is paid once, not per item
    spent: dict[str, Any] = {"requests": 0, "cached": 0, "tokens": 0, "cost": 0}
    if request.by_model:
        answers, seconds, spent = _by_model(trial)
    elif request.method == "generative":
        answers, seconds = _generative(trial)
    else:
        answers, seconds = _selective(trial)
    # a second try finds its vectors in the cache; the run will not, so the slowest try is what counts
    known = (corpus.id, request.method, request.engine.label)
    seconds = max(seconds, _seconds_per_item.get(known, 0.0))
    _seconds_per_item[known] = seconds
    total = items_of(database, corpus, request.limit)
    names = {entry.id: entry.name for entry in entries}
    by_item = {answer.item: answer for answer in answers}
    model = find_model(host.settings.embedding_model, allow_downloads=host.settings.allow_downloads)
    note = readability_note(entries, sample, encoder) if model.found else f"{model.reason} {model.remedy}"
    told = [f"{sentence}." for sentence in spent.pop("told", [])]
    return {
        "items": [_shown_item(item, by_item[item.pk], request, names) for item in chosen if item.pk in by_item],
        "seconds_per_item": seconds,
        "total_items": total,
        "estimate_seconds": seconds * total,
        "note": " ".join(filter(None, (note, *told))) or None,
        "spent": spent,
        "estimate": estimate_run(database, corpus_name, arguments, host),
    }


def _selective(trial: _Trial) -> tuple[list[Answer], float]:
    started = time.perf_counter()
    tagger, request = _tagger(trial), trial.request
    tagged = tagger.tag([i.clues for i in trial.items], top_k=request.top_k, threshold=request.threshold)
    seconds = (time.perf_counter() - started) / len(trial.sample)
    rows = [[row_of(suggestion) for suggestion in found] for found in tagged]
    return [Answer(i.pk, rows=found) for i, found in zip(trial.items, rows, strict=True)], seconds


def _tagger(trial: _Trial) -> SelectiveTagger:
    tagger = SelectiveTagger(trial.entries, trial.encoder)
    tagger.prepare([i.clues for i in trial.sample])
    return tagger


def _generative(trial: _Trial) -> tuple[list[Answer], float]:
    from core.tagging.generative import BuiltinGenerative
    from core.vocabulary.keyphrases import KeyphraseExtractor
    from core.vocabulary.matching import MEANING, TagMatcher

    request = trial.request
    threshold = MEANING if request.threshold is None else request.threshold
    matcher = TagMatcher(trial.entries, trial.encoder, threshold)
    matcher.match(["warm"])  # the vocabulary's vectors are paid once, not per item
    extractor = KeyphraseExtractor(trial.encoder)
    extractor.prepare(i.clues for i in trial.sample)
    started = time.perf_counter()
    answers = BuiltinGenerative(extractor, matcher).answers(trial.items, request.top_k)
    return answers, (time.perf_counter() - started) / len(trial.items)


def _by_model(trial: _Trial) -> tuple[list[Answer], float, dict[str, Any]]:
    engine = connect(trial.host, trial.request.engine, trial.key, trial.database)
    fitter = Fitter.of(trial.host, engine.endpoint, engine.model)
    started = time.perf_counter()
    items = {i.pk: i for i in trial.items if any(clue.text.strip() for clue in i.clues)}
    came: dict[int, dict[int, Any]] = {}
    try:
        method = _method(trial, fitter)
        for outcome in engine.answers(method.calls(items.values())):
            pk, sample = cast("tuple[int, int]", outcome.call.key)
            came.setdefault(pk, {})[sample] = outcome
    except EngineError:
        if not came:
            raise
    finally:
        engine.close()
    seconds = (time.perf_counter() - started) / max(1, len(items))
    asked = [Asked(items[pk], tuple(found[s] for s in sorted(found))) for pk, found in came.items()]
    answers = method.answers(asked) + [Answer(i.pk) for i in trial.items if i.pk not in items]
    return answers, seconds, {**_spent(engine), "told": fitter.told()}


def _method(trial: _Trial, fitter: Fitter) -> Method:
    prompt = of_project(trial.database, PROMPTS[trial.request.method])
    if trial.request.method == "generative":
        from core.tagging.generative_llm import GenerativeLLM

        return GenerativeLLM(trial.request, trial.entries, trial.encoder, prompt, fitter)
    from core.tagging.prepared import candidate_sample, candidate_tagger
    from core.tagging.reviewed import read_reviewed, with_vectors
    from core.tagging.selective_llm import SelectiveLLM

    sample = candidate_sample(trial.database, trial.corpus)
    tagger = candidate_tagger(trial.host, sample, trial.entries, trial.encoder)  # the run asks what is asked here
    assert tagger is not None
    tags = read_reviewed(trial.database, trial.corpus, {tag.id for tag in trial.entries})
    reviewed = with_vectors(trial.database, trial.corpus, tags, tagger.encoder)
    return SelectiveLLM(trial.request, tagger, reviewed, prompt, fitter)


def _spent(engine: Engine) -> dict[str, Any]:
    spent = engine.spent
    return {
        "requests": spent.requests,
        "cached": spent.cached,
        "tokens": spent.prompt_tokens + spent.completion_tokens,
        "estimated": spent.estimated,
        "cost": None if spent.cost is None else float(spent.cost),
    }


def _shown_item(item: TaggableItem, answer: Answer, request: TagRequest, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "state": answer.state,
        "error": answer.error,
        "flags": answer.flags,
        "suggestions": [_shown(row, rank, request, names) for rank, row in enumerate(answer.rows, start=1)],
    }


def _shown(row: dict[str, Any], rank: int, request: TagRequest, names: dict[str, str]) -> dict[str, Any]:
    tag = row.get("tag")
    detail = orjson.loads(row["detail"]) if row.get("detail") else {}
    return {
        "tag": None if tag is None else str(tag),
        "name": names[str(tag)] if tag is not None else row["value"],
        "value": row.get("value"),
        "new": tag is None,
        "score": row["score"],
        "rank": rank,
        "agent": "G" if request.method == "generative" else "S",
        "method": request.method,
        "evidence": orjson.loads(row["evidence"]),
        **{name: detail[name] for name in ("votes", "samples", "nearest", "match", "similarity") if name in detail},
    }


def readability_note(entries: list[TagEntry], sample: list[TaggableItem], encoder: TextEncoder) -> str | None:
    """A sentence where the embedding model cannot read much of the vocabulary or of the items; None where it can."""
    from core.embedding.readability import measure

    texts = [tag.name for tag in entries] + [clue.text for item in sample for clue in item.clues]
    found = measure(texts, encoder)
    return found.advice
