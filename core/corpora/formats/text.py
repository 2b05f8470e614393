"""Which encoding a text file is in, found by decoding all of it once before its rows are read.

The order: what a person said, a byte order mark, UTF-32 or UTF-16 without one (by the places of their NUL bytes),
UTF-8, UTF-8 with a few broken bytes, and then the likeliest of the older encodings (see encodings.py).
"""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass, replace
from typing import TextIO

from core.corpora.formats.base import REPLACEMENT, Problem, Source
from core.corpora.formats.encodings import guess_encoding
from core.corpora.formats.options import ENCODINGS, codec_of

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
        said: a person named the encoding.
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
    said: bool = False


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


def scan(source: Source, limit: int | None = None, encoding: str | None = None) -> TextShape:
    """Find the encoding and line ends of a text file.

    Args:
        source: the file.
        limit: bytes to look at; None looks at all of them (about 1 s per GB).
        encoding: as a person named it. Raises InvalidInput where there is none of that name.
    """
    with source.open() as stream:
        head = stream.read(1 << 16)
    marked = _marked(head)
    if encoding is not None:
        return replace(_lossy(source, _said(codec_of(encoding), head, marked), False, limit), said=True)
    found = marked or _unmarked_utf32(head) or _unmarked_utf16(head)
    if found is not None:
        shape = _walk(source, found, "strict", limit)
        return shape if isinstance(shape, TextShape) else _lossy(source, found, False, limit)
    shape = _walk(source, "utf-8", "strict", limit)
    if isinstance(shape, TextShape):
        return shape
    found = _legacy(shape)
    return _lossy(source, found, found != "utf-8", limit)


def encoding_problem(source: Source, shape: TextShape) -> Problem | None:
    """What to tell people of an encoding that had to be guessed, or that does not fit; None where all is well."""
    name = ENCODINGS.get(shape.encoding, shape.encoding)
    if shape.said and shape.lossy:
        return Problem(
            source.name,
            None,
            None,
            "wrong_encoding",
            f"Some bytes do not belong to {name}; they are read as �.",
            "Choose another encoding if texts look wrong.",
        )
    if not shape.guessed:
        return None
    cause = f"The file is not UTF-8; it was read as {name}."
    if shape.lossy:
        cause = f"The file is not UTF-8; it was read as {name}, to which some bytes do not belong (�)."
    return Problem(
        source.name,
        None,
        None,
        "encoding_guessed",
        cause,
        "If letters look wrong, choose another encoding.",
    )


def _said(codec: str, head: bytes, marked: str | None) -> str:
    """The codec that a person named, with the mark that the file begins with taken into account."""
    if marked and marked.split("-")[:2] == codec.split("-")[:2]:
        return marked
    if codec in ("utf-16", "utf-32"):
        return (_unmarked_utf32(head) if codec == "utf-32" else _unmarked_utf16(head)) or f"{codec}-le"
    return codec


def _marked(head: bytes) -> str | None:
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def _unmarked_utf32(head: bytes) -> str | None:
    """UTF-32 without a mark: other bytes hardly ever form numbers that are all characters."""
    whole = head[: len(head) // 4 * 4]
    if len(head) % 4 and len(head) < 1 << 16:
        return None
    for encoding, place in (("utf-32-le", 3), ("utf-32-be", 0)):
        if len(whole) >= 8 and not any(whole[place::4]) and _decodes(whole, encoding):
            return encoding
    return None


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
    return replace(shape, guessed=guessed)


def _legacy(window: bytes) -> str:
    """The likeliest encoding of bytes that are not valid UTF-8."""
    text = window.decode("utf-8", "replace")
    bad = text.count(REPLACEMENT)
    beyond = sum(1 for char in text if char > "\x7f") - bad
    if beyond >= max(1, bad):
        return "utf-8"  # other encodings hardly ever form valid UTF-8 sequences by accident
    return guess_encoding(window)
