"""A prepared tagger as JSON: what it learned is stored with the run, so that a resumed job answers as before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from core.errors import InvalidInput
from core.tagging.scoring import SampleStatistics
from core.vocabulary.packing import pack_array, unpack_array

STATE_VERSION = 1

_HALF = {"leads"}  # on the float16 grid already


def pack_sample(sample: SampleStatistics) -> dict[str, Any]:
    """The statistics as JSON values."""
    stored = {}
    for each in fields(sample):
        array = getattr(sample, each.name)
        stored[each.name] = pack_array(array.astype(np.float16) if each.name in _HALF else array)
    return stored


def unpack_sample(stored: Mapping[str, Any]) -> SampleStatistics:
    """The statistics that `pack_sample` stored.

    Raises:
        InvalidInput: the state is damaged.
    """
    try:
        arrays = {each.name: unpack_array(stored[each.name]) for each in fields(SampleStatistics)}
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("The stored state of the tagger is damaged.", "Start the run again.") from error
    for name in _HALF:
        arrays[name] = arrays[name].astype(np.float32)
    return SampleStatistics(**arrays)
