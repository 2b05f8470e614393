"""What this installation has and lacks: for the Settings page and `tagloom doctor`. Loads no model."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.embedding.locate import find_model
from core.errors import TagloomError
from core.store.projects import Host

PACKAGES = ("gradio", "torch", "transformers", "sentence-transformers", "faiss-cpu", "sqlalchemy", "pandas", "pillow")
LOW_DISK_BYTES = 1024**3


def package_versions() -> dict[str, str]:
    """Versions of Python, SQLite and the main packages; "not installed" where one is missing."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _check(name: str, ok: bool | None, detail: str, remedy: str = "") -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "remedy": remedy}


def host_facts(host: Host) -> dict[str, Any]:
    """{home, database, embedding, checks, versions}; `ok` of a check is true, false, or null for "only to know"."""
    settings = host.settings
    model = find_model(settings.embedding_model, allow_downloads=settings.allow_downloads)
    database = _database(host)
    free = shutil.disk_usage(settings.home).free
    versions = package_versions()
    missing = [name for name, v in versions.items() if v == "not installed"]
    checks = [
        _check(
            "Python",
            sys.version_info >= (3, 11),
            versions["python"],
            "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer.",
        ),
        _check(
            "Packages",
            not missing,
            "all installed" if not missing else f"missing: {', '.join(missing)}",
            "" if not missing else "Run `make run` or `pip install .` again.",
        ),
        _check(
            "Data folder",
            os.access(settings.home, os.W_OK),
            str(settings.home),
            "" if os.access(settings.home, os.W_OK) else "Set TAGLOOM_HOME to a folder that you may write.",
        ),
        _check(
            "Disk",
            free > LOW_DISK_BYTES,
            f"{free / 1024**3:.1f} GB free",
            "" if free > LOW_DISK_BYTES else "Free some space: below 1 GB imports and exports may stop.",
        ),
        database["check"],
        _check("Embedding model", model.found, f"{model.name}: {model.reason}", model.remedy),
        _check("Model downloads", None, "allowed" if settings.allow_downloads else "off: nothing is fetched"),
    ]
    return {
        "home": str(settings.home),
        "database": {k: database[k] for k in ("kind", "location", "size_bytes")},
        "embedding": {
            "name": model.name,
            "found": model.found,
            "path": str(model.path) if model.path else None,
            "source": model.source,
            "reason": model.reason,
            "remedy": model.remedy,
        },
        "checks": checks,
        "versions": versions,
    }


def _database(host: Host) -> dict[str, Any]:
    kind = "SQLite" if host.database.is_sqlite else "Postgres"
    try:
        with host.database.read() as connection:
            if host.database.is_sqlite:
                location = str(host.settings.home)
                state = connection.exec_driver_sql("PRAGMA quick_check").scalar()
                files = [host.settings.home / "tagloom.db", *host.settings.home.glob("projects/*/project.db")]
                parts = [f.with_name(f.name + end) for f in files for end in ("", "-wal")]
                size = sum(f.stat().st_size for f in parts if f.exists())
                check = _check(
                    "Database",
                    state == "ok",
                    f"SQLite {sqlite3.sqlite_version}, {len(host.projects())} projects",
                    "" if state == "ok" else "Restore the newest copy from the folder backups.",
                )
            else:
                url = host.database.engine.url
                location = f"{url.host or 'local socket'}/{url.database}"
                server = str(connection.exec_driver_sql("SHOW server_version").scalar())
                size = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
                check = _check("Database", True, f"Postgres {server}, {len(host.projects())} projects")
    except TagloomError as error:
        return {
            "kind": kind,
            "location": "",
            "size_bytes": 0,
            "check": _check("Database", False, error.message, error.remedy),
        }
    return {"kind": kind, "location": location, "size_bytes": size, "check": check}
