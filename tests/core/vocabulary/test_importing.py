"""Vocabularies from lists, csv files and gold labels, and back into csv."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from core.errors import InvalidInput, NotFound
from core.store.schema import tag, tag_alias, tag_revision
from core.vocabulary import importing
from core.vocabulary.importing import export_csv, import_gold, import_new, parse, preview_gold, read_text
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.store import NewTag, all_tags, tag_names
from tests.making import ANN, add_tags, count


def listed(database):
    """(name, description, aliases, parent's name) of every tag."""
    with database.read() as connection:
        tags = all_tags(connection)
        parents = tag_names(connection, {t.parent for t in tags if t.parent})
    return {(t.name, t.description, t.aliases, parents.get(t.parent or 0, "")) for t in tags}


def bring_in(database, text):
    tags, first = parse(text)
    return import_new(database, tags, ANN, first)


# reading


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("jazz\nrock\n", ["jazz", "rock"]),
        ("\ufeffjazz\r\n\r\n  rock  \r\n", ["jazz", "rock"]),
        ("- jazz\n* rock\n", ["jazz", "rock"]),
        ("rock, pop\njazz", ["rock, pop", "jazz"]),
        ("name", ["name"]),
        ("name\njazz", ["jazz"]),
        ("Tag\njazz\n", ["jazz"]),
        ("日本\n🐝", ["日本", "🐝"]),
        ("one", ["one"]),
    ],
)
def test_plain_lists(text, names):
    tags, _ = parse(text)
    assert [t.name for t in tags] == names


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_any_order_of_columns(delimiter):
    rows = [
        ["Description", "NAME", "extra", "aliases", "Parent"],
        ["Bees, wasps; and\tmore", "bees", "x", "honey bees| wild bees |", "insects"],
        ["", "moths"],
        [],
        ["", "'=sum", "", "", ""],
    ]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    tags, first = parse(out.getvalue())
    assert first == 2
    assert tags == [
        NewTag("bees", "Bees, wasps; and\tmore", ("honey bees", "wild bees"), "insects"),
        NewTag("moths"),
        NewTag("=sum"),
    ]


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", "name,description\n", "name,description\n,\n"])
def test_without_any_tag_it_is_refused_or_reported(database, text):
    try:
        tags, first = parse(text)
    except InvalidInput as refused:
        assert refused.remedy
        return
    assert import_new(database, tags, ANN, first).added == 0


@settings(max_examples=200)
@given(st.text(max_size=80) | st.text(alphabet='name,;\t"\n\r|\\ tag日', max_size=40))
@example('name,"\n"')
@example('name\r"x')
@example("\0")
@example('"name\nx",y\nz')
def test_any_text_is_read_or_refused_with_a_sentence(text):
    try:
        tags, first = parse(text)
    except InvalidInput as refused:
        assert refused.message and refused.remedy
        return
    assert tags and first in (1, 2)


def test_a_cell_beyond_all_measure_is_refused_with_a_sentence():
    with pytest.raises(InvalidInput):
        parse("name,description\nbees," + "x" * (2**24 + 10))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_files_in_several_encodings(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_text("北京烤鸭\n日本料理\n", encoding=encoding)
    assert [t.name for t in parse(read_text(path))[0]] == ["北京烤鸭", "日本料理"]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0", b"a\0b\n", b"\xff\xfe\x00", b"\xff\xfe\x00\xd8"])
def test_files_that_are_no_text_are_refused(tmp_path, content):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        parse(read_text(path))
    assert "list.txt" in str(refused.value) or refused.value.remedy


def test_files_that_are_missing_or_too_large_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InvalidInput) as refused:
        read_text(tmp_path / "gone.csv")
    assert "gone.csv" in refused.value.message
    with pytest.raises(InvalidInput):
        read_text(tmp_path)
    monkeypatch.setattr(importing, "LARGEST_BYTES", 5)
    (tmp_path / "big.txt").write_text("123456")
    with pytest.raises(InvalidInput):
        read_text(tmp_path / "big.txt")


# importing


def test_importing_again_changes_nothing(database):
    text = "name,description,aliases,parent\nbees,Busy,honey bees|apis,insects\ninsects,,,\n"
    first = bring_in(database, text)
    assert (first.added, first.updated, first.unchanged, first.skipped, first.problems) == (2, 0, 0, 0, [])
    before, revisions = listed(database), count(database, tag_revision)
    again = bring_in(database, text)
    assert (again.added, again.updated, again.unchanged, again.skipped, again.problems) == (0, 0, 2, 0, [])
    assert (
        listed(database)
        == before
        == {
            ("bees", "Busy", ("apis", "honey bees"), "insects"),
            ("insects", "", (), ""),
        }
    )
    assert count(database, tag_revision) == revisions, "an edit that changes nothing is no revision"


def test_a_second_file_adds_and_fills_in(database):
    bring_in(database, "name,description\nbees,\nants,Small\n")
    changes = bring_in(database, "name,description,aliases\nBEES,Busy,apis\nants,,\nmoths,,\n")
    assert (changes.added, changes.updated, changes.unchanged) == (1, 1, 1)
    assert listed(database) == {
        ("bees", "Busy", ("apis",), ""),
        ("ants", "Small", (), ""),
        ("moths", "", (), ""),
    }


def test_rows_that_cannot_be_tags_are_skipped_and_named(database):
    changes = bring_in(database, "name,description\nbees,x\n,nothing\n" + "n" * 200 + ",long\nbees,again\n")
    assert (changes.added, changes.skipped, changes.updated) == (1, 2, 1)
    assert [p["row"] for p in changes.problems] == [3, 4]
    assert all(p["cause"] and p["remedy"] for p in changes.problems)


def test_an_alias_of_another_tag_is_reported_and_not_taken(database):
    changes = bring_in(database, "name,aliases\nbees,apis\nwasps,apis|bees|vespa\n")
    assert changes.added == 2 and [p["row"] for p in changes.problems] == [3, 3]
    assert "apis" in changes.problems[0]["cause"] and "bees" in changes.problems[1]["cause"]
    assert listed(database) == {("bees", "", ("apis",), ""), ("wasps", "", ("vespa",), "")}


def test_a_tag_named_like_an_alias_is_that_tag(database):
    bring_in(database, "name,aliases\nbees,apis\n")
    changes = bring_in(database, "Apis\n")
    assert (changes.added, changes.unchanged) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "name,parent\na,a\n",
        "name,parent\na,b\nb,a\n",
        "name,parent\na,b\nb,c\nc,a\n",
        "name,aliases,parent\na,x,\nb,,x\na,,b\n",
    ],
)
def test_a_tag_is_never_its_own_ancestor(database, text):
    changes = bring_in(database, text)
    assert len(changes.problems) == 1 and "ancestor" in changes.problems[0]["cause"] and changes.problems[0]["remedy"]
    with database.read() as connection:
        parents = {t.id: t.parent for t in all_tags(connection)}
    for start in parents:
        seen, at = set(), start
        while at is not None:
            assert at not in seen
            seen.add(at)
            at = parents[at]


def test_a_parent_may_stand_below_its_child_or_be_new(database):
    bring_in(database, "name,parent\nbees,insects\ninsects,animals\n")
    assert {(name, parent) for name, _, _, parent in listed(database)} == {
        ("bees", "insects"),
        ("insects", "animals"),
        ("animals", ""),
    }


def test_a_parent_that_cannot_be_a_tag_is_reported(database):
    changes = bring_in(database, f"name,parent\nbees,{'p' * 200}\nants,\n")
    assert changes.added == 2 and [p["row"] for p in changes.problems] == [2]


def test_many_tags_are_written_in_groups(database, monkeypatch):
    monkeypatch.setattr(importing, "GROUP", 7)
    rows = [NewTag(f"tag {n}", parent=f"tag {n // 2}" if n else "") for n in range(40)]
    rows[20] = NewTag("")
    changes = import_new(database, rows, ANN, 2)
    assert (changes.added, changes.skipped) == (39, 1)
    assert [p["row"] for p in changes.problems] == [22]


# gold labels


@pytest.fixture
def gold(database, import_rows):
    labels = [["Bees", "honey"], ["bees"], ["BEES", "Honey"], ["bees", "wax"], [], None]
    rows = [{"id": str(n), "title": f"t{n}", "labels": each} for n, each in enumerate(labels)]
    import_rows(database, rows, roles={"labels": "gold"})


@pytest.mark.parametrize(("least", "names"), [(1, ["bees", "honey", "wax"]), (2, ["bees", "honey"]), (4, ["bees"])])
def test_gold_labels_used_often_enough(database, gold, least, names):
    with database.read() as connection:
        shown = preview_gold(connection, "Talks", least)
    assert (shown["tags"], shown["labels"], shown["covered_items"], shown["items"]) == (len(names), 3, 4, 6)
    assert shown["top"][0] == {"name": "bees", "items": 4}, "the commonest spelling"
    changes = import_gold(database, "Talks", least, ANN)
    assert changes.added == len(names)
    assert sorted(name.casefold() for name, *_ in listed(database)) == names
    assert import_gold(database, "Talks", least, ANN).unchanged == len(names)


def test_gold_labels_that_are_not_there(database, gold, import_rows):
    import_rows(database, [{"id": "1", "title": "x"}], "Bare")
    for corpus, least in (("Talks", 5), ("Bare", 1), ("Talks", 0)):
        with pytest.raises(InvalidInput) as refused:
            import_gold(database, corpus, least, ANN)
        assert refused.value.remedy
    with pytest.raises(NotFound):
        import_gold(database, "Songs", 1, ANN)
    assert count(database, tag) == 0


# back into csv


text_cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
tricky = st.sampled_from(
    ["=sum", "+1", "-x", "@a", "'=x", "'", "a|b", "|", "[x]", '["x"]', "a,b;c", 'q"q', "name", "tag", "\\|", "\\", "🐝"]
)
cells = text_cells | tricky


def usable(name):
    try:
        clean_name(name)
    except InvalidInput:
        return False
    return True


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(cells.filter(usable), cells, st.lists(cells.filter(usable), max_size=3), st.integers(0, 5)),
        max_size=6,
    )
)
def test_an_exported_vocabulary_comes_back_the_same(sqlite_host, rows):
    source, target = sqlite_host.open("test"), sqlite_host.open(sqlite_host.ensure_project("Target").slug)
    for database in (source, target):
        for table in (tag, tag_alias, tag_revision):
            database.write(lambda c, table=table: c.execute(delete(table)) and None)
    names = [row[0] for row in rows]
    new = [
        NewTag(name, description.strip(), tuple(aliases), names[parent] if parent < len(names) else "")
        for name, description, aliases, parent in rows
    ]
    import_new(source, new, ANN)
    before = listed(source)
    with source.read() as connection:
        text = export_csv(connection)
    if not before:
        return
    tags, first = parse("\ufeff" + text)
    changes = import_new(target, tags, ANN, first)
    assert changes.problems == [] and changes.added == len(before)
    assert listed(target) == before
    for record in csv.reader(io.StringIO(text, newline="")):
        for cell in record:
            assert cell[:1] not in ("=", "@", "\t", "\r"), "nothing that a spreadsheet would run"


def test_what_an_exported_vocabulary_looks_like(database):
    bring_in(database, "name,description,aliases,parent\nbees,Busy,apis|wild bees,insects\n")
    import_new(database, [NewTag("=sum", aliases=("a|b", "c"))], ANN)
    with database.read() as connection:
        rows = list(csv.reader(io.StringIO(export_csv(connection), newline="")))
    assert rows == [
        ["name", "description", "aliases", "parent"],
        ["'=sum", "", '["a|b","c"]', ""],
        ["bees", "Busy", "apis|wild bees", "insects"],
        ["insects", "", "", ""],
    ]


def test_archived_tags_are_not_exported(database):
    add_tags(database, "bees", "ants")
    database.write(lambda c: c.execute(tag.update().where(tag.c.name == "ants").values(state="archived")) and None)
    with database.read() as connection:
        assert [row[0] for row in csv.reader(io.StringIO(export_csv(connection)))] == ["name", "bees"]
    assert name_key("bees") == "bees"
