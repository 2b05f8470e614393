"""What agents say of items today: free tags, tags merged and archived since, and the newest answer of each agent."""

import orjson
import pytest
from sqlalchemy import update

from core.corpora.mapping import Mapping
from core.review.exporting import export_corpus
from core.review.queue import item_detail, review_page
from core.review.suggestions import newest_runs, suggestions_of
from core.store.runs import Answer, store_answers
from core.store.schema import run, suggestion
from core.vocabulary.store import add_alias
from tests.making import (
    ANN,
    add_tags,
    archive_tag,
    corpus_of,
    decide,
    event,
    generate,
    ids_of,
    merge_tags,
    rows_of,
    suggest,
)

MAPPING = Mapping({"id": "id", "title": "title"})


@pytest.fixture
def tags(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(3)], mapping=MAPPING)
    return add_tags(database, "bees", "ants", "moths")


def said(database, item="0"):
    pk = {row.external_id: row.pk for row in rows_of(database)}[item]
    with database.read() as connection:
        return suggestions_of(connection, [pk]).get(pk, [])


def near(tag, similarity):
    return {"tag": tag, "name": "as it was called then", "similarity": similarity}


def test_a_free_tag_with_what_is_near_it(database, tags):
    detail = {"votes": 2, "samples": 5, "nearest": [near(tags["bees"], 0.7), near(tags["ants"], 0.61234567)]}
    generate(database, {"0": [(None, "Honey  Making", 0.4, detail)]})
    (entry,) = said(database)
    assert {k: entry[k] for k in ("tag", "name", "value", "key", "new", "votes", "samples", "agent", "method")} == {
        "tag": None,
        "name": "Honey  Making",
        "value": "Honey  Making",
        "key": "honey making",
        "new": True,
        "votes": 2,
        "samples": 5,
        "agent": "G",
        "method": "generative",
    }
    assert entry["nearest"] == [
        {"tag": tags["bees"], "name": "bees", "similarity": 0.7},
        {"tag": tags["ants"], "name": "ants", "similarity": 0.6123},
    ]


def test_a_matched_tag_keeps_the_words_that_were_said(database, tags):
    detail = {"votes": 3, "samples": 5, "match": "meaning", "similarity": 0.84}
    generate(database, {"0": [(tags["bees"], "honey makers", 0.6, detail)]})
    (entry,) = said(database)
    assert (entry["tag"], entry["name"], entry["value"], entry["match"]) == (
        tags["bees"],
        "bees",
        "honey makers",
        "meaning",
    )
    assert (entry["similarity"], entry["votes"]) == (0.84, 3) and "new" not in entry


def test_near_tags_that_were_merged_or_archived_since(database, tags):
    detail = {"nearest": [near(tags["ants"], 0.7), near(tags["bees"], 0.6), near(tags["moths"], 0.5), near("999", 0.4)]}
    generate(database, {"0": [(None, "honey", 0.4, detail)]})
    merge_tags(database, tags["ants"], tags["bees"])
    archive_tag(database, tags["moths"])
    assert said(database)[0]["nearest"] == [{"tag": tags["bees"], "name": "bees", "similarity": 0.7}]


def test_a_free_tag_that_the_vocabulary_has_by_now_is_that_tag(database, tags):
    generate(database, {"0": [(None, "Honey", 0.4, {}), (None, "apis", 0.3, {}), (None, "pismires", 0.2, {})]})
    assert [entry["tag"] for entry in said(database)] == [None, None, None]
    honey = add_tags(database, "honey")["honey"]
    database.write(lambda c: add_alias(c, int(tags["bees"]), "Apis", ANN))
    database.write(lambda c: add_alias(c, int(tags["moths"]), "pismires", ANN))
    merge_tags(database, tags["moths"], tags["ants"])
    assert [(e["tag"], e["name"], e["value"]) for e in said(database)] == [
        (honey, "honey", "Honey"),
        (tags["bees"], "bees", "apis"),
        (tags["ants"], "ants", "pismires"),
    ]
    archive_tag(database, honey)
    assert said(database)[0]["tag"] is None, "an archived tag is in no vocabulary"


def test_merged_tags_are_said_once_and_archived_ones_not_at_all(database, tags):
    evidence = [{"field": "title", "passage": "x", "start": 0, "end": 1, "match": "exact"}]
    suggest(database, {"0": [(tags["ants"], 0.5), (tags["bees"], 0.7), (tags["moths"], 0.2)]}, evidence=evidence)
    merge_tags(database, tags["ants"], tags["bees"])
    archive_tag(database, tags["moths"])
    (entry,) = said(database)
    assert (entry["tag"], entry["name"], entry["score"], entry["rank"]) == (tags["bees"], "bees", 0.7, 1)
    assert len(entry["evidence"]) == 2
    archive_tag(database, tags["bees"])
    assert said(database) == [], "what a merged tag means may be archived"


@pytest.mark.parametrize("change", [{"validity": "refusal"}, {"field": "candidates"}, {"value": None}, {"value": " "}])
def test_what_is_no_free_tag(database, tags, change):
    generate(database, {"0": [(None, "I cannot help with that", 0.4, {})]})
    database.write(lambda c: c.execute(update(suggestion).values(**change)) and None)
    assert said(database) == []


def test_runs_of_other_tasks_say_nothing_here(database, tags):
    generate(database, {"0": [(None, "honey", 0.4, {})]})
    database.write(lambda c: c.execute(update(run).values(task="candidates")) and None)
    assert said(database) == []


def test_an_answer_that_failed_is_none(database, tags):
    first = generate(database, {"0": [(None, "honey", 0.4, {})], "1": []})
    second = generate(database, {"1": [(None, "wax", 0.4, {})]})
    pk = {row.external_id: row.pk for row in rows_of(database)}
    failed = [Answer(pk["0"], "failed", "no answer"), Answer(pk["2"], "refused")]
    database.write(lambda c: store_answers(c, second, failed))
    with database.read() as connection:
        found = newest_runs(connection, sorted(pk.values()))
    assert found == {(pk["0"], "generative"): first, (pk["1"], "generative"): second}


def test_an_entry_of_the_queue_with_two_agents(database, tags):
    suggest(database, {"0": [(tags["bees"], 0.9), (tags["ants"], 0.5)], "1": []})
    generate(database, {"0": [(tags["bees"], "bees", 0.9, {}), (None, "honey", 0.4, {})], "1": []})
    ids = ids_of(database)
    change = {"new": "honey", "to": "mapped", "tag": tags["bees"]}
    mapped = event(ids["0"], 0, "in_progress", [tags["bees"]], action="edit", change=change)
    mapped["after"]["dropped"] = ["honey"]
    decide(database, mapped)
    with database.read() as connection:
        first, second, third = review_page(connection, corpus_of(database), status="all")["items"]
        assert item_detail(connection, ids["0"])["suggestions"][-1]["new"] is True
    assert (first["agents"], first["agreement"], first["mapped"]) == (["G", "S"], 0.5, {"honey": tags["bees"]})
    assert first["state"]["dropped"] == ["honey"]
    assert (second["agents"], second["agreement"], second["suggestions"]) == (["G", "S"], 1.0, [])
    assert (third["agents"], third["agreement"]) == ([], None)


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_an_export_says_what_tags_mean_now(database, tags, tmp_path, format):
    suggest(database, {"0": [(tags["ants"], 0.5)]})
    generate(database, {"0": [(None, "honey", 0.4, {"votes": 1, "samples": 5})]})
    decide(database, event(ids_of(database)["0"], 0, "done", [tags["ants"], tags["bees"]]))
    merge_tags(database, tags["ants"], tags["bees"])
    path = tmp_path / f"out.{format}"
    export_corpus(database, corpus_of(database), path, format, suggestions=True, provenance=True)
    if format != "jsonl":
        assert path.stat().st_size
        return
    row = orjson.loads(path.read_bytes().splitlines()[0])
    assert row["tags"] == ["bees"]
    assert [(s["tag"], s["name"]) for s in row["tagloom_suggestions"]] == [(tags["bees"], "bees"), (None, "honey")]
