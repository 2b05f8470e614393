"""What a tagging run would take, before it starts: items, requests, tokens, money. Nothing is asked, and no corpus read
whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from core.corpora.catalog import Corpus, find_corpus
from core.corpora.clues import TaggableItem, read_items, sample_items
from core.embedding.service import cached_encoder
from core.engines import asked_at, replies
from core.engines.calls import Call, Request
from core.engines.connecting.connections import settings_for
from core.engines.money.cost import estimate, pricing_of
from core.engines.prompting.fitting import Fitter, request_of
from core.engines.prompting.prompt_copies import of_project
from core.store.database import Database
from core.store.projects import Host
from core.tagging.job import items_of
from core.tagging.llm import PROMPTS
from core.tagging.prepared import candidate_sample, candidate_tagger
from core.tagging.request import TagRequest, tag_entries
from core.tagging.request import request_of as tag_request_of
from core.tagging.reviewed import read_reviewed, with_vectors
from core.tagging.selective_llm import CANDIDATES, SelectiveLLM, Shown, question_for
from core.vocabulary.entries import TagEntry
from core.vocabulary.free_tags import VARIED, free_tag_question

MEASURED = 40  # items whose prompts are measured
LOOKED_UP = 2000  # items whose stored answers are counted; beyond, their share is assumed to go on
TRIED = 10
SPREAD = 200  # items over a corpus, of which the tried ones are taken


def tried_items(database: Database, corpus: Corpus, limit: int | None) -> list[TaggableItem]:
    """The ten items that a trial asks about: spread over those that the run would be about, the same every time."""
    return _spread(database, corpus, limit, SPREAD, TRIED)


def _spread(database: Database, corpus: Corpus, limit: int | None, of: int, most: int) -> list[TaggableItem]:
    """`most` items, evenly spaced over `of` that are spread over the corpus; over the first ones of a limited run."""
    if limit is None:
        items = sample_items(database, corpus, of)
    else:
        items = list(read_items(database, corpus, limit=min(limit, of)))
    return items[:: max(1, len(items) // most)][:most]


def estimate_run(
    database: Database, corpus_name: str, arguments: dict[str, Any], host: Host | None = None
) -> dict[str, Any]:
    """{items, requests, cached_requests, cached_note, prompt_tokens, completion_tokens, completion_p90, cost (US
    dollars or None), cost_high, cost_note, token_note}; see `core.engines.money.cost.Estimate`.

    Args:
        host: knows prices, contexts and prepared taggers.

    Raises:
        InvalidInput: the request is wrong, or there is nothing to choose from.
        NotFound: there is no such corpus.
    """
    request = tag_request_of(arguments)
    entries = tag_entries(database, needed=request.method == "selective")
    with database.read() as connection:
        corpus = find_corpus(connection, corpus_name)
    items = items_of(database, corpus, request.limit)
    if not request.by_model:
        nothing = {"requests": 0, "cached_requests": 0, "prompt_tokens": 0, "completion_tokens": 0}
        free = {"completion_p90": None, "cost": 0.0, "cost_high": 0.0, "cached_note": "", "token_note": ""}
        return {"items": items, **nothing, **free, "cost_note": "the builtin engine costs nothing"}
    asking = _Asking(database, corpus, request, entries, host)
    sample = _spread(database, corpus, request.limit, SPREAD, MEASURED)
    requests = asking.first_of(sample)
    total = items * request.samples
    cached, note = asking.cached(sample, items)
    endpoint, model = asking.place
    pricing = None
    if host is not None:
        settings = settings_for(host, endpoint, model)
        local = request.engine.engine == "transformers"
        pricing = pricing_of(settings, "" if local else endpoint, model, batch=request.batch)
    figures = estimate(database, endpoint, model, requests, total, min(cached, total), pricing)
    return {"items": items, **figures.as_dict(), "cached_note": note}


class _Asking:
    """The questions that a run would ask, as far as they can be known without embedding a corpus."""

    def __init__(
        self, database: Database, corpus: Corpus, request: TagRequest, entries: list[TagEntry], host: Host | None
    ) -> None:
        self.database = database
        self.corpus = corpus
        self.request = request
        self.prompt = of_project(database, PROMPTS[request.method])
        engine = request.engine
        self.place = (engine.base_url, engine.model) if host is None else asked_at(host, engine)
        self.fitter = Fitter() if host is None else Fitter.of(host, *self.place)
        step = max(1, len(entries) // CANDIDATES)
        self.stand_in = Shown(tuple(entries[::step][:CANDIDATES]), {})
        self.method = self._prepared(host, entries) if host is not None and request.method == "selective" else None

    def _prepared(self, host: Host, entries: list[TagEntry]) -> SelectiveLLM | None:
        """What finds the candidates of a run, where a trial or an earlier run has prepared it already."""
        encoder = cached_encoder(host.settings)
        tagger = candidate_tagger(host, candidate_sample(self.database, self.corpus), entries, encoder, make=False)
        if tagger is None:
            return None
        tags = read_reviewed(self.database, self.corpus, {tag.id for tag in entries})
        reviewed = with_vectors(self.database, self.corpus, tags, tagger.encoder)
        return SelectiveLLM(self.request, tagger, reviewed, self.prompt, self.fitter)

    def calls(self, items: list[TaggableItem]) -> list[Call]:
        """The questions about items as a run asks them; for a selective run whose candidates nobody knows yet, others
        of the same length."""
        request, asked = self.request, [i for i in items if any(clue.text.strip() for clue in i.clues)]
        if self.method is not None:
            return list(self.method.calls(asked))
        made: list[Call] = []
        for item in asked:
            if request.method == "generative":
                question = free_tag_question(item, use_case=request.use_case, language=request.language)
            else:
                question = question_for(request, item, self.stand_in)
            if question is None:
                continue
            first = request_of(self.prompt, self.fitter.fit(self.prompt, question))
            for sample in range(request.samples):
                heat = VARIED if sample else 0.0
                made.append(Call((item.pk, sample), replace(first, temperature=heat, sample=sample)))
        return made

    def first_of(self, items: list[TaggableItem]) -> list[Request]:
        """One question about each item."""
        return [call.request for call in self.calls(items) if call.request.sample == 0]

    def cached(self, sample: list[TaggableItem], items: int) -> tuple[int, str]:
        """(about how many answers of a run over so many items are there already, what is to be said of that)"""
        if self.request.method == "generative":
            known, looked_at = 0, 0
            source = read_items(self.database, self.corpus, limit=min(items, LOOKED_UP))
            while batch := list(islice(source, 500)):
                looked_at += len(batch)
                known += self._known(batch)
            known = round(known * items / looked_at) if looked_at else 0
        elif self.method is None:
            return 0, "What is answered already is found while it runs, and costs nothing."
        else:  # finding candidates takes its time: the tried items exactly, a sample for all the others
            tried = tried_items(self.database, self.corpus, self.request.limit)
            known = self._known(tried)
            of_tried = {item.pk for item in tried}
            others = [item for item in sample if item.pk not in of_tried]
            if others and items > len(tried):
                known += round(self._known(others) / len(others) * (items - len(tried)))
        return known, ""

    def _known(self, items: list[TaggableItem]) -> int:
        """How many of the questions about these items are answered."""
        return replies.known(self.database, [call.request.key(*self.place) for call in self.calls(items)])
