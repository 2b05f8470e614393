"""Times as people and files read them; inside, a time is seconds since the epoch (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: float | None) -> str | None:
    """ISO 8601 in UTC with milliseconds: "2026-11-20T10:15:02.123Z"."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
