"""Whether a server can be used, found out by asking it: its models, one tiny question, and, where pictures are meant to
be sent, one tiny picture. Names the fault, and what would work instead where that can be found out."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from core.engines.answers.envelope import read_envelope
from core.engines.calls import Request
from core.engines.capabilities import Capabilities
from core.engines.connecting.endpoints import host_of, is_local, normalise, other_bases, other_scheme, server_name
from core.engines.connecting.knocking import knock
from core.engines.connecting.listing import Listed, near_names, read_listing
from core.engines.connecting.picture_test import COLOURS, names_the_colours, picture
from core.engines.server.faults import Verdict, judge_body, judge_connection, judge_status
from core.engines.server.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut
from core.engines.server.wire import body_of
from core.errors import InvalidInput
from core.store.projects import Host

SECONDS = 30.0  # for the list of models
_NO_PICTURES = re.compile(r"image|vision|picture|multi-?modal|modalit|mmproj", re.I)  # words of servers that take none
PATIENCE = 90.0  # for an answer: a local server loads its model first
SLOW = 20.0
ROUNDS = 16  # of negotiating: more than there are things to negotiate
QUESTION = Request(
    (
        {"role": "system", "content": "You answer with a JSON object and nothing else."},
        {"role": "user", "content": 'Answer with {"word": "ready"}'},
    ),
    {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
    max_tokens=32,
)
WHICH_COLOURS = Request(
    (
        {
            "role": "user",
            "content": "The picture has two halves, each of one plain colour. Name the two colours, left one first. "
            "If you see no picture, say: no picture.",
        },
    ),
    max_tokens=300,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        kind: "" where all is well, else the fault: "unreachable", "certificate", "timeout", "address", "redirect",
            "key", "quota", "model", "no_chat", "vision", "choose" (a model is still to be named), …
        models: names that the server lists (it need not list any); `near`: those most like the one asked for.
        base_url: the address that works, where another one was given.
        vision: "takes", "refuses", "ignores" (answers, but cannot have seen the picture), "unclear"; None: not asked.
        context: tokens that the server says the model can take.
        batches: it takes requests handed in together (/batches); None: not asked.
        seconds: how long the answer took.
    """

    ok: bool
    message: str
    remedy: str = ""
    kind: str = ""
    models: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    base_url: str = ""
    vision: str | None = None
    context: int | None = None
    batches: bool | None = None
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "models": list(self.models), "near": list(self.near)}


def check(
    host: Host,
    base_url: str,
    model: str,
    key: str | None,
    seconds: float = SECONDS,
    *,
    pictures: bool = False,
    patience: float = PATIENCE,
) -> Finding:
    """Ask a server what it has, and, where a model is named, one tiny question (about 60 tokens). What is learned of
    how the model must be asked is kept.

    Args:
        base_url: a normalised address.
        key: what it is let in with, or None.
        seconds, patience: how long to wait for the list of models and for an answer.
        pictures: ask what is on a tiny picture as well (about 200 tokens).
    """
    return asyncio.run(_Check(host, base_url, model, key, seconds, patience).run(pictures))


@dataclass(frozen=True, slots=True)
class _Silence:
    """No answer: "connect", "timeout" or "broken", with the details."""

    kind: str
    detail: str = ""


class _Check:
    def __init__(self, host: Host, base_url: str, model: str, key: str | None, seconds: float, patience: float) -> None:
        self.host = host
        self.base_url = base_url
        self.model = model
        self.key = key
        self.seconds = seconds
        self.patience = patience
        self.where = host_of(base_url)

    async def run(self, pictures: bool) -> Finding:
        listed = await self._get(self.base_url)
        if isinstance(listed, _Silence):
            return await self._silent(listed)
        if 300 <= listed.status < 400:
            return self._redirected(listed)
        known = read_listing(listed.text) if listed.status == 200 else Listed()
        if listed.status == 401 or (listed.status == 403 and not self.model):
            return self._refused(judge_status(listed.status, listed.headers, listed.text, self.base_url, self.model))
        if not known.names and listed.status != 403:
            moved = await self._elsewhere()
            if moved is not None:
                return moved
        if not self.model:
            return self._choose(listed, known)
        return await self._ask_model(known, pictures)

    # before a model is asked

    async def _get(self, base_url: str, path: str = "/models") -> Answered | _Silence:
        connection = Connection(base_url, self.key, self.seconds)
        try:
            return await connection.get(path)
        except TimedOut:
            return _Silence("timeout")
        except CannotConnect as error:
            return _Silence("connect", str(error))
        except CutOff as error:
            return _Silence("broken", str(error))
        finally:
            await connection.close()

    async def _silent(self, silence: _Silence) -> Finding:
        found = self._finding(judge_connection(self.base_url, silence.kind, silence.detail))
        if silence.kind == "timeout":
            remedy = "It takes connections, but says nothing: is it another program, or still starting?"
            return replace(found, remedy=remedy)
        other = other_scheme(self.base_url)
        answer = await self._get(other) if other else None
        if other and isinstance(answer, Answered) and answer.status < 500:
            scheme = other.partition(":")[0]
            return Finding(
                False,
                f"{self.where} speaks {scheme}, not the scheme given.",
                f"Use {other}.",
                "address",
                base_url=other,
            )
        if silence.kind != "connect":
            return found
        if "certificate" in silence.detail.lower():
            return replace(found, kind="certificate")
        if is_local(self.base_url):
            there = await knock(self.base_url)
            if there is not None:
                base_url, models = there
                message = f"Nobody answers at {self.where}, but there is a server at {host_of(base_url)}"
                name = server_name(base_url)
                message += "." if name == host_of(base_url) else f", where {name} usually is."
                return Finding(False, message, f"Use {base_url}.", "address", models, base_url=base_url)
            if _in_container():
                words = "Tagloom runs in a container, where localhost is the container; the host's servers are at"
                return replace(found, remedy=f"Is the server running? {words} host.docker.internal.")
        return found

    def _redirected(self, answer: Answered) -> Finding:
        target = answer.headers.get("location", "")
        message = f"{self.where} sends the request on to {target[:200] or 'another place'}."
        try:
            better = normalise(target) if target.startswith(("http://", "https://")) else ""
        except InvalidInput:
            better = ""
        if not better or better == self.base_url or "login" in target.lower() or "signin" in target.lower():
            remedy = "Is there a proxy or a login in between? Give the server's own address."
            return Finding(False, message, remedy, "redirect")
        return Finding(False, message, f"Use {better}.", "redirect", base_url=better)

    async def _elsewhere(self) -> Finding | None:
        """The address at which the same server does list models, where this one lists none."""
        for better in other_bases(self.base_url):
            answer = await self._get(better)
            if isinstance(answer, Answered) and answer.status == 200:
                names = read_listing(answer.text).names
                if names:
                    lacks = better.removeprefix(self.base_url)
                    message = f"There is a server at {self.where}, but its address lacks {lacks}."
                    if lacks == better:
                        message = f"There is a server at {self.where}, at another address than this."
                    return Finding(False, message, f"Use {better}.", "address", names, base_url=better)
        return None

    def _choose(self, listed: Answered, known: Listed) -> Finding:
        if known.names:
            return Finding(False, f"{self.where} answers.", "Now choose one of its models.", "choose", known.names)
        if listed.status == 200 and listed.text.lstrip()[:200].lower().startswith(("<!doctype", "<html")):
            return self._finding(judge_body(listed.text, self.base_url))
        message = f"{self.where} answers, but does not list its models."
        return Finding(False, message, "Type the model's name.", "choose")

    # asking the model

    async def _ask_model(self, known: Listed, pictures: bool) -> Finding:
        capabilities = Capabilities.of(self.host, self.base_url, self.model)
        connection = Connection(self.base_url, self.key, self.patience)
        try:
            start = time.monotonic()
            answer = await self._negotiated(connection, capabilities, QUESTION)
            seconds = round(time.monotonic() - start, 1)
            if isinstance(answer, Verdict):
                return self._unusable(answer, known)
            context = known.contexts.get(self.model)
            capabilities.note_context(context)
            message, remedy = f"{self.model} answers.", ""
            if seconds >= SLOW:
                message = f"{self.model} answers, but took {seconds:.0f} seconds for one word."
                remedy = "A local server loads its model at the first question: check again."
            batches = await self._takes_batches()
            found = Finding(
                True, message, remedy, models=known.names, context=context, batches=batches, seconds=seconds
            )
            return await self._with_picture(connection, capabilities, found) if pictures else found
        finally:
            await connection.close()

    async def _takes_batches(self) -> bool:
        """Whether there is a list of batches, however short."""
        answer = await self._get(self.base_url, "/batches?limit=1")
        if not isinstance(answer, Answered) or answer.status != 200:
            return False
        try:
            body = orjson.loads(answer.text)
        except orjson.JSONDecodeError:
            return False
        return isinstance(body, dict) and isinstance(body.get("data"), list)

    async def _negotiated(
        self, connection: Connection, capabilities: Capabilities, question: Request, shown: str = ""
    ) -> Answered | Verdict:
        """The answer, asked for in the form that the server takes."""
        verdict: Verdict | None = None
        for _ in range(ROUNDS):
            quirks = capabilities.quirks
            body = body_of(question, self.model, quirks)
            if shown:
                words = body["messages"][-1]["content"]
                image = {"type": "image_url", "image_url": {"url": shown}}
                body["messages"][-1]["content"] = [{"type": "text", "text": words}, image]
            answer = await self._post(connection, body, quirks.sends(question), images=bool(shown))
            if isinstance(answer, Answered):
                return answer
            verdict = answer
            if answer.action != "negotiate":
                break
            if capabilities.refused(quirks, answer.change or "", answer.fault.message) is None:
                break
        assert verdict is not None
        return verdict

    async def _post(
        self, connection: Connection, body: dict[str, Any], sent: frozenset[str], images: bool
    ) -> Answered | Verdict:
        try:
            answer = await connection.post(body)
        except TimedOut:
            return judge_connection(self.base_url, "timeout", "")
        except CannotConnect as error:
            return judge_connection(self.base_url, "connect", str(error))
        except CutOff:
            return judge_connection(self.base_url, "broken", "")
        if answer.status != 200:
            return judge_status(
                answer.status, answer.headers, answer.text, self.base_url, self.model, sent, images=images
            )
        if not read_envelope(answer.text).usable:
            return judge_body(answer.text, self.base_url)
        return answer

    def _unusable(self, verdict: Verdict, known: Listed) -> Finding:
        fault, near = verdict.fault, near_names(self.model, known.names)
        words = fault.message.lower()
        if "support chat" in words or "not a chat model" in words or ("embedding" in words and "chat" in words):
            message = f"{self.model} at {self.where} is not made for chat: an embedding model, perhaps."
            return Finding(False, message, "Choose another of its models.", "no_chat", known.names, near)
        unknown = known.names and self.model not in known.names
        if fault.kind == "model" or (unknown and fault.kind in ("address", "server", "request")):
            remedy = f"Did you mean {' or '.join(near)}?" if near else "Choose one of its models."
            message = f"{self.where} has no model “{self.model}”."
            if not known.names:
                remedy = "Check the model's name."
            return Finding(False, message, remedy, "model", known.names, near)
        if fault.kind == "address" and known.names and "web page" not in words:
            message = f"{self.where} lists models, but does not answer chat completions."
            return Finding(False, message, "Is it a server for embeddings or pictures only?", "no_chat", known.names)
        if fault.kind == "timeout":
            message = f"{self.where} did not answer one word within {self.patience:.0f} seconds."
            remedy = "A local server may still be loading the model: check again in a minute."
            return Finding(False, message, remedy, "timeout", known.names)
        return self._refused(verdict, known.names) if fault.kind == "key" else self._finding(verdict, known.names)

    async def _with_picture(self, connection: Connection, capabilities: Capabilities, found: Finding) -> Finding:
        """The same with what the model makes of a picture whose colours nobody would guess."""
        answer = await self._negotiated(connection, capabilities, WHICH_COLOURS, picture())
        if isinstance(answer, Verdict):
            kind, words = answer.fault.kind, answer.fault.message
            if kind not in ("modality", "request", "parameter") and not _NO_PICTURES.search(words):
                message = f"{self.model} answers texts, but failed when it was sent a picture: {words}"
                remedy = "Try again, or use it for text only."
                return replace(found, ok=False, message=message, remedy=remedy, kind=kind, vision="unclear")
            capabilities.note_vision(False)
            message = f"{self.model} answers, but refuses pictures."
            return replace(self._no_vision(found, message), vision="refuses")
        envelope = read_envelope(answer.text)
        if names_the_colours(envelope.text):
            capabilities.note_vision(True)
            return replace(found, message=f"{found.message} It takes pictures.", vision="takes")
        if not envelope.text.strip() or envelope.finish_reason == "length":
            message = f"{found.message} It thought too long to tell whether it sees pictures."
            return replace(found, message=message, vision="unclear")
        capabilities.note_vision(False)
        said = " ".join(envelope.text.split())[:80]
        message = f"{self.model} answers, but ignores pictures: shown {' and '.join(COLOURS)}, it said “{said}”."
        return replace(self._no_vision(found, message), vision="ignores")

    def _no_vision(self, found: Finding, message: str) -> Finding:
        seeing = [name for name in found.models if name != self.model and _looks_like_vision(name)][:3]
        remedy = f"Try {' or '.join(seeing)}, or use it" if seeing else "Choose a model that can see, or use this one"
        return replace(found, ok=False, kind="vision", message=message, remedy=f"{remedy} for text only.")

    def _refused(self, verdict: Verdict, models: tuple[str, ...] = ()) -> Finding:
        found = self._finding(verdict, models)
        asks = "This server asks for a key: paste it into the key field."
        return replace(found, kind="key", remedy=asks) if self.key is None else replace(found, kind="key")

    def _finding(self, verdict: Verdict, models: tuple[str, ...] = ()) -> Finding:
        remedy = verdict.fault.remedy.replace(", then resume", "").replace(" Then resume.", "")
        if remedy.startswith("Resume"):
            remedy = ""
        return Finding(False, verdict.fault.message, remedy or "Try again in a moment.", verdict.fault.kind, models)


def _in_container() -> bool:
    return Path("/.dockerenv").exists()


def _looks_like_vision(name: str) -> bool:
    words = name.lower()
    return any(part in words for part in ("-vl", "vision", "llava", "pixtral", "gemma4", "gemma-4", "joycaption"))
