"""The connections of this host: named, checked, changed, and the keys that let us in. A key comes in and never goes
out again."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.engines import asked_at
from core.engines.batch.batches import offered
from core.engines.capabilities import Capabilities
from core.engines.connecting import connections as store
from core.engines.connecting.advice import read_advice
from core.engines.connecting.checking import check
from core.engines.connecting.checking_local import check_local
from core.engines.connecting.connection_health import health_of, keep_health
from core.engines.connecting.connections import BUILTIN, ROLES, ConnectionRow, ConnectionSettings
from core.engines.connecting.endpoints import KNOWN, OPENAI, host_of, is_local, is_openai, normalise
from core.engines.connecting.keys import key_for, type_key
from core.engines.money.cost import pricing_of
from core.engines.money.ledger import spent_at
from core.errors import EngineError, InvalidInput, NotAllowed
from ui.context import AppContext
from ui.routes.http import Call, route


def engine_in_use(app: AppContext) -> dict[str, Any]:
    """What answers text, as every page shows it; where its key is from, never the key."""
    row = store.default_of(app.host, "text")
    if row is None:
        return {"name": BUILTIN, "label": "builtin engine", "connection": BUILTIN, "base_url": "", "model": ""}
    return {
        "name": row.engine,
        "label": row.name if not row.from_environment else row.options.label,
        "connection": row.id,
        "base_url": row.base_url,
        "model": row.model,
        "key": _key_state(app, row),
    }


def _key_state(app: AppContext, row: ConnectionRow, health: dict[str, Any] | None = None) -> str:
    """ "typed" or "env" (where the key is from), "needed" (the server asks for one), or "none"."""
    if row.engine != "openai":
        return "none"
    state = key_for(app.host, row.base_url, row.model)[1]
    asks = not is_local(row.base_url) or bool((health or {}).get("asks_key"))
    return "needed" if state == "none" and asks else state


def _key_name(row: ConnectionRow) -> str:
    """The variable to put its key into."""
    if is_openai(row.base_url):
        return "OPENAI_API_KEY"
    return "TAGLOOM_API_KEY" if row.from_environment else store.key_name(row.name)


def _shown(app: AppContext, row: ConnectionRow) -> dict[str, Any]:
    """A connection as a visitor of a shared server sees it: what is needed to choose it."""
    prices = pricing_of(row.settings, row.base_url, row.model)
    return {
        **{name: value for name, value in row.as_dict().items() if name != "settings"},
        "label": row.options.label,
        "key": _key_state(app, row),
        "batches": row.engine == "openai" and offered(app.host, row.base_url),
        "price": {"known": prices.known, "source": prices.source},
    }


def _described(app: AppContext, row: ConnectionRow, health: dict[str, Any] | None) -> dict[str, Any]:
    prices = pricing_of(row.settings, row.base_url, row.model)
    per_million = [prices.cost(1_000_000, 0), prices.cost(0, 1_000_000)] if prices.known else [None, None]
    micros = _spent(app, row)
    endpoint, name = _asked_at(app, row)
    return {
        **row.as_dict(),
        "label": row.options.label,
        "key": _key_state(app, row, health),
        "key_name": _key_name(row),
        "health": health,
        "batches": row.engine == "openai" and offered(app.host, row.base_url),
        "capability": Capabilities.of(app.host, endpoint, name, row.settings).record(),
        "local_name": name if row.engine == "transformers" else None,
        "price": {
            "known": prices.known,
            "source": prices.source,
            "input": None if per_million[0] is None else float(per_million[0]),
            "output": None if per_million[1] is None else float(per_million[1]),
        },
        "spent": {"dollars": micros / 1e6 if micros or prices.known else None},
    }


def _asked_at(app: AppContext, row: ConnectionRow) -> tuple[str, str]:
    """Under which address and name is kept what was learned of a connection's model."""
    try:
        return asked_at(app.host, row.options)
    except EngineError:  # the model for this process is not there (any more)
        return row.base_url, row.model


def _spent(app: AppContext, row: ConnectionRow) -> int:
    """Micro-dollars that all projects together have spent on a connection's model, as their ledgers have it."""
    if row.engine != "openai":
        return 0
    total = 0
    for project in app.host.projects():
        with app.host.open(project.slug).read() as connection:
            total += spent_at(connection, row.base_url, row.model)
    return total


def connections(call: Call) -> dict[str, Any]:
    """Every connection with what is known of it; on a shared server, without what only its operator needs."""
    app = call.app
    rows = store.all_connections(app.host)
    health = health_of(app.host, [row.id for row in rows])
    defaults = {role: store.default_of(app.host, role) for role in ROLES}
    trouble = store.environment_trouble(app.host)
    return {
        "connections": [_described(app, row, health.get(row.id)) if app.local else _shown(app, row) for row in rows],
        "default": {
            "text": defaults["text"].id if defaults["text"] else BUILTIN,
            "vision": defaults["vision"].id if defaults["vision"] else None,
        },
        "presets": [{"name": name, "base_url": base_url} for name, base_url in KNOWN],
        "warnings": [trouble.as_dict()] if trouble else [],
        "may_change": app.local,
    }


def _operator_only(call: Call) -> None:
    """On a shared server a visitor must not make it call whatever address they like, nor spend on another's key."""
    _ = call.person
    if not call.app.local:
        raise NotAllowed(
            "On a shared server its operator chooses the engine.", "TAGLOOM_BASE_URL and TAGLOOM_MODEL name it."
        )


def save(call: Call) -> dict[str, Any]:
    """Make a connection or change one; a key given with it is kept in this process for its address."""
    _operator_only(call)
    wanted = call.given("default", list, [])
    key = call.given("key", str, None)
    roles = call.given("roles", list, ["text"])
    if not all(isinstance(role, str) for role in [*roles, *wanted]):
        raise InvalidInput("The connection's roles are not texts.", "Reload the page.")
    row = store.save_connection(
        call.app.host,
        connection_id=call.given("id", str, "") or None,
        name=call.given("name", str, ""),
        engine=call.given("engine", str, "openai"),
        base_url=call.given("base_url", str, ""),
        model=call.given("model", str, ""),
        roles=tuple(roles),
        settings=ConnectionSettings.from_given(call.given("settings", dict, {})),
    )
    if key:
        _keep_key(call, row.base_url, key)
    for role in wanted:
        store.set_default(call.app.host, role, row.id)
    return {"saved": row.id, **connections(call)}


def _keep_key(call: Call, base_url: str, key: str) -> None:
    type_key(base_url, key)
    call.app.supervisor.wake()  # a job may wait for this key


def remove(call: Call) -> dict[str, Any]:
    _operator_only(call)
    row, roles = store.remove_connection(call.app.host, call.part("connection"))
    return {"removed": {**row.as_dict(), "default": list(roles)}, **connections(call)}


def restore(call: Call) -> dict[str, Any]:
    """Undo of a removal, from what the removal has answered."""
    _operator_only(call)
    given = call.given("removed", dict)
    row = store.restore_connection(call.app.host, given)
    for role in ROLES:
        if role in (given.get("default") or []):
            store.set_default(call.app.host, role, row.id)
    return {"saved": row.id, **connections(call)}


def choose(call: Call) -> dict[str, Any]:
    """Use a connection, or the builtin engine, for a role."""
    _operator_only(call)
    store.set_default(call.app.host, call.given("role", str), call.given("id", str))
    return connections(call)


def key(call: Call) -> dict[str, Any]:
    """Keep a typed key for an address in this process; an empty one forgets it."""
    _operator_only(call)
    _keep_key(call, normalise(call.given("base_url", str)), call.given("key", str))
    return connections(call)


def check_given(call: Call) -> dict[str, Any]:
    """Ask a server that is not saved yet; a key given here is used for this question only."""
    _operator_only(call)
    model = call.given("model", str, "").strip()
    if call.given("engine", str, "openai") == "transformers":
        return check_local(call.app.host, model, pictures=call.given("vision", bool, False)).as_dict()
    address = call.given("base_url", str, "").strip()
    if not address:
        raise InvalidInput("The server's address is missing.", f"For example: http://localhost:11434/v1, or {OPENAI}.")
    if len(model) > 200:
        raise InvalidInput("The model's name is longer than 200 characters.", "Check it.")
    base_url = normalise(address)
    typed = call.given("key", str, "").strip() or key_for(call.app.host, base_url, model)[0]
    found = check(call.app.host, base_url, model, typed, pictures=call.given("vision", bool, False))
    return {**found.as_dict(), "base_url": found.base_url or base_url, "host": host_of(base_url)}


def check_saved(call: Call) -> dict[str, Any]:
    """The health of a connection, kept with it."""
    _operator_only(call)
    row, secret = store.find_connection(call.app.host, call.part("connection")), None
    if row.engine == "transformers":
        found = check_local(call.app.host, row.model, pictures="vision" in row.roles)
    else:
        secret = key_for(call.app.host, row.base_url, row.model)[0]
        found = check(call.app.host, row.base_url, row.model, secret, pictures="vision" in row.roles)
    before = health_of(call.app.host, [row.id]).get(row.id, {})
    asks_key = found.kind == "key" or (bool(before.get("asks_key")) and not (found.ok and secret is None))
    health = keep_health(call.app.host, row.id, {**found.as_dict(), "asks_key": asks_key})
    return {"health": health, **connections(call)}


def forget(call: Call) -> dict[str, Any]:
    """Begin anew with a server: for people who have changed what runs there."""
    _operator_only(call)
    row = store.find_connection(call.app.host, call.part("connection"))
    Capabilities.of(call.app.host, *_asked_at(call.app, row), row.settings).forget()
    return connections(call)


def unload(call: Call) -> dict[str, Any]:
    """Take a model out of this process' memory."""
    from core.engines.local.local_models import unload as unload_models

    _operator_only(call)
    unload_models(call.given("model", str, None))
    return local(call)


def local(call: Call) -> dict[str, Any]:
    """Models that this process has loaded, and the devices they may use."""
    from core.engines.local.local_models import status

    _ = call.person
    return status()


def advice(call: Call) -> dict[str, Any]:
    return read_advice().as_dict()


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "connections", connections),
        route(app, "POST", "connections", save),
        route(app, "POST", "connections/default", choose),
        route(app, "POST", "connections/key", key),
        route(app, "POST", "connections/check", check_given),
        route(app, "POST", "connections/restore", restore),
        route(app, "GET", "connections/local", local),
        route(app, "POST", "connections/unload", unload),
        route(app, "POST", "connections/{connection}/check", check_saved),
        route(app, "POST", "connections/{connection}/remove", remove),
        route(app, "POST", "connections/{connection}/forget", forget),
        route(app, "GET", "advice", advice),
    ]
