"""Takes credits such as “Step by Step by Marius Joppich” apart into title and artist."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_BY = re.compile(r"\s+by\s+", re.IGNORECASE)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def split_attributions(credits: Iterable[str]) -> list[tuple[str, str]]:
    """Title and artist of each credit.

    Where “by” stands several times, an artist whom other credits name without doubt decides; else the last “by”
    outside brackets counts, and the last one where all stand in brackets. A credit without “by” is a title.
    """
    texts = [" ".join(credit.split()) for credit in credits]
    places = [[(m.start(), m.end()) for m in _BY.finditer(text)] for text in texts]
    certain = Counter(text[at[0][1] :] for text, at in zip(texts, places, strict=True) if len(at) == 1)
    found = []
    for text, at in zip(texts, places, strict=True):
        if not at:
            found.append((text, ""))
            continue
        outside = [place for place in at if not _in_brackets(text, place[0])] or at
        known = [place for place in outside if certain[text[place[1] :]]]
        start, end = (known or outside)[-1]
        found.append((text[:start], text[end:]))
    return found


def _in_brackets(text: str, place: int) -> bool:
    before, after = text[:place], text[place:]
    return any(
        before.count(opening) > before.count(closing) and closing in after for opening, closing in _BRACKETS.items()
    )
