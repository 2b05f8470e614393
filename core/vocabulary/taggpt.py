"""TagGPT's vocabulary files: `canonical||['absorbed', …]`, one tag a line, no header, by falling frequency.

A third of the absorbed strings in the published file stand under several tags, some tags absorb themselves, and
refusals of the model are tags, too. Nothing of this is lost or decided here: rows become tags, and proposals that a
person accepts.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from core.vocabulary.cleaning import clean
from core.vocabulary.names import LONGEST, name_key
from core.vocabulary.opposites import numbers_differ, opposed

SEPARATOR = "||"
_LONGEST_LIST = 2_000_000  # characters of one list; a longer one is no list of tags
_LOOKED_AT = 20  # lines from which a file is recognised


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file."""

    name: str
    absorbed: list[str]
    line: int


@dataclass(slots=True)
class TaggptVocabulary:
    """What a file holds.

    Attributes:
        rows: the tags in the order of the file, each with what it absorbed, as written.
        problems: {row, cause, remedy} of lines that could not be read.
    """

    rows: list[Row] = field(default_factory=list)
    problems: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AliasProposal:
    """A string that the file merged into a tag.

    Attributes:
        alias: the string.
        tag: the tag that it is proposed for: of several, the one whose name is most alike, then the most frequent.
        owners: all tags that absorbed it, most frequent first.
    """

    alias: str
    tag: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchiveProposal:
    """A tag that is none: `problem` as in `cleaning.Cleaned`."""

    name: str
    problem: str


@dataclass(slots=True)
class Import:
    """A file as tags and proposals.

    Attributes:
        tags: names, most frequent first; every row of the file is one, also those proposed for the archive.
        aliases: proposals, by tag and then in the order of the file.
        archive: proposals for refusals and chatter among the tags.
        opposites: (tag, absorbed, reason) that the file merged although they exclude each other, or although the tag
            took in the string's opposite, too: never proposed.
        refusals: absorbed strings that are refusals or chatter: never proposed.
        own_names: absorbed strings that are a tag of the file themselves under another spelling or the same.
        repeated: rows whose name another row has already.
        ambiguous: number of absorbed strings with several owners.
    """

    tags: list[str] = field(default_factory=list)
    aliases: list[AliasProposal] = field(default_factory=list)
    archive: list[ArchiveProposal] = field(default_factory=list)
    opposites: list[tuple[str, str, str]] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    own_names: int = 0
    repeated: int = 0
    ambiguous: int = 0


def looks_like_taggpt(text: str) -> bool:
    """Whether a file is one of these: every line that is looked at has the two bars and a list after them."""
    lines = [line for line in text.removeprefix("\ufeff").split("\n", _LOOKED_AT)[:_LOOKED_AT] if line.strip()]
    return bool(lines) and all(
        SEPARATOR in line and line.split(SEPARATOR, 1)[1].lstrip().startswith("[") for line in lines
    )


def read_final_tags(text: str) -> TaggptVocabulary:
    """Read a `final_tags.csv`; the first line is a tag like any other. Lines that cannot be read are reported."""
    found = TaggptVocabulary()
    for line, row in _lines(text.removeprefix("\ufeff")):
        if not row.strip():
            continue
        name, separator, listed = row.rpartition(f"{SEPARATOR}[")
        if not separator:
            name, separator, listed = row.partition(SEPARATOR)
            if separator and listed.strip():
                found.problems.append(_problem(line, "What follows || is no list.", row))
                continue
            listed = "]"
        name = name.strip()
        if not name:
            found.problems.append(_problem(line, "There is no tag before ||.", row))
            continue
        absorbed = _read_list(f"[{listed.strip()}")
        if absorbed is None:
            found.problems.append(_problem(line, "The list of absorbed tags cannot be read.", row))
            continue
        found.rows.append(Row(name, absorbed, line))
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines by their feeds alone (other separators may stand in a tag), numbered from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")


def _read_list(text: str) -> list[str] | None:
    """The strings of a Python list as text; None where it is something else. Nothing is executed."""
    if len(text) > _LONGEST_LIST:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        return None
    return value


def _problem(line: int, cause: str, row: str) -> dict[str, object]:
    return {
        "row": line,
        "cause": f"{cause} It reads “{row[:60]}”.",
        "remedy": "Write the line as tag||['absorbed', 'absorbed'].",
    }


def write_final_tags(tags: Iterable[tuple[str, Sequence[str]]]) -> str:
    """The text of a `final_tags.csv` from names with what they absorbed; `read_final_tags` reads it back."""
    return "".join(f"{_one_line(name)}{SEPARATOR}{[str(entry) for entry in absorbed]!r}\n" for name, absorbed in tags)


def _one_line(name: str) -> str:
    return " ".join(name.split("\n")).replace("\r", " ").strip()


def proposals(vocabulary: TaggptVocabulary) -> Import:
    """What a file means here: its tags, aliases to propose, refusals to archive.

    An absorbed string that is a tag of the file itself, whatever its spelling, is no alias (TagGPT kept such strings
    as tags). One that its owner excludes (weight gain under weight loss) is never proposed for it; nor are two that
    exclude each other: a tag that took in both is broader than either. Of several owners one is proposed.
    """
    found = Import()
    known = _tags(vocabulary, found)
    archived = {entry.name for entry in found.archive}
    absorbed, spelled = _absorbed(vocabulary, known, found)
    allowed: dict[str, list[str]] = {}  # tag → keys of what may be proposed for it
    for key, owners in absorbed.items():
        alias = spelled[key]
        problem = clean(alias[: LONGEST + 1]).problem
        if problem in ("refusal", "chatter"):
            found.refusals.append((alias, problem))
            continue
        for owner in owners:
            reason = opposed(alias, owner) or ("number" if numbers_differ(alias, owner) else None)
            if reason is not None:
                found.opposites.append((owner, alias, reason))
            elif owner not in archived:
                allowed.setdefault(owner, []).append(key)
    fitting: dict[str, list[str]] = defaultdict(list)
    for owner, keys in allowed.items():
        for key in _in_agreement(owner, keys, spelled, found):
            fitting[key].append(owner)
    rank = {name: place for place, name in enumerate(found.tags)}
    order = []
    for key, owners in fitting.items():
        alias = spelled[key]
        owners.sort(key=rank.__getitem__)
        found.ambiguous += len(owners) > 1
        best = min(owners, key=lambda name: (-likeness(alias, name), rank[name]))
        order.append(AliasProposal(alias, best, tuple(owners)))
    found.aliases = sorted(order, key=lambda proposal: rank[proposal.tag])
    return found


def _tags(vocabulary: TaggptVocabulary, found: Import) -> dict[str, str]:
    """Key of every tag → its name; refusals among them go to `found.archive`."""
    known: dict[str, str] = {}
    for row in vocabulary.rows:
        key = name_key(row.name)
        if key in known:
            found.repeated += 1
            continue
        known[key] = row.name
        found.tags.append(row.name)
        problem = clean(row.name[: LONGEST + 1]).problem
        if problem in ("refusal", "chatter"):
            found.archive.append(ArchiveProposal(row.name, problem))
    return known


def _absorbed(
    vocabulary: TaggptVocabulary, known: dict[str, str], found: Import
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Key of every absorbed string that is no tag itself → its owners, most frequent first; and its spelling."""
    owners: dict[str, dict[str, None]] = defaultdict(dict)
    spelled: dict[str, str] = {}
    for row in vocabulary.rows:
        owner = known[name_key(row.name)]
        for entry in row.absorbed:
            key = name_key(entry)
            if key in known:
                found.own_names += 1
            elif key:
                spelled.setdefault(key, entry)
                owners[key][owner] = None
    return {key: list(names) for key, names in owners.items()}, spelled


def _in_agreement(owner: str, keys: list[str], spelled: dict[str, str], found: Import) -> list[str]:
    """What a tag absorbed without the strings that exclude another one of them."""
    apart: dict[str, str] = {}
    for place, key in enumerate(keys):
        for other in keys[place + 1 :]:
            reason = opposed(spelled[key], spelled[other])
            if reason is not None:
                apart.setdefault(key, reason)
                apart.setdefault(other, reason)
    found.opposites += [(owner, spelled[key], f"beside its opposite, {reason}") for key, reason in apart.items()]
    return [key for key in keys if key not in apart]


def likeness(a: str, b: str) -> float:
    """Share of their pairs of neighbouring characters that two strings have in common (Dice)."""
    one, other = _bigrams(name_key(a)), _bigrams(name_key(b))
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(max(1, len(text) - 1))}
