"""Arrow and feather files: what pyarrow and pandas write comes back, and damaged files cost what is damaged."""

import datetime
import tracemalloc
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats import feather
from core.corpora.formats.base import file_source
from core.corpora.mapping import guess_mapping
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput, UnsafeInput

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
record = st.fixed_dictionaries(
    {"title": st.none() | text, "n": st.none() | st.integers(-(2**63), 2**63 - 1), "tags": st.none() | st.lists(text)}
)
WAYS = ("lz4", "zstd", "uncompressed", "stream", "v1")


def write(path, table, way="lz4", rows_in_batch=None):
    if way == "stream":
        with pa.ipc.new_stream(path, table.schema) as out:
            out.write_table(table, rows_in_batch)
    elif way == "v1":
        pyarrow.feather.write_feather(table, path, version=1)
    else:
        pyarrow.feather.write_feather(table, path, compression=way, chunksize=rows_in_batch)
    return path


def rows(path):
    return [each.values for each in read_rows(path) if isinstance(each, Row)]


@settings(max_examples=80)
@given(st.lists(record, min_size=1, max_size=12), st.sampled_from(WAYS[:4]), st.integers(1, 5))
def test_what_was_written_comes_back(tmp_path_factory, records, way, rows_in_batch):
    schema = pa.schema([("title", pa.string()), ("n", pa.int64()), ("tags", pa.list_(pa.string()))])
    path = tmp_path_factory.mktemp("feather") / "items.feather"
    write(path, pa.Table.from_pylist(records, schema), way, rows_in_batch)
    assert rows(path) == records
    assert feather.count(file_source(path)) == len(records)
    assert inspect(path).estimated_rows == len(records)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_taggpts_columns_get_their_roles(tmp_path, way):
    frame = pd.DataFrame(
        {
            "item_id": [1, 2, 3],
            "caption": ["做菜", "跳舞", None],
            "ocr_cover": ["教程", None, "封面"],
            "asr_pure": ["今天教大家", "音乐", "说话"],
            "category_name": pd.Categorical(["美食", "舞蹈", "美食"]),
        }
    )
    path = write(tmp_path / "222k_kw.ft", pa.Table.from_pandas(frame), way)
    found = inspect(path)
    assert found.format == "feather" and found.estimated_rows == 3
    assert guess_mapping(found).roles == {
        "item_id": "id", "caption": "caption", "ocr_cover": "ocr", "asr_pure": "speech", "category_name": "category",
    }  # fmt: skip
    assert rows(path)[1] == {
        "item_id": 2, "caption": "跳舞", "ocr_cover": None, "asr_pure": "音乐", "category_name": "舞蹈",
    }  # fmt: skip


def test_types_become_json(tmp_path):
    table = pa.table(
        {
            "when": [datetime.datetime(2020, 1, 2, 3, 4, 5)],
            "day": [datetime.date(2020, 1, 2)],
            "score": [float("nan")],
            "raw": [b"\x00\x01"],
            "part": [{"a": 1}],
        }
    )
    (row,) = read_rows(write(tmp_path / "x.arrow", table))
    assert row.values == {
        "when": "2020-01-02T03:04:05",
        "day": "2020-01-02",
        "score": None,
        "raw": None,
        "part": {"a": 1},
    }
    assert [note.code for note in row.notes] == ["binary_cell"]


@pytest.mark.parametrize("way", ["lz4", "stream"])
def test_a_file_that_was_cut_off_gives_the_rows_before(tmp_path, way):
    table = pa.table({"text": [f"row {n} of many" for n in range(10_000)]})
    path = write(tmp_path / "cut.feather", table, way, 1000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = list(read_rows(path))
    good = [each for each in found if isinstance(each, Row)]
    assert 1000 <= len(good) < 6000 and good[-1].values["text"] == f"row {len(good) - 1} of many"
    assert [each.code for each in found[len(good) :]] == ["truncated"]


@settings(max_examples=150)
@given(st.data())
def test_damaged_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("feather") / "x.feather"
    write(path, pa.table({"a": ["x" * 20] * 50, "n": list(range(50))}), data.draw(st.sampled_from(WAYS[:4])), 10)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))])
    for look in (inspect, lambda each: list(read_rows(each))):
        try:
            look(path)
        except InvalidInput as error:
            assert error.message and error.remedy


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(feather, "MAX_UNPACKED", 1_000_000)
    path = write(tmp_path / "bomb.feather", pa.table({"a": ["x" * 1000] * 20_000}), "zstd", 20_000)
    monkeypatch.setattr(pa.ipc, "open_stream", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(UnsafeInput, match="unpacks to 19 MB"):
        list(read_rows(path))


def test_more_rows_than_a_file_can_hold_are_refused(tmp_path):
    batch = pa.record_batch([pa.nulls(50_000_000)], ["nothing"])
    path = write(tmp_path / "nulls.feather", pa.Table.from_batches([batch]), "uncompressed", 50_000_000)
    with pytest.raises(UnsafeInput, match="claims to hold 50,000,000 rows"):
        list(read_rows(path))


def test_memory_does_not_grow_with_the_file(tmp_path):
    table = pa.table({"text": [f"{n} " + "words and words " * 20 for n in range(40_000)]})
    path = write(tmp_path / "big.feather", table, "lz4", 2000)
    tracemalloc.start()
    assert sum(isinstance(each, Row) for each in read_rows(path)) == 40_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12_000_000


def test_inside_an_archive(tmp_path):
    write(tmp_path / "a.feather", pa.table({"text": ["one", "two"]}))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "a.feather", "in/a.feather")
    assert rows(tmp_path / "x.zip") == [{"text": "one"}, {"text": "two"}]


@pytest.mark.parametrize("content", [b"ARROW1\0\0", b"FEA1", b"\xff\xff\xff\xff", b"ARROW1\0\0" + b"\1" * 100])
def test_beginnings_alone_are_refused(tmp_path, content):
    (tmp_path / "x.feather").write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        list(read_rows(tmp_path / "x.feather"))
    assert "x.feather" in refused.value.message and refused.value.remedy


def test_without_rows_it_is_refused(tmp_path):
    path = write(tmp_path / "empty.feather", pa.table({"a": pa.array([], pa.string())}))
    with pytest.raises(InvalidInput, match="no rows"):
        list(read_rows(path))


def test_a_tagloom_export_keeps_its_json_columns(tmp_path):
    table = pa.table({"x": ['{"a": 1}', "[1, 2]"]}).replace_schema_metadata({b"tagloom_json_columns": b'["x"]'})
    assert rows(write(tmp_path / "x.feather", table)) == [{"x": {"a": 1}}, {"x": [1, 2]}]
    assert not [each for each in read_rows(tmp_path / "x.feather") if isinstance(each, Problem)]
