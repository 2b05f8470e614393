"""Migrations: they make exactly the tables that the code declares, and a kill leaves the old state."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from core.errors import StoreError
from core.settings import Settings
from core.store import host_schema, migrate, schema
from core.store.database import Database
from core.store.migrate import bring_up_to_date, newest, present
from core.store.projects import Host

REPOSITORY = Path(__file__).resolve().parents[3]
SEARCH = ("item_fts", "item_text_vector")  # full-text search, which no metadata describes

NEXT = """
import os
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def here(place):
    if os.environ.get("DIE_AT") == place:
        os._exit(9)
    if os.environ.get("RAISE_AT") == place:
        raise RuntimeError("no such luck")


def upgrade():
    here("start")
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True))
    here("after create")
    op.add_column("setting", sa.Column("note", sa.Text))
    op.execute("UPDATE setting SET note = 'new', value = 'changed'")
    here("after update")
    op.drop_table("person")
    here("end")
"""


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """A Tagloom whose host schema is one migration ahead; also for subprocesses (`TREES`)."""
    trees = tmp_path / "migrations"
    shutil.copytree(migrate.TREES, trees, ignore=shutil.ignore_patterns("__pycache__"))
    (trees / "host" / "versions" / "m0003_next.py").write_text(NEXT)
    monkeypatch.setenv("TREES", str(trees))
    monkeypatch.setattr(migrate, "TREES", trees)
    return trees


def open_in_a_process(settings, **variables):
    code = textwrap.dedent(
        """
        import os
        from pathlib import Path
        from core.store import migrate
        migrate.TREES = Path(os.environ["TREES"])
        from core.settings import load_settings
        from core.store.projects import Host
        Host(load_settings()).close()
        """
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, **settings.environment(), "TREES": os.environ.get("TREES", str(migrate.TREES)), **variables},
        stderr=subprocess.PIPE,
        text=True,
    )


def raw(settings):
    if settings.database_url:
        return Database(url=settings.database_url, schema="tagloom")
    return Database(settings.home / "tagloom.db")


def state(settings):
    """(revision, tables, columns of setting, its values) as the host's database holds them."""
    database = raw(settings)
    try:
        with database.read() as connection:
            look = inspect(connection)
            tables = set(look.get_table_names())
            columns = {c["name"] for c in look.get_columns("setting")}
            values = dict(connection.execute(text("SELECT name, value FROM setting")).all())
            return present(connection), tables, columns, values
    finally:
        database.close()


@pytest.mark.parametrize(("tree", "metadata"), [("host", host_schema.metadata), ("project", schema.metadata)])
def test_migrations_make_exactly_the_declared_tables(host, tree, metadata):
    database = host.database if tree == "host" else host.open("test")

    def compared(thing, name, kind, reflected, _other):
        own = kind == "column" and name == "vector"
        return not (reflected and (own or name.startswith(SEARCH)))

    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": compared}
        )
        assert compare_metadata(context, metadata) == []
        names = set(inspect(connection).get_table_names())
        assert set(metadata.tables) <= names
        assert present(connection) == newest(tree)


def test_a_current_database_is_left_alone(settings, monkeypatch):
    monkeypatch.setattr(migrate, "_upgrade", lambda *_: pytest.fail("nothing was to be migrated"))
    host = Host(settings)
    host.open("test")
    host.close()
    assert not (settings.home / "backups").exists()


@pytest.mark.parametrize("place", ["after create", "end"])
def test_a_kill_in_the_middle_of_a_migration_leaves_the_old_state(settings, next_version, place):
    before = prepare(settings)
    process = open_in_a_process(settings, DIE_AT=place)
    assert process.wait(60) == 9, process.stderr.read()
    assert state(settings) == before
    process = open_in_a_process(settings)
    assert process.wait(60) == 0, process.stderr.read()
    revision, tables, columns, values = state(settings)
    assert revision == "0003" and "extra" in tables and "person" not in tables and "note" in columns
    assert set(values.values()) == {"changed"}


def prepare(settings):
    """Put a value into the host's database at the schema of today; returns its state."""
    database = raw(settings)
    database.write(lambda c: c.execute(text("INSERT INTO setting (name, value) VALUES ('kept', 'old')")) and None)
    database.close()
    return state(settings)


@pytest.mark.parametrize("calls", [1, 7, 15])
def test_a_kill_while_a_new_database_is_made_leaves_an_empty_one(tmp_path, calls):
    settings = Settings(home=tmp_path / "home")
    code = textwrap.dedent(
        f"""
        import os
        from alembic import op
        from core.settings import load_settings
        from core.store.projects import Host
        host = Host(load_settings())
        left = {calls}
        create = op.create_table
        def create_or_die(*args, **options):
            global left
            left -= 1
            if left == 0:
                os._exit(9)
            return create(*args, **options)
        op.create_table = create_or_die
        host.create_project("New")
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, **settings.environment()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 9, done.stderr
    with sqlite3.connect(settings.home / "projects" / "new" / "project.db") as left:
        assert left.execute("SELECT name FROM sqlite_master").fetchall() == []
    host = Host(settings)
    assert [p.slug for p in host.projects()] == ["new"]
    with host.open("new").read() as connection:
        assert present(connection) == newest("project")
    host.close()


def test_an_upgrade_keeps_a_copy_of_the_old_database(sqlite_settings, next_version):
    before = prepare(sqlite_settings)
    Host(sqlite_settings).close()
    (copy,) = (sqlite_settings.home / "backups").iterdir()
    assert copy.name.startswith("tagloom-0002-")
    kept = Database(copy)
    with kept.read() as connection:
        assert present(connection) == "0002"
        assert dict(connection.execute(text("SELECT name, value FROM setting")).all()) == before[3]
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    kept.close()


def test_a_failed_upgrade_says_so_and_changes_nothing(settings, next_version, monkeypatch):
    before = prepare(settings)
    monkeypatch.setenv("RAISE_AT", "after update")
    for _ in range(2):  # the second attempt may come within the same second
        with pytest.raises(StoreError) as failed:
            Host(settings)
        assert "0003" in failed.value.message and "unchanged" in failed.value.remedy
        assert state(settings) == before


def test_a_database_of_a_newer_tagloom_is_refused_and_left_alone(settings):
    database = raw(settings)
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    database.close()
    before = state(settings)
    with pytest.raises(StoreError) as refused:
        Host(settings)
    assert "newer" in refused.value.message and "9999" in refused.value.message
    assert "TAGLOOM_HOME" in refused.value.remedy
    assert state(settings) == before


def test_processes_that_start_together_migrate_once(settings, next_version):
    prepare(settings)
    processes = [open_in_a_process(settings) for _ in range(4)]
    for process in processes:
        assert process.wait(90) == 0, process.stderr.read()
    assert state(settings)[0] == "0003"


def test_processes_that_start_together_on_nothing(tmp_path):
    settings = Settings(home=tmp_path / "fresh")
    processes = [open_in_a_process(settings) for _ in range(4)]
    for process in processes:
        assert process.wait(90) == 0, process.stderr.read()
    assert state(settings)[0] == newest("host")


def test_processes_that_start_together_on_an_empty_postgres(empty_postgres, tmp_path):
    settings = Settings(home=tmp_path / "fresh", database_url=empty_postgres)
    processes = [open_in_a_process(settings) for _ in range(4)]
    for process in processes:
        assert process.wait(90) == 0, process.stderr.read()
    assert state(settings)[0] == newest("host")


def test_an_empty_database_has_no_revision(tmp_path):
    database = Database(tmp_path / "x.db")
    with database.read() as connection:
        assert present(connection) is None
    bring_up_to_date(database, "project", tmp_path / "backups")
    assert not (tmp_path / "backups").exists(), "there was nothing to copy"
    database.close()
