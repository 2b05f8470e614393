"""What a person says of a file that would otherwise be found out."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InvalidInput

LONGEST_DELIMITER = 10

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8_r": "KOI8-R (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp874": "Windows-874 (Thai)",
    "gb18030": "GB18030 (Chinese)",
    "cp950": "Big5 (Chinese)",
    "cp932": "Shift-JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "cp949": "EUC-KR (Korean)",
}
"""Encodings to choose from; any other text codec of Python can be named as well."""

_WIDER = {  # what Windows writes under the name of a standard that it extends
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "cp950",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "utf-8-sig": "utf-8",
}
_NO_FILES = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "undefined", "mbcs", "oem")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file, where a person said so; None where it is to be found out. Raises InvalidInput when made.

    Attributes:
        encoding: a codec name.
        header: whether the first row of a table holds the column names.
        delimiter: what sets cells apart, 1 to 10 characters.
        sheet: of a workbook.
        lines: every line of a text file is an item of its own, whatever it looks like.
    """

    encoding: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    sheet: str | None = None
    lines: bool | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            codec_of(self.encoding)
        if self.delimiter is not None:
            wrong = any(char in '\r\n"\0' for char in self.delimiter)
            if wrong or not 1 <= len(self.delimiter) <= LONGEST_DELIMITER:
                raise InvalidInput(
                    f"“{self.delimiter[:20]}” cannot separate the cells of a file.",
                    f"Name 1 to {LONGEST_DELIMITER} characters other than quotes and line ends.",
                )

    def to_json(self) -> dict[str, Any]:
        """What was said, without what was not."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: Any) -> ReadOptions:
        """Options from their JSON object. Raises InvalidInput."""
        wrong = InvalidInput("The way to read the file is not understood.", "Choose the file again.")
        if not isinstance(value, Mapping) or not set(value) <= set(cls.__slots__):
            raise wrong
        for name, given in value.items():
            kind = bool if name in ("header", "lines") else str
            if given is not None and not isinstance(given, kind):
                raise wrong
        return cls(**value)


FOUND_OUT = ReadOptions()
"""Nothing was said."""


def codec_of(name: str) -> str:
    """The Python codec for an encoding's name. Raises InvalidInput where there is none for texts."""
    try:
        info = codecs.lookup(name.strip())
        usable = info._is_text_encoding and info.incrementaldecoder is not None
    except (LookupError, ValueError):
        usable = False
    if not usable or info.name.replace("-", "_") in [each.replace("-", "_") for each in _NO_FILES]:
        raise InvalidInput(f"There is no encoding “{name[:40]}”.", f"Some that there are: {', '.join(ENCODINGS)}.")
    return _WIDER.get(info.name, info.name)
