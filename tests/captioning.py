"""A small corpus of songs and captions for it: what tests of captions share."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import delete, insert

from core.captions.styles import field_of
from core.corpora.mapping import Mapping
from core.store.database import Database
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import item_caption
from tests.making import ANN, corpus_of, ids_of, rows_of

SONGS = Mapping(
    {
        "id": "id",
        "title": "names",
        "artist": "names",
        "tags": "given",
        "caption": "reference",
        "file": "media",
        "page": "link",
    },
    {"tags": "comma"},
)


def song(name: str, tags: str = "piano, calm", **more: Any) -> dict[str, Any]:
    """A row of a file of songs."""
    return {"id": name, "title": f"Blue Lantern {name}", "artist": "The Otters", "tags": tags, **more}


def import_songs(
    import_rows: Any, database: Database, rows: list[dict[str, Any]], corpus: str = "Songs"
) -> dict[str, str]:
    """External id → public id of songs imported as music."""
    import_rows(database, rows, corpus, mapping=SONGS, kind="music")
    return ids_of(database, corpus)


def store_captions(
    database: Database,
    method: str,
    answers: dict[str, list[str] | str | None],
    corpus: str = "Songs",
    *,
    verdicts: dict[str, str] | None = None,
    predicted: tuple[str, ...] = (),
    checks: dict[str, Any] | None = None,
    job: str | None = None,
) -> int:
    """A run of one style (or of a system “other:…”) as its job writes it: texts by external id, the best first; None
    for a request that failed. Returns the run."""
    found = corpus_of(database, corpus)
    keys = {row.external_id: row.pk for row in rows_of(database, corpus)}
    recipe = Recipe("captions", method, "builtin", "builtin", {})

    def write(connection: Any) -> int:
        run = start_run(connection, found.pk, recipe, ANN, job)
        for name, said in answers.items():
            texts = [said] if isinstance(said, str) else said or []
            detail = orjson.dumps({"checks": checks, "predicted": list(predicted), "variant": 0}).decode()
            rows = [
                {
                    "field": field_of(method),
                    "value": text,
                    "score": 1.0,
                    "rank": rank,
                    "evidence": "[]",
                    "validity": "valid",
                    "detail": detail,
                }
                for rank, text in enumerate(texts, start=1)
            ]
            state, error = ("ok", None) if texts else ("failed", "The server did not answer.")
            store_answers(connection, run, [Answer(keys[name], state, error, rows)])
            _project(connection, run, keys[name], method, found.pk, bool(texts), (verdicts or {}).get(name, "pass"))
        return run

    return database.write(write)


def _project(connection: Any, run: int, pk: int, method: str, corpus: int, said: bool, verdict: str) -> None:
    from sqlalchemy import select

    from core.store.schema import suggestion

    query = select(suggestion.c.pk).where(suggestion.c.run == run, suggestion.c.item == pk, suggestion.c.rank == 1)
    where = (item_caption.c.item == pk) & (item_caption.c.field == field_of(method))
    connection.execute(delete(item_caption).where(where))
    values = {
        "item": pk,
        "field": field_of(method),
        "corpus": corpus,
        "run": run,
        "suggestion": connection.execute(query).scalar(),
        "verdict": verdict if said else "none",
        "reasons": "[]",
    }
    connection.execute(insert(item_caption), values)
