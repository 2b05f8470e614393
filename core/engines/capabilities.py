"""What is known of one model at one endpoint: what it takes, how it must be asked, how much it can read. Learned by
using it, kept by the host, shown to people."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.engines.endpoints import host_of
from core.engines.wire import Quirks, first_quirks
from core.store.host_schema import capability
from core.store.projects import Host


class Capabilities:
    """One model at one endpoint; `of` gives the process' own object for it. Safe to share between threads."""

    _lock = threading.Lock()

    def __init__(self, host: Host, endpoint: str, model: str) -> None:
        self.host = host
        self.endpoint = endpoint
        self.model = model
        self.quirks = first_quirks(endpoint)
        self._read()

    @classmethod
    def of(cls, host: Host, endpoint: str, model: str) -> Capabilities:
        """What this host knows of the model, as it was last stored."""
        return cls(host, endpoint, model)

    def refused(self, tried: Quirks, change: str) -> str | None:
        """The server complained about `change` in a request that was shaped by `tried`: learn it.

        Returns:
            A sentence for the log; None where another request has taught this meanwhile.
        """
        with self._lock:
            if self.quirks != tried:
                return None
            self.quirks = tried.without(change)
            if self.quirks == tried:
                return None
        self._store()
        return f"{host_of(self.endpoint)} does not take {change}: asked without from now on"

    def _read(self) -> None:
        query = select(capability.c.record).where(
            capability.c.endpoint == self.endpoint, capability.c.model == self.model
        )
        with self.host.database.read() as connection:
            stored = connection.execute(query).scalar()
        if stored:
            record: dict[str, Any] = orjson.loads(stored)
            self.quirks = Quirks(**record["quirks"])

    def _store(self) -> None:
        record = orjson.dumps({"quirks": asdict(self.quirks)}).decode()
        values = {"endpoint": self.endpoint, "model": self.model, "record": record, "updated_at": time.time()}

        def write(connection: Any) -> None:
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            statement = insert(capability).values(values)
            changed = {"record": statement.excluded.record, "updated_at": statement.excluded.updated_at}
            connection.execute(statement.on_conflict_do_update(index_elements=["endpoint", "model"], set_=changed))

        self.host.database.write(write)
