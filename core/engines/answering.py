"""What follows an answer: is it usable, is it worth asking once more, and how. Transport is somebody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from core.engines.calls import Call, EngineFault, Outcome, Reply, Request
from core.engines.capabilities import Capabilities

Once = Callable[[Request], Awaitable[tuple[Reply | None, EngineFault | None]]]
"""The stored answer to a request, asked for if need be; or why there is none."""


async def outcome_of(call: Call, once: Once, capabilities: Capabilities) -> Outcome:
    """Ask, and ask once more where the answer cannot be used."""
    reply, fault = await once(call.request)
    if reply is None:
        return Outcome(call, error=fault)
    problem = call.check(reply) if call.check is not None else None
    if problem is None:
        return Outcome(call, reply, replies=(reply.id,))
    again = call.request.again(reply.text, problem, longer=reply.finish_reason == "length")
    second, fault = await once(again)
    if second is None:
        return Outcome(call, error=fault, replies=(reply.id,))
    assert call.check is not None
    return Outcome(call, second, problem=call.check(second), replies=(reply.id, second.id))
