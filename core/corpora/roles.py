"""The roles that a column of a corpus can have."""

from __future__ import annotations

CLUE_ROLES = ("title", "caption", "category", "ocr", "speech", "body", "clue")
"""Text that is shown to people and sent to engines, in the order in which it is shown; `clue` is any other."""

ROLES = (*CLUE_ROLES, "id", "gold", "tags", "status", "media", "link", "keep", "ignore")
"""`gold`: labels to measure against. `tags`, `status`: what people accepted, in a file Tagloom wrote.
`keep`: stored and exported, not shown to engines. `ignore`: dropped."""

SINGLE_ROLES = ("id", "link", "status")
"""Roles that at most one column may have."""

LIST_ROLES = ("gold", "tags")

ROLE_LABELS = {
    "title": "Title",
    "caption": "Description",
    "category": "Category",
    "ocr": "Text in the picture",
    "speech": "Speech",
    "body": "Long text",
    "clue": "Other text to show",
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
