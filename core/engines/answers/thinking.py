"""The words of an answer: what came as text, without what the model thought aloud before it answered.

Drafts stand in the thinking: a draft must never be taken for the answer, so all of this happens before anything looks
for an answer in a text.
"""

from __future__ import annotations

import json
import re

from core.engines.prompting.quoting import mended, without_unseen

LARGEST = 256 * 1024  # characters of an answer that are read

_NAMES = r"(?:think|thinking|thoughts?|reason|reasoning|analysis|reflection|scratchpad|seed:think)"
_MARK = re.compile(
    rf"<(?P<a>/?){_NAMES}\b[^<>]{{0,80}}>"
    r"|\[(?P<b>/?)THINK\]"
    r"|◁(?P<c>/?)think▷"
    r"|<\|(?:START|(?P<d>END))_THINKING\|>"
    r"|<[|｜](?:begin|(?P<e>end))[_▁]of[_▁](?:thought|thinking)[|｜]>",
    re.I,
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary).*?(?=<\|channel\|>\s*final|$)", re.I | re.S)
_BARE_CHANNEL = re.compile(r"\A\s*analysis\b.*?assistant\s*final", re.S)  # the same, its marks lost on the way
_SPECIAL = re.compile(
    r"<[|｜][^|｜<>]{1,40}[|｜]>(?:\s*final\b)?|</?(?:s|bos|eos|pad|start_of_turn|end_of_turn)>|\[/?INST\]"
    r"|</?(?:answer|final|final_answer|output|response|solution)>",
    re.I,
)


def plain(text: object) -> str:
    """An answer as text, whatever came: parts joined, surrogates and control characters gone, at most LARGEST long."""
    if isinstance(text, list):
        text = "".join(p if isinstance(p, str) else str(p.get("text", "")) for p in text if isinstance(p, (str, dict)))
    if not isinstance(text, str):
        return ""
    if text.isascii() and text.isprintable():
        return text[:LARGEST]
    clean = mended(text[:LARGEST])
    if "\r" in clean:
        clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    return without_unseen(clean).lstrip("\ufeff")


def without_reasoning(text: str) -> tuple[str, bool]:
    """(the answer without what the model thought aloud, whether that thinking never ended)."""
    if not _may_think(text) or _is_json(text):
        return text, False  # an answer that is JSON and nothing else may speak of thinking
    text = _BARE_CHANNEL.sub("", _CHANNEL.sub("", text), count=1)
    kept: list[str] = []
    position, inside = 0, False
    for mark in _MARK.finditer(text):
        if not any(mark.group(name) for name in "abcde"):  # an opening; one within another belongs to the thinking
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


def _may_think(text: str) -> bool:
    return "<" in text or "THINK]" in text or "◁" in text or text.lstrip().startswith("analysis")


def _is_json(text: str) -> bool:
    stripped = text.strip()
    if stripped[:1] not in ("{", "[") or stripped[-1:] not in ("}", "]"):
        return False
    try:
        json.loads(stripped)
    except (ValueError, RecursionError):
        return False
    return True
