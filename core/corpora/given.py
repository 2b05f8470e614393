"""The tags that a music corpus gives for its items, as its file wrote them: nothing dropped, nothing cleaned.

Cells hold them in many shapes: lists, texts with separators, 0/1 columns and vectors, names with weights. Which one,
a mapping says for each column (`split`); what codes and places stand for, its `labels`.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.corpora.formats.base import JsonValue
from core.corpora.known_columns import normalise
from core.corpora.values import MAX_LIST_TEXT, SPLITS, as_text, cell_parts, guess_split, is_absent

Labels = Mapping[str, Sequence[str] | Mapping[str, str]]
"""Column to what its values stand for: names by place (of a vector), or names by code (`/m/04rlf`)."""

GIVEN_SPLITS = (*SPLITS, "vector", "weighted", "pairs")
"""How a cell of given tags can hold them: as any list, as `0, 1, 0`, as `rock:0.8, pop:0.1`, or as tags with numbers
in lists or objects: `[["rock", 100]]`, `{"rock": 1}`, `[["rock", "pop"], [0.8, 0.1]]`."""

ABSENT = "absent"
"""The facet of tags in a column that says what is not there."""

_FACETS = {
    "genre": "genre genres style styles subgenre subgenres genero stil 流派 风格",
    "instrument": "instrument instruments instrumentation instrumento instrumentos instrumente 乐器",
    "voice": "voice vocal vocals voices singer singers gesang voix",
    "mood": "mood moods mood_theme mood_themes moodtheme emotion emotions feeling stimmung humeur 情绪",
    "tempo": "tempo speed",
    "rhythm": "rhythm rhythms meter metre beat",
    "production": "production sound sonority recording quality",
    "use": "use uses usage theme themes use_case function situation activity",
    "era": "era decade period epoch",
    "place": "place country region culture origin",
    ABSENT: "absent negative neg without not_present missing absent_tags negative_tags",
}
FACET_OF = {name: facet for facet, names in _FACETS.items() for name in names.split()}
"""A column's name, as `normalise` writes it, to what its tags speak of."""

_TRUE = frozenset({"1", "1.0", "true", "yes", "x", "t", "y"})
_FALSE = frozenset({"0", "0.0", "", "false", "no", "f", "n", "none", "nan"})
_WEIGHTED = re.compile(r"\s*(.+?)\s*(?::|=|\|)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*%?\s*", re.DOTALL)
_NUMBERS = re.compile(r"[\[(]?\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[\s,;|]+[+-]?(?:\d+\.?\d*|\.\d+))*\s*[\])]?")
_GAP = re.compile(r"[\s,;|]+")
_NAME_KEYS = ("name", "tag", "label", "title", "text", "value")
_WEIGHT_KEYS = ("weight", "score", "count", "confidence", "probability", "prob", "value")


@dataclass(frozen=True, slots=True)
class Given:
    """One tag as the file has it.

    Attributes:
        name: as written ("genre---poprock"); of a 0/1 column its name, of a place in a vector its label.
        facet: what the column's name says that its tags speak of; `absent` where it says that they are not there.
        weight: 0 to 1, where the file had one (0 to 100 is brought to that).
    """

    name: str
    facet: str | None = None
    weight: float | None = None


class Mapped(Protocol):
    """What knows the columns: a Mapping or a Corpus."""

    @property
    def roles(self) -> dict[str, str]: ...
    @property
    def split(self) -> dict[str, str]: ...
    @property
    def labels(self) -> dict[str, Sequence[str] | dict[str, str]]: ...


class BadCell(ValueError):
    """A cell that does not hold tags in the way that was said: `column` and the reason."""

    def __init__(self, column: str, cause: str) -> None:
        super().__init__(cause)
        self.column = column


class GivenReader:
    """Reads the given tags of many items of one corpus: `reader(fields)`."""

    def __init__(self, mapped: Mapped) -> None:
        roles = mapped.roles
        self._columns = [(name, role) for name, role in roles.items() if role in ("given", "flag")]
        self._split, self._labels = mapped.split, mapped.labels
        self._facets = {name: facet_of_column(name) for name, _ in self._columns}
        self._weights = _partners(roles)

    def __call__(self, fields: Mapping[str, JsonValue]) -> list[Given]:
        """All given tags of an item, in the order of the columns and cells; cells that cannot be read hold none."""
        return self._read(fields, strict=False)

    def strict(self, fields: Mapping[str, JsonValue]) -> list[Given]:
        """The same; raises BadCell for the first cell that cannot be read."""
        return self._read(fields, strict=True)

    def _read(self, fields: Mapping[str, JsonValue], strict: bool) -> list[Given]:
        found: list[Given] = []
        for name, role in self._columns:
            value = fields.get(name)
            if is_absent(value):
                continue
            facet = self._facets[name]
            try:
                if role == "flag":
                    weight = flag_weight(value)
                    if weight:
                        label = self._by_code(name)(name)
                        found.append(Given(label, flag_facet(label), weight if weight < 1 else None))
                    continue
                entries = weighted_parts(value, self._split.get(name), self._places(name))
                entries = self._beside(name, entries, fields)
            except ValueError as error:
                if strict:
                    raise error if isinstance(error, BadCell) else BadCell(name, str(error)) from None
                continue
            label_of = self._by_code(name)
            found += [Given(label_of(tag), facet, weight) for tag, weight in entries]
        return found

    def _places(self, column: str) -> Sequence[str] | None:
        labels = self._labels.get(column)
        return None if labels is None or isinstance(labels, Mapping) else labels

    def _by_code(self, column: str) -> Callable[[str], str]:
        labels = self._labels.get(column)
        return (lambda tag: labels.get(tag, tag)) if isinstance(labels, Mapping) else (lambda tag: tag)

    def _beside(
        self, column: str, entries: list[tuple[str, float | None]], fields: Mapping[str, JsonValue]
    ) -> list[tuple[str, float | None]]:
        """The entries with the numbers of the weights column that belongs to this one."""
        partner = self._weights.get(column)
        value = fields.get(partner) if partner else None
        if partner is None or is_absent(value) or not entries:
            return entries
        try:
            numbers = number_list(value)
        except ValueError as error:
            raise BadCell(partner, str(error)) from None
        if len(numbers) != len(entries):
            raise BadCell(partner, f"it holds {len(numbers)} numbers for {len(entries)} tags in “{column}”")
        return [(tag, weight) for (tag, _), weight in zip(entries, scaled(numbers), strict=True)]


def given_of(fields: Mapping[str, JsonValue], mapped: Mapped) -> list[Given]:
    """The given tags of one item in the order of its file; for many items make one `GivenReader`."""
    return GivenReader(mapped)(fields)


def names_of(fields: Mapping[str, JsonValue], mapped: Mapped) -> list[str]:
    """Titles and artists of an item: shown, and looked for in captions, never sent."""
    names: list[str] = []
    for column, role in mapped.roles.items():
        if role == "names" and not is_absent(value := fields.get(column)):
            texts = value if isinstance(value, list) else [value]
            names += [name for each in texts if not is_absent(each) and (name := " ".join(as_text(each).split()))]
    return list(dict.fromkeys(names))


def reference_of(fields: Mapping[str, JsonValue], mapped: Mapped) -> str | None:
    """The reference caption of an item, to measure against: never sent, never read by a writer."""
    for column, role in mapped.roles.items():
        if role == "reference" and not is_absent(value := fields.get(column)):
            texts = [as_text(each).strip() for each in value] if isinstance(value, list) else [as_text(value).strip()]
            if any(texts):
                return next(text for text in texts if text)
    return None


def facet_of_column(column: str) -> str | None:
    """What the tags of a column speak of, by its name: `mood/theme` is `mood`, `tags` nothing."""
    name = normalise(column)
    words = name.split("_")
    found = FACET_OF.get(name) or FACET_OF.get("_".join(words[1:])) or FACET_OF.get("_".join(words[:-1]))
    return found if found != ABSENT or name in FACET_OF else None


def flag_facet(name: str) -> str | None:
    """The facet in the name of a 0/1 column: `genre_rock`, `instrument---piano`; None for plain names."""
    first = re.split(r"---|[:/.]|__", name)[0]
    return FACET_OF.get(normalise(first)) if first != name else None


# cells


def weighted_parts(
    value: JsonValue, how: str | None, places: Sequence[str] | None = None
) -> list[tuple[str, float | None]]:
    """The tags that a cell holds, with their weights where it has any; repeated ones stay.

    Args:
        how: one of GIVEN_SPLITS or `sep:` and a separator; None judges the cell by itself.
        places: the names of a vector's places; without them its places are numbered from 1.

    Raises ValueError with the reason where the cell does not hold what `how` says.
    """
    how = how or guess_given_split((value,))
    if how == "vector":
        return _vector(value, places)
    if how == "pairs":
        return _pairs(value)
    if how == "weighted":
        return _weighted(value)
    parts = (each.strip() for each in cell_parts(value, how))
    return [(part, None) for part in parts if part]


def _vector(value: JsonValue, places: Sequence[str] | None) -> list[tuple[str, float | None]]:
    numbers = number_list(value)
    if places is not None and len(numbers) != len(places):
        raise ValueError(f"it holds {len(numbers)} numbers, and the labels name {len(places)}")
    found = []
    for position, number in enumerate(numbers):
        if number > 0:
            name = places[position] if places is not None else f"tag {position + 1}"
            found.append((name, number if number < 1 else None))
    return found


def _weighted(value: JsonValue) -> list[tuple[str, float | None]]:
    texts = value if isinstance(value, list) else None
    if texts is None:
        text = as_text(value)
        how = guess_split((text,))
        if how == "single" or (how == "pipe" and not re.search(r"[:=]", text)):
            how = next((h for h in ("comma", "semicolon", "newline", "tab") if len(cell_parts(text, h)) > 1), "")
        texts = cell_parts(text, how) if how else [text]
    names: list[str] = []
    weights: list[float | None] = []
    for each in texts:
        text = as_text(each).strip()
        found = _WEIGHTED.fullmatch(text)
        if found:
            names.append(found[1])
            weights.append(float(found[2]))
        elif text:
            names.append(text)
            weights.append(None)
    return list(zip(names, scaled(weights), strict=True))


def _pairs(value: JsonValue) -> list[tuple[str, float | None]]:
    read = literal(value) if isinstance(value, str) else value
    if isinstance(read, dict):
        if not read:
            return []
        read = list(read.items()) if all(_number(each) is not None for each in read.values()) else [read]
    if not isinstance(read, list | tuple):
        raise ValueError('it holds no pairs such as [["rock", 100], ["pop", 40]]')
    if len(read) == 2 and all(isinstance(each, list | tuple) for each in read) and _parallel(*read):
        read = list(zip(read[0], read[1], strict=True))
    names: list[str] = []
    weights: list[float | None] = []
    for each in read:
        name, weight = _pair(each)
        if name:
            names.append(name)
            weights.append(weight)
    return list(zip(names, scaled(weights), strict=True))


def _parallel(first: Sequence[object], second: Sequence[object]) -> bool:
    """Whether two lists are the names and their numbers, not two pairs of them."""
    if len(first) != len(second) or not all(_number(each) is not None for each in second):
        return False
    return all(_number(each) is None for each in first)


def _pair(value: object) -> tuple[str, float | None]:
    if isinstance(value, list | tuple):
        if len(value) == 2 and (weight := _number(value[1])) is not None:
            return as_text(value[0]).strip(), weight
        if len(value) == 2 and (weight := _number(value[0])) is not None:
            return as_text(value[1]).strip(), weight
        if len(value) == 1 and not isinstance(value[0], list | tuple | dict):
            return as_text(value[0]).strip(), None
        raise ValueError("an entry of it is no pair of a tag and a number")
    if isinstance(value, dict):
        if len(value) == 1 and (weight := _number(next(iter(value.values())))) is not None:
            return as_text(next(iter(value))).strip(), weight
        name = next((each for key in _NAME_KEYS if isinstance(each := value.get(key), str)), None)
        if name is None:
            raise ValueError("an entry of it has no name")
        return name.strip(), next((w for key in _WEIGHT_KEYS if (w := _number(value.get(key))) is not None), None)
    return as_text(value).strip(), None


def number_list(value: JsonValue) -> list[float]:
    """The numbers in a cell: a list, or a text such as `[0.0, 1.0]`, `0 1 0` or `0.8, 0.1`. Raises ValueError."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_LIST_TEXT:
            raise ValueError(f"it is longer than {MAX_LIST_TEXT:,} characters")
        try:  # the usual case, ten times quicker
            read = json.loads(text) if text[:1] == "[" else None
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, list) and all(each.__class__ in (int, float) and math.isfinite(each) for each in read):
            return [float(each) for each in read]
        inside = text[1:-1] if text[:1] in "[(" and text[-1:] in "])" else text
        value = [each.strip(" \"'") for each in _GAP.split(inside.strip()) if each]
    elif not isinstance(value, list):
        value = [value]
    numbers = [_number(each) for each in value]
    if any(number is None for number in numbers):
        wrong = next(each for each, number in zip(value, numbers, strict=True) if number is None)
        raise ValueError(f"“{as_text(wrong)[:40]}” in it is no number")
    return [number for number in numbers if number is not None]


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        try:
            number = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return None


def scaled(weights: Sequence[float | None]) -> list[float | None]:
    """Weights between 0 and 1: numbers up to 100 count as hundredths, larger ones as shares of the largest."""
    most = max((each for each in weights if each is not None), default=0.0)
    scale = 1.0 if most <= 1 else 100.0 if most <= 100 else most
    return [None if each is None else max(0.0, each / scale) for each in weights]


def flag_weight(value: JsonValue) -> float:
    """What a cell of a 0/1 column says: 0 for no, 1 for yes, between them a weight. Raises ValueError."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return float(word in _TRUE)
    number = _number(value)
    if number is None:
        raise ValueError(f"“{as_text(value)[:40]}” in it is neither 0 nor 1")
    return min(1.0, max(0.0, number))


def literal(text: str) -> JsonValue:
    """A value written as JSON or as Python prints it. Raises ValueError."""
    if len(text) > MAX_LIST_TEXT:
        raise ValueError(f"it is longer than {MAX_LIST_TEXT:,} characters")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        raise ValueError("it is neither a JSON nor a Python list") from None


def guess_given_split(values: Iterable[JsonValue]) -> str:
    """How the cells of a column most likely hold given tags, one of GIVEN_SPLITS."""
    cells = [value for value in values if not is_absent(value) and not (isinstance(value, str) and not value.strip())]
    if not cells:
        return "json-list"
    for how, test in (("vector", _is_vector), ("pairs", _is_pairs), ("weighted", _is_weighted)):
        if sum(map(test, cells)) > 0.8 * len(cells):
            return how
    return guess_split(cells)


def _is_vector(value: JsonValue) -> bool:
    if isinstance(value, str):
        if not _NUMBERS.fullmatch(value.strip()):
            return False
        value = number_list(value)
    if not isinstance(value, list) or len(value) < 3:
        return False
    numbers = [_number(each) if not isinstance(each, str) else None for each in value]
    return all(number is not None and 0 <= number <= 1 for number in numbers)


def _is_pairs(value: JsonValue) -> bool:
    if isinstance(value, str):
        if value.lstrip()[:2] not in ("[[", "[(", "[{", "((") and value.lstrip()[:1] != "{":
            return False
        try:
            value = literal(value)
        except ValueError:
            return False
    if isinstance(value, dict):
        return bool(value) and all(_number(each) is not None for each in value.values())
    if not isinstance(value, list | tuple) or not value:
        return False
    if all(isinstance(each, dict) for each in value):
        return any(key in each for each in value for key in _WEIGHT_KEYS[:-1]) or all(len(each) == 1 for each in value)
    if not all(isinstance(each, list | tuple) for each in value):
        return False
    pairs = all(len(each) == 2 and any(_number(part) is not None for part in each) for each in value)
    return pairs or (len(value) == 2 and _parallel(*value))


def _is_weighted(value: JsonValue) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str) and _WEIGHTED.fullmatch(each) for each in value)
    if not isinstance(value, str) or value.lstrip()[:1] in "[{(":
        return False
    parts = [part for part in re.split(r"[,;\n\t]|\|(?=\s*[^\s\d])", value) if part.strip()]
    return bool(parts) and all(re.fullmatch(r"\s*[^:=]+[:=]\s*[\d.]+%?\s*", part) for part in parts)


def _partners(roles: Mapping[str, str]) -> dict[str, str]:
    """Each `given` column to the `weights` column beside it: the one that carries its name, else the nearest one
    after it (or, where none follows, before it)."""
    given = [name for name, role in roles.items() if role == "given"]
    left = [name for name, role in roles.items() if role == "weights"]
    places = {name: place for place, name in enumerate(roles)}
    partners: dict[str, str] = {}
    for column in given:
        stem = normalise(column).removesuffix("s")
        for each in left:
            if normalise(each).startswith(stem):
                partners[column] = each
                left.remove(each)
                break
    for weights in left:
        free = [column for column in given if column not in partners]
        if free:
            nearest = min(free, key=lambda c: (places[c] > places[weights], abs(places[c] - places[weights])))
            partners[nearest] = weights
    return partners
