"""What a captioning run would take, before it starts: captions, requests, tokens, money; and what the tags would make
it stumble over. Nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.captions.items import MusicItem, MusicReader, music_corpus
from core.captions.music_llm import Judge, MusicLLM, Unit
from core.captions.planning import Plan, plan_of
from core.captions.request import CaptionRequest, request_of
from core.engines import asked_at, replies
from core.engines.calls import Request
from core.engines.connecting.connections import settings_for
from core.engines.money.cost import estimate, pricing_of
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_project
from core.store.database import Database
from core.store.projects import Host

TRIED = 10
MEASURED = 40  # captions of each style whose prompts are measured
LOOKED_AT = 5000  # items whose tags are counted, and whose stored answers are; beyond, their share is assumed to go on


def estimate_captions(
    database: Database, corpus_name: str, arguments: Mapping[str, Any], host: Host | None = None
) -> dict[str, Any]:
    """As `core.tagging.estimate.estimate_run`, of captions, with what is known of the tags.

    Returns:
        {items (captions), tracks, requests, cached_requests, cached_note, prompt_tokens, completion_tokens,
        completion_p90, cost, cost_high, cost_note, token_note, tag_sets (different ones), no_tags, one_tag,
        contradictions (items), left_out}; counts of tags are of the first LOOKED_AT items, scaled to all.

    Raises:
        InvalidInput: the request is wrong, or the corpus holds no music.
        NotFound: there is no such corpus.
    """
    request = request_of(arguments)
    corpus = music_corpus(database, corpus_name)
    reader = MusicReader(database, corpus)
    plan = plan_of(database, corpus, request, reader)
    seen = _seen(plan, reader)
    styles = max(1, len(request.styles))
    tracks = plan.total // styles if plan.entries is None else len(plan.entries)
    scale = tracks / seen.tracks if seen.tracks else 0.0

    def scaled(n: int) -> int:
        return round(n * scale)

    about = {
        "items": plan.total,
        "tracks": tracks,
        "tag_sets": scaled(len(seen.keys)),
        "no_tags": scaled(seen.no_tags),
        "one_tag": scaled(seen.one_tag),
        "contradictions": scaled(seen.contradictions),
        "left_out": plan.left_out,
    }
    if not request.by_model:
        nothing = {"requests": 0, "cached_requests": 0, "prompt_tokens": 0, "completion_tokens": 0}
        free = {"completion_p90": None, "cost": 0.0, "cost_high": 0.0, "cached_note": "", "token_note": ""}
        return {**about, **nothing, **free, "cost_note": "the builtin writer costs nothing"}
    questions = _Questions(database, request, host)
    requests, answered = questions.of(seen.units)
    distinct = len(requests)
    step = max(1, distinct // (MEASURED * styles))
    total = round(distinct * scale)
    cached = min(total, round(answered * scale))
    endpoint, model = questions.place
    pricing = None
    if host is not None:
        settings = settings_for(host, endpoint, model)
        local = request.engine.engine == "transformers"
        pricing = pricing_of(settings, "" if local else endpoint, model, batch=request.batch)
    figures = estimate(database, endpoint, model, requests[::step], total, cached, pricing)
    return {**about, **figures.as_dict(), "cached_note": ""}


@dataclass
class _Seen:
    """What is known of the first items that a plan is about."""

    units: list[Unit]
    keys: set[str]
    tracks: int = 0
    no_tags: int = 0
    one_tag: int = 0
    contradictions: int = 0


def _seen(plan: Plan, reader: MusicReader) -> _Seen:
    seen = _Seen([], set())
    items: dict[int, MusicItem] = {}
    for unit in islice(plan.units(reader), LOOKED_AT * max(1, len(plan.request.styles))):
        if unit.item.pk not in items:
            if len(items) >= LOOKED_AT:
                break
            items[unit.item.pk] = unit.item
        seen.units.append(unit)
    for item in items.values():
        seen.tracks += 1
        seen.keys.add(item.tags.key)
        tags = len(item.tags.present) + len(item.tags.absent)
        seen.no_tags += not tags
        seen.one_tag += tags == 1
        seen.contradictions += bool(item.tags.contradictions)
    return seen


class _Questions:
    """The questions that a run would ask first."""

    def __init__(self, database: Database, request: CaptionRequest, host: Host | None) -> None:
        self.database = database
        engine = request.engine
        self.place = (engine.base_url, engine.model) if host is None else asked_at(host, engine)
        fitter = Fitter() if host is None else Fitter.of(host, *self.place)
        prompts = {style: of_project(database, request.prompt(style)) for style in request.styles}
        self.method = MusicLLM(request, prompts, Judge(), database, fitter=fitter)

    def of(self, units: list[Unit]) -> tuple[list[Request], int]:
        """(each question once, how many of them are answered)"""
        found: dict[str, Request] = {}
        for call in self.method.calls(units):
            found.setdefault(call.request.key(*self.place), call.request)
        return list(found.values()), replies.known(self.database, list(found))
