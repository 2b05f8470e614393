"""What a model's answer says about a piece of music: a caption, and for attribute prediction what it guessed as well.

Pure and total (never raises), on the readers of `core.engines.answers`. Models write the object that was asked for as
JSON, as a Python dictionary, with or without braces, with quotes of all kinds, or cut off in the middle; what has no
such structure is told as a problem and never taken for a caption.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from core.captions.checks import check
from core.captions.cleaning import clean_text, same_tag
from core.captions.contradictions import contradictions_of
from core.captions.tags import TagSet
from core.engines.answers.loose_json import Loose, unescaped, values_in
from core.engines.answers.parsing import clean_tag
from core.engines.answers.parsing_text import parse_text
from core.engines.answers.refusals import looks_like_refusal
from core.engines.answers.thinking import plain, without_reasoning
from core.engines.calls import Outcome, Reply

MOST_PREDICTED = 12
LONGEST_ANSWER = 20_000  # characters that are read
MOST_STARTS = 12  # places at which an object may begin

_PREDICTED = (
    *("new_attributes", "new_attribute", "new attributes", "new attribute", "newattributes", "predicted_attributes"),
    *("predicted", "predicted_tags", "pseudo_attribute", "pseudo_attributes", "attributes", "new_tags", "tags"),
)
_CAPTION = ("description", "caption", "song_description", "song description", "sentence", "summary", "text")
_NAMES = tuple(sorted({*_PREDICTED, *_CAPTION}, key=len, reverse=True))
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)(?:```|$)", re.S)
_KEY = re.compile(
    r"(?P<quote>[\"'“”‘’`]?)(?<![\w-])(?P<name>" + "|".join(map(re.escape, _NAMES)) + r")[\"'“”‘’`*_]{0,3}\s*[:=]\s*",
    re.I,
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)]*(?=\s|$)")
_SEPARATOR = re.compile(r"\s*[,;\n|]\s*|\s+and\s+(?=[^,;]*$)")
_STRUCTURE = re.compile(
    r"[{}]|\[[^\]]*[,'\"][^\]]*\]|[\"'“](?:[a-z]+_)?(?:new.?attributes?|description|caption)[\"'”]\s*[:=]"
    r"|\bnew[_ ]attributes?\b\s*(?:[:=]|\bas\b|\bkeys?\b)|\bnew_attributes?\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ParsedAttributes:
    """What an answer says.

    Attributes:
        caption: "" where there is none.
        predicted: what the model guessed beside the tags, as it said it; in order, each once.
        refused: the model would not answer.
        problem: why the answer cannot be used, as a sentence that the model is told; None when it can.
        flags: what was odd about it: "thinking", "fenced", "repaired" (no strict JSON), "unbraced", "prose" (around
            it), "text" (the guesses were one text), "cut", "dropped" (guesses that are none).
    """

    caption: str = ""
    predicted: tuple[str, ...] = ()
    refused: bool = False
    problem: str | None = None
    flags: tuple[str, ...] = ()


_EMPTY = "it is empty; a JSON object with “new_attributes” and “description” is needed."
_PROSE = "it holds no object with “new_attributes” and “description”; answer with that JSON object alone."
_NO_CAPTION = "it has no “description”; a JSON object with “new_attributes” and “description” is needed."
_NO_LIST = "it has no “new_attributes”; a JSON object with “new_attributes” and “description” is needed."
_CUT = "it was cut off before the description had one whole sentence; keep it short."
_NESTED = "its description is no plain text; write sentences."


def parse_attributes(text: object, finish_reason: str | None = None) -> ParsedAttributes:
    """Caption and guesses of an answer; a pure function that takes anything."""
    if finish_reason == "content_filter":
        return ParsedAttributes(refused=True)
    came = plain(text)
    said, unended = without_reasoning(came)
    flags = {"thinking"} if said != came else set[str]()
    cut = finish_reason == "length" or unended
    said = said[:LONGEST_ANSWER]
    if not said.strip():
        return ParsedAttributes(problem=_EMPTY, flags=tuple(sorted(flags)))
    found = _in_object(said, cut, flags) or _by_names(said, cut, flags)
    if found is None:
        if looks_like_refusal(said):
            return ParsedAttributes(refused=True, flags=tuple(sorted(flags)))
        return ParsedAttributes(problem=_PROSE, flags=tuple(sorted(flags)))
    return _judged(found, cut, flags)


@dataclass(frozen=True, slots=True)
class _Found:
    """The two values as they stand in an answer. `open`: the end of the answer cuts the caption."""

    caption: Any
    predicted: Any
    open: bool = False


def _in_object(said: str, ended: bool, flags: set[str]) -> _Found | None:
    """The answer where it is an object, strictly or loosely written, with its braces or without. Without them nobody
    knows where an answer that was cut off would have ended."""
    fenced = [part for found in _FENCE.finditer(said) if (part := found.group(1).strip())]
    for source in (*reversed(fenced), *filter(None, (unescaped(said),)), said):
        for braced in (source, None if "{" in source else "{" + source.strip().rstrip(",") + "}"):
            if braced is None:
                continue
            whole = [(found, loose) for loose in values_in(braced, MOST_STARTS) if (found := _of_object(loose))]
            if not whole:
                continue
            found, loose = whole[-1]  # models try before they answer
            if source in fenced and source != said.strip():
                flags.add("fenced")
            elif braced is source and _letters(source[: loose.start] + source[loose.end :]):
                flags.add("prose")
            if braced is not source:
                flags.add("unbraced")
            if loose.repaired:
                flags.add("repaired")
            return found if braced is source else replace(found, open=ended)
    return None


def _of_object(loose: Loose) -> _Found | None:
    """What a value says, where nothing of it is doubtful; quotes within a text confuse a loose reader."""
    value = loose.value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    folded = {_folded(name): inner for name, inner in value.items()}
    known = {_folded(name) for name in _NAMES}
    if loose.repaired and not set(folded) <= known:
        return None
    caption = next((folded[n] for name in _CAPTION if (n := _folded(name)) in folded), None)
    predicted = next((folded[n] for name in _PREDICTED if (n := _folded(name)) in folded), None)
    if caption is None or loose.cut:
        return None
    return _Found(caption, predicted)


def _folded(name: object) -> str:
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def _letters(text: str) -> bool:
    return any(map(str.isalpha, text))


def _by_names(said: str, ended: bool, flags: set[str]) -> _Found | None:
    """The answer by its two names alone, whatever stands around them: quotes that do not match, quotes within a text,
    an end that is missing. Each value reaches to where the next name begins.

    Args:
        ended: the answer was cut off.
    """
    keys = [key for key in _KEY.finditer(said) if key["quote"] or _at_line_start(said, key.start())]
    tries: list[dict[str, Any]] = [{}]
    for place, key in enumerate(keys):
        end = keys[place + 1].start() if place + 1 < len(keys) else len(said)
        raw, last = said[key.end() : end], ended and end == len(said)
        name = "caption" if _folded(key["name"]) in map(_folded, _CAPTION) else "predicted"
        if name in tries[-1]:
            tries.append({})  # models try before they answer
        if name == "caption":
            text, cut = _text_value(raw, last)
            tries[-1] |= {name: text, "open": cut or (last and not raw.rstrip("`\n ").endswith("}"))}
        else:
            tries[-1][name] = _list_value(raw, last)
    if not keys:
        return None
    flags.add("repaired")
    if _letters(said[: keys[0].start()]):
        flags.add("prose")
    chosen = next((each for each in reversed(tries) if "caption" in each and "predicted" in each), tries[-1])
    return _Found(chosen.get("caption"), chosen.get("predicted"), bool(chosen.get("open")))


def _at_line_start(said: str, at: int) -> bool:
    before = said[:at].rstrip(" \t*_#>-")
    return not before or before[-1] in "\n{,;}])"


def _text_value(raw: str, cut: bool) -> tuple[str, bool]:
    """(a text that stands behind its name, whether the end of the answer cuts it)"""
    text = raw.strip().lstrip("*_ ")
    closing = _QUOTES.get(text[:1])
    if closing is None:
        ended = text.rstrip("`}] \n\t,")
        return ended, cut and not _SENTENCE_END.search(ended[-3:])
    inner = text[1:]
    found = re.search(re.escape(closing) + r"\s*(?:,|\}|\]|```|$)[\s,}\]`]*$", inner)
    if found is None and closing in "'\"":  # another quote ends it than the one that began it
        found = re.search(r"[\"'”’]\s*[,}\]`\s]*$", inner)
    if found is not None:
        return _unslashed(inner[: found.start()]), False
    behind = re.search(re.escape(closing) + r"\s*\}", inner)  # prose follows the object
    if behind is not None:
        return _unslashed(inner[: behind.start()]), False
    return _unslashed(inner.rstrip("}] \n\t,")), True


def _unslashed(text: str) -> str:
    return re.sub(r"\\(['\"\\/])", r"\1", text.replace("\\n", " "))


def _list_value(raw: str, cut: bool) -> list[str] | str:
    """The guesses behind their name, as a list, or one text."""
    text = raw.strip().lstrip("*_ ")
    if text[:1] in "[(":
        body = text[1:]
        ends = [at for sign in "])" if (at := body.find(sign)) >= 0]
        whole = bool(ends)
        body = body[: min(ends)] if ends else body
        quoted = [found.group(2) or found.group(3) for found in _STRINGS.finditer(body)]
        parts = quoted if quoted else [part for part in body.split(",") if part.strip()]
        return parts if whole or quoted else parts[:-1]
    value, open_ = _text_value(text.rstrip("*_- \n").rstrip(","), cut)
    return value if not open_ else value.rpartition(",")[0]


_STRINGS = re.compile(r"([\"'“‘])((?:\\.|(?!\1(?=\s*(?:[,\])]|$)))[^”\\\n])*?)\1(?=\s*(?:[,\])]|$))|[“]([^”]*)”")


def _judged(found: _Found, cut: bool, flags: set[str]) -> ParsedAttributes:
    """The two values as they can be used, or why they cannot."""
    guesses = _guesses(found.predicted, flags)
    caption = found.caption
    if isinstance(caption, (list, tuple)) and all(isinstance(each, str) for each in caption):
        caption = " ".join(caption)
    problem: str | None = None
    if found.predicted is None:
        problem = _NO_LIST
    elif caption is None:
        problem = _CUT if cut or found.open else _NO_CAPTION
    elif not isinstance(caption, str):
        problem = _NESTED
    if problem is not None or not isinstance(caption, str):
        return ParsedAttributes(predicted=guesses, problem=problem, flags=tuple(sorted(flags)))
    if cut and not found.open:
        cut = False  # the object is whole: what was cut came after it
    if found.open:
        flags.add("cut")
        ends = [end.end() for end in _SENTENCE_END.finditer(caption)]
        caption = caption[: ends[-1]] if ends else ""
        if not caption:
            return ParsedAttributes(predicted=guesses, problem=_CUT, flags=tuple(sorted(flags)))
    read = parse_text(caption) if not _STRUCTURE.search(caption) else None
    if read is None:
        return ParsedAttributes(predicted=guesses, problem=_NESTED, flags=tuple(sorted(flags)))
    if read.refused:
        return ParsedAttributes(refused=True, flags=tuple(sorted(flags)))
    if read.problem is not None:
        return ParsedAttributes(predicted=guesses, problem=_NO_CAPTION, flags=tuple(sorted(flags)))
    return ParsedAttributes(read.text, guesses, flags=tuple(sorted(flags)))


def _guesses(value: Any, flags: set[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        if value.strip():
            flags.add("text")
        value = _SEPARATOR.split(value)
    kept: dict[str, str] = {}
    for each in _flat(value):
        tag = clean_tag(each)
        if tag is None or looks_like_refusal(tag):
            if each.strip():
                flags.add("dropped")
            continue
        kept.setdefault(tag.casefold(), tag)
    return tuple(kept.values())[:MOST_PREDICTED]


def _flat(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < 3:
        for name, inner in value.items():
            yield from _flat(inner if isinstance(inner, str) else str(name), depth + 1)
    elif isinstance(value, (list, tuple)) and depth < 3:
        for each in value[:200]:
            yield from _flat(each, depth + 1)


# what a run reads


def new_to(predicted: Iterable[str], tags: TagSet) -> tuple[str, ...]:
    """The guesses that say something: none that repeats a tag or another guess, that is absent, or that cannot be true
    beside the tags."""
    known = {same_tag(tag.name) for tag in (*tags.present, *tags.absent)}
    said = len(contradictions_of(tags))
    kept: list[str] = []
    for guess in predicted:
        read = _meant(guess)
        keys = {same_tag(guess), *(same_tag(tag.name) for tag in (*read.present, *read.absent))}
        if keys & known:
            continue
        together = TagSet((*tags.present, *read.present), (*tags.absent, *read.absent))
        if len(contradictions_of(together)) > said or _claims_absent(guess, tags):
            continue
        known |= keys
        kept.append(guess)
    return tuple(kept)


def _claims_absent(guess: str, tags: TagSet) -> bool:
    """Whether a caption that says the guess would claim what the tags say is not there."""
    if not tags.absent:
        return False
    found = check(guess, tags, "attribute_prediction", predicted=(guess,))
    return any(reason.code == "negation" and reason.level == "fail" and reason.end for reason in found.reasons)


@lru_cache(maxsize=8192)
def _meant(guess: str) -> TagSet:
    """A guess as a tag: "no drums" is one that says what is absent."""
    return clean_text(guess)


def read_reply(reply: Reply, style: str) -> ParsedAttributes:
    """What an answer says about a caption of that style."""
    if reply.refusal:
        return ParsedAttributes(refused=True)
    if style == "attribute_prediction":
        return parse_attributes(reply.text, reply.finish_reason)
    read = parse_text(reply.text, reply.finish_reason, ("caption", "description", "song_description", "sentence"))
    if read.problem is None and not read.refused and read.partial and not _SENTENCE_END.search(read.text):
        return ParsedAttributes(problem="it was cut off; write a shorter caption.", flags=read.flags)
    return ParsedAttributes(read.text, (), read.refused, read.problem, read.flags)


def problem_of_outcome(outcome: Outcome) -> str:
    """Why a question has no answer, for people."""
    return outcome.error.message if outcome.error is not None else "There is no answer."
