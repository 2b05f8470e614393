"""Reading data files inside a zip archive, without writing any of them under its own name.

An archive is refused before its first row if its table of contents is unsafe, and while it is read if it
unpacks to more than the limits: what counts is the bytes that really come out, since sizes can be forged.
"""

from __future__ import annotations

import io
import lzma
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from core.corpora.formats.base import ACCEPTED, CountingReader, Problem, Source
from core.corpora.formats.detect import WORKBOOK_EXTENSIONS, is_archive
from core.errors import InvalidInput, UnsafeInput

UNPACK = "Unpack the archive yourself and import the files in it."


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold.

    Attributes:
        members: files and folders.
        directory: bytes of its table of contents.
        member: bytes one file may unpack to.
        total: bytes all files may unpack to.
        ratio: how many times larger a file may become by unpacking, once it is past `ratio_from` bytes.
        ratio_from: see `ratio`.
    """

    members: int = 2000
    directory: int = 16 << 20
    member: int = 1 << 30
    total: int = 4 << 30
    ratio: int = 200
    ratio_from: int = 10_000_000


LIMITS = Limits()

WORKBOOK = "xlsx"
"""What `office_kind` calls an Excel workbook that can be read."""

MEMBER_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)
"""What reading a damaged or unusual member raises."""


@contextmanager
def members(source: Source, limits: Limits = LIMITS) -> Iterator[tuple[list[Source], list[Problem]]]:
    """The data files of an archive, to be read while the context is open, and problems with the others.

    Args:
        source: the archive; seekable.
        limits: what is refused.

    Raises UnsafeInput for an archive that could do harm, InvalidInput for one that is broken, and
    UnsafeInput while a member is read that passes the limits.
    """
    with source.open() as stream:
        size = stream.seek(0, io.SEEK_END)
        with check_archive(source.name, stream, size, limits) as archive:
            budget = _Budget(source.name, size, limits)
            yield _sort(source, archive, archive.infolist(), budget)


def check_archive(file: str, stream: BinaryIO, size: int, limits: Limits = LIMITS) -> zipfile.ZipFile:
    """An archive whose table of contents is safe; what its members unpack to is for the caller to count.

    Args:
        file: its name, for people.
        stream: the archive, seekable.
        size: bytes of it.

    Raises UnsafeInput for an archive that could do harm, InvalidInput for one that is broken.
    """
    _check_directory(file, stream, size, limits)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise InvalidInput(f"{file} is not a whole zip archive: {error}", "Pack it again, or get it again.") from error
    try:
        _refuse_unsafe(file, archive.infolist(), size, limits)
    except UnsafeInput:
        archive.close()
        raise
    return archive


def office_kind(source: Source) -> str | None:
    """What kind of Office document a zip archive really is; None where it is an archive."""
    try:
        with source.open() as stream:
            _check_directory(source.name, stream, stream.seek(0, io.SEEK_END), LIMITS)
            with zipfile.ZipFile(stream) as archive:
                names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return None
    if "[Content_Types].xml" in names:
        if any(name.lower() in ("xl/workbook.xml", "/xl/workbook.xml") for name in names):
            return WORKBOOK
        starts = {"xl/": "a binary Excel workbook (xlsb)", "word/": "a Word document (docx)", "ppt/": "a presentation"}
        return next((what for start, what in starts.items() if any(name.startswith(start) for name in names)), None)
    if "mimetype" in names and "content.xml" in names:
        return "an OpenDocument file (ods or odt)"
    return None


class _Budget:
    """Counts what comes out of an archive; reading a file twice counts once."""

    def __init__(self, name: str, packed: int, limits: Limits) -> None:
        self.name = name
        self.packed = packed
        self.limits = limits
        self.unpacked: dict[int, int] = {}
        self.total = 0

    def count(self, entry: zipfile.ZipInfo, member: str, unpacked: int) -> None:
        """Note that `unpacked` bytes of a member have been read so far. Raises UnsafeInput past the limits."""
        before = self.unpacked.get(entry.header_offset, 0)
        if unpacked <= before:
            return
        self.unpacked[entry.header_offset] = unpacked
        self.total += unpacked - before
        limits = self.limits
        if unpacked > limits.member:
            raise UnsafeInput(f"{member} unpacks to more than {limits.member >> 20:,} MB.", UNPACK)
        if self.total > limits.total:
            raise UnsafeInput(f"{self.name} unpacks to more than {limits.total >> 20:,} MB in all.", UNPACK)
        swollen = unpacked > limits.ratio * max(1, entry.compress_size) or self.total > limits.ratio * self.packed
        if unpacked > limits.ratio_from and swollen:
            raise UnsafeInput(
                f"{member} grows more than {limits.ratio} times by unpacking, as archives made to do harm do.", UNPACK
            )


def _check_directory(file: str, stream: BinaryIO, size: int, limits: Limits) -> None:
    """Refuse an archive with a huge table of contents before zipfile builds objects for all of it."""
    tail_size = min(size, 65_557 + 76)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    stream.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise InvalidInput(
            f"{file} begins like a zip archive but has no table of contents.",
            "It may not have been copied whole; get it again.",
        )
    count, directory = struct.unpack_from("<HI", tail, end + 10)
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if wide >= 0 and len(tail) >= wide + 56:
        count64, directory64 = struct.unpack_from("<QQ", tail, wide + 32)
        count = count64 if count == 0xFFFF else count
        directory = directory64 if directory == 0xFFFFFFFF else directory
    if count > limits.members or min(directory, size) > limits.directory:
        raise UnsafeInput(f"{file} holds more than {limits.members:,} files.", UNPACK)


def _refuse_unsafe(file: str, entries: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(entries) > limits.members:
        raise UnsafeInput(f"{file} holds more than {limits.members:,} files.", UNPACK)
    seen: set[str] = set()
    end, previous = 0, ""
    for entry in sorted(entries, key=lambda each: each.header_offset):
        name = entry.orig_filename
        shown = _shown(name)
        reason = _unsafe_name(name) or _unsafe_kind(entry)
        if reason:
            raise UnsafeInput(f"{file} holds {shown!r}, which {reason}.", UNPACK)
        if name in seen:
            raise UnsafeInput(f"{file} holds {shown!r} twice.", UNPACK)
        seen.add(name)
        if entry.header_offset < end or entry.header_offset + entry.compress_size > size:
            raise UnsafeInput(f"In {file} the files {previous!r} and {shown!r} lie on top of each other.", UNPACK)
        end, previous = entry.header_offset + 30 + entry.compress_size, shown


def _unsafe_name(name: str) -> str:
    if "\0" in name:
        return "has a NUL character in its name"
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/"):
        return "has an absolute path"
    if re.match(r"[A-Za-z]:", name):
        return "has a drive letter in its name"
    if ".." in name.split("/"):
        return "leads out of the archive's folder"
    return "" if name else "has no name"


def _unsafe_kind(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is not a regular file"
    return "is encrypted" if entry.flag_bits & 1 else ""


def _shown(name: str) -> str:
    """A member's name without characters that would confuse a terminal or page."""
    shown = "".join(char if char.isprintable() else "�" for char in name)
    return shown if len(shown) <= 200 else f"{shown[:100]}…{shown[-99:]}"


def _sort(
    source: Source, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], budget: _Budget
) -> tuple[list[Source], list[Problem]]:
    """The members that may hold rows, in name order, and a problem for each that cannot."""
    data: list[Source] = []
    problems: list[Problem] = []
    for entry in sorted(entries, key=lambda each: each.filename):
        parts = entry.filename.split("/")
        if entry.is_dir() or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        member = _member(source, archive, entry, budget)
        try:
            head = member.head(512)
        except MEMBER_ERRORS as error:
            cause = f"It cannot be unpacked: {error}."
            problems.append(member_problem(member.name, "bad_member", cause, "Pack the archive again."))
            continue
        if is_archive(member, head) and member.extension not in WORKBOOK_EXTENSIONS:
            remedy = "Unpack it and import the files in it."
            problems.append(member_problem(member.name, "nested_archive", "It is an archive in an archive.", remedy))
        else:
            data.append(member)
    return data, problems


def member_problem(name: str, code: str, cause: str, remedy: str = "") -> Problem:
    """A problem with a whole member of an archive."""
    return Problem(name, None, None, code, cause, remedy or f"Accepted are {ACCEPTED}.")


def _member(source: Source, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> Source:
    name = f"{source.name}/{_shown(entry.filename)}"

    def opener() -> BinaryIO:
        stream = cast(BinaryIO, archive.open(entry))
        raw = CountingReader(stream, lambda total: budget.count(entry, name, total))
        return cast(BinaryIO, io.BufferedReader(raw, 1 << 16))

    return Source(name, opener, entry.file_size, seekable=False)


def spooled(source: Source) -> Source:
    """The same bytes in a nameless temporary file, for formats that must seek; gone when its stream is closed."""

    def opener() -> BinaryIO:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            with source.open() as stream:
                shutil.copyfileobj(stream, spool, 1 << 20)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        return cast(BinaryIO, spool)

    return Source(source.name, opener, source.size)
