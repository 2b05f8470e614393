"""What a tagger may know of an item: its text fields, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("title", "caption", "category", "ocr", "speech", "body", "clue")
"""Kinds of clue, as the roles of a corpus' columns name them; any other kind counts as "clue"."""


@dataclass(frozen=True, slots=True)
class Clue:
    """One text field of an item.

    Attributes:
        field: the field's name, as evidence names it.
        kind: one of KINDS; "clue" is any other text, such as a speaker or a place.
        text: the field's text, whole.
    """

    field: str
    kind: str
    text: str
