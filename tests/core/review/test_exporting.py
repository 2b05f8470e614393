"""What is written is what was imported and decided: export → import gives the same items, gold and tags."""

import csv
import json
import re
import secrets

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.corpora.catalog import find_corpus
from core.corpora.deleting import delete_items
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.reading import inspect
from core.corpora.writing import FORMATS, RowFile
from core.errors import InvalidInput, JobCancelled
from core.jobs.execute import execute
from core.review import exporting
from core.review.decisions import load_states
from core.review.exporting import export_corpus
from core.review.importing import IMPORTER, restore_labels
from core.store.schema import decision, tag
from core.vocabulary.store import tag_names
from core.worker import KINDS
from tests.conftest import write_jsonl
from tests.making import add_tags, corpus_of, count, decide, event, ids_of, rows_of, suggest

TAGS = ("bees", "Ants", "日本", "=sum(A1)", "it's", "a|b", "comma, name", 'quo"te', "+1", "@home", "'quoted'", "[x]")
SPECIAL = {"__id": "id", "__gold": "gold", "__link": "link", "__media": "media"}


def bring_in(database, path, corpus, mapping=None):
    return import_file(
        database,
        path,
        name=path.name,
        corpus_name=corpus,
        mapping=mapping or guess_mapping(inspect(path)),
        import_id=secrets.token_hex(6),
        on_labels=restore_labels,
    )


def write_out(database, path, format, corpus="Talks", **options):
    return export_corpus(database, corpus_of(database, corpus), path, format, **options)


def content(database, corpus):
    """All that must survive: by item in order."""
    rows = [row for row in rows_of(database, corpus) if not row.deleted]
    with database.read() as connection:
        states = load_states(connection, {row.pk: row.status for row in rows})
        names = tag_names(connection, {t for s in states.values() for t in s.accepted})
    return [
        {
            "id": row.external_id,
            "fields": orjson.loads(row.fields),
            "gold": row.gold and orjson.loads(row.gold),
            "link": row.link,
            "media": row.media,
            "status": states[row.pk].status,
            "tags": [names[t] for t in states[row.pk].accepted],
        }
        for row in rows
    ]


def raw_cells(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


# the property


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
plain = st.text(characters, max_size=12)
tricky = st.sampled_from(
    [
        "=1+1",
        "+1",
        "-1",
        "-x",
        "@x",
        "'=1",
        "''+",
        "'",
        "'text",
        "\t=1",
        "\r=1",
        "＝1",
        "a,b;c\td|e",
        'say "hi"',
        '"',
        "line\nbreak",
        "line\r\nbreak",
        "tail\n",
        "\u2028",
        "\x85",
        "\x0b",
        " padded ",
        "null",
        "true",
        "12",
        "1e5",
        "[1, 2]",
        '{"a": 1}',
        "['a']",
        "NaN",
        "None",
        "\ufeffbom",
        "🐝",
        "日本語",
        "مرحبا",
    ]
)
texts = plain | tricky
titles = texts.filter(lambda text: text.strip())
names = st.sampled_from(
    [
        "body",
        "id",
        "tags",
        "gold_tags",
        "link",
        "media",
        "status",
        "tagloom_x",
        "=sum",
        "'quoted",
        "名前",
        "a,b",
        'quo"te',
        "two\nlines",
        "corpus",
        "keywords",
    ]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def corpora(draw, values):
    """Rows of a file, and what people decided on them."""
    usable = names.filter(lambda n: n.strip() not in ("", "title", *SPECIAL, *exporting.RESERVED))
    columns = draw(st.lists(usable, max_size=4, unique=True))
    with_ids = draw(st.booleans())
    rows, decisions = [], []
    for n in range(draw(st.integers(1, 4))):
        row = {"title": draw(titles)}
        if with_ids:
            row["__id"] = f"{n}{draw(texts)}".strip()
        row |= {name: draw(values) for name in columns if draw(st.integers(0, 4))}
        if draw(st.booleans()):
            row["__gold"] = draw(st.lists(texts, max_size=3))
        for name in ("__link", "__media"):
            if draw(st.integers(0, 3)) == 0:
                row[name] = draw(texts)
        rows.append(row)
        status = draw(st.sampled_from(["pending", "in_progress", "done", "skipped", "again"]))
        accepted = draw(st.lists(st.sampled_from(TAGS), max_size=3, unique=True))
        decisions.append((status, accepted if status != "pending" else []))
    return rows, decisions


def check_round_trip(host, folder, format, made, by_person):
    rows, decisions = made
    source, target = host.open("test"), host.open(host.ensure_project("Target").slug)
    corpus = secrets.token_hex(4)
    columns = dict.fromkeys(name for row in rows for name in row)
    kept = inspect(write_jsonl(folder / "in.jsonl", rows))  # names as reading gives them
    roles = {c.name: SPECIAL.get(c.name, "title" if c.name == "title" else "keep") for c in kept.columns}
    assert len(columns) >= 1
    bring_in(source, folder / "in.jsonl", corpus, Mapping(roles))
    items = rows_of(source, corpus)
    tags = add_tags(source, *TAGS)
    for row, (status, accepted) in zip(items, decisions, strict=False):
        if status != "pending":
            decide(source, event(row.id, 0, status, [tags[t] for t in accepted], action="edit"))
    before = content(source, corpus)
    path = folder / f"out.{format}"
    assert write_out(source, path, format, corpus) == len(before)
    mapping = guess_mapping(inspect(path))
    if by_person:  # fields that a person had mapped otherwise than their names suggest
        own = {
            name for name, role in mapping.roles.items() if role in ("id", "gold", "tags", "status", "link", "media")
        }
        roles = {
            n: r if n in own or r == "ignore" else ("title" if n == "title" else "keep")
            for n, r in mapping.roles.items()
        }
        mapping = Mapping(roles, mapping.split, mapping.unguard_formulas)
    report = bring_in(target, path, corpus, mapping)
    assert (report.new, report.skipped) == (len(before), 0)
    assert content(target, corpus) == before
    return path


@settings(max_examples=40)
@given(made=corpora(json_values), by_person=st.booleans())
def test_jsonl_comes_back_exactly(sqlite_host, tmp_path_factory, made, by_person):
    check_round_trip(sqlite_host, tmp_path_factory.mktemp("jsonl"), "jsonl", made, by_person)


@settings(max_examples=40)
@given(made=corpora(json_values), by_person=st.booleans())
def test_parquet_comes_back_exactly(sqlite_host, tmp_path_factory, made, by_person):
    check_round_trip(sqlite_host, tmp_path_factory.mktemp("parquet"), "parquet", made, by_person)


@settings(max_examples=50)
@given(made=corpora(texts), by_person=st.booleans())
def test_csv_comes_back_exactly_and_no_cell_starts_a_formula(sqlite_host, tmp_path_factory, made, by_person):
    path = check_round_trip(sqlite_host, tmp_path_factory.mktemp("csv"), "csv", made, by_person)
    for record in raw_cells(path):
        for cell in record:
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or re.fullmatch(r"[+-][\d.]+([eE][+-]?\d+)?", cell)


# examples


ROWS = [
    {"id": "1", "title": "One", "year": 1999, "words": ["a", "b"], "labels": ["bees"], "url": "https://e.org/1"},
    {"id": "2", "title": "Two", "labels": []},
    {"id": "3", "title": "=Three", "year": "unknown", "image": "pictures/3.png"},
    {"id": "4", "title": "Four"},
]
MAPPING = Mapping(
    {"id": "id", "title": "title", "year": "keep", "words": "keep", "labels": "gold", "url": "link", "image": "media"}
)


@pytest.fixture
def reviewed(database, import_rows):
    import_rows(database, ROWS, mapping=MAPPING)
    ids, tags = ids_of(database), add_tags(database, "bees", "ants")
    suggest(
        database,
        {"1": [(tags["bees"], 0.9), (tags["ants"], 0.4)]},
        evidence=[{"field": "title", "start": 0, "end": 3, "match": "One", "passage": "One"}],
    )
    decide(
        database,
        event(ids["1"], 0, "done", [tags["bees"]], [tags["ants"]], shown={"queue": "pending"}, blind=True),
        event(ids["3"], 0, "skipped", action="skip"),
    )
    return ids


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_a_jsonl_holds(database, reviewed, tmp_path):
    assert write_out(database, tmp_path / "x.jsonl", "jsonl") == 4
    one, two, three, four = read_jsonl(tmp_path / "x.jsonl")
    assert one == {
        "id": "1",
        "title": "One",
        "year": 1999,
        "words": ["a", "b"],
        "gold_tags": ["bees"],
        "tags": ["bees"],
        "link": "https://e.org/1",
        "tagloom_status": "done",
    }
    assert two == {"id": "2", "title": "Two", "gold_tags": [], "tagloom_status": "pending"}
    assert (three["title"], three["media"], three["tags"], three["tagloom_status"]) == (
        "=Three",
        "pictures/3.png",
        [],
        "skipped",
    )
    assert four == {"id": "4", "title": "Four", "tagloom_status": "pending"}


def test_what_a_csv_holds(database, reviewed, tmp_path):
    write_out(database, tmp_path / "x.csv", "csv", suggestions=True)
    header, one, two, three, _ = raw_cells(tmp_path / "x.csv")
    assert header == [
        *("id", "title", "year", "words", "gold_tags", "tags", "link", "media", "tagloom_status"),
        "tagloom_suggestions",
    ]
    assert one[:9] == ["1", "One", "1999", '["a","b"]', '["bees"]', '["bees"]', "https://e.org/1", "", "done"]
    assert [s["name"] for s in json.loads(one[9])] == ["bees", "ants"]
    assert two[4:6] == ["[]", ""], "no gold tags is something else than not knowing"
    assert three[1:3] == ["'=Three", "unknown"]


def test_what_a_parquet_holds(database, reviewed, tmp_path):
    write_out(database, tmp_path / "x.parquet", "parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.column("title").to_pylist() == ["One", "Two", "=Three", "Four"]
    assert table.column("gold_tags").to_pylist() == [["bees"], [], None, None]
    assert table.column("tags").to_pylist() == [["bees"], None, [], None]
    assert table.column("year").to_pylist() == ["1999", None, '"unknown"', None], "mixed columns hold JSON"


@pytest.mark.parametrize("format", FORMATS)
def test_suggestions_and_provenance_on_request(database, reviewed, tmp_path, format):
    path = tmp_path / f"x.{format}"
    write_out(database, path, format)
    with_all = tmp_path / f"y.{format}"
    write_out(database, with_all, format, suggestions=True, provenance=True)
    bare = inspect(path).columns
    assert not {"tagloom_suggestions", "tagloom_provenance"} & {c.name for c in bare}
    row = inspect(with_all).rows[0]
    suggestions, provenance = row["tagloom_suggestions"], row["tagloom_provenance"]
    if format == "csv":
        suggestions, provenance = json.loads(suggestions), json.loads(provenance)
    assert [(s["name"], s["score"], s["method"], s["rank"]) for s in suggestions] == [
        ("bees", 0.9, "selective", 1),
        ("ants", 0.4, "selective", 2),
    ]
    assert suggestions[0]["evidence"][0]["match"] == "One"
    (entry,) = provenance
    assert (entry["person"], entry["action"], entry["blind"], entry["shown"]) == (
        "ann",
        "accept",
        True,
        {"queue": "pending"},
    )
    assert entry["after"]["status"] == "done" and entry["at"].endswith("Z") and entry["uuid"]
    other = inspect(with_all).rows[3]
    assert not other.get("tagloom_provenance") or other["tagloom_provenance"] == "[]"


@pytest.mark.parametrize("format", FORMATS)
def test_with_suggestions_and_provenance_it_comes_back_the_same(host, database, reviewed, tmp_path, format):
    path = tmp_path / f"x.{format}"
    write_out(database, path, format, suggestions=True, provenance=True)
    target = host.open(host.create_project("Target").slug)
    bring_in(target, path, "Talks")
    before, after = content(database, "Talks"), content(target, "Talks")
    if format == "csv":  # a spreadsheet has only text
        for each in before:
            each["fields"] = {
                k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in each["fields"].items()
            }
    assert after == before
    with target.read() as connection:
        people = set(connection.execute(select(decision.c.person)).scalars())
    assert people == {IMPORTER}
    again = bring_in(target, path, "Talks")
    assert (again.new, again.updated, again.unchanged) == (0, 0, 4)
    assert count(target, decision) == 2, "importing again decides nothing anew"


@pytest.mark.parametrize(
    ("status", "expected"), [("done", ["1"]), ("pending", ["2", "4"]), ("skipped", ["3"]), ("again", [])]
)
def test_only_items_of_one_status(database, reviewed, tmp_path, status, expected):
    assert write_out(database, tmp_path / "x.jsonl", "jsonl", status=status) == len(expected)
    assert [row["id"] for row in read_jsonl(tmp_path / "x.jsonl")] == expected


def test_deleted_items_are_not_exported(database, reviewed, tmp_path):
    delete_items(database, [reviewed["2"]], "ann")
    assert write_out(database, tmp_path / "x.jsonl", "jsonl") == 3


def test_items_are_written_in_order_chunk_by_chunk(database, import_rows, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 3)
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(10)])
    steps = []
    corpus = corpus_of(database)
    export_corpus(database, corpus, tmp_path / "x.jsonl", "jsonl", on_progress=lambda *step: steps.append(step))
    assert [row["id"] for row in read_jsonl(tmp_path / "x.jsonl")] == [str(n) for n in range(10)]
    assert steps == [(3, 10), (6, 10), (9, 10), (10, 10)]


def test_fields_that_only_late_items_have_are_columns_too(database, import_rows, tmp_path):
    import_rows(database, [{"id": "1", "title": "A"}, {"id": "2", "title": "B", "late": "x"}])
    for format in FORMATS:
        write_out(database, tmp_path / f"x.{format}", format)
        assert "late" in [c.name for c in inspect(tmp_path / f"x.{format}").columns]


def test_a_field_with_one_of_our_names_is_not_lost(database, import_rows, tmp_path):
    names = ["tagloom_status", "tagloom_suggestions", "tagloom_provenance", "tagloom_id", "id"]
    row = {"title": "A", **{name: f"own {name}" for name in names}}
    import_rows(database, [row], mapping=Mapping({"title": "title", **dict.fromkeys(names, "keep")}))
    for format in FORMATS:
        path = tmp_path / f"x.{format}"
        write_out(database, path, format, suggestions=True, provenance=True)
        found = inspect(path)
        columns = [c.name for c in found.columns]
        assert len(columns) == len(set(columns))
        assert found.rows[0]["tagloom_status"] == "pending"
        values = {str(v) for v in found.rows[0].values()}
        assert {f"own {name}" for name in names} <= values


def test_a_refused_export_leaves_no_file(database, reviewed, tmp_path):
    for wrong in ({"status": "perfect"}, {"format": "xls"}):
        with pytest.raises(InvalidInput):
            write_out(database, tmp_path / "x.out", **{"format": "jsonl", **wrong})
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput) as refused:
        write_out(database, tmp_path / "file" / "x.jsonl", "jsonl")
    assert refused.value.remedy
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("x")] == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_off_export_keeps_the_old_file(database, reviewed, tmp_path, format):
    path = tmp_path / f"x.{format}"
    path.write_text("the old one")

    def stop(*_):
        raise JobCancelled("Cancelled.")

    with pytest.raises(JobCancelled):
        write_out(database, path, format, on_progress=stop)
    assert path.read_text() == "the old one" and [p.name for p in tmp_path.iterdir()].count(f"x.{format}.part") == 0


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_corpus_can_be_exported(database, reviewed, tmp_path, format):
    delete_items(database, list(reviewed.values()), "ann")
    path = tmp_path / f"x.{format}"
    assert write_out(database, path, format) == 0 and path.exists()


def test_the_export_job_writes_into_its_own_folder(queue, database, reviewed):
    job = queue.create("test", "export", "Export", {"corpus": "Talks", "format": "csv", "provenance": True})
    done = execute(queue, job.id, KINDS)
    assert done.state == "done", done.message
    path = queue.folder(job.id) / "Talks.csv"
    assert done.result == {"items": 4, "bytes": path.stat().st_size, "name": "Talks.csv", "path": str(path)}
    assert (done.done, done.total) == (4, 4)


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", "日本 talks", "CON", "x" * 80, ".hidden", "a\tb"])
def test_the_export_job_names_a_file_in_its_folder(queue, database, import_rows, name):
    import_rows(database, [{"id": "1", "title": "A"}], name)
    with database.read() as connection:
        corpus = find_corpus(connection, name)
    done = execute(queue, queue.create("test", "export", "Export", {"corpus": corpus.id}).id, KINDS)
    assert done.state == "done", done.message
    path = queue.folder(done.id) / done.result["name"]
    assert path.is_file() and path.resolve().parent == queue.folder(done.id).resolve()


def test_a_wrong_request_fails_the_job_with_a_remedy(queue, database, reviewed):
    for arguments in ({"corpus": "Songs"}, {"corpus": "Talks", "format": "xls"}, {"corpus": "Talks", "status": "x"}):
        done = execute(queue, queue.create("test", "export", "Export", arguments).id, KINDS)
        assert done.state == "failed" and done.message and done.remedy


# labels that come with a file


def test_labels_of_a_file_become_decisions_of_the_import(database, import_rows):
    rows = [
        {"id": "1", "title": "A", "tags": ["bees", "ants", "bees", " "], "tagloom_status": "done"},
        {"id": "2", "title": "B", "tags": ["bees"], "tagloom_status": "in_progress"},
        {"id": "3", "title": "C", "tags": [], "tagloom_status": "pending"},
        {"id": "4", "title": "D", "tags": ["x" * 300], "tagloom_status": "nonsense"},
        {"id": "5", "title": "E", "tags": ["moths"]},
    ]
    report = import_rows(database, rows)
    assert report.new == 5
    assert [(c["status"], c["tags"]) for c in content(database, "Talks")] == [
        ("done", ["bees", "ants"]),
        ("in_progress", ["bees"]),
        ("pending", []),
        ("pending", []),
        ("done", ["moths"]),
    ]
    assert count(database, decision) == 3 and count(database, tag) == 3
    assert import_rows(database, rows).unchanged == 5 and count(database, decision) == 3


def test_new_labels_of_a_known_item_are_a_new_version(database, import_rows):
    import_rows(database, [{"id": "1", "title": "A", "tags": ["bees"], "tagloom_status": "done"}])
    ids, tags = ids_of(database), add_tags(database, "ants")
    decide(database, event(ids["1"], 1, "done", [tags["ants"]]))
    import_rows(database, [{"id": "1", "title": "A", "tags": ["bees", "ants"], "tagloom_status": "done"}])
    (entry,) = content(database, "Talks")
    assert entry["tags"] == ["bees", "ants"]
    with database.read() as connection:
        rows = connection.execute(select(decision.c.person, decision.c.version).order_by(decision.c.seq)).all()
    assert [tuple(row) for row in rows] == [(IMPORTER, 1), ("ann", 2), (IMPORTER, 3)]


# the writer itself


@given(st.lists(st.dictionaries(st.sampled_from("abc"), texts, max_size=3), max_size=5))
@example([{}])
def test_rows_of_text_are_written_whatever_they_hold(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    for format in FORMATS:
        with RowFile(folder / "x", format, list("abc"), set("abc"), set()) as file:
            file.write(dict(row) for row in rows)
        if format == "jsonl":
            assert [json.loads(line) for line in (folder / "x").read_bytes().split(b"\n")[:-1]] == rows
        elif format == "parquet":
            assert pq.read_table(folder / "x").to_pylist() == [{c: row.get(c) for c in "abc"} for row in rows]
        else:
            assert len(raw_cells(folder / "x")) == len(rows) + 1
