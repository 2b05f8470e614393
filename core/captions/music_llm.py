"""Captions by a language model: what is asked about a piece of music, and what the answers say.

The tags are put into the prompt as quoted data, in an order of their own that does not depend on the file: pieces with
the same tags are asked about in the same words, and the engine asks equal questions once. Titles, artists and captions
by others are not even read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from core.captions.candidates import MOST_KEPT, Candidate, Openers, ranked
from core.captions.checks import CheckOptions, CheckResult, check
from core.captions.items import NO_TAGS, MusicItem
from core.captions.names import NameIndex
from core.captions.projection import Caption
from core.captions.replies import ParsedAttributes, new_to, read_reply
from core.captions.request import MOST_ROUNDS, CaptionRequest, Controls
from core.captions.tags import FACETS, MusicTag, TagSet
from core.engines import replies
from core.engines.answers.answering import Doubt
from core.engines.answers.language import mismatch
from core.engines.calls import Call, Outcome, Reply, flags_of
from core.engines.prompting.fitting import Fitter, Question, request_of
from core.engines.prompting.prompts import Prompt
from core.engines.prompting.quoting import neutral, quoted
from core.store.database import Database
from core.store.runs import Answer
from core.tagging.asking import Asked, state_of

VARIED = 0.8  # temperature of the second and later candidates; the first is the model's surest answer
LONGEST_TAG = 120  # characters of a tag that a model is shown
OTHER_LANGUAGE = "language"  # flag of a caption in another language than the one asked for
FAILING = "failing"  # flag of a caption that fails its checks after all that was asked again


@dataclass(frozen=True, slots=True)
class Unit:
    """One caption to be written.

    Attributes:
        first: number of its first candidate: a model's sample, or the way in which the builtin writer writes.
        rounds: how often reasons were fed back for it before.
        earlier: the caption that failed, and what was wrong with it; None where none is to be improved.
    """

    item: MusicItem
    style: str
    first: int = 0
    rounds: int = 0
    earlier: tuple[str, str] | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.item.pk, self.style

    def rounds_left(self, wanted: int) -> int:
        """How often reasons may still be fed back."""
        return max(0, min(wanted, MOST_ROUNDS - self.rounds))


@dataclass(frozen=True, slots=True)
class Judge:
    """Checks captions as a run does."""

    names: NameIndex | None = None
    options: CheckOptions | None = None

    def check(self, text: str, tags: TagSet, style: str, predicted: Sequence[str]) -> CheckResult:
        return check(text, tags, style, names=self.names, predicted=predicted, options=self.options)


def nothing_to_say(unit: Unit) -> Caption | None:
    """The answer about an item without tags; None for all others."""
    if unit.item.tags.present or unit.item.tags.absent:
        return None
    return Caption(unit.style, Answer(unit.item.pk, "invalid", NO_TAGS), reasons=[NO_TAGS])


class MusicLLM:
    """Asks for captions; see `core.tagging.asking.Method`.

    Args:
        prompts: the prompt of each style, as the run began with it.
        fitter: knows how much the model can read.
    """

    def __init__(
        self,
        request: CaptionRequest,
        prompts: Mapping[str, Prompt],
        judge: Judge,
        database: Database,
        openers: Mapping[str, Openers] | None = None,
        fitter: Fitter | None = None,
    ) -> None:
        self.request = request
        self.prompts = prompts
        self.judge = judge
        self.database = database
        self.openers = openers or {}
        self.fitter = fitter or Fitter()

    def key(self, unit: Unit) -> Hashable:
        return unit.key

    def silent(self, unit: Unit) -> Caption | None:
        return nothing_to_say(unit)

    def calls(self, units: Iterable[Unit]) -> Iterator[Call]:
        """The questions about captions, one for each candidate, under ((item's pk, style), sample)."""
        for unit in units:
            if nothing_to_say(unit) is not None:
                continue
            prompt = self.prompts[unit.style]
            fitted = self.fitter.fit(prompt, question_for(unit, prompt, self.request.controls))
            rounds = unit.rounds_left(self.request.retry_failing)
            for sample in range(unit.first, unit.first + self.request.candidates):
                request = request_of(prompt, fitted, VARIED if sample else 0.0, sample)
                fed_back = unit.earlier is not None and rounds > 0
                if fed_back and unit.earlier is not None:
                    request = request.again(*unit.earlier)
                left = rounds - fed_back
                yield Call(
                    (unit.key, sample),
                    request,
                    _Check(self.judge, unit, left > 0, self.request.controls.language),
                    fitted.flags,
                    max(1, left),
                )

    def answers(self, asked: list[Asked]) -> list[Caption]:
        """What a run says of captions whose questions have all come back."""
        earlier = [id_ for each in asked for outcome in each.outcomes for id_ in outcome.replies]
        final = {o.reply.id for each in asked for o in each.outcomes if o.reply is not None}
        stored = replies.read(self.database, [id_ for id_ in earlier if id_ not in final])
        return [self._answer(each, stored) for each in asked]

    def _answer(self, asked: Asked, stored: Mapping[int, Reply]) -> Caption:
        unit: Unit = asked.item
        found: list[Candidate] = []
        read: list[ParsedAttributes] = []
        usable, refused, problems = 0, 0, list[str]()
        for outcome in asked.outcomes:
            last = read_reply(outcome.reply, unit.style) if outcome.reply is not None else _unanswered(outcome)
            read.append(last)
            said = self._candidates(unit, outcome, stored)
            if said:
                usable += 1
                found += said
            elif last.refused:
                refused += 1
            elif outcome.reply is not None:
                problems.append(last.problem or "it holds no caption.")
        state, error = state_of(asked, usable, refused, problems)
        flags = flags_of(asked.outcomes, (flag for each in read for flag in each.flags))
        best = ranked(found, self.openers.get(unit.style))
        if state != "ok" or not best:
            answer = Answer(unit.item.pk, state, error, replies=asked.replies, flags=flags)
            return Caption(unit.style, answer, reasons=[error or ""])
        return caption_of(unit, best, self.openers.get(unit.style), error, asked.replies, flags)

    def _candidates(self, unit: Unit, outcome: Outcome, stored: Mapping[int, Reply]) -> list[Candidate]:
        """Every caption among the answers to one question: what was asked again may have become worse."""
        wanted = unit.rounds_left(self.request.retry_failing)
        fed_back = int(unit.earlier is not None and wanted > 0)
        found: list[tuple[ParsedAttributes, tuple[str, ...], CheckResult, int]] = []
        for id_ in sorted(outcome.replies):
            final = outcome.reply is not None and outcome.reply.id == id_
            reply = outcome.reply if final else stored.get(id_)
            read = read_reply(reply, unit.style) if reply is not None else None
            if read is None or read.refused or read.problem is not None:
                continue
            predicted = new_to(read.predicted, unit.item.tags)
            checks = self.judge.check(read.caption, unit.item.tags, unit.style, predicted)
            found.append((read, predicted, checks, id_))
        failing = sum(checks.verdict == "fail" for _, _, checks, _ in found)
        rounds = unit.rounds + fed_back + min(failing, wanted - fed_back)
        sample = outcome.call.request.sample
        return [Candidate(read.caption, checks, said, sample, rounds, id_) for read, said, checks, id_ in found]


def caption_of(
    unit: Unit,
    best: Sequence[Candidate],
    openers: Openers | None,
    error: str | None = None,
    sources: Mapping[int, int] | None = None,
    flags: Sequence[str] = (),
) -> Caption:
    """What a run keeps of the candidates for a caption, the best one first."""
    if openers is not None:
        openers.note(best[0].text)
    rows = [candidate.row(unit.style, rank) for rank, candidate in enumerate(best[:MOST_KEPT], start=1)]
    answer = Answer(unit.item.pk, "ok", error, rows, dict(sources or {}), list(flags))
    return Caption(unit.style, answer, best[0].verdict, best[0].reasons)


@dataclass(frozen=True, slots=True)
class _Check:
    """Says whether an answer can be used; one that fails its checks is worth asking for once more, while there are
    rounds left."""

    judge: Judge
    unit: Unit
    strict: bool
    language: str = ""

    def __call__(self, reply: Reply) -> str | None:
        unit = self.unit
        read = read_reply(reply, unit.style)
        if read.refused or read.problem is not None:
            return read.problem
        other = mismatch(read.caption, self.language) if self.language else None
        if other is not None:
            return Doubt(other, OTHER_LANGUAGE)
        if not self.strict:
            return None
        predicted = new_to(read.predicted, unit.item.tags)
        checks = self.judge.check(read.caption, unit.item.tags, unit.style, predicted)
        if checks.verdict != "fail":
            return None
        return Doubt(Candidate(read.caption, checks).complaint(), FAILING)


def _unanswered(outcome: Outcome) -> ParsedAttributes:
    refused = outcome.error is not None and outcome.error.kind == "refused"
    return ParsedAttributes(refused=refused, problem=None if refused else "There is no answer.")


# the question


def question_for(unit: Unit, prompt: Prompt, controls: Controls) -> Question:
    """What is asked about a caption, for the prompt of its style."""
    present, absent = ordered(unit.item.tags.present), ordered(unit.item.tags.absent)
    shown = [_shown(tag.name) for tag in present]
    missing = [_shown(tag.name) for tag in absent]
    plain = shown
    if missing and not _names_absent(prompt):  # as tools do that know of present tags alone
        plain = [*shown, *(f"no {name}" for name in missing)]
    listed = orjson.dumps(plain).decode()
    named = orjson.dumps(missing).decode() if missing else ""
    values = {
        "tags": ", ".join(plain),
        "tag_list": listed,
        "absent": named,
        "count": len(plain),
        "marker": f"item-{sha256(f'{listed}{named}'.encode()).hexdigest()[:16]}",
        "length": controls.words or "",
        "tone": controls.tone_words,
        "tense": controls.tense,
        "language": controls.language,
        "banned": ", ".join(quoted(word) for word in controls.banned),
    }
    return Question(unit.item.id, values=values)


def ordered(tags: Sequence[MusicTag]) -> list[MusicTag]:
    """Tags in the one order that all pieces with the same tags share: by facet, then by name."""
    places = {facet: place for place, facet in enumerate(FACETS)}
    return sorted(tags, key=lambda tag: (places.get(tag.facet, len(places)), tag.name.casefold(), tag.name))


def _shown(name: str) -> str:
    """A tag in one line, without what could pass for marks of a chat."""
    return " ".join(neutral(name).split())[:LONGEST_TAG]


def _names_absent(prompt: Prompt) -> bool:
    return any(re.search(r"\babsent\b", mark) for _, source in prompt.parts for mark in _MARKS.findall(source))


_MARKS = re.compile(r"\{[{%].*?[%}]\}", re.S)
