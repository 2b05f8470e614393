"""Links to the videos that ids of music data sets name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.corpora.formats.base import JsonValue
from core.corpora.known_columns import normalise

_ID_COLUMNS = frozenset({"ytid", "youtube_id", "yt_id", "youtubeid", "video_id_youtube"})
_STARTS = ("start_s", "start", "start_time", "start_seconds", "start_time_seconds", "start_sec")
_PLAIN = re.compile(r"[\w-]{11}")
_CUT = re.compile(r"\[([\w-]{11})\]-\[(\d+)-\d+\]")  # LP-MusicCaps: [id]-[start-end]


def youtube_link(
    external_id: str, column: str, values: Mapping[str, JsonValue], columns: Mapping[str, str]
) -> str | None:
    """The page of a clip, at its start where that is known; None where the id is not one of YouTube.

    Args:
        column: the name of the id's column; only one called for YouTube makes plain ids YouTube's.
        values: the row.
        columns: plain name to column, as `normalise` makes them.
    """
    cut = _CUT.fullmatch(external_id)
    if cut:
        return _address(cut[1], int(cut[2]))
    if normalise(column) not in _ID_COLUMNS or not _PLAIN.fullmatch(external_id):
        return None
    for name in _STARTS:
        value = values.get(columns.get(name, ""))
        try:
            return _address(external_id, int(float(str(value))))
        except (ValueError, OverflowError):
            continue
    return _address(external_id, 0)


def _address(video: str, start: int) -> str:
    return f"https://www.youtube.com/watch?v={video}" + (f"&t={start}" if start > 0 else "")
