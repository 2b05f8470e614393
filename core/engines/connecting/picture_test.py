"""A tiny picture by which a model shows whether it sees: two halves in colours that nobody would guess."""

from __future__ import annotations

import base64
import functools
import re
import struct
import zlib

SIDE = 96  # pixels; smaller ones are refused by some models
COLOURS = ("orange", "purple")
_PAINT = ((255, 140, 0), (128, 0, 160))
# what models call them, in the languages that models slip into
_ORANGE = re.compile(r"orange|amber|橙|naranja|laranja|arancio|оранж", re.I)
_PURPLE = re.compile(r"purple|violet|magenta|紫|morad|púrpura|roxo|viola|lila|фиолет|пурпур", re.I)


@functools.cache
def picture() -> str:
    """The picture as a data URI (PNG)."""
    row = b"\0" + bytes(_PAINT[0]) * (SIDE // 2) + bytes(_PAINT[1]) * (SIDE // 2)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE, 9)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def names_the_colours(answer: str) -> bool:
    """True where an answer names both."""
    return bool(_ORANGE.search(answer) and _PURPLE.search(answer))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
