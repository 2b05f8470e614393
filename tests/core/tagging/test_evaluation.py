"""Figures computed by hand beside those of the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from core.corpora.deleting import delete_items
from core.corpora.mapping import Mapping
from core.errors import InvalidInput, NotFound
from core.store.schema import suggestion
from core.tagging.evaluation import evaluate, evaluate_run, micro
from core.vocabulary.store import add_alias
from tests.making import ANN, add_tags, corpus_of, ids_of, suggest

MAPPING = Mapping({"id": "id", "title": "title", "labels": "gold"})


@pytest.fixture
def tags(database, import_rows):
    rows = [
        {"id": "a", "title": "A", "labels": ["Bees", "honey"]},
        {"id": "b", "title": "B", "labels": []},
        {"id": "c", "title": "C"},
        {"id": "d", "title": "D", "labels": ["APIS", "unheard of"]},
        {"id": "e", "title": "E", "labels": ["honey"]},
        {"id": "f", "title": "F", "labels": ["honey"]},
    ]
    import_rows(database, rows, mapping=MAPPING)
    tags = add_tags(database, "bees", "honey", "ants")
    database.write(lambda c: add_alias(c, int(tags["bees"]), "apis", ANN))
    return tags


def scores(database, run):
    with database.read() as connection:
        return evaluate_run(connection, run)


def evaluated(database, runs=None, corpus="Talks"):
    with database.read() as connection:
        return evaluate(connection, corpus_of(database, corpus), runs)


def test_micro_figures_by_hand(database, tags):
    bees, ants = tags["bees"], tags["ants"]
    run = suggest(
        database, {"a": [(bees, 0.9), (ants, 0.8)], "b": [(ants, 0.7)], "c": [(bees, 0.6)], "d": [(bees, 0.5)], "e": []}
    )
    # correct: bees of a, bees of d (its gold says apis) = 2; suggested: a 2, b 1, d 1 = 4 (c has no gold at all)
    # gold: a 2, d 1 (“unheard of” is not in the vocabulary), e 1 = 4 (f was not tagged); labels: a 2, d 2, e 1 = 5
    assert scores(database, run) == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "correct": 2,
        "suggested": 4,
        "gold": 4,
        "scored_items": 4,
        "gold_in_vocabulary": 0.8,
    }


def test_uneven_figures_by_hand(database, tags):
    run = suggest(database, {"a": [(tags[n], 0.5) for n in ("bees", "honey", "ants")], "f": [(tags["ants"], 0.4)]})
    found = scores(database, run)
    assert (found["correct"], found["suggested"], found["gold"]) == (2, 4, 3)
    assert (found["precision"], found["recall"], found["f1"]) == (0.5, round(2 / 3, 6), round(4 / 7, 6))


def test_deleted_items_and_invalid_suggestions_do_not_count(database, tags):
    run = suggest(database, {"a": [(tags["bees"], 0.9), (tags["ants"], 0.1)], "e": [(tags["honey"], 0.9)]})
    assert scores(database, run)["correct"] == 2
    delete_items(database, [ids_of(database)["e"]], ANN)
    change = update(suggestion).where(suggestion.c.tag == int(tags["ants"])).values(validity="invalid")
    database.write(lambda c: c.execute(change) and None)
    found = scores(database, run)
    assert (found["correct"], found["suggested"], found["gold"], found["scored_items"]) == (1, 1, 2, 1)


def test_without_any_gold_there_is_no_score(database, tags):
    run = suggest(database, {"c": [(tags["bees"], 0.9)], "b": []})
    assert scores(database, run) is None
    with pytest.raises(InvalidInput) as refused:
        evaluated(database)
    assert "gold" in refused.value.message and refused.value.remedy


def test_runs_newest_first_or_those_asked_for(database, tags):
    first = suggest(database, {"a": [(tags["bees"], 0.9)]})
    suggest(database, {"c": [(tags["bees"], 0.9)]})  # without gold: no figures
    last = suggest(database, {"a": [(tags["ants"], 0.9)]}, method="generative")
    found = evaluated(database)
    assert [entry["run"] for entry in found] == [str(last), str(first)]
    assert [entry["method"] for entry in found] == ["generative", "selective"]
    assert [entry["f1"] for entry in found] == [0.0, round(2 / 3, 6)]
    assert {"engine", "model", "parameters", "items"} <= set(found[0])
    assert [entry["run"] for entry in evaluated(database, [str(first)])] == [str(first)]


def test_what_cannot_be_evaluated(database, tags, import_rows):
    with pytest.raises(InvalidInput) as untagged:
        evaluated(database)
    assert "tag" in untagged.value.remedy
    run = suggest(database, {"a": [(tags["bees"], 0.9)]})
    import_rows(database, [{"id": "1", "title": "x", "labels": ["bees"]}], "Songs", mapping=MAPPING)
    with pytest.raises(InvalidInput) as other:
        evaluated(database, [str(run)], "Songs")
    assert "Talks" in other.value.message
    for unknown in ("99", "x", "²", ""):
        with pytest.raises(NotFound):
            evaluated(database, [unknown])


sets = st.sets(st.integers(0, 5))


@given(st.lists(st.tuples(sets, sets)))
def test_micro_agrees_with_its_definition(pairs):
    found = micro(pairs)
    said = [(n, tag) for n, (suggested, _) in enumerate(pairs) for tag in suggested]
    true = [(n, tag) for n, (_, gold) in enumerate(pairs) for tag in gold]
    both = set(said) & set(true)
    precision = len(both) / len(said) if said else 0.0
    recall = len(both) / len(true) if true else 0.0
    assert (found.precision, found.recall) == (precision, recall)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert found.f1 == pytest.approx(f1)
    assert 0 <= found.f1 <= 1
