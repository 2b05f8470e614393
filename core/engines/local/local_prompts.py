"""Conversations as the text that a model in this process goes on with: its chat template, without anything in them
that would be read as the model's own marks, cut where they are longer than it can read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engines.calls import Message, Part, text_of
from core.engines.images import prepared
from core.engines.prompting.quoting import shortened

if TYPE_CHECKING:
    from core.engines.local.local_models import LoadedModel

PLAIN_STOPS = ("\nQuestion:", "\n\nQuestion:")  # where a model without a template begins to ask itself
CHANNEL = "<|channel|>"
_CHANNELS = re.compile(
    r"<\|channel\|>\s*(\w+)(?:[^<]|<\|constrain\|>)*<\|message\|>(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.S,
)
LEAST_SHOWN = 120  # characters that a text keeps, however little room there is
_TRIES = 8
_PROBE = "Yes, certainly"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given.

    Attributes:
        text: with the template's marks.
        images: parts of type "image", in the order of their marks in the text.
        tokens: how many the model reads, those of the pictures included.
        stops: texts at which its answer ends.
        cut: something was left out to make it fit.
        thinking: the template has begun a thought that the model will end first.
        bos: the tokenizer is to add its own beginning; a template has it already.
    """

    text: str
    images: tuple[Part, ...]
    tokens: int
    stops: tuple[str, ...] = ()
    cut: bool = False
    thinking: bool = False
    bos: bool = False


class TooLong(Exception):
    """A conversation does not fit the model's context, whatever is cut of its texts."""


def prompt_of(loaded: LoadedModel, messages: Sequence[Message], most: int | None) -> Prompt:
    """The conversation as the model's text, in at most so many tokens; None: as many as it has.

    Raises:
        TooLong: it cannot be cut so far.
        InvalidInput: a picture cannot be read.
    """
    said = [_without_marks(loaded, message) for message in messages]
    cut = False
    for _ in range(_TRIES):
        prompt = _prompt(loaded, said, cut)
        if most is None or prompt.tokens <= most:
            return prompt
        said, cut = _cut(said, prompt.tokens - most, prompt.tokens), True
    raise TooLong


def by_channel(text: str) -> tuple[str, str]:
    """(answer, thoughts) of a text in channels; what is in none is the answer."""
    found = _CHANNELS.findall(text)
    if not found:
        return text, ""
    final = "".join(said for channel, said in found if channel == "final")
    return final, "\n".join(said for channel, said in found if channel != "final")


def turn_end(tokenizer: Any, processor: Any | None) -> int | None:
    """The token by which the model's template ends an answer; None where there is none."""
    talk = [{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": _PROBE}]
    text = _templated(tokenizer, processor, talk, ask=False)
    if text is None or _PROBE not in text:
        return None
    after = text.rpartition(_PROBE)[2].lstrip()
    specials = {str(t.content): number for number, t in tokenizer.added_tokens_decoder.items() if t.special}
    return next((number for mark, number in specials.items() if mark and after.startswith(mark)), None)


def _prompt(loaded: LoadedModel, messages: Sequence[Message], cut: bool) -> Prompt:
    images = tuple(part for m in messages if isinstance(m["content"], list) for part in m["content"] if _is_image(part))
    text = _rendered(loaded, messages)
    if text is None:
        text = plain_text(messages)
        tokens = len(loaded.tokenizer(text)["input_ids"])
        return Prompt(text, images, tokens, PLAIN_STOPS, cut, bos=True)
    if images and loaded.processor is not None:
        pictures = [prepared(part) for part in images]
        encoded = loaded.processor(text=[text], images=[pictures], add_special_tokens=False)
        tokens = len(encoded["input_ids"][0])
    else:
        tokens = len(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])
    return Prompt(text, images, tokens, (), cut, text.rstrip().endswith("<think>"))


def _rendered(loaded: LoadedModel, messages: Sequence[Message]) -> str | None:
    """By the model's template; instructions go into the first question where it knows no system messages."""
    system = next((m for m in messages if m["role"] == "system"), None)
    if system is None or loaded.system_role:
        try:
            text = _templated(loaded.tokenizer, loaded.processor, messages)
            if text is None or system is None or _shows(text, text_of(system)):
                return text
        except Exception:  # templates say by an exception what they do not know
            if system is None:
                raise
    text = _templated(loaded.tokenizer, loaded.processor, _merged(messages))
    loaded.system_role = False
    return text


def _shows(text: str, system: str) -> bool:
    """Some templates leave system messages out without a word."""
    probe = next((line.strip() for line in system.splitlines() if len(line.strip()) > 3), "")
    return probe[:40] in text


def _templated(tokenizer: Any, processor: Any | None, messages: Sequence[Message], *, ask: bool = True) -> str | None:
    maker = processor if processor is not None and getattr(processor, "chat_template", None) else tokenizer
    if not getattr(maker, "chat_template", None):
        return None
    shown = [{"role": m["role"], "content": _content(m["content"], processor is not None)} for m in messages]
    # thinking is off where a template has the switch: an answer of a few words is not worth a thousand of thought
    text = maker.apply_chat_template(shown, tokenize=False, add_generation_prompt=ask, enable_thinking=False)
    return str(text)


def _content(content: str | list[Part], parts: bool) -> str | list[dict[str, str]]:
    if not parts:
        return text_of({"content": content})
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [{"type": "image"} if _is_image(p) else {"type": "text", "text": p["text"]} for p in content]


def plain_text(messages: Sequence[Message]) -> str:
    """A conversation for a model that was never taught to talk: instructions, question, and the place for an answer."""
    if [m["role"] for m in messages if m["role"] != "system"] == ["user"]:
        return "\n\n".join(text_of(m).strip() for m in messages) + "\n\nAnswer:\n"
    names = {"system": "", "user": "Question:\n", "assistant": "Answer:\n"}
    said = [f"{names.get(m['role'], '')}{text_of(m).strip()}" for m in messages]
    return "\n\n".join(said) + "\n\nAnswer:\n"


def _merged(messages: Sequence[Message]) -> list[Message]:
    system = "\n\n".join(text_of(m) for m in messages if m["role"] == "system")
    rest = [dict(m) for m in messages if m["role"] != "system"]
    if not system:
        return rest
    if not rest or rest[0]["role"] != "user":
        return [{"role": "user", "content": system}, *rest]
    first = rest[0]["content"]
    joined = f"{system}\n\n{first}" if isinstance(first, str) else [{"type": "text", "text": system}, *first]
    return [{**rest[0], "content": joined}, *rest[1:]]


def _without_marks(loaded: LoadedModel, message: Message) -> Message:
    """Texts of data cannot speak the template's language: its marks are pulled apart. Instructions may hold marks."""
    if message["role"] == "system" or loaded.controls is None:
        return message
    return _mapped(message, lambda text: pulled_apart(text, loaded.controls))


def pulled_apart(text: str, marks: re.Pattern[str] | None) -> str:
    """A text in which no mark is left whole."""
    return marks.sub(lambda found: f"{found.group()[0]} {found.group()[1:]}", text) if marks is not None else text


def _mapped(message: Message, change: Any) -> Message:
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": change(content)}
    return {**message, "content": [p if _is_image(p) else {**p, "text": change(p["text"])} for p in content]}


def _cut(messages: Sequence[Message], over: int, tokens: int) -> list[Message]:
    """The same conversation with less of its longest text; questions go before instructions."""
    texts = [(m["role"] != "system", len(t), i) for i, m in enumerate(messages) for t in _texts(m)]
    if not texts:
        raise TooLong
    longest = max((t for t in texts if t[1] > LEAST_SHOWN), default=None)
    if longest is None:
        raise TooLong
    _, length, place = longest
    whole = sum(size for _, size, _ in texts)
    most = max(LEAST_SHOWN, length - round(over * 1.1 * max(1.0, whole / max(1, tokens))) - 8)

    def change(text: str) -> str:
        return shortened(text, most) if len(text) == length else text

    return [_mapped(m, change) if i == place else m for i, m in enumerate(messages)]


def _texts(message: Message) -> list[str]:
    content = message["content"]
    return [content] if isinstance(content, str) else [p["text"] for p in content if not _is_image(p)]


def _is_image(part: Part) -> bool:
    return part.get("type") == "image"
