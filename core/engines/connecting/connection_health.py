"""What the last check of each connection has found; kept by the host."""

from __future__ import annotations

import time
from typing import Any

import orjson
from sqlalchemy import select

from core.store.host_schema import setting
from core.store.projects import Host


def keep_health(host: Host, connection_id: str, found: dict[str, Any]) -> dict[str, Any]:
    """Keep what a check has found, with the time; returns it."""
    health = {**found, "at": time.time()}
    host.remember(f"health:{connection_id}", orjson.dumps(health).decode())
    return health


def health_of(host: Host, connection_ids: list[str]) -> dict[str, dict[str, Any]]:
    """What the last check of each has found, by id; those never checked are left out."""
    names = [f"health:{each}" for each in connection_ids]
    query = select(setting).where(setting.c.name.in_(names))
    with host.database.read() as connection:
        return {row.name.partition(":")[2]: orjson.loads(row.value) for row in connection.execute(query)}
