"""The import job: rows become items, and tags that people had accepted elsewhere become decisions here."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from core.corpora.catalog import Corpus
from core.corpora.companions import Companions
from core.corpora.importing import Labelled, import_file
from core.corpora.mapping import Mapping
from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.review.boxes import fields_of
from core.review.decisions import State, load_states, project
from core.review.meanings import meanings, unite
from core.store.schema import STATUS_CODE, STATUSES, decision, item
from core.vocabulary.store import add_tag, revision

IMPORTER = "import"  # stands as the person of decisions that came with a file


def import_job(job: JobContext) -> dict[str, Any]:
    """Arguments: path, name, corpus, kind, mapping, companions ({"split" | "names": {path, name}}).

    Result: counts, see ImportReport.
    """
    arguments = job.arguments
    report = import_file(
        job.database,
        Path(arguments["path"]),
        name=arguments["name"],
        corpus_name=arguments["corpus"],
        kind=arguments.get("kind", "items"),
        companions=Companions.read(arguments.get("companions") or {}),
        mapping=Mapping.from_json(arguments["mapping"]),
        import_id=job.job.id,
        on_labels=restore_labels,
        on_progress=job.progress,
    )
    job.progress(report.rows, report.rows, force=True)
    job.log(f"{report.new} new, {report.updated} updated, {report.unchanged} unchanged, {report.skipped} skipped")
    return report.as_dict()


def restore_labels(connection: Connection, corpus: Corpus, labelled: list[Labelled]) -> None:
    """Turn accepted tags that came with rows into decisions; an item that already stands so is left alone. In a corpus
    that has no tags to decide only the status is taken over."""
    if not labelled:
        return
    keys = [pk for pk, _ in labelled]
    rows = connection.execute(select(item.c.pk, item.c.status).where(item.c.pk.in_(keys)))
    field = fields_of(corpus.kind)[0]
    states = load_states(connection, {row[0]: row[1] for row in rows}, field)
    for pk, draft in labelled:
        accepted = []
        for name in (draft.tags or ()) if field == "tags" else ():
            try:
                accepted.append(add_tag(connection, name, IMPORTER))
            except InvalidInput:
                continue  # an empty or endless name: the item itself is imported
        state = states[pk]
        status = draft.status if draft.status in STATUSES else ("done" if accepted else "pending")
        status = str(status)
        tags = unite(accepted, meanings(connection, accepted))
        if (status, tags) == (state.status, state.accepted) or (status == "pending" and not tags):
            continue
        after = State(status, tags, (), state.version + 1, IMPORTER, time.time(), state.dropped, state.boxes)
        values = {
            "uuid": str(uuid.uuid4()),
            "item": pk,
            "corpus": corpus.pk,
            "field": field,
            "person": IMPORTER,
            "action": "accept" if STATUS_CODE[status] == STATUS_CODE["done"] else "edit",
            "undone": 0,
            "before": state.content(),
            "after": after.content(),
            "shown": orjson.dumps({"source": "import"}).decode(),
            "blind": 0,
            "applied": 1,
            "base_version": state.version,
            "version": after.version,
            "vocabulary_revision": revision(connection),
            "at": time.time(),
        }
        connection.execute(insert(decision), values)
        project(connection, pk, field, state, after)
