"""Selective tagging by a language model: a short list of candidates is found here, the model chooses from it.

Candidates come from every clue field by the builtin tagger (embedding, words, like items) and from the accepted tags
of reviewed items like this one. A tag outside the list cannot come back: an answer is read as names of the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from core.corpora.clues import TaggableItem
from core.engines.answers.parsing import parse_choices
from core.engines.calls import Call, Check, Reply, flags_of
from core.engines.prompting.fitting import Candidate, Fitter, Question, request_of
from core.engines.prompting.prompts import Prompt
from core.store.runs import Answer
from core.tagging.job import TagRun
from core.tagging.llm import Asked, state_of
from core.tagging.prepared import candidate_sample, candidate_tagger
from core.tagging.quotes import place_of_quote, places_of_name
from core.tagging.request import TagRequest
from core.tagging.reviewed import ReviewedItems, read_reviewed, with_vectors
from core.tagging.selective import SelectiveTagger
from core.tagging.selective_run import write_whole
from core.vocabulary.entries import TagEntry
from core.vocabulary.free_tags import VARIED
from core.vocabulary.names import name_key
from core.vocabulary.stems import singular

PROMPT = "select-tags"
CANDIDATES = 40
OF_ITEM = 26  # candidates that the whole item brings
OF_FIELD = 6  # that each field alone brings
OF_REVIEWED = 8
FIELDS = 6
LEAST_ASKED = 8  # tags asked for at most, unless more are wanted: what is shown may change without asking again
INVENTED = 0.8  # factor of the score of a tag whose quote the item does not hold
BATCH = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """The candidates of an item: the most likely first, and how the builtin tagger scores them (0 where it did not)."""

    tags: tuple[TagEntry, ...]
    scores: dict[str, float]

    def meant(self, said: str) -> TagEntry | None:
        """The candidate that a model names, by its name, alias or plural; None for anything else."""
        return self._names().get(name_key(said)) or self._names().get(_folded(said))

    def _names(self) -> dict[str, TagEntry]:
        names: dict[str, TagEntry] = {}
        for fold in (name_key, _folded):
            for tag in self.tags:
                names.setdefault(fold(tag.name), tag)
            for tag in self.tags:
                for alias in tag.aliases:
                    names.setdefault(fold(alias), tag)
        return names


def _folded(name: str) -> str:
    return " ".join(singular(word) for word in name_key(name).replace("-", " ").replace("_", " ").split())


class SelectiveLLM:
    """Asks which tags of a short list fit an item.

    Args:
        tagger: the builtin tagger, prepared on the corpus.
        reviewed: reviewed items with their accepted tags.
        prompt: as the run began with it.
        fitter: knows how much the model can read.
    """

    def __init__(
        self,
        request: TagRequest,
        tagger: SelectiveTagger,
        reviewed: ReviewedItems,
        prompt: Prompt,
        fitter: Fitter | None = None,
    ) -> None:
        self.request = request
        self.prompt = prompt
        self.fitter = fitter or Fitter()
        self._tagger = tagger
        self._reviewed = reviewed
        self._entries = {tag.id: tag for tag in tagger.tags}
        self._shown: dict[int, Shown] = {}

    def calls(self, items: Iterable[TaggableItem]) -> Iterator[Call]:
        """See `Method.calls`."""
        source = iter(items)
        while batch := list(islice(source, BATCH)):
            for item, shown in zip(batch, self.candidates(batch), strict=True):
                fitted = self.fitter.fit(self.prompt, question_for(self.request, item, shown))
                # only what the model was shown can come back
                shown = self._shown[item.pk] = Shown(shown.tags[: fitted.kept], shown.scores)
                for sample in range(self.request.samples):
                    request = request_of(self.prompt, fitted, VARIED if sample else 0.0, sample)
                    yield Call((item.pk, sample), request, _check(shown), fitted.flags)

    def candidates(self, items: Sequence[TaggableItem]) -> list[Shown]:
        """The candidates of each item, at most CANDIDATES, the most likely first."""
        whole = self._tagger.tag([i.clues for i in items], top_k=OF_ITEM, threshold=0)
        fields = [(place, clue) for place, i in enumerate(items) for clue in i.clues[:FIELDS] if clue.text.strip()]
        # a field that drowns in the others is asked alone: a long body must not hide what the title says
        alone = self._tagger.tag([(clue,) for _, clue in fields], top_k=OF_FIELD, threshold=0)
        near = self._reviewed.near(items, self._tagger.encoder)
        found = []
        for place in range(len(items)):
            scores = {s.tag_id: s.score for s in whole[place]}
            order = [s.tag_id for s in whole[place]]
            of_fields = [
                s.tag_id for (owner, _), said in zip(fields, alone, strict=True) if owner == place for s in said
            ]
            chosen = list(dict.fromkeys([*near[place][:OF_REVIEWED], *order[: OF_ITEM // 2], *of_fields, *order]))
            tags = [self._entries[tag] for tag in chosen[:CANDIDATES] if tag in self._entries]
            found.append(Shown(tuple(tags), scores))
        return found

    def answers(self, asked: list[Asked]) -> list[Answer]:
        """See `Method.answers`."""
        return [self._answer(each, self._shown.pop(each.item.pk)) for each in asked]

    def _answer(self, asked: Asked, shown: Shown) -> Answer:
        votes: dict[str, list[tuple[int, str, int]]] = {}  # tag → (position, quote, reply)
        usable, refused, problems = 0, 0, []
        odd: list[str] = []
        for outcome in asked.outcomes:
            if outcome.reply is None:
                refused += outcome.error is not None and outcome.error.kind == "refused"
                continue
            problem = _problem(outcome.reply, shown)
            parsed = parse_choices(outcome.reply.text, outcome.reply.finish_reason)
            odd += parsed.flags
            if parsed.refused or outcome.reply.refusal:
                refused += 1
            elif problem is not None:
                problems.append(problem)
            else:
                usable += 1
                said: set[str] = set()
                for position, choice in enumerate(parsed.choices):
                    tag = shown.meant(choice.tag)
                    if tag is not None and tag.id not in said:
                        said.add(tag.id)
                        votes.setdefault(tag.id, []).append((position, choice.quote, outcome.reply.id))
        state, error = state_of(asked, usable, refused, problems)
        rows = [self._row(asked.item, self._entries[tag], found, usable, shown) for tag, found in votes.items()]
        least = self.request.threshold or 0.0
        rows = sorted((r for r in rows if r["score"] >= least), key=lambda r: (-r["score"], r.pop("order"), r["tag"]))
        rows = rows[: self.request.top_k]
        for rank, row in enumerate(rows, start=1):
            row["rank"] = rank
            row.pop("order", None)
        kept = rows if state == "ok" else []
        return Answer(asked.item.pk, state, error, kept, asked.replies, flags_of(asked.outcomes, odd))

    def _row(
        self, item: TaggableItem, tag: TagEntry, found: list[tuple[int, str, int]], samples: int, shown: Shown
    ) -> dict[str, Any]:
        """A suggestion. The score is the share of votes, with the builtin tagger's score as one vote more; a quote
        that the item does not hold takes a fifth away."""
        evidence = []
        for _, quote, _ in found:
            place = place_of_quote(quote, item.clues) if quote else None
            if place is not None and place not in evidence:
                evidence.append(place)
        invented = any(quote for _, quote, _ in found) and not evidence
        evidence += places_of_name((tag.name, *tag.aliases), item.clues)
        score = (len(found) + shown.scores.get(tag.id, 0.0)) / (samples + 1) * (INVENTED if invented else 1.0)
        detail = {"votes": len(found), "samples": samples, **({"quote_not_found": True} if invented else {})}
        return {
            "field": "tags",
            "tag": int(tag.id),
            "score": round(score, 6),
            "evidence": orjson.dumps(evidence[:3]).decode(),
            "validity": "valid",
            "reply": found[0][2],
            "detail": orjson.dumps(detail).decode(),
            "order": min(position for position, _, _ in found),
        }


def question_for(request: TagRequest, item: TaggableItem, shown: Shown) -> Question:
    """What is asked about an item."""
    return Question(
        item.id,
        tuple((clue.field, clue.text) for clue in item.clues if clue.text.strip()),
        tuple(candidate_of(tag) for tag in shown.tags),
        {"count": max(LEAST_ASKED, request.top_k), "use_case": request.use_case},
    )


def candidate_of(tag: TagEntry) -> Candidate:
    """A tag as a model may choose it: with its description, else its aliases."""
    return Candidate(tag.name, tag.description or (f"also: {', '.join(tag.aliases[:4])}" if tag.aliases else ""))


def _check(shown: Shown) -> Check:
    return lambda reply: _problem(reply, shown)


def _problem(reply: Reply, shown: Shown) -> str | None:
    """Why an answer cannot be used; None for usable ones and refusals."""
    if reply.refusal:
        return None
    parsed = parse_choices(reply.text, reply.finish_reason)
    if parsed.refused:
        return None
    if parsed.problem is not None:
        return parsed.problem
    if parsed.choices and not any(shown.meant(choice.tag) for choice in parsed.choices):
        return "none of its tags stands in the list; copy tags from the list exactly, or answer with an empty list."
    return None


def _tagger(run: TagRun) -> SelectiveTagger:
    """What finds the candidates, as it was when the run began."""
    stored = run.job.folder / "tagger.json"
    if stored.exists():
        return SelectiveTagger.from_state(orjson.loads(stored.read_bytes()), run.encoder)
    sample = candidate_sample(run.database, run.corpus)
    run.job.log(f"Reading how {len(sample)} items of “{run.corpus.name}” speak")
    tagger = candidate_tagger(run.job.host, sample, run.entries, run.encoder, progress=run.report)
    assert tagger is not None
    write_whole(stored, orjson.dumps(tagger.state()))
    return tagger


def prepared_method(run: TagRun, prompt: Prompt, fitter: Fitter) -> SelectiveLLM:
    """The method for a run. Which reviewed items it learned from is stored with the job, so that a resumed run asks
    the same questions, and pays for none of them again."""
    tagger = _tagger(run)
    stored = run.job.folder / "reviewed.json"
    if stored.exists():
        tags = {int(pk): ids for pk, ids in orjson.loads(stored.read_bytes()).items()}
    else:
        tags = read_reviewed(run.database, run.corpus, {tag.id for tag in run.entries})
        write_whole(stored, orjson.dumps({str(pk): ids for pk, ids in tags.items()}))
    if tags:
        run.job.log(f"{len(tags)} reviewed items show which tags go with which texts")
    reviewed = with_vectors(run.database, run.corpus, tags, tagger.encoder)
    return SelectiveLLM(run.request, tagger, reviewed, prompt, fitter)
