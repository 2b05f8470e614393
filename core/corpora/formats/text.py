"""Which encoding a text file is in, found by decoding all of it once before its rows are read.

The order: a byte order mark, UTF-16 without one (its NUL bytes all sit at odd or at even places), UTF-8,
UTF-8 with a few broken bytes, GB18030 where the decoded text is plausible Chinese, else Windows-1252.
"""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import TextIO

from core.corpora.formats.base import REPLACEMENT, Problem, Source

CHUNK = 1 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TextShape:
    """What one pass over a text file found.

    Attributes:
        encoding: a Python codec name.
        guessed: the file is neither UTF-8 nor marked, so that the encoding is a guess.
        lossy: some bytes do not belong to the encoding and are read as U+FFFD.
        nul: NUL characters occur.
        lone_cr: carriage returns occur that do not end a line.
        newline: the `newline` argument to open the text with: "\\n", or "" where CR ends the lines.
    """

    encoding: str
    guessed: bool = False
    lossy: bool = False
    nul: bool = False
    lone_cr: bool = False
    newline: str = "\n"


def open_text(source: Source, shape: TextShape) -> TextIO:
    """The source as text; bytes that do not fit become U+FFFD, line ends stay as they are."""
    return io.TextIOWrapper(
        source.open(), encoding=shape.encoding, errors="replace", newline=shape.newline, write_through=True
    )


def sample_text(source: Source, shape: TextShape, size: int = 1 << 18) -> tuple[str, bool]:
    """Up to `size` characters from the start, and whether that is the whole file."""
    with open_text(source, shape) as stream:
        text = stream.read(size)
        return text, not stream.read(1)


def scan(source: Source, limit: int | None = None) -> TextShape:
    """Find the encoding and line ends of a text file.

    Args:
        source: the file.
        limit: bytes to look at; None looks at all of them (about 1 s per GB).
    """
    with source.open() as stream:
        head = stream.read(1 << 16)
    encoding = _marked(head) or _unmarked_utf16(head)
    if encoding is not None:
        shape = _walk(source, encoding, "strict", limit)
        return shape if isinstance(shape, TextShape) else _lossy(source, encoding, False, limit)
    shape = _walk(source, "utf-8", "strict", limit)
    if isinstance(shape, TextShape):
        return shape
    encoding = _legacy(shape)
    return _lossy(source, encoding, encoding != "utf-8", limit)


def encoding_problem(source: Source, shape: TextShape) -> Problem | None:
    """What to tell people of an encoding that had to be guessed; None where it was not."""
    if not shape.guessed:
        return None
    label = {"cp1252": "Windows-1252 (Western European)", "gb18030": "GB18030 (Chinese)"}[shape.encoding]
    return Problem(
        source.name,
        None,
        None,
        "encoding_guessed",
        f"The file is not UTF-8; it was read as {label}.",
        "If letters look wrong, save the file as UTF-8 and import it again.",
    )


def _marked(head: bytes) -> str | None:
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def _unmarked_utf16(head: bytes) -> str | None:
    zeros = head.count(0)
    if zeros < 2 or zeros * 50 < len(head):
        return None
    if zeros * 5 < len(head) and _decodes(head, "utf-8"):
        return None  # UTF-8 with some NUL characters; in UTF-16, CJK text is all but never valid UTF-8
    at_even = head[::2].count(0)
    for encoding, expected in (("utf-16-le", zeros - at_even), ("utf-16-be", at_even)):
        if expected >= 0.95 * zeros and _decodes(head, encoding):
            return encoding
    return None


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _walk(source: Source, encoding: str, errors: str, limit: int | None) -> TextShape | bytes:
    """Decode the source once: its shape, or the bytes around the first ones that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    nul = lossy = False
    returns = pairs = feeds = done = 0
    first = last = ""
    before = b""
    with source.open() as stream:
        while True:
            data = stream.read(CHUNK if limit is None else min(CHUNK, limit - done))
            done += len(data)
            try:
                text = decoder.decode(data, final=not data and (limit is None or done < limit))
            except UnicodeDecodeError:
                return before + data
            if last == "\r" and text.startswith("\n"):
                pairs += 1
                if first == "\r" and returns == 1:
                    first = "\n"
            first = first or _first_end(text)
            nul = nul or "\0" in text
            lossy = lossy or (errors == "replace" and REPLACEMENT in text)
            if "\r" in text:
                returns += text.count("\r")
                pairs += text.count("\r\n")
            feeds += text.count("\n")
            last = text[-1:] or last
            if not data:
                break
            before = data
    lone = returns - pairs
    by_return = lone > 0 and (feeds == 0 or (first == "\r" and lone > feeds))
    return TextShape(encoding, False, lossy, nul, lone > 0 and not by_return, "" if by_return else "\n")


def _first_end(text: str) -> str:
    """What ends the first line of the text: CR alone, LF (also after CR), or nothing yet."""
    feed, back = text.find("\n"), text.find("\r")
    if back >= 0 and (feed < 0 or back < feed - 1):
        return "\r"
    return "\n" if feed >= 0 else ""


def _lossy(source: Source, encoding: str, guessed: bool, limit: int | None) -> TextShape:
    shape = _walk(source, encoding, "replace", limit)
    assert isinstance(shape, TextShape)  # "replace" decodes anything
    return TextShape(encoding, guessed, shape.lossy, shape.nul, shape.lone_cr, shape.newline)


def _legacy(window: bytes) -> str:
    """The likeliest encoding of bytes that are not valid UTF-8."""
    text = window.decode("utf-8", "replace")
    bad = text.count(REPLACEMENT)
    beyond = sum(1 for char in text if char > "\x7f") - bad
    if beyond >= max(1, bad):
        return "utf-8"  # other encodings hardly ever form valid UTF-8 sequences by accident
    high = [char for char in window[:CHUNK].decode("gb18030", "replace") if char > "\x7f"][:5000]
    if high:
        common = sum(1 for char in high if char != REPLACEMENT and _in_gb2312(char))
        broken = high.count(REPLACEMENT)
        if common >= 0.7 * len(high) and common >= 10 * broken:
            return "gb18030"
    return "cp1252"


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
