"""What follows an answer: is it usable, is it worth asking once more, and how. Transport is somebody else's.

Everything here is decided by the stored answers and the caller's check alone, so that a run that is repeated goes the
same way through the same stored answers, and pays for none of them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from core.engines.answers.parsing import keeps_form, plain, without_reasoning
from core.engines.answers.repetition import loops
from core.engines.calls import Call, EngineFault, Outcome, Reply, Request, text_of
from core.engines.capabilities import Capabilities, ran_into_blanks
from core.engines.server.wire import FORMATS

Once = Callable[[Request], Awaitable[tuple[Reply | None, EngineFault | None]]]
"""The stored answer to a request, asked for if need be; or why there is none."""

MOST_TOKENS = 8000  # of an answer that was cut off and is asked for again with more room
WARMER = 0.2  # temperature added for an answer that was empty
PENALTY = 0.6  # against an answer that ran in circles
REASKED = ("reasked", "reasked twice")  # flags of answers that were asked for again with what was wrong with them
MOST_REQUESTS = 4  # for one call, whatever goes wrong
LEAST_LOOPED = 120  # characters in which running in circles is looked for
SHOWN_AGAIN = 2000  # characters of an unusable answer that the model is shown with what is wrong


class Doubt(str):
    """A problem that is worth asking once more for; an answer that still has it is used all the same, and flagged.

    A `Check` may return one instead of a plain sentence: `Doubt("it is in English; write German.", "language")`.
    """

    __slots__ = ("flag",)
    flag: str

    def __new__(cls, problem: str, flag: str) -> Doubt:
        doubt = super().__new__(cls, problem)
        doubt.flag = flag
        return doubt


@dataclass(frozen=True, slots=True)
class _Found:
    """What an answer is. `kind`: "fine", "refused", "doubt", "cut", "blank", "loop", "unusable", "thinking" (nothing
    but thinking), "empty"."""

    kind: str
    problem: str | None = None

    @property
    def worth(self) -> int:
        """How good it is to have, against the other answers to the same question."""
        if self.kind in ("cut", "blank", "loop"):
            return 3 if self.problem is None or isinstance(self.problem, Doubt) else 1
        return {"fine": 5, "doubt": 4, "refused": 2, "unusable": 1}.get(self.kind, 0)


async def outcome_of(call: Call, once: Once, capabilities: Capabilities) -> Outcome:
    """Ask, and ask again where that may help: more room for what was cut off, another try for what is empty or runs
    in circles, and what is wrong with it for what cannot be used. Each at most once; the last as often as the call
    says."""
    request, tried = call.request, set[str]()
    replies: list[int] = []
    best: tuple[_Found, Reply, frozenset[str]] | None = None
    while True:
        reply, fault = await once(request)
        if reply is None:
            lost = fault is None or fault.fatal or fault.kind == "stopped"
            if lost or best is None or best[0].worth < 3:
                return Outcome(call, error=fault, replies=tuple(replies))
            return _outcome(call, best, replies)
        replies.append(reply.id)
        found = _look(call, reply)
        _teach(capabilities, request, reply, found, first=len(replies) == 1)
        if best is None or found.worth >= best[0].worth:
            best = found, reply, frozenset(tried)
        again = _again(call, request, reply, found, tried, capabilities) if len(replies) < MOST_REQUESTS else None
        if again is None:
            return _outcome(call, best, replies)
        request = again


def settled(call: Call, reply: Reply) -> bool:
    """Whether a stored answer to a call's own question ends the matter: nothing would be asked after it."""
    return _look(call, reply).kind in ("fine", "refused")


def _look(call: Call, reply: Reply) -> _Found:
    if reply.refusal or reply.finish_reason == "content_filter":
        return _Found("refused")
    problem = call.check(reply) if call.check is not None else None
    said, unended = without_reasoning(plain(reply.text))
    if not said.strip():
        if reply.reasoning or unended or reply.text.strip():
            return _Found("thinking", problem)
        return _Found("blank" if ran_into_blanks(reply) else "empty", problem or "it is empty.")
    whole = reply.finish_reason != "length" or (call.request.schema and keeps_form(said, call.request.schema))
    if not whole and ran_into_blanks(reply):
        return _Found("blank", problem)
    if len(said) >= LEAST_LOOPED and loops(said):
        return _Found("loop", problem)
    if not whole:
        return _Found("cut", problem)
    if problem is None:
        return _Found("fine")
    return _Found("doubt" if isinstance(problem, Doubt) else "unusable", problem)


def _teach(capabilities: Capabilities, request: Request, reply: Reply, found: _Found, *, first: bool) -> None:
    """What an answer shows about its server is said to the people who watch, and changes what is asked next."""
    if reply.cached:
        return
    # bytes tell tokens well enough for this: 4 a token in Latin text, less than 2 letters in others
    estimate = sum(len(text_of(message).encode("utf-8", "replace")) for message in request.messages) // 4
    notes = capabilities.seen(reply, estimate)
    usable = found.kind != "unusable" or (request.schema is not None and keeps_form(reply.text, request.schema))
    note = capabilities.observe(request, reply, usable, found.problem, first=first)
    for each in (*notes, *((note,) if note else ())):
        capabilities.tell(each)


def _again(
    call: Call, request: Request, reply: Reply, found: _Found, tried: set[str], capabilities: Capabilities
) -> Request | None:
    """What to ask next; None where nothing would help."""
    if found.kind in ("fine", "refused"):
        return None
    if found.kind in ("cut", "thinking") and "longer" not in tried and request.max_tokens < MOST_TOKENS:
        tried.add("longer")
        return replace(request, max_tokens=min(2 * request.max_tokens, MOST_TOKENS))
    if found.kind in ("empty", "blank") and "retried" not in tried:
        tried.add("retried")
        return replace(request, temperature=round(min(request.temperature + WARMER, 2.0), 3), retry=request.retry + 1)
    if found.kind == "loop" and "penalty" not in tried:
        tried.add("penalty")
        return replace(request, frequency_penalty=PENALTY, retry=request.retry + 1)
    if found.kind in ("unusable", "doubt") and found.problem is not None:
        again = next((name for name in REASKED[: call.patience] if name not in tried), None)
        if again is not None:
            tried.add(again)
            return request.again(reply.text[:SHOWN_AGAIN], found.problem)
    form = capabilities.quirks.response_format
    if found.worth < 3 and reply.form and reply.form != form and "form" not in tried:
        tried.add("form")  # it was asked in a form that this server has turned out not to keep to
        return replace(call.request, retry=call.request.retry + 2 + FORMATS.index(form))
    return None


def _outcome(call: Call, best: tuple[_Found, Reply, frozenset[str]], replies: list[int]) -> Outcome:
    found, reply, tried = best
    flags = sorted(tried)
    if found.worth == 0:
        what = "nothing but its thinking" if found.kind == "thinking" else "nothing"
        remedy = "Choose another model, or one that does not think aloud." if found.kind == "thinking" else ""
        fault = EngineFault("empty", f"The model answered with {what}.", remedy or "Choose another model.")
        return Outcome(call, error=fault, replies=tuple(replies), flags=tuple(flags))
    problem = found.problem
    if isinstance(problem, Doubt):
        flags.append(problem.flag)
        problem = None
    if found.kind in ("cut", "blank", "loop"):
        flags.append("loop" if found.kind == "loop" else "cut")
    order = [i for i in replies if i != reply.id]
    return Outcome(call, reply, problem=problem, replies=(*order, reply.id), flags=tuple(flags))
