"""A prepared tagger as JSON: what it learned is stored with the run, so that a resumed job answers as before."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from core.errors import InvalidInput
from core.tagging.scoring import SampleStatistics

STATE_VERSION = 1

_DTYPES = {"float16", "float32", "int32"}
_HALF = {"leads"}  # on the float16 grid already


def pack_sample(sample: SampleStatistics) -> dict[str, Any]:
    """The statistics as JSON values."""
    stored = {}
    for each in fields(sample):
        array = getattr(sample, each.name)
        if each.name in _HALF:
            array = array.astype(np.float16)
        content = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
        stored[each.name] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "data": base64.b64encode(content).decode("ascii"),
        }
    return stored


def unpack_sample(stored: Mapping[str, Any]) -> SampleStatistics:
    """The statistics that `pack_sample` stored.

    Raises:
        InvalidInput: the state is damaged.
    """
    arrays: dict[str, Any] = {}
    try:
        for each in fields(SampleStatistics):
            entry = stored[each.name]
            if entry["dtype"] not in _DTYPES:
                raise ValueError(entry["dtype"])
            content = zlib.decompress(base64.b64decode(entry["data"], validate=True))
            array = np.frombuffer(content, entry["dtype"]).reshape(entry["shape"]).copy()
            arrays[each.name] = array.astype(np.float32) if each.name in _HALF else array
    except (KeyError, TypeError, ValueError, zlib.error, binascii.Error) as error:
        raise InvalidInput("The stored state of the tagger is damaged.", "Start the run again.") from error
    return SampleStatistics(**arrays)
