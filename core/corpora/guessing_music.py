"""Guesses what the columns of a music file are, and whether a file is one of music at all."""

from __future__ import annotations

import re

from core.corpora.formats.base import JsonValue
from core.corpora.given import FACET_OF, facet_of_column, guess_given_split, number_list, weighted_parts
from core.corpora.guessing import ADDRESS, MEDIA_FILE, Guess, guess_id, is_idle, mostly, only_one, own_columns
from core.corpora.known_columns import ROLE_OF, normalise
from core.corpora.reading import Column, Inspection
from core.corpora.values import is_absent

_WORDS = {
    "names": """
        title titles track_title song_title track_name song_name song name track titulo titel titre artist artists
        artist_name artist_names performer performers band singer_name composer album album_name album_title release
        release_name record attribution credit author creator 标题 歌名 歌手 艺人 专辑
    """,
    "tags": """
        aspect_list aspects extra_tag extra_tags tags tag tag_list taglist toptags top_tags labels keywords
        attributes descriptors annotations autotags pos positive present tag_names label_names etiquetas schlagworte
        etiquettes 标签
    """,
    "reference": """
        reference reference_caption reference_captions ground_truth human_caption human_captions main_caption
        captions caption_gt text
    """,
}
NAME_COLUMNS = frozenset(_WORDS["names"].split())
_PEOPLE_AND_WORKS = NAME_COLUMNS - {
    "title",
    "titles",
    "name",
    "author",
    "creator",
    "titulo",
    "titel",
    "titre",
    "标题",
    "record",
}
_TAGS = frozenset(_WORDS["tags"].split())
_REFERENCE = frozenset(_WORDS["reference"].split())
_WEIGHTS = re.compile(r"(?:.*_)?(?:weights?|scores?|confidences?|probabilit(?:y|ies)|probs?|strengths?|votes)")
_AUDIO = re.compile(r"[^\n]{1,1000}\.(?:mp3|wav|flac|ogg|oga|m4a|opus|aac|aiff?)(?:\?\S*)?\s*", re.IGNORECASE)
_AUDIO_NAMES = frozenset({"audio", "audio_path", "audio_file", "mp3_path", "mp3", "wav", "audio_url", "audio_link"})
CODE = re.compile(r"/[mtg]/[\w-]+")
_PREFIXED = re.compile(r"(?:genre|instrument|mood/theme)---.+", re.IGNORECASE)
_SWITCHES = re.compile(r"(?:is|has|in|use)_.+|split|fold|explicit|train|test|valid|validation|instrumental")
_KEY = re.compile(r"[A-Ga-g](?:#|b|♯|♭| ?sharp| ?flat)?(?:\s*(?:m|maj|min|major|minor|dur|moll))?")
_NOT_GIVEN = re.compile(r"pseudo_attribute.*|predicted.*|caption_.*")
_BITS = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


def guess_kind(inspection: Inspection) -> str:
    """`music` where columns and cells say that the file is a list of music with tags, else `items`."""
    cells = _cells(inspection)
    names = {normalise(column.name) for column in inspection.columns}
    texts = {name: _texts(values) for name, values in cells.items()}
    if any(mostly(values, MEDIA_FILE) and not mostly(values, _AUDIO) for values in texts.values()):
        return "items"  # pictures or videos
    if names & {"aspect_list", "extra_tag"}:
        return "music"
    if any(_PREFIXED.match(entry) for values in cells.values() for entry in _entries(values[:5])):
        return "music"
    if any(_are_codes(values) for values in cells.values()):
        return "music"
    facets = {facet for column in inspection.columns if (facet := FACET_OF.get(normalise(column.name)))}
    facets -= {"absent", "place", "era", "use", "production"}
    tagged = bool(facets or names & _TAGS)
    flags = [column for column in inspection.columns if _is_flag(column)]
    heard = any(mostly(values, _AUDIO) for values in texts.values()) or bool(names & _AUDIO_NAMES)
    vectors = [name for name, values in cells.items() if _splits(values) == "vector"]
    if heard and (tagged or len(flags) >= 3 or vectors):
        return "music"
    if tagged and names & _PEOPLE_AND_WORKS:
        return "music"
    if len(facets) > 1 and facets & {"instrument", "tempo", "rhythm"}:
        return "music"
    few = len(inspection.columns) <= 3 and not any(column.mean_length > 400 for column in inspection.columns)
    if vectors and (tagged or few):
        return "music"
    return "items"


def guess_music(inspection: Inspection) -> Guess:
    """The likely role of every column of a file that goes into a music corpus, in the order of the file."""
    guess = Guess({column.name: "keep" for column in inspection.columns})
    cells = _cells(inspection)
    rest = list(inspection.columns)
    if inspection.tagloom_export:
        rest = own_columns(guess, rest)
    else:
        _guess_music_id(guess, inspection, cells)
    for column in rest:
        if column.name not in guess.explain:
            _guess_column(guess, column, cells[column.name], inspection.tagloom_export)
    _guess_flags(guess, inspection.columns)
    _settle_lists(guess, inspection.columns, cells)
    only_one(guess, "link")
    only_one(guess, "media")
    only_one(guess, "reference", prefer=lambda column: ROLE_OF.get(normalise(column)) == "caption")
    _ensure_given(guess, inspection, cells)
    in_csv = inspection.delimiter is not None
    for name, role in guess.roles.items():
        if role == "given":
            guess.split[name] = guess_given_split(cells[name])
        elif role in ("gold", "tags"):
            guess.split[name] = "json-list" if in_csv else guess_given_split(cells[name])
    return guess


def _cells(inspection: Inspection) -> dict[str, list[JsonValue]]:
    return {c.name: [row[c.name] for row in inspection.rows if c.name in row] for c in inspection.columns}


def _texts(cells: list[JsonValue]) -> list[str]:
    return [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]


def _guess_music_id(guess: Guess, inspection: Inspection, cells: dict[str, list[JsonValue]]) -> None:
    columns = [c for c in inspection.columns if normalise(c.name) != "key" or not mostly(_texts(cells[c.name]), _KEY)]
    guess_id(guess, columns)
    if "id" in guess.roles.values():
        return
    for column in inspection.columns[:1]:  # a file without names usually begins with the id
        short = column.kind in ("number", "text") and column.mean_length <= 60
        nameless = re.fullmatch(r"column_1|index|unnamed_0|name", normalise(column.name) or "index")
        if nameless and short and column.filled == 1 and column.distinct == 1:
            guess.give(column.name, "id", "the first column; every value differs")


def _guess_column(guess: Guess, column: Column, cells: list[JsonValue], own_export: bool) -> None:
    if is_idle(guess, column):
        return
    name = normalise(column.name)
    words = name.split("_")
    texts = _texts(cells)
    known = ROLE_OF.get(name)
    if mostly(texts, MEDIA_FILE) and len(texts) * 2 >= len(cells) and not own_export:
        guess.give(column.name, "media", "its values name sounds or pictures")
        return
    if mostly(texts, ADDRESS):
        sound = mostly(texts, _AUDIO) or name in _AUDIO_NAMES
        role, reason = (
            ("media", "its values are addresses of sounds") if sound else ("link", "its values are addresses")
        )
        guess.give(column.name, "keep" if own_export else role, reason)
        return
    if _NOT_GIVEN.fullmatch(name) or words[-1] in ("id", "ids", "uid", "uuid") or name.startswith("tagloom_"):
        guess.give(column.name, "keep", "stored and exported, not written from")
    elif _WEIGHTS.fullmatch(name) and _holds_numbers(cells):
        guess.give(column.name, "weights", "numbers beside the tags")
    elif _are_codes(cells):
        guess.give(column.name, "given", "its values are codes of tags; a label file gives them names")
    elif name in _TAGS or (words[-1] in _TAGS and words[-1] not in ("pos", "present", "text")):
        guess.give(column.name, "given", "named like tags")
    elif name in NAME_COLUMNS and column.kind in ("text", "mixed", "list", "number"):
        guess.give(column.name, "names", "named like a title or an artist")
    elif facet_of_column(column.name) and column.kind in ("text", "list", "mixed") and not _is_prose(column, cells):
        facet = facet_of_column(column.name)
        guess.give(
            column.name,
            "given",
            "says what is not there" if facet == "absent" else f"named like the tags of one facet: {facet}",
        )
    elif column.kind in ("list", "object") and _splits(cells) in ("vector", "pairs"):
        guess.give(column.name, "given", _shape_reason(_splits(cells)))
    elif (known in ("caption", "body") or name in _REFERENCE) and column.kind == "text":
        guess.give(column.name, "reference", "named like a caption: to measure against, never sent")
    elif known == "title":
        guess.give(column.name, "names", "named like a title or an artist")
    else:
        guess.give(column.name, "keep", "not recognised; stored and exported, not written from")


def _guess_flags(guess: Guess, columns: tuple[Column, ...]) -> None:
    flags = [c for c in columns if guess.roles[c.name] in ("keep", "given") and _is_flag(c)]
    lists = [
        c.name for c, role in zip(columns, guess.roles.values(), strict=True) if role == "given" and c not in flags
    ]
    if len(flags) >= (8 if lists else 2):
        for column in flags:
            guess.give(column.name, "flag", "0 or 1: a tag of that name")
    else:
        for column in flags:
            guess.give(column.name, "keep", "not recognised; stored and exported, not written from")


def _is_flag(column: Column) -> bool:
    if column.kind not in ("number", "bool", "mixed") or _SWITCHES.fullmatch(normalise(column.name)):
        return False
    values = {sample.strip().lower() for sample in column.samples}
    return bool(values) and values <= _BITS and column.filled > 0.9


def _settle_lists(guess: Guess, columns: tuple[Column, ...], cells: dict[str, list[JsonValue]]) -> None:
    """Of lists that say the same twice, one is written from; weights go with tags only."""
    given = [c.name for c in columns if guess.roles[c.name] == "given"]
    plain = {normalise(name): name for name in given}
    wide = plain.get("aspect_list") or plain.get("extra_tag") or plain.get("extra_tags")
    for narrow in ("tag", "tags"):
        if wide and narrow in plain:
            guess.give(plain[narrow], "keep", f"the column “{wide}” holds the longer list")
    codes = [name for name in given if _are_codes(cells[name])]
    if len(codes) < len(given):
        for name in codes:
            guess.give(name, "keep", "codes; another column holds tags in words")
    if not {"given"} & set(guess.roles.values()):
        for name, role in list(guess.roles.items()):
            if role == "weights":
                guess.give(name, "keep", "numbers, but no column holds tags that they could belong to")


def _ensure_given(guess: Guess, inspection: Inspection, cells: dict[str, list[JsonValue]]) -> None:
    """Where names tell too little, the column whose cells read most like lists of short tags."""
    if set(guess.roles.values()) & {"given", "flag"}:
        return
    free = [c for c in inspection.columns if guess.roles[c.name] in ("keep", "reference", "media", "link")]
    free = (
        free or [c for c in inspection.columns if guess.roles[c.name] in ("names", "weights")] or [*inspection.columns]
    )
    best = max(free, key=lambda column: (_tag_likeness(cells[column.name]), column.distinct))
    likely = _tag_likeness(cells[best.name]) > 0
    guess.give(best.name, "given", "it holds lists" if likely else "no column looks like tags; this one comes nearest")


def _tag_likeness(cells: list[JsonValue]) -> float:
    """Share of cells that split into several short entries; vectors count fully."""
    how = _splits(cells)
    if how in ("vector", "pairs", "weighted"):
        return 1.0
    good = sum(1 for cell in cells if len(found := _entries([cell])) > 1 and max(map(len, found)) <= 40)
    return good / len(cells) if cells else 0.0


def _entries(cells: list[JsonValue]) -> list[str]:
    found: list[str] = []
    for cell in cells:
        if is_absent(cell) or (isinstance(cell, str) and len(cell) > 20_000):
            continue
        try:
            found += [name for name, _ in weighted_parts(cell, None)]
        except ValueError:
            continue
    return found


def _are_codes(cells: list[JsonValue]) -> bool:
    """Whether the cells hold codes of AudioSet's classes, such as `/m/04rlf`."""
    texts = [
        cell if isinstance(cell, str) else " ".join(map(str, cell)) for cell in cells if isinstance(cell, str | list)
    ]
    return mostly(texts, re.compile(rf"[\s\[\"']*{CODE.pattern}(?:[\s,;|\"']+{CODE.pattern})*[\s\]\"']*"))


def _splits(cells: list[JsonValue]) -> str:
    return guess_given_split(cells)


def _holds_numbers(cells: list[JsonValue]) -> bool:
    filled = [cell for cell in cells if not is_absent(cell)]
    try:
        return bool(filled) and all(number_list(cell) for cell in filled)
    except ValueError:
        return False


def _is_prose(column: Column, cells: list[JsonValue]) -> bool:
    entries = _entries(cells)
    return bool(entries) and sum(len(entry.split()) for entry in entries) > 6 * len(entries)


def _shape_reason(how: str) -> str:
    return "a vector of numbers, a tag for each place" if how == "vector" else "tags with numbers"
