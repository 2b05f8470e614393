import pytest
from sqlalchemy import select

from core.corpora import clues
from core.corpora.clues import read_items, sample_items
from core.corpora.deleting import delete_items
from core.corpora.mapping import Mapping
from core.errors import NotFound
from core.store.runs import (
    Answer,
    Recipe,
    answered,
    find_run,
    list_runs,
    run_counts,
    start_run,
    store_answers,
)
from core.store.schema import run, run_item, suggestion
from tests.making import ANN, add_tags, corpus_of, count, ids_of, rows_of, suggest

RECIPE = Recipe("tags", "selective", "builtin", "a model", {"top_k": 8, "threshold": 0.5, "limit": None}, seed=7)
MAPPING = Mapping({"id": "id", "title": "title", "body": "body", "labels": "gold", "note": "keep"})


@pytest.fixture
def talks(database, import_rows):
    rows = [
        {"id": str(n), "title": f"Talk {n}", "body": f"words {n}", "labels": ["secret"], "note": "kept"}
        for n in range(10)
    ]
    import_rows(database, rows, mapping=MAPPING)
    return corpus_of(database)


def start(database, corpus, recipe=RECIPE, job=None):
    return database.write(lambda c: start_run(c, corpus.pk, recipe, ANN, job))


def test_a_run_is_written_down_once(database, talks):
    add_tags(database, "bees")
    first = start(database, talks, job="job1")
    assert start(database, talks, job="job1") == first, "a job that goes on finds its own run"
    assert start(database, talks, job="job2") != first
    assert start(database, talks) != start(database, talks), "without a job each is a new one"
    with database.read() as connection:
        stored = connection.execute(select(run).where(run.c.id == first)).one()
        listed = list_runs(connection, talks.pk)
    assert (stored.method, stored.engine, stored.model, stored.seed, stored.person) == (
        "selective",
        "builtin",
        "a model",
        7,
        ANN,
    )
    assert stored.vocabulary_revision == 1
    assert [entry["id"] for entry in listed] == sorted((e["id"] for e in listed), key=int, reverse=True)
    assert listed[-1]["parameters"] == RECIPE.parameters and listed[-1]["items"] == 0


def test_items_are_read_without_gold_and_kept_fields(database, talks):
    (first, *_) = read_items(database, talks)
    assert first.title == "Talk 0" and first.id == ids_of(database)["0"]
    assert [(c.field, c.kind, c.text) for c in first.clues] == [
        ("title", "title", "Talk 0"),
        ("body", "body", "words 0"),
    ]
    assert "secret" not in repr(first) and "kept" not in repr(first)


@pytest.mark.parametrize("ahead", [1, 3, 10, 256])
def test_items_are_read_in_order_in_short_reads(database, talks, monkeypatch, ahead):
    monkeypatch.setattr(clues, "READ_AHEAD", ahead)
    pks = [row.pk for row in rows_of(database)]
    delete_items(database, [ids_of(database)["4"]], ANN)
    live = pks[:4] + pks[5:]
    assert [i.pk for i in read_items(database, talks)] == live
    assert [i.pk for i in read_items(database, talks, after=live[2])] == live[3:]
    assert [i.pk for i in read_items(database, talks, limit=5)] == live[:5]
    assert [i.pk for i in read_items(database, talks, after=live[6], limit=5)] == live[7:]
    assert list(read_items(database, talks, limit=0)) == []


def test_a_sample_is_spread_and_always_the_same(database, talks):
    titles = [i.title for i in sample_items(database, talks, 4)]
    assert titles == ["Talk 0", "Talk 2", "Talk 5", "Talk 7"]
    assert [i.title for i in sample_items(database, talks, 4)] == titles
    assert len(sample_items(database, talks, 100)) == 10


def test_answers_are_counted_by_state(database, talks):
    tags = add_tags(database, "bees")
    pks = [row.pk for row in rows_of(database)]
    this = start(database, talks)
    row = {"field": "tags", "tag": int(tags["bees"]), "score": 0.5, "rank": 1, "evidence": "[]", "validity": "valid"}
    answers = [
        Answer(pks[0], rows=[row, row | {"rank": 2}]),
        Answer(pks[1]),
        Answer(pks[2], "failed", "boom"),
        Answer(pks[3], "invalid"),
    ]
    with database.read() as connection:
        assert answered(connection, this)[0] == 0
    database.write(lambda c: store_answers(c, this, answers))
    with database.read() as connection:
        assert run_counts(connection, this) == {
            "items": 4,
            "ok": 2,
            "invalid": 1,
            "refused": 0,
            "failed": 1,
            "suggestions": 2,
        }
        assert answered(connection, this) == (4, pks[3])
        assert find_run(connection, str(this)).id == this
    assert count(database, run_item) == 4 and count(database, suggestion) == 2


@pytest.mark.parametrize("name", ["", "x", "0", "999", "-1", "1.0", "²", "9" * 30, "1 "])
def test_a_run_that_is_not_there(database, talks, name):
    suggest(database, {"0": []})
    with database.read() as connection, pytest.raises(NotFound) as missing:
        find_run(connection, name)
    assert missing.value.remedy
