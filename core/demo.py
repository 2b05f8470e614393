"""The demo project: made at the first start from assets/demo, so that there is work to do at once."""

from __future__ import annotations

import secrets
from pathlib import Path

from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from core.errors import NotFound
from core.jobs.queue import JobQueue
from core.store.projects import DEMO, Host
from core.vocabulary.importing import import_new, parse, read_text

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "demo"
CORPUS = "Stories"
PERSON = "demo"


def ensure_demo(host: Host) -> None:
    """Make the project “demo” when it is not there: its vocabulary, its stories, and a job for each of
    the two taggers."""
    try:
        host.project(DEMO)
        return
    except NotFound:
        pass
    project = host.create_project(DEMO)
    database = host.open(project.slug)
    tags, first = parse(read_text(FOLDER / "vocabulary.csv"))
    import_new(database, tags, PERSON, first)
    stories = FOLDER / "stories.jsonl"
    mapping = guess_mapping(inspect(stories))
    report = import_file(
        database, stories, name=stories.name, corpus_name=CORPUS, mapping=mapping, import_id=secrets.token_hex(6)
    )
    for method in ("selective", "generative"):
        arguments = {"corpus": report.corpus_id, "method": method, "engine": "builtin", "top_k": 8}
        JobQueue(host).create(project.slug, "tag", f"Tag {CORPUS} ({method}, builtin)", arguments, person=PERSON)
