"""What encoders have in common: the interface, the form of vectors, and how a text is cleaned first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

TEXT_LIMIT = 8000  # characters of a text that encoders read; models take in a few hundred tokens at most


class TextEncoder(Protocol):
    """What turns texts into vectors."""

    @property
    def name(self) -> str:
        """Identity of the encoder: two encoders of one name give the same vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def semantic(self) -> bool:
        """True when near vectors mean near meanings, not only like spelling."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dimension), rows of length 1; a row of zeros for a blank text."""


def clean_text(text: str) -> str:
    """A text as encoders see it: lone surrogates replaced, white space collapsed, at most TEXT_LIMIT characters."""
    return " ".join(text[: 4 * TEXT_LIMIT].encode("utf-8", "replace").decode("utf-8").split())[:TEXT_LIMIT]


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; rows of zeros stay."""
    lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
