"""When two tag names are the same, and what a tag name may be."""

from __future__ import annotations

import unicodedata

from core.errors import InvalidInput

LONGEST = 120
# Text direction marks, zero-width and control characters: invisible, and two names that differ only by them
# would look the same.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean_name(name: str) -> str:
    """The name as it is stored: NFC, invisible characters removed, spaces collapsed.

    Raises:
        InvalidInput: nothing is left, or more than 120 characters.
    """
    visible = "".join(" " if c in "\t\r\n" else c for c in unicodedata.normalize("NFC", name))
    visible = "".join(c for c in visible if unicodedata.category(c) not in _INVISIBLE)
    cleaned = " ".join(visible.split())
    if not cleaned:
        raise InvalidInput("A tag needs a name.", "Type at least one visible character.")
    if len(cleaned) > LONGEST:
        raise InvalidInput(
            f"The tag “{cleaned[:40]}…” has {len(cleaned)} characters; {LONGEST} is the most.", "Shorten it."
        )
    return cleaned


def name_key(name: str) -> str:
    """What makes two names the same: compatibility forms, case and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
