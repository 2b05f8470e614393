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
