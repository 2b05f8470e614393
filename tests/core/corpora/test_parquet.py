import datetime
import decimal
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats import parquet
from core.corpora.formats.base import Problem, Row
from core.corpora.reading import inspect, read_rows
from core.errors import InvalidInput, UnsafeInput

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def write(tmp_path, columns, **options):
    path = tmp_path / "items.parquet"
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


def column(tmp_path, array):
    (found,) = [list(read_rows(write(tmp_path, {"a": array})))]
    return [row.values["a"] for row in found]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            text, st.none() | st.lists(text, max_size=3), st.integers(-(2**63), 2**63 - 1), st.none() | st.booleans()
        ),
        min_size=1,
        max_size=5,
    )
)
def test_values_come_back_exactly(tmp_path_factory, rows):
    kinds = [pa.string(), pa.list_(pa.string()), pa.int64(), pa.bool_()]
    columns = {f"c{n}": pa.array([row[n] for row in rows], kind) for n, kind in enumerate(kinds)}
    found = list(read_rows(write(tmp_path_factory.mktemp("parquet"), columns)))
    assert [tuple(row.values.values()) for row in found] == rows
    assert [row.number for row in found] == list(range(1, len(rows) + 1))


def test_types_become_json(tmp_path):
    utc = datetime.timezone.utc  # noqa: UP017 - reads the same in the expected text
    cases = [
        (pa.array([datetime.date(2024, 2, 29), None]), ["2024-02-29", None]),
        (pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3)], pa.timestamp("us")), ["2024-02-29T01:02:03"]),
        (
            pa.array([datetime.datetime(2024, 2, 29, tzinfo=utc)], pa.timestamp("ms", "UTC")),
            ["2024-02-29T00:00:00+00:00"],
        ),
        (pa.array([1_000_000_001, None], pa.timestamp("ns")), ["1970-01-01T00:00:01.000000001", None]),
        (pa.array([1_000_001_000], pa.timestamp("ns")), ["1970-01-01T00:00:01.000001"]),
        (pa.array([datetime.time(1, 2)], pa.time64("us")), ["01:02:00"]),
        (pa.array([datetime.timedelta(seconds=90)]), [90.0]),
        (pa.array([decimal.Decimal("1.50")]), ["1.50"]),
        (pa.array([1.5, math.nan, math.inf, None]), [1.5, None, "Infinity", None]),
        (pa.array([[1.5, math.nan]]), [[1.5, None]]),
        (pa.array([2**64 - 1, 5], pa.uint64()), [str(2**64 - 1), 5]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([{"x": 1, "y": [datetime.date(2024, 1, 1)]}]), [{"x": 1, "y": ["2024-01-01"]}]),
        (pa.array([None, None]), [None, None]),
        (pa.array(["x" * 9], pa.large_string()), ["x" * 9]),
        (pa.array([["a"]], pa.large_list(pa.string_view())), [["a"]]),
    ]
    for array, expected in cases:
        assert column(tmp_path, array) == expected


def test_binary_cells_are_left_out_with_a_note(tmp_path):
    picture = pa.array([{"bytes": b"\x89PNG", "path": "a.png"}, {"bytes": None, "path": "b.png"}])
    path = write(tmp_path, {"raw": pa.array([None, b"\xff\x00"]), "image": picture})
    first, second = read_rows(path)
    assert first.values == {"raw": None, "image": {"bytes": None, "path": "a.png"}}
    assert [(note.field, note.code, note.row) for note in first.notes] == [("image", "binary_cell", 1)]
    assert second.values == {"raw": None, "image": {"bytes": None, "path": "b.png"}}
    assert [(note.field, note.code, note.row) for note in second.notes] == [("raw", "binary_cell", 2)]


def test_text_that_is_not_utf8_is_repaired(tmp_path):
    bad = pa.array([b"ok", b"x\xffy", None]).cast(pa.binary()).view(pa.string())
    rows = list(read_rows(write(tmp_path, {"a": bad})))
    assert [row.values["a"] for row in rows] == ["ok", "x\ufffdy", None]
    assert [len(row.notes) for row in rows] == [0, 1, 0]


def test_columns_of_an_export_that_hold_json(tmp_path):
    table = pa.table({"n": ["5", None], "s": ["5", "[1]"]}).replace_schema_metadata({"tagloom_json_columns": '["n"]'})
    rows = list(read_rows(write(tmp_path, table)))
    assert [row.values for row in rows] == [{"n": 5, "s": "5"}, {"n": None, "s": "[1]"}]


def test_the_number_of_rows_is_known(tmp_path):
    path = write(tmp_path, {"text": [f"text {n}" for n in range(5000)]})
    inspection = inspect(path, look_at=50)
    assert (inspection.format, inspection.estimated_rows, len(inspection.rows)) == ("parquet", 5000, 20)
    assert inspection.encoding is None


def test_an_empty_table_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no rows"):
        list(read_rows(write(tmp_path, {"a": pa.array([], pa.string())})))


def test_a_cut_file_is_refused(tmp_path):
    path = write(tmp_path, {"a": list(range(1000))})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidInput, match="cannot be read as one"):
        list(read_rows(path))


def test_a_damaged_file_gives_what_could_be_read(tmp_path):
    path = write(tmp_path, {"a": [f"{n} and words" for n in range(20_000)]}, row_group_size=2000, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xa5" * 2000
    path.write_bytes(content)
    found = list(read_rows(path))
    assert isinstance(found[0], Row)
    assert isinstance(found[-1], Problem)
    assert found[-1].code == "truncated"


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path, {"a": ["x" * 1000] * 10_000}, compression="zstd", use_dictionary=False)
    assert len(list(read_rows(path))) == 10_000
    monkeypatch.setattr(parquet, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(UnsafeInput, match="unpacks to"):
        list(read_rows(path))


def test_reading_needs_no_pyarrow_for_other_formats(tmp_path):
    import subprocess
    import sys

    (tmp_path / "a.csv").write_text("id,text\n1,a\n")
    code = (
        "import sys, pathlib; from core.corpora.reading import inspect; from core.corpora.mapping import guess_mapping;"
        f"guess_mapping(inspect(pathlib.Path({str(tmp_path / 'a.csv')!r})));"
        "print(sorted({'pyarrow', 'pandas', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
