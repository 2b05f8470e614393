"""What models say instead of an answer: refusals, requests for more, and the phrases around a list.

The patterns (words/refusals.txt) are made of the parts that such sentences have in every language: an apology;
"cannot" beside a verb of answering; "not enough" beside what was given; "please" beside "provide". One part alone is
an ordinary word.
"""

from __future__ import annotations

import re
from functools import cache

from core.vocabulary import wordlists


def is_refusal(text: str) -> bool:
    """Whether a plain text (see `cleaning.plain_text`) says that there will be no answer, or asks for more."""
    return _patterns()["refusal"].search(text) is not None


def is_chatter(text: str) -> bool:
    """Whether a plain text speaks about the answer instead of being one."""
    return _patterns()["chatter"].search(text) is not None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    parts: dict[str, str] = {}
    found: dict[str, list[str]] = {"refusal": [], "chatter": []}
    for line in wordlists.lines("refusals"):
        kind, _, pattern = line.partition(": ")
        pattern = re.sub("«(\\w+)»", lambda name: parts[name[1]], pattern)
        if kind.startswith("part "):
            parts[kind.removeprefix("part ")] = pattern
        else:
            found[kind].append(f"(?:{pattern})")
    return {kind: re.compile("|".join(patterns), re.IGNORECASE) for kind, patterns in found.items()}
