"""Tags from a file, from pasted text, or from a corpus' gold labels; and the vocabulary as a csv file.

A file is a plain list (one tag a line) or a csv with a header that has a `name` (or `tag`) column and, if
wanted, `description`, `aliases` (separated by `|`, or a JSON list) and `parent`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.corpora.catalog import Corpus, find_corpus
from core.corpora.formulas import guard, unguard
from core.errors import InvalidInput
from core.store.database import Database
from core.store.schema import item
from core.vocabulary.names import LONGEST, clean_name, name_key
from core.vocabulary.sheet import Sheet
from core.vocabulary.store import Changes, NewTag, all_tags, new_batch, set_parents, tag_names

NAME_COLUMNS = ("name", "tag", "label")
LARGEST_BYTES = 64 * 1024 * 1024
GROUP = 500  # tags written in one transaction


def read_text(path: Path) -> str:
    """The text of a vocabulary file.

    Raises:
        InvalidInput: it is missing, too large, or not text.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InvalidInput(f"{path.name} is larger than 64 MB.", "A vocabulary is a list of tags: split the file.")
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path.name} cannot be read: {error.strerror or error}.", "Check the path and its rights."
        ) from error
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise InvalidInput(f"{path.name} is not a text file.", "Use a plain list of tags, or csv with a name column.")


def parse(text: str) -> tuple[list[NewTag], int]:
    """The tags of a plain list or csv, and the row number of the first one.

    Raises:
        InvalidInput: there is no tag in it.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=header_line.count)
    header = [cell.strip().casefold() for cell in next(csv.reader([header_line], delimiter=delimiter), [])]
    column = next((name for name in NAME_COLUMNS if name in header), None)
    if column is None or (len(header) == 1 and len(lines) == 1):
        tags = [NewTag(" ".join(line.split()).removeprefix("- ").removeprefix("* ")) for line in lines if line.strip()]
        first = 1
    else:
        try:
            tags = list(_csv_rows(text, delimiter, header, column))
        except csv.Error as error:
            raise InvalidInput(f"The table cannot be read: {error}.", "Save it as csv again.") from error
        first = 2
    if not tags:
        raise InvalidInput("There is no tag in it.", "Give one tag a line, or csv with a name column.")
    return tags, first


def _csv_rows(text: str, delimiter: str, header: list[str], column: str) -> Any:
    csv.field_size_limit(2**24)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    next(row for row in rows if any(cell.strip() for cell in row))  # the header
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: unguard(cell) for name, cell in zip(header, row, strict=False)}
        aliases = tuple(a.strip() for a in _aliases(cells.get("aliases", "")) if a.strip())
        yield NewTag(
            cells.get(column, ""), cells.get("description", "").strip(), aliases, cells.get("parent", "").strip()
        )


def _aliases(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            found = orjson.loads(cell)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, list) and all(isinstance(alias, str) for alias in found):
            return found
    return cell.split("|")


def _aliases_cell(aliases: tuple[str, ...]) -> str:
    """Joined by `|`; as a JSON list where that would come back as others."""
    joined = "|".join(aliases)
    return joined if not aliases or _aliases(joined) == list(aliases) else orjson.dumps(aliases).decode()


def import_tags(connection: Connection, new: list[NewTag], person: str, first_row: int = 1, batch: str = "") -> Changes:
    """Add what is new, fill in descriptions and aliases; nothing is ever removed or merged.
    Parents are set by `set_parents` once every tag is there.

    Args:
        first_row: the row number of the first tag in its file, for messages.
    """
    sheet = Sheet(connection, batch or new_batch(), person)
    changes = Changes(batch=sheet.batch)
    sheet.load(keys=[name_key(name) for entry in new for name in (entry.name, *entry.aliases)])
    sheet.reserve(len(new))
    for number, entry in enumerate(new, start=first_row):
        try:
            _import_one(sheet, entry, changes, number)
        except InvalidInput as error:
            changes.skipped += 1
            changes.problems.append({"row": number, "cause": error.message, "remedy": error.remedy})
    sheet.flush()
    return changes


def _import_one(sheet: Sheet, entry: NewTag, changes: Changes, number: int) -> None:
    name = clean_name(entry.name)
    found = sheet.meaning(name_key(name))
    edits = len(sheet.revisions)
    if found is None:
        tag_id = sheet.add(name, entry.description)
        changes.added += 1
    else:
        tag_id = found
        if entry.description:
            sheet.change(tag_id, "describe", description=entry.description)
        if sheet.row(tag_id)["state"] == "archived":
            changes.problems.append(
                {"row": number, "cause": f"“{name}” is archived here.", "remedy": "Restore it if it is wanted again."}
            )
    for alias in entry.aliases:
        if not alias.strip():
            continue
        try:
            sheet.give_alias(tag_id, alias)
        except InvalidInput:
            cause = f"The alias “{alias[:60]}” of “{name}” already belongs to another tag."
            remedy = "Give the alias to one tag only."
            if len(alias) > LONGEST:
                cause, remedy = f"The alias “{alias[:40]}…” of “{name}” is too long.", "Shorten it."
            changes.problems.append({"row": number, "cause": cause, "remedy": remedy})
    if found is not None:
        changed = len(sheet.revisions) > edits
        changes.updated += changed
        changes.unchanged += not changed


def import_new(
    database: Database,
    tags: list[NewTag],
    person: str,
    first_row: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Changes:
    """Write tags in short transactions (a vocabulary of 40,000 must not stop people from reviewing), as one batch.

    Args:
        progress: called with the number of tags that are written.
    """
    batch = new_batch()
    total = Changes(batch=batch)
    without_parents = [NewTag(t.name, t.description, t.aliases) for t in tags]
    for start in range(0, len(tags), GROUP):
        part = without_parents[start : start + GROUP]
        done = database.write(lambda c, p=part, s=start: import_tags(c, p, person, first_row + s, batch))  # type: ignore[misc]
        total.added += done.added
        total.updated += done.updated
        total.unchanged += done.unchanged
        total.skipped += done.skipped
        total.problems += done.problems
        if progress is not None:
            progress(start + len(part))
    # a parent may stand below its child in the file, so parents come last
    children = [(first_row + i, t) for i, t in enumerate(tags) if t.parent and t.name.strip()]
    for start in range(0, len(children), GROUP):
        group = children[start : start + GROUP]
        total.problems += database.write(lambda c, g=group: set_parents(c, g, person, batch))  # type: ignore[misc]
    return total


def gold_counts(connection: Connection, corpus: Corpus) -> tuple[Counter[str], dict[str, str], int, int]:
    """Distinct items per gold label (by key), the label's commonest spelling, items with gold, all items."""
    counts: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    with_gold = 0
    live = (item.c.corpus == corpus.pk, item.c.deleted == 0)
    rows = connection.execute(
        select(item.c.gold).where(*live, item.c.gold.is_not(None)).execution_options(yield_per=2000)
    )
    for (gold,) in rows:
        names = orjson.loads(gold)
        with_gold += bool(names)
        for key in {name_key(name) for name in names if name.strip()}:
            counts[key] += 1
        for name in names:
            spellings.setdefault(name_key(name), Counter())[name] += 1
    total = connection.execute(select(func.count()).select_from(item).where(*live)).scalar_one()
    best = {key: min(found, key=lambda n: (-found[n], n)) for key, found in spellings.items()}
    return counts, best, with_gold, total


def preview_gold(connection: Connection, name: str, min_items: int) -> dict[str, Any]:
    """What `import_gold` would bring: {tags, skipped, labels, covered_items, items, top}.

    `skipped`: labels used that often that are too long for a tag."""
    corpus = find_corpus(connection, name)
    counts, best, with_gold, total = gold_counts(connection, corpus)
    often = [(key, n) for key, n in counts.most_common() if n >= min_items]
    chosen = [(key, n) for key, n in often if _is_name(best[key])]
    return {
        "tags": len(chosen),
        "skipped": len(often) - len(chosen),
        "labels": len(counts),
        "covered_items": with_gold,
        "items": total,
        "top": [{"name": best[key], "items": n} for key, n in chosen[:12]],
    }


def _is_name(label: str) -> bool:
    try:
        clean_name(label)
    except InvalidInput:
        return False
    return True


def import_gold(database: Database, name: str, min_items: int, person: str) -> Changes:
    """Make the gold labels that stand on at least `min_items` items of a corpus part of the vocabulary.

    Raises:
        InvalidInput: the corpus has no gold label used that often.
    """
    if min_items < 1:
        raise InvalidInput("A label must be used at least once.", "Give a number from 1.")
    with database.read() as connection:
        corpus = find_corpus(connection, name)
        counts, best, _, _ = gold_counts(connection, corpus)
    chosen = sorted(best[key] for key, n in counts.items() if n >= min_items)
    if not chosen:
        what = f"used at least {min_items} times" if counts else "at all"
        raise InvalidInput(
            f"“{corpus.name}” has no gold labels {what}.", "Map a column to the role gold, or ask for fewer uses."
        )
    return import_new(database, [NewTag(label) for label in chosen], person)


def export_csv(connection: Connection, spreadsheet_safe: bool = True) -> str:
    """The active vocabulary as csv: name, description, aliases, parent; `parse` reads it back."""
    tags = all_tags(connection)
    parents = tag_names(connection, {t.parent for t in tags if t.parent})
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", "description", "aliases", "parent"])
    for tag in tags:
        cells = [tag.name, tag.description, _aliases_cell(tag.aliases), parents.get(tag.parent or 0, "")]
        writer.writerow([guard(cell) for cell in cells] if spreadsheet_safe else cells)
    return out.getvalue()
