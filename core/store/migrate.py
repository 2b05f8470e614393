"""Brings a database to the newest schema, after a backup, in one transaction.

Alembic runs on a connection with `isolation_level=None` inside `BEGIN IMMEDIATE`: otherwise Python's sqlite3
commits before each DDL statement, and a kill leaves a migration half applied.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from core.errors import StoreError
from core.store.database import Database

TREES = Path(__file__).parent / "migrations"


def newest(tree: str) -> str:
    """The revision that the code of this version expects ("0001", …)."""
    names = [m.group(1) for f in (TREES / tree / "versions").iterdir() if (m := re.match(r"m(\d{4})_.*\.py$", f.name))]
    return max(names)


def present(connection: Connection) -> str | None:
    """The revision that the database has, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def bring_up_to_date(database: Database, tree: str, backups: Path) -> None:
    """Migrate `database` with the tree "host" or "project"; nothing happens when it is current.

    Args:
        backups: where a copy of an existing SQLite file goes before it is changed.

    Raises:
        StoreError: the database is from a newer Tagloom, or a migration failed (then it is unchanged).
    """
    wanted = newest(tree)
    with database.read() as connection:
        have = present(connection)
    if have == wanted:
        return
    if have is not None and have > wanted:
        raise StoreError(
            f"The database {database.path or database.schema} was written by a newer Tagloom (schema {have}, this "
            f"version knows {wanted}).",
            "Install the newer version, or open another data folder with TAGLOOM_HOME.",
        )
    if have is not None and database.path is not None:
        backups.mkdir(parents=True, exist_ok=True)
        # the token keeps processes that start in the same second apart
        name = f"{database.path.stem}-{have}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.db"
        try:
            with database.engine.connect() as plain:
                raw = plain.connection.dbapi_connection
                assert raw is not None
                raw.execute("VACUUM INTO ?", (str(backups / name),))
        except (sqlite3.Error, DBAPIError) as error:
            raise StoreError(
                f"The database {database.path} could not be copied before its upgrade: {error}.",
                "It is unchanged. Make room on the disk and try again.",
            ) from error
    try:
        with (
            database.engine.connect() as plain,
            (connection := plain.execution_options(tagloom_writing=True)).begin(),
        ):
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:s))"), {"s": database.schema})
            if present(connection) != wanted:  # another process may have done it while this one waited
                _upgrade(connection, tree)
    except Exception as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"The database {database.path or database.schema} could not be brought to schema {wanted}: {error}.",
            "It is unchanged. Report this with the output of `tagloom doctor`.",
        ) from error


def _upgrade(connection: Connection, tree: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(TREES / tree).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
