"""Data in prompts: quoted JSON between markers, without the marks by which chat templates, text direction and hidden
characters could speak for us."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

import orjson

LONGEST_FIELD = 6000  # characters of one field that a model is shown
LONGEST_ITEM = 12_000
# what chat templates take for their own marks: <|im_end|>, [INST], <<SYS>>, </s>, <start_of_turn>, <think>, <tool_call>
_CONTROL = re.compile(
    r"<(?=\|)|(?<=\|)>|\[(?=/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS)\])|<(?=<\s*/?SYS)"
    r"|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|think|thinking|tool_call|tool_response|system|user|assistant"
    r"|begin_of_text|end_of_text|im_start|im_end|item-[0-9a-f]+)\b[^<>]{0,20}>)"
    r"|<(?=｜)",
    re.I,
)
# zero-width and direction marks, annotation and tag characters; joiners are kept between letters that need them
_HIDDEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINERS = re.compile("(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])")


def neutral(text: str) -> str:
    """A text from data without what could speak for us: control characters, hidden ones, marks of chat templates."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    clean = unicodedata.normalize("NFC", _JOINERS.sub("", _HIDDEN.sub("", clean)))
    clean = "".join(c for c in clean if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    return _CONTROL.sub(lambda mark: f"{mark.group()} " if mark.group() != ">" else " >", clean)


def quoted(text: object) -> str:
    """A text as a JSON string: it cannot end its own quotation."""
    return orjson.dumps(neutral(str(text))).decode()


def shortened(text: str, most: int) -> str:
    """A long text by its beginning and its end, with a mark where something is left out."""
    if len(text) <= most:
        return text
    head = most * 3 // 4
    return f"{text[:head]} […] {text[len(text) - (most - head) :]}"


def item_data(fields: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """An item's fields as one JSON object, and the marker to put around it.

    The marker is made from the content, so that the same item makes the same request (and is not paid for twice),
    while nobody can write a text that contains the marker of itself.

    Args:
        fields: (name, text), in order; long ones are shortened, the first ones least.
    """
    left, data = LONGEST_ITEM, {}
    for name, text in fields:
        shown = shortened(neutral(text), min(LONGEST_FIELD, max(200, left)))
        left -= len(shown)
        label = neutral(name)[:80] or "text"
        while label in data:
            label += "_"
        data[label] = shown
        if left <= 0:
            break
    content = orjson.dumps(data)
    return content.decode(), f"item-{sha256(content).hexdigest()[:10]}"
