"""Tags that say what is not there: “no drums”, “without vocals”, “instrumental”, “a cappella”."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

VOICES = "vocals"
INSTRUMENTS = "instruments"
ACCOMPANIMENT = "accompaniment"

_LEAD = re.compile(
    r"(?:with(?:out| no)(?: any)?|w/o|no|sans|zero|not any|lack of|lacks|lacking|absence of|free of|absent|minus)"
    r"\s+(?=\S)"
)
_AGAIN = re.compile(r"\s*(?:,|/|\bor\b|\bnor\b|\band no\b|\band without\b|\bno\b|&|\band\b)\s*(?:no |any |without )?")
_NON = re.compile(r"non[ -]?(vocals?|singing|vocali[sz]ed|lyrical|percussive|drums?)")
_FREE = re.compile(
    r"(vocals?|voices?|drums?|percussion|bass|beat|lyrics?|guitars?|piano)[ -](?:free|less)|(beat|voice|drum)less"
)
_NOT_ABSENCE = re.compile(
    r"no(?:thing)? (?:wave|limits?|fear|man'?s|one|hope|regrets?|worries|mercy|problem|age|matter|way|more|name)\b"
)
_INSTRUMENTAL = re.compile(
    r"(?:(?:fully|purely|completely|all|solo|only|pure|entirely) )?instrumental(?:s|ly)?"
    r"(?: (?:music|song|piece|track|version|cover|tune|composition|solo|duet|duo|trio|band|hits?|number|only|recording"
    r"|arrangement|rendition|section|backing|hip[ -]?hop|rock|pop|jazz|metal|folk|funk))?"
)
_A_CAPPELLA = re.compile(r"a ?cc?app?ell?as?(?: (?:song|music|singing|version|piece|group|choir|vocals?|cover|band))?")
_UNACCOMPANIED = re.compile(r"(?:unaccompanied|non[ -]?accompanied)(?: .+)?")
_VOICELESS = re.compile(r"(vocals?|voices?|lyrics?|drums?|percussion) (?:absent|missing)")
_WORDLESS = re.compile(r"wordless (?:music|instrumental)")


@dataclass(frozen=True, slots=True)
class Absence:
    """What a tag denies.

    Attributes:
        names: what is absent ("drums", "other instruments").
        stays: the tag itself also says something that is there ("instrumental", "a cappella").
        rest: what is left of a tag that says both ("no voices instrumental"), or "".
    """

    names: tuple[str, ...]
    stays: bool = False
    rest: str = ""


@lru_cache(maxsize=65_536)
def absence_of(tag: str) -> Absence | None:
    """What a cleaned, lower-case tag says is absent; None where it denies nothing."""
    if _INSTRUMENTAL.fullmatch(tag):
        return Absence((VOICES,), stays=True)
    if _A_CAPPELLA.fullmatch(tag.replace("-", " ")):
        return Absence((INSTRUMENTS,), stays=True)
    if _UNACCOMPANIED.fullmatch(tag):
        return Absence((ACCOMPANIMENT,), stays=True)
    lead = _LEAD.match(tag)
    if lead and not _NOT_ABSENCE.match(tag):
        return _denied(tag[lead.end() :])
    found = _NON.fullmatch(tag) or _FREE.fullmatch(tag) or _VOICELESS.fullmatch(tag)
    if found:
        return Absence((_plain(next(group for group in found.groups() if group)),))
    if _WORDLESS.fullmatch(tag):
        return Absence(("lyrics",), stays=True)
    return None


def _denied(text: str) -> Absence | None:
    rest = ""
    if text.endswith((" instrumental", " instrumental music")):
        text, _, after = text.partition(" instrumental")
        rest = f"instrumental{after}"
    names = tuple(dict.fromkeys(part for each in _AGAIN.split(text) if (part := each.strip(" .-"))))
    return Absence(names, rest=rest) if names else None


def _plain(name: str) -> str:
    """“vocal” in “non-vocal” speaks of vocals."""
    return {
        "vocal": VOICES,
        "vocals": VOICES,
        "voice": VOICES,
        "voices": VOICES,
        "singing": "singing",
        "vocalised": VOICES,
        "vocalized": VOICES,
        "lyrical": "lyrics",
        "lyric": "lyrics",
        "percussive": "percussion",
        "drum": "drums",
        "guitar": "guitars",
    }.get(name, name)
