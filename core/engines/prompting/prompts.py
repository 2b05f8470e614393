"""Prompts are texts with front matter: shipped as prompts/*.md, or a project's own copy of them. They are filled in by
a small, closed part of Jinja; `core.engines.prompting.quoting` makes what comes from data fit to be put into them.

A prompt may name placeholders ({{ item }}), filter them ({{ use_case | quoted }}) and leave passages out
({% if language %} … {% endif %}). It cannot loop, call or assign: whoever may edit one can neither reach anything nor
stop the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from core.engines.calls import Message
from core.engines.prompting.prompt_kinds import Kind, kind_of
from core.engines.prompting.quoting import quoted
from core.errors import InvalidInput

FOLDER = Path(__file__).resolve().parents[3] / "prompts"
LONGEST = 60_000  # characters of a prompt's text
MOST_TOKENS = 32_000
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FILTERS = ("quoted", "lower", "upper", "capitalize", "title", "trim", "length", "default", "truncate", "wordcount")
_ROLES = re.compile(r"^\[(system|user|assistant)\][ \t]*\n", re.M)
_FIELD = re.compile(r"^([a-z_]+):[ \t]*(.*?)[ \t]*(?=\n[a-z_]+:|\Z)", re.M | re.S)
_RESTORE = "Correct it, or reset the prompt to the one that Tagloom comes with."


class DamagedPrompt(InvalidInput):
    """A prompt that cannot be used; `line` says where in its text."""

    def __init__(self, message: str, remedy: str, line: int) -> None:
        super().__init__(message, remedy)
        self.line = line


@dataclass(frozen=True, slots=True)
class Example:
    """An item that a person has reviewed, with what they accepted as the answer.

    Attributes:
        item: the item's id; an example is left out when its own item is asked about.
        values: what the item puts into the prompt's placeholders ("item", "marker", for choosing "candidates").
        answer: the answer as the model should have written it.
        content: the marker of the whole item, by which copies of it are known.
    """

    item: str
    title: str
    values: dict[str, str]
    answer: str
    content: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("item", "title", "values", "answer", "content")}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Example:
        values = {str(name): str(value) for name, value in dict(given["values"]).items()}
        said = (str(given["answer"]), str(given.get("content", "")))
        return cls(str(given["item"]), str(given["title"]), values, *said)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as its text has it.

    Attributes:
        schema: JSON schema of the answer; None where the answer is plain text.
        hash: of the whole text and its examples; every run stores it.
        parts: (role, template), the question last.
        exact: white space is kept as the template has it, as other tools' templates expect.
    """

    name: str
    version: int
    task: str
    schema: dict[str, Any] | None
    max_tokens: int
    hash: str
    parts: tuple[tuple[str, str], ...]
    text: str = ""
    examples: tuple[Example, ...] = ()
    exact: bool = False

    def render(self, *, asked: str = "", examples: int | None = None, **values: Any) -> tuple[Message, ...]:
        """The messages: the instructions, the examples, the question. Values are put in as text and never read as
        templates.

        Args:
            asked: the id of the item that is asked about; an example of the same item is left out, as is one with
                the same content.
            examples: only the first so many of them.

        Raises:
            InvalidInput: the template is broken, or names a value that is not given.
        """
        shown = self.examples_for(asked, values)[:examples]
        (*before, question) = self.parts
        messages = [self._message(role, source, values) for role, source in before]
        for example in shown:
            messages.append(self._message("user", question[1], {**values, **example.values}))
            messages.append({"role": "assistant", "content": example.answer})
        return (*messages, self._message(question[0], question[1], values))

    def examples_for(self, asked: str, values: dict[str, Any]) -> list[Example]:
        """The examples that may be shown beside a question: never the answer to itself."""
        marker = values.get("marker")
        return [e for e in self.examples if e.item != asked and (not marker or e.content != marker)]

    def _message(self, role: str, source: str, values: dict[str, Any]) -> Message:
        from jinja2 import TemplateError

        try:
            text = _template(source).render(**values)
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise InvalidInput(f"The prompt “{self.name}” cannot be filled in: {error}.", _RESTORE) from error
        return {"role": role, "content": text if self.exact else re.sub(r"\n{3,}", "\n\n", text).strip()}


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters = {name: f for name, f in environment.filters.items() if name in FILTERS}
    environment.filters["quoted"] = quoted
    environment.globals.clear()
    return environment


@lru_cache(maxsize=64)
def _template(source: str) -> Any:
    return _environment().from_string(source)


@lru_cache(maxsize=32)
def load(name: str) -> Prompt:
    """The shipped prompt of that name.

    Raises:
        InvalidInput: there is none, or its file is damaged.
    """
    path = FOLDER / f"{name}.md"
    if not NAME.fullmatch(name) or not path.is_file():
        raise InvalidInput(f"There is no prompt “{name}”.", "Restore the folder prompts/ from the installation.")
    return read_prompt(path.read_text(encoding="utf-8"), path.name)


def is_shipped(name: str) -> bool:
    """Does Tagloom come with a prompt of that name?"""
    return bool(NAME.fullmatch(name)) and (FOLDER / f"{name}.md").is_file()


def shipped_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def hash_of(text: str, examples: tuple[Example, ...] = ()) -> str:
    """What makes a prompt the prompt it is."""
    said = orjson.dumps([e.as_dict() for e in examples], option=orjson.OPT_SORT_KEYS) if examples else b""
    return sha256(text.encode() + (b"\0" + said if said else b"")).hexdigest()[:16]


@lru_cache(maxsize=64)
def read_prompt(text: str, where: str) -> Prompt:
    """A prompt from its text, every part of it checked.

    Args:
        where: what to call it in an error: a file's name, "your copy of …".

    Raises:
        InvalidInput: something is wrong; the message names the line and the cause.
    """
    return _Reading(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), where).prompt()


class _Reading:
    """A prompt's text, with the line of whatever is wrong in it."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where

    def wrong(self, offset: int, cause: str, remedy: str = _RESTORE) -> DamagedPrompt:
        """The error at an offset of the text."""
        return self.wrong_line(self.text.count("\n", 0, offset) + 1, cause, remedy)

    def wrong_line(self, line: int, cause: str, remedy: str = _RESTORE) -> DamagedPrompt:
        return DamagedPrompt(f"{self.where}, line {line}: {cause}", remedy, line)

    def prompt(self) -> Prompt:
        if len(self.text) > LONGEST:
            raise self.wrong_line(1, f"the prompt is longer than {LONGEST:,} characters.", "Shorten it.")
        found = re.match(r"---\n(.*?)\n---(?:\n|\Z)", self.text, re.S)
        if found is None:
            remedy = "It begins with --- and has name, version, task, max_tokens and schema before the next ---."
            raise self.wrong(0, "there is no front matter.", remedy)
        header = {m[1]: (m[2], found.start(1) + m.start(2)) for m in _FIELD.finditer(found[1])}
        for name in ("name", "version", "task", "schema"):
            if not header.get(name, ("", 0))[0]:
                raise self.wrong(0, f"the front matter has no “{name}”.", f"Add a line “{name}: …”.")
        name, at = header["name"]
        if not NAME.fullmatch(name) or len(name) > 60:
            raise self.wrong(at, f"“{name[:60]}” is no name.", "Small letters, digits and hyphens.")
        kind = kind_of(name)
        if kind is not None and header["task"][0] != kind.task:
            raise self.wrong(header["task"][1], f"the task of “{name}” is “{kind.task}”.", "Leave it as it was.")
        parts, places = self._parts(found.end())
        self._templates(kind, parts, places)
        prompt = Prompt(
            name,
            self._number(header["version"], 1, 1_000_000, "version"),
            header["task"][0],
            self._schema(header["schema"], kind),
            self._number(header.get("max_tokens", ("400", 0)), 1, MOST_TOKENS, "max_tokens"),
            hash_of(self.text),
            parts,
            self.text,
            exact=header.get("spacing", ("", 0))[0] == "exact",
        )
        if kind is not None:
            prompt.render(**kind.samples())  # what only shows when it is filled in
        return prompt

    def _number(self, field: tuple[str, int], least: int, most: int, name: str) -> int:
        text, at = field
        if not (text.isascii() and text.isdecimal()) or not least <= int(text[:12]) <= most:
            raise self.wrong(at, f"“{name}” is not a whole number from {least:,} to {most:,}.")
        return int(text)

    def _schema(self, field: tuple[str, int], kind: Kind | None) -> dict[str, Any] | None:
        text, at = field
        if text == "none" and not (kind and kind.answer):
            return None
        try:
            schema = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            line = self.text.count("\n", 0, at) + error.lineno
            raise self.wrong_line(line, f"the schema is not JSON: {error.msg}.") from error
        problem = "it is not an object" if not isinstance(schema, dict) else schema_problem(schema)
        if problem is not None:
            raise self.wrong(at, f"the schema is not a JSON schema: {problem}.")
        for name in kind.answer if kind else ():
            if name not in schema.get("properties", {}):
                raise self.wrong(at, f"the schema has no property “{name}”, which Tagloom reads.", _RESTORE)
        return dict(schema)

    def _parts(self, start: int) -> tuple[tuple[tuple[str, str], ...], list[int]]:
        """(role, template) of each part, and the line at which each begins."""
        roles = list(_ROLES.finditer(self.text, start))
        before = self.text[start : roles[0].start() if roles else len(self.text)]
        if before.strip() or not roles:
            at = start + len(before) - len(before.lstrip())
            raise self.wrong(min(at, len(self.text)), "a part begins with a line [system] or [user].", "Add that line.")
        parts, places = [], []
        for found, after in zip(roles, [*roles[1:], None], strict=True):
            body = self.text[found.end() : after.start() if after else len(self.text)]
            source = body.strip("\n")
            if not source.strip():
                raise self.wrong(found.start(), f"the part [{found[1]}] is empty.", "Write it, or take it out.")
            lead = len(body) - len(body.lstrip("\n"))
            parts.append((found[1], source))
            places.append(self.text.count("\n", 0, found.end() + lead) + 1)
        wanted = "user"  # from the end: the question, and before it answers and questions in turn
        for place in range(len(parts) - 1, -1, -1):
            role = parts[place][0]
            if role != wanted and not (place == 0 and role == "system" and wanted != "user"):
                cause = f"[{role}] stands where [{wanted}] should."
                remedy = "First [system], if wanted; then [user] and [assistant] in turn; [user] last."
                raise self.wrong(roles[place].start(), cause, remedy)
            wanted = "assistant" if role == "user" else "user"
        return tuple(parts), places

    def _templates(self, kind: Kind | None, parts: tuple[tuple[str, str], ...], places: list[int]) -> None:
        from jinja2 import TemplateSyntaxError

        named: set[str] = set()
        for (_, source), line in zip(parts, places, strict=True):
            try:
                tree = _environment().parse(source)
            except TemplateSyntaxError as error:
                raise self.wrong_line(line + error.lineno - 1, f"{str(error.message).rstrip('.')}.") from error
            for node, problem in _not_allowed(tree):
                raise self.wrong_line(line + node.lineno - 1, f"{problem}.", "Say it in plain words instead.")
            for name, place in _names(tree):
                if kind is not None and name not in kind.names:
                    known = ", ".join(sorted(kind.names))
                    raise self.wrong_line(
                        line + place - 1, f"there is no placeholder “{name}”.", f"There are: {known}."
                    )
                named.add(name)
        if kind is None:
            return
        question = {name for name, _ in _names(_environment().parse(parts[-1][1]))}
        for each in kind.placeholders:
            if each.required and each.name not in question:
                cause = f"the last part never names {{{{ {each.name} }}}}, without which nothing is asked."
                raise self.wrong_line(places[-1], cause, f"{each.about} Put it into the last [user] part.")
        if kind.any_of and not named & set(kind.any_of):
            wanted = " or ".join(f"{{{{ {name} }}}}" for name in kind.any_of)
            raise self.wrong_line(places[-1], "the prompt names nothing that it is about.", f"Put in {wanted}.")


def _names(tree: Any) -> Iterator[tuple[str, int]]:
    """(placeholder, line within its part) of every mention."""
    from jinja2 import nodes

    for node in tree.find_all(nodes.Name):
        yield node.name, node.lineno


def _not_allowed(tree: Any) -> Iterator[tuple[Any, str]]:
    """Whatever a template holds beyond placeholders, filters and conditions."""
    from jinja2 import nodes

    names = "Output TemplateData Name If Const Compare Operand And Or Not CondExpr Filter Keyword"
    fine = tuple(getattr(nodes, name) for name in names.split())
    for node in tree.iter_child_nodes():
        if not isinstance(node, fine):
            yield node, f"a prompt cannot hold “{type(node).__name__.lower()}”: only placeholders, filters and if"
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield node, f"there is no filter “{node.name}” (there are: {', '.join(FILTERS)})"
        yield from _not_allowed(node)


_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def schema_problem(schema: Any, where: str = "the schema") -> str | None:
    """What keeps a value from being a JSON schema as servers take it, as a sentence without end; None: nothing."""
    if not isinstance(schema, dict):
        return f"{where} is not an object"
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in _TYPES:
            return f"{where} has the type {orjson.dumps(kind).decode()[:40]}, which there is not"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return f"“properties” of {where} is not an object"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return f"“required” of {where} is not a list of names"
    for name in ("maxItems", "minItems", "maxLength", "minLength"):
        if name in schema and (type(schema[name]) is not int or schema[name] < 0):
            return f"“{name}” of {where} is not a whole number"
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        return f"“enum” of {where} is not a list of values"
    inner = [(f"“{name}”", value) for name, value in properties.items()]
    for name in ("items", "additionalProperties"):
        if name in schema and not isinstance(schema[name], bool):
            inner.append((f"“{name}” of {where}", schema[name]))
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            if not isinstance(schema[name], list) or not schema[name]:
                return f"“{name}” of {where} is not a list of schemas"
            inner += [(f"“{name}” of {where}", value) for value in schema[name]]
    missing = [name for name in required if properties and name not in properties]
    if missing:
        return f"{where} requires “{missing[0]}”, which it does not have"
    return next((problem for name, value in inner if (problem := schema_problem(value, name)) is not None), None)
