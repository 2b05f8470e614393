"""Named connections: which endpoints this host knows, what each is used for, its limits and its prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import select

from core.store.host_schema import connection as connection_table
from core.store.projects import Host

ROLES = ("text", "vision")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a person may set of a connection; None where Tagloom finds out or does not limit.

    Attributes:
        concurrency: requests under way at most, over all processes of this host.
        rpm, tpm: requests and tokens a minute at most, over all processes.
        seconds: longest time of one request.
        budget: US dollars that may be spent here in all, over all processes; nothing is sent beyond it.
        price_input, price_output: US dollars per million tokens, instead of what the price list says.
        context: tokens that the model can take in and give together.
        answer_format: "auto", or a step of the ladder (core.engines.wire.FORMATS).
    """

    concurrency: int = 16
    rpm: int | None = None
    tpm: int | None = None
    seconds: float = 120.0
    budget: Decimal | None = None
    price_input: Decimal | None = None
    price_output: Decimal | None = None
    context: int | None = None
    answer_format: str = "auto"

    @classmethod
    def from_json(cls, text: str) -> ConnectionSettings:
        """As the host stores it; unknown names are left out."""
        given: dict[str, Any] = orjson.loads(text)
        values = {name: given[name] for name in cls.__dataclass_fields__ if given.get(name) is not None}
        for name in ("budget", "price_input", "price_output"):
            if name in values:
                values[name] = Decimal(str(values[name]))
        return cls(**values)

    def to_json(self) -> str:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return orjson.dumps({n: str(v) if isinstance(v, Decimal) else v for n, v in values.items()}).decode()


def settings_for(host: Host, base_url: str, model: str) -> ConnectionSettings:
    """What was set for this model at this endpoint; the defaults where no connection names it."""
    query = select(connection_table.c.settings).where(
        connection_table.c.base_url == base_url, connection_table.c.model == model
    )
    with host.database.read() as connection:
        stored = connection.execute(query.order_by(connection_table.c.created_at)).scalar()
    return ConnectionSettings.from_json(stored) if stored else ConnectionSettings()
