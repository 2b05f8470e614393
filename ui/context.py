"""What the routes share: the host's store, its job queue, the secret that signs who a browser is."""

from __future__ import annotations

import getpass
import hmac
import secrets
import threading
from hashlib import sha256
from typing import Any

from core.demo import ensure_demo
from core.engines.connecting.connections import BUILTIN, find_connection
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import ENGINE_KEY, connection_of, key_for
from core.errors import InvalidInput
from core.jobs.queue import KEYED, Job, JobQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings, installed_version
from core.store.projects import DEMO, Host, Person

COOKIE = "tagloom_person"
LOCAL_PERSON = "local"
FIRST = "First project"


class AppContext:
    """One serving process."""

    def __init__(self, settings: Settings, *, demo: bool = True) -> None:
        self.settings = settings
        self.host = Host(settings)
        self.queue = JobQueue(self.host)
        self.supervisor = Supervisor(self.queue, settings.max_jobs, self.secrets_of)
        self.version = installed_version()
        self._secret = self.host.setting("cookie_secret", secrets.token_hex(32)).encode()
        self._people: dict[str, Person] = {}
        self._lock = threading.Lock()
        if demo:
            ensure_demo(self.host)
        elif not self.host.projects():
            self.host.create_project(FIRST)  # a page without a project would have nothing to show

    def start(self) -> None:
        self.supervisor.start()

    def stop(self) -> None:
        """Stop this process' part; workers go on by themselves."""
        self.supervisor.stop()
        self.host.close()

    @property
    def local(self) -> bool:
        """True when the page is for the person at this machine: one person, paths may be typed."""
        return self.settings.loopback and not self.settings.public

    def default_project(self) -> str:
        """The project a page opens without being told: the demo if it is there, else the oldest."""
        projects = self.host.projects()
        slugs = [project.slug for project in projects]
        return DEMO if DEMO in slugs or not slugs else slugs[0]

    def enqueue(self, project: str, kind: str, title: str, arguments: dict[str, Any], person: str, unit: str) -> Job:
        """Queue a job and have it looked at at once."""
        options = EngineOptions.from_arguments(arguments)
        if options.base_url and key_for(self.host, options.base_url, options.model)[0]:
            arguments = {**arguments, KEYED: True}  # without its key it waits instead of being refused
        job = self.queue.create(project, kind, title, arguments, person=person, unit=unit)
        self.supervisor.wake()
        return job

    # which engine answers, and with which key

    def engine(self, name: str, connection: str = "", role: str = "text") -> EngineOptions:
        """The engine that a form names, with the address and model that this host has for it, for a job's arguments.

        Args:
            name: "builtin", "openai", "transformers".
            connection: the id or name of one of this host's connections (as `engine_choice.js` sends it); without it
                the role's default of that kind is taken.

        Raises:
            InvalidInput: there is no such engine, or no server is connected.
            NotFound: there is no such connection.
        """
        if connection and connection != BUILTIN:
            row = find_connection(self.host, connection)
            if role not in row.roles:
                raise InvalidInput(f"“{row.name}” is not set up for {role}.", "Choose another one, or change it.")
            return row.options
        return connection_of(self.host, EngineOptions(BUILTIN if connection else name), role)

    def secrets_of(self, job: Job) -> dict[str, str]:
        """What a job's process needs to be let in: the key of the server that its arguments name."""
        options = EngineOptions.from_arguments(job.arguments)
        key, _ = key_for(self.host, options.base_url, options.model) if options.base_url else (None, "none")
        return {ENGINE_KEY: key} if key else {}

    # who is who: a signed cookie, or the one local person

    def sign(self, person_id: str) -> str:
        """The cookie's value for a person."""
        digest = hmac.new(self._secret, person_id.encode(), sha256).hexdigest()[:32]
        return f"{person_id}.{digest}"

    def person_of(self, cookie: str | None) -> Person | None:
        """The person that a cookie names; None when it is missing, forged or of another host."""
        if cookie:
            person_id = cookie.rpartition(".")[0]
            # bytes: of text, compare_digest takes ASCII only, and a forged cookie may hold anything
            if person_id and hmac.compare_digest(self.sign(person_id).encode(), cookie.encode()):
                return self._known(person_id)
        return self._local() if self.local else None

    def _known(self, person_id: str) -> Person | None:
        with self._lock:
            known = self._people.get(person_id)
        if known is None:
            known = self.host.person(person_id)
            if known is not None:
                with self._lock:
                    self._people[person_id] = known
        return known

    def _local(self) -> Person:
        known = self._known(LOCAL_PERSON)
        if known is None:
            try:
                name = getpass.getuser()
            except (OSError, KeyError):
                name = "me"
            try:
                known = self.host.add_person(name[:60] or "me", LOCAL_PERSON)
            except Exception:  # two first requests at once: the other one has made it
                known = self.host.person(LOCAL_PERSON)
                if known is None:
                    raise
        return known

    def named_person(self, name: str) -> Person:
        """The person of that name: an existing one on a local server, always a new one on a public one (there a
        name typed by a stranger must not make them somebody else).

        Raises:
            InvalidInput: the name is not usable.
        """
        wanted = " ".join(name.split())
        if self.local:
            for person in self.host.people():
                if person.name.casefold() == wanted.casefold():
                    return person
        elif len(self.host.people()) > 10_000:
            raise InvalidInput("Too many people have been made on this server.", "Ask its operator to tidy up.")
        return self.host.add_person(wanted)
