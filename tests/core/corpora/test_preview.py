import secrets

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpora.formats.options import ReadOptions
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping
from core.corpora.preview import inspect_with_mapping, suggested_name
from core.corpora.roles import FACT_ROLES, ROLES
from core.errors import InvalidInput
from tests.conftest import write_jsonl
from tests.making import rows_of

ROWS = [
    {"id": "1", "title": "First", "body": "Some words", "tags": ["a", "b"], "year": 1999, "url": "https://e.org/1"},
    {"id": "2", "title": "", "body": " ", "tags": [], "year": None, "url": ""},
    {"id": "3", "title": "Third 🐝", "body": "More words", "tags": None, "year": 2001, "url": "https://e.org/3"},
]


@pytest.fixture
def path(tmp_path):
    return write_jsonl(tmp_path / "data", ROWS)


def test_what_the_mapping_screen_shows(path):
    shown = inspect_with_mapping(path, "my_talks (2).jsonl")
    assert orjson.loads(orjson.dumps(shown)) == orjson.loads(orjson.dumps(shown)), "it can be sent"
    assert (shown["name"], shown["suggested_corpus"], shown["format"]) == ("my_talks (2).jsonl", "my talks", "jsonl")
    assert [c["name"] for c in shown["columns"]] == ["id", "title", "body", "tags", "year", "url"]
    roles = {c["name"]: c["role"] for c in shown["columns"]}
    assert roles == {"id": "id", "title": "title", "body": "body", "tags": "gold", "year": "keep", "url": "link"}
    assert all(c["why"] for c in shown["columns"])
    assert {r["value"] for r in shown["roles"]} == set(ROLES) - set(FACT_ROLES), "roles of music are for music"
    assert len(shown["previews"]) == len(shown["rows"]) == 3
    first, second, _ = shown["previews"]
    assert first["title"] == "First" and first["external_id"] == "1" and first["gold"] == ["a", "b"]
    assert [f["text"] for f in first["fields"]] == ["First", "Some words"]
    assert first["kept"] == [{"name": "year", "text": "1999"}]
    assert first["link"] == "https://e.org/1" and first["problem"] is None
    assert second["problem"]["code"] == "no_text" and second["problem"]["row"] == 2


def test_a_person_changes_a_role(path):
    mapping = Mapping({"id": "keep", "title": "ignore", "body": "title", "tags": "tags", "year": "category"})
    shown = inspect_with_mapping(path, "x.jsonl", mapping)
    assert shown["mapping"] == mapping.to_json()
    columns = {c["name"]: c for c in shown["columns"]}
    assert columns["title"]["role"] == "ignore" and columns["title"]["why"] == "chosen by you"
    assert columns["url"]["role"] == "keep", "a column that the mapping does not name is kept"
    first = shown["previews"][0]
    assert first["title"] == "Some words" and first["tags"] == ["a", "b"] and first["gold"] is None
    assert first["external_id"] is None


def test_a_role_for_a_missing_column_is_refused(path):
    with pytest.raises(InvalidInput) as refused:
        inspect_with_mapping(path, "x.jsonl", Mapping({"title": "title", "headline": "body"}))
    assert "headline" in refused.value.message


@given(st.text(max_size=120))
def test_a_suggested_name_is_always_usable(name):
    suggested = suggested_name(name)
    assert 1 <= len(suggested) <= 80 and suggested == " ".join(suggested.split())


def test_what_is_previewed_is_what_is_imported(sqlite_host, path):
    database = sqlite_host.open("test")
    shown = inspect_with_mapping(path, "x.jsonl")
    import_file(
        database,
        path,
        name="x.jsonl",
        corpus_name="Talks",
        mapping=Mapping.from_json(shown["mapping"]),
        import_id=secrets.token_hex(4),
    )
    good = [p for p in shown["previews"] if p["problem"] is None]
    rows = rows_of(database)
    assert [(r.external_id, r.title, r.link) for r in rows] == [(p["external_id"], p["title"], p["link"]) for p in good]
    assert [r.gold and orjson.loads(r.gold) for r in rows] == [p["gold"] for p in good]


def test_a_file_read_in_another_way(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("1||抱歉\n2||谢谢\n".encode("gbk"))
    shown = inspect_with_mapping(path, "x.csv", None, ReadOptions(encoding="gbk", header=False))
    assert (shown["encoding"], shown["delimiter"], shown["header"]) == ("gb18030", "||", False)
    assert shown["reading"] == {"encoding": "gbk", "header": False} == shown["mapping"]["reading"]
    assert shown["rows"][0] == {"column_1": "1", "column_2": "抱歉"}
    assert {"value": "gb18030", "label": "GB18030 (Chinese)"} in shown["encodings"]
    mapping = Mapping({"column_2": "title"}, reading=ReadOptions(encoding="gbk", header=False))
    again = inspect_with_mapping(path, "x.csv", mapping)
    assert again["rows"] == shown["rows"] and again["previews"][0]["title"] == "抱歉"
