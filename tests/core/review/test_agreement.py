"""Agreement of the two agents: by hand, kept up to date, and as a queue."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from core.corpora.deleting import delete_items
from core.corpora.mapping import Mapping
from core.errors import InvalidInput
from core.review.agreement import (
    disagreement_counts,
    jaccard,
    keeping_agreement,
    recompute_agreement,
    update_agreement,
    update_agreement_of_tags,
)
from core.review.queue import review_page
from core.store.runs import Recipe, start_run
from core.store.schema import item_agreement
from core.vocabulary.deciding import accept_above
from core.vocabulary.proposals import Proposal, store_proposals
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
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(8)], mapping=MAPPING)
    return add_tags(database, "bees", "ants", "moths")


def stored(database):
    names = {row.pk: row.external_id for row in rows_of(database)}
    with database.read() as connection:
        return {names[row.item]: row.agreement for row in connection.execute(select(item_agreement))}


def work_out(database):
    keys = [row.pk for row in rows_of(database)]
    database.write(lambda c: update_agreement(c, keys))
    return stored(database)


def answers(tags, *names):
    return [(tags.get(name), name, 0.5, {}) for name in names]


def test_agreement_by_hand(database, tags):
    bees, ants, moths = tags["bees"], tags["ants"], tags["moths"]
    suggest(
        database,
        {
            "0": [(bees, 0.9), (ants, 0.8)],
            "1": [(bees, 0.9), (ants, 0.5), (moths, 0.4)],
            "2": [],
            "3": [(bees, 0.9)],
            "4": [(moths, 0.9)],
        },
    )
    generate(
        database,
        {
            "0": answers(tags, "bees", "ants"),
            "1": answers(tags, "bees", "honey", "Honey ", "wax"),  # words that are new count not at all
            "2": [],
            "3": [],
            "5": answers(tags, "bees"),
        },
    )
    assert work_out(database) == {"0": 1.0, "1": pytest.approx(1 / 3), "2": 1.0, "3": 0.0}


def test_the_newest_answers_count(database, tags):
    suggest(database, {"0": [(tags["bees"], 0.9)]})
    generate(database, {"0": answers(tags, "ants")})
    assert work_out(database) == {"0": 0.0}
    generate(database, {"0": answers(tags, "bees")})
    assert work_out(database) == {"0": 1.0}
    suggest(database, {"0": []})
    assert work_out(database) == {"0": 0.0}


def test_merged_and_archived_tags(database, tags):
    suggest(database, {"0": [(tags["bees"], 0.9)], "1": [(tags["ants"], 0.9)], "2": [(tags["bees"], 0.9)]})
    generate(
        database, {"0": answers(tags, "ants"), "1": answers(tags, "ants", "moths"), "2": answers(tags, "bees", "moths")}
    )
    assert work_out(database) == {"0": 0.0, "1": 0.5, "2": 0.5}
    merge_tags(database, tags["ants"], tags["bees"])
    database.write(lambda c: update_agreement_of_tags(c, [int(tags["ants"])]))
    assert stored(database) == {"0": 1.0, "1": 0.5, "2": 0.5}
    archive_tag(database, tags["moths"])
    database.write(lambda c: update_agreement_of_tags(c, [int(tags["moths"])]))
    assert stored(database) == {"0": 1.0, "1": 1.0, "2": 1.0}


def test_a_corpus_worked_out_anew(database, tags):
    suggest(database, {str(n): [(tags["bees"], 0.9)] for n in range(8)})
    generate(database, {str(n): answers(tags, "bees" if n % 2 else "ants") for n in range(8)})
    expected = stored(database)
    assert len(expected) == 8
    database.write(lambda c: c.execute(delete(item_agreement)) and None)
    told = []
    assert recompute_agreement(database, corpus_of(database), told.append) == {"items": 8, "disagree": 4}
    assert stored(database) == expected and told[-1] == 8


def test_the_queue_of_disagreements(database, tags):
    suggest(database, {str(n): [(tags["bees"], 0.9)] for n in range(8)})
    generate(database, {str(n): answers(tags, "ants" if n in (1, 3, 6, 7) else "bees") for n in range(7)})
    ids = ids_of(database)
    decide(database, event(ids["3"], 0, "done"))

    def page(**options):
        with database.read() as connection:
            return review_page(connection, corpus_of(database), queue="disagree", **options)

    def names(answer):
        return [entry["external_id"] for entry in answer["items"]]

    first = page(limit=1)
    assert names(first) == ["1"] and first["total"] == 8
    assert first["disagree"] == {"pending": 2, "in_progress": 0, "done": 1, "skipped": 0, "again": 0}
    second = page(limit=1, cursor=first["next"])
    assert names(second) == ["6"] and second["next"] is None, "7 has one answer only"
    assert names(page(status="all")) == ["1", "3", "6"]
    assert names(page(status="done")) == ["3"]
    assert names(page(status="all", cursor=str(10**9), direction="previous", limit=2)) == ["3", "6"]
    assert names(page(start_at=ids["2"], limit=2)) == ["2", "6"], "the item that was asked for comes first"
    delete_items(database, [ids["6"]], ANN)
    assert names(page()) == ["1"] and page()["disagree"]["pending"] == 1
    with database.read() as connection:
        assert sum(disagreement_counts(connection, corpus_of(database).pk + 1).values()) == 0
        with pytest.raises(InvalidInput):
            review_page(connection, corpus_of(database), queue="nonsense")


sets = st.sets(st.integers(0, 6))


@given(sets, sets)
def test_jaccard_agrees_with_its_definition(one, other):
    together = one | other
    assert jaccard(one, other) == jaccard(other, one) == (len(one & other) / len(together) if together else 1.0)


def test_an_edit_in_several_writes_counts_too(database, tags):
    suggest(database, {"0": [(tags["bees"], 0.9)]})
    generate(database, {"0": answers(tags, "ants")})
    assert stored(database) == {"0": 0.0}
    recipe = Recipe("vocabulary", "build", "builtin", "none", {})
    run = database.write(lambda c: start_run(c, 0, recipe, ANN, None))
    database.write(lambda c: store_proposals(c, run, [Proposal("merge", "ants", 0.9, 1, into="bees")]))
    keeping_agreement(database, lambda: accept_above(database, 0.5, "", ANN, str(uuid.uuid4())))
    assert stored(database) == {"0": 1.0}
