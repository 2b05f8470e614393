"""The word lists beside this module (words/*.txt): general knowledge of languages, no list fitted to one corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).with_name("words")


def lines(name: str) -> Iterator[str]:
    """The lines of a list, without comments and blank lines."""
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def words(name: str) -> tuple[str, ...]:
    """The words of a list, in its order."""
    return tuple(word for line in lines(name) for word in line.split())


def sets(name: str) -> Iterator[tuple[str, list[list[str]]]]:
    """(kind, poles) of a list of opposites; the words of a pole mean the same."""
    for line in lines(name):
        kind, *poles = line.split("|")
        yield kind.strip(), [pole.split() for pole in poles]
