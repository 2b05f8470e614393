import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.corpora.deleting import delete_items
from core.errors import InvalidInput, NotFound
from core.store.schema import tag, tag_revision
from core.vocabulary.importing import import_new
from core.vocabulary.listing import complete, page_of_tags, statistics
from core.vocabulary.store import (
    NewTag,
    add_alias,
    add_tag,
    all_tags,
    check_tags,
    owner_of,
    revision,
    tag_names,
)
from tests.making import ANN, add_tags, count, decide, event, ids_of, suggest


def completed(database, query, limit=10):
    with database.read() as connection:
        return complete(connection, query, limit)


def names(answer):
    return [entry["name"] for entry in answer["tags"]]


def test_a_tag_is_made_once_under_any_spelling(database):
    first = database.write(lambda c: add_tag(c, " Hip   Hop ", ANN, "Music"))
    for again in ("hip hop", "HIP HOP", "Ｈip hop"):
        assert database.write(lambda c, n=again: add_tag(c, n, "bob")) == first
    with database.read() as connection:
        (only,) = all_tags(connection)
        assert (only.name, only.description, only.state) == ("Hip Hop", "Music", "active")
        assert owner_of(connection, "hip HOP") == first and owner_of(connection, "nope") is None
    assert count(database, tag_revision) == 1


def test_every_edit_is_a_revision(database):
    made = database.write(lambda c: add_tag(c, "bees", ANN))
    database.write(lambda c: add_alias(c, made, "apis", "bob"))
    with database.read() as connection:
        rows = connection.execute(select(tag_revision).order_by(tag_revision.c.id)).all()
        assert revision(connection) == rows[-1].id == 2
    assert [(r.action, r.tag, r.person) for r in rows] == [("add", made, ANN), ("alias", made, "bob")]
    assert orjson.loads(rows[1].after) == {"alias": "apis"} and rows[1].before is None


def test_an_archived_tag_that_is_wanted_again_comes_back(database):
    made = database.write(lambda c: add_tag(c, "bees", ANN))
    database.write(lambda c: c.execute(update(tag).values(state="archived")) and None)
    assert database.write(lambda c: add_tag(c, "Bees", ANN)) == made
    with database.read() as connection:
        assert [t.state for t in all_tags(connection)] == ["active"]
        assert connection.execute(select(tag_revision.c.action)).scalars().all() == ["add", "activate"]


def test_an_alias_belongs_to_one_tag(database):
    ids = add_tags(database, "bees", "wasps")
    bees, wasps = int(ids["bees"]), int(ids["wasps"])
    assert database.write(lambda c: add_alias(c, bees, "Apis", ANN)) is True
    assert database.write(lambda c: add_alias(c, bees, "apis", ANN)) is False
    assert database.write(lambda c: add_alias(c, bees, "BEES", ANN)) is False, "its own name is no alias"
    for taken in ("apis", "bees"):
        with pytest.raises(InvalidInput) as refused:
            database.write(lambda c, n=taken: add_alias(c, wasps, n, ANN))
        assert "bees" in refused.value.message and refused.value.remedy
    assert database.write(lambda c: add_tag(c, "APIS", ANN)) == bees


def test_tags_that_do_not_exist(database):
    ids = {int(i) for i in add_tags(database, "bees").values()}
    with database.read() as connection:
        check_tags(connection, ids)
        check_tags(connection, set())
        with pytest.raises(NotFound) as missing:
            check_tags(connection, {*ids, 999})
        assert tag_names(connection, {999}) == {} == tag_names(connection, set())
    assert "999" in missing.value.message


# completion


@pytest.fixture
def music(database):
    import_new(
        database,
        [
            NewTag("rock"),
            NewTag("hard rock"),
            NewTag("rockabilly"),
            NewTag("Krautrock", aliases=("kosmische", "rocking")),
            NewTag("100% live_set \\ raw"),
            NewTag("日本ロック"),
            NewTag("barock", aliases=("rocket",)),
        ],
        ANN,
    )
    return database


def test_beginnings_come_first_then_the_shortest(music):
    answer = completed(music, "rock")
    assert names(answer) == ["rock", "barock", "Krautrock", "rockabilly", "hard rock"]
    assert [entry["alias"] for entry in answer["tags"]] == [None, "rocket", "rocking", None, None]
    assert answer["exact"] is True and names(completed(music, "rock", 2)) == ["rock", "barock"]


@pytest.mark.parametrize(
    ("query", "expected", "exact"),
    [
        ("ROCKABILLY", ["rockabilly"], True),
        ("KOSMISCHE", ["Krautrock"], True),
        ("  hard   rock ", ["hard rock"], True),
        ("%", ["100% live_set \\ raw"], False),
        ("live_", ["100% live_set \\ raw"], False),
        ("livexset", [], False),
        ("\\", ["100% live_set \\ raw"], False),
        ("ロック", ["日本ロック"], False),
        ("nothing", [], False),
        ("'; DROP TABLE tag; --", [], False),
    ],
)
def test_completion(music, query, expected, exact):
    answer = completed(music, query)
    assert (names(answer), answer["exact"]) == (expected, exact)


@given(st.text(max_size=20))
def test_any_query_is_answered(music, query):
    found = completed(music, query.replace("\0", ""))
    assert len(found["tags"]) == len({entry["id"] for entry in found["tags"]}) <= 10


def test_archived_tags_are_not_offered(music):
    music.write(lambda c: c.execute(update(tag).where(tag.c.name == "rock").values(state="archived")) and None)
    answer = completed(music, "rock")
    assert "rock" not in names(answer) and answer["exact"] is False


# the table


@pytest.fixture
def used(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"t{n}"} for n in range(4)])
    ids = ids_of(database)
    import_new(database, [NewTag("bees", "Busy", ("apis",), "insects"), NewTag("ants"), NewTag("moths")], ANN)
    tags = add_tags(database, "bees", "ants")
    decide(
        database,
        event(ids["0"], 0, "done", [tags["bees"]]),
        event(ids["1"], 0, "done", [tags["bees"], tags["ants"]]),
        event(ids["2"], 0, "done", [tags["bees"]]),
    )
    suggest(database, {"0": [(tags["ants"], 0.5)], "3": [(tags["ants"], 0.5)]})
    suggest(database, {"0": [(tags["ants"], 0.5)]})
    return ids


def table(database, **options):
    with database.read() as connection:
        return page_of_tags(connection, **options)


def test_a_row_of_the_table(used, database):
    rows = {row["name"]: row for row in table(database)["tags"]}
    assert list(rows) == ["ants", "bees", "insects", "moths"]
    bees = rows["bees"]
    assert (bees["description"], bees["aliases"], bees["items"], bees["suggested"]) == ("Busy", ["apis"], 3, 0)
    assert bees["parent"] == {"id": rows["insects"]["id"], "name": "insects"} and rows["ants"]["parent"] is None
    assert (rows["ants"]["items"], rows["ants"]["suggested"]) == (1, 2), "distinct items, not suggestions"
    delete_items(database, [used["2"]], ANN)
    assert {row["name"]: row["items"] for row in table(database)["tags"]}["bees"] == 2


def test_pages_sorted_and_searched(used, database):
    assert [r["name"] for r in table(database, sort="items")["tags"]] == ["bees", "ants", "insects", "moths"]
    first = table(database, limit=3)
    assert (first["total"], first["from"], first["next"], first["previous"]) == (4, 1, "3", None)
    second = table(database, limit=3, offset=3)
    assert ([r["name"] for r in second["tags"]], second["from"], second["next"]) == (["moths"], 4, None)
    assert second["previous"] == "0"
    beyond = table(database, limit=3, offset=9)
    assert (beyond["tags"], beyond["from"], beyond["total"]) == ([], 0, 4)
    assert [r["name"] for r in table(database, query="API")["tags"]] == ["bees"], "found by its alias"
    assert [r["name"] for r in table(database, query="%")["tags"]] == []
    assert table(database, state="archived")["tags"] == []


def test_figures_above_the_table(used, database):
    with database.read() as connection:
        figures = statistics(connection)
    assert figures == {
        "tags": 4,
        "aliases": 1,
        "archived": 0,
        "merged": 0,
        "items": 4,
        "reviewed": 3,
        "items_with_tag": 3,
        "used_once": 1,
        "unused": 2,
        "tags_per_item": round(4 / 3, 2),
        "curve": [3, 1],
        "facets": [],
    }


def test_figures_of_nothing(database):
    with database.read() as connection:
        figures = statistics(connection)
    assert figures["tags"] == figures["items"] == figures["tags_per_item"] == 0 and figures["curve"] == []
