"""Which model? Short advice per role and memory, kept in assets/models.toml."""

from __future__ import annotations

import datetime
import functools
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidInput

FILE = Path(__file__).resolve().parents[3] / "assets" / "models.toml"
ROLES = {"tagging": "Tagging texts", "captioning": "Describing pictures", "vision": "Questions about pictures"}
MEMORY = {"none": "no graphics card", "6": "6 GB", "12": "12 GB", "24": "24 GB", "api": "a paid server"}
_SENTENCES = ("why", "expect")
_PLACES = ("ollama", "hub", "openai", "openrouter")


@dataclass(frozen=True, slots=True)
class Model:
    """A recommendation. `ollama`, `hub`, `openai`, `openrouter`: its name in each place, empty where it has none."""

    role: str
    memory: str
    name: str
    why: str
    expect: str
    builtin: bool = False
    ollama: str = ""
    hub: str = ""
    openai: str = ""
    openrouter: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """All recommendations, in the file's order, and the day when somebody last looked them over."""

    looked_over: datetime.date
    models: tuple[Model, ...]

    def for_role(self, role: str, memory: str | None = None) -> list[Model]:
        return [m for m in self.models if m.role == role and memory in (None, m.memory)]

    def as_dict(self) -> dict[str, Any]:
        return {
            "looked_over": self.looked_over.isoformat(),
            "roles": ROLES,
            "memory": MEMORY,
            "models": [asdict(model) for model in self.models],
        }


@functools.cache
def read_advice(path: Path = FILE) -> Advice:
    """The advice of a file.

    Raises:
        InvalidInput: the file is missing or an entry of it cannot be used.
    """
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read ({error.strerror}).", "Install Tagloom again.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} is no TOML: {error}.", "Correct that line.") from None
    day, entries = given.get("looked_over"), given.get("model")
    if not isinstance(day, datetime.date) or not isinstance(entries, list):
        raise InvalidInput(
            f"{path.name} does not say when it was looked over, or has no [[model]].", "See the comment at its top."
        )
    return Advice(day, tuple(_model(path.name, number, entry) for number, entry in enumerate(entries, 1)))


def _model(file: str, number: int, entry: Any) -> Model:
    where = f"{file}, model {number}"
    if not isinstance(entry, dict) or set(entry) - set(Model.__dataclass_fields__):
        raise InvalidInput(f"{where}: it has fields that are not known.", "See the comment at the file's top.")
    if entry.get("role") not in ROLES or entry.get("memory") not in MEMORY:
        raise InvalidInput(f"{where}: role or memory is not known.", f"{', '.join(ROLES)}; {', '.join(MEMORY)}.")
    texts = ("name", *_SENTENCES, *(place for place in _PLACES if place in entry))
    missing = [name for name in texts if not isinstance(entry.get(name), str) or not entry[name].strip()]
    if missing:
        raise InvalidInput(f"{where}: “{missing[0]}” is missing or not a text.", "Give it.")
    if not entry.get("builtin") and not any(place in entry for place in _PLACES):
        raise InvalidInput(f"{where}: it does not say where to get it.", f"Give one of {', '.join(_PLACES)}.")
    return Model(**entry)
