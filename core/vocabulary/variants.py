"""Names that are one name written differently: case, width, spaces, plural, spelling, typos, initialisms, numeronyms.

No encoder and no items are needed, so that it works where there are none. What is grouped here is nearly certain;
what only may be meant is left to `merging`, which asks for a second sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.vocabulary.abbreviations import ORDINARY_WORDS, Abbreviations, Meaning
from core.vocabulary.opposites import numbers_differ, opposed
from core.vocabulary.spelling import american, case_folded, differences, spaced, variant_key, width_folded

SHORTEST_INITIALISM = 3
SHORTEST_TYPO = 8
SHORTEST_LETTER_TYPO = 10  # where a letter is missing or too many
TYPO_RATIO = 20  # how much oftener the right form must be used
_ABBREVIATION_WEIGHT = 1 / 3  # a short form becomes the name only where it is used three times as often


@dataclass(frozen=True, slots=True)
class VariantGroup:
    """Names that are written differently and mean the same.

    Attributes:
        canonical: the name that stays: the most frequent, of equals the most readable.
        members: the others, each with what it differs by ("plural", "spacing, spelling", "initialism", "typo", …).
    """

    canonical: str
    members: tuple[tuple[str, str], ...]


def group(names: Mapping[str, int]) -> list[VariantGroup]:
    """The groups of two or more among these names.

    Args:
        names: every name with how often it is used (distinct items, where known; 0 or equal numbers where not).

    Returns:
        groups by falling use of their canonical name, then by name; the order of `names` does not matter.
    """
    classes: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        classes[variant_key(name)].append(name)
    leaders = {key: _canonical(found, names, {}) for key, found in classes.items()}
    uses = {key: sum(names[name] for name in found) for key, found in classes.items()}
    into: dict[str, tuple[str, str]] = {}
    for key, target, reason in (*_short_forms(leaders, classes), *_typos(leaders, uses)):
        if key not in into and target not in into and key != target:
            into[key] = (target, reason)
    for target, _ in list(into.values()):
        into.pop(target, None)  # what others stand for stands for itself
    return sorted(_groups(classes, into, names), key=lambda g: (-names[g.canonical], g.canonical))


def relation(a: str, b: str) -> str | None:
    """What two names differ by when they are variants of each other: case, spacing, accents, plural, spelling."""
    found = differences(a, b)
    return None if not found or numbers_differ(a, b) else ", ".join(found)


def readability(name: str) -> tuple[int, ...]:
    """How a name reads; of two spellings that are used alike, the smaller one stays."""
    plain = width_folded(name)
    return (
        name != plain,  # full-width letters, spaces at the ends
        -len(spaced(name).split()),  # words set apart
        sum(not c.isalnum() and c not in " -_" for c in name),
        "_" in name,
        len(spaced(name)) > 4 and name.isupper(),
        spaced(name) != american(spaced(name)),
        len(name),
    )


def _groups(
    classes: Mapping[str, list[str]], into: Mapping[str, tuple[str, str]], names: Mapping[str, int]
) -> Iterator[VariantGroup]:
    joined: dict[str, list[str]] = defaultdict(list)
    for key in classes:
        joined[into[key][0] if key in into else key].append(key)
    for target, keys in joined.items():
        members = {name: key for key in keys for name in classes[key]}
        if len(members) < 2:
            continue
        reasons = {name: "" if key == target else into[key][1] for name, key in members.items()}
        canonical = _canonical(list(members), names, reasons)
        home = members[canonical]
        listed = []
        for name, key in sorted(members.items()):
            if name == canonical:
                continue
            by_key = into[key][1] if key in into else ""
            if key == home:
                by_key = ", ".join(differences(name, canonical)) or "spacing"
            elif not by_key:
                by_key = into[home][1]
            listed.append((name, by_key))
        yield VariantGroup(canonical, tuple(listed))


def _canonical(found: list[str], names: Mapping[str, int], reasons: Mapping[str, str]) -> str:
    def order(name: str) -> tuple[object, ...]:
        reason = reasons.get(name, "")
        weight = 0.0 if reason == "typo" else _ABBREVIATION_WEIGHT if reason else 1.0
        return (reason == "typo", -names[name] * weight, bool(reason), readability(name), name)

    return min(found, key=order)


def _short_forms(leaders: Mapping[str, str], classes: Mapping[str, list[str]]) -> list[tuple[str, str, str]]:
    """(key of the short form, key of the only name that it can stand for, reason)."""
    keys = sorted(leaders)
    # initials are taken from the most spelled-out member: "natural language processing", not "naturallanguage…"
    shown = [max(classes[key], key=lambda name: (len(spaced(name).split()), name)) for key in keys]
    meanings: dict[int, list[Meaning]] = defaultdict(list)
    for meaning in Abbreviations(shown).meanings():
        if not meaning.within:
            meanings[meaning.short].append(meaning)
    found: list[tuple[str, str, str]] = []
    for short, all_meanings in sorted(meanings.items()):
        certain = [m for m in all_meanings if m.kind != "blend"]
        if len({m.long for m in all_meanings}) != 1 or not certain or not certain[0].exact:
            continue
        (meaning,) = certain[:1]
        if meaning.kind == "initialism" and not _looks_like_initials(classes[keys[short]]):
            continue
        if opposed(shown[short], shown[meaning.long]) and meaning.kind != "symbol":
            continue
        found.append((keys[short], keys[meaning.long], meaning.kind))
    return found


def _looks_like_initials(spellings: Iterable[str]) -> bool:
    """Capitals, or three letters and more that are no common word."""
    spellings = list(spellings)
    word = case_folded(spellings[0])
    if not SHORTEST_INITIALISM <= len(word) <= 6 or not word.isalpha():
        return False
    return word not in ORDINARY_WORDS or all(name.isupper() or name[:-1].isupper() for name in spellings)


# -------------------------------------------------------------------------------------------------------- typos


def _typos(leaders: Mapping[str, str], uses: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """(key of a rare name, key of the frequent one that it is a slip of, "typo")."""
    frequent: dict[str, list[str]] = defaultdict(list)
    for key in sorted(leaders):
        if uses[key] >= TYPO_RATIO and _can_have_typos(key):
            for form in _one_less(key):
                frequent[form].append(key)
    if not frequent:
        return []
    found = []
    for key in sorted(leaders):
        if not _can_have_typos(key):
            continue
        candidates = {k for form in _one_less(key) for k in frequent.get(form, ())}
        likely = [
            k
            for k in sorted(candidates)
            if k != key
            and uses[k] >= TYPO_RATIO * max(uses[key], 1)
            and is_slip(key, k)
            and _same_words(leaders[key], leaders[k])
            and not opposed(leaders[key], leaders[k])
        ]
        if len(likely) == 1:
            found.append((key, likely[0], "typo"))
    return found


def _same_words(a: str, b: str) -> bool:
    """As many words in both, unless one is written as one word: deep q learning is no slip of deep learning."""
    counts = len(spaced(a).split()), len(spaced(b).split())
    return counts[0] == counts[1] or min(counts) == 1


def _can_have_typos(key: str) -> bool:
    return len(key) >= SHORTEST_TYPO and key.isascii() and key.isalpha()


def _one_less(key: str) -> set[str]:
    """The key and all its forms with one letter left out: two keys one slip apart share one of them."""
    return {key, *(key[:i] + key[i + 1 :] for i in range(len(key)))}


def is_slip(wrong: str, right: str) -> bool:
    """Whether two keys are one slip of the fingers apart: two neighbours changed places, a letter doubled or not, or,
    in long names, one letter missing or too many. Other letters in place of one make other words too often."""
    if min(len(wrong), len(right)) < SHORTEST_TYPO or wrong[0] != right[0]:
        return False
    start = 0
    while start < min(len(wrong), len(right)) and wrong[start] == right[start]:
        start += 1
    if len(wrong) == len(right):
        return (
            wrong[start : start + 2] == right[start : start + 2][::-1]
            and wrong[start + 2 :] == right[start + 2 :]
            and len(right) - start >= 2
        )
    longer, shorter = (wrong, right) if len(wrong) > len(right) else (right, wrong)
    if len(longer) - len(shorter) != 1 or longer[start + 1 :] != shorter[start:]:
        return False
    if start == len(shorter):
        return False  # an ending
    doubled = longer[start] in (longer[start - 1], longer[start + 1])
    return doubled or len(shorter) >= SHORTEST_LETTER_TYPO
