import pytest

from core.corpora.browsing import Filter, list_items
from core.corpora.catalog import list_corpora
from core.corpora.deleting import (
    MOST,
    delete_corpus,
    delete_items,
    restore_corpus,
    restore_items,
    undelete_items,
)
from core.errors import Conflict, InvalidInput, NotFound
from core.store.schema import deletion
from tests.making import add_tags, corpus_of, count, decide, event, ids_of, rows_of


@pytest.fixture
def ids(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(6)])
    return ids_of(database)


def left(database, status="all"):
    with database.read() as connection:
        page = list_items(connection, corpus_of(database), Filter(status=status))
    return "".join(card["external_id"] for card in page["items"])


def test_deleted_items_go_and_come_back_as_they_were(database, ids):
    tags = add_tags(database, "bees")
    decide(database, event(ids["1"], 0, "done", [tags["bees"]]))
    answer = delete_items(database, [ids["1"], ids["4"]], "ann")
    assert answer["deleted"] == 2
    assert (left(database), left(database, "deleted")) == ("0235", "14")
    assert list_corpora(database)[0]["items"] == 4 and list_corpora(database)[0]["status"]["done"] == 0
    assert restore_items(database, answer["undo"]) == {"restored": 2}
    assert left(database) == "012345" and left(database, "done") == "1"
    assert restore_items(database, answer["undo"]) == {"restored": 0}, "once is enough"


def test_each_deletion_has_its_own_undo(database, ids):
    first = delete_items(database, [ids["0"]], "ann")
    second = delete_items(database, [ids["0"], ids["1"], ids["1"]], "bob")
    assert second["deleted"] == 1, "an item that is gone already stays with the first deletion"
    restore_items(database, first["undo"])
    assert left(database) == "02345"
    restore_items(database, second["undo"])
    assert left(database) == "012345"
    with database.read() as connection:
        people = [row.person for row in connection.execute(deletion.select().order_by(deletion.c.pk))]
    assert people == ["ann", "bob"]


def test_single_items_can_be_brought_back(database, ids):
    delete_items(database, [ids["0"], ids["1"]], "ann")
    assert undelete_items(database, [ids["1"], ids["5"]]) == {"restored": 1}
    assert left(database) == "12345"


@pytest.mark.parametrize("wrong", [[], ["x"], ["1" * 9 + "é"], ["\0" * 9]])
def test_unusable_ids_delete_nothing(database, ids, wrong):
    with pytest.raises((InvalidInput, NotFound)) as refused:
        delete_items(database, wrong and [ids["0"], *wrong], "ann")
    assert refused.value.message and refused.value.remedy
    assert left(database) == "012345"


def test_an_id_of_another_project_deletes_nothing(database, ids):
    forged = ids["0"][:-1] + ("0" if ids["0"][-1] != "0" else "1")
    assert delete_items(database, [forged], "ann")["deleted"] == 0
    assert left(database) == "012345"


def test_too_many_at_once_are_refused(database, ids):
    with pytest.raises(InvalidInput):
        delete_items(database, [ids["0"]] * (MOST + 1), "ann")
    assert left(database) == "012345"


def test_a_deletion_that_never_was(database, ids):
    for undo in (restore_items, restore_corpus):
        with pytest.raises(NotFound):
            undo(database, "nonsense")


def test_a_corpus_goes_and_comes_back(database, ids):
    answer = delete_corpus(database, "talks", "ann")
    assert answer["deleted"] == 6
    assert list_corpora(database) == []
    with pytest.raises(NotFound):
        corpus_of(database)
    corpus = restore_corpus(database, answer["undo"])
    assert corpus.name == "Talks" and left(database) == "012345"
    with pytest.raises(NotFound):
        restore_corpus(database, answer["undo"])


def test_items_deleted_before_their_corpus_stay_deleted(database, ids):
    delete_items(database, [ids["2"]], "ann")
    answer = delete_corpus(database, corpus_of(database).id, "ann")
    assert answer["deleted"] == 5
    restore_corpus(database, answer["undo"])
    assert left(database) == "01345"


def test_a_name_taken_meanwhile_is_a_conflict(database, ids, import_rows):
    answer = delete_corpus(database, "Talks", "ann")
    import_rows(database, [{"id": "0", "title": "Another talk"}])
    assert [row.title for row in rows_of(database)] == ["Another talk"], "a new corpus, not the deleted one"
    with pytest.raises(Conflict):
        restore_corpus(database, answer["undo"])
    second = delete_corpus(database, "Talks", "ann")
    assert restore_corpus(database, answer["undo"]).name == "Talks"
    assert left(database) == "012345"
    with pytest.raises(Conflict):
        restore_corpus(database, second["undo"])


def test_an_undo_of_items_brings_no_corpus_back(database, ids):
    items = delete_items(database, [ids["0"]], "ann")
    corpus = delete_corpus(database, "Talks", "ann")
    with pytest.raises(NotFound):
        restore_corpus(database, items["undo"])
    restore_items(database, corpus["undo"])
    assert list_corpora(database) == []
    assert restore_corpus(database, corpus["undo"]).name == "Talks"
    assert count(database, deletion) == 2
