"""The builtin tagger as it finds candidates for a language model: prepared once on a sample of the corpus, and kept.

A trial, an estimate and a run must ask the same questions, or the run pays again for what the trial has paid for. They
do, because they find candidates with the same prepared tagger: it is kept under a hash of all that it is made of.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from core.corpora.catalog import Corpus
from core.corpora.clues import TaggableItem, sample_items
from core.embedding.vectors import TextEncoder
from core.errors import InvalidInput
from core.store.database import Database
from core.store.projects import Host
from core.tagging.selective import SelectiveTagger
from core.tagging.storage import STATE_VERSION
from core.vocabulary.entries import TagEntry

SAMPLE = 400  # items: more do not find more of the right tags among 40 candidates, and take their time
KEPT = 20  # prepared taggers, the last ones used
_last: dict[str, SelectiveTagger] = {}  # the newest one of this process
_lock = threading.Lock()


def candidate_sample(database: Database, corpus: Corpus) -> list[TaggableItem]:
    """The items that the tagger learns the corpus' ways of speaking from."""
    return sample_items(database, corpus, SAMPLE)


def candidate_tagger(
    host: Host,
    sample: Sequence[TaggableItem],
    entries: Sequence[TagEntry],
    encoder: TextEncoder,
    *,
    make: bool = True,
    progress: Callable[[], object] | None = None,
) -> SelectiveTagger | None:
    """The tagger for a sample of a corpus and a vocabulary, as it was prepared before, else prepared now.

    Args:
        make: False: only if it is there already; None otherwise.
        progress: called now and then while it is prepared; what it raises stops that.
    """
    key = _key(sample, entries, encoder)
    with _lock:
        known = _last.get(key)
    if known is not None:
        return known
    path = host.settings.home / "cache" / "taggers" / f"{key}.json"
    tagger = _stored(path, encoder)
    if tagger is None:
        if not make:
            return None
        tagger = SelectiveTagger(entries, encoder)
        tagger.prepare([item.clues for item in sample], progress=progress)
        _keep(path, tagger.state())
    with _lock:
        _last.clear()
        _last[key] = tagger
    return tagger


def _key(sample: Sequence[TaggableItem], entries: Sequence[TagEntry], encoder: TextEncoder) -> str:
    tags = sorted([tag.id, tag.name, list(tag.aliases), tag.description] for tag in entries)
    digest = sha256(orjson.dumps([STATE_VERSION, encoder.name, tags]))
    for item in sample:
        digest.update(orjson.dumps([[clue.field, clue.kind, clue.text] for clue in item.clues]))
    return digest.hexdigest()


def _stored(path: Path, encoder: TextEncoder) -> SelectiveTagger | None:
    try:
        state = orjson.loads(path.read_bytes())
        os.utime(path)
        return SelectiveTagger.from_state(state, encoder)
    except (OSError, orjson.JSONDecodeError, InvalidInput):  # not there, or not as it should be: made anew
        return None


def _keep(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(orjson.dumps(state))
    part.replace(path)
    others = sorted(path.parent.glob("*.json"), key=lambda each: -each.stat().st_mtime)
    for old in others[KEPT:]:
        old.unlink(missing_ok=True)
