"""Prompts are files: prompts/*.md with front matter, rendered in a sandbox. What comes from data reaches a prompt as
quoted JSON, without the marks by which chat templates, text direction and hidden characters could speak for us."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from core.engines.calls import Message
from core.errors import InvalidInput

FOLDER = Path(__file__).resolve().parents[2] / "prompts"
LONGEST_FIELD = 6000  # characters of one field that a model is shown
LONGEST_ITEM = 12_000
_ROLES = re.compile(r"^\[(system|user|assistant)\]\n", re.M)
_HEADER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)
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


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as its file has it.

    Attributes:
        schema: JSON schema of the answer.
        hash: of the whole file; every run stores it.
    """

    name: str
    version: int
    task: str
    schema: dict[str, Any]
    max_tokens: int
    hash: str
    parts: tuple[tuple[str, str], ...]

    def render(self, **values: Any) -> tuple[Message, ...]:
        """The messages. Values are put in as text and never read as templates.

        Raises:
            InvalidInput: the template is broken, or names a value that is not given.
        """
        from jinja2 import TemplateError

        try:
            texts = [(role, _template(source).render(**values)) for role, source in self.parts]
        except TemplateError as error:
            raise InvalidInput(
                f"The prompt “{self.name}” cannot be filled in: {error}.", "Restore its file from the installation."
            ) from error
        return tuple({"role": role, "content": re.sub(r"\n{3,}", "\n\n", text).strip()} for role, text in texts)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["quoted"] = quoted
    return environment


@lru_cache(maxsize=64)
def _template(source: str) -> Any:
    return _environment().from_string(source)


@lru_cache(maxsize=32)
def load(name: str) -> Prompt:
    """The prompt of that name.

    Raises:
        InvalidInput: there is none, or its file is damaged.
    """
    path = FOLDER / f"{name}.md"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise InvalidInput(f"There is no prompt “{name}”.", "Restore the folder prompts/ from the installation.")
    return read_prompt(path.read_text(encoding="utf-8"), path.name)


def read_prompt(text: str, where: str) -> Prompt:
    """A prompt from the text of its file.

    Raises:
        InvalidInput: the header or the parts are damaged.
    """
    text = text.replace("\r\n", "\n")
    damaged = InvalidInput(
        f"The prompt file {where} is damaged.", "It needs name, version, task, schema, [system], [user]."
    )
    found = _HEADER.match(text)
    if found is None:
        raise damaged
    header = dict(re.findall(r"^([a-z_]+):[ \t]*(.*?)[ \t]*(?=\n[a-z_]+:|\Z)", found.group(1), re.M | re.S))
    pieces = _ROLES.split(found.group(2))
    parts = tuple(zip(pieces[1::2], (piece.strip("\n") for piece in pieces[2::2]), strict=True))
    try:
        schema = orjson.loads(header["schema"])
        prompt = Prompt(
            header["name"],
            int(header["version"]),
            header["task"],
            schema,
            int(header.get("max_tokens", "400")),
            sha256(text.encode()).hexdigest()[:16],
            parts,
        )
    except (KeyError, ValueError) as error:
        raise damaged from error
    if not parts or parts[-1][0] != "user" or not isinstance(schema, dict):
        raise damaged
    return prompt


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
