"""`tagloom connections` and `tagloom models`."""

from __future__ import annotations

from typing import Any

from core.commands.session import Command, MakeParser, Outcome, Session
from core.engines.connecting import connections as store
from core.engines.connecting.advice import MEMORY, ROLES, read_advice
from core.engines.connecting.connection_health import keep_health
from core.engines.connecting.connections import BUILTIN, ConnectionRow, ConnectionSettings
from core.engines.connecting.keys import key_for
from core.errors import InvalidInput

ACTIONS = ("list", "add", "remove", "check", "default")


def add_options(command: MakeParser) -> None:
    connections = command("connections", "List, add, check, remove or choose the ways to language models.")
    connections.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    connections.add_argument("name", nargs="?", metavar="NAME", help="the connection; `builtin` for `default`, too")
    connections.add_argument("--base-url", metavar="U", help="add: the server's address")
    connections.add_argument("--model", metavar="M", help="add: the model's name there, or a folder or hub id")
    connections.add_argument("--local", action="store_true", help="add: the model runs in a process of this machine")
    connections.add_argument("--role", action="append", choices=store.ROLES, help="what it is for (default: text)")
    connections.add_argument(
        "--set",
        action="append",
        metavar="SETTING=VALUE",
        help="add: concurrency, rpm, tpm, seconds, budget, price_input…",
    )

    models = command("models", "Which model? Short advice per role and memory.")
    models.add_argument("--role", choices=tuple(ROLES), help="only for this role")
    models.add_argument("--memory", choices=tuple(MEMORY), help="GB of the graphics card; none; api: a paid server")


def connections_command(session: Session) -> Outcome:
    options = session.options
    if options.action == "list":
        return _list(session)
    if options.action == "add":
        return _add(session)
    if not options.name:
        raise InvalidInput(f"Which connection to {options.action} was not said.", "`tagloom connections` lists them.")
    if options.action == "remove":
        row, roles = store.remove_connection(session.host, options.name)
        said = f"Removed “{row.name}”." + (" Text is answered by the builtin engine now." if "text" in roles else "")
        return {"removed": row.as_dict()}, said, 0
    if options.action == "default":
        return _default(session)
    return _check(session, store.find_connection(session.host, options.name))


def _described(session: Session, row: ConnectionRow) -> dict[str, Any]:
    defaults = [role for role in store.ROLES if (row_ := store.default_of(session.host, role)) and row_.id == row.id]
    return {**row.as_dict(), "key": key_for(session.host, row.base_url, row.model)[1], "default": defaults}


def _list(session: Session) -> Outcome:
    rows = [_described(session, row) for row in store.all_connections(session.host)]
    lines = [
        f"{row['name']}  {row['model']}  {row['base_url'] or 'in this process'}  {', '.join(row['roles'])}"
        + (f"  (used for {', '.join(row['default'])})" if row["default"] else "")
        for row in rows
    ]
    if not any("text" in row["default"] for row in rows):
        lines.insert(0, "builtin engine  (used for text)")
    return {"connections": rows}, "\n".join(lines), 0


def _add(session: Session) -> Outcome:
    options = session.options
    if not options.model or not (options.base_url or options.local):
        raise InvalidInput(
            "A connection needs a model, and an address or --local.",
            "For example: tagloom connections add --base-url localhost:11434/v1 --model qwen3.5:4b.",
        )
    given: dict[str, str] = {}
    for pair in options.set or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"“{pair}” is not SETTING=VALUE.", "For example: --set rpm=60.")
        given[name.strip()] = value.strip()
    row = store.save_connection(
        session.host,
        engine="transformers" if options.local else "openai",
        base_url="" if options.local else options.base_url,
        model=options.model,
        name=options.name or "",
        roles=tuple(options.role or ("text",)),
        settings=ConnectionSettings.from_given(given),
    )
    text = f"Added “{row.name}”. A key is read from {store.key_name(row.name)}, if one is needed."
    return {"connection": _described(session, row)}, text, 0


def _default(session: Session) -> Outcome:
    options = session.options
    roles = options.role or ["text"]
    wanted = BUILTIN if options.name.strip().casefold() == BUILTIN else options.name
    for role in roles:
        store.set_default(session.host, role, wanted)
    return {"default": {role: _named(session, role) for role in store.ROLES}}, f"Used for {' and '.join(roles)} now.", 0


def _named(session: Session, role: str) -> str | None:
    row = store.default_of(session.host, role)
    return row.name if row else (BUILTIN if role == "text" else None)


def _check(session: Session, row: ConnectionRow) -> Outcome:
    if row.engine == "transformers":
        from core.engines.connecting.checking_local import check_local

        found = check_local(session.host, row.model, pictures="vision" in row.roles)
    else:
        from core.engines.connecting.checking import check

        key = key_for(session.host, row.base_url, row.model)[0]
        found = check(session.host, row.base_url, row.model, key, pictures="vision" in row.roles)
    health = keep_health(session.host, row.id, found.as_dict())
    answer = {"connection": row.name, **health}
    return answer, f"{found.message} {found.remedy}".strip(), 0 if found.ok else 1


def models_command(session: Session) -> Outcome:
    options, advice = session.options, read_advice()
    lines, shown = [], []
    for role, title in ROLES.items():
        for memory, words in MEMORY.items():
            if options.role not in (None, role) or options.memory not in (None, memory):
                continue
            for model in advice.for_role(role, memory):
                shown.append(model)
                places = [f"{n}: {v}" for n in ("ollama", "hub", "openai", "openrouter") if (v := getattr(model, n))]
                lines.append(f"{title}, {words}: {model.name}" + (f"  ({'; '.join(places)})" if places else ""))
                lines.append(f"    {model.why} {model.expect}")
    lines.append(f"Last looked over on {advice.looked_over:%d %B %Y}; times are rough and depend on the machine.")
    whole = advice.as_dict()
    whole["models"] = [m for m, known in zip(whole["models"], advice.models, strict=True) if known in shown]
    return whole, "\n".join(lines) if shown else "No advice for that.", 0


COMMANDS: dict[str, Command] = {"connections": connections_command, "models": models_command}
