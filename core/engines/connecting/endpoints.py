"""Addresses of OpenAI-compatible servers: what people paste, made into the one address that calls are built on."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from core.errors import InvalidInput

ENGINES = ("builtin", "openai", "transformers")
OPENAI = "https://api.openai.com/v1"
# servers that people run or rent, by the address that they have unless somebody changed it
KNOWN = (
    ("OpenAI", OPENAI),
    ("Ollama", "http://localhost:11434/v1"),
    ("LM Studio", "http://localhost:1234/v1"),
    ("llama.cpp", "http://localhost:8080/v1"),
    ("vLLM", "http://localhost:8000/v1"),
    ("OpenRouter", "https://openrouter.ai/api/v1"),
)
_TAILS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/models")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.I)
_HOST = re.compile(r"^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which engine answers; `base_url` (normalised) and `model` are empty for the builtin one. Holds no key.

    For "transformers", a model in the job's own process, `model` is a folder or a hub id and there is no address.
    """

    engine: str = "builtin"
    base_url: str = ""
    model: str = ""

    def as_arguments(self) -> dict[str, str]:
        """As a job's arguments carry it."""
        return {"engine": self.engine, "base_url": self.base_url, "model": self.model}

    @classmethod
    def from_arguments(cls, arguments: dict[str, Any]) -> EngineOptions:
        """The engine of a job."""
        return cls(
            str(arguments.get("engine") or "builtin"),
            str(arguments.get("base_url") or ""),
            str(arguments.get("model") or ""),
        )

    @property
    def label(self) -> str:
        """A short name for people: "gpt-x · api.openai.com"."""
        if self.engine == "builtin":
            return "builtin engine"
        if self.engine == "transformers":
            return f"{PurePath(self.model).name or self.model} · in this process"
        return f"{self.model} · {host_of(self.base_url)}"


def normalise(address: str) -> str:
    """The address of a server as calls are built on it.

    A missing scheme is added (http for this machine and private networks, else https), pasted paths such as
    /v1/chat/completions lose their tail, and host names lose their case. Nothing is looked up.

    Raises:
        InvalidInput: it is no web address, or carries a user name, a query or a fragment, where keys hide.
    """
    text = "".join(address.split())
    if not text or len(text) > 500:
        raise InvalidInput("The server's address is missing or too long.", "For example: http://localhost:11434/v1.")
    try:
        if not _SCHEME.match(text):
            text = f"{'http' if _is_near(text) else 'https'}://{text}"
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode() if parts.hostname else "", parts.port
    except (ValueError, UnicodeError):
        raise InvalidInput(
            f"“{address[:80]}” is not a web address.", "For example: http://localhost:11434/v1."
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not _HOST.match(host):
        raise InvalidInput(
            "A server's address begins with http:// or https://.", "For example: http://localhost:11434/v1."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("The address carries a user name.", "Leave it out and give the key in its own field.")
    if parts.query or parts.fragment:
        raise InvalidInput(
            "The address carries a query (what follows “?” or “#”).",
            "Leave that out; a key belongs into its own field.",
        )
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    for tail in _TAILS:
        if path.lower().endswith(tail):
            path = path[: -len(tail)].rstrip("/")
            break
    if host == "api.openai.com" and not path:
        path = "/v1"
    shown = f"[{host}]" if ":" in host else host.lower()
    return f"{scheme}://{shown}{'' if port in (None, _PORTS[scheme]) else f':{port}'}{path}"


def host_of(base_url: str) -> str:
    """Host and port of a normalised address; "this process" for a model that runs in it ("local:…")."""
    return "this process" if base_url.startswith("local:") else urlsplit(base_url).netloc


def server_name(base_url: str) -> str:
    """What people call the server at a normalised address: "Ollama" for its usual port here, else host and port."""
    host, port = urlsplit(base_url).hostname or "", urlsplit(base_url).port
    for name, address in KNOWN:
        parts = urlsplit(address)
        if (host, port) == (parts.hostname, parts.port) or (is_loopback(host) and port == parts.port is not None):
            return name
    return host_of(base_url)


def is_loopback(host: str) -> bool:
    """True for a name or number of this machine."""
    return host in ("localhost", "::1") or host.startswith("127.")


def is_local(base_url: str) -> bool:
    """True for a normalised address on this machine or a private network."""
    return _is_near(host_of(base_url))


def is_openai(base_url: str) -> bool:
    """True for OpenAI's own server over https: the only place that OPENAI_API_KEY is ever sent to."""
    parts = urlsplit(base_url)
    return parts.scheme == "https" and parts.netloc == "api.openai.com"


def with_version(base_url: str) -> str | None:
    """The same address below /v1, where an address has no path at all."""
    return None if urlsplit(base_url).path else f"{base_url}/v1"


def other_bases(base_url: str) -> list[str]:
    """Addresses at the same host under which servers usually are, the likeliest first, without the one given."""
    parts = urlsplit(base_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = re.sub(r"/(?:v1|chat|api|generate|completions)(?:/.*)?$", "", parts.path)
    found = [f"{base_url}/v1", f"{origin}{path}/v1", f"{origin}/v1", f"{origin}{path}/api/v1"]
    return [each for each in dict.fromkeys(found) if each != base_url and not each.endswith("/v1/v1")]


def other_scheme(base_url: str) -> str | None:
    """The same address by http instead of https, or the other way round; None where plain http would leave this
    network: nobody shall be led to send a key in the open."""
    scheme, _, rest = base_url.partition("://")
    if scheme == "https":
        return f"http://{rest}" if is_local(base_url) else None
    return f"https://{rest}"


def _is_near(text: str) -> bool:
    """True where an address without scheme names this machine or a private network."""
    host = urlsplit(f"http://{text}").hostname or "" if "@" not in text else ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")) or "." not in host:
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    return number.is_private or number.is_loopback
