"""Cells that a spreadsheet would run as a formula: made harmless on export, restored on import.

One apostrophe is put before such a cell, and before a cell that already looks like a guarded one, so that
taking one away always gives back what was written.
"""

from __future__ import annotations

import re

STARTS = frozenset("=+-@\t\r＝＋－＠")
"""What a spreadsheet takes as the start of a formula, full-width forms included."""

_NUMBER = re.compile(r"[+-](?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def guard(text: str) -> str:
    """The text as it may stand in a cell: with one more apostrophe where it would start a formula.

    Plain signed numbers such as -5 or +3.2 stay as they are.
    """
    first = text[:1]
    if first in STARTS:
        return text if _NUMBER.fullmatch(text) else "'" + text
    if first == "'" and text.lstrip("'")[:1] in STARTS:
        return "'" + text
    return text


def unguard(text: str) -> str:
    """What `guard` was given: `unguard(guard(text)) == text` for every text."""
    if text[:1] == "'" and text.lstrip("'")[:1] in STARTS:
        return text[1:]
    return text
