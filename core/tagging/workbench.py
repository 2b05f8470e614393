"""The prompt workbench: a draft of a prompt as an item would be asked about with it, its length against the model's
context, and what makes it different from the shipped one. Nothing here asks a model anything."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from core.corpora.browsing import find_item
from core.corpora.catalog import Corpus, corpus_by_pk, find_corpus
from core.corpora.clues import TaggableItem, clues_of, sample_items
from core.embedding.service import cached_encoder
from core.engines.calls import text_of
from core.engines.connecting.endpoints import EngineOptions
from core.engines.prompting.fitting import CUTS, Fitted, Fitter, Question, fit, tokens_of
from core.engines.prompting.prompt_copies import described, differences, history
from core.engines.prompting.prompt_kinds import Kind, kind_of
from core.engines.prompting.prompts import Example, Prompt, hash_of, is_shipped, load, read_prompt
from core.errors import InvalidInput, NotFound
from core.store.database import Database
from core.store.projects import Host
from core.store.schema import decision, item
from core.store.times import iso
from core.tagging.request import TagRequest, tag_entries
from core.vocabulary.free_tags import free_tag_question
from core.vocabulary.store import revision

SAMPLE = 200  # items from which the finder of candidates learns how a corpus speaks
KEPT_FINDERS = 2


def opened(database: Database, name: str) -> dict[str, Any]:
    """What the workbench shows of a prompt: as `described`, and {text, shipped_text, shipped_hash, takes_examples,
    music (it asks about pieces of music), placeholders, examples: [{item, title, answer}],
    versions: [{id, hash, at, person, current, text, examples}]}

    Raises:
        NotFound: there is no such prompt.
    """
    kind, about = kind_of(name), described(database, name)
    if kind is None or not (about["shipped"] or history(database, name)):
        raise NotFound(f"There is no prompt “{name[:60]}”.", "`tagloom prompts list` lists them.")
    versions = history(database, name)
    now = next((version for version in versions if version.current), None)
    shipped = load(name) if is_shipped(name) else None
    text = now.text if now else (shipped.text if shipped else versions[0].text)
    return {
        **about,
        "text": text,
        "shipped_text": shipped.text if shipped else None,
        "shipped_hash": shipped.hash if shipped else None,
        "takes_examples": kind.examples,
        "music": kind.name == "caption-music",
        "placeholders": [{"name": p.name, "about": p.about, "required": p.required} for p in kind.placeholders],
        "examples": [shown_example(example) for example in (now.examples if now else ())],
        "versions": [
            {
                "id": str(v.id),
                "hash": v.hash,
                "at": iso(v.at),
                "person": v.person,
                "current": v.current,
                "text": v.text,
                "examples": [shown_example(example) for example in v.examples],
            }
            for v in versions
        ],
    }


def shown_example(example: Example) -> dict[str, Any]:
    return {"item": example.item, "title": example.title, "answer": example.answer}


def chosen_examples(database: Database, name: str, items: list[str]) -> tuple[Example, ...]:
    """The examples of a draft: those that a copy of the project has, or had, stay as they were; new ones are made of
    their items.

    Raises:
        InvalidInput: an item cannot be an example.
        NotFound: there is no such item.
    """
    from core.tagging.examples import example_of

    known: dict[str, Example] = {}
    if items:
        for version in sorted(history(database, name), key=lambda version: not version.current):
            for example in version.examples:
                known.setdefault(example.item, example)
    return tuple(known.get(each) or example_of(database, name, each) for each in dict.fromkeys(items))


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt as it stands in the editor.

    Attributes:
        corpus, item: whose question is drawn; no corpus: sample values are put in.
        step: -1 or 1 for the item before or behind.
        asked: use_case, language and top_k of the form that the workbench was opened from.
    """

    name: str
    text: str
    examples: tuple[Example, ...] = ()
    corpus: str = ""
    item: str = ""
    step: int = 0
    asked: dict[str, Any] | None = None


Asks = Callable[[Prompt, Draft, Corpus, TaggableItem], Question | None]


def drawn(
    database: Database, host: Host, draft: Draft, engine: EngineOptions, asked: Asks | None = None
) -> dict[str, Any]:
    """The draft as an item would be asked about with it.

    Args:
        asked: gives the question about an item, None for one of which nothing can be asked; for prompts that are not
            about tagging.

    Returns:
        {problem: {message, remedy, line} or None, changed, diff: [[sign, line]], item: {id, title, position, of} or
        None, sample, messages: [{role, text, example}], tokens, context, max_tokens, model, notes, fits, shown,
        candidates}: `tokens` is estimated; `shown` of `candidates` are put to the model; `sample`: no item is drawn,
        sample values stand in the placeholders.
    """
    kind = kind_of(draft.name)
    if kind is None:
        raise NotFound(f"There is no prompt “{draft.name[:60]}”.", "`tagloom prompts list` lists them.")
    answer: dict[str, Any] = {"problem": None, **_against_shipped(draft)}
    try:
        prompt = replace(read_prompt(draft.text, "The draft"), examples=draft.examples)
    except InvalidInput as error:
        line = getattr(error, "line", None)
        return {**answer, "problem": {"message": error.message, "remedy": error.remedy, "line": line}}
    if prompt.name != draft.name:
        problem = {"message": f"The front matter says name: {prompt.name}.", "remedy": f"Write name: {draft.name}."}
        return {**answer, "problem": {**problem, "line": 2}}
    found = _item(database, draft) if draft.corpus and (kind.examples or asked is not None) else None
    asks = engine.engine != "builtin"
    fitter = Fitter.of(host, engine.base_url, engine.model) if asks else Fitter()
    if asked is not None and found is not None:
        question = asked(prompt, draft, found.corpus, found.item)
    else:
        question = _question(database, host, draft, kind, found)
    if question is None:
        answer["silent"] = True
        question = Question("", values=kind.samples())
    fitted = fit(prompt, question, fitter.context)
    answer["item"] = found.described if found else None
    answer["sample"] = found is None or bool(answer.get("silent"))
    answer["model"] = engine.label if asks else ""
    return {**answer, **_measured(prompt, question, fitted, fitter.context)}


def _against_shipped(draft: Draft) -> dict[str, Any]:
    if not is_shipped(draft.name):
        return {"changed": True, "diff": []}
    shipped = load(draft.name)
    text = draft.text.replace("\r\n", "\n")
    return {
        "changed": hash_of(text, draft.examples) != shipped.hash,
        "diff": differences(shipped.text, text) if text != shipped.text else [],
    }


def _measured(prompt: Prompt, question: Question, fitted: Fitted, context: int | None) -> dict[str, Any]:
    before = len(prompt.parts) - 1
    examples = range(before, len(fitted.messages) - 1)
    return {
        "messages": [
            {"role": m["role"], "text": text_of(m), "example": place in examples}
            for place, m in enumerate(fitted.messages)
        ],
        "tokens": fitted.tokens,
        "static_tokens": tokens_of(fitted.messages[:-1]),
        "context": context,
        "max_tokens": fitted.max_tokens,
        "notes": list(fitted.notes),
        "cuts": [cut for cut in CUTS if cut in fitted.cuts],
        "fits": fitted.fits,
        "candidates": len(question.candidates),
        "shown": fitted.kept,
        "examples_shown": len(examples) // 2,
    }


@dataclass(frozen=True, slots=True)
class _Found:
    """The item that a draft is drawn for, and where it stands in its corpus."""

    corpus: Corpus
    item: TaggableItem
    described: dict[str, Any]


def _item(database: Database, draft: Draft) -> _Found:
    with database.read() as connection:
        corpus = find_corpus(connection, draft.corpus)
        live = (item.c.corpus == corpus.pk, item.c.deleted == 0)
        row = find_item(connection, draft.item) if draft.item else None
        if row is not None and row.corpus != corpus.pk:
            corpus = corpus_by_pk(connection, row.corpus)
            live = (item.c.corpus == corpus.pk, item.c.deleted == 0)
        if row is None or draft.step:
            at = row.pk if row is not None else 0
            behind = draft.step >= 0
            query = select(item).where(*live, item.c.pk > at if behind else item.c.pk < at)
            near = connection.execute(query.order_by(item.c.pk if behind else item.c.pk.desc()).limit(1)).first()
            row = near or row
        if row is None:
            raise InvalidInput(f"“{corpus.name}” has no items.", "Import some first.")
        count = select(func.count()).select_from(item)
        position = connection.execute(count.where(*live, item.c.pk <= row.pk)).scalar_one()
        total = connection.execute(count.where(*live)).scalar_one()
    described = {"id": row.id, "title": row.title, "position": position, "of": total, "corpus": corpus.id}
    return _Found(corpus, TaggableItem(row.pk, row.id, row.title, clues_of(row.fields, corpus.roles)), described)


def _question(database: Database, host: Host, draft: Draft, kind: Kind, found: _Found | None) -> Question | None:
    """What would be asked; None for an item without text."""
    if found is None:
        return Question("", values=kind.samples())
    asked = draft.asked or {}
    use_case, language = str(asked.get("use_case") or ""), str(asked.get("language") or "")
    if draft.name == "free-tags":
        return free_tag_question(found.item, use_case=use_case, language=language)
    if not any(clue.text.strip() for clue in found.item.clues):
        return None
    from core.tagging.selective_llm import question_for

    top_k = asked.get("top_k")
    request = TagRequest(use_case=" ".join(use_case.split()), top_k=top_k if type(top_k) is int else 8)
    return question_for(request, found.item, _finder(database, host, found.corpus).candidates([found.item])[0])


_finders: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = threading.Lock()


def _finder(database: Database, host: Host, corpus: Corpus) -> Any:
    """What finds candidates for items of a corpus, as a run would; kept while the vocabulary and the reviewed items
    stay what they are.

    Raises:
        InvalidInput: the vocabulary is empty.
    """
    from core.tagging.reviewed import read_reviewed, with_vectors
    from core.tagging.selective import SelectiveTagger
    from core.tagging.selective_llm import SelectiveLLM

    with database.read() as connection:
        newest = connection.execute(select(func.coalesce(func.max(decision.c.seq), 0))).scalar_one()
        key = (str(database.engine.url), database.schema, corpus.id, revision(connection), newest)
    with _lock:  # two drafts at once must not both prepare one
        if key not in _finders:
            entries = tag_entries(database)
            tagger = SelectiveTagger(entries, cached_encoder(host.settings))
            tagger.prepare([each.clues for each in sample_items(database, corpus, SAMPLE)])
            tags = read_reviewed(database, corpus, {tag.id for tag in entries})
            reviewed = with_vectors(database, corpus, tags, tagger.encoder)
            _finders[key] = SelectiveLLM(TagRequest(), tagger, reviewed, load("select-tags"))
        _finders.move_to_end(key)
        while len(_finders) > KEPT_FINDERS:
            _finders.popitem(last=False)
        return _finders[key]
