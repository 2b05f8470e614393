"""The demo project: made at the first start from assets/demo, so that there is work to do at once."""

from __future__ import annotations

import secrets
from pathlib import Path

from core.captions.request import check_request
from core.captions.styles import STYLES
from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from core.errors import NotFound
from core.jobs.queue import JobQueue
from core.store.database import Database
from core.store.projects import DEMO, Host
from core.vocabulary.importing import import_new, parse, read_text

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "demo"
CORPUS = "Stories"
MUSIC = "Tracks"
PERSON = "demo"


def ensure_demo(host: Host) -> None:
    """Make the project “demo” when it is not there: its vocabulary, its stories with a job for each of the two taggers,
    and its music with a job that captions it."""
    try:
        host.project(DEMO)
        return
    except NotFound:
        pass
    project = host.create_project(DEMO)
    database = host.open(project.slug)
    tags, first = parse(read_text(FOLDER / "vocabulary.csv"))
    import_new(database, tags, PERSON, first)
    stories = _import(database, "stories.jsonl", CORPUS, "items")
    music = _import(database, "music.jsonl", MUSIC, "music")
    queue = JobQueue(host)
    arguments = {"corpus": music, **check_request({"styles": list(STYLES), "engine": "builtin"})}
    queue.create(project.slug, "caption-music", f"Caption {MUSIC} (builtin)", arguments, person=PERSON)
    for method in ("selective", "generative"):
        arguments = {"corpus": stories, "method": method, "engine": "builtin", "top_k": 8}
        queue.create(project.slug, "tag", f"Tag {CORPUS} ({method}, builtin)", arguments, person=PERSON)


def _import(database: Database, file: str, corpus: str, kind: str) -> str:
    """Import a file of the demo; returns the corpus' id."""
    path = FOLDER / file
    mapping = guess_mapping(inspect(path), kind)
    report = import_file(
        database, path, name=file, corpus_name=corpus, mapping=mapping, import_id=secrets.token_hex(6), kind=kind
    )
    return report.corpus_id
