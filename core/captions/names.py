"""Titles and artists of a corpus, found again in captions: they are never sent, so a caption that holds one made it up
or was led by a tag."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.captions.lexicon import lexicon, plain
from core.captions.tags import TagSet
from core.corpora.catalog import Corpus
from core.corpora.given import names_of
from core.store.schema import item

MOST_CORPORA = 4  # whose names are kept in memory
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SMALL = frozenset(
    {
        "a",
        "an",
        "the",
        "of",
        "and",
        "in",
        "on",
        "with",
        "to",
        "for",
        "at",
        "by",
        "is",
        "are",
        "or",
        "it",
        "i",
        "me",
        "my",
        "we",
        "us",
        "you",
        "no",
        "not",
        "from",
        "this",
        "that",
    }
)

Key = tuple[str, ...]
_kept: dict[tuple[Any, ...], NameIndex] = {}
_lock = threading.Lock()


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Names by their words: a caption of n words is looked through in about n steps."""

    names: dict[Key, str]
    longest: dict[str, int] = field(default_factory=dict)  # first word → words of the longest name that begins so

    @classmethod
    def of_names(cls, names: Iterable[str]) -> NameIndex:
        """An index of these names. What is an ordinary word of music (“Piano”, “Hip Hop”), or holds no word of its own
        (“It”), is left out: a caption may say it."""
        found: dict[Key, str] = {}
        longest: dict[str, int] = {}
        known = lexicon()
        for name in names:
            key = tuple(_words(name))
            if not key or len("".join(key)) < 3 or all(word in _SMALL for word in key) or known.look(key):
                continue
            found.setdefault(key, name.strip())
            longest[key[0]] = max(longest.get(key[0], 0), len(key))
        return cls(found, longest)

    @classmethod
    def of(cls, connection: Connection, corpus: Corpus) -> NameIndex:
        """The names of a corpus' live items; kept in memory until one of its items changes."""
        live = (item.c.corpus == corpus.pk, item.c.deleted == 0)
        state = connection.execute(select(func.count(), func.max(item.c.updated_at)).where(*live)).one()
        key = (str(connection.engine.url), corpus.id, tuple(sorted(corpus.roles.items())), *state)
        with _lock:
            if key in _kept:
                return _kept[key]
        made = cls.of_names(_names_in(connection, corpus))
        with _lock:
            _kept[key] = made
            while len(_kept) > MOST_CORPORA:
                _kept.pop(next(iter(_kept)))
        return made

    def leaks(self, text: str, tags: TagSet) -> list[tuple[int, int, str]]:
        """(start, end, name) of each name in a caption, the longest first where they overlap. What a tag says may be
        said; a name of one ordinary word counts only where it is written as a name (“Dreams”, not “dreams”)."""
        said = " \n ".join(plain(f"{tag.name} \n {tag.raw}") for tag in (*tags.present, *tags.absent))
        words = [(found.group(), found.start(), found.end()) for found in _WORD.finditer(text)]
        lower = [word.lower().replace("’", "'") for word, _, _ in words]
        found, place = [], 0
        while place < len(words):
            for length in range(min(self.longest.get(lower[place], 0), len(words) - place), 0, -1):
                name = self.names.get(tuple(lower[place : place + length]))
                start, end = words[place][1], words[place + length - 1][2]
                if name is None or f" {plain(text[start:end])} " in f" {said} ":
                    continue
                if length > 1 or _written_as_name(text, words[place], name):
                    found.append((start, end, name))
                    place += length - 1
                    break
            place += 1
        return found


def _written_as_name(text: str, word: tuple[str, int, int], name: str) -> bool:
    said, start, _ = word
    if name[:1].islower() or not said[:1].isupper():
        return said == name and not said.isalpha()
    before = text[:start].rstrip(" \n\"'“‘(")
    inside = bool(before) and before[-1] not in ".!?"  # a sentence's first word is written large anyway
    return inside or (said == name and len(said) > 1 and said.isupper())


def _names_in(connection: Connection, corpus: Corpus) -> Iterable[str]:
    query = select(item.c.fields).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    for fields in connection.execution_options(yield_per=2000).execute(query).scalars():
        yield from names_of(orjson.loads(fields), corpus)
