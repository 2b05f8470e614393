"""The mapping screen's data: what a file holds, what each column seems to be, and its items as they would be."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from core.corpora.companions import NO_COMPANIONS, Companions
from core.corpora.formats.options import ENCODINGS, FOUND_OUT, ReadOptions
from core.corpora.given import given_of, names_of, number_list, reference_of
from core.corpora.guessing_music import guess_kind
from core.corpora.labels import attach_labels, nameless, read_labels
from core.corpora.mapping import CompiledMapping, DraftItem, Mapping, guess_mapping
from core.corpora.reading import Inspection, Problem, Row, inspect
from core.corpora.rendering import display_title, music_title, render
from core.corpora.roles import FACT_ROLES, ROLE_LABELS
from core.corpora.values import CUSTOM, is_absent
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
    "given": "What captions are written from and checked against",
    "flag": "The column's name is a tag of the rows that hold 1",
    "weights": "Numbers from 0 to 1 (or 100), one for each tag",
    "names": "Shown to people and looked for in captions, never sent",
    "reference": "A caption by somebody else, to measure against; never sent",
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
    "newline": "one a line",
    "tab": "set apart by tabs",
    "single": "one tag a cell",
}
SPLIT_NAMES = {
    "python-list": "Python list",
    "json-list": "JSON list",
    "bare-list": "list without quotes",
    "comma": "set apart by commas",
    "semicolon": "set apart by semicolons",
    "pipe": "set apart by bars",
    "newline": "one tag a line",
    "tab": "set apart by tabs",
    "single": "one tag a cell",
    "weighted": "tags with weights behind a colon",
    "pairs": "tags with numbers",
}
SHAPE_HELP = {
    **SPLIT_HELP,
    "vector": "0, 1, 0: a place for each tag",
    "weighted": "rock:0.8, pop:0.1",
    "pairs": '[["rock", 100], ["pop", 40]]',
}
"""The same for given tags, which come in more shapes."""


def suggested_name(file_name: str) -> str:
    """A corpus name from a file name: "ted_talks (1).csv" → "ted talks"."""
    stem = re.sub(r"\s*\(\d+\)$", "", Path(file_name).stem)
    return " ".join(re.sub(r"[_\-.]+", " ", stem).split())[:80] or "corpus"


def prepare(
    path: Path,
    name: str,
    *,
    kind: str | None = None,
    mapping: Mapping | None = None,
    options: ReadOptions = FOUND_OUT,
    companions: Companions = NO_COMPANIONS,
    labels: tuple[Path, str] | None = None,
) -> tuple[str, Inspection, Mapping, Mapping]:
    """Look into a file, with the files beside it.

    Args:
        kind: of the corpus; None to guess.
        mapping: the person's; None to guess.
        labels: path and name of a label file.

    Returns:
        The kind, the inspection with joined columns, the mapping to use, and the guessed one.

    Raises:
        InvalidInput, UnsafeInput: a file cannot be read, or does not fit the others.
    """
    found = inspect(path, name=name, options=mapping.reading if mapping else options)
    kind = kind or guess_kind(found)
    guessed = guess_mapping(found, kind)
    if companions.columns:
        id_column = next(iter((mapping or guessed).columns("id")), None)
        found = companions.inspection(found, id_column)
        guessed = companions.mapping(guessed)
        mapping = companions.mapping(mapping) if mapping else None
    used = (mapping or guessed).with_shapes(found.rows)
    if labels is not None:
        used = attach_labels(used, read_labels(*labels), found.rows, labels[1])
    return kind, found, used, guessed


def inspect_with_mapping(
    path: Path,
    name: str,
    mapping: Mapping | None = None,
    options: ReadOptions = FOUND_OUT,
    *,
    kind: str | None = None,
    companions: Companions = NO_COMPANIONS,
    labels: tuple[Path, str] | None = None,
) -> dict[str, Any]:
    """Look into a file and map its first rows.

    Args:
        mapping: the person's corrections, and how they said that the file is to be read; None to guess.
        options: how to read the file where no mapping says so.
        kind, companions, labels: as for `prepare`.

    Raises:
        InvalidInput, UnsafeInput: the file cannot be read, or the mapping names a column that it has not.
    """
    kind, found, used, guessed = prepare(
        path, name, kind=kind, mapping=mapping, options=options, companions=companions, labels=labels
    )
    missing = sorted(set(used.roles) - {column.name for column in found.columns})
    if missing:
        raise InvalidInput(f"The file has no column “{missing[0]}”.", "Choose among the columns shown.")
    return {
        "name": name,
        "suggested_corpus": suggested_name(name),
        "kind": kind,
        "joined": dict(companions.shown),
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
                "shape": _shape(column.name, used, found) if used.roles.get(column.name) == "given" else "",
            }
            for column in found.columns
        ],
        "rows": list(found.rows),
        "problems": [asdict(problem) for problem in (*found.problems, *nameless(name, used, found.rows))],
        "roles": [
            {"value": role, "label": ROLE_LABELS[role], "help": ROLE_HELP[role]} for role in _choices(kind, used)
        ],
        "splits": [{"value": split, "label": label} for split, label in SPLIT_HELP.items()],
        "shapes": [{"value": shape, "label": label} for shape, label in SHAPE_HELP.items()],
        "mapping": used.to_json(),
        "previews": previews(found, used),
    }


def _choices(kind: str, mapping: Mapping) -> list[str]:
    """The roles to choose among: those that mean something for the kind of corpus, and those in use."""
    if kind == "music":
        useful = [*FACT_ROLES, "id", "media", "link", "keep", "ignore"]
    else:
        useful = [role for role in ROLE_LABELS if role not in FACT_ROLES]
    return [*useful, *(role for role in dict.fromkeys(mapping.roles.values()) if role not in useful)]


def _shape(column: str, mapping: Mapping, found: Inspection) -> str:
    """The shape of a column of given tags in words: “0/1 list of 50 places, not named”."""
    how = mapping.split.get(column, "")
    cells = [row[column] for row in found.rows if not is_absent(row.get(column))]
    labels = mapping.labels.get(column)
    named = "" if labels is None else f", named by {len(labels):,} labels"
    if how == "vector":
        sizes = {len(number_list(cell)) for cell in cells if not isinstance(cell, bool) and _numbers(cell)}
        places = " or ".join(str(size) for size in sorted(sizes)[:3])
        return f"0/1 list of {places} places{named or ', not named yet'}"
    if how in SPLIT_NAMES:
        return f"{SPLIT_NAMES[how]}{named}" if any(isinstance(cell, str) for cell in cells) else f"a list{named}"
    return f"set apart by “{how.removeprefix(CUSTOM)}”{named}"


def _numbers(cell: Any) -> bool:
    try:
        return bool(number_list(cell))
    except ValueError:
        return False


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
    given = given_of(draft.fields, mapping) if mapping.columns("given", "flag") else None
    names = names_of(draft.fields, mapping)
    plain = display_title(draft.fields, mapping.roles)
    clue = {field.name for field in fields} | {c for c, role in mapping.roles.items() if role in FACT_ROLES}
    return {
        "title": plain if given is None else music_title(names, draft.external_id, plain),
        "names": names,
        "given": None if given is None else [asdict(each) for each in given],
        "reference": reference_of(draft.fields, mapping),
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
