"""Named connections: which endpoints this host knows, what each is used for, its limits and its prices.

A connection is a way to one model: an OpenAI-compatible server and a model's name there, or a model that runs in the
job's own process. Two roles are told apart, text and vision; each has one default connection. What TAGLOOM_BASE_URL and
TAGLOOM_MODEL name is a connection of its own that cannot be removed here. Keys are never stored
(`core.engines.connecting.keys`).
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from core.engines.connecting.connection_health import health_of, keep_health
from core.engines.connecting.connection_names import key_name, name_key, suggested_name
from core.engines.connecting.connection_settings import ConnectionSettings
from core.engines.connecting.endpoints import EngineOptions, normalise
from core.errors import Conflict, InvalidInput, NotFound
from core.store.host_schema import connection as connection_table
from core.store.host_schema import setting as setting_table
from core.store.projects import Host

__all__ = [
    "BUILTIN",
    "ENVIRONMENT",
    "ROLES",
    "ConnectionRow",
    "ConnectionSettings",
    "all_connections",
    "default_of",
    "find_connection",
    "health_of",
    "keep_health",
    "key_name",
    "remove_connection",
    "restore_connection",
    "save_connection",
    "set_default",
    "settings_for",
    "suggested_name",
]

ROLES = ("text", "vision")
KINDS = ("openai", "transformers")
ENVIRONMENT = "env"  # id of what TAGLOOM_BASE_URL names
BUILTIN = "builtin"  # what stands in the place of a connection's id for Tagloom's own answers
MOST = 200
_FROM_SETTINGS = "from the environment"
_PART_2 = "engine"  # the setting under which an earlier version kept its only connection


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection. `base_url` is normalised, and empty for a model in this process; `roles`: what it may be used for
    ("text", "vision")."""

    id: str
    name: str
    engine: str
    base_url: str
    model: str
    roles: tuple[str, ...] = ("text",)
    settings: ConnectionSettings = field(default_factory=ConnectionSettings)

    @property
    def from_environment(self) -> bool:
        """True for the one that TAGLOOM_BASE_URL names: it can be set up, but neither moved nor removed."""
        return self.id == ENVIRONMENT

    @property
    def options(self) -> EngineOptions:
        """As a job's arguments carry it."""
        return EngineOptions(self.engine, self.base_url, self.model)

    def as_dict(self) -> dict[str, Any]:
        """As the page and `--json` show it, and as `restore_connection` takes it back."""
        return {
            "id": self.id,
            "name": self.name,
            "engine": self.engine,
            "base_url": self.base_url,
            "model": self.model,
            "roles": list(self.roles),
            "settings": self.settings.as_dict(),
            "from_environment": self.from_environment,
        }


# reading


def all_connections(host: Host) -> list[ConnectionRow]:
    """Every connection: what the environment names first, then the oldest first."""
    query = select(connection_table).order_by(connection_table.c.created_at, connection_table.c.id)
    with host.database.read() as connection:
        carry = _setting(connection, _PART_2)
        rows = [_row(row) for row in connection.execute(query)] if not carry else []
    if carry:
        host.database.write(lambda c: _carry_over(c, host))
        return all_connections(host)
    stored = [row for row in rows if not row.from_environment]
    own = _environment(host)
    if own is None or any((row.base_url, row.model) == (own.base_url, own.model) for row in stored):
        return stored
    kept = next((row for row in rows if row.from_environment), None)
    if kept is not None and (kept.base_url, kept.model) == (own.base_url, own.model):
        own = kept  # with the limits that a person has set
    return [own, *stored]


def find_connection(host: Host, name: str) -> ConnectionRow:
    """The connection of that id or name.

    Raises:
        NotFound: there is none.
    """
    rows = all_connections(host)
    wanted = name.strip()
    for row in rows:
        if wanted == row.id or (wanted and name_key(row.name) == name_key(wanted)):
            return row
    names = ", ".join(f"“{row.name}”" for row in rows) or "none yet"
    raise NotFound(f"There is no connection “{wanted[:80]}”.", f"Connections here: {names}.")


def default_of(host: Host, role: str = "text") -> ConnectionRow | None:
    """The connection used for a role where nobody says otherwise; None: the builtin engine, which knows text only.

    Until a person chooses, text is the environment's, if it names a server, and vision the first one that can.
    """
    rows = [row for row in all_connections(host) if role in row.roles]
    with host.database.read() as connection:
        chosen = _setting(connection, f"default:{role}")
    if chosen:
        return next((row for row in rows if row.id == chosen), None)
    if role == "text":
        own = _environment(host)
        return next((row for row in rows if own and (row.base_url, row.model) == (own.base_url, own.model)), None)
    return next(iter(rows), None)


def settings_for(host: Host, base_url: str, model: str) -> ConnectionSettings:
    """What was set for this model at this endpoint; the defaults where no connection names it."""
    query = select(connection_table.c.settings).where(
        connection_table.c.base_url == base_url, connection_table.c.model == model
    )
    with host.database.read() as connection:
        stored = connection.execute(query.order_by(connection_table.c.created_at)).scalar()
    return ConnectionSettings.from_json(stored) if stored else ConnectionSettings()


def environment_trouble(host: Host) -> InvalidInput | None:
    """What is wrong with TAGLOOM_BASE_URL, if anything."""
    try:
        if host.settings.base_url:
            normalise(host.settings.base_url)
    except InvalidInput as error:
        return InvalidInput(f"TAGLOOM_BASE_URL cannot be used: {error.message}", error.remedy)
    return None


# writing


def save_connection(
    host: Host,
    *,
    engine: str,
    model: str,
    base_url: str = "",
    name: str = "",
    roles: tuple[str, ...] = ("text",),
    settings: ConnectionSettings | None = None,
    connection_id: str | None = None,
) -> ConnectionRow:
    """Make a connection, or change the one with that id.

    Args:
        name: for people; made from the model and the server where it is empty.

    Raises:
        InvalidInput: something of it cannot be used.
        NotFound: there is no connection with that id.
        Conflict: another one has this name, or this model at this address.
    """
    known = {row.id: row for row in all_connections(host)}
    before = known.get(connection_id) if connection_id else None
    if connection_id and before is None:
        raise NotFound("That connection is no longer there.", "Reload the page.")
    if before is not None and before.from_environment:
        engine, base_url, model, name = before.engine, before.base_url, before.model, _FROM_SETTINGS
    row = _checked(connection_id or secrets.token_hex(8), engine, base_url, model, name, roles, settings)
    if not name.strip() and before is None:
        row = _named_apart(row, [other.name for other in known.values()])
    return _store(host, row, list(known.values()))


def restore_connection(host: Host, given: dict[str, Any]) -> ConnectionRow:
    """Put a removed connection back under its old id, as `ConnectionRow.as_dict` described it.

    Raises:
        InvalidInput, Conflict: as `save_connection`.
    """
    texts = {name: given.get(name) or "" for name in ("id", "engine", "base_url", "model", "name")}
    roles, settings = given.get("roles") or [], given.get("settings") or {}
    plain = isinstance(roles, list) and isinstance(settings, dict) and all(isinstance(t, str) for t in texts.values())
    if not plain or not re.fullmatch(r"[0-9a-f]{16}", texts["id"]):
        raise InvalidInput("That is no removed connection.", "Add it anew.")
    row = _checked(
        texts["id"],
        texts["engine"],
        texts["base_url"],
        texts["model"],
        texts["name"],
        tuple(roles),
        ConnectionSettings.from_given(settings),
    )
    return _store(host, row, all_connections(host))


def remove_connection(host: Host, connection_id: str) -> tuple[ConnectionRow, tuple[str, ...]]:
    """Forget a connection; jobs that were started with it keep its address. Where it was the default, text goes to
    the builtin engine until a person chooses again, never to another server by itself.

    Returns:
        The connection, and the roles of which it was the default.

    Raises:
        NotFound: there is none.
        InvalidInput: the environment names it.
    """
    row = find_connection(host, connection_id)
    if row.from_environment:
        raise InvalidInput(
            "TAGLOOM_BASE_URL names this connection.", "Take it out of the environment (or .env), then start again."
        )
    roles = tuple(role for role in ROLES if (chosen := default_of(host, role)) is not None and chosen.id == row.id)

    def write(connection: Connection) -> None:
        connection.execute(delete(connection_table).where(connection_table.c.id == row.id))
        connection.execute(delete(setting_table).where(setting_table.c.name == f"health:{row.id}"))
        if "text" in roles:
            _remember(connection, "default:text", BUILTIN)
        if "vision" in roles:
            _remember(connection, "default:vision", "")

    host.database.write(write)
    return row, roles


def set_default(host: Host, role: str, connection_id: str) -> None:
    """Use a connection for a role from now on; `BUILTIN` for Tagloom's own answers (text only).

    Raises:
        InvalidInput: there is no such role, or the connection does not have it.
        NotFound: there is no such connection.
    """
    if role not in ROLES or (role == "vision" and connection_id == BUILTIN):
        raise InvalidInput(f"“{role}” cannot be answered like that.", f"Roles: {', '.join(ROLES)}.")
    if connection_id != BUILTIN:
        row = find_connection(host, connection_id)
        connection_id = row.id
        if role not in row.roles:
            raise InvalidInput(f"“{row.name}” is not set up for {role}.", f"Allow it for {role} first.")
    host.database.write(lambda c: _remember(c, f"default:{role}", connection_id))


# within


def _row(row: Any) -> ConnectionRow:
    return ConnectionRow(
        row.id,
        row.name,
        row.engine,
        row.base_url,
        row.model,
        tuple(orjson.loads(row.roles)),
        ConnectionSettings.from_json(row.settings),
    )


def _environment(host: Host) -> ConnectionRow | None:
    base_url, model = host.settings.base_url, (host.settings.model or "").strip()
    if not base_url or not model or environment_trouble(host) is not None:
        return None
    return ConnectionRow(ENVIRONMENT, _FROM_SETTINGS, "openai", normalise(base_url), model[:200])


def _checked(
    connection_id: str,
    engine: str,
    base_url: str,
    model: str,
    name: str,
    roles: tuple[str, ...],
    settings: ConnectionSettings | None,
) -> ConnectionRow:
    if engine not in KINDS:
        raise InvalidInput(f"There is no connection of the kind “{engine[:40]}”.", f"Kinds: {', '.join(KINDS)}.")
    model = model.strip()
    if not model or len(model) > 500 or any(not c.isprintable() for c in model):
        raise InvalidInput(
            "The model's name is missing or cannot be one.",
            "Check lists what the server has." if engine == "openai" else "A folder of this computer, or a hub id.",
        )
    base_url = normalise(base_url) if engine == "openai" else ""
    name = " ".join(name.split()) or suggested_name(base_url, model)
    if len(name) > 60 or not name.isprintable():
        raise InvalidInput("A connection's name has 1 to 60 characters.", "Shorten it.")
    if connection_id != ENVIRONMENT and name_key(name) in (name_key(_FROM_SETTINGS), name_key(BUILTIN)):
        raise InvalidInput(f"“{name}” is the name of something else.", "Choose another name.")
    if not roles or not all(role in ROLES for role in roles):
        raise InvalidInput("A connection is for text, for vision, or for both.", "Choose at least one of them.")
    return ConnectionRow(
        connection_id,
        name,
        engine,
        base_url,
        model,
        tuple(role for role in ROLES if role in roles),
        settings or ConnectionSettings(),
    )


def _named_apart(row: ConnectionRow, taken: list[str]) -> ConnectionRow:
    """The same with a number behind a name that nobody typed, where it is taken."""
    keys, name, number = {name_key(each) for each in taken}, row.name, 2
    while name_key(name) in keys:
        name, number = f"{row.name[:56]} {number}", number + 1
    return ConnectionRow(row.id, name, row.engine, row.base_url, row.model, row.roles, row.settings)


def _store(host: Host, row: ConnectionRow, others: list[ConnectionRow]) -> ConnectionRow:
    for other in others:
        if other.id == row.id:
            continue
        if name_key(other.name) == name_key(row.name):
            raise Conflict(f"A connection named “{other.name}” is there already.", "Choose another name.")
        if (other.base_url, other.model) == (row.base_url, row.model):
            raise Conflict(f"“{other.name}” is this model at this address already.", "Change that one instead.")
    values = _values(row)

    def write(connection: Connection) -> None:
        mine = connection_table.c.id == row.id
        if connection.execute(update(connection_table).where(mine).values(values)).rowcount:
            return
        if len(others) >= MOST:
            raise InvalidInput(f"There are {MOST} connections already.", "Remove one that is not used.")
        new = {"id": row.id, "created_at": values["updated_at"], **values}
        connection.execute(insert(connection_table), new)

    host.database.write(write)
    return row


def _values(row: ConnectionRow) -> dict[str, Any]:
    """As the table has it, but for the id and the time it was made."""
    return {
        "name": row.name,
        "name_key": name_key(row.name),
        "engine": row.engine,
        "base_url": row.base_url,
        "model": row.model,
        "roles": orjson.dumps(row.roles).decode(),
        "settings": row.settings.to_json(),
        "updated_at": time.time(),
    }


def _carry_over(connection: Connection, host: Host) -> None:
    """The one connection that an earlier version remembered becomes a named one, in use where it was in use."""
    text = _setting(connection, _PART_2)
    if not text:
        return  # another process was first
    known = EngineOptions.from_arguments(orjson.loads(text))
    own = _environment(host)
    taken = connection.execute(select(connection_table.c.name)).scalars().all()
    chosen = BUILTIN
    if own is not None and (known.base_url, known.model) == (own.base_url, own.model):
        chosen = ENVIRONMENT
    elif known.base_url and known.model:
        row = _checked(secrets.token_hex(8), "openai", known.base_url, known.model, "", ("text",), None)
        row = _named_apart(row, list(taken))
        values = _values(row)
        connection.execute(insert(connection_table), {"id": row.id, "created_at": values["updated_at"], **values})
        chosen = row.id
    _remember(connection, "default:text", chosen if known.engine == "openai" else BUILTIN)
    connection.execute(delete(setting_table).where(setting_table.c.name == _PART_2))


def _setting(connection: Connection, name: str) -> str:
    return str(connection.execute(select(setting_table.c.value).where(setting_table.c.name == name)).scalar() or "")


def _remember(connection: Connection, name: str, value: str) -> None:
    changed = update(setting_table).where(setting_table.c.name == name).values(value=value)
    if not connection.execute(changed).rowcount:
        connection.execute(insert(setting_table), {"name": name, "value": value})
