"""The mapping screen's data: what a file holds, what each column seems to be, and its items as they would be."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from core.corpora.mapping import CompiledMapping, DraftItem, Mapping, guess_mapping
from core.corpora.reading import Inspection, Problem, Row, inspect
from core.corpora.rendering import display_title, render
from core.errors import InvalidInput

# role → (label, what it means), in the order of the role chooser
ROLE_HELP = {
    "title": ("Title", "Shown first, and in lists"),
    "caption": ("Description", "A short text about the item"),
    "category": ("Category", "A class that the item has already"),
    "ocr": ("Text in the picture", "Read off an image or cover"),
    "speech": ("Speech", "A transcript"),
    "body": ("Long text", "Article, details, lyrics"),
    "clue": ("Other text to show", "Shown to people and sent to taggers"),
    "id": ("Id", "Names the item for good; importing again updates it"),
    "gold": ("Gold tags", "The true labels; never shown to a tagger"),
    "tags": ("Accepted tags", "Tags that people have accepted already"),
    "status": ("Review status", "From a Tagloom export"),
    "media": ("Picture or sound", "A path or address of a file"),
    "link": ("Link", "The item's page on the web"),
    "keep": ("Keep, do not show", "Stored and exported, not used for tagging"),
    "ignore": ("Leave out", "Not imported"),
}
SPLIT_HELP = {
    "python-list": "['a', 'b']",
    "json-list": '["a", "b"]',
    "bare-list": "[a, b]",
    "comma": "a, b",
    "semicolon": "a; b",
    "pipe": "a | b",
    "single": "one tag a cell",
}


def suggested_name(file_name: str) -> str:
    """A corpus name from a file name: "ted_talks (1).csv" → "ted talks"."""
    stem = re.sub(r"\s*\(\d+\)$", "", Path(file_name).stem)
    return " ".join(re.sub(r"[_\-.]+", " ", stem).split())[:80] or "corpus"


def inspect_with_mapping(path: Path, name: str, mapping: Mapping | None = None) -> dict[str, Any]:
    """Look into a file and map its first rows.

    Args:
        mapping: the person's corrections; None to guess.

    Raises:
        InvalidInput, UnsafeInput: the file cannot be read, or the mapping names a column that it has not.
    """
    found = inspect(path, name=name)
    guessed = guess_mapping(found)
    used = mapping or guessed
    missing = sorted(set(used.roles) - {column.name for column in found.columns})
    if missing:
        raise InvalidInput(f"The file has no column “{missing[0]}”.", "Choose among the columns shown.")
    return {
        "name": name,
        "suggested_corpus": suggested_name(name),
        "format": found.format,
        "files": list(found.files),
        "encoding": found.encoding,
        "delimiter": found.delimiter,
        "estimated_rows": found.estimated_rows,
        "tagloom_export": found.tagloom_export,
        "columns": [
            {
                **asdict(column),
                "role": used.roles.get(column.name, "keep"),
                "why": _why(column.name, used, guessed),
                "split": used.split.get(column.name),
            }
            for column in found.columns
        ],
        "rows": list(found.rows),
        "problems": [asdict(problem) for problem in found.problems],
        "roles": [{"value": role, "label": label, "help": text} for role, (label, text) in ROLE_HELP.items()],
        "splits": [{"value": split, "label": label} for split, label in SPLIT_HELP.items()],
        "mapping": used.to_json(),
        "previews": previews(found, used),
    }


def _why(column: str, used: Mapping, guessed: Mapping) -> str:
    same = used.roles.get(column) == guessed.roles.get(column)
    return guessed.explain.get(column, "") if same else "chosen by you"


def previews(found: Inspection, mapping: Mapping) -> list[dict[str, Any]]:
    """Each looked-at row as the item that it would become, or the problem that keeps it out."""
    compiled = CompiledMapping(mapping)
    shown: list[dict[str, Any]] = []
    for number, values in enumerate(found.rows, start=1):
        draft = compiled(Row(found.files[0] if found.files else "", number, values))
        if isinstance(draft, Problem):
            shown.append({"title": "", "fields": [], "kept": [], "problem": asdict(draft)})
        else:
            shown.append({**_item(draft, mapping), "problem": None})
    return shown


def _item(draft: DraftItem, mapping: Mapping) -> dict[str, Any]:
    fields = render(draft.fields, mapping.roles)
    clue = {field.name for field in fields}
    return {
        "title": display_title(draft.fields, mapping.roles),
        "fields": [{"name": f.name, "label": f.label, "kind": f.kind, "text": f.text[:4000]} for f in fields],
        "kept": [{"name": n, "text": _plain(v)[:500]} for n, v in draft.fields.items() if n not in clue],
        "gold": None if draft.gold is None else list(draft.gold),
        "tags": None if draft.tags is None else list(draft.tags),
        "external_id": draft.external_id,
        "link": draft.link,
        "media": draft.media,
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
