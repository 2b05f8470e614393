"""Boxes: what people write about an item, one text of each style, and what they say of two texts side by side.

A state on the field `captions` holds all boxes of an item: {style: {"text", "stars", "valid", "suggestion", "taken"}}.
A state on the field `comparison` holds what everybody said of pairs of texts: {"a|b": {person: {"more_true",
"less_false", "flipped", "seen"}}}. Comparisons of two people never stand in each other's way, so they have no
conflicts, and nobody is shown what another one said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from core.errors import InvalidInput

CAPTIONS = "captions"
COMPARISON = "comparison"
STYLES = ("writing", "summary", "paraphrase", "attribute_prediction")
"""The boxes of a music item (core.captions.styles.STYLES, which this floor cannot import; a test holds them equal)."""

WITH_TAKEN = ("attribute_prediction",)
QUESTIONS = ("more_true", "less_false")
SIDES = ("left", "right", "same")
LONGEST_TEXT = 4000
MOST_TAKEN = 100
LONGEST_TAG = 200
MOST_PAIRS = 20
_FIELDS = {"music": (CAPTIONS, COMPARISON)}
_SYSTEM = r"(?:[a-z][a-z_]{0,39}|other:[^|\0]{1,80})"
_PAIR = re.compile(rf"({_SYSTEM})\|({_SYSTEM})")
_SEEN = re.compile(r"[0-9a-z.-]{0,80}")
_REMEDY = "Reload the page."

Boxes = dict[str, dict[str, Any]]


def fields_of(kind: str) -> tuple[str, ...]:
    """The fields that people decide on in a corpus of that kind. The item's status follows the first one."""
    return _FIELDS.get(kind, ("tags",))


def leads(kind: str, field: str) -> bool:
    """Whether an item's status follows this field."""
    return fields_of(kind)[0] == field


def parse_boxes(data: Any) -> Boxes:
    """Check the boxes of captions that a client sent; nothing of them is trusted.

    Raises:
        InvalidInput: a part is not what it should be.
    """
    if not isinstance(data, dict):
        raise InvalidInput("The decision's “boxes” are not a JSON object.", _REMEDY)
    boxes: Boxes = {}
    for style, given in data.items():
        if style not in STYLES or not isinstance(given, dict):
            raise InvalidInput(f"“{str(style)[:40]}” is no box of captions.", f"Boxes: {', '.join(STYLES)}.")
        boxes[style] = _box(style, given)
    return {style: boxes[style] for style in STYLES if style in boxes}


def _box(style: str, given: dict[str, Any]) -> dict[str, Any]:
    text, stars, valid = given.get("text"), given.get("stars"), given.get("valid")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise InvalidInput(f"The caption “{style}” is not a text of at most {LONGEST_TEXT} characters.", "Shorten it.")
    if stars is not None and (type(stars) is not int or not 1 <= stars <= 5):
        raise InvalidInput(f"The stars of “{style}” are not 1 to 5.", _REMEDY)
    if valid is not None and type(valid) is not bool:
        raise InvalidInput(f"Whether “{style}” is valid is neither yes nor no.", _REMEDY)
    began = given.get("suggestion")
    if began is not None and not (isinstance(began, str) and re.fullmatch(r"[0-9]{1,15}", began)):
        raise InvalidInput(f"The caption that “{style}” began from has no such id.", _REMEDY)
    taken = given.get("taken") or []
    if not isinstance(taken, list) or len(taken) > MOST_TAKEN or (taken and style not in WITH_TAKEN):
        raise InvalidInput(f"The tags taken with “{style}” are not a list of at most {MOST_TAKEN} names.", _REMEDY)
    if any(not isinstance(name, str) or len(name) > LONGEST_TAG for name in taken):
        raise InvalidInput(f"A tag taken with “{style}” is not a name of at most {LONGEST_TAG} characters.", _REMEDY)
    names = dict.fromkeys(" ".join(_storable(name).split()) for name in taken)
    return {
        "text": _storable(text).strip(),
        "stars": stars,
        "valid": valid,
        "suggestion": began,
        "taken": [name for name in names if name],
    }


def _storable(text: str) -> str:
    return text.replace("\0", "")  # Postgres stores no NUL


def suggestions_in(boxes: Boxes) -> dict[int, str]:
    """The suggestions that boxes name → the field that each must be of."""
    return {int(box["suggestion"]): f"caption.{style}" for style, box in boxes.items() if box["suggestion"]}


# two texts side by side


def pair_of(one: str, other: str) -> str:
    """The name of a pair of systems, whichever is named first.

    Raises:
        InvalidInput: one of them cannot be a system's name, or both are the same.
    """
    pair = "|".join(sorted((one, other)))
    if one == other or not _PAIR.fullmatch(pair):
        raise InvalidInput(f"“{one[:60]}” and “{other[:60]}” cannot be compared.", "Choose two of the list.")
    return pair


def sides(pair: str) -> tuple[str, str]:
    """Both systems of a pair, in the order of its name."""
    match = _PAIR.fullmatch(pair)
    if match is None:
        raise InvalidInput(f"“{pair[:80]}” is no pair.", _REMEDY)
    return match[1], match[2]


def flipped(item: str, person: str, pair: str) -> bool:
    """Whether this person sees the pair's second text at the left: by chance, but always the same."""
    return bool(blake2b(f"{item}\x1f{person}\x1f{pair}".encode(), digest_size=8).digest()[0] & 1)


def parse_answers(data: Any) -> Boxes:
    """Check answers about pairs, as left and right, that a client sent.

    Raises:
        InvalidInput: a part is not what it should be.
    """
    if not isinstance(data, dict) or len(data) > MOST_PAIRS:
        raise InvalidInput(f"The comparison is not a JSON object of at most {MOST_PAIRS} pairs.", _REMEDY)
    answers: Boxes = {}
    for pair, given in data.items():
        match = _PAIR.fullmatch(pair)
        if match is None or match[1] >= match[2] or not isinstance(given, dict):
            raise InvalidInput(f"“{str(pair)[:80]}” is no pair.", _REMEDY)
        if any(given.get(question) not in SIDES for question in QUESTIONS):
            raise InvalidInput("The comparison does not answer both questions.", "Choose left, right or the same.")
        seen = given.get("seen") or ""
        if not isinstance(seen, str) or not _SEEN.fullmatch(seen):
            raise InvalidInput("The comparison does not say what was seen.", _REMEDY)
        answers[pair] = {**{question: given[question] for question in QUESTIONS}, "seen": seen}
    return answers


def merge_answers(stored: Boxes, answers: Boxes, item: str, person: str) -> Boxes:
    """What everybody said, with this person's new answers, in which left and right have become a and b."""
    boxes = {pair: dict(of_pair) for pair, of_pair in stored.items()}
    for pair, answer in answers.items():
        turned = flipped(item, person, pair)
        meant = {"left": "b", "right": "a"} if turned else {"left": "a", "right": "b"}
        said: dict[str, Any] = {question: meant.get(answer[question], "same") for question in QUESTIONS}
        boxes.setdefault(pair, {})[person] = {**said, "flipped": turned, "seen": answer["seen"]}
    return boxes


def take_back(stored: Boxes, before: Boxes, after: Boxes, person: str) -> Boxes:
    """What everybody said, without what this person said in the event that led from `before` to `after`."""
    boxes = {pair: dict(of_pair) for pair, of_pair in stored.items()}
    for pair, of_pair in after.items():
        earlier = before.get(pair, {}).get(person)
        if of_pair.get(person) == earlier:
            continue
        if earlier is None:
            boxes.get(pair, {}).pop(person, None)
        else:
            boxes.setdefault(pair, {})[person] = earlier
    return {pair: of_pair for pair, of_pair in boxes.items() if of_pair}


def own_answers(stored: Boxes, person: str) -> Boxes:
    """This person's answers as left and right: what a page may be told."""
    found: Boxes = {}
    for pair, of_pair in stored.items():
        answer = of_pair.get(person)
        if answer is not None:
            shown = {"a": "right", "b": "left"} if answer["flipped"] else {"a": "left", "b": "right"}
            found[pair] = {question: shown.get(answer[question], "same") for question in QUESTIONS}
    return found


# in words


def title_of(name: str) -> str:
    """What people call a style or a system: "attribute_prediction" → "Attribute prediction"."""
    if name.startswith("other:"):
        return name.removeprefix("other:")
    return name.replace("_", " ").capitalize()


def in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What changed between two states of boxes: ["Writing reworded", "Summary 4 stars"]."""
    said = []
    for style in dict.fromkeys((*before, *after)):
        old, new, title = before.get(style), after.get(style), title_of(style)
        if new is None:
            said.append(f"{title} open again")
            continue
        if old is None:
            said.append(f"{title} decided" if new["text"] else f"{title} left out")
        elif old["text"] != new["text"]:
            said.append(f"{title} reworded" if new["text"] else f"{title} left out")
        was = old or {}
        if new["stars"] != was.get("stars"):
            stars = new["stars"]
            said.append(f"{title} {stars} star{'s' * (stars != 1)}" if stars else f"{title} without stars")
        if new["valid"] != was.get("valid"):
            word = {True: "valid", False: "not valid", None: "valid or not left open"}[new["valid"]]
            said.append(f"{title} {word}")
        taken, had = set(new["taken"]), set(was.get("taken", ()))
        if taken != had:
            said.append(
                ", ".join([f"took “{n}”" for n in sorted(taken - had)] + [f"untook “{n}”" for n in had - taken])
            )
    return said


def pairs_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Which pairs were compared between two states of comparisons."""
    changed = [pair for pair in dict.fromkeys((*before, *after)) if before.get(pair) != after.get(pair)]
    return ["compared {} with {}".format(*map(title_of, sides(pair))) for pair in changed]
