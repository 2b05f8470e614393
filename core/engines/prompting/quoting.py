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
_BAR = "[|｜︱│￨]"
_NAMES = (
    r"s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn|start_of_image|end_of_image|image|image_soft_token|audio|video"
    r"|think|thinking|thought|reasoning|analysis|reflection|seed:think|scratchpad|tool_call|tool_calls|tool_response"
    r"|tool_result|tools|function|function_call|functions|invoke|system|user|assistant|human|model|begin_of_text"
    r"|end_of_text|im_start|im_end|endoftext|fim_prefix|fim_middle|fim_suffix|commentary|answer|unused\d+"
    r"|reserved_\w{1,30}|extra_id_\d+|item-[0-9a-f]+"
)
# what chat templates and tokenizers take for their own marks: <|im_end|>, <|channel|>, <｜User｜>, [INST], <<SYS>>,
# </s>, <start_of_turn>, <think>, <tool_call>, ◁think▷, and each with full-width brackets
_CONTROL = re.compile(
    rf"[<＜〈](?={_BAR})|(?<={_BAR})[>＞〉]"
    r"|[\[［](?=/?(?:INST|SYS|THINK|IMG|IMG_BREAK|IMG_END|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT"
    r"|SYSTEM_PROMPT|MODEL_SETTINGS|ARGS|CALL_ID|gMASK|BOS|EOS|PAD|UNK|CLS|SEP|MASK)[\]］])"
    r"|[<＜](?=[<＜]\s*/?SYS)"
    rf"|[<＜](?=[/／]?(?:{_NAMES})(?:\s+[\w-]+\s*=[^<>＜＞]{{0,80}})?\s*/?[>＞])"
    r"|◁(?=/?think▷)",
    re.I,
)
# zero-width and direction marks, fillers, variation selectors for symbols, annotation and tag characters; joiners and
# the selectors of emoji stay where a script or an emoji needs them
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_HALVES = re.compile("[\ud800-\udfff]")
_JOINERS = re.compile("(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])")


def mended(text: str) -> str:
    """A text that can be written as UTF-8: halves of surrogate pairs become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALVES.sub("\ufffd", text)
    return text


def without_unseen(text: str) -> str:
    """A text without control characters (but line ends and tabs), lone surrogates, private and no characters."""
    unseen = {ord(c): None for c in set(text) if c not in "\n\t" and _is_unseen(c)}
    return text.translate(unseen) if unseen else text


def _is_unseen(character: str) -> bool:
    code = ord(character)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return no_character or unicodedata.category(character) in ("Cc", "Cs", "Co")


def visible(text: str) -> str:
    """A text without what nobody sees: control characters, lone surrogates, direction and zero-width marks, the tag
    characters by which a message can be hidden in another; NFC. Joiners stay within emoji and scripts that use them."""
    if text.isascii() and text.isprintable():
        return text
    clean = mended(text).replace("\u2028", "\n").replace("\u2029", "\n")
    clean = _HIDDEN.sub("", without_unseen(clean))
    while (fewer := _JOINERS.sub("", clean)) != clean:
        clean = fewer
    return unicodedata.normalize("NFC", clean)


def neutral(text: str) -> str:
    """A text from data without what could speak for us: what nobody sees, and the marks of chat templates, which get
    a space inside so that no tokenizer takes them for its own."""
    return _CONTROL.sub(
        lambda mark: f" {mark.group()}" if mark.group() in ">＞〉" else f"{mark.group()} ", visible(text)
    )


def quoted(text: object) -> str:
    """A text as a JSON string: it cannot end its own quotation."""
    return orjson.dumps(neutral(str(text))).decode()


def shortened(text: str, most: int) -> str:
    """A long text by its beginning and its end, with a mark where something is left out."""
    if len(text) <= most:
        return text
    head = most * 3 // 4
    return f"{text[:head]} […] {text[len(text) - (most - head) :]}"


def item_data(fields: Sequence[tuple[str, str]], longest: int = LONGEST_FIELD) -> tuple[str, str]:
    """An item's fields as one JSON object, and the marker to put around it.

    The marker is made from the content, so that the same item makes the same request (and is not paid for twice). It
    needs no secret: nobody can write a text that holds the marker of itself (64 bits of a hash of it), and anything
    that looks like a marker is broken up in data. A secret of the project would make the same question another one in
    a copy of the project.

    Args:
        fields: (name, text), in order; long ones are shortened, the first ones least.
        longest: characters of one field at most.
    """
    left, data = LONGEST_ITEM, {}
    for name, text in fields:
        shown = shortened(neutral(text), min(longest, max(200, left)))
        left -= len(shown)
        label = neutral(name)[:80] or "text"
        while label in data:
            label += "_"
        data[label] = shown
        if left <= 0:
            break
    content = orjson.dumps(data)
    return content.decode(), f"item-{sha256(content).hexdigest()[:16]}"
