"""Tags of one item that cannot all be true: said in sentences before anything is spent on writing about them."""

from __future__ import annotations

import re
from dataclasses import replace

from core.captions.absent import ACCOMPANIMENT, INSTRUMENTS, VOICES
from core.captions.tags import MusicTag, TagSet

_VOICE = re.compile(r"\b(?:vocal|vocals|voices?|sing(?:s|ing|er|ers)|vocalists?|rap|rapping|rappers?|choirs?|chorus)\b")
_SUNG = re.compile(r"\b(?:sing(?:s|ing|er|ers)|vocalists?|choirs?|rappers?|crooners?)\b")
_ANY_VOICE = re.compile(r"(?:any )?(?:vocals?|voices?|human voices?)")
_ANY_SINGER = re.compile(r"(?:any )?(?:singers?|singing|vocalists?)")
_BODY = re.compile(r"\b(?:beat ?box\w*|beat boxing|mouth|body|vocals?|voices?|claps?|clapping|humming|snaps?)\b")
_ANY_INSTRUMENT = re.compile(r"(?:any |musical )?instruments?|instrumentation|musical instruments?")
_ANY_PERCUSSION = re.compile(r"(?:any )?(?:percussions?|drums?|drumming|percussion instruments?|beats?)")
_PERCUSSION = re.compile(
    r"\b(?:drums?|drumming|drummers?|percussions?|snares?|kicks?|hi[ -]?hats?|cymbals?|toms?|congas?|bongos?|djembes?"
    r"|tablas?|dhol|cajon|timpani|tambourines?|shakers?|rimshots?|cowbells?|maracas|claps|handclaps)\b"
)
_NO_DRUM = re.compile(r"\b(?:vocal drum|drum ?machine|steel drums?)")
_UNSUNG = re.compile(
    r"\b(?:no|non|without|like|synth|synthesi[sz]ed|violin|guitar|flute|sax\w*|bowls?|birds?|analog|pedal)\b"
)
_OPPOSITES = (
    (r"(?:very |quite )?slow(?:er)?(?: \w+)?", r"(?:very |quite )?fast(?:er)?(?: \w+)?|up ?-?tempo"),
    (r"quiet|soft", r"loud"),
    (r"major key|major", r"minor key|minor"),
    (r"mono", r"stereo|wide stereo"),
    (r"a ?cc?app?ell?a", r"instrumental(?: music)?"),
)  # fmt: skip


def contradictions_of(tags: TagSet) -> tuple[str, ...]:
    """A sentence for each pair of tags that cannot both be true."""
    found: list[str] = []
    for absent in tags.absent:
        for tag in tags.present:
            if _denies(absent, tag):
                found.append(_sentence(absent, tag))
    names = [tag.name for tag in tags.present]
    for first, second in _OPPOSITES:
        ones = [name for name in names if re.fullmatch(first, name)]
        others = [name for name in names if re.fullmatch(second, name)]
        found += [
            f"“{one}” and “{other}” contradict each other, unless the piece changes."
            for one in ones[:1]
            for other in others[:1]
        ]
    return tuple(dict.fromkeys(found))


def _sentence(absent: MusicTag, tag: MusicTag) -> str:
    said = absent.raw or absent.name
    if _implied(absent, tag):
        return f"“{said}” says that there are no {absent.name}, and “{tag.name}” that there are some."
    return f"“{said}” and “{tag.name}” cannot both be true: captions follow “{said}”."


def _implied(absent: MusicTag, tag: MusicTag) -> bool:
    """Whether the absence only follows from a word such as “instrumental”, which people also use loosely."""
    return absent.name in (VOICES, INSTRUMENTS, ACCOMPANIMENT) and absent.name not in absent.raw.casefold()


def _denies(absent: MusicTag, tag: MusicTag) -> bool:
    """Whether what is absent is there by the other tag."""
    gone, here = absent.name, tag.name
    if here == absent.raw.casefold() or gone.startswith(("other ", "lead ", "main ", "background ", "backing ")):
        return False
    if _ANY_VOICE.fullmatch(gone):
        return bool(_VOICE.search(here)) and not _UNSUNG.search(here)
    if _ANY_SINGER.fullmatch(gone):
        return bool(_SUNG.search(here)) and not _UNSUNG.search(here)
    if _ANY_INSTRUMENT.fullmatch(gone):
        return tag.facet == "instrument" and not _BODY.search(here)
    if _ANY_PERCUSSION.fullmatch(gone):
        return bool(_PERCUSSION.search(here)) and not _NO_DRUM.search(here)
    if gone == ACCOMPANIMENT:
        return "accompaniment" in here
    return re.search(rf"\b{re.escape(gone.removesuffix('s'))}s?\b", here) is not None


def without_contradicted(tags: TagSet) -> TagSet:
    """What captions say where tags contradict each other: an explicit “no X” takes away what it denies; a word that
    only implies an absence (“instrumental”) gives way to the tag that names what is there."""
    present = list(tags.present)
    absent = list(tags.absent)
    for gone in tags.absent:
        denied = [tag for tag in present if _denies(gone, tag)]
        if denied and all(_implied(gone, tag) for tag in denied):
            absent.remove(gone)
        else:
            present = [tag for tag in present if tag not in denied]
    return replace(tags, present=tuple(present), absent=tuple(absent))
