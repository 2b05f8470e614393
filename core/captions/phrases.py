"""Tags as parts of English sentences: which are adjectives, which need an article, which already hold a verb."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from core.captions.tags import FACETS, MusicTag

ROLES = (*FACETS, "kind", "sound", "setting")
"""What a tag can be said of: its facet, or closer: a kind of piece, something heard, where it sounds."""

_PREPOSITION = re.compile(r" (?:of|with|in|on|from|for|by|at|to|like|as|over|under|through|into|during|without) ")
_AN = re.compile(r"(?:[aeiou]|hour|honest|honou?r|heir|(?:r&b|r'n'b|fm|lfo|mc|mpc|mp3|mtv|nba|nfl|x-)|8|11|18\b)")
_A = re.compile(r"(?:uni|use|usu|u[kst]\b|usa|eu|one\b|once\b|ukul|ura|uku|ubi|uto|uten)")
_QUALITY = re.compile(
    r"(?:(?:very )?(?:low|lower|poor|bad|high|good|average|inferior|mediocre|great|terrible|medium|sub-?par) )"
    r"(?:audio |sound |recording |video )?(?:quality|fidelity)"
)
_KEY = re.compile(r"(?:the |in )?(?:key of )?([a-g])([ -]?(?:sharp|flat)|#|♯|♭|b)? (major|minor)(?: key)?")
_YEARS = re.compile(
    r"(?:(?:early|mid|late)[ -])?(?:the )?(?:19|20)?\d0'?s|(?:19|20)\d\d"
    r"|(?:early |mid |late )?(?:twen|thir|for|fif|six|seven|eigh|nine)ties"
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One tag as a sentence can take it.

    Attributes:
        text: the tag with the capitals of names ("Spanish guitar").
        shape: adjective | noun | saying; a noun may carry what it does ("male voice singing").
        role: one of ROLES: what it can be said of.
        plural: the verb after it is in the plural.
        counted: takes “a” in the singular.
    """

    text: str
    shape: str
    role: str
    plural: bool = False
    counted: bool = False

    @property
    def full(self) -> str:
        """With its article, where it takes one."""
        return f"{article(self.text)} {self.text}" if self.counted else self.text


@cache
def words() -> dict[str, frozenset[str]]:
    """The word lists of grammar.toml."""
    data = tomllib.loads((Path(__file__).with_name("words") / "grammar.toml").read_text(encoding="utf-8"))
    return {name: frozenset(text.split()) for name, text in data.items()}


@cache
def _proper() -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in words()["proper"])


def article(text: str) -> str:
    """“a” or “an”, by how the word after it begins to sound."""
    start = text.lower().lstrip("\"'“(")
    return "an" if _AN.match(start) and not _A.match(start) else "a"


def capitals(text: str) -> str:
    """The capitals of names of peoples, places and things: “spanish guitar” is “Spanish guitar”."""
    known = _proper()
    return re.sub(r"[a-z&][a-z&'-]*", lambda found: _named(found[0], known), text)


def _named(word: str, known: dict[str, str]) -> str:
    if word in known:
        return known[word]
    return "-".join(known.get(part, part) for part in word.split("-")) if "-" in word else word


@lru_cache(maxsize=65_536)
def phrase_of(name: str, facet: str = "other") -> Phrase:
    """How a caption can say a tag."""
    known = words()
    parts = name.replace("/", " ").split() or [name]
    text = capitals(name)
    if key := _KEY.fullmatch(name):
        return Phrase(f"the key of {key[1].upper()}{key[2] or ''} {key[3]}", "noun", "sound")
    if name in ("major", "minor"):
        return Phrase(f"{name} key", "noun", "sound", counted=True)
    if _is_saying(name, parts, known):
        return Phrase(text, "saying", "other")
    head, subject = _head(name, known)
    role = _role(name, parts, head, facet, known)
    if _is_adjective(name, parts, head, role, known):
        return Phrase(text, "adjective", role)
    plural, counted = _number(name, head, subject, role, known)
    return Phrase(text, "noun", role, plural, counted)


def phrase(tag: MusicTag) -> Phrase:
    return phrase_of(tag.name, tag.facet)


def _is_saying(name: str, parts: list[str], known: dict[str, frozenset[str]]) -> bool:
    """Whether a tag is a sentence or a title of its own ("look ma no hands")."""
    if len(parts) > 8 or name[-1:] in "!?":
        return True
    says = [part for part in parts if part in known["sayings"]]
    return bool(says) and len(parts) > 1 and parts != ["a", "cappella"]


@lru_cache(maxsize=65_536)
def _head_of(name: str) -> tuple[str, bool]:
    known = words()
    found = _PREPOSITION.search(f" {name} ", 1)
    core = name[: found.start() - 1].strip() if found and found.start() > 1 else name
    parts = re.split(r"[ /]", core)
    parts = [part for part in parts if part]
    if not parts:
        return name, False
    for place in range(len(parts) - 1, 0, -1):
        after = parts[place + 1] if place + 1 < len(parts) else "ly"
        if parts[place].endswith("ing") and parts[place - 1] in known["agents"] and _goes_on(after):
            return parts[place - 1], True  # “male voice singing passionately”: somebody who does something
    if len(parts) > 1 and parts[-1].endswith("ly"):
        parts = parts[:-1]
    return parts[-1], False


def _goes_on(after: str) -> bool:
    """Whether a word can follow what somebody does: “talking loudly”, not “talking noise”."""
    return after.endswith("ly") or after in ("along", "together", "over", "out", "up", "a", "the", "it", "high", "low")


def _head(name: str, known: dict[str, frozenset[str]]) -> tuple[str, bool]:
    """The noun that a tag is about, and whether it does something."""
    return _head_of(name)


def _role(name: str, parts: list[str], head: str, facet: str, known: dict[str, frozenset[str]]) -> str:
    own = _own_role(name, parts, head, known)
    if own != "other":
        return own  # the noun of a tag says best how it can stand in a sentence
    return "sound" if facet == "instrument" else facet


def _own_role(name: str, parts: list[str], head: str, known: dict[str, frozenset[str]]) -> str:
    singular = head.removesuffix("s")
    if _YEARS.fullmatch(name):
        return "era"
    if any(part in known["voices"] for part in parts) and head not in known["pieces"]:
        return "voice"
    if head in known["tempos"] or parts[-1] in known["tempos"]:
        return "tempo"
    if head in known["feelings"]:
        return "mood"
    if head in known["events"]:
        return "kind"
    if name in known["genres"] or name in ("acapella", "a cappella", "a capella"):
        return "genre"
    if len(parts) > 1 and head in known["genres"] and head not in known["pieces"] | known["voices"]:
        return "genre"
    played = any(part in known["instruments"] or part == "percussive" for part in parts[:-1])
    if played and head in ("hit", "hits", "cover-up", "pop", "slap", "roll", "rolls", "mix"):
        return "sound"
    if len(parts) > 1 and head in known["pieces"]:
        return "genre" if head in known["genres"] and head not in known["namers"] else "kind"
    if head in known["pieces"] and head not in known["genres"]:
        return "kind"
    if "/" in name and all(part in known["genres"] for part in parts):
        return "genre"
    if head in known["productions"] or (len(parts) > 1 and parts[0] in ("mono", "stereo")):
        return "production"
    if head in known["rhythms"]:
        return "rhythm"
    if head in known["instruments"] or singular in known["instruments"]:
        return "sound"
    if any(part in known["instruments"] or part.removesuffix("s") in known["instruments"] for part in parts):
        return "sound"
    if head in known["heard"] or singular in known["heard"] or head in known["terms"]:
        return "sound"
    if name in known["uses"] or head in known["uses"]:
        return "use"
    if head in known["settings"]:
        return "setting"
    if _is_person(head) or _head_of(name)[1] or head in known["gerunds"]:
        return "sound"  # “a harpist”, “birds chirping”, “coughing”
    return "other"


def _is_person(head: str) -> bool:
    word = head.removesuffix("s")
    known = words()
    return word in known["agents"] or word in known["persons"] or word.endswith(("ist", "player"))


def _is_adjective(name: str, parts: list[str], head: str, role: str, known: dict[str, frozenset[str]]) -> bool:
    last = parts[-1]
    if role == "tempo":
        return last != "tempo" and last not in ("bpm", "pace", "speed", "rubato")
    if _QUALITY.fullmatch(name):
        return True
    if _PREPOSITION.search(f" {name} "):
        return False
    if name in known["adjectives"] or last in known["adjectives"]:
        return role not in ("voice", "sound", "rhythm") or name in known["adjectives"]
    if name in known["genres"] or last in known["mass"] or last in known["gerunds"] or last in known["plurals"]:
        return False
    if any(last in known[each] for each in ("pieces", "events", "instruments", "voices", "rhythms", "agents", "uses")):
        return False
    if last in known["nouns"] or last.endswith(tuple(known["noun_ends"])):
        return False
    if last in _proper() and not last.endswith(("a", "n-idol")):
        return last.endswith(("an", "ish", "ese", "ic", "ch", "al", "ern"))
    if last.endswith("ing"):
        return len(parts) == 1 or parts[-2].endswith("ly") or "-" in last or last == "sounding"
    return len(last) > 4 and last.endswith(tuple(known["adjective_ends"]))


def _number(name: str, head: str, subject: bool, role: str, known: dict[str, frozenset[str]]) -> tuple[bool, bool]:
    """(plural, takes an article)."""
    if head[:1].isupper() or name.startswith('"'):
        return head.endswith("s"), name.startswith('"') and not head.endswith("s")
    if name.startswith(("the ", "a ", "an ", "some ", "various ", "multiple ", "many ", "several ", "different ")):
        return name.startswith(("some", "various", "multiple", "many", "several", "different")), False
    if name.startswith(("two ", "three ", "four ", "five ")) and head.endswith("s"):
        return True, False
    if "bpm" in name.split():
        return False, False
    if head in known["things"]:
        return False, True
    if head in known["plurals"]:
        return True, False
    if _YEARS.fullmatch(name):
        return True, False
    if head.endswith("s") and not head.endswith(("ss", "'s")) and head not in known["singulars"]:
        return head not in known["mass"], False
    if head.endswith("ics"):
        return True, False
    if not subject and (head in known["gerunds"] or head in known["mass"] or head.endswith("ing")):
        return False, _one_of_a_mass(name, head)
    if head in known["singulars"] and head in known["mass"]:
        return False, False
    if head in known["adjectives"] and " " not in name:
        return False, False
    if role in ("other", "mood") and " " not in name and head.endswith(("ness", "ity", "ism", "tion", "hood", "ship")):
        return False, False
    return False, role != "other" or name.replace(" ", "") in known["instruments"]


def _one_of_a_mass(name: str, head: str) -> bool:
    """“steady rhythm” and “fun energy” take an article though “rhythm” alone does not."""
    return " " in name and head in words()["sorts"]
