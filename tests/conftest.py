"""Real parts for every test: data folders, both databases, the shared data; and no way out of this machine."""

from __future__ import annotations

import getpass
import ipaddress
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from sqlalchemy import create_engine, text

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


def _run_on_server(server: str, statement: str) -> None:
    engine = create_engine("postgresql+psycopg" + server.removeprefix("postgresql") + "/postgres")
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def _postgres_template(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the host's schema and the project “Test”, which every test gets a copy of."""
    _run_on_server(postgres, "CREATE DATABASE template_tagloom")
    home = tmp_path_factory.mktemp("template-postgres")
    host = Host(Settings(home=home, database_url=f"{postgres}/template_tagloom"))
    host.create_project("Test")
    host.close()
    return "template_tagloom"


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
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("_postgres_template")
    name = f"t_{secrets.token_hex(6)}"
    _run_on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    monkeypatch.setenv("TAGLOOM_DATABASE_URL", f"{server}/{name}")
    yield Settings(home=tmp_path / "home", database_url=f"{server}/{name}")
    _run_on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


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
