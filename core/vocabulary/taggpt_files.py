"""TagGPT's `final_tags.csv` brought in whole: rows become tags, what they absorbed becomes proposals."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.store.database import BulkPace, Database
from core.store.runs import Recipe, start_run
from core.vocabulary.importing import import_new, read_text
from core.vocabulary.listing import uses_of_all
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.proposals import Proposal, store_proposals
from core.vocabulary.store import NewTag, all_tags, lookup
from core.vocabulary.taggpt import Import, likeness, proposals, read_final_tags, write_final_tags

KIND = "vocabulary-import"
GROUP = 500
FEW_ROWS = 500  # of so few rows, the page waits; more are a job
SHARED = 0.8  # what a string that several tags absorbed is worth beside one with one owner
PROBLEMS = {"refusal": "the words of a model that would not answer", "chatter": "a sentence of a model, not a tag"}


def import_final_tags(
    database: Database,
    text: str,
    person: str,
    *,
    job: str | None = None,
    name: str = "final_tags.csv",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Bring a file in: every row a tag, absorbed strings as alias proposals, refusals as proposals to archive.

    Returns:
        {added, updated, unchanged, skipped, problems, batch, rows, repeated, proposals: {alias, archive},
        collisions: {ambiguous, own_names, opposites, refusals}, examples}
    """
    read = read_final_tags(text)
    found = proposals(read)
    total = len(found.tags) + len(found.aliases) + len(found.archive)

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, total)

    tell(0)
    changes = import_new(database, [NewTag(tag) for tag in found.tags], person, progress=tell)
    recipe = Recipe("vocabulary", "import", "builtin", "", {"file": name})
    run_id = database.write(lambda c: start_run(c, 0, recipe, person, job))
    made = _proposals(database, found)
    stored = _store(database, run_id, made, lambda done: tell(len(found.tags) + done))
    kinds = {kind: sum(p.kind == kind for p in made) for kind in ("alias", "archive")}
    return {
        **changes.as_dict(),
        "problems": [*read.problems, *changes.problems],
        "rows": len(read.rows),
        "repeated": found.repeated,
        "proposals": {**kinds, **stored},
        "collisions": {
            "ambiguous": found.ambiguous,
            "own_names": found.own_names,
            "opposites": len(found.opposites),
            "refusals": len(found.refusals),
        },
        "examples": {
            "opposites": [f"{tag} ≠ {alias} ({reason})" for tag, alias, reason in found.opposites[:8]],
            "archive": [entry.name for entry in found.archive[:8]],
        },
    }


def _proposals(database: Database, found: Import) -> list[Proposal]:
    """Proposals with the ids that the tags have; strings too long for an alias are left out."""
    keys = {name_key(name) for name in found.tags}
    with database.read() as connection:
        known = lookup(connection, keys)
    made = []
    for entry in found.aliases:
        into = known.get(name_key(entry.tag))
        if into is None or not _fits(entry.alias):
            continue
        several = len(entry.owners) > 1
        score = round((0.5 + 0.5 * likeness(entry.alias, entry.tag)) * (SHARED if several else 1.0), 4)
        reasons = [f"TagGPT absorbed it into “{entry.tag}”."]
        if several:
            others = ", ".join(f"“{owner}”" for owner in entry.owners if owner != entry.tag)
            reasons.append(f"The file has it under {others}, too." if len(others) < 200 else "Many tags absorbed it.")
        detail = {"items": 0, "reasons": reasons, "examples": [], "readable": True}
        made.append(Proposal("alias", entry.alias, score, 0, entry.tag, into_tag=into, detail=detail))
    for each in found.archive:
        about = {"items": 0, "reasons": [f"It is {PROBLEMS[each.problem]}."], "examples": [], "readable": True}
        tag = known.get(name_key(each.name))
        if tag is not None:
            made.append(Proposal("archive", each.name, 1.0, 0, tag=tag, detail=about))
    return made


def _fits(name: str) -> bool:
    try:
        return bool(clean_name(name))
    except InvalidInput:
        return False


def _store(database: Database, run_id: int, made: list[Proposal], tell: Callable[[int], None]) -> dict[str, int]:
    totals = {"new": 0, "renewed": 0, "decided": 0}
    pace = BulkPace(database)
    for start in range(0, len(made), GROUP):
        part = made[start : start + GROUP]
        began = time.perf_counter()
        stored = database.write(lambda c, p=part: store_proposals(c, run_id, p))  # type: ignore[misc]
        pace(time.perf_counter() - began)
        totals = {name: n + stored[name] for name, n in totals.items()}
        tell(start + len(part))
    return totals


def import_job(job: JobContext) -> dict[str, Any]:
    """Arguments: path, name. Result: see `import_final_tags`, with at most 100 problems."""
    text = read_text(Path(job.arguments["path"]))
    report = import_final_tags(
        job.database,
        text,
        job.job.person,
        job=job.job.id,
        name=job.arguments["name"],
        progress=lambda done, total: job.progress(done, total),
    )
    job.progress(job.total or 0, job.total, force=True)
    job.log(f"{report['added']:,} tags added, {report['proposals']['alias']:,} aliases proposed")
    return {**report, "problems": report["problems"][:100], "problem_count": len(report["problems"])}


def export_final_tags(connection: Connection) -> tuple[str, int]:
    """The active vocabulary as a `final_tags.csv`, the most used tag first, and how many tags it has."""
    used = uses_of_all(connection)
    uses = {row[0]: row[1] for row in connection.execute(select(used.c.tag, used.c.uses))}
    tags = sorted(all_tags(connection), key=lambda tag: (-uses.get(tag.id, 0), tag.id))
    return write_final_tags((tag.name, tag.aliases) for tag in tags), len(tags)
