"""Imports as upserts: what each row of a file does to the items that are there."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.corpora import importing
from core.corpora.browsing import Filter, list_items
from core.corpora.catalog import list_corpora
from core.corpora.deleting import delete_corpus, delete_items, restore_corpus
from core.corpora.formats.options import ReadOptions
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.reading import Row, inspect, read_rows
from core.corpora.values import split_cell
from core.errors import InvalidInput, JobCancelled
from core.store.database import BulkPace
from core.store.projects import Host
from core.store.schema import STATUS_CODE, import_note, import_run, item
from tests.conftest import write_jsonl
from tests.making import add_tags, corpus_of, count, decide, event, ids_of, notes_of, rows_of

BY_ID = Mapping({"id": "id", "title": "title", "body": "body", "labels": "gold", "link": "link", "media": "media"})
BY_CONTENT = Mapping({"title": "title", "body": "body"})


def counts(report):
    return {name: getattr(report, name) for name in ("new", "updated", "unchanged", "skipped")}


def talks(n, start=0, word="about"):
    return [{"id": str(i), "title": f"Talk {i} {word} bees"} for i in range(start, start + n)]


def found(database, query):
    with database.read() as connection:
        corpus = corpus_of(database)
        return [c["external_id"] for c in list_items(connection, corpus, Filter(query=query))["items"]]


def test_rows_are_new_then_unchanged_then_updated(database, import_rows):
    assert counts(import_rows(database, talks(3))) == {"new": 3, "updated": 0, "unchanged": 0, "skipped": 0}
    first = rows_of(database)
    again = [*talks(2), {"id": "2", "title": "Another title"}, {"id": "3", "title": "One more"}]
    report = import_rows(database, again)
    assert counts(report) == {"new": 1, "updated": 1, "unchanged": 2, "skipped": 0}
    assert report.rows == 4 and report.problems == 0
    now = rows_of(database)
    assert [r.external_id for r in now] == ["0", "1", "2", "3"]
    assert [r.id for r in now[:3]] == [r.id for r in first], "an item keeps its id for good"
    assert [r.title for r in now] == ["Talk 0 about bees", "Talk 1 about bees", "Another title", "One more"]
    assert [n.outcome for n in notes_of(database)] == ["updated"]
    assert list_corpora(database)[0]["items"] == 4


def test_every_part_of_a_row_is_kept(database, import_rows):
    row = {
        "id": "a",
        "title": "A “title”",
        "body": "Text\nwith lines \t and 日本語 🐝",
        "labels": ["Bees", "flowers", "Bees", " "],
        "link": " https://example.org/a ",
        "media": {"path": "pictures/a.png"},
        "year": 1999,
        "scores": [1, 2.5, None],
        "nested": {"a": {"b": []}},
        "empty": "",
        "none": None,
    }
    import_rows(database, [row], mapping=BY_ID)
    (stored,) = rows_of(database)
    assert orjson.loads(stored.fields) == {k: row[k] for k in ("title", "body", "year", "scores", "nested")}
    assert orjson.loads(stored.gold) == ["Bees", "flowers"]
    assert (stored.link, stored.media) == ("https://example.org/a", "pictures/a.png")
    assert (stored.external_id, stored.title, stored.source_row) == ("a", "A “title”", 1)


@pytest.mark.parametrize(
    ("name", "value"), [("title", "B"), ("labels", ["y"]), ("labels", []), ("link", "l2"), ("media", "m2"), ("x", 2)]
)
def test_a_change_of_any_part_is_an_update(database, import_rows, name, value):
    row = {"id": "1", "title": "A", "labels": ["x"], "link": "l", "media": "m", "x": 1}
    import_rows(database, [row], mapping=BY_ID)
    report = import_rows(database, [{**row, name: value}], mapping=BY_ID)
    assert counts(report) == {"new": 0, "updated": 1, "unchanged": 0, "skipped": 0}
    report = import_rows(database, [{k: v for k, v in row.items() if k != "labels"}], mapping=BY_ID)
    assert report.updated == 1 and rows_of(database)[0].gold is None


def test_without_an_id_the_content_names_the_item(database, import_rows):
    rows = [{"title": "A", "body": "x"}, {"title": "B", "body": "y"}]
    import_rows(database, rows, mapping=BY_CONTENT)
    report = import_rows(database, [rows[1], {"title": "A", "body": "changed"}, rows[0]], mapping=BY_CONTENT)
    assert counts(report) == {"new": 1, "updated": 0, "unchanged": 2, "skipped": 0}
    assert all(row.external_id is None for row in rows_of(database))


def test_a_broken_row_costs_only_itself(database, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text(
        '{"id": "1", "title": "One"}\n'
        "{not json}\n"
        '{"id": "", "title": "Without an id"}\n'
        '{"id": "4", "title": "  "}\n'
        '["not", "an", "object"]\n'
        '{"id": "6", "title": "Six", "labels": {"not": "a list"}}\n'
        '{"id": "7", "title": "Seven"}\n',
        encoding="utf-8",
    )
    report = import_file(
        database, path, name="talks.jsonl", corpus_name="Talks", mapping=BY_ID, import_id=secrets.token_hex(6)
    )
    assert counts(report) == {"new": 3, "updated": 0, "unchanged": 0, "skipped": 4}
    assert [r.external_id for r in rows_of(database)] == ["1", "6", "7"]
    notes = notes_of(database)
    assert [(n.outcome, n.row) for n in notes] == [
        ("skipped", 2),
        ("skipped", 3),
        ("skipped", 4),
        ("skipped", 5),
        ("note", 6),
    ]
    assert all(n.file == "talks.jsonl" and n.cause and n.remedy and n.code for n in notes)
    assert [n.field for n in notes] == [None, "id", None, None, "labels"]
    assert report.problems == 5


def test_an_unreadable_file_changes_nothing(database, tmp_path):
    path = tmp_path / "x.jsonl"
    for content in (b"", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InvalidInput):
            import_file(database, path, name="x", corpus_name="New", mapping=BY_ID, import_id=secrets.token_hex(6))
    assert list_corpora(database) == [] and count(database, import_run) == 0


def test_a_repeated_id_is_skipped_with_the_row_of_the_first(database, import_rows):
    rows = [*talks(3), {"id": "1", "title": "Another talk one"}, talks(1)[0]]
    assert counts(import_rows(database, rows, mapping=BY_ID)) == {"new": 3, "updated": 0, "unchanged": 0, "skipped": 2}
    assert rows_of(database)[1].title == "Talk 1 about bees"
    assert [(n.code, n.row) for n in notes_of(database)] == [("repeated_id", 4), ("repeated_id", 5)]
    assert "row 2" in notes_of(database)[0].cause
    again = import_rows(database, rows, mapping=BY_ID)
    assert counts(again) == {"new": 0, "updated": 0, "unchanged": 3, "skipped": 2}


def test_a_repeated_row_without_ids_is_imported_once(database, import_rows):
    report = import_rows(database, [{"title": "A"}, {"title": "B"}, {"title": "A"}], mapping=BY_CONTENT)
    assert counts(report) == {"new": 2, "updated": 0, "unchanged": 0, "skipped": 1}
    assert notes_of(database)[0].code == "repeated_row"


def test_an_id_repeated_far_apart_is_treated_as_one_nearby(database, import_rows, monkeypatch):
    monkeypatch.setattr(importing, "BulkPace", lambda database: BulkPace(database, 2))
    rows = [*talks(5), {"id": "0", "title": "Another talk"}]
    for _ in range(3):  # importing again must settle, not swing between the two rows
        report = import_rows(database, rows, mapping=BY_ID)
        assert (report.updated, report.skipped) == (0, 1)
        assert rows_of(database)[0].title == "Talk 0 about bees"


def test_deleted_items_do_not_come_back(database, import_rows):
    import_rows(database, talks(3))
    delete_items(database, [ids_of(database)["1"]], "ann")
    report = import_rows(database, [*talks(1), {"id": "1", "title": "New words"}, *talks(1, 2)])
    assert counts(report) == {"new": 0, "updated": 0, "unchanged": 2, "skipped": 1}
    row = rows_of(database)[1]
    assert row.deleted and row.title == "Talk 1 about bees"
    note = notes_of(database)[-1]
    assert note.code == "deleted" and "estore" in note.remedy


def test_new_content_of_a_reviewed_item_asks_for_another_look(database, import_rows):
    import_rows(database, talks(4))
    ids, tags = ids_of(database), add_tags(database, "bees")
    decide(
        database,
        event(ids["0"], 0, "done", [tags["bees"]]),
        event(ids["1"], 0, "skipped", action="skip"),
        event(ids["2"], 0, "in_progress", [tags["bees"]], action="edit"),
    )
    report = import_rows(database, talks(4, word="on"))
    assert report.updated == 4
    assert [r.status for r in rows_of(database)] == [
        STATUS_CODE[s] for s in ("again", "skipped", "in_progress", "pending")
    ]
    import_rows(database, talks(4, word="on"))
    assert rows_of(database)[0].status == STATUS_CODE["again"], "unchanged content changes no status"


def test_search_finds_new_words_and_no_longer_the_old_ones(database, import_rows):
    import_rows(database, [{"id": "1", "title": "Elephants remember"}, {"id": "2", "title": "Elephants forget"}])
    import_rows(database, [{"id": "1", "title": "Giraffes remember"}])
    assert found(database, "elephants") == ["2"]
    assert found(database, "giraffes") == ["1"]
    assert found(database, "remember") == ["1"]


@pytest.mark.parametrize("stop_at", [1, 2, 4])
def test_an_import_that_broke_off_goes_on_where_it_was(host, import_rows, monkeypatch, stop_at):
    monkeypatch.setattr(importing, "BulkPace", lambda database: BulkPace(database, 10))
    rows = talks(45)
    rows[7] = {"id": "", "title": "no id"}
    rows[30] = {"id": "3", "title": "repeats an id of an earlier batch"}
    whole, broken = host.open("test"), host.open(host.create_project("Broken").slug)
    expected = import_rows(whole, rows, mapping=BY_ID)
    calls = []

    def stop(done):
        calls.append(done)
        if len(calls) == stop_at:
            raise JobCancelled("Cancelled.")

    own_id = secrets.token_hex(6)
    with pytest.raises(JobCancelled):
        import_rows(broken, rows, mapping=BY_ID, import_id=own_id, on_progress=stop)
    assert count(broken, item) < 43
    report = import_rows(broken, rows, mapping=BY_ID, import_id=own_id)
    assert report.as_dict() | {"corpus_id": ""} == expected.as_dict() | {"corpus_id": ""}
    assert [(r.external_id, r.title) for r in rows_of(broken)] == [(r.external_id, r.title) for r in rows_of(whole)]
    assert [(n.code, n.row) for n in notes_of(broken)] == [(n.code, n.row) for n in notes_of(whole)]
    assert import_rows(broken, rows, mapping=BY_ID, import_id=own_id).rows == 45, (
        "an import that is over does nothing more"
    )
    assert count(broken, import_note) == count(whole, import_note)


def test_a_batch_that_fails_leaves_nothing_of_itself(database, import_rows, monkeypatch):
    monkeypatch.setattr(importing, "BulkPace", lambda database: BulkPace(database, 10))
    note = importing._note
    calls = []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("in the middle of the second transaction")
        note(*arguments)

    monkeypatch.setattr(importing, "_note", fail)
    name = secrets.token_hex(6)
    with pytest.raises(RuntimeError):
        import_rows(database, talks(25), import_id=name)
    assert count(database, item) == 10
    report = import_rows(database, talks(25), import_id=name)
    assert report.new == 25 and count(database, item) == 25
    assert found(database, "bees") == [str(n) for n in range(25)]


def test_an_import_does_not_go_on_in_another_corpus_of_the_same_name(database, import_rows):
    name = secrets.token_hex(6)
    import_rows(database, talks(3), import_id=name)
    undo = delete_corpus(database, "Talks", "ann")["undo"]
    with pytest.raises(InvalidInput) as refused:
        import_rows(database, talks(3), import_id=name)
    assert refused.value.remedy and list_corpora(database) == []
    restore_corpus(database, undo)
    assert import_rows(database, talks(3), import_id=name).rows == 3


def test_corpora_do_not_mix(database, import_rows):
    import_rows(database, talks(2))
    report = import_rows(database, talks(2), "Other talks")
    assert report.new == 2
    assert {r.id for r in rows_of(database)}.isdisjoint(r.id for r in rows_of(database, "Other talks"))
    assert import_rows(database, talks(2), "  talks ").unchanged == 2, "case and spaces do not make another corpus"
    with pytest.raises(InvalidInput):
        import_rows(database, talks(1), kind="images")
    with pytest.raises(InvalidInput):
        import_rows(database, talks(1), " ")


def test_two_processes_may_import_the_same_rows_at_once(settings, import_rows):
    hosts = [Host(settings), Host(settings)]
    rows = talks(1500)
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda host: import_rows(host.open("test"), rows, mapping=BY_ID), hosts))
    database = hosts[0].open("test")
    assert [r.external_id for r in sorted(rows_of(database), key=lambda r: int(r.external_id))] == [
        str(n) for n in range(1500)
    ]
    assert sum(r.new for r in reports) == 1500 and sum(r.unchanged for r in reports) == 1500
    for host in hosts:
        host.close()


def test_progress_counts_every_row(database, import_rows, monkeypatch):
    monkeypatch.setattr(importing, "BulkPace", lambda database: BulkPace(database, 10))
    seen = []
    import_rows(database, talks(25), on_progress=seen.append)
    assert seen == [10, 20, 25]


def test_roles_of_a_later_file_are_added(database, import_rows):
    import_rows(database, [{"id": "1", "title": "A", "note": "x"}], roles={"note": "keep"})
    import_rows(database, [{"id": "2", "title": "B", "extra": "y"}], roles={"extra": "body"})
    assert corpus_of(database).roles == {"id": "id", "title": "title", "note": "keep", "extra": "body"}


rows = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("abcd"), "title": st.sampled_from(["one", "two", "three"])}),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(st.lists(rows, min_size=1, max_size=4))
def test_any_sequence_of_files_leaves_the_first_row_of_the_last_file(sqlite_host, tmp_path_factory, files):
    """Against a dictionary: within a file an id's first row counts, a later file updates."""
    database = sqlite_host.open("test")
    corpus = secrets.token_hex(4)
    model: dict[str, str] = {}
    for content in files:
        path = write_jsonl(tmp_path_factory.mktemp("files") / "f.jsonl", content)
        first = {}
        for row in content:
            first.setdefault(row["id"], row["title"])
        expected = {
            "new": sum(k not in model for k in first),
            "updated": sum(k in model and model[k] != v for k, v in first.items()),
            "unchanged": sum(model.get(k) == v for k, v in first.items()),
            "skipped": len(content) - len(first),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(importing, "BulkPace", lambda database: BulkPace(database, 2))
            report = import_file(
                database, path, name="f", corpus_name=corpus, mapping=BY_ID, import_id=secrets.token_hex(6)
            )
        assert counts(report) == expected
        model.update(first)
    assert {row.external_id: row.title for row in rows_of(database, corpus)} == model


def test_rows_survive_a_changed_status(database, import_rows):
    """`source_row` names the row of the last import that wrote the item."""
    import_rows(database, talks(3))
    database.write(lambda c: c.execute(update(item).values(status=2)) and None)
    import_rows(database, list(reversed(talks(3, word="on"))))
    with database.read() as connection:
        numbers = dict(connection.execute(select(item.c.external_id, item.c.source_row)).all())
    assert numbers == {"0": 3, "1": 2, "2": 1}


@pytest.mark.data
def test_the_shared_corpora_import_whole_and_again_unchanged(sqlite_host, shared_data, import_rows):
    from core.corpora.mapping import guess_mapping
    from core.corpora.reading import inspect

    database = sqlite_host.open("test")
    for name, least in (("ted_talks.csv", 2000), ("ml_projects.json", 500)):
        path = shared_data / "items" / name
        mapping = guess_mapping(inspect(path))

        def again(path=path, mapping=mapping, name=name):
            return import_file(
                database, path, name=name, corpus_name=name, mapping=mapping, import_id=secrets.token_hex(6)
            )

        first, second = again(), again()
        assert first.new >= least and first.new + first.skipped == first.rows
        assert (second.new, second.updated, second.unchanged) == (0, 0, first.new)
        assert second.skipped == first.skipped


def test_an_import_reads_the_file_as_the_mapping_says(database, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("抱歉;1\n谢谢;2\n".encode("gbk"))
    reading = ReadOptions(encoding="gbk", header=False, delimiter=";")
    mapping = Mapping({"column_1": "title", "column_2": "id"}, reading=reading)
    report = import_file(database, path, name="x.csv", corpus_name="Talks", mapping=mapping, import_id="i")
    assert report.new == 2 and [row.title for row in rows_of(database)] == ["抱歉", "谢谢"]


REAL = {
    "items/kuaishou_videos.csv": 10_728,
    "items/ml_projects.json": 2_032,
    "items/taggpt_examples.csv": 3,
    "items/ted_talks.csv": 2_550,
    "music/mtg_titles_artists.tsv": 11_565,
    "music/mtg_top50_test.tsv": 11_356,
    "music/mtt_test.tsv": 5_329,
}


@pytest.mark.data
@pytest.mark.parametrize(("file", "rows"), REAL.items())
def test_no_row_of_a_real_file_is_lost(database, shared_data, file, rows):
    """A row that is skipped has nothing to tag, or is the same as another one: never one that could not be read."""
    path = shared_data / file
    mapping = guess_mapping(inspect(path))
    report = import_file(database, path, name=path.name, corpus_name="Talks", mapping=mapping, import_id="i")
    skipped = [note.code for note in notes_of(database) if note.outcome == "skipped"]
    assert set(skipped) <= {"no_text", "repeated_row"}
    assert report.new + len(skipped) == rows


@pytest.mark.data
def test_kuaishou_is_read_as_it_stands(shared_data):
    """Four of its captions hold a carriage return; its hashtags are bare lists."""
    path = shared_data / "items" / "kuaishou_videos.csv"
    read = [each for each in read_rows(path) if isinstance(each, Row)]
    assert len(read) == 10_728
    assert sum("\r" in value for row in read for value in row.values.values()) == 4
    found = inspect(path)
    mapping = guess_mapping(found)
    assert mapping.roles["topic_tag"] == "gold" and mapping.split["topic_tag"] == "bare-list"
    lists = [split_cell(row.values["topic_tag"], "bare-list") for row in read]
    assert all("[" not in tag and "," not in tag for tags in lists for tag in tags) and sum(map(bool, lists)) > 1000
