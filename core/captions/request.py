"""What may be asked of a run that writes captions, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.captions.styles import STYLES, TITLES, prompt_of, style_of
from core.engines.connecting.endpoints import ENGINES, EngineOptions
from core.engines.prompting.prompt_kinds import kind_of
from core.errors import InvalidInput
from core.tagging.request import money_of

ONLY = ("all", "missing", "failing", "selected")
MOST_CANDIDATES = 5
MOST_ROUNDS = 2  # how often the reasons of failed checks are fed back, for one caption, over all runs
LENGTHS = {"short": 15, "medium": 35, "long": 70}
"""About how many words a caption has, for the lengths that have a name."""

MOST_WORDS = 300
TENSES = ("present", "past")
TONES = {
    "neutral": "neutral and factual, as in a catalogue",
    "prompt": "like a prompt for a music generator: terse, concrete, no full story",
    "marketing": "lively, as in the text of a production library",
    "academic": "precise, as a musicologist writes",
}
"""Tones that have a name, in the words that the prompts use; any other text is taken as it is."""

LONGEST_TONE = 120
MOST_BANNED = 50
LONGEST_BANNED = 60
MOST_SELECTED = 10_000
MOST_VALUES = 50
CONTROLS = ("length", "tone", "tense", "language", "banned")


@dataclass(frozen=True, slots=True)
class Controls:
    """How captions are to be written; empty: as each style's prompt says.

    Attributes:
        length: one of LENGTHS, or a number of words as text.
        tone: one of TONES, or in words.
        tense: one of TENSES.
        language: as a person names it.
        banned: words that must not occur.
    """

    length: str = ""
    tone: str = ""
    tense: str = ""
    language: str = ""
    banned: tuple[str, ...] = ()

    @property
    def words(self) -> int | None:
        """About how many words a caption is to have; None: as the style says."""
        return LENGTHS.get(self.length) or (int(self.length) if self.length else None)

    @property
    def tone_words(self) -> str:
        return TONES.get(self.tone, self.tone)

    def as_dict(self) -> dict[str, Any]:
        """What is set, as JSON."""
        said = {name: getattr(self, name) for name in CONTROLS if getattr(self, name)}
        return {**said, **({"banned": list(self.banned)} if self.banned else {})}


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """What a run that writes captions is to do.

    Attributes:
        styles: in the order of STYLES.
        candidates: captions to choose from, of each style.
        retry_failing: how often a caption that fails its checks is asked for again, with the reasons.
        only: all items; those without a caption; those whose caption fails; those named in `ids`.
        where: only items whose stored field has one of these values: (field, values).
        limit: only the first items; None for all of them.
        prompts: another prompt of the project instead of a style's own: {style: name}.
        budget: US dollars at which the run stops; None for no limit.
        batch: hand the questions in together and fetch the answers later.
    """

    styles: tuple[str, ...] = STYLES
    engine: EngineOptions = field(default_factory=EngineOptions)
    candidates: int = 1
    retry_failing: int = 0
    only: str = "all"
    ids: tuple[str, ...] = ()
    where: tuple[str, tuple[str, ...]] | None = None
    limit: int | None = None
    controls: Controls = field(default_factory=Controls)
    prompts: Mapping[str, str] = field(default_factory=dict)
    budget: Decimal | None = None
    batch: bool = False

    @property
    def by_model(self) -> bool:
        """True where a language model writes."""
        return self.engine.engine != "builtin"

    @property
    def samples(self) -> int:
        """How often a model is asked for each caption."""
        return self.candidates

    def prompt(self, style: str) -> str:
        """The name of the prompt that asks for a style."""
        return self.prompts.get(style) or prompt_of(style)

    def parameters(self) -> dict[str, Any]:
        """What a run's recipe keeps beside style, engine and model."""
        plain: dict[str, Any] = {"only": self.only, "limit": self.limit, "candidates": self.candidates}
        plain |= {"retry_failing": self.retry_failing, "controls": self.controls.as_dict()}
        if self.where is not None:
            plain["where"] = {"field": self.where[0], "value": list(self.where[1])}
        return {**plain, "base_url": self.engine.base_url} if self.by_model else plain

    @property
    def title(self) -> str:
        """The styles and who writes, for people."""
        styles = "four styles" if self.styles == STYLES else ", ".join(TITLES[s].lower() for s in self.styles)
        return f"{styles}, {self.engine.model if self.by_model else 'builtin'}"


def check_request(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a captioning request as a job's arguments carry them, checked; the engine by name only.

    Returns:
        {styles, engine, candidates, retry_failing, only, ids, limit, controls, and where they are given: where,
        prompts, budget (as text), batch}

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    engine, only = arguments.get("engine") or "builtin", arguments.get("only") or "all"
    if engine not in ENGINES:
        raise InvalidInput(f"There is no engine “{engine}”.", f"Engines: {', '.join(ENGINES)}.")
    if only not in ONLY:
        raise InvalidInput(f"“{str(only)[:40]}” says not which captions are meant.", f"One of: {', '.join(ONLY)}.")
    ids = _ids(arguments.get("ids"), only)
    limit = arguments.get("limit")
    if limit is not None and not (type(limit) is int and limit >= 1):
        raise InvalidInput("The number of items is at least 1.", "Leave it out to write about all items.")
    plain = {
        "styles": list(checked_styles(arguments.get("styles") or arguments.get("style"))),
        "engine": engine,
        "candidates": _number(arguments, "candidates", 1, 1, MOST_CANDIDATES, "The number of candidates"),
        "retry_failing": _number(
            arguments,
            "retry_failing",
            MOST_ROUNDS if only == "failing" else 0,
            0,
            MOST_ROUNDS,
            "How often a failing caption is asked for again",
        ),
        "only": only,
        "ids": ids,
        "limit": limit,
        "controls": controls_of(arguments.get("controls")).as_dict(),
    }
    if where := _where(arguments.get("where")):
        plain["where"] = where
    if prompts := _prompts(arguments.get("prompts")):
        plain["prompts"] = prompts
    return {**plain, **money_of(dict(arguments), str(engine))}


def request_of(arguments: Mapping[str, Any]) -> CaptionRequest:
    """The request that a job's arguments carry, with the engine's address and model.

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    checked = check_request(arguments)
    builtin = checked["engine"] == "builtin"
    where = checked.get("where")
    return CaptionRequest(
        styles=tuple(checked["styles"]),
        engine=EngineOptions() if builtin else EngineOptions.from_arguments(dict(arguments)),
        candidates=checked["candidates"],
        retry_failing=checked["retry_failing"],
        only=checked["only"],
        ids=tuple(checked["ids"]),
        where=(where["field"], tuple(where["value"])) if where else None,
        limit=checked["limit"],
        controls=controls_of(checked["controls"]),
        prompts=checked.get("prompts", {}),
        budget=Decimal(checked["budget"]) if "budget" in checked else None,
        batch=bool(checked.get("batch")),
    )


def checked_styles(given: Any) -> tuple[str, ...]:
    """Styles by any of their names, in the order of STYLES; “all”, or nothing, for all four.

    Raises:
        InvalidInput: one of them is none.
    """
    names = [given] if isinstance(given, str) else given
    if names is None or list(names) == ["all"]:
        return STYLES
    if not isinstance(names, Sequence) or not names or not all(isinstance(name, str) for name in names):
        raise InvalidInput("The styles are not a list of names.", f"Styles: {', '.join(STYLES)}; all for all four.")
    wanted = {style_of(name) for name in names}
    return tuple(style for style in STYLES if style in wanted)


def controls_of(given: Any) -> Controls:
    """How captions are to be written, from JSON.

    Raises:
        InvalidInput: something is none of what can be set.
    """
    if given is None:
        return Controls()
    if not isinstance(given, Mapping):
        raise InvalidInput("How captions are to be written is not a JSON object.", "Reload the page.")
    unknown = [str(name) for name in given if name not in CONTROLS]
    if unknown:
        raise InvalidInput(f"There is nothing to set called “{unknown[0][:40]}”.", f"One of: {', '.join(CONTROLS)}.")
    tense = _text(given, "tense", 20).lower()
    if tense and tense not in TENSES:
        raise InvalidInput(f"There is no tense “{tense}” to choose.", f"One of: {', '.join(TENSES)}; or none.")
    return Controls(
        _length(given.get("length")),
        _text(given, "tone", LONGEST_TONE),
        tense,
        _text(given, "language", LONGEST_BANNED),
        _banned(given.get("banned")),
    )


def _length(given: Any) -> str:
    length = "" if given is None else str(given).strip().lower()
    if not length or length in LENGTHS:
        return length
    if not (length.isascii() and length.isdecimal() and len(length) < 6 and 3 <= int(length) <= MOST_WORDS):
        names = ", ".join(LENGTHS)
        raise InvalidInput(f"“{length[:40]}” is no length.", f"One of: {names}; or 3 to {MOST_WORDS} words.")
    return str(int(length))


def _text(given: Mapping[str, Any], name: str, most: int) -> str:
    text = given.get(name) or ""
    if not isinstance(text, str) or len(text) > most:
        raise InvalidInput(f"The {name} has at most {most} characters.", "Shorten it, or leave it out.")
    return " ".join(text.replace("\0", "").split())


def _banned(given: Any) -> tuple[str, ...]:
    parts = given.replace("\n", ",").split(",") if isinstance(given, str) else given or []
    if not isinstance(parts, Sequence) or not all(isinstance(word, str) for word in parts):
        raise InvalidInput("The banned words are not a list of words.", "Separate them by commas.")
    words = list(dict.fromkeys(word for part in parts if (word := " ".join(part.replace("\0", "").split()))))
    if len(words) > MOST_BANNED or any(len(word) > LONGEST_BANNED for word in words):
        cause = f"There are at most {MOST_BANNED} banned words, each of at most {LONGEST_BANNED} characters."
        raise InvalidInput(cause, "Leave some out.")
    return tuple(words)


def _number(given: Mapping[str, Any], name: str, usual: int, least: int, most: int, what: str) -> int:
    number = given.get(name)
    number = usual if number is None else number
    if type(number) is not int or not least <= number <= most:  # isinstance would take true for 1
        raise InvalidInput(f"{what} is from {least} to {most}.", "Choose such a number.")
    return number


def _ids(given: Any, only: str) -> list[str]:
    if only != "selected":
        return []
    if not isinstance(given, list) or not given or not all(isinstance(each, str) and each for each in given):
        raise InvalidInput("No items are selected.", "Name their ids, or choose all.")
    if len(given) > MOST_SELECTED:
        raise InvalidInput(
            f"At most {MOST_SELECTED:,} items can be selected.", "Choose all, or those without captions."
        )
    return list(dict.fromkeys(given))


def _where(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    name, value = (given.get("field"), given.get("value")) if isinstance(given, Mapping) else (None, None)
    values: list[Any] = list(value) if isinstance(value, list) else [value]
    named = all(isinstance(each, str) and 0 < len(each) <= 200 for each in (name, *values))
    if not named or not 0 < len(values) <= MOST_VALUES:
        raise InvalidInput("“where” names no field and value.", 'For example {"field": "split", "value": "train"}.')
    return {"field": name, "value": values}


def _prompts(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput("The prompts are not {style: name}.", "Reload the page.")
    found = {}
    for style, name in given.items():
        kind = kind_of(name) if isinstance(name, str) else None
        if kind is None or kind.name != "caption-music":
            raise InvalidInput(f"“{str(name)[:60]}” is no prompt for captions of music.", "Choose another one.")
        found[style_of(str(style))] = str(name)
    return found
