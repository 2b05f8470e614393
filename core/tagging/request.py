"""What may be asked of a tagging run, checked; and the vocabulary as a tagger may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from core.engines.connecting.endpoints import ENGINES, EngineOptions
from core.errors import InvalidInput
from core.store.database import Database
from core.vocabulary.entries import TagEntry
from core.vocabulary.free_tags import MOST_SAMPLES
from core.vocabulary.store import all_tags

METHODS = ("selective", "generative")
LONGEST_USE_CASE = 400
MOST_DOLLARS = 1_000_000


@dataclass(frozen=True, slots=True)
class TagRequest:
    """A tagging run's parameters.

    Attributes:
        top_k: at most so many tags an item.
        threshold: selective: the least score; generative: how near in meaning a free tag must be to a tag of the
            vocabulary to count as that tag. None for the method's own.
        limit: only the first items; None for all.
        samples: how often a language model is asked about each item.
        use_case, language: what the tags are for, and the language of free tags; for language models.
        budget: US dollars at which the run stops; None for no limit. No part of what the run says.
        batch: hand the questions in together (/v1/batches) and fetch the answers later.
    """

    method: str = "selective"
    engine: EngineOptions = field(default_factory=EngineOptions)
    top_k: int = 8
    threshold: float | None = None
    limit: int | None = None
    samples: int = 1
    use_case: str = ""
    language: str = ""
    budget: Decimal | None = None
    batch: bool = False

    @property
    def by_model(self) -> bool:
        """True where a language model answers."""
        return self.engine.engine != "builtin"

    def parameters(self) -> dict[str, Any]:
        """What a run's recipe keeps beside method, engine and model."""
        plain = {"top_k": self.top_k, "threshold": self.threshold, "limit": self.limit}
        if not self.by_model:
            return plain
        asked = {"samples": self.samples, "use_case": self.use_case, "language": self.language}
        return {**plain, **asked, "base_url": self.engine.base_url}

    @property
    def title(self) -> str:
        return f"{self.method}, {self.engine.model if self.by_model else 'builtin'}"


def check_request(arguments: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a tagging request as a job's arguments carry them, checked; the engine by name only.

    Returns:
        {method, engine, top_k, threshold (None: the method's own), limit, samples, use_case, language, and where they
        are given: budget (as text), batch}

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    method, engine = arguments.get("method") or "selective", arguments.get("engine") or "builtin"
    top_k, threshold, limit = arguments.get("top_k"), arguments.get("threshold"), arguments.get("limit")
    samples = arguments.get("samples")
    top_k = 8 if top_k is None else top_k
    samples = 1 if samples is None else samples
    if method not in METHODS:
        raise InvalidInput(f"There is no method “{method}”.", f"Methods: {', '.join(METHODS)}.")
    if engine not in ENGINES:
        raise InvalidInput(f"There is no engine “{engine}”.", f"Engines: {', '.join(ENGINES)}.")
    if type(top_k) is not int or not 1 <= top_k <= 50:  # isinstance would take true for 1
        raise InvalidInput("The number of tags per item is from 1 to 50.", "Choose such a number.")
    if threshold is not None and not (type(threshold) in (int, float) and 0 <= threshold <= 1):
        raise InvalidInput("The least score is from 0 to 1.", "Choose such a number, or leave it out.")
    if limit is not None and not (type(limit) is int and limit >= 1):
        raise InvalidInput("The number of items is at least 1.", "Leave it out to tag all items.")
    if type(samples) is not int or not 1 <= samples <= MOST_SAMPLES:
        raise InvalidInput(f"The number of samples is from 1 to {MOST_SAMPLES}.", "Choose such a number.")
    texts = {}
    for name, most in (("use_case", LONGEST_USE_CASE), ("language", 60)):
        text = arguments.get(name) or ""
        if not isinstance(text, str) or len(text) > most:
            words = name.replace("_", " ")
            raise InvalidInput(f"The {words} has at most {most} characters.", "Shorten it, or leave it out.")
        texts[name] = " ".join(text.split())
    plain = {"method": method, "engine": engine, "top_k": top_k, "threshold": threshold, "limit": limit}
    return {**plain, "samples": samples, **texts, **money_of(arguments, engine)}


def money_of(arguments: dict[str, Any], engine: str) -> dict[str, Any]:
    """{budget (as text), batch} of a request, where they are given.

    Raises:
        InvalidInput: one of them is no such thing.
    """
    found: dict[str, Any] = {}
    budget, batch = arguments.get("budget"), arguments.get("batch") or False
    if budget not in (None, ""):
        try:
            amount = Decimal(str(budget)) if not isinstance(budget, bool) else Decimal("nan")
        except InvalidOperation:
            amount = Decimal("nan")
        if not (amount.is_finite() and 0 < amount <= MOST_DOLLARS):
            raise InvalidInput(
                f"“{str(budget)[:40]}” is no amount of US dollars to stop at.", "For example 0.50; empty for no limit."
            )
        found["budget"] = format(amount, "f")
    if type(batch) is not bool:
        raise InvalidInput("Whether to hand in a batch is yes or no.", "Reload the page.")
    if engine == "openai" and batch:
        found["batch"] = True
    return found


def request_of(arguments: dict[str, Any]) -> TagRequest:
    """The request that a job's arguments carry, with the engine's address and model.

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    checked = check_request(arguments)
    if "budget" in checked:
        checked["budget"] = Decimal(checked["budget"])
    checked["engine"] = EngineOptions.from_arguments(arguments) if checked["engine"] != "builtin" else EngineOptions()
    return TagRequest(**checked)


def tag_entries(database: Database, needed: bool = True) -> list[TagEntry]:
    """The active vocabulary as a tagger may see it.

    Args:
        needed: whether an empty vocabulary is an error.

    Raises:
        InvalidInput: it is empty.
    """
    with database.read() as connection:
        tags = all_tags(connection)
    if not tags and needed:
        raise InvalidInput(
            "The vocabulary is empty: there is nothing to choose from.",
            "Import a vocabulary first, take a corpus' gold tags, or build one; generative tagging needs none.",
        )
    return [TagEntry(str(tag.id), tag.name, tag.aliases, tag.description) for tag in tags]
