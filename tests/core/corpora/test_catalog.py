import pytest

from core.corpora.catalog import (
    KINDS,
    corpus_by_pk,
    ensure_corpus,
    find_corpus,
    list_corpora,
    name_key,
    status_counts,
)
from core.errors import InvalidInput, NotFound
from core.store.schema import STATUSES
from tests.making import add_tags, corpus_of, decide, event, ids_of, suggest


def ensure(database, name, kind="items", roles=None):
    mapping = {"roles": roles or {"title": "title"}}
    return database.write(lambda c: ensure_corpus(c, name, kind, mapping, "file.csv"))


def test_a_corpus_is_found_by_name_and_by_id(database):
    corpus, new = ensure(database, "  My   Talks ")
    assert new and corpus.name == "My Talks"
    again, new = ensure(database, "my talks")
    assert not new and again.id == corpus.id and again.name == "My Talks"
    with database.read() as connection:
        for name in ("My Talks", "MY TALKS", " my  talks ", corpus.id):
            assert find_corpus(connection, name).id == corpus.id
        assert corpus_by_pk(connection, corpus.pk).id == corpus.id
        with pytest.raises(NotFound) as unknown:
            find_corpus(connection, "Songs")
        with pytest.raises(NotFound):
            corpus_by_pk(connection, 99)
    assert "Songs" in unknown.value.message and "My Talks" in unknown.value.remedy


def test_without_any_corpus_the_remedy_is_to_import(database):
    with database.read() as connection, pytest.raises(NotFound) as unknown:
        find_corpus(connection, "Songs")
    assert "mport" in unknown.value.remedy
    assert list_corpora(database) == []


@pytest.mark.parametrize(("name", "kind"), [("", "items"), (" \n ", "items"), ("x" * 81, "items"), ("x", "films")])
def test_unusable_names_and_kinds(database, name, kind):
    with pytest.raises(InvalidInput) as refused:
        ensure(database, name, kind)
    assert refused.value.remedy
    assert list_corpora(database) == []


def test_a_corpus_keeps_its_kind(database):
    for kind in KINDS:
        ensure(database, f"of {kind}", kind)
    with pytest.raises(InvalidInput) as refused:
        ensure(database, "of music", "items")
    assert "music" in refused.value.message


def test_new_roles_are_merged_into_the_old_ones(database):
    ensure(database, "Talks", roles={"title": "title", "note": "keep"})
    corpus, _ = ensure(database, "Talks", roles={"note": "body", "extra": "caption"})
    assert corpus.roles == {"title": "title", "note": "body", "extra": "caption"}
    assert corpus.clue_fields == ["title", "extra", "note"], "in the order in which people see them"


def test_names_are_compared_without_case_and_spaces():
    assert name_key(" Straße  Eins") == name_key("STRASSE EINS") != name_key("Straße2")


def test_counts_of_a_corpus(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"t{n}", "tags": ["x"] if n else None} for n in range(4)], "Talks")
    import_rows(database, [{"id": "0", "title": "a"}], "Songs")
    ids, tags = ids_of(database), add_tags(database, "bees")
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]), event(ids["1"], 0, "skipped", action="skip"))
    suggest(database, {"0": [(tags["bees"], 1.0)]})
    songs, talks = list_corpora(database)
    assert (songs["name"], talks["name"]) == ("Songs", "Talks")
    assert talks | {"id": "", "updated_at": ""} == {
        "id": "",
        "name": "Talks",
        "kind": "items",
        "items": 4,
        "status": {"pending": 2, "in_progress": 0, "done": 1, "skipped": 1, "again": 0},
        "gold": True,
        "runs": 1,
        "updated_at": "",
        "fields": [{"name": "title", "label": "Title", "kind": "title"}],
    }
    assert (songs["gold"], songs["runs"], songs["items"]) == (False, 0, 1)
    with database.read() as connection:
        assert list(status_counts(connection, corpus_of(database, "Songs").pk)) == list(STATUSES)
