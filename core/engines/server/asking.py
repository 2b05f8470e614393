"""One question, from the moment it is to be asked until it is answered and stored, or given up."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from core.engines.answers.envelope import Envelope, read_envelope
from core.engines.calls import EngineFault, Reply, Request, Spent, Usage, text_of
from core.engines.capabilities import Capabilities
from core.engines.money.cost import Pricing, estimate_tokens
from core.engines.money.ledger import ANSWERED, Attempt
from core.engines.replies import Landed, landed
from core.engines.server.faults import Verdict, judge_body, judge_connection, judge_status, read_object
from core.engines.server.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut
from core.engines.server.landing import Landing
from core.engines.server.limiter import MILLION, Ended, Limiter, Weight
from core.engines.server.limits import Limits
from core.engines.server.troubles import STOPPED, UNCOUNTED, Tries, Troubles
from core.engines.server.wire import body_of, stored_wire, token_limit_of

SLOWEST = 3.0  # times the time that 95 % of the answers take
MEASURED = 200
FEWEST_MEASURED = 20
BYTES_A_TOKEN = 3  # at least, in all scripts: Latin text has 4, Cyrillic 4.6, Han 3.6
PER_MESSAGE = 4
A_PICTURE = 1500

_Good = tuple[Answered, Envelope]
Asked = tuple[Reply | None, EngineFault | None]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request on its way: the key of the reply, when it was sent (by both clocks), and what it takes."""

    key: str
    at: float
    started: float
    weight: Weight

    @property
    def milliseconds(self) -> int:
        """Since it was sent."""
        return round(1000 * (time.monotonic() - self.started))


class Asker:
    """Asks one model of one server; one per engine, inside its loop.

    Args:
        job: the job's id, for the ledger.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        job: str,
        connection: Connection,
        limiter: Limiter,
        landing: Landing,
        capabilities: Capabilities,
        pricing: Pricing,
        limits: Limits,
        spent: Spent,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.job = job
        self.connection = connection
        self.limiter = limiter
        self.landing = landing
        self.capabilities = capabilities
        self.pricing = pricing
        self.limits = limits
        self.spent = spent
        self.troubles = Troubles(limiter, capabilities, limits, spent)
        self.stopping = False
        self._times: deque[float] = deque(maxlen=MEASURED)
        self._longest = limits.seconds
        self._tokens = 0.0  # of a request, on average

    async def ask(self, request: Request, key: str) -> Asked:
        """The answer to a request, stored; or why there is none.

        Raises:
            StoreError: the answer came, and could not be stored.
        """
        tries = Tries()
        while True:
            ended = self._ended()
            if ended is not None:
                return None, ended
            weight = self._weight(request)
            try:
                await self.limiter.enter(weight)
            except Ended as error:
                return None, self.troubles.end(error.fault)
            micros, tokens, pause, landing = 0, 0, None, None
            try:
                ended = self._ended()
                if ended is not None:
                    return None, ended
                quirks = self.capabilities.quirks  # what was learned while this one waited counts
                if request.has_images:  # they are read and made smaller
                    body = await asyncio.to_thread(body_of, request, self.model, quirks)
                else:
                    body = body_of(request, self.model, quirks)
                sent = _Sent(key, time.time(), time.monotonic(), weight)
                micros = weight.micros  # whatever becomes of it, it may have been paid
                answer = await self._send(body, quirks.sends(request), request.has_images, sent)
                if isinstance(answer, Verdict):
                    micros = weight.micros if answer.billed == "unknown" else 0
                    # the others are told before this one's place is free
                    pause = self.troubles.react(answer, quirks, tries, request)
                else:
                    landed_answer, attempt = self._read(request, stored_wire(body, quirks), *answer, sent, tries.flags)
                    tokens = attempt.prompt_tokens + attempt.completion_tokens
                    micros = attempt.cost_micros or 0
                    self._good(answer[0], tokens, attempt.milliseconds / 1000)
                    landing = self.landing.add(landed_answer, attempt)
            finally:
                self.limiter.leave(weight, landing is not None, micros=micros, tokens=tokens)
            if landing is not None:
                try:
                    return await asyncio.shield(landing), None
                finally:
                    self.limiter.stored()
            assert isinstance(answer, Verdict)
            if pause is None:
                return None, await self._given_up(answer)
            if pause:
                await asyncio.sleep(pause)
            request = tries.cut or request

    async def _given_up(self, verdict: Verdict) -> EngineFault:
        fault = self.troubles.failed(verdict)
        if fault.kind == "model" and verdict.action == "fatal":
            fault = self.troubles.fatal = await self._with_suggestions(fault)
        return fault

    async def _with_suggestions(self, fault: EngineFault) -> EngineFault:
        """Which of the server's models may have been meant, where it lists them."""
        try:
            listed = await self.connection.get("/models")
        except (TimedOut, CannotConnect, CutOff):
            return fault
        data = (read_object(listed.text) or {}).get("data")
        rows = data if isinstance(data, list) else []
        names = [each["id"] for each in rows if isinstance(each, dict) and isinstance(each.get("id"), str)]
        near = difflib.get_close_matches(self.model, names, 3, 0.3) or names[:3]
        if not near:
            return fault
        meant = " or ".join(f"“{name[:80]}”" for name in near)
        return replace(fault, message=f"{fault.message} Did you mean {meant}?")

    def _ended(self) -> EngineFault | None:
        if self.troubles.fatal is not None:
            return self.troubles.fatal
        if self.stopping:
            return EngineFault(STOPPED, "The run was stopped before this was asked.")
        return None

    def _weight(self, request: Request) -> Weight:
        if not self.limits.strict:
            return Weight()
        most = token_limit_of(request, self.capabilities.quirks) or request.max_tokens
        prompt = most_tokens(request)
        cost = self.pricing.cost(prompt, most)
        return Weight(prompt + most, 0 if cost is None else int(cost * MILLION) + 1)

    # over the wire

    async def _send(
        self, body: dict[str, Any], negotiable: frozenset[str], images: bool, sent: _Sent
    ) -> _Good | Verdict:
        """One request: a usable answer, or what is wrong; what is wrong is in the ledger then."""
        self.spent.requests += 1
        woken = self.limiter.woken
        try:
            verdict = await self._judged(body, negotiable, images)
        except asyncio.CancelledError:
            self._note(sent, "cancelled", None, "unknown")
            raise
        if isinstance(verdict, tuple):
            return verdict
        if self.limiter.woken != woken and verdict.fault.kind in ("timeout", "connection"):
            verdict = replace(verdict, retries=UNCOUNTED)  # this machine slept: that is nobody's fault
        self.spent.faults[verdict.fault.kind] = self.spent.faults.get(verdict.fault.kind, 0) + 1
        self._note(sent, verdict.fault.kind, verdict.status, verdict.billed)
        return verdict

    async def _judged(self, body: dict[str, Any], negotiable: frozenset[str], images: bool) -> _Good | Verdict:
        try:
            answered = await self.connection.post(body, seconds=self._longest)
        except TimedOut as error:
            return judge_connection(self.endpoint, "slow" if error.begun else "timeout", "")
        except CannotConnect as error:
            return judge_connection(self.endpoint, "connect", str(error))
        except CutOff as error:
            return judge_connection(self.endpoint, "stale" if error.stale else "broken", "")
        if not 200 <= answered.status < 300:
            status, headers, text = answered.status, answered.headers, answered.text
            return judge_status(
                status, headers, text, self.endpoint, self.model, negotiable, self.limits.longest_pause, images
            )
        envelope = read_envelope(answered.text)
        if envelope.usable:
            return answered, envelope
        return judge_body(answered.text, self.endpoint, self.model)

    def _note(self, sent: _Sent, outcome: str, status: int | None, billed: str) -> None:
        cost: int | None = 0
        if not self.pricing.known:
            cost = None
        elif billed == "unknown":
            cost = sent.weight.micros if self.limits.strict else None
        at, milliseconds = sent.at, sent.milliseconds
        row = Attempt(sent.key, self.endpoint, self.model, self.job, at, milliseconds, outcome, status, billed)
        self.landing.note(replace(row, cost_micros=cost))

    # what came of it

    def _read(
        self,
        request: Request,
        wire: dict[str, Any],
        answered: Answered,
        envelope: Envelope,
        sent: _Sent,
        flags: tuple[str, ...],
    ) -> tuple[Landed, Attempt]:
        told = envelope.prompt_tokens is not None and envelope.completion_tokens is not None
        prompt, completion = envelope.prompt_tokens or 0, envelope.completion_tokens or 0
        if not told:
            prompt = estimate_tokens("".join(text_of(m) for m in request.messages))
            completion = estimate_tokens(envelope.text)
            self.spent.estimated = True
        milliseconds = sent.milliseconds
        usage = Usage(prompt, completion, not told, milliseconds)
        answer = landed(sent.key, request, wire, answered.text, usage, flags, envelope)
        cost = self.pricing.cost(prompt, completion, envelope.cached_tokens)
        if cost is not None:
            self.spent.cost = (self.spent.cost or 0) + cost
        self.spent.answered += 1
        self.spent.prompt_tokens += prompt
        self.spent.completion_tokens += completion
        micros = None if cost is None else round(cost * MILLION)
        attempt = Attempt(
            sent.key,
            self.endpoint,
            self.model,
            self.job,
            sent.at,
            milliseconds,
            ANSWERED,
            answered.status,
            "yes",
            prompt,
            completion,
            micros,
        )
        return answer, attempt

    def _good(self, answered: Answered, tokens: int, seconds: float) -> None:
        self.troubles.over()
        self._tokens += (tokens - self._tokens) / min(50, max(1, self.spent.answered))
        self._times.append(seconds)
        if self.spent.answered % FEWEST_MEASURED == 0:
            slow = sorted(self._times)[int(0.95 * (len(self._times) - 1))]
            self._longest = max(self.limits.seconds, SLOWEST * slow)
        self.limiter.answered(answered.headers, round(self._tokens))


def most_tokens(request: Request) -> int:
    """Tokens that a prompt has at most, whatever its script: what is reserved must not be too little."""
    size = sum(len(text_of(message).encode("utf-8", "replace")) for message in request.messages)
    pictures = sum(
        part.get("type") == "image"
        for message in request.messages
        if isinstance(message["content"], list)
        for part in message["content"]
    )
    return size // BYTES_A_TOKEN + PER_MESSAGE * len(request.messages) + A_PICTURE * pictures
