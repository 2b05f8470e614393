"""Figures computed by hand beside those of the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from core.corpora.deleting import delete_items
from core.corpora.mapping import Mapping
from core.errors import InvalidInput, NotFound
from core.store.schema import run as run_table
from core.store.schema import suggestion
from core.tagging.comparing import agents_agreement
from core.tagging.evaluation import evaluate, evaluate_run, figures_of, micro, read_vocabulary
from core.tagging.insights import insights
from core.vocabulary.store import add_alias
from tests.making import ANN, add_tags, corpus_of, decide, event, generate, ids_of, merge_tags, suggest

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


# counted in other ways


def whole(database, run):
    with database.read() as connection:
        return figures_of(connection, run, read_vocabulary(connection))


def test_free_tags_are_wrong_and_their_words_are_scored_before_matching(database, tags):
    bees, honey = tags["bees"], tags["honey"]
    said = {
        "a": [(bees, "Bees", 0.9, {}), (None, "honeycomb", 0.5, {})],
        "d": [(bees, "apis", 0.9, {}), (None, "Unheard  Of", 0.4, {})],
        "e": [(honey, "sweet stuff", 0.9, {"match": "meaning"})],
    }
    found = whole(database, generate(database, said))
    # correct: bees of a, bees of d (apis), honey of e; said 5; gold in the vocabulary: a 2, d 1, e 1
    assert (found["correct"], found["suggested"], found["gold"]) == (3, 5, 4)
    assert (found["in_vocabulary"]["correct"], found["in_vocabulary"]["suggested"]) == (3, 3)
    # exact: the label APIS of d is not called bees
    assert (found["exact"]["correct"], found["exact"]["suggested"], found["exact"]["gold"]) == (2, 5, 4)
    # before matching, every label counts: bees of a, apis and “unheard of” of d; said 5, labels 5
    before = found["before_matching"]
    assert (before["correct"], before["suggested"], before["gold"]) == (3, 5, 5)
    assert [each["recall"] for each in before["at_k"][:2]] == [0.4, 0.6]
    assert found["coverage"]["free_tags"] == 2 and found["coverage"]["vocabulary_used"] == 2
    assert found["gold_labels"] == 5


def test_a_selective_run_has_no_words_before_matching(database, tags):
    found = whole(database, suggest(database, {"a": [(tags["bees"], 0.9), (tags["ants"], 0.8)], "e": []}))
    assert found["before_matching"] is None and found["interval"] is None
    assert found["coverage"] == {
        "items_with_tag": 1,
        "items_share": 0.5,
        "vocabulary_used": 2,
        "vocabulary": 3,
        "vocabulary_share": 0.6667,
        "tags_per_item": 1.0,
        "free_tags": 0,
    }
    assert [each["recall"] for each in found["at_k"]] == [round(1 / 3, 6)] * 10


def test_merged_tags_count_as_what_they_mean(database, tags):
    run = suggest(database, {"e": [(tags["ants"], 0.9), (tags["honey"], 0.8)]})
    merge_tags(database, tags["ants"], tags["honey"])
    found = whole(database, run)
    assert (found["correct"], found["suggested"], found["gold"]) == (1, 1, 1)


def test_a_free_tag_that_is_in_the_vocabulary_by_now_is_right(database, tags):
    run = generate(database, {"d": [(None, "Unheard of", 0.4, {})]})
    assert whole(database, run)["correct"] == 0
    add_tags(database, "unheard of")
    assert whole(database, run)["correct"] == 1


def test_saying_the_same_twice_is_redundant(database, tags):
    more = add_tags(database, "neural network", "neural-networks", "GPT-2", "GPT-3")
    run = suggest(database, {"a": [(tag, 0.5) for tag in (*more.values(), tags["bees"])]})
    assert whole(database, run)["redundancy"] == {"near_duplicates": 1, "share": 0.2}


def test_the_tags_that_are_wrong_most_often_with_their_items(database, tags):
    bees, honey, ants = tags["bees"], tags["honey"], tags["ants"]
    run = suggest(database, {"a": [(ants, 0.9)], "e": [(ants, 0.9), (bees, 0.5)], "f": [(honey, 0.9)]})
    ids = ids_of(database)
    worst = whole(database, run)["worst"]
    assert [(t["name"], t["mistakes"], t["items"]) for t in worst["over"]] == [
        ("ants", 2, [ids["a"], ids["e"]]),
        ("bees", 1, [ids["e"]]),
    ]
    assert [(t["name"], t["mistakes"], t["gold"]) for t in worst["missed"]] == [("honey", 2, 3), ("bees", 1, 1)]


def test_runs_of_other_tasks_are_not_scored(database, tags):
    run = suggest(database, {"a": [(tags["bees"], 0.9)]})
    database.write(lambda c: c.execute(update(run_table).values(task="candidates")) and None)
    with pytest.raises(InvalidInput):
        evaluated(database)
    assert run


# the two agents beside each other, and the tab


def test_agents_compared(database, tags):
    bees, honey, ants = tags["bees"], tags["honey"], tags["ants"]
    with database.read() as connection:
        assert agents_agreement(connection, corpus_of(database)) is None
    suggest(database, {"a": [(bees, 0.9), (honey, 0.8)], "b": [(ants, 0.9)], "c": [], "d": [(bees, 0.9)]})
    generate(
        database,
        {
            "a": [(bees, "bees", 0.9, {}), (honey, "honey", 0.9, {})],
            "b": [(bees, "bees", 0.9, {}), (None, "wax", 0.1, {})],
            "c": [],
            "e": [(bees, "bees", 0.9, {})],
        },
    )
    with database.read() as connection:
        found = agents_agreement(connection, corpus_of(database))
    assert (found["items"], found["mean_jaccard"]) == (3, 0.6667)
    assert found["histogram"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2] and sum(found["disagree"].values()) == 1
    # over a, b, c: bees 1/3 and 2/3 of the items, honey 1/3 and 1/3, ants 1/3 and 0; they differ twice
    assert found["kappa"] == pytest.approx(1 - 2 / 3 / (5 / 9 + 4 / 9 + 1 / 3))


def test_insights_before_and_after(database, tags):
    def now():
        with database.read() as connection:
            return insights(connection, corpus_of(database))

    empty = now()
    assert (empty["items"], empty["gold"], empty["tagged"], empty["runs"], empty["agreement"]) == (6, True, 0, [], None)
    assert empty["review"]["acceptance"] == {"items": 0, "tags_per_item": 0.0, "agents": []}
    bees, ants = tags["bees"], tags["ants"]
    suggest(database, {"a": [(bees, 0.9), (ants, 0.8)], "b": [(ants, 0.3)]})
    generate(database, {"a": [(bees, "bees", 0.9, {}), (None, "wax", 0.1, {}), (None, "comb", 0.1, {})]})
    done = event(ids_of(database)["a"], 0, "done", [bees], [ants], blind=True)
    done["after"]["dropped"] = ["wax"]
    decide(database, done)
    found = now()
    assert [run["method"] for run in found["runs"]] == ["generative", "selective"] and found["tagged"] == 2
    review = found["review"]
    assert (review["decisions"], review["people"], review["blind"], review["counts"]["done"]) == (1, 1, 1, 1)
    assert review["acceptance"] == {
        "items": 1,
        "tags_per_item": 1.0,
        "agents": [
            {"agent": "S", "accepted": 1, "rejected": 1, "undecided": 0},
            {"agent": "G", "accepted": 1, "rejected": 1, "undecided": 1},
        ],
    }


def test_insights_of_a_corpus_without_gold(database, import_rows):
    import_rows(database, [{"id": "1", "title": "x"}], "Songs", mapping=MAPPING)
    with database.read() as connection:
        found = insights(connection, corpus_of(database, "Songs"))
    assert (found["gold"], found["runs"]) == (False, [])
