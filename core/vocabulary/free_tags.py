"""Free tags by a language model: the questions, and what the answers say.

The building of a vocabulary and the generative tagger ask the same questions, so that the second of them is answered
from what the first one paid for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from core.corpora.clues import TaggableItem
from core.engines.answers.answering import Doubt
from core.engines.answers.language import mismatch
from core.engines.answers.parsing import ParsedTags, parse_tags
from core.engines.calls import Call, Outcome, Reply
from core.engines.prompting.fitting import Fitter, Question, request_of
from core.engines.prompting.prompts import Prompt
from core.vocabulary.cleaning import looks_like_refusal

PROMPT = "free-tags"
COUNT = 8  # tags asked for: the same for everybody, however many are shown later
VARIED = 0.8  # temperature of the second and later samples; the first is the model's surest answer
MOST_SAMPLES = 9
OTHER_LANGUAGE = "language"  # the flag of an answer in another language than the one asked for
LONGEST_REFUSAL = 400  # characters of an answer in which a refusal is looked for


def free_tag_calls(
    items: Iterable[TaggableItem],
    prompt: Prompt,
    samples: int = 1,
    *,
    use_case: str = "",
    language: str = "",
    count: int = COUNT,
    fitter: Fitter | None = None,
) -> Iterator[Call]:
    """The questions for items, `samples` each, under the key (item's pk, sample); items without text have none.

    Args:
        prompt: as the run began with it (`core.engines.prompting.prompt_copies.of_job`).
        use_case: what the tags are for, a sentence; part of the question, as the language is.
        fitter: knows how much the model can read.
    """
    fitter = fitter or Fitter()
    check = problem_of if not language.strip() else partial(_problem_in, language)
    for item in items:
        question = free_tag_question(item, use_case=use_case, language=language, count=count)
        if question is None:
            continue
        fitted = fitter.fit(prompt, question)
        for sample in range(samples):
            request = request_of(prompt, fitted, VARIED if sample else 0.0, sample)
            yield Call((item.pk, sample), request, check, fitted.flags)


def free_tag_question(
    item: TaggableItem, *, use_case: str = "", language: str = "", count: int = COUNT
) -> Question | None:
    """What is asked about an item; None for one without text."""
    fields = tuple((clue.field, clue.text) for clue in item.clues if clue.text.strip())
    if not fields:
        return None
    values = {"count": count, "use_case": " ".join(use_case.split()), "language": " ".join(language.split())}
    return Question(item.id, fields, values=values)


def problem_of(reply: Reply) -> str | None:
    """Why an answer cannot be used, for asking once more; None for usable ones and for refusals."""
    return _read(reply).problem


def _problem_in(language: str, reply: Reply) -> str | None:
    """As `problem_of`; tags in another language than the one asked for are worth asking once more. Where that does not
    help they stay, with the flag OTHER_LANGUAGE."""
    read = _read(reply)
    if read.problem is not None or read.refused:
        return read.problem
    other = mismatch(", ".join(read.tags), language)
    return None if other is None else Doubt(other, OTHER_LANGUAGE)


def read_free_tags(outcome: Outcome) -> ParsedTags:
    """What an outcome says. A call that failed has no tags, with the fault as its problem."""
    if outcome.error is not None and outcome.error.kind == "refused":
        return ParsedTags(refused=True)
    if outcome.reply is None:
        return ParsedTags(problem=outcome.error.message if outcome.error else "There is no answer.")
    return _read(outcome.reply)


def _read(reply: Reply) -> ParsedTags:
    """An answer; what the vocabulary knows for a refusal is none of its tags."""
    if reply.refusal:
        return ParsedTags(refused=True)
    parsed = parse_tags(reply.text, reply.finish_reason)
    if parsed.problem is not None and looks_like_refusal(reply.text[:LONGEST_REFUSAL]):
        return ParsedTags(refused=True)
    kept = tuple(tag for tag in parsed.tags if not looks_like_refusal(tag))
    return ParsedTags(refused=True) if parsed.tags and not kept else replace(parsed, tags=kept)
