"""Of all links between names the ones that can stand together: every name goes into one other at most."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(slots=True)
class Link:
    """A pair with what was found of it.

    Attributes:
        a, b: positions of the two names.
        score: 0..1.
        lexical: how their words relate, or None.
        sentence: the same for a person.
        certain: whether the two stand for each other, so that one may take the other's place in a third link.
        short: the one of them that is a short form.
    """

    a: int
    b: int
    score: float
    lexical: str | None
    sentence: str | None
    certain: bool
    short: int | None = None


class Choice:
    """What is dropped into what, while links are taken one by one."""

    def __init__(self, largest_group: int) -> None:
        self.keeps: dict[int, tuple[int, Link]] = {}
        self._groups: dict[int, list[int]] = {}  # of every name: all that are joined with it, one shared list
        self._into: dict[int, list[int]] = defaultdict(list)
        self._largest = largest_group

    def certain_root(self, place: int) -> int:
        """The name that a name goes into by certain links alone."""
        while place in self.keeps and self.keeps[place][1].certain:
            place = self.keeps[place][0]
        return place

    def group(self, place: int) -> list[int]:
        return self._groups.get(place) or [place]

    def allows(self, keep: int, drop: int) -> bool:
        """Whether a name may be dropped into another: it is not yet, they are not joined, the group is not too big."""
        one, other = self.group(keep), self.group(drop)
        return drop not in self.keeps and keep not in other and len(one) + len(other) <= self._largest

    def drop(self, drop: int, keep: int, link: Link) -> None:
        """Drop one into the other; what certainly belongs to the dropped one follows if that is certain, too."""
        joined = [*self.group(keep), *self.group(drop)]
        self._groups.update(dict.fromkeys(joined, joined))
        self.keeps[drop] = (keep, link)
        self._into[keep].append(drop)
        if link.certain:
            for place in self._into.pop(drop, []):
                self.keeps[place] = (keep, self.keeps[place][1])
                self._into[keep].append(place)
