"""What a model's answer says: pure, total (never raises), versioned. Answers are stored raw, so a better version of
this file reads old answers anew, without paying again."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from core.engines.answers.loose_json import Loose, unescaped, values_in
from core.engines.answers.refusals import looks_like_refusal
from core.engines.answers.thinking import plain, without_reasoning
from core.engines.prompting.quoting import visible
from core.engines.server.schemas import list_in

__all__ = ["Choice", "ParsedChoices", "ParsedTags", "clean_tag", "keeps_form", "parse_choices", "parse_tags"]

PARSER_VERSION = 2
LONGEST_TAG = 60
MOST_WORDS = 8
MOST_TAGS = 60
MOST_ENTRIES = 2000  # of a list that are looked at
LONGEST_RAW = 600  # characters of an entry that are looked at; a tag with all its decoration is shorter
LONGEST_PLAIN = 8000  # characters of an answer without JSON that are read

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)(?:```|$)", re.S)
_BULLET = re.compile(r"^\s*(?:[-*+•‣◦·▪●–—]\s+|[-•‣◦·▪●]|\(?\d{1,3}[.)、:：](?!\d)\s*|\(\d{1,3}\)\s*|[a-zA-Z][.)]\s+)")
_NUMBERED_INSIDE = re.compile(
    r"(?:^|(?<=[\s,;、，。.]))\(?\d{1,2}[.)、](?!\d)\s*|(?<=[^\W\d_])\d{1,2}[.、]\s*(?=[^\W\d_])"
)
_LABEL = re.compile(
    r"^\s*(?:[*_#>\s]*)(?:(?:here (?:are|is)|sure|certainly|of course|okay)\b[^:：\n]{0,80}|[^:：\n]{0,40}"
    r"(?:tags?|labels?|keywords?|keyphrases?|topics?|hashtags?|标签|標籤|关键词|タグ|태그|теги|mots-clés|etiquetas|schlagwörter)"
    r"[^:：\n]{0,40})[*_\s]*[:：]\s*",
    re.I,
)
_SEPARATOR = re.compile(r"\s*[,，、;；|｜·]\s*|\s+/\s+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\uff66-\uffdc]")
_PAIR = re.compile(r"^[ \t]*([^\n]{1,120}?)[ \t]*::[ \t]*([^\n]*?)[ \t]*$", re.M)
_LINK = re.compile(r"https?://|www\.|\S+@\S+\.\S", re.I)
_LISTS = ("tags", "tag", "labels", "label", "keywords", "keyword", "keyphrases", "topics", "hashtags", "choices")
_LISTS_TOO = ("items", "selected", "selection", "answer", "answers", "result", "results", "output", "response", "data")
_NAME_KEYS = ("tag", "name", "label", "keyword", "text", "value", "title", "id", "n", "标签")
_QUOTE_KEYS = ("quote", "evidence", "because", "reason", "passage", "support", "text")
_SIMPLE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ -][A-Za-z0-9]+){0,7}")  # most tags: nothing stands around them
_NOTHING = {
    *("none", "no tags", "no tag", "n/a", "na", "nothing", "no suitable tags", "null"),
    *("无", "無", "なし", "没有", "없음"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A tag as the model said it, with the words it gave as its reason."""

    tag: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class ParsedTags:
    """What an answer says.

    Attributes:
        tags: as said, cleaned of quotes, bullets and numbers; in order, each once. Empty with no problem: none fit.
        refused: the model would not answer; then there are no tags.
        partial: the answer was cut off; only what is complete is here.
        problem: why the answer cannot be used, as a sentence that the model is told; None when it can.
        flags: what was odd about it: "fenced", "prose" around the JSON, "thinking", "repaired", "cut",
            "duplicate_keys", "several" (answers; the last counts), "coerced", "lines" (no JSON), "dropped" (entries
            that are no tags), "refused_part" (an entry that is a refusal), "trimmed" (too many).
    """

    tags: tuple[str, ...] = ()
    refused: bool = False
    partial: bool = False
    problem: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedChoices:
    """As ParsedTags, with the reasons."""

    choices: tuple[Choice, ...] = ()
    refused: bool = False
    partial: bool = False
    problem: str | None = None
    flags: tuple[str, ...] = ()


def parse_tags(text: object, finish_reason: str | None = None) -> ParsedTags:
    """The tags of an answer; a pure function that takes anything."""
    parsed = parse_choices(text, finish_reason)
    tags = tuple(choice.tag for choice in parsed.choices)
    return ParsedTags(tags, parsed.refused, parsed.partial, parsed.problem, parsed.flags)


def parse_choices(text: object, finish_reason: str | None = None) -> ParsedChoices:
    """The tags of an answer with what was quoted for them; a pure function that takes anything."""
    if finish_reason == "content_filter":
        return ParsedChoices(refused=True)
    came = plain(text)
    said, unended = without_reasoning(_decoded(came))
    cut = finish_reason == "length" or unended
    flags = {"thinking"} if said != came else set()
    if not said.strip():
        found = ParsedChoices(partial=cut, problem=_EMPTY_CUT if cut else _EMPTY)
    else:
        found = _from_json(said, cut, flags) or _from_text(said, cut, flags)
    if found.partial:
        flags.add("cut")
    return replace(found, flags=tuple(sorted(flags)))


def _decoded(text: str) -> str:
    """An answer that came as one JSON string, without that."""
    if text[:1] == '"' or text.lstrip()[:1] == '"':
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return plain(inner) if isinstance(inner, str) else text
    return text


def keeps_form(text: object, schema: dict[str, Any]) -> bool:
    """Whether an answer holds a whole JSON value with the names that a schema requires, whatever stands around it."""
    said, _ = without_reasoning(plain(text))
    required = {str(name).casefold() for name in schema.get("required") or ()}
    for loose in values_in(said):
        if loose.cut:
            continue
        if isinstance(loose.value, dict) and required <= {str(name).strip().casefold() for name in loose.value}:
            return True
        if isinstance(loose.value, list) and list_in(schema) is not None:
            return True
    return False


_EMPTY = "it is empty; a JSON object with the list “tags” is needed."
_EMPTY_CUT = "it was cut off before the JSON began; write the JSON object at once and keep it short."
_NO_LIST = 'it holds no list “tags”; a JSON object such as {"tags": []} is needed.'
_PROSE = "it is prose; a JSON object with the list “tags” is needed, each tag a few words."
_TOO_LONG = "none of its entries is a tag; a tag is one to four words, not a sentence."


# JSON


def _from_json(text: str, cut: bool, flags: set[str]) -> ParsedChoices | None:
    """The answer where there is JSON in it; None where there is none."""
    fenced = [found.group(1) for found in _FENCE.finditer(text) if found.group(1).strip()]
    for source in (*reversed(fenced), unescaped(text) or "", text):
        found = list(values_in(source))
        said = set[str]()
        answer = _of_values(found, cut, said)
        if answer is None:
            continue
        if source is not text and source in fenced:
            said.add("fenced")
        elif _outside(source, found):
            said.add("prose")
        flags |= said
        if not answer.choices and not answer.refused and any(map(looks_like_refusal, _texts_beside(source, found))):
            return ParsedChoices(refused=True)
        return answer
    return None


def _of_values(found: Sequence[Loose], cut: bool, flags: set[str]) -> ParsedChoices | None:
    """The answer that stands in JSON values: the last that holds something, for models think aloud before they
    answer; objects that are one tag each belong together."""
    single = [loose for loose in found if _is_entry(loose.value)]
    if len(single) > 1 and len(single) == len(found):
        flags.add("several")
        whole = [loose.value for loose in single if not loose.cut]
        return _judged(_choices(whole, flags), any(loose.cut for loose in single), bool(whole), flags)
    best: tuple[ParsedChoices, Loose, set[str]] | None = None
    other: Loose | None = None
    lists = 0
    for loose in found:
        said = set[str]()
        entries = _entries(loose.value, said)
        if entries is None:
            other = other or (loose if loose.value else None)
            continue
        lists += 1
        parsed = _judged(_choices(entries, said), loose.cut, bool(entries), said)
        named = isinstance(loose.value, dict)  # a bare list after it may be a footnote
        if best is None or not best[0].choices or (parsed.choices and named >= isinstance(best[1].value, dict)):
            best = parsed, loose, said
    if best is not None:
        parsed, loose, said = best
        flags |= said
        if lists > 1:
            flags.add("several")
        if any(each.cut for each in found):
            parsed = replace(parsed, partial=True)
    elif other is not None and isinstance(other.value, dict):
        parsed, loose = ParsedChoices(partial=cut, problem=_NO_LIST), other
    else:
        return None
    if loose.repaired:
        flags.add("repaired")
    if loose.doubled:
        flags.add("duplicate_keys")
    return parsed


def _is_entry(value: Any) -> bool:
    """{"tag": …, "quote": …}: one tag, and no list of them."""
    if not isinstance(value, dict) or any(isinstance(inner, (list, dict)) for inner in value.values()):
        return False
    folded = {str(name).strip().casefold() for name in value}
    return not folded.isdisjoint(("tag", "label", "keyword", "name")) and folded.isdisjoint(("tags", "labels"))


def _outside(source: str, found: Sequence[Loose]) -> list[str]:
    """The words around the values of a text."""
    kept, position = [], 0
    for loose in found:
        kept.append(source[position : loose.start])
        position = loose.end
    return [part for part in (*kept, source[position:]) if any(c.isalnum() for c in part)]


def _texts_beside(source: str, found: Sequence[Loose]) -> list[str]:
    """What is said around an empty answer, or within it under another name: a refusal may be."""
    inside = [
        inner
        for loose in found
        if isinstance(loose.value, dict)
        for inner in loose.value.values()
        if isinstance(inner, str)
    ]
    return [*_outside(source, found), *inside]


def _entries(value: Any, flags: set[str], depth: int = 0) -> list[Any] | None:
    """The list of tags in a JSON value, wherever the model has put it."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or depth > 3:
        return None
    folded = {str(name).strip().casefold(): inner for name, inner in value.items()}
    for name in (*_LISTS, *_LISTS_TOO):
        inner = folded.get(name)
        if isinstance(inner, list):
            return inner
        if isinstance(inner, str) and name in _LISTS:
            flags.add("coerced")
            return list(values) if (values := _listed(inner)) else [inner]
        if isinstance(inner, str) and (encoded := next(values_in(inner, 1), None)) is not None:
            flags.add("coerced")
            return _entries(encoded.value, flags, depth + 1)
        if isinstance(inner, dict):
            nested = _entries(inner, flags, depth + 1)
            if nested is None:
                flags.add("coerced")
            return nested if nested is not None else [str(key) for key in inner]
        if name in folded and inner is None:
            return []
    lists = [inner for inner in folded.values() if isinstance(inner, list)]
    return lists[0] if len(lists) == 1 else None


def _listed(text: str) -> list[Any]:
    for loose in values_in(text, 1):
        if isinstance(loose.value, list):
            return loose.value
    return [part for part in _SEPARATOR.split(text) if part.strip()]


def _choices(entries: Iterable[Any], flags: set[str], depth: int = 0) -> Iterator[Choice]:
    for entry in entries:
        if isinstance(entry, str):
            yield Choice(entry)
        elif isinstance(entry, bool) or entry is None:
            flags.add("dropped")
        elif isinstance(entry, (int, float)):
            flags.add("coerced")
            yield Choice(_number(entry))
        elif isinstance(entry, dict):
            folded = {str(name).strip().casefold(): value for name, value in entry.items()}
            name = next((folded[k] for k in _NAME_KEYS if isinstance(folded.get(k), (str, int))), None)
            if name is None and len(folded) == 1:
                name = next(iter(entry))
            if name is not None and not isinstance(name, bool):
                quote = next((folded[k] for k in _QUOTE_KEYS if isinstance(folded.get(k), str)), "")
                yield Choice(str(name), quote if quote != name else "")
        elif isinstance(entry, list) and depth < 3:
            flags.add("coerced")
            yield from _choices(entry, flags, depth + 1)


def _number(value: int | float) -> str:
    try:
        return str(value)
    except ValueError:  # of more digits than Python writes
        return ""


# plain text


def _from_text(text: str, cut: bool, flags: set[str]) -> ParsedChoices:
    """The answer where a model wrote lines or commas instead of JSON."""
    if looks_like_refusal(text):
        return ParsedChoices(refused=True)
    flags.add("lines")
    cut = cut or len(text) > LONGEST_PLAIN
    text = text[:LONGEST_PLAIN]
    paired = _PAIR.findall(text)
    if paired and len(paired) >= 0.7 * len([line for line in text.splitlines() if line.strip()]):
        if cut and not text.endswith("\n"):
            paired.pop()
        return _judged([Choice(tag, quote.strip("\"'“” \t")) for tag, quote in paired], cut, True, flags)
    lines = [line for line in text.replace("```", "\n").splitlines() if line.strip()]
    bulleted = [line for line in lines if _BULLET.match(line)]
    if len(bulleted) >= 2:
        named = [_BULLET.sub("", line) for line in bulleted]
        if cut and lines[-1] is bulleted[-1]:
            named.pop()
        return _judged([Choice(_before_explanation(piece)) for piece in named], cut, True, flags)
    body = [_LABEL.sub("", line, count=1) for line in lines]
    body = [line for line in body if line.strip()]
    if len(body) > 1 and any(_SEPARATOR.search(line) for line in body):
        # an introduction, then one line of tags
        richest = max(body, key=lambda line: len(_SEPARATOR.findall(line)))
        body = [richest]
    pieces: list[str] = []
    for line in body:
        numbered = _NUMBERED_INSIDE.split(line) if len(_NUMBERED_INSIDE.findall(line)) >= 2 else None
        if numbered:
            pieces += numbered
        elif line.count("#") >= 2:
            pieces += re.findall(r"#([^#\s]+)", line)
        else:
            pieces += _SEPARATOR.split(line)
    pieces = [piece for piece in pieces if piece.strip()]
    if cut and pieces:
        pieces.pop()
    if len(pieces) == 1 and _is_nothing(pieces[0]):
        return ParsedChoices(partial=cut)
    good = sum(1 for piece in pieces if clean_tag(piece))
    if not good or good < 0.7 * len(pieces):
        return ParsedChoices(partial=cut, problem=_PROSE if pieces else _NO_LIST)
    return _judged([Choice(piece) for piece in pieces], cut, True, flags)


def _before_explanation(piece: str) -> str:
    """“solar energy: it is about …” → “solar energy”"""
    bold = re.match(r"\s*\*\*(.+?)\*\*", piece)
    if bold:
        return bold.group(1).rstrip(":： ")
    head, sign, rest = (
        re.split(r"(\s+[-–—]\s+|[:：]\s+)", piece, maxsplit=1)
        if re.search(r"\s[-–—]\s|[:：]\s", piece)
        else (piece, "", "")
    )
    return head if sign and len(rest) > len(head) else piece


def _judged(choices: Iterable[Choice], cut: bool, any_entry: bool, flags: set[str]) -> ParsedChoices:
    """Cleaned, each once; refusals and sentences are no tags."""
    kept: dict[str, Choice] = {}
    refused = dropped = False
    for choice in islice(choices, MOST_ENTRIES):
        if len(kept) >= MOST_TAGS:
            flags.add("trimmed")
            break
        if looks_like_refusal(choice.tag):
            refused = True
            continue
        if _is_nothing(choice.tag):
            continue
        tag = clean_tag(choice.tag)
        if tag is None:
            dropped = dropped or bool(choice.tag.strip())
            continue
        quote = " ".join(visible(plain(choice.quote)).split())[:500]
        kept.setdefault(tag.casefold(), Choice(tag, quote))
    if dropped:
        flags.add("dropped")
    if kept and refused:
        flags.add("refused_part")
    if not kept and refused:
        return ParsedChoices(refused=True)
    if not kept and dropped:
        return ParsedChoices(partial=cut, problem=_TOO_LONG)
    if not kept and cut and not any_entry:
        return ParsedChoices(partial=True, problem=_EMPTY_CUT)
    return ParsedChoices(tuple(kept.values()), partial=cut)


def _is_nothing(text: str) -> bool:
    return text.strip(" \t\n.。\"'`*[](){}").casefold() in _NOTHING


def clean_tag(text: str) -> str | None:
    """A tag without quotes, bullets, numbering and marks of formatting; None where it is a sentence, a link, too
    long, or nothing."""
    if len(text) <= LONGEST_TAG and _SIMPLE.fullmatch(text):
        return text
    text = plain(text[:LONGEST_RAW])
    if "<" in text or "[" in text or "◁" in text:
        text = without_reasoning(text)[0]
    tag = unicodedata.normalize("NFC", " ".join(visible(text).split()))
    for _ in range(3):
        before = tag
        tag = _BULLET.sub("", tag).strip()
        tag = tag.strip('*`"“”„«»「」『』<>').strip().lstrip("#").strip()
        if len(tag) > 1 and tag[0] == "'" and tag[-1] == "'":
            tag = tag[1:-1]
        tag = re.sub(r"(?<=[^\W\d_])[.。]+$|[,，、;；:：!！]+$", "", tag).strip()
        if tag == before:
            break
    if not tag or len(tag) > LONGEST_TAG or _LINK.search(tag) or not any(c.isalnum() for c in tag):
        return None
    if _UNSPACED.search(tag):
        return None if len(tag) > 30 or re.search(r"[。！？!?]", tag) else tag
    if len(tag.split()) > MOST_WORDS or re.search(r"[.!?]\s", tag) or tag.endswith("?"):
        return None
    return tag
