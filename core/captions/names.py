"""Titles and artists of a corpus, found again in captions: they are never sent, so a caption that holds one made it up
or was led by a tag."""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.captions.lexicon import WORDS, lexicon, plain
from core.captions.tags import TagSet
from core.captions.terms import stem
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
        """An index of these names. What is an ordinary word of music (“Piano”, “Hip Hop”), or has fewer than three
        letters, is left out: a caption may say it."""
        found: dict[Key, str] = {}
        longest: dict[str, int] = {}
        known = lexicon()
        for name in names:
            key = tuple(_words(name))
            if len("".join(key)) < 3 or known.look(key) or " ".join(key) in known.whole:
                continue
            name = name.strip()
            if key not in found or _capitals(name) > _capitals(found[key]):
                found[key] = name
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
        said; a name of everyday words, or of one word, counts only where it is written as a name (“Dreams”, but not
        “dreams”; “The Sound”, but not “the sound”)."""
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
                if _counts(text, words[place : place + length], name):
                    found.append((start, end, name))
                    place += length - 1
                    break
            place += 1
        return found


def _counts(text: str, words: Sequence[tuple[str, int, int]], name: str) -> bool:
    """Whether words of a caption, which make up a name, are meant as that name."""
    start, end = words[0][1], words[-1][2]
    before, after = text[:start].rstrip(), text[end:].lstrip()
    if before[-1:] in _QUOTES and after[:1] in _QUOTES and after:
        return True
    said, own = [word for word, _, _ in words], _WORD.findall(name)
    everyday = _everyday(" ".join(_words(name)))
    if not _capitals(name):  # it is never written as a name
        return len(words) >= CERTAIN_WORDS or (not everyday and (len(words) > 1 or said == own))
    if len(words) > 1 and not everyday:
        return True
    if said == own and any(word != word.lower() and word != word.capitalize() for word in own):  # “aDuckTrain”, “MGMT”
        return True
    opening = before.rstrip("\"'“‘(")
    starts = not opening or opening[-1] in ".!?\n"  # then the first word has a capital whatever it is
    return any(a[:1].isupper() and b[:1].isupper() for a, b in list(zip(said, own, strict=True))[starts:])


def _capitals(name: str) -> int:
    return sum(letter.isupper() for letter in name)


CERTAIN_WORDS = 3  # so many words in the order of a title are no chance
_QUOTES = frozenset("\"'“”‘’«»„")


@cache
def _ordinary() -> frozenset[str]:
    """Stems of everyday words, and of all words of the lexicon."""
    listed = tomllib.loads((WORDS / "ordinary.toml").read_text(encoding="utf-8"))["words"].split()
    return frozenset(stem(word) for word in (*listed, *(w for variant in lexicon().entries for w in variant.split())))


@cache
def _everyday(name: str) -> bool:
    return all(stem(word) in _ordinary() for word in name.split())


def _names_in(connection: Connection, corpus: Corpus) -> Iterable[str]:
    query = select(item.c.fields).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    for fields in connection.execution_options(yield_per=2000).execute(query).scalars():
        yield from names_of(orjson.loads(fields), corpus)
