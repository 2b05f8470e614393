"""Which format a file is in, by its content; the extension only settles what the content leaves open."""

from __future__ import annotations

import json
import re

from core.corpora.formats import feather
from core.corpora.formats.base import ACCEPTED, Source
from core.corpora.formats.dialect import RARE_DELIMITERS, Dialect, sniff
from core.corpora.formats.json_values import DECODER
from core.corpora.formats.options import FOUND_OUT, ReadOptions
from core.errors import InvalidInput

PARQUET, ZIP = b"PAR1", b"PK\x03\x04"
TABLE_EXTENSIONS = ("csv", "tsv", "tab", "psv")
LINE_EXTENSIONS = ("txt", "text")
WORKBOOK_EXTENSIONS = ("xlsx", "xlsm")
_TEXT_EXTENSIONS = (*TABLE_EXTENSIONS, *LINE_EXTENSIONS, "json", "jsonl", "ndjson")

_KNOWN = (  # first bytes, what it is, what to do
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"GIF8", "a GIF image", ""),
    (b"%PDF", "a PDF document", ""),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first, or pack it as zip."),
    (b"Rar!", "a RAR archive", "Unpack it first, or pack it as zip."),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it first."),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as csv."),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old or locked Office document",
        "Save the sheet as xlsx without a password, or as csv.",
    ),
    (b"\x89HDF", "an HDF5 file", "Write the table as parquet or csv."),
    (b"OggS", "a sound file", ""),
    (b"fLaC", "a sound file", ""),
    (b"ID3\x02", "a sound file", ""),
    (b"ID3\x03", "a sound file", ""),
    (b"ID3\x04", "a sound file", ""),
    (b"\x7fELF", "a program", ""),
    (b"{\\rtf", "an RTF document", "Save the table as csv."),
)
_ARCHIVE_STARTS = (ZIP, b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh")
_ARCHIVE_EXTENSIONS = ("zip", "gz", "tgz", "bz2", "7z", "rar", "xz", "zst", "tar", "jar")

_JSON_START = re.compile(r'\s*(?:\[\s*(?:[\[{"\]\d-]|true|false|null|$)|\{\s*(?:"|\}|$))')
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def binary_format(source: Source, head: bytes) -> str | None:
    """`parquet`, `feather`, `zip`, or None for what may be text. Raises InvalidInput for other known binary files."""
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith(feather.STARTS):
        return "feather"
    if head.startswith((ZIP, b"PK\x05\x06", b"PK\x07\x08")):
        return "zip"
    for start, what, remedy in _KNOWN:
        if head.startswith(start):
            raise unaccepted(source, what, remedy)
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        raise unaccepted(source, {b"WEBP": "a WebP image", b"WAVE": "a sound file"}.get(head[8:12], "a video"))
    if head[4:8] == b"ftyp":
        raise unaccepted(source, "a video or sound file")
    if head[257:262] == b"ustar":
        raise unaccepted(source, "a tar archive", "Unpack it first, or pack it as zip.")
    if re.match(rb"BZh[1-9]1AY&SY", head):
        raise unaccepted(source, "a bzip2 archive", "Unpack it first.")
    lowered = head[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lowered.startswith((b"<!doctype html", b"<html")):
        raise unaccepted(source, "a web page", "Download the file itself, not the page that shows it.")
    if lowered.startswith(b"<?xml"):
        raise unaccepted(source, "an XML file", "Write the rows as csv or jsonl.")
    return None


def is_archive(source: Source, head: bytes) -> bool:
    """Whether the file is packed, by its first bytes or its name."""
    return head.startswith(_ARCHIVE_STARTS) or source.extension in _ARCHIVE_EXTENSIONS


def text_format(
    source: Source, sample: str, whole: bool, options: ReadOptions = FOUND_OUT
) -> tuple[str, Dialect | None]:
    """`json`, `jsonl`, `txt`, or `delimited` with its dialect. Raises InvalidInput for what is none of them.

    Args:
        source: for its name and extension.
        sample: the first characters.
        whole: the sample is the whole file.
        options: what a person said.
    """
    if not sample.strip("\0 \t\r\n\ufeff"):
        raise InvalidInput(f"{source.name} holds no text.", f"Choose a file that holds rows: {ACCEPTED}.")
    first_line = sample.lstrip("\r\n").split("\n", 1)[0]
    if _looks_binary(first_line, sample, source.extension):
        raise unaccepted(source, "binary data")
    if options.lines:
        return "txt", None
    if options.delimiter is not None:
        return "delimited", sniff(sample, whole, source.extension, options)
    if _JSON_START.match(sample):
        if source.extension in ("jsonl", "ndjson") and sample.lstrip()[0] == "{":
            return "jsonl", None
        return ("jsonl" if _one_per_line(sample, whole) else "json"), None
    if source.extension in ("jsonl", "ndjson"):
        return "jsonl", None
    if source.extension == "json":
        raise unaccepted(source, "a text file that does not begin with [ or {")
    dialect = sniff(sample, whole, source.extension, options)
    several = dialect.columns > 1 and dialect.rows > 0 and dialect.consistency >= 0.9
    if source.extension in LINE_EXTENSIONS and options.lines is None:
        return ("delimited", dialect) if several and not _prose(dialect, sample) else ("txt", None)
    if source.extension in TABLE_EXTENSIONS or several or options.lines is False:
        return "delimited", dialect
    raise unaccepted(
        source, "plain text without columns", "Give the file a name that ends in .txt if each line is an item."
    )


def _prose(dialect: Dialect, sample: str) -> bool:
    """Whether what looks like delimiters in a text are its commas: most are followed by space."""
    if dialect.delimiter not in ",;":
        return False
    signs = sample.count(dialect.delimiter)
    return sum(sample.count(dialect.delimiter + space) for space in " \n") * 2 > signs


def unaccepted(source: Source, what: str, remedy: str = "") -> InvalidInput:
    """The error for a file that is something else."""
    return InvalidInput(
        f"{source.name} looks like {what}, not like a table of items.", f"{remedy} Accepted are {ACCEPTED}.".strip()
    )


def _looks_binary(first_line: str, sample: str, extension: str) -> bool:
    found = _CONTROL.findall(first_line.replace("\0", ""))
    controls = len(found)
    if extension in _TEXT_EXTENSIONS:
        if len(set(found)) == 1 and found[0] in RARE_DELIMITERS:
            return False
        return controls * 20 > len(first_line)
    return controls > 0 or len(_CONTROL.findall(sample)) * 20 > len(sample)


def _one_per_line(sample: str, whole: bool) -> bool:
    """Whether the JSON is one value a line rather than one value in all."""
    lines = [line for line in sample.split("\n") if line.strip()]
    if not whole and len(lines) > 1:
        lines.pop()
    if len(lines) == 1:
        return whole and sample.lstrip().startswith("{") and not _holds_rows(lines[0])
    parsed = [_parses(line) for line in lines[:20]]
    opened = [line.lstrip().startswith(("{", "[")) for line in lines[:20]]
    return parsed[0] or (sum(parsed) >= 2 and sum(parsed) * 2 > len(parsed) and all(opened))


def _parses(line: str) -> bool:
    try:
        DECODER.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def _holds_rows(line: str) -> bool:
    """Whether a one-line object holds rows in one of the ways of json_shapes.py, or is too broken to tell."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return True
    parts = list(value.values())
    if any(isinstance(each, list) and each and isinstance(each[0], dict) for each in parts):
        return True
    objects = sum(isinstance(each, dict) for each in parts)
    return bool(parts) and (objects >= 0.8 * len(parts) or all(isinstance(each, list) for each in parts))
