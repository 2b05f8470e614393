"""Generative tagging by a language model: it writes tags freely, several times if wanted; what the samples say is
counted, and matched to the vocabulary afterwards. Matching can be changed without asking again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core.corpora.clues import TaggableItem
from core.embedding.vectors import TextEncoder
from core.engines.calls import Call, flags_of
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompts import Prompt
from core.store.runs import Answer
from core.tagging.generative import FreeTag, rows_from_free_tags
from core.tagging.llm import Asked, state_of
from core.tagging.quotes import places_of_name
from core.tagging.request import TagRequest
from core.vocabulary.entries import TagEntry
from core.vocabulary.free_tags import free_tag_calls, read_free_tags
from core.vocabulary.matching import MEANING, TagMatcher, word_form
from core.vocabulary.names import name_key

LATER = 0.5  # what the last tag of a list has lost against the first one


class GenerativeLLM:
    """Asks for free tags.

    Args:
        prompt: as the run began with it; None where answers of somebody else are read and nothing is asked.
        fitter: knows how much the model can read.
    """

    def __init__(
        self,
        request: TagRequest,
        entries: Sequence[TagEntry],
        encoder: TextEncoder,
        prompt: Prompt | None = None,
        fitter: Fitter | None = None,
    ) -> None:
        self.request = request
        self.prompt = prompt
        self.fitter = fitter or Fitter()
        self._names = {tag.id: tag.name for tag in entries}
        self._matcher = TagMatcher(entries, encoder, MEANING if request.threshold is None else request.threshold)

    def calls(self, items: Iterable[TaggableItem]) -> Iterator[Call]:
        """See `Method.calls`."""
        request = self.request
        assert self.prompt is not None
        return free_tag_calls(
            items,
            self.prompt,
            request.samples,
            use_case=request.use_case,
            language=request.language,
            fitter=self.fitter,
        )

    def answers(self, asked: list[Asked]) -> list[Answer]:
        """See `Method.answers`."""
        read = [_read(each) for each in asked]
        self._matcher.match([tag.text for said, *_ in read for tag in said])  # together: the encoder likes batches
        return [self._answer(each, *found) for each, found in zip(asked, read, strict=True)]

    def _answer(
        self, asked: Asked, said: list[FreeTag], first_reply: dict[str, int], state: str, error: str | None
    ) -> Answer:
        rows: list[dict[str, Any]] = []
        if state == "ok":
            rows = rows_from_free_tags(said, self._matcher, self._names, self.request.top_k)
            for row in rows:
                row["reply"] = first_reply.get(merge_key(str(row["value"])))
        return Answer(asked.item.pk, state, error, rows, asked.replies, flags_of(asked.outcomes, _odd(asked)))


def _odd(asked: Asked) -> list[str]:
    """What was odd in reading the answers."""
    return [flag for outcome in asked.outcomes for flag in read_free_tags(outcome).flags]


def merge_key(text: str) -> str:
    """What makes two free tags the same in counting votes: case, width, hyphens and English plurals do not count."""
    return word_form(text) or name_key(text)


def _read(asked: Asked) -> tuple[list[FreeTag], dict[str, int], str, str | None]:
    """(free tags with votes, the most voted first; the reply that first said each; state; error) of an item."""
    places: dict[str, dict[int, float]] = {}
    spelled: dict[str, dict[str, int]] = {}
    first_reply: dict[str, int] = {}
    usable, refused, problems = 0, 0, []
    for outcome in asked.outcomes:
        parsed = read_free_tags(outcome)
        if parsed.refused:
            refused += 1
        elif outcome.reply is None:
            continue
        elif parsed.problem is not None:
            problems.append(parsed.problem)
        else:
            usable += 1
            seen: set[str] = set()
            for position, tag in enumerate(parsed.tags):
                key = merge_key(tag)
                if key in seen:
                    continue
                seen.add(key)
                weight = 1 - LATER * position / max(1, len(parsed.tags))
                places.setdefault(key, {})[outcome.call.request.sample] = weight
                spellings = spelled.setdefault(key, {})
                spellings[tag] = spellings.get(tag, 0) + 1
                first_reply.setdefault(key, outcome.reply.id)
    state, error = state_of(asked, usable, refused, problems)
    free = []
    for key, weights in places.items():
        text = max(spelled[key], key=lambda t: (spelled[key][t], -list(spelled[key]).index(t)))
        evidence = places_of_name((text,), asked.item.clues)
        score = round(sum(weights.values()) / usable, 6)
        free.append(FreeTag(text, len(weights), usable, score, evidence, frozenset(weights)))
    free.sort(key=lambda tag: (-tag.score, tag.text))
    return free, first_reply, state, error
