"""How an agent's answer ended reaches the reviewer, with the model's own words in the drawer."""

import pytest

from core.corpora.mapping import Mapping
from core.review.queue import item_detail, review_page
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import reply
from tests.making import ANN, corpus_of, ids_of, rows_of

MAPPING = Mapping({"id": "id", "title": "title"})
RAW = '{"choices": [{"message": {"content": "I would rather not."}, "finish_reason": "stop"}]}'


@pytest.fixture
def answered(database, import_rows):
    """`answered(method, {external id: (state, flags)})`: a run with these answers."""
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(4)], mapping=MAPPING)
    pks = {row.external_id: row.pk for row in rows_of(database)}

    def answered(method, answers):
        def write(connection):
            recipe = Recipe("tags", method, "openai", "small", {})
            run = start_run(connection, corpus_of(database).pk, recipe, ANN, None)
            values = {
                "endpoint": "e",
                "model": "small",
                "sample": 0,
                "request": "{}",
                "raw": RAW,
                "usage": "{}",
                "at": 1,
            }
            key = connection.execute(reply.insert().values(key=f"k{run}", **values)).inserted_primary_key[0]
            made = [
                Answer(pks[n], state, None if state == "ok" else "Why.", replies={0: key}, flags=flags)
                for n, (state, flags) in answers.items()
            ]
            store_answers(connection, run, made)

        database.write(write)

    return answered


def shown(database):
    with database.read() as connection:
        page = review_page(connection, corpus_of(database))
    return {entry["external_id"]: entry["answers"] for entry in page["items"]}


def test_what_did_not_simply_go_well_is_told(database, answered):
    answered("selective", {"0": ("ok", []), "1": ("refused", []), "2": ("ok", ["fenced", "language"])})
    answered("generative", {"1": ("ok", ["prose"]), "3": ("invalid", ["reasked"])})
    told = shown(database)
    assert told["0"] == [] and [(a["agent"], a["state"]) for a in told["1"]] == [("S", "refused")]
    assert [a["flags"] for a in told["2"]] == [["language"]], "a fence has cost nothing"
    assert [(a["agent"], a["state"], a["error"], a["flags"]) for a in told["3"]] == [
        ("G", "invalid", "Why.", ["reasked"])
    ]
    assert not any("raw" in a for answers in told.values() for a in answers)


def test_only_the_newest_attempt_counts(database, answered):
    answered("selective", {"1": ("refused", []), "2": ("ok", [])})
    answered("selective", {"1": ("ok", []), "2": ("failed", [])})
    told = shown(database)
    assert told["1"] == [] and [a["state"] for a in told["2"]] == ["failed"]


def test_the_drawer_has_the_model_s_own_words(database, answered):
    answered("selective", {"1": ("refused", [])})
    with database.read() as connection:
        (answer,) = item_detail(connection, ids_of(database)["1"])["answers"]
    assert answer["raw"] == "I would rather not." and answer["model"] == "small"
