"""Every error that Tagloom raises on purpose.

TagloomError
├── InvalidInput        the request or a file is wrong          (exit 2, HTTP 400)
│   └── UnsafeInput     it could harm: zip slip, bomb, link      (exit 2, HTTP 400)
├── NotFound            the thing named does not exist           (exit 2, HTTP 404)
├── NotAllowed          this person or place may not do that     (exit 2, HTTP 403)
├── Conflict            somebody changed it in between           (exit 2, HTTP 409)
├── EngineError         an engine or model cannot answer         (exit 1, HTTP 502)
├── StoreError          the database cannot be read or written   (exit 1, HTTP 500)
└── JobCancelled        a person asked the job to stop           (exit 1)

A message says what happened and where; the remedy says what to do next.
Both are shown to people as they are, so neither ever holds a traceback or a secret.
"""

from __future__ import annotations


class TagloomError(Exception):
    """Base of the tree: a sentence for people and a remedy.

    Args:
        message: what happened, naming file, row and field where they are known.
        remedy: what the person can do about it, one sentence.
    """

    http_status = 500
    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def as_dict(self) -> dict[str, str]:
        """The error as the page and `--json` get it."""
        return {"error": type(self).__name__, "message": self.message, "remedy": self.remedy}


class InvalidInput(TagloomError):
    """The request or a file cannot be used as it is."""

    http_status = 400
    exit_code = 2


class UnsafeInput(InvalidInput):
    """The input could do harm (path traversal, archive bomb, link) and was refused."""


class NotFound(TagloomError):
    """The project, corpus, item, tag, run or job named does not exist."""

    http_status = 404
    exit_code = 2


class NotAllowed(TagloomError):
    """The person, browser or folder is not allowed to do this."""

    http_status = 403
    exit_code = 2


class Conflict(TagloomError):
    """Somebody else changed the thing first; nothing was overwritten."""

    http_status = 409
    exit_code = 2


class EngineError(TagloomError):
    """An engine or model is missing or cannot answer.

    Args:
        kind: a short name for what is in the way: "key", "quota", "model", "address", "budget", "rate_limit",
            "unreachable", "modality", "server", …; "" where it does not matter.
    """

    http_status = 502

    def __init__(self, message: str, remedy: str = "", kind: str = "") -> None:
        super().__init__(message, remedy)
        self.kind = kind


class StoreError(TagloomError):
    """The database cannot be opened, read or written."""


class JobCancelled(TagloomError):
    """A person asked the running job to stop; what was done so far is kept."""
