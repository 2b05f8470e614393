"""Settings of one Tagloom host, read from the environment (and a `.env` file beside the working folder).

Every setting is listed in `SETTINGS`; a test fails when one is missing from docs/settings.md.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import InvalidInput

SETTINGS: dict[str, str] = {
    "TAGLOOM_HOME": "Folder for databases, uploads, job logs and exports (default: the platform's user-data folder).",
    "TAGLOOM_DATABASE_URL": "postgresql://… puts projects and jobs into Postgres instead of SQLite files.",
    "TAGLOOM_EMBEDDING_MODEL": "A sentence-transformers folder or hub id instead of the packaged MiniLM.",
    "TAGLOOM_ALLOW_DOWNLOADS": "1 lets Tagloom fetch a model from the hub when it is not on this machine.",
    "TAGLOOM_ROOTS": "Folders, separated by the path separator, from which a typed path may be imported.",
    "TAGLOOM_PUBLIC": "1 allows serving beyond this machine without a login (a Space counts as public).",
    "TAGLOOM_HOSTS": "Further host names under which the page may be opened, separated by commas.",
    "TAGLOOM_MAX_UPLOAD_MB": "Largest upload in megabytes (default 2048).",
    "TAGLOOM_MAX_JOBS": "How many jobs run at once; the rest wait (default 2).",
    "TAGLOOM_BASE_URL": "Address of an OpenAI-compatible server, such as http://localhost:11434/v1.",
    "TAGLOOM_MODEL": "The model's name on that server.",
    "TAGLOOM_API_KEY": "The key for TAGLOOM_BASE_URL, sent nowhere else.",
    "TAGLOOM_KEY_<NAME>": "The key for the connection of that name, in capitals (“My server” → TAGLOOM_KEY_MY_SERVER).",
    "OPENAI_API_KEY": "OpenAI's own key; sent to api.openai.com and nowhere else.",
    "HOST": "Address to serve on (default 127.0.0.1; a Space serves on 0.0.0.0).",
    "PORT": "Port to serve on (default 7860).",
    "api_host": "Address to serve on where HOST is not set (the name that LP-MusicCaps' .env has for it).",
    "api_port": "Port to serve on where PORT is not set.",
}


KEY_PREFIX = "TAGLOOM_KEY_"
LOOPBACK_HOST = "127.0.0.1"


def installed_version() -> str:
    """Tagloom's version, also when it runs from a checkout that was not installed."""
    try:
        return version("tagloom")
    except PackageNotFoundError:
        return "0.1.0"


def default_home(environment: Mapping[str, str], system: str | None = None) -> Path:
    """The platform's folder for an application's own data.

    Outside the working and temporary folders on purpose: a web handler can leak files from those
    (docs/architecture.md, "Where data lives").
    """
    system = system or platform.system()
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    if system == "Windows":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Tagloom"
    if system == "Darwin":
        return home / "Library" / "Application Support" / "Tagloom"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "tagloom"


@dataclass(frozen=True, slots=True)
class Settings:
    """What this process was told; made by `load_settings`, passed down, never changed."""

    home: Path
    database_url: str | None = None
    embedding_model: str | None = None
    allow_downloads: bool = False
    roots: tuple[Path, ...] = ()
    public: bool = False
    hosts: tuple[str, ...] = ()
    max_upload_bytes: int = 2048 * 1024 * 1024
    max_jobs: int = 2
    host: str = LOOPBACK_HOST
    port: int = 7860
    space_id: str | None = None
    space_host: str | None = None
    base_url: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    openai_api_key: str | None = field(default=None, repr=False)
    connection_keys: Mapping[str, str] = field(default_factory=dict, repr=False)  # TAGLOOM_KEY_… by its whole name

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the server."""
        return self.host in {"127.0.0.1", "localhost", "::1"}

    @property
    def uploads(self) -> Path:
        return self.home / "uploads"

    @property
    def job_folder(self) -> Path:
        return self.home / "jobs"

    def environment(self) -> dict[str, str]:
        """The variables that give a worker process the same settings. Holds the database address, so it is
        handed to processes and never shown. Keys of engines are not among them: a worker gets the one it needs
        through its standard input."""
        values = {
            "TAGLOOM_HOME": str(self.home),
            "TAGLOOM_DATABASE_URL": self.database_url or "",
            "TAGLOOM_EMBEDDING_MODEL": self.embedding_model or "",
            "TAGLOOM_ALLOW_DOWNLOADS": "1" if self.allow_downloads else "",
            "TAGLOOM_ROOTS": os.pathsep.join(str(root) for root in self.roots),
            "TAGLOOM_MAX_JOBS": str(self.max_jobs),
            "TAGLOOM_BASE_URL": self.base_url or "",
            "TAGLOOM_MODEL": self.model or "",
        }
        return {name: value for name, value in values.items() if value}


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines of a `.env` file; quotes around a value and `#` comment lines are dropped."""
    values: dict[str, str] = {}
    if not path.is_file():
        return values
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and not line.lstrip().startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    return values


def load_settings(environment: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Settings from the environment; what the environment names wins over the `.env` file.

    Raises:
        InvalidInput: a number or a database address cannot be read.
    """
    given = {
        **read_env_file(env_file or Path(".env")),
        **(os.environ if environment is None else environment),
    }
    if os.name == "nt":  # which knows every variable of the environment in capitals only
        given = {**{name: given[name.upper()] for name in ("api_host", "api_port") if name.upper() in given}, **given}
    space = given.get("SPACE_ID") or None

    def number(name: str, default: int, least: int, most: int) -> int:
        text = given.get(name, "").strip()
        if not text:
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            raise InvalidInput(
                f"The setting {name} is {text!r}, which is not a whole number from {least} to {most}.",
                f"Set {name} to such a number or remove it.",
            )
        return int(text)

    def flag(name: str) -> bool:
        return given.get(name, "").strip().lower() in {"1", "true", "yes", "on"}

    url = given.get("TAGLOOM_DATABASE_URL", "").strip() or None
    if url and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise InvalidInput(
            "The setting TAGLOOM_DATABASE_URL does not start with postgresql://.",
            "Use postgresql://user:password@host/database, or remove it to keep SQLite files.",
        )
    return Settings(
        home=Path(given.get("TAGLOOM_HOME") or default_home(given)).expanduser().resolve(),
        database_url=url,
        embedding_model=given.get("TAGLOOM_EMBEDDING_MODEL", "").strip() or None,
        allow_downloads=flag("TAGLOOM_ALLOW_DOWNLOADS"),
        roots=tuple(
            Path(r).expanduser().resolve() for r in given.get("TAGLOOM_ROOTS", "").split(os.pathsep) if r.strip()
        ),
        public=flag("TAGLOOM_PUBLIC") or space is not None,
        hosts=tuple(h.strip().lower() for h in given.get("TAGLOOM_HOSTS", "").split(",") if h.strip()),
        max_upload_bytes=number("TAGLOOM_MAX_UPLOAD_MB", 2048, 1, 1_000_000) * 1024 * 1024,
        max_jobs=number("TAGLOOM_MAX_JOBS", 2, 1, 64),
        host=given.get("HOST", "").strip()
        or given.get("api_host", "").strip()
        or ("0.0.0.0" if space else LOOPBACK_HOST),
        port=number("PORT", 0, 1, 65535) or number("api_port", 7860, 1, 65535),
        space_id=space,
        space_host=given.get("SPACE_HOST", "").strip().lower() or None,
        base_url=given.get("TAGLOOM_BASE_URL", "").strip() or None,
        model=given.get("TAGLOOM_MODEL", "").strip() or None,
        api_key=given.get("TAGLOOM_API_KEY", "").strip() or None,
        openai_api_key=given.get("OPENAI_API_KEY", "").strip() or None,
        connection_keys={
            name: value.strip() for name, value in given.items() if name.startswith(KEY_PREFIX) and value.strip()
        },
    )
