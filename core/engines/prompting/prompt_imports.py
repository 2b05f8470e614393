"""Prompts out of files: our own, templates of other tools with <tags> and the like, and LP-MusicCaps' instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import orjson

from core.engines.prompting.prompt_kinds import KINDS, Kind, kind_of
from core.engines.prompting.prompts import LONGEST, Example, Prompt, read_prompt
from core.errors import InvalidInput

_JINJA = re.compile(r"\{[{%#]")
_ROLE_LINE = re.compile(r"^\[(?=(?:system|user|assistant)\][ \t]*$)", re.M)
_EXAMPLES = re.compile(r"^examples: (\[.*\])\n", re.M)
_FOREIGN = {p.foreign: p.name for kind in KINDS.values() for p in kind.placeholders if p.foreign}
_MARK = re.compile("|".join(re.escape(mark) for mark in sorted(_FOREIGN, key=len, reverse=True)))
MOST_STYLES = 50


@dataclass(frozen=True, slots=True)
class Imported:
    """A prompt out of a file, ready to be saved."""

    name: str
    text: str
    examples: tuple[Example, ...] = ()


def read_file(text: str, file: str, name: str = "") -> list[Imported]:
    """The prompts that a file holds.

    Args:
        file: the file's name, for messages and for the name of a template that has none.
        name: what to call the prompt; of a file with several styles, the kind they are of.

    Raises:
        InvalidInput: it is none of the three shapes; the message says what is missing.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > 4 * LONGEST:
        raise InvalidInput(f"{file} is longer than {4 * LONGEST:,} characters.", "Is it a prompt?")
    if not text.strip():
        raise InvalidInput(f"{file} is empty.", "Choose a prompt file.")
    if text.startswith("---\n"):
        return [_own(text, file, name)]
    if text.lstrip().startswith("{") and (styles := _json(text)) is not None:
        return _instructions(styles, file, name)
    return [_template(text, file, name)]


def export_text(prompt: Prompt) -> str:
    """A prompt as a file that `read_file` reads again, with its examples."""
    if not prompt.examples:
        return prompt.text
    said = orjson.dumps([example.as_dict() for example in prompt.examples]).decode()
    return prompt.text.replace("---\n", f"---\nexamples: {said}\n", 1)


def _own(text: str, file: str, name: str) -> Imported:
    head, rest = text[4:].partition("\n---\n")[::2]
    found = _EXAMPLES.search(f"{head}\n")
    examples: tuple[Example, ...] = ()
    if found is not None:
        try:
            examples = tuple(Example.from_dict(each) for each in orjson.loads(found[1]))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"{file}: its examples cannot be read.", "Take the line “examples:” out.") from error
        text = "---\n" + _EXAMPLES.sub("", f"{head}\n", count=1) + f"---\n{rest}"
    prompt = read_prompt(text, file)
    if name and name != prompt.name:
        text = re.sub(r"^name:.*$", f"name: {name}", text, count=1, flags=re.M)
        prompt = read_prompt(text, file)
    _known(prompt.name, file)
    return Imported(prompt.name, text, examples)


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _instructions(styles: dict[str, Any], file: str, name: str) -> list[Imported]:
    kind = _known(name or "caption-music", file)
    if not styles or len(styles) > MOST_STYLES:
        raise InvalidInput(f"{file} holds {len(styles)} styles.", f"It needs 1 to {MOST_STYLES}.")
    found: dict[str, Imported] = {}
    for style, said in styles.items():
        texts = said if isinstance(said, dict) else {}
        one, many = texts.get("singular"), texts.get("plural")
        if not (isinstance(one, str) and isinstance(many, str) and one.strip() and many.strip()):
            cause = f"{file}, style “{style[:60]}”: there is no text “singular” and “plural”."
            raise InvalidInput(cause, 'It needs the form {"style": {"singular": "…", "plural": "…"}}.')
        body = f"{{% if count == 1 %}}\n{_escaped(one)}\n{{% else %}}\n{_escaped(many)}\n{{% endif %}}\n{{{{ tags }}}}"
        slug = _slug(style)
        made = _made(f"{kind.name}-{kind.older.get(slug, slug)}", kind, body, file)
        if made.name in found:
            raise InvalidInput(f"{file}: two styles come down to the name “{made.name}”.", "Rename one of them.")
        found[made.name] = made
    return list(found.values())


def _template(text: str, file: str, name: str) -> Imported:
    marks = set(_MARK.findall(text))
    named = {_FOREIGN[mark] for mark in marks}
    if not named:
        wanted = ", ".join(_FOREIGN)
        raise InvalidInput(
            f"{file} names none of the placeholders {wanted}, and is no prompt of Tagloom's.",
            "Put a placeholder where the tags belong, or choose another file.",
        )
    fitting = [kind for kind in KINDS.values() if kind.styles and named <= kind.names]
    if not name:
        if not fitting:
            raise InvalidInput(f"{file} names {', '.join(sorted(marks))}: nothing fills all of these in.", "Split it.")
        name = f"{fitting[0].name}-{_slug(PurePath(file).stem)}"
    kind = _known(name, file)
    body = _MARK.sub(lambda mark: f"{{{{ {_FOREIGN[mark.group()]} }}}}", _escaped(text.strip("\n")))
    return _made(name, kind, body, file)


def _escaped(text: str) -> str:
    """A text that means itself in a template of ours."""
    return _ROLE_LINE.sub('{{ "[" }}', _JINJA.sub(lambda mark: f'{{{{ "{mark.group()}" }}}}', text))


def _made(name: str, kind: Kind, body: str, file: str) -> Imported:
    head = f"name: {name}\nversion: 1\ntask: {kind.task}\nmax_tokens: {kind.max_tokens}\nschema: none\nspacing: exact"
    text = f"---\n{head}\n---\n[user]\n{body}\n"
    read_prompt(text, file)
    return Imported(name, text)


def _known(name: str, file: str) -> Kind:
    kind = kind_of(name)
    if kind is None:
        raise InvalidInput(f"{file}: there is no kind of prompt for the name “{name}”.", f"Kinds: {', '.join(KINDS)}.")
    return kind


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].strip("-") or "own"
