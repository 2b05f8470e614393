"""Several captions of one style for one piece: checked, and the best one first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from core.captions.checks import CheckResult
from core.captions.styles import field_of

MOST_KEPT = 5  # captions of one style and item that a run keeps
OFTEN = 0.05  # share of a run's captions that may begin alike before another beginning is preferred
OPENER = 2  # words
NAMELESS = "It names an artist, a title or somebody else; name nobody and nothing"
_VERDICTS = {"pass": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A caption that was written, with what the checks say.

    Attributes:
        variant: which of the builtin writer's ways, or a model's sample.
        rounds: how often the reasons of failed checks were fed back before it.
        reply: the stored answer that it was read from.
    """

    text: str
    checks: CheckResult
    predicted: tuple[str, ...] = ()
    variant: int = 0
    rounds: int = 0
    reply: int | None = None

    @property
    def verdict(self) -> str:
        return self.checks.verdict

    @property
    def reasons(self) -> list[str]:
        """Codes of what the checks found, each once."""
        return list(dict.fromkeys(reason.code for reason in self.checks.reasons))

    @property
    def share(self) -> float:
        """Share of the tags that the caption says."""
        said = [how for _, how in self.checks.coverage]
        return sum(how != "missing" for how in said) / len(said) if said else 1.0

    def complaint(self) -> str:
        """What made it fail, for whoever writes it anew."""
        return complaint((reason.code, reason.message) for reason in self.checks.reasons if reason.level == "fail")

    def row(self, style: str, rank: int) -> dict[str, Any]:
        """As the store has it."""
        detail = {
            "checks": self.checks.as_dict(),
            "predicted": list(self.predicted),
            "variant": self.variant,
            "rounds": self.rounds,
        }
        return {
            "field": field_of(style),
            "tag": None,
            "value": self.text,
            "score": round(self.share, 6),
            "rank": rank,
            "evidence": "[]",
            "validity": "valid",
            "reply": self.reply,
            "detail": orjson.dumps(detail).decode(),
        }

    def shown(self) -> dict[str, Any]:
        """As a trial shows it."""
        return {"text": self.text, "predicted": list(self.predicted), "checks": self.checks.as_dict()}


def complaint(reasons: Iterable[tuple[str, str]]) -> str:
    """What is wrong with a caption, as a model is told. That a name stands in it is said without the name: titles and
    artists are never sent.

    Args:
        reasons: (code, message) of the checks.
    """
    sentences = (NAMELESS if code == "name_leak" else message.rstrip(". ") for code, message in reasons)
    return f"it does not keep to the tags. {'. '.join(dict.fromkeys(sentences))}."


class Openers:
    """How the captions of a run begin. Captions of the same words count once: equal tags have equal captions."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._seen: set[bytes] = set()
        for text in texts:
            self.note(text)

    def note(self, text: str) -> None:
        """A caption that was chosen."""
        mark = blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
        if mark not in self._seen:
            self._seen.add(mark)
            self._counts[opener(text)] += 1

    def often(self, text: str) -> bool:
        """Whether too many captions begin as this one does."""
        return self._counts[opener(text)] > max(1, OFTEN * len(self._seen))

    def count(self, text: str) -> int:
        """How many captions begin as this one does."""
        return self._counts[opener(text)]


def opener(text: str) -> str:
    """The first words of a caption."""
    return " ".join(text.casefold().split()[:OPENER]).rstrip(",.;:!?")


def ranked(candidates: Iterable[Candidate], openers: Openers | None = None) -> list[Candidate]:
    """The candidates, each text once, the best first: by what the checks say, then by how much of the tags is said,
    then those that do not begin as many others do, then the shorter."""
    once: dict[str, Candidate] = {}
    for each in candidates:
        once.setdefault(each.text, each)
    places = {text: place for place, text in enumerate(once)}

    def worth(candidate: Candidate) -> tuple[Any, ...]:
        failed = sum(reason.level == "fail" for reason in candidate.checks.reasons)
        doubted = len(candidate.checks.reasons) - failed
        worn = openers.count(candidate.text) if openers is not None and openers.often(candidate.text) else 0
        order = (_VERDICTS.get(candidate.verdict, 1), failed, -round(candidate.share, 3), bool(worn))
        return (*order, doubted, worn, len(candidate.text.split()) // 10, places[candidate.text])

    return sorted(once.values(), key=worth)
