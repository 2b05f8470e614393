"""What an answer says that is one text: a caption, a description. Pure and total (never raises), as the parser of
tags is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.engines.answers.loose_json import unescaped, values_in
from core.engines.answers.refusals import looks_like_refusal
from core.engines.answers.thinking import plain, without_reasoning
from core.engines.prompting.quoting import visible

LONGEST = 4000  # characters of a text; what is longer is cut at the end of a sentence
_NAMES = ("caption", "text", "description", "summary", "answer", "result", "output", "response", "content", "title")
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)(?:```|$)", re.S)
_LABEL = re.compile(
    r"\A\W*(?:(?:sure|certainly|of course|okay|ok|absolutely)\b[,!.]?\s*)?(?:here(?:'s| is| are)\b[^:：\n]{0,80}|"
    r"(?:the |a |my |suggested |generated |final |short )*(?:caption|description|summary|answer|response|output|text|"
    r"bildunterschrift|beschreibung|légende|description|descripción|leyenda|legenda|didascalia|описание|подпись|"
    r"キャプション|説明|描述|说明|标题|캡션|설명)(?: of [^:：\n]{0,40})?)\s*[*_]*[:：]\s*",
    re.I,
)
_CHATTER = re.compile(
    r"\s*\n\s*(?:(?:i )?hope (?:this|that)|let me know|feel free|is there anything|would you like|note:|please let)\b"
    r".*\Z",
    re.I | re.S,
)
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’」』)]*(?=\s|$)|[。！？][”’」』]*")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "「": "」", "『": "』", "`": "`"}


@dataclass(frozen=True, slots=True)
class ParsedText:
    """What an answer says.

    Attributes:
        text: in one line, without labels, quotes, fences and what nobody sees; "" where there is none.
        refused: the model would not answer; then there is no text.
        partial: it was cut off; only whole sentences are here, where there is one.
        problem: why the answer cannot be used, as a sentence that the model is told; None when it can.
        flags: what was odd about it: "thinking", "fenced", "label", "json", "repaired", "cut".
    """

    text: str = ""
    refused: bool = False
    partial: bool = False
    problem: str | None = None
    flags: tuple[str, ...] = ()


def parse_text(answer: object, finish_reason: str | None = None, names: Sequence[str] = ()) -> ParsedText:
    """The text of an answer; a pure function that takes anything.

    Args:
        names: under which the text may stand where the answer is JSON, the likeliest first; common ones are known.
    """
    if finish_reason == "content_filter":
        return ParsedText(refused=True)
    came = plain(answer)
    said, unended = without_reasoning(came)
    flags = {"thinking"} if said != came else set()
    cut = finish_reason == "length" or unended
    if not said.strip():
        return ParsedText(partial=cut, problem="it is empty; the text itself is needed.", flags=tuple(sorted(flags)))
    found, whole = _in_json(said, tuple(name.casefold() for name in (*names, *_NAMES)), flags)
    if found is None and whole:
        return ParsedText(problem="it is JSON without the text; the text itself is needed.", flags=tuple(sorted(flags)))
    text = found if found is not None else _outside_json(said, flags)
    text = _unquoted(" ".join(visible(text).split()))
    if looks_like_refusal(text) or (not text and looks_like_refusal(said)):
        return ParsedText(refused=True, flags=tuple(sorted(flags)))
    if (cut and not (found is not None and whole)) or len(text) > LONGEST:
        text, cut = _whole_sentences(text[:LONGEST]), True
        flags.add("cut")
    else:
        cut = False
    problem = None if any(map(str.isalnum, text)) else "it holds no words; the text itself is needed."
    return ParsedText(text if problem is None else "", False, cut, problem, tuple(sorted(flags)))


def _in_json(said: str, names: Sequence[str], flags: set[str]) -> tuple[str | None, bool]:
    """(the text that stands in JSON, whether the JSON is whole). Prose with brackets in it is no JSON."""
    fenced = [found.group(1) for found in _FENCE.finditer(said) if found.group(1).strip()[:1] in ("{", "[")]
    sources = [*reversed(fenced), *([said] if said.strip()[:1] in ("{", "[", '"') or '{"' in said else [])]
    whole = False
    for source in (*filter(None, map(unescaped, sources)), *sources):
        for loose in values_in(source):
            if loose.cut and not isinstance(loose.value, dict):
                continue
            text = _text_of(loose.value, names)
            if text is not None:
                flags.add("json")
                if source in fenced:
                    flags.add("fenced")
                if loose.repaired:
                    flags.add("repaired")
                return text, not loose.cut
            whole = whole or (isinstance(loose.value, dict) and bool(loose.value))
    return None, whole


def _text_of(value: Any, names: Sequence[str], depth: int = 0) -> str | None:
    if isinstance(value, str):
        return value
    if depth > 3:
        return None
    if isinstance(value, list):
        texts = [entry for entry in value if isinstance(entry, str) and entry.strip()]
        return " ".join(texts) if texts and len(texts) == len(value) and depth else None
    if not isinstance(value, dict):
        return None
    folded = {str(name).strip().casefold(): inner for name, inner in value.items()}
    for name in names:
        if name in folded and (text := _text_of(folded[name], names, depth + 1)) is not None:
            return text
    texts = [inner for inner in folded.values() if isinstance(inner, str) and inner.strip()]
    return texts[0] if len(texts) == 1 == len(folded) else None


def _outside_json(said: str, flags: set[str]) -> str:
    fences = [found.group(1) for found in _FENCE.finditer(said) if found.group(1).strip()]
    if len(fences) == 1:
        flags.add("fenced")
        said = fences[0]
    said = said.replace("```", " ").strip()
    labelled = _LABEL.sub("", said, count=1)
    if labelled.strip() and labelled != said:
        flags.add("label")
        said = labelled
    kept = _CHATTER.sub("", said)
    return re.sub(r"(?m)^\s*(?:[-*+•]|#{1,6})\s+", "", kept if kept.strip() else said).replace("**", "")


def _unquoted(text: str) -> str:
    while (
        len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1] and text[-1] not in text[1:-1]
    ):
        text = text[1:-1].strip()
    return text


def _whole_sentences(text: str) -> str:
    """Up to the end of the last whole sentence; all of it where none has ended."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text
