"""Prompts are files: prompts/*.md with front matter, rendered in a sandbox; `core.engines.quoting`
makes what comes from data fit to be put into them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from core.engines.calls import Message
from core.engines.quoting import quoted
from core.errors import InvalidInput

FOLDER = Path(__file__).resolve().parents[2] / "prompts"
_ROLES = re.compile(r"^\[(system|user|assistant)\]\n", re.M)
_HEADER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)


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
