"""A project's own copies of prompts: append-only versions, of which one is current; and every text that a run ever
used, found again by its hash."""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update

from core.engines.prompting.prompt_kinds import KINDS, STARTERS, Kind, kind_of
from core.engines.prompting.prompts import Example, Prompt, hash_of, is_shipped, load, read_prompt, shipped_names
from core.errors import Conflict, InvalidInput, NotFound
from core.store.database import Database
from core.store.schema import prompt as table
from core.store.schema import run
from core.store.times import iso

MOST_EXAMPLES = 12
MOST_VERSIONS = 30  # of one prompt that are listed
MOST_COMPARED = 2000  # lines
MOST_COPIES = 200  # prompts with a name of their own in one project


@dataclass(frozen=True, slots=True)
class Version:
    """One stored text of a prompt."""

    id: int
    name: str
    text: str
    examples: tuple[Example, ...]
    hash: str
    shipped_hash: str
    current: bool
    person: str
    at: float

    def prompt(self) -> Prompt:
        """The prompt itself.

        Raises:
            InvalidInput: this Tagloom cannot run it (a newer or older one stored it).
        """
        read = read_prompt(self.text, f"The project’s copy of “{self.name}”")
        return replace(read, examples=self.examples, hash=self.hash)


def of_project(database: Database, name: str) -> Prompt:
    """The prompt that a run of this project uses: its current copy, else the shipped one.

    Raises:
        NotFound: there is no prompt of that name.
        InvalidInput: the copy is damaged.
    """
    with database.read() as connection:
        found = _current(connection, name)
    if found is not None:
        return found.prompt()
    if not is_shipped(name):
        raise NotFound(f"There is no prompt “{name[:60]}”.", "`tagloom prompts list` lists them.")
    return load(name)


def of_job(database: Database, name: str, job: str | None) -> Prompt:
    """The prompt for a run: a job that goes on asks with the words it began with, whatever was edited since.

    What it gives is kept, so that the run's hash finds its text again even after an update of Tagloom.
    """
    with database.read() as connection:
        mine = select(run.c.prompt_hash).where(run.c.job == job, run.c.prompt == name)  # a job may ask with several
        began = connection.execute(mine).scalar() if job else None
        found = _by_hash(connection, began) if began else None
    prompt = found.prompt() if found is not None and found.name == name else of_project(database, name)
    keep(database, prompt)
    return prompt


def keep(database: Database, prompt: Prompt) -> None:
    """Store a prompt's text under its hash, if it is not there yet."""

    def write(connection: Connection) -> None:
        if _by_hash(connection, prompt.hash) is None:
            # current = 0: a note of what was asked, not a copy that a person made
            _add(connection, prompt.name, prompt.text, prompt.examples, prompt.hash, current=0, person="")

    with database.read() as connection:
        known = _by_hash(connection, prompt.hash) is not None
    if not known:
        database.write(write)


def text_of(database: Database, hash_: str) -> Version | None:
    """The prompt with that hash, as a run stored it; None where nothing knows it."""
    with database.read() as connection:
        found = _by_hash(connection, hash_)
    if found is not None:
        return found
    for name in shipped_names():
        shipped = load(name)
        if shipped.hash == hash_:
            return Version(0, name, shipped.text, (), hash_, hash_, False, "", 0.0)
    return None


def save(
    database: Database, name: str, text: str, examples: tuple[Example, ...], person: str, base: str | None = None
) -> Version:
    """Make a text the project's current copy of a prompt; the earlier ones stay. Saving the shipped text without
    examples is a reset.

    Args:
        base: hash of the prompt that the text was made from; None: whatever stands there now is replaced.

    Raises:
        Conflict: somebody else has saved this prompt since `base`.
        InvalidInput: the prompt is wrong; the message names the line and the cause.
    """
    read = read_prompt(text, f"“{name}”")
    kind = kind_of(name)
    if kind is None:
        raise InvalidInput(f"There is no kind of prompt for the name “{name}”.", f"Kinds: {', '.join(KINDS)}.")
    if read.name != name:
        raise InvalidInput(f"The front matter calls this prompt “{read.name}”, not “{name}”.", f"Write name: {name}.")
    if examples and not kind.examples:
        raise InvalidInput(f"Prompts like “{name}” take no examples.", "Leave them out.")
    if len(examples) > MOST_EXAMPLES:
        raise InvalidInput(f"A prompt has at most {MOST_EXAMPLES} examples.", "Take some out; few good ones do most.")

    def write(connection: Connection) -> Version:
        hash_ = hash_of(read.text, examples)
        before = _current(connection, name)
        if before is not None and before.hash == hash_:
            return before
        now = before.hash if before is not None else load(name).hash if is_shipped(name) else ""
        if base is not None and base != now:
            raise Conflict(
                f"“{title_of(name, kind)}” was changed by somebody else while you edited it.",
                "Look at what was saved, or save yours in its place: both stay among the versions.",
            )
        if before is None and not is_shipped(name):
            known = connection.execute(select(func.count(table.c.name.distinct()))).scalar_one()
            if known >= MOST_COPIES:
                raise InvalidInput(f"A project has at most {MOST_COPIES} prompts.", "Remove one that is not used.")
        _leave(connection, name)
        if is_shipped(name) and hash_ == load(name).hash:
            return Version(0, name, read.text, (), hash_, hash_, False, person, time.time())
        return _add(connection, name, read.text, examples, hash_, current=1, person=person)

    return database.write(write)


def reset(database: Database, name: str) -> None:
    """Use the shipped prompt again; of one that Tagloom does not come with, use it no more. Versions stay.

    Raises:
        NotFound: there is no such prompt.
    """
    if not is_shipped(name) and not history(database, name):
        raise NotFound(f"There is no prompt “{name[:60]}”.", "`tagloom prompts list` lists them.")
    database.write(lambda connection: _leave(connection, name))


def history(database: Database, name: str) -> list[Version]:
    """The copies that people made of a prompt, the newest first."""
    query = select(table).where(table.c.name == name, table.c.person != "").order_by(table.c.id.desc())
    with database.read() as connection:
        return [_version(row) for row in connection.execute(query.limit(MOST_VERSIONS))]


def names_of(database: Database) -> list[str]:
    """Every prompt that the project can run or has a copy of: the shipped ones first."""
    with database.read() as connection:
        own = connection.execute(select(table.c.name).where(table.c.current == 1)).scalars().all()
    first = [name for name in STARTERS if is_shipped(name)]
    return [*first, *sorted({*own, *shipped_names()} - set(first))]


def described(database: Database, name: str) -> dict[str, Any]:
    """{name, kind, title, about, task, runs, shipped, copy, hash, changed_at, person (id), examples, shipped_changed,
    problem}: a prompt as lists show it."""
    with database.read() as connection:
        copy = _current(connection, name)
    kind = kind_of(name)
    shipped = load(name) if is_shipped(name) else None
    problem = None
    try:
        hash_ = copy.prompt().hash if copy else (shipped.hash if shipped else "")
    except InvalidInput as error:
        hash_, problem = copy.hash if copy else "", str(error)
    return {
        "name": name,
        "kind": kind.name if kind else "",
        "title": title_of(name, kind),
        "about": kind.about if kind else "",
        "task": kind.task if kind else "",
        "runs": bool(kind and kind.runs),
        "shipped": shipped is not None,
        "copy": copy is not None,
        "hash": hash_,
        "changed_at": iso(copy.at) if copy else None,
        "person": copy.person if copy else None,
        "examples": len(copy.examples) if copy else 0,
        "shipped_changed": bool(copy and shipped and copy.shipped_hash and copy.shipped_hash != shipped.hash),
        "problem": problem,
    }


def title_of(name: str, kind: Kind | None) -> str:
    """A prompt's name for people."""
    if kind is None:
        return name
    style = name.removeprefix(kind.name).strip("-").replace("-", " ")
    return f"{kind.title}: {style}" if style else kind.title


def differences(old: str, new: str) -> list[tuple[str, str]]:
    """(sign, line) of two texts: “ ” in both, “-” in the old one only, “+” in the new one only."""
    before, after = old.splitlines(), new.splitlines()
    if len(after) > MOST_COMPARED:
        return [*(("-", line) for line in before), *(("+", line) for line in after[:MOST_COMPARED])]
    found: list[tuple[str, str]] = []
    for what, start, end, first, last in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
        if what == "equal":
            found += [(" ", line) for line in before[start:end]]
        else:
            found += [("-", line) for line in before[start:end]]
            found += [("+", line) for line in after[first:last]]
    return found


def examples_now(database: Database, name: str) -> tuple[Example, ...]:
    """The examples that the project's copy of a prompt has; none where there is no copy."""
    with database.read() as connection:
        found = _current(connection, name)
    return found.examples if found is not None else ()


def examples_from(given: str) -> tuple[Example, ...]:
    return tuple(Example.from_dict(each) for each in orjson.loads(given))


def _version(row: Any) -> Version:
    examples = examples_from(row.examples)
    named = (row.hash, row.shipped_hash, bool(row.current), row.person, float(row.at))
    return Version(int(row.id), row.name, row.text, examples, *named)


def _current(connection: Connection, name: str) -> Version | None:
    query = select(table).where(table.c.name == name, table.c.current == 1).order_by(table.c.id.desc())
    row = connection.execute(query).first()
    return None if row is None else _version(row)


def _by_hash(connection: Connection, hash_: str) -> Version | None:
    row = connection.execute(select(table).where(table.c.hash == hash_).order_by(table.c.id)).first()
    return None if row is None else _version(row)


def _leave(connection: Connection, name: str) -> None:
    connection.execute(update(table).where(table.c.name == name, table.c.current == 1).values(current=0))


def _add(
    connection: Connection,
    name: str,
    text: str,
    examples: tuple[Example, ...],
    hash_: str,
    *,
    current: int,
    person: str,
) -> Version:
    shipped, now = load(name).hash if is_shipped(name) else "", time.time()
    values = {
        "name": name,
        "text": text,
        "examples": orjson.dumps([example.as_dict() for example in examples]).decode(),
        "hash": hash_,
        "shipped_hash": shipped,
        "current": current,
        "person": person,
        "at": now,
    }
    key = connection.execute(insert(table), values).inserted_primary_key
    assert key is not None
    return Version(int(key[0]), name, text, examples, hash_, shipped, bool(current), person, now)
