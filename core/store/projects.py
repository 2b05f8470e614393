"""The host's store and its projects: where their databases are, and how they are opened.

SQLite: `HOME/tagloom.db` and `HOME/projects/<slug>/project.db`. Postgres: the schemas `tagloom` and
`tagloom_<slug>` of one database.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from core.errors import InvalidInput, NotFound, StoreError
from core.settings import Settings
from core.store.database import Database
from core.store.host_schema import person as person_table
from core.store.host_schema import project as project_table
from core.store.host_schema import setting as setting_table
from core.store.migrate import bring_up_to_date

DEMO = "demo"
SLUG_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Project:
    """A named workspace: its own corpora, vocabulary, runs and decisions."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who decides; `id` stands in every decision."""

    id: str
    name: str


def slugify(name: str) -> str:
    """A short ASCII name for folders, schemas and addresses: "My Talks!" → "my-talks"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].strip("-")
    return slug or "p-" + secrets.token_hex(3)


def _free_slug(name: str, taken: set[str]) -> str:
    """The slug of a new project: several names may come down to the same one."""
    wanted = slugify(name)
    slug, number = wanted, 2
    while slug in taken:
        end = f"-{number}"
        slug, number = wanted[: SLUG_LENGTH - len(end)].strip("-") + end, number + 1
    return slug


class Host:
    """Everything below one data folder or Postgres database. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: dict[str, Database] = {}
        self._lock = threading.Lock()
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
            for folder in (settings.uploads, settings.job_folder, settings.home / "projects"):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The data folder {settings.home} cannot be made: {error.strerror or error}.",
                "Set TAGLOOM_HOME to a folder that this user may write.",
            ) from error
        self.database = self._database(settings.home / "tagloom.db", "tagloom")
        bring_up_to_date(self.database, "host", settings.home / "backups")

    def _database(self, path: Path, schema: str) -> Database:
        if self.settings.database_url is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            return Database(path)
        database = Database(url=self.settings.database_url, schema=schema)

        def make(connection: Connection) -> None:
            connection.execute(text("SELECT pg_advisory_xact_lock(7263)"))  # CREATE … IF NOT EXISTS races itself
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))

        database.write(make)  # a server that does not answer becomes a sentence here
        return database

    def close(self) -> None:
        """Finish pending writes and close every database."""
        with self._lock:
            databases = [*self._open.values(), self.database]
            self._open.clear()
        for database in databases:
            database.close()

    # projects

    def projects(self) -> list[Project]:
        """All projects, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(project_table).order_by(project_table.c.created_at)).all()
        return [Project(row.id, row.slug, row.name) for row in rows]

    def project(self, slug: str) -> Project:
        """The project with that slug (or name).

        Raises:
            NotFound: there is none.
        """
        projects = self.projects()
        for project in projects:
            if slug == project.slug:
                return project
        for project in projects:
            if slug == project.name:
                return project
        names = ", ".join(p.slug for p in projects) or "none yet"
        raise NotFound(f"There is no project “{slug}”.", f"Projects here: {names}.")

    def create_project(self, name: str) -> Project:
        """A new, empty project.

        Raises:
            InvalidInput: the name is empty, longer than 80 characters, or taken.
        """
        name = name.strip()
        if not name or len(name) > 80:
            raise InvalidInput("A project's name has 1 to 80 characters.", "Choose such a name.")

        def add(connection: Connection) -> Project:
            rows = connection.execute(select(project_table.c.slug, project_table.c.name)).all()
            if any(row.name.casefold() == name.casefold() for row in rows):
                raise InvalidInput(f"A project named “{name}” exists already.", "Open it, or choose another name.")
            project = Project(secrets.token_hex(8), _free_slug(name, {row.slug for row in rows}), name)
            values = {"id": project.id, "slug": project.slug, "name": name, "created_at": time.time()}
            connection.execute(insert(project_table), values)
            return project

        for attempt in range(5):
            try:
                project = self.database.write(add)
                break
            except IntegrityError:  # another process has just taken the slug
                if attempt == 4:
                    raise StoreError("The project could not be made.", "Try again.") from None
        self.open(project.slug)
        return project

    def ensure_project(self, slug: str) -> Project:
        """The project with that slug, made when it is new."""
        try:
            return self.project(slug)
        except NotFound:
            return self.create_project(slug)

    def open(self, slug: str) -> Database:
        """The project's database, migrated; opened once per process.

        Raises:
            NotFound: there is no such project.
        """
        project = self.project(slug) if slug not in self._open else None
        with self._lock:
            key = project.slug if project else slug
            if key not in self._open:
                folder = self.settings.home / "projects" / key
                database = self._database(folder / "project.db", "tagloom_" + key.replace("-", "_"))
                bring_up_to_date(database, "project", folder / "backups")
                self._open[key] = database
            return self._open[key]

    # people and small values

    def people(self) -> list[Person]:
        """Everybody who has decided something here, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(person_table).order_by(person_table.c.created_at)).all()
        return [Person(row.id, row.name) for row in rows]

    def person(self, person_id: str) -> Person | None:
        """The person with that id, if known."""
        with self.database.read() as connection:
            row = connection.execute(select(person_table).where(person_table.c.id == person_id)).first()
        return Person(row.id, row.name) if row else None

    def add_person(self, name: str, person_id: str | None = None) -> Person:
        """A new person; the name is for showing, the id stands in decisions.

        Raises:
            InvalidInput: the name is empty or longer than 60 characters.
        """
        name = " ".join(name.split())
        if not name or len(name) > 60:
            raise InvalidInput("A person's name has 1 to 60 characters.", "Type such a name.")
        person = Person(person_id or secrets.token_hex(8), name)
        row = {"id": person.id, "name": name, "created_at": time.time()}
        self.database.write(lambda c: c.execute(insert(person_table), row) and None)
        return person

    def setting(self, name: str, default: str) -> str:
        """A value kept for this host; stored as `default` when it is asked for the first time."""

        def read_or_store(connection: Connection) -> str:
            found = connection.execute(select(setting_table.c.value).where(setting_table.c.name == name)).scalar()
            if found is None:
                connection.execute(insert(setting_table), {"name": name, "value": default})
            return default if found is None else str(found)

        return self.database.write(read_or_store)

    def remember(self, name: str, value: str) -> None:
        """Keep a value for this host, in the place of an earlier one."""

        def store(connection: Connection) -> None:
            changed = connection.execute(
                update(setting_table).where(setting_table.c.name == name).values(value=value)
            ).rowcount
            if not changed:
                connection.execute(insert(setting_table), {"name": name, "value": value})

        self.database.write(store)
