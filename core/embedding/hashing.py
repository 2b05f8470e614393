"""Vectors from spelling alone: where no model was found, and for scripts that the model does not know."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from core.embedding.scripts import UNSPACED, script_of_character
from core.embedding.vectors import Vectors, clean_text, unit_rows

WORD_GRAMS = (3, 4, 5)
CHARACTER_GRAMS = (1, 2, 3)


class HashingEncoder:
    """Hashed character n-grams: like spelling gives near vectors. It knows nothing of meaning.

    Words with their borders in 3- to 5-grams; runs of a script without spaces in 1- to 3-grams. Each is signed and
    hashed into one of `dimension` buckets (the hashing trick: Weinberger et al. 2009); square root of the counts, unit
    length. The same on every machine.
    """

    semantic = False

    def __init__(self, dimension: int = 512) -> None:
        self._dimension = dimension

    @property
    def name(self) -> str:
        return f"tagloom/spelling-{self._dimension}"

    @property
    def dimension(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder.encode`."""
        vectors = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for gram in _grams(clean_text(text).casefold()):
                value = _mixed(zlib.crc32(gram.encode()))
                row[(value >> 1) % self._dimension] += 1 if value & 1 else -1
        return unit_rows(np.sign(vectors) * np.sqrt(np.abs(vectors)))


def _mixed(value: int) -> int:
    """32 bits of which each depends on all bits given (the last steps of MurmurHash3): checksums alone are linear."""
    value = (value ^ value >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16


def _grams(text: str) -> Iterator[str]:
    for word in text.split():
        for unspaced, letters in groupby(word, key=lambda c: script_of_character(c) in UNSPACED):
            run = "".join(letters)
            if unspaced:
                for size in CHARACTER_GRAMS:
                    yield from (run[i : i + size] for i in range(len(run) - size + 1))
            elif any(map(str.isalnum, run)):
                bordered = f" {run} "
                for size in WORD_GRAMS:
                    yield from (bordered[i : i + size] for i in range(max(1, len(bordered) - size + 1)))
