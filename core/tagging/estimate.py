"""What a tagging run would take, before it starts: items, requests, tokens, money. Nothing is embedded or asked."""

from __future__ import annotations

from itertools import islice
from typing import Any

from core.corpora.catalog import find_corpus
from core.corpora.clues import TaggableItem, read_items, sample_items
from core.engines import replies
from core.engines.calls import Request
from core.engines.cost import estimate
from core.engines.prompts import load
from core.store.database import Database
from core.tagging.job import items_of
from core.tagging.request import TagRequest, request_of, tag_entries
from core.vocabulary.entries import TagEntry
from core.vocabulary.free_tags import free_tag_request, free_tags_prompt

MEASURED = 40  # items whose prompts are measured
LOOKED_UP = 5000  # items whose stored answers are counted; beyond, their share is assumed to go on


def estimate_run(database: Database, corpus_name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """{items, requests, cached_requests, prompt_tokens, completion_tokens, cost (US dollars or None), cost_note}

    Raises:
        InvalidInput: the request is wrong, or there is nothing to choose from.
        NotFound: there is no such corpus.
    """
    request = request_of(arguments)
    entries = tag_entries(database, needed=request.method == "selective")
    with database.read() as connection:
        corpus = find_corpus(connection, corpus_name)
    items = items_of(database, corpus, request.limit)
    if not request.by_model:
        nothing = {"requests": 0, "cached_requests": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}
        return {"items": items, **nothing, "cost_note": "the builtin engine costs nothing"}
    sample = sample_items(database, corpus, MEASURED)
    requests = [r for item in sample if (r := _request(request, item, entries)) is not None]
    cached = 0
    if request.method == "generative":
        looked_at = 0
        source = read_items(database, corpus, limit=min(items, LOOKED_UP))
        while batch := list(islice(source, 500)):
            looked_at += len(batch)
            cached += _known(database, request, batch)
        if looked_at:
            cached = round(cached * items / looked_at)
    total = items * request.samples
    figures = estimate(database, request.engine.base_url, request.engine.model, requests, total, min(cached, total))
    return {"items": items, **figures.as_dict()}


def _request(request: TagRequest, item: TaggableItem, entries: list[TagEntry], sample: int = 0) -> Request | None:
    """The question about an item; for a selective run one of the same length, with other candidates."""
    if request.method == "generative":
        asked = {"use_case": request.use_case, "language": request.language}
        return free_tag_request(
            item, free_tags_prompt(), sample, use_case=asked["use_case"], language=asked["language"]
        )
    from core.tagging.selective_llm import CANDIDATES, PROMPT, Shown, messages_for

    step = max(1, len(entries) // CANDIDATES)
    shown = Shown(tuple(entries[::step][:CANDIDATES]), {})
    prompt = load(PROMPT)
    return Request(messages_for(prompt, request, item, shown), prompt.schema, 0.0, prompt.max_tokens, sample)


def _known(database: Database, request: TagRequest, items: list[TaggableItem]) -> int:
    keys = []
    for item in items:
        for sample in range(request.samples):
            asked = _request(request, item, [], sample)
            if asked is not None:
                keys.append(asked.key(request.engine.base_url, request.engine.model))
    return replies.known(database, keys)
