"""What a model's answer says: pure, total (never raises), versioned. Answers are stored raw, so a better version of
this file reads old answers anew, without paying again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.engines.loose_json import values_in
from core.engines.refusals import looks_like_refusal

PARSER_VERSION = 1
LARGEST = 64 * 1024  # characters of an answer that are read
LONGEST_TAG = 60
MOST_WORDS = 8
MOST_TAGS = 60

_REASONING = re.compile(r"<(/?)(?:think|thinking|reasoning|analysis|reflection)\b[^<>]{0,80}>", re.I)
_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary).*?(?=<\|channel\|>\s*final|$)", re.I | re.S)
_SPECIAL = re.compile(r"<\|[^|>]{1,40}\|>(?:\s*final\b)?|</?s>|\[/?INST\]", re.I)
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
_LINK = re.compile(r"https?://|www\.|\S+@\S+\.\S", re.I)
_LISTS = ("tags", "tag", "labels", "label", "keywords", "keyword", "keyphrases", "topics", "hashtags", "choices")
_LISTS_TOO = ("items", "selected", "selection", "answer", "answers", "result", "results", "output", "response", "data")
_NAME_KEYS = ("tag", "name", "label", "keyword", "text", "value", "title", "id", "n", "标签")
_QUOTE_KEYS = ("quote", "evidence", "because", "reason", "passage", "support", "text")
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
    """

    tags: tuple[str, ...] = ()
    refused: bool = False
    partial: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedChoices:
    """As ParsedTags, with the reasons."""

    choices: tuple[Choice, ...] = ()
    refused: bool = False
    partial: bool = False
    problem: str | None = None


def parse_tags(text: object, finish_reason: str | None = None) -> ParsedTags:
    """The tags of an answer; a pure function that takes anything."""
    parsed = parse_choices(text, finish_reason)
    return ParsedTags(tuple(choice.tag for choice in parsed.choices), parsed.refused, parsed.partial, parsed.problem)


def parse_choices(text: object, finish_reason: str | None = None) -> ParsedChoices:
    """The tags of an answer with what was quoted for them; a pure function that takes anything."""
    if finish_reason == "content_filter":
        return ParsedChoices(refused=True)
    said, thinking = without_reasoning(plain(text))
    cut = finish_reason == "length" or thinking
    if not said.strip():
        return ParsedChoices(partial=cut, problem=_EMPTY_CUT if cut else _EMPTY)
    found = _from_json(said, cut)
    if found is None:
        if looks_like_refusal(said):
            return ParsedChoices(refused=True)
        found = _from_text(said, cut)
    return found


_EMPTY = "it is empty; a JSON object with the list “tags” is needed."
_EMPTY_CUT = "it was cut off before the JSON began; write the JSON object at once and keep it short."
_NO_LIST = 'it holds no list “tags”; a JSON object such as {"tags": []} is needed.'
_PROSE = "it is prose; a JSON object with the list “tags” is needed, each tag a few words."
_TOO_LONG = "none of its entries is a tag; a tag is one to four words, not a sentence."


def plain(text: object) -> str:
    """An answer as text, whatever came: parts joined, surrogates and control characters gone, at most LARGEST long."""
    if isinstance(text, list):
        text = "".join(p if isinstance(p, str) else str(p.get("text", "")) for p in text if isinstance(p, (str, dict)))
    if not isinstance(text, str):
        return ""
    clean = text[:LARGEST].encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in clean if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn")).lstrip(
        "\ufeff"
    )


def without_reasoning(text: str) -> tuple[str, bool]:
    """(the answer without what the model thought aloud, whether that thinking never ended).

    Drafts stand in there: a draft must never be taken for the answer.
    """
    text = _CHANNEL.sub("", text)
    kept: list[str] = []
    position, inside = 0, False
    for mark in _REASONING.finditer(text):
        if not mark.group(1):  # an opening; one within another belongs to the thinking
            if not inside:
                kept.append(text[position : mark.start()])
            inside = True
            continue
        if not inside:
            kept.clear()  # only the end is there: servers swallow the beginning
        position, inside = mark.end(), False
    if not inside:
        kept.append(text[position:])
    return _SPECIAL.sub("", "".join(kept)), inside


# JSON


def _from_json(text: str, cut: bool) -> ParsedChoices | None:
    """The answer where there is JSON in it; None where there is none."""
    fenced = [found.group(1) for found in _FENCE.finditer(text) if found.group(1).strip()]
    best: ParsedChoices | None = None
    other = False
    for source in (*reversed(fenced), text):
        for loose in values_in(source):
            entries = _entries(loose.value)
            if entries is None:
                other = other or (bool(loose.value) and source.lstrip().startswith("{"))
                continue
            parsed = _judged(_choices(entries), cut or loose.cut, bool(entries))
            if best is None or parsed.choices or not best.choices:
                best = parsed  # the last one that holds something: models think aloud before they answer
        if best is not None:
            return best
    return ParsedChoices(partial=cut, problem=_NO_LIST) if other else None


def _entries(value: Any, depth: int = 0) -> list[Any] | None:
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
            return list(values) if (values := _listed(inner)) else [inner]
        if isinstance(inner, dict):
            nested = _entries(inner, depth + 1)
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


def _choices(entries: Iterable[Any], depth: int = 0) -> Iterator[Choice]:
    for entry in entries:
        if isinstance(entry, str):
            yield Choice(entry)
        elif isinstance(entry, bool) or entry is None:
            continue
        elif isinstance(entry, (int, float)):
            yield Choice(str(entry))
        elif isinstance(entry, dict):
            folded = {str(name).strip().casefold(): value for name, value in entry.items()}
            name = next((folded[k] for k in _NAME_KEYS if isinstance(folded.get(k), (str, int))), None)
            if name is None and len(folded) == 1:
                name = next(iter(entry))
            if name is not None and not isinstance(name, bool):
                quote = next((folded[k] for k in _QUOTE_KEYS if isinstance(folded.get(k), str)), "")
                yield Choice(str(name), quote if quote != name else "")
        elif isinstance(entry, list) and depth < 3:
            yield from _choices(entry, depth + 1)


# plain text


def _from_text(text: str, cut: bool) -> ParsedChoices:
    """The answer where a model wrote lines or commas instead of JSON."""
    lines = [line for line in text.replace("```", "\n").splitlines() if line.strip()]
    bulleted = [line for line in lines if _BULLET.match(line)]
    if len(bulleted) >= 2:
        named = [_BULLET.sub("", line) for line in bulleted]
        if cut and lines[-1] is bulleted[-1]:
            named.pop()
        return _judged([Choice(_before_explanation(piece)) for piece in named], cut, True)
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
    return _judged([Choice(piece) for piece in pieces], cut, True)


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


def _judged(choices: Iterable[Choice], cut: bool, any_entry: bool) -> ParsedChoices:
    """Cleaned, each once; refusals and sentences are no tags."""
    kept: dict[str, Choice] = {}
    refused = dropped = False
    for choice in choices:
        if len(kept) >= MOST_TAGS:
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
        kept.setdefault(tag.casefold(), Choice(tag, " ".join(choice.quote.split())[:500]))
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
    tag = unicodedata.normalize("NFC", " ".join(plain(text).split()))
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
