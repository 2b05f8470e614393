"""What is known of a piece of music when a caption is written: its tags, cleaned, present and absent apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FACETS = ("genre", "instrument", "voice", "mood", "tempo", "rhythm", "production", "use", "era", "place", "other")
"""What a tag speaks of. `production`: sound and recording; `use`: where or what for the music is heard."""


@dataclass(frozen=True, slots=True)
class MusicTag:
    """One tag, ready to be written about.

    Attributes:
        name: cleaned, as a caption may say it ("acoustic guitar"); of an absent tag what is absent ("voices").
        facet: one of FACETS.
        raw: as the file said it ("instrument---acousticguitar").
        weight: 0 to 1, where the file had one.
    """

    name: str
    facet: str = "other"
    raw: str = ""
    weight: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "facet": self.facet, "raw": self.raw, "weight": self.weight}


@dataclass(frozen=True, slots=True)
class Change:
    """What cleaning did to one tag: `kind` is prefix | split | alias | duplicate | blacklist | cap | weight | absent |
    repaired, `before` the tag as given, `after` what became of it ("" where it was left out)."""

    kind: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TagSet:
    """All tags of an item after cleaning.

    Attributes:
        present: what captions say, in the order of the file.
        absent: what must not be said to be there ("no drums", "instrumental").
        changes: what cleaning did.
        contradictions: sentences for people, one for each pair that cannot both be true.
    """

    present: tuple[MusicTag, ...] = ()
    absent: tuple[MusicTag, ...] = ()
    changes: tuple[Change, ...] = field(default=(), compare=False)
    contradictions: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """The same for two items about which the same question would be asked."""
        return (
            "\n".join(sorted(t.name for t in self.present)) + "\n--\n" + "\n".join(sorted(t.name for t in self.absent))
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "present": [tag.as_dict() for tag in self.present],
            "absent": [tag.as_dict() for tag in self.absent],
            "changes": [{"kind": c.kind, "before": c.before, "after": c.after} for c in self.changes],
            "contradictions": list(self.contradictions),
        }
