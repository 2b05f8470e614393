"""A tagging run by a language model: which method asks with which prompt, over which items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from core.corpora.clues import TaggableItem, read_items
from core.engines.calls import Call
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_job
from core.engines.prompting.prompts import Prompt
from core.store.runs import Answer, answered_items, spent_of
from core.tagging.asking import Asked, ask_about, state_of
from core.tagging.job import TagRun
from core.tagging.selective_run import frozen_entries
from core.vocabulary.free_tags import PROMPT

__all__ = ["PROMPTS", "Asked", "Method", "method_of", "run_by_model", "state_of"]

PROMPTS = {"selective": "select-tags", "generative": PROMPT}


class Method(Protocol):
    """What is asked about an item, and what the answers say."""

    def calls(self, items: Iterable[TaggableItem]) -> Iterator[Call]:
        """Questions under the key (item's pk, sample), one item after another."""

    def answers(self, asked: list[Asked]) -> list[Answer]:
        """What a run says of items whose questions have all come back."""


class _OfItems:
    """A tagging method, as whoever asks needs it."""

    def __init__(self, method: Method) -> None:
        self.calls = method.calls
        self.answers = method.answers

    def key(self, item: TaggableItem) -> int:
        return item.pk

    def silent(self, item: TaggableItem) -> Answer | None:
        return None if any(clue.text.strip() for clue in item.clues) else Answer(item.pk, error="The item has no text.")


def method_of(run: TagRun, prompt: Prompt, fitter: Fitter) -> Method:
    """The method that the run's request names, ready to ask."""
    if run.request.method == "generative":
        from core.tagging.generative_llm import GenerativeLLM

        return GenerativeLLM(run.request, frozen_entries(run), run.encoder, prompt, fitter)
    from core.tagging.selective_llm import prepared_method

    return prepared_method(run, prompt, fitter)


def run_by_model(run: TagRun) -> None:
    """Ask about every item that has no answer yet."""
    prompt = of_job(run.database, PROMPTS[run.request.method], run.job.job.id)
    run.start(run.request.engine.model, prompt)
    with run.database.read() as connection:
        known, before = answered_items(connection, run.id), spent_of(connection, run.id)
    run.done = len(known)
    ask_about(run, before, lambda fitter: _OfItems(method_of(run, prompt, fitter)), lambda: _left(run, known))


def _left(run: TagRun, known: set[int]) -> Iterator[TaggableItem]:
    return (i for i in read_items(run.database, run.corpus, limit=run.request.limit) if i.pk not in known)
