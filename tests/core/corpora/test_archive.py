import io
import stat
import struct
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.corpora.formats import archive
from core.corpora.formats.base import Problem, Row, file_source
from core.corpora.reading import inspect, read_rows
from core.errors import InvalidInput, UnsafeInput

CSV = b"id,text\n1,a\n2,b\n"


def pack(tmp_path, members, method=zipfile.ZIP_DEFLATED, name="items.zip"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", method) as file:
        for member, content in members:
            file.writestr(member, content)
    return path


def read(path):
    return list(read_rows(path))


def refused(path, *words):
    before = sorted(path.parent.rglob("*"))
    for look in (read, inspect):
        with pytest.raises(UnsafeInput) as caught:
            look(path)
        assert all(word in caught.value.message for word in words)
        assert caught.value.remedy
    assert sorted(path.parent.rglob("*")) == before


def parquet_bytes():
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [7], "text": ["p"]}), out)
    return out.getvalue()


def test_every_format_is_read_from_an_archive(tmp_path):
    path = pack(
        tmp_path,
        [
            ("b.json", '[{"id": 3, "text": "c"}]'),
            ("a.csv", CSV),
            ("sub/c.jsonl", '{"id": 4, "text": "d"}\n'),
            ("d.parquet", parquet_bytes()),
            ("e.tsv", "id\ttext\n5\te\n"),
            ("__MACOSX/._a.csv", "junk"),
            (".DS_Store", "junk"),
            ("sub/.hidden/x.csv", CSV),
            ("empty/", ""),
        ],
    )
    found = read(path)
    assert all(isinstance(each, Row) for each in found)
    assert [(row.file, row.number, row.values["text"]) for row in found] == [
        ("items.zip/a.csv", 1, "a"),
        ("items.zip/a.csv", 2, "b"),
        ("items.zip/b.json", 1, "c"),
        ("items.zip/d.parquet", 1, "p"),
        ("items.zip/e.tsv", 1, "e"),
        ("items.zip/sub/c.jsonl", 1, "d"),
    ]
    inspection = inspect(path)
    assert inspection.format == "zip"
    assert len(inspection.files) == 5
    assert [column.name for column in inspection.columns] == ["id", "text"]
    assert inspection.estimated_rows == 6
    assert inspection.delimiter == ","


def test_other_members_are_problems_not_errors(tmp_path):
    path = pack(
        tmp_path,
        [
            ("a.csv", CSV),
            ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
            ("inner.zip", pack(tmp_path, [("x.csv", CSV)], name="inner.zip").read_bytes()),
            ("inner.tar.gz", b"\x1f\x8b" + bytes(20)),
            ("notes.md", "Just a few words.\nAnd more."),
            ("header.csv", "id,text\n"),
            ("empty.csv", ""),
        ],
    )
    found = read(path)
    problems = {each.file: each for each in found if isinstance(each, Problem)}
    assert sum(isinstance(each, Row) for each in found) == 2
    assert {name.removeprefix("items.zip/"): problem.code for name, problem in problems.items()} == {
        "picture.png": "bad_member",
        "inner.zip": "nested_archive",
        "inner.tar.gz": "nested_archive",
        "notes.md": "bad_member",
        "header.csv": "bad_member",
        "empty.csv": "bad_member",
    }
    assert all(problem.row is None and problem.remedy for problem in problems.values())
    assert "PNG" in problems["items.zip/picture.png"].cause
    assert {problem.code for problem in inspect(path).problems} == {"bad_member", "nested_archive"}


@pytest.mark.parametrize("members", [[], [("a.png", b"\x89PNG")], [("header.csv", "id,text\n")], [("dir/", "")]])
def test_an_archive_without_rows_is_refused(tmp_path, members):
    path = pack(tmp_path, members)
    for look in (read, inspect):
        with pytest.raises(InvalidInput) as caught:
            look(path)
        assert "items.zip" in caught.value.message


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("/etc/passwd.csv", "absolute"),
        ("../up.csv", "out of"),
        ("a/../../up.csv", "out of"),
        ("C:/x.csv", "drive"),
        ("c:x.csv", "drive"),
        ("a\\b.csv", "backslash"),
        ("..\\up.csv", "backslash"),
        ("\\\\host\\share.csv", "backslash"),
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name, word):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    refused(pack(tmp_path, [("good.csv", CSV), (info, CSV)]), word, "items.zip")


def test_a_nul_in_a_name(tmp_path):
    path = pack(tmp_path, [("good.csv", CSV), ("ab.csv", CSV)])
    path.write_bytes(path.read_bytes().replace(b"ab.csv", b"a\0.csv"))
    refused(path, "NUL")


@pytest.mark.parametrize(
    ("mode", "word"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "regular"), (stat.S_IFCHR, "regular")]
)
def test_links_and_devices(tmp_path, mode, word):
    info = zipfile.ZipInfo("link.csv")
    info.create_system = 3
    info.external_attr = (mode | 0o777) << 16
    refused(pack(tmp_path, [("good.csv", CSV), (info, "/etc/passwd")]), word)


def test_encrypted_members(tmp_path):
    path = pack(tmp_path, [("a.csv", CSV)])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_come_twice(tmp_path):
    refused(pack(tmp_path, [("a.csv", CSV), ("a.csv", b"id,text\n9,z\n")]), "twice")


def test_too_many_members(tmp_path):
    refused(pack(tmp_path, [(f"{n}.csv", "") for n in range(2001)], zipfile.ZIP_STORED), "2,000")


def test_a_table_of_contents_that_lies_about_its_size(tmp_path):
    path = pack(tmp_path, [(f"{n}.csv", "") for n in range(2001)], zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", content, end + 8, 1, 1)
    path.write_bytes(content)
    refused(path, "2,000")


def test_members_on_top_of_each_other(tmp_path):
    path = pack(tmp_path, [("a.csv", CSV * 50), ("b.csv", CSV * 50)])
    content = bytearray(path.read_bytes())
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    struct.pack_into("<I", content, second + 42, 10)
    path.write_bytes(content)
    for look in (read, inspect):
        with pytest.raises(UnsafeInput):
            look(path)


def bomb(tmp_path, size, name="bomb.csv"):
    body = b"id,text\n" + b"1,aaaaaaaa\n" * (size // 11)
    return pack(tmp_path, [(name, body)]), body


def forge(path, *, size=None, packed=None, crc=None):
    """Write other sizes and checksum into both headers of the only member."""
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        place = content.rindex(mark) + at if mark == b"PK\x01\x02" else content.index(mark) + at
        for value, offset in ((crc, 0), (packed, 4), (size, 8)):
            if value is not None:
                struct.pack_into("<I", content, place + offset, value)
    path.write_bytes(content)


def test_a_bomb_is_stopped_while_it_is_read(tmp_path):
    path, _ = bomb(tmp_path, 40_000_000)
    assert path.stat().st_size * 200 < 40_000_000
    with pytest.raises(UnsafeInput, match="200 times"):
        read(path)


@pytest.mark.parametrize("size", [0, 100, 0xFFFFFFF0])
def test_forged_sizes_do_not_get_around_the_limits(tmp_path, size):
    path, _ = bomb(tmp_path, 40_000_000)
    forge(path, size=size)
    source = file_source(path)
    try:
        found = read(path)
    except InvalidInput:  # UnsafeInput is one
        return
    assert sum(isinstance(each, Row) for each in found) * 11 < 10_100_000
    assert any(isinstance(each, Problem) for each in found)
    with archive.members(source) as (members, _):
        assert all(len(member.head(1 << 30)) <= 11_000_000 for member in members)


def test_a_forged_size_of_nothing_with_its_checksum(tmp_path):
    path, _ = bomb(tmp_path, 40_000_000)
    forge(path, size=0, crc=zlib.crc32(b""))
    with pytest.raises(InvalidInput):
        read(path)


def test_a_forged_packed_size_does_not_hide_the_ratio(tmp_path):
    path, _ = bomb(tmp_path, 40_000_000)
    forge(path, packed=0x7FFFFFFF)
    with pytest.raises(UnsafeInput):
        read(path)


def test_the_limits_of_one_file_and_of_all(tmp_path):
    body = b"id,text\n" + b"".join(f"{n},{hash((n, 7)) % 10**12}\n".encode() for n in range(20_000))
    path = pack(tmp_path, [("a.csv", body), ("b.csv", body), ("c.csv", body)])
    source = file_source(path)

    def all_of(limits):
        with archive.members(source, limits) as (members, _):
            total = 0
            for member in members:
                for _ in range(2):  # the second reading of a file does not count again
                    with member.open() as stream:
                        while data := stream.read(4096):
                            total += len(data)
            return total

    assert all_of(archive.Limits(member=len(body), total=3 * len(body))) == 6 * len(body)
    with pytest.raises(UnsafeInput, match=r"a\.csv unpacks"):
        all_of(archive.Limits(member=len(body) - 1))
    with pytest.raises(UnsafeInput, match="in all"):
        all_of(archive.Limits(total=3 * len(body) - 1))
    with pytest.raises(UnsafeInput, match="more than 2 files"):
        all_of(archive.Limits(members=2))


def test_a_damaged_member_costs_what_cannot_be_read_of_it(tmp_path):
    body = b"id,text\n" + b"".join(f"{n},{hash((n, 7)) % 10**12}\n".encode() for n in range(60_000))
    path = pack(tmp_path, [("a.csv", body), ("b.csv", CSV)])
    content = bytearray(path.read_bytes())
    content[400_000:400_100] = b"\0" * 100
    path.write_bytes(content)
    found = read(path)
    assert [row.file for row in found if isinstance(row, Row)][-2:] == ["items.zip/b.csv"] * 2
    assert [each.code for each in found if isinstance(each, Problem)][:1] == ["bad_member"]


def test_a_cut_archive_is_refused(tmp_path):
    path = pack(tmp_path, [("a.csv", CSV * 1000)])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InvalidInput, match="table of contents"):
        read(path)


def test_office_documents_are_named(tmp_path):
    path = pack(tmp_path, [("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<x/>")], name="items.csv")
    with pytest.raises(InvalidInput, match="Excel workbook") as caught:
        read(path)
    assert "csv" in caught.value.remedy


def test_names_are_shown_without_what_could_confuse(tmp_path):
    path = pack(tmp_path, [("a\n\x1b[31m.csv", CSV), ("<img src=x>.csv", CSV)])
    assert {row.file for row in read(path)} == {"items.zip/a��[31m.csv", "items.zip/<img src=x>.csv"}
