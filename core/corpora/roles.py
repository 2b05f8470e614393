"""The roles that a column of a corpus can have."""

from __future__ import annotations

CLUE_ROLES = ("title", "caption", "category", "ocr", "speech", "body", "clue")
"""Text that is shown to people and sent to engines, in the order in which it is shown; `clue` is any other."""

FACT_ROLES = ("given", "flag", "weights", "names", "reference")
"""Roles of a music corpus. `given`: tags that captions are written from. `flag`: a column of 0 and 1 that is called as
a tag, which is given where it holds 1. `weights`: numbers beside the given tags, in their order. `names`: titles and
artists, shown and never sent. `reference`: a caption by somebody else, to measure against and never sent."""

ROLES = (*CLUE_ROLES, *FACT_ROLES, "id", "gold", "tags", "status", "media", "link", "keep", "ignore")
"""`gold`: labels to measure against. `tags`, `status`: what people accepted, in a file Tagloom wrote.
`keep`: stored and exported, not shown to engines. `ignore`: dropped."""

SINGLE_ROLES = ("id", "link", "status")
"""Roles that at most one column may have."""

LIST_ROLES = ("gold", "tags")

SPLIT_ROLES = (*LIST_ROLES, "given")
"""Roles of columns whose text cells hold lists."""

ROLE_LABELS = {
    "title": "Title",
    "caption": "Description",
    "category": "Category",
    "ocr": "Text in the picture",
    "speech": "Speech",
    "body": "Long text",
    "clue": "Other text to show",
    "given": "Tags to write from",
    "flag": "Tag where it is 1",
    "weights": "Weights of the tags",
    "names": "Title or artist, never sent",
    "reference": "Reference caption",
    "id": "Id",
    "gold": "Gold tags",
    "tags": "Accepted tags",
    "status": "Review status",
    "media": "Picture or sound",
    "link": "Link",
    "keep": "Keep, do not show",
    "ignore": "Leave out",
}
"""What the page calls the roles, in the order of its role chooser."""
