"""From the tags that a file gives to those that a caption is written from: a pure function, applied when they are read.

What the file had stays stored, so the way of cleaning can be changed at any time. Every step says what it changed.
"""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, select, update

from core.captions.absent import absence_of
from core.captions.contradictions import contradictions_of, without_contradicted
from core.captions.lexicon import facet_of
from core.captions.runtogether import taken_apart
from core.captions.tags import FACETS, Change, MusicTag, TagSet
from core.corpora.catalog import Corpus
from core.corpora.given import ABSENT, FACET_OF, Given, weighted_parts
from core.corpora.known_columns import normalise
from core.errors import InvalidInput
from core.store.schema import corpus as corpus_table

LONGEST_LIST = 2_000
LONGEST_TAG = 300
SETTING = "cleaning"

_PREFIX = re.compile(r"\s*([^\W\d_][\w /&-]{1,30}?)\s*(?:-{2,}|:{1,3}|_{2,}|=|›|>)\s*(?=\S)")
_SPACE = re.compile(r"[\s_]+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "–": "-", "‐": "-", "‑": "-"})
_KEY = re.compile(r"[^\w&]+")


class AnyTag(Protocol):
    """What a Given is: its name, what its column says it speaks of, its weight."""

    @property
    def name(self) -> str: ...
    @property
    def facet(self) -> str | None: ...
    @property
    def weight(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class CleaningOptions:
    """How tags are cleaned.

    Attributes:
        prefixes: take category prefixes off ("genre---rock", "mood/theme---happy").
        run_together: take words apart that were run together ("easylistening").
        spelling: write known slips and spellings as captions write them ("acordion", "rnb").
        aliases: (tag, what it stands for) by this corpus' people; an empty second part leaves the tag out.
        blacklist: tags that are left out; a `*` at an end stands for anything.
        least_weight: tags of a lower weight are left out; tags without one stay.
        cap: at most so many tags an item, 0 for no limit; which ones stay is drawn with `seed`.
        near: also take tags as repeated that say no more than another one ("guitar" beside "acoustic guitar").
    """

    prefixes: bool = True
    run_together: bool = True
    spelling: bool = True
    aliases: tuple[tuple[str, str], ...] = ()
    blacklist: tuple[str, ...] = ()
    least_weight: float = 0.0
    cap: int = 0
    seed: int = 0
    near: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "aliases": dict(self.aliases), "blacklist": list(self.blacklist)}

    @classmethod
    def from_json(cls, data: Any) -> CleaningOptions:
        """Options as a page or the store has them; what is missing is as usual.

        Raises:
            InvalidInput: something in it is of the wrong kind.
        """
        if not isinstance(data, Mapping):
            raise InvalidInput("The cleaning options are not a JSON object.", "Reload the page.")
        unknown = [name for name in data if name not in cls.__slots__]
        if unknown:
            raise InvalidInput(f"There is no cleaning option “{str(unknown[0])[:40]}”.", "Reload the page.")
        given = {name: value for name, value in data.items() if value is not None}
        for name in ("prefixes", "run_together", "spelling", "near"):
            if not isinstance(given.get(name, True), bool):
                raise InvalidInput(f"The cleaning option “{name}” is neither on nor off.", "Reload the page.")
        weight = given.get("least_weight", 0.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise InvalidInput("The least weight of a tag is a number from 0 to 1.", "Choose such a number.")
        for name, most, what in (("cap", 1000, "The most tags of an item"), ("seed", 2**53, "The seed")):
            number = given.get(name, 0)
            if type(number) is not int or not 0 <= number <= most:  # isinstance would take true for 1
                raise InvalidInput(f"{what} is a whole number from 0 to {most:,}.", "Choose such a number.")
        return cls(
            **{
                **given,
                "least_weight": float(weight),
                "aliases": _aliases(given.get("aliases", {})),
                "blacklist": _blacklist(given.get("blacklist", [])),
            }
        )


def _aliases(given: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(given, Mapping):
        given = list(given.items())
    pairs = [(each[0], each[1]) for each in given if isinstance(each, list | tuple) and len(each) == 2]
    if len(pairs) != len(given) or not all(isinstance(a, str) and isinstance(b, str) for a, b in pairs):
        raise InvalidInput("The aliases are not pairs of a tag and what it stands for.", "Write one pair a line.")
    return tuple({_plain(a): _plain(b) for a, b in _few(pairs) if _plain(a)}.items())


def _blacklist(given: Any) -> tuple[str, ...]:
    entries = re.split(r"[,;\n]", given) if isinstance(given, str) else given
    if not isinstance(entries, list | tuple) or not all(isinstance(each, str) for each in entries):
        raise InvalidInput("The tags to leave out are not a list of tags.", "Separate them by commas.")
    return tuple(dict.fromkeys(name for each in _few(entries) if (name := _plain(each))))


def _few(entries: Sequence[Any]) -> Sequence[Any]:
    if len(entries) > LONGEST_LIST:
        raise InvalidInput(f"A list of tags here has at most {LONGEST_LIST:,} entries.", "Leave some out.")
    return entries


# kept with the corpus


def options_of(connection: Connection, corpus: Corpus) -> CleaningOptions:
    """How a corpus' tags are cleaned."""
    stored = _settings(connection, corpus).get(SETTING)
    return CleaningOptions.from_json(stored) if stored else CleaningOptions()


def save_options(connection: Connection, corpus: Corpus, options: CleaningOptions) -> None:
    """Clean a corpus' tags in this way from now on; captions that are there stay as they are."""
    settings = {**_settings(connection, corpus), SETTING: options.to_json()}
    connection.execute(
        update(corpus_table).where(corpus_table.c.pk == corpus.pk).values(settings=orjson.dumps(settings).decode())
    )


def _settings(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    stored = connection.execute(select(corpus_table.c.settings).where(corpus_table.c.pk == corpus.pk)).scalar()
    return dict(orjson.loads(stored)) if stored else {}


# one tag


@dataclass(frozen=True, slots=True)
class _Cleaned:
    """A tag after the steps that look at it alone; `name` is "" where it is left out."""

    name: str
    facet: str
    changes: tuple[Change, ...]


@lru_cache(maxsize=131_072)
def _cleaned(raw: str, column: str | None, options: CleaningOptions) -> _Cleaned:
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", raw).translate(_QUOTES)).strip()[:LONGEST_TAG]
    facet = column if column in FACETS else None
    changes: list[Change] = []

    def became(kind: str, after: str) -> str:
        if after != text:
            changes.append(Change(kind, text, after))
        return after

    if options.prefixes:
        found = _PREFIX.match(unicodedata.normalize("NFC", raw))
        known = FACET_OF.get(normalise(found[1])) if found else None
        if found and (known or "---" in found[0]) and known != ABSENT:
            facet = known or facet
            text = became("prefix", _SPACE.sub(" ", raw[found.end() :].translate(_QUOTES)).strip()[:LONGEST_TAG])
    text = text.strip(" ,;").casefold()
    alias = _alias(text, options)
    if alias is not None:
        text = became("alias", alias)
    else:
        if options.run_together:
            text = became("split", taken_apart(text))
        if options.spelling:
            text = became("repaired", _spelled(text))
        alias = _alias(text, options)
        if alias is not None:
            text = became("alias", alias)
    if text and _blacklisted(text, options.blacklist):
        text = became("blacklist", "")
    return _Cleaned(text, facet or "", tuple(changes))


def _alias(text: str, options: CleaningOptions) -> str | None:
    return dict(options.aliases).get(text) if options.aliases else None


def _blacklisted(text: str, blacklist: tuple[str, ...]) -> bool:
    for entry in blacklist:
        core = entry.strip("*")
        if entry.startswith("*") and entry.endswith("*") and core:
            hit = core in text
        elif entry.endswith("*") and core:
            hit = text.startswith(core)
        elif entry.startswith("*") and core:
            hit = text.endswith(core)
        else:
            hit = same_tag(text) == same_tag(entry)
        if hit:
            return True
    return False


@cache
def _spelling() -> tuple[dict[str, str], dict[str, str]]:
    path = Path(__file__).with_name("words") / "spelling.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return data["tags"], data["words"]


def _spelled(text: str) -> str:
    tags, words = _spelling()
    text = tags.get(text, text)
    if any(word in words for word in text.split()):
        text = " ".join(words.get(word, word) for word in text.split())
    return tags.get(text, text)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text.translate(_QUOTES)).strip().casefold()[:LONGEST_TAG]


@lru_cache(maxsize=131_072)
def same_tag(name: str) -> str:
    """What two tags share that are the same one: case, hyphens, spaces and the plural do not count."""
    words = [_singular(word) for word in _KEY.sub(" ", name.casefold().replace("'", "")).split()]
    return "".join(word for word in words if word not in ("the", "a", "an")) or name


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]


# all tags of an item


def clean(given: Sequence[AnyTag], options: CleaningOptions | None = None) -> TagSet:
    """The tags of an item as captions are written from them: present and absent apart, in the order of the file."""
    options = options or CleaningOptions()
    present: dict[str, MusicTag] = {}
    absent: dict[str, MusicTag] = {}
    changes: list[Change] = []
    for each in given:
        cleaned = _cleaned(each.name, each.facet, options)
        changes += cleaned.changes
        if not cleaned.name:
            continue
        if options.least_weight and each.weight is not None and each.weight < options.least_weight:
            changes.append(Change("weight", cleaned.name, ""))
            continue
        _place(cleaned, each, present, absent, changes)
    if options.near:
        _drop_near(present, changes)
    if options.cap and len(present) > options.cap:
        _drop_over(present, options, changes)
    tags = TagSet(tuple(present.values()), tuple(absent.values()), tuple(changes))
    sentences = contradictions_of(tags)
    return replace(without_contradicted(tags), contradictions=sentences) if sentences else tags


def _place(
    cleaned: _Cleaned,
    given: AnyTag,
    present: dict[str, MusicTag],
    absent: dict[str, MusicTag],
    changes: list[Change],
) -> None:
    name, raw = cleaned.name, given.name
    if given.facet == ABSENT:
        denied = absence_of(name)
        names, here = (denied.names if denied and not denied.stays else (name,)), ""
        changes.append(Change("absent", name, ", ".join(names)))
    else:
        denied = absence_of(name)
        names = denied.names if denied else ()
        here = name if denied is None or denied.stays else denied.rest
        if denied is not None:
            changes.append(Change("absent", name, ", ".join(names)))
    for each in names:
        absent.setdefault(same_tag(each), MusicTag(each, facet_of(each), raw, None))
    if not here:
        return
    key = same_tag(here)
    if key in present:
        changes.append(Change("duplicate", here, present[key].name))
        return
    present[key] = MusicTag(here, _facet(here, cleaned.facet), raw, given.weight)


def _facet(name: str, told: str) -> str:
    """What a tag speaks of: as its column or prefix says, unless the words of the tag itself know better: a column
    “instrument” also lists voices, and one of moods and themes also uses."""
    found = facet_of(name)
    if not told or (told == "mood" and found not in ("other", "")):
        return found
    return found if found == "voice" else told


def _drop_near(present: dict[str, MusicTag], changes: list[Change]) -> None:
    """Leave out tags all of whose words are in another one."""
    words = {key: {_singular(word) for word in tag.name.split()} for key, tag in present.items()}
    for key, own in list(words.items()):
        larger = next((other for other in words if other != key and own < words[other]), None)
        if larger is not None:
            changes.append(Change("duplicate", present[key].name, present[larger].name))
            del present[key], words[key]


def _drop_over(present: dict[str, MusicTag], options: CleaningOptions, changes: list[Change]) -> None:
    """Draw which tags stay: the same ones for the same tags and seed, whatever their order."""
    drawn = random.Random(f"{options.seed}\n" + "\n".join(sorted(present)))
    stay = set(drawn.sample(sorted(present), options.cap))
    for key in [key for key in present if key not in stay]:
        changes.append(Change("cap", present.pop(key).name, ""))


def clean_text(text: str, options: CleaningOptions | None = None) -> TagSet:
    """Tags as somebody types them: separated by commas, semicolons, lines or the like, or as a list in brackets."""
    text = text.replace("\0", "").strip()
    try:
        parts = weighted_parts(text, None)
    except ValueError:
        parts = [(part.strip(" []'\""), None) for part in re.split(r"[,;\n]", text)]
    return clean([Given(name, None, weight) for name, weight in parts if name], options)
