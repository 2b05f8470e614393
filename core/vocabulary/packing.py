"""Arrays as JSON values: compressed, in base64, with their type and shape."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

DTYPES = {"float16", "float32", "int32"}


def pack_array(array: np.ndarray) -> dict[str, Any]:
    """An array as JSON values."""
    content = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": base64.b64encode(content).decode("ascii"),
    }


def unpack_array(stored: Mapping[str, Any]) -> np.ndarray:
    """The array that `pack_array` stored.

    Raises:
        ValueError: it is damaged.
    """
    try:
        if stored["dtype"] not in DTYPES:
            raise ValueError(stored["dtype"])
        content = zlib.decompress(base64.b64decode(stored["data"], validate=True))
        return np.frombuffer(content, stored["dtype"]).reshape(stored["shape"]).copy()
    except (KeyError, TypeError, zlib.error, binascii.Error) as error:
        raise ValueError(f"damaged array: {error}") from error
