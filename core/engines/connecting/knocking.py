"""Whether a known server runs at another port of the same machine, for somebody whose address is answered by nobody."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from core.engines.connecting.endpoints import normalise
from core.engines.connecting.listing import read_listing
from core.engines.server.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut

# Ollama, LM Studio, llama.cpp, vLLM, text-generation-webui, KoboldCpp, SGLang, Jan
PORTS = [11434, 1234, 8080, 8000, 5000, 5001, 30000, 1337]
SECONDS = 2.0


async def knock(base_url: str) -> tuple[str, tuple[str, ...]] | None:
    """(address, its models) of the first known server on the machine of `base_url`, which is asked at no other port."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    ports = [port for port in PORTS if port != parts.port]
    found = await asyncio.gather(*(_models_at(normalise(f"http://{host}:{port}/v1")) for port in ports))
    return next((each for each in found if each is not None), None)


async def _models_at(base_url: str) -> tuple[str, tuple[str, ...]] | None:
    parts = urlsplit(base_url)
    try:  # a connection costs nothing; a client of the SDK does
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.close()
    except (OSError, TimeoutError):
        return None
    connection = Connection(base_url, None, SECONDS)  # the key was given for another address
    try:
        answer: Answered = await connection.get("/models")
    except (TimedOut, CannotConnect, CutOff):
        return None
    finally:
        await connection.close()
    names = read_listing(answer.text).names if answer.status == 200 else ()
    return (base_url, names) if names else None
