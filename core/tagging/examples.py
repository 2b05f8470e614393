"""Items that people have reviewed, as examples for a model: the question as it would be asked, the accepted tags as the
answer. Nothing that a model said and nobody looked at ever becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from core.corpora.browsing import find_item
from core.corpora.catalog import corpus_by_pk
from core.corpora.clues import Clue, clues_of
from core.engines.prompting.fitting import candidate_lines
from core.engines.prompting.prompt_kinds import kind_of
from core.engines.prompting.prompts import Example
from core.engines.prompting.quoting import item_data, neutral
from core.errors import InvalidInput
from core.review.decisions import load_states
from core.review.suggestions import suggestions_of
from core.store.database import Database
from core.store.schema import STATUS_CODE
from core.tagging.quotes import places_of_name
from core.tagging.request import tag_entries
from core.tagging.selective_llm import candidate_of
from core.vocabulary.entries import TagEntry

LONGEST_FIELD = 1200  # characters of one field in an example: it shows how, it need not say all
CANDIDATES = 16  # that an example for choosing shows
QUOTED_WORDS = 8


def example_of(database: Database, name: str, item_id: str) -> Example:
    """A reviewed item as an example for the prompt `name`.

    Raises:
        NotFound: there is no such item.
        InvalidInput: nobody has finished reviewing it, it has no text, or the prompt takes no examples.
    """
    kind = kind_of(name)
    if kind is None or not kind.examples:
        raise InvalidInput(f"Prompts like “{name}” take no examples.", "Choose another prompt.")
    entries = {int(entry.id): entry for entry in tag_entries(database, needed=False)}
    with database.read() as connection:
        row = find_item(connection, item_id)
        corpus = corpus_by_pk(connection, row.corpus)
        state = load_states(connection, {row.pk: row.status})[row.pk]
        suggested = suggestions_of(connection, [row.pk]).get(row.pk, [])
    if row.deleted or row.status != STATUS_CODE["done"]:
        raise InvalidInput(
            f"“{row.title[:80]}” has not been reviewed.",
            "Only items that a person has finished reviewing can be examples.",
        )
    clues = [clue for clue in clues_of(row.fields, corpus.roles) if clue.text.strip()]
    if not clues:
        raise InvalidInput(f"“{row.title[:80]}” has no text.", "Choose another item.")
    fields = [(clue.field, clue.text) for clue in clues]
    item, marker = item_data(fields, LONGEST_FIELD)
    values, accepted = {"item": item, "marker": marker}, [entries[tag] for tag in state.accepted if tag in entries]
    if name == "select-tags":
        shown = _choice(accepted, [*state.rejected], suggested, entries)
        values["candidates"] = candidate_lines(tuple(candidate_of(tag) for tag in shown))
        texts = orjson.loads(item)
        said: list[Any] = [{"tag": tag.name, "quote": _quote(tag, clues, texts, suggested)} for tag in accepted]
    else:
        said = [tag.name for tag in accepted]
    answer = orjson.dumps({"tags": said}).decode()
    return Example(row.id, row.title[:200], values, answer, item_data(fields)[1])


def _choice(
    accepted: list[TagEntry], rejected: list[int], suggested: list[dict[str, Any]], entries: dict[int, TagEntry]
) -> list[TagEntry]:
    """The list that an example chooses from: the accepted tags, those that the person rejected, what the agents
    suggested beside, and tags from all over the vocabulary, so that not choosing is shown as well."""
    others = [*rejected, *(int(entry["tag"]) for entry in suggested if entry["tag"])]
    step = max(1, len(entries) // CANDIDATES)
    order = dict.fromkeys([*(int(tag.id) for tag in accepted), *others, *list(entries)[::step]])
    found = [entries[tag] for tag in order if tag in entries]
    return found[: max(CANDIDATES, len(accepted))]


def _quote(tag: TagEntry, clues: Sequence[Clue], shown: dict[str, str], suggested: list[dict[str, Any]]) -> str:
    """Words of the item that show why a tag fits: where it is named, what an agent found, else how the item begins."""
    texts = {clue.field: clue.text for clue in clues}
    places = places_of_name((tag.name, *tag.aliases), clues, 1)
    places += [e for entry in suggested if entry["tag"] == tag.id for e in entry["evidence"]]
    for place in places:
        words = _around(texts.get(place["field"], ""), place["start"], place["end"])
        if words and any(words in text for text in shown.values()):
            return words
    return " ".join(neutral(clues[0].text)[:400].split()[:QUOTED_WORDS])


def _around(text: str, start: int, end: int) -> str:
    """The words from `start`, with those before and behind, QUOTED_WORDS in all."""
    if not 0 <= start < end <= len(text):
        return ""
    left, right = max(0, start - 24), min(len(text), max(end, start + 60))
    while left > 0 and not text[left - 1].isspace():
        left -= 1
    while right < len(text) and not text[right].isspace():
        right += 1
    piece = neutral(text[left:right]).split("\n")
    inner = max(piece, key=len).strip()
    return " ".join(inner.split(" ")[: QUOTED_WORDS * 2])
