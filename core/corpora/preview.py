"""The mapping screen's data: what a file holds, what each column seems to be, and its items as they would be."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from core.corpora.formats.options import ENCODINGS, FOUND_OUT, ReadOptions
from core.corpora.mapping import CompiledMapping, DraftItem, Mapping, guess_mapping
from core.corpora.reading import Inspection, Problem, Row, inspect
from core.corpora.rendering import display_title, render
from core.corpora.roles import ROLE_LABELS
from core.errors import InvalidInput

# role → what it means
ROLE_HELP = {
    "title": "Shown first, and in lists",
    "caption": "A short text about the item",
    "category": "A class that the item has already",
    "ocr": "Read off an image or cover",
    "speech": "A transcript",
    "body": "Article, details, lyrics",
    "clue": "Shown to people and sent to taggers",
    "id": "Names the item for good; importing again updates it",
    "gold": "The true labels; never shown to a tagger",
    "tags": "Tags that people have accepted already",
    "status": "From a Tagloom export",
    "media": "A path or address of a file",
    "link": "The item's page on the web",
    "keep": "Stored and exported, not used for tagging",
    "ignore": "Not imported",
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


def inspect_with_mapping(
    path: Path, name: str, mapping: Mapping | None = None, options: ReadOptions = FOUND_OUT
) -> dict[str, Any]:
    """Look into a file and map its first rows.

    Args:
        mapping: the person's corrections, and how they said that the file is to be read; None to guess.
        options: how to read the file where no mapping says so.

    Raises:
        InvalidInput, UnsafeInput: the file cannot be read, or the mapping names a column that it has not.
    """
    found = inspect(path, name=name, options=mapping.reading if mapping else options)
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
        "header": found.header,
        "sheets": list(found.sheets),
        "reading": found.options.to_json(),
        "encodings": [{"value": codec, "label": label} for codec, label in ENCODINGS.items()],
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
        "roles": [{"value": role, "label": label, "help": ROLE_HELP[role]} for role, label in ROLE_LABELS.items()],
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
