"""What models say around an answer: the phrases before and after a list, which are no tags.

The patterns are in words/chatter.txt. Refusals are another matter, and known by `core.engines.answers.refusals` alone.
"""

from __future__ import annotations

import re
from functools import cache

from core.vocabulary import wordlists

_PART = re.compile("«(\\w+)»")


def is_chatter(text: str) -> bool:
    """Whether a plain text (see `cleaning.plain_text`) speaks about the answer instead of being one."""
    return _pattern().search(text) is not None


@cache
def _pattern() -> re.Pattern[str]:
    parts: dict[str, str] = {}
    found: list[str] = []
    for line in wordlists.lines("chatter"):
        name, _, pattern = line.partition(": ")
        if name.startswith("part "):
            parts[name.removeprefix("part ")] = pattern
        else:
            found.append(_PART.sub(lambda name: parts[name[1]], line))
    return re.compile("|".join(f"(?:{pattern})" for pattern in found), re.IGNORECASE)
