"""A chat completions server that captions music: what it says follows from the tags that it was asked about."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.scripted_server import Answer, ScriptedServer, said

MODEL = "scripted-captioner"


@dataclass
class Manners:
    """How the server behaves. By tag: `refuse`, `babble` (no structure in an answer that needs one), `broken` (status
    500), `stubborn` (names a violin whatever it is told), `invents` (names one until it is told not to)."""

    refuse: str = ""
    babble: str = ""
    broken: str = ""
    stubborn: str = ""
    invents: str = ""
    slow: float = 0.0
    usage: dict[str, int] = field(default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 30})


class CaptionServer(ScriptedServer):
    """`manners` may be changed at any time; `answered` counts the questions that got an answer."""

    def __init__(self, **manners: Any) -> None:
        self.manners = Manners(**manners)
        self.answered = 0
        self._lock = threading.Lock()
        super().__init__(post=self._answer)

    def _answer(self, path: str, body: dict[str, Any]) -> Answer:
        manners, words = self.manners, [m["content"] for m in body["messages"]]
        tags = tags_of(words)
        if manners.slow:
            time.sleep(manners.slow)
        if manners.broken and manners.broken in tags:
            return 500, {"error": {"message": "The server had an error.", "type": "server_error"}}
        with self._lock:
            self.answered += 1
        if manners.refuse and manners.refuse in tags:
            return said("I'm sorry, but I can't help with that.", usage=manners.usage)
        told = sum("cannot be used" in word for word in words)
        heat = float(body.get("temperature") or 0)
        text = f"{('A calm piece', 'This piece')[heat > 0]} with {', '.join(tags) or 'nothing'}."
        if told:
            text = text.replace("piece", "track")
        if (manners.invents in tags and manners.invents and not told) or (
            manners.stubborn in tags and manners.stubborn
        ):
            text = text[:-1] + " and a violin."
        if "new_attributes" not in words[0] or (manners.babble and manners.babble in tags):
            return said(text, usage=manners.usage)
        guess = ["late night", *tags[:1]]
        return said(str({"new_attributes": guess, "description": text}), usage=manners.usage)


def tags_of(words: list[str]) -> list[str]:
    """The tags of the question that a conversation begins with."""
    for word in words:
        found = re.search(r"^(?:tags|the only tag): (\[.*\])$", word, re.M)
        if found:
            return list(json.loads(found[1]))
    return [tag.strip() for tag in words[0].rpartition("\n")[2].split(",") if tag.strip()]
