"""Real parts for every test: data folders, both databases, the shared data; and no way out of this machine."""

from __future__ import annotations

import getpass
import ipaddress
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from core.corpora.importing import ImportReport, import_file
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.reading import inspect
from core.jobs.queue import JobQueue
from core.review.importing import restore_labels
from core.settings import Settings
from core.store.database import Database
from core.store.projects import Host
from tests.support import free_port

REPOSITORY = Path(__file__).resolve().parents[1]
OURS = re.compile(r"TAGLOOM_(?!DATA$)|HOST$|PORT$|SPACE_")  # variables that would change what is tested

# No test judges how long something takes, so no example may fail for being slow on a busy machine.
hypothesis.settings.register_profile(
    "tagloom",
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
hypothesis.settings.load_profile("tagloom")


def missing(what: str) -> NoReturn:
    """Skip where a developer's machine lacks something; fail where everything must be there (CI=true)."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (TAGLOOM_DATA, else shared/data beside the repository)."""
    folder = Path(os.environ.get("TAGLOOM_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        missing("the shared data are not on this machine (set TAGLOOM_DATA)")
    return folder


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test has its own data folder, and nothing of the developer's settings."""
    for name in list(os.environ):
        if OURS.match(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAGLOOM_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything that reaches beyond this machine fails the test that does it."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}: nothing may leave this machine")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


# a throw-away Postgres


def pytest_configure() -> None:
    """Whoever ends the tests from outside must not leave the Postgres server behind."""

    def leave(_number: int, _frame: object) -> NoReturn:
        pytest.exit("ended from outside", 143)

    signal.signal(signal.SIGTERM, leave)


def _postgres_program(name: str) -> str:
    found = shutil.which(name)
    others = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3].split(".")[0]))
    return found or (str(others[-1]) if others else "")


def _as_owner(root: bool) -> list[str]:
    if not root:
        return []
    if shutil.which("runuser"):
        return ["runuser", "-u", "postgres", "--"]
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a Postgres server that lives as long as the test session."""
    initdb, pg_ctl = _postgres_program("initdb"), _postgres_program("pg_ctl")
    if not initdb or not pg_ctl:
        missing("Postgres is not installed (initdb was not found)")
    root = os.name != "nt" and os.geteuid() == 0  # Postgres refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="tagloom-postgres-"))
    data, port = folder / "data", free_port()
    user = "postgres" if root else getpass.getuser()
    if root:
        shutil.chown(folder, "postgres", "postgres")
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
        "-c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c max_connections=300"
    )
    # C is the strictest locale: nothing outside ASCII is folded or told apart for us
    make = [initdb, "-D", str(data), "-U", user, "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"]
    control = [*_as_owner(root), pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log.txt")]
    try:
        subprocess.run([*_as_owner(root), *make], check=True, capture_output=True, cwd=folder)
        subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        yield f"postgresql://{user}@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _connected(server: str, name: str = "postgres") -> Iterator[Connection]:
    engine = create_engine(f"postgresql+psycopg{server.removeprefix('postgresql')}/{name}", poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


def _run_on_server(server: str, *statements: str) -> None:
    with _connected(server) as connection:
        for statement in statements:
            connection.execute(text(statement))


class _PreparedPostgres:
    """One database with the empty project “Test”: emptied between tests, which takes a third of making a new one."""

    NAME = "prepared"

    def __init__(self, server: str, home: Path) -> None:
        self.server = server
        self.address = f"{server}/{self.NAME}"
        _run_on_server(server, f"CREATE DATABASE {self.NAME}_template")
        host = Host(Settings(home=home, database_url=f"{self.address}_template"))
        self.project = host.create_project("Test")
        host.close()
        with _connected(server, f"{self.NAME}_template") as connection:
            self.tables = self._tables(connection)
            self.versions = self._versions(connection)
        self.make()

    def make(self) -> None:
        drop = f"DROP DATABASE IF EXISTS {self.NAME} WITH (FORCE)"
        _run_on_server(self.server, drop, f"CREATE DATABASE {self.NAME} TEMPLATE {self.NAME}_template")

    def _versions(self, connection: Connection) -> list[str]:
        schemas = sorted({schema for schema, _, _ in self.tables})
        return [connection.execute(text(f"SELECT version_num FROM {s}.alembic_version")).scalar_one() for s in schemas]

    def _tables(self, connection: Connection) -> list[tuple[str, str, str]]:
        """(schema, table, column) of all that is ours."""
        query = """
            SELECT table_schema, table_name, column_name FROM information_schema.columns
            WHERE table_schema LIKE 'tagloom%' ORDER BY 1, 2, 3
        """
        return [tuple(row) for row in connection.execute(text(query))]

    def empty(self) -> None:
        """As it was made, whatever a test did to it."""
        with _connected(self.server, self.NAME) as connection:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> :own"
            own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            connection.execute(text(query), {"name": self.NAME, "own": own})
            now = self._tables(connection)
            known = {schema for schema, _, _ in self.tables}
            for schema in sorted({schema for schema, _, _ in now} - known):
                connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
            intact = [row for row in now if row[0] in known] == self.tables
            intact = intact and self._versions(connection) == self.versions
            if intact:
                tables = sorted({f"{s}.{t}" for s, t, _ in self.tables if t != "alembic_version"})
                connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"))
                row = {"id": self.project.id, "slug": self.project.slug, "name": self.project.name}
                values = "(id, slug, name, created_at) VALUES (:id, :slug, :name, 0)"
                connection.execute(text(f"INSERT INTO tagloom.project {values}"), row)
        if not intact:
            self.make()


@pytest.fixture(scope="session")
def _prepared_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> _PreparedPostgres:
    return _PreparedPostgres(postgres, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template-sqlite")
    host = Host(Settings(home=home))
    host.create_project("Test")
    host.close()
    return home


@pytest.fixture
def empty_postgres(postgres: str) -> Iterator[str]:
    """The address of an empty database."""
    name = f"t_{secrets.token_hex(6)}"
    _run_on_server(postgres, f"CREATE DATABASE {name}")
    yield f"{postgres}/{name}"
    _run_on_server(postgres, f"DROP DATABASE {name} WITH (FORCE)")


# a host with a project, on SQLite and on Postgres


@pytest.fixture
def sqlite_settings(_sqlite_template: Path, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    shutil.copytree(_sqlite_template, home)
    return Settings(home=home)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of a host that has the empty project “Test”, once on each database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_settings")
        return
    prepared: _PreparedPostgres = request.getfixturevalue("_prepared_postgres")
    monkeypatch.setenv("TAGLOOM_DATABASE_URL", prepared.address)
    yield Settings(home=tmp_path / "home", database_url=prepared.address)
    prepared.empty()


@pytest.fixture
def host(settings: Settings) -> Iterator[Host]:
    """A host on both databases in turn."""
    host = Host(settings)
    yield host
    host.close()


@pytest.fixture
def sqlite_host(sqlite_settings: Settings) -> Iterator[Host]:
    """A host on SQLite, for what does not depend on the database."""
    host = Host(sqlite_settings)
    yield host
    host.close()


@pytest.fixture
def database(host: Host) -> Database:
    """The database of the project “Test”."""
    return host.open("test")


@pytest.fixture
def queue(host: Host) -> JobQueue:
    return JobQueue(host)


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


ImportRows = Callable[..., ImportReport]


@pytest.fixture
def import_rows(tmp_path: Path) -> ImportRows:
    """`import_rows(database, rows, corpus="Talks")`: writes the rows as jsonl and imports them as a person's file.

    `roles` corrects the guessed roles; `mapping` replaces them; the rest goes to `import_file`.
    """

    def import_rows(
        database: Database,
        rows: list[dict[str, Any]],
        corpus: str = "Talks",
        *,
        roles: dict[str, str] | None = None,
        mapping: Mapping | None = None,
        **options: Any,
    ) -> ImportReport:
        path = write_jsonl(tmp_path / f"rows-{secrets.token_hex(4)}.jsonl", rows)
        if mapping is None:
            mapping = guess_mapping(inspect(path))
            mapping = mapping.changed(roles, rows) if roles else mapping
        return import_file(
            database,
            path,
            **{
                "name": "rows.jsonl",
                "corpus_name": corpus,
                "mapping": mapping,
                "import_id": secrets.token_hex(6),
                "on_labels": restore_labels,
                **options,
            },
        )

    return import_rows
