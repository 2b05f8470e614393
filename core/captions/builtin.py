"""Captions by the builtin writer, judged and ranked as a model's are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from core.captions.candidates import Candidate, Openers, ranked
from core.captions.cooccurrence import Counts, predict
from core.captions.items import MusicReader
from core.captions.music_llm import Judge, Unit, caption_of, nothing_to_say
from core.captions.projection import Caption
from core.captions.replies import new_to
from core.captions.request import MOST_ROUNDS, CaptionRequest
from core.captions.tags import TagSet
from core.captions.writer import write
from core.store.runs import Answer
from core.tagging.selective_run import write_whole

LEARNED_FROM = 50_000  # items whose tag sets say what goes with what
PREDICTING = "attribute_prediction"


class BuiltinWriter:
    """Writes captions without a model.

    Args:
        counts: which tags go together, for attribute prediction; None: nothing is predicted.
    """

    def __init__(
        self,
        request: CaptionRequest,
        judge: Judge,
        counts: Counts | None = None,
        openers: Mapping[str, Openers] | None = None,
    ) -> None:
        self.request = request
        self.judge = judge
        self.counts = counts
        self.openers = openers or {}

    def caption(self, unit: Unit) -> Caption:
        """A caption, or why there is none; an item that cannot be written about fails alone."""
        silent = nothing_to_say(unit)
        if silent is not None:
            return silent
        try:
            best = self.candidates(unit)
        except (ValueError, ArithmeticError, LookupError) as error:
            sentence = f"{type(error).__name__}: {error}"[:500]
            return Caption(unit.style, Answer(unit.item.pk, "failed", sentence), reasons=[sentence])
        return caption_of(unit, best, self.openers.get(unit.style))

    def candidates(self, unit: Unit) -> list[Candidate]:
        """Several ways to write a caption, the best first. Where all of them fail, further ways are tried, as often as
        the reasons of a model's caption would be fed back."""
        predicted = self.predicted(unit.item.tags) if unit.style == PREDICTING else ()
        fed_back = unit.earlier is not None
        last = unit.first + self.request.candidates
        found = [self._written(unit, n, predicted, unit.rounds + fed_back) for n in range(unit.first, last)]
        best = ranked(found, self.openers.get(unit.style))
        for again in range(1, unit.rounds_left(self.request.retry_failing) - fed_back + 1):
            if best[0].verdict != "fail":
                break
            rounds = unit.rounds + fed_back + again
            found.append(self._written(unit, last + again - 1, predicted, rounds))
            best = ranked(found, self.openers.get(unit.style))
        return best

    def predicted(self, tags: TagSet) -> tuple[str, ...]:
        """Tags that go with these in the corpus."""
        return new_to(predict(tags, self.counts), tags) if self.counts is not None else ()

    def _written(self, unit: Unit, variant: int, predicted: tuple[str, ...], rounds: int) -> Candidate:
        tags = unit.item.tags
        text = write(tags, unit.style, variant=variant, predicted=predicted)
        checks = self.judge.check(text, tags, unit.style, predicted)
        return Candidate(text, checks, predicted, variant, min(rounds, MOST_ROUNDS))


def learned_from(reader: MusicReader, folder: Path | None = None, most: int = LEARNED_FROM) -> Counts:
    """What goes with what in a corpus, from its own tag sets.

    Args:
        most: items to look at.
        folder: of a job, where it is kept, so that a resumed job predicts as it began to.
    """
    stored = None if folder is None else folder / "cooccurrence.json"
    if stored is not None and stored.exists():
        return Counts.from_json(orjson.loads(stored.read_bytes()))
    counts = Counts.of(each.tags for each in reader.sample(most))
    if stored is not None:
        write_whole(stored, orjson.dumps(counts.to_json()))
    return counts
