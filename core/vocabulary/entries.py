"""A tag as taggers and matchers may know it: what people wrote about it, never how often it is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagEntry:
    """What may be known of a tag."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    description: str = ""
