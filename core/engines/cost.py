"""What a run would take: requests, tokens, money. Tokens are estimated from characters and corrected by what the
server itself has counted; a price is only ever one that the package genai-prices knows, never a guess."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from core.engines import replies
from core.engines.calls import Request, text_of
from core.store.database import Database

# characters per token of common tokenizers: Latin text about 4, Cyrillic, Greek, Arabic and the like about 2.3,
# Han, kana, hangul and Thai about 1.2
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_PLAIN = re.compile(r"[\x00-\u024f]")
PER_MESSAGE = 4
ANSWER_TOKENS = 70  # of a list of tags, before any answer has been counted


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has."""
    dense, plain = len(_DENSE.findall(text)), len(_PLAIN.findall(text))
    return round(dense / 1.2 + plain / 4.0 + (len(text) - dense - plain) / 2.3) if text else 0


def request_tokens(request: Request) -> int:
    """About how many tokens a request's prompt has."""
    return sum(estimate_tokens(unicodedata.normalize("NFC", text_of(m))) + PER_MESSAGE for m in request.messages)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take; `cost` in US dollars, None where no price is known (`cost_note` says why)."""

    requests: int
    cached_requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    cost_note: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "cached_requests": self.cached_requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": None if self.cost is None else float(self.cost),
            "cost_note": self.cost_note,
        }


def estimate(
    database: Database, endpoint: str, model: str, sample: Iterable[Request], requests: int, cached: int
) -> Estimate:
    """What `requests` - `cached` requests like those of `sample` would take."""
    sizes = [request_tokens(request) for request in sample]
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    said = replies.measured(database, endpoint, model)
    answer, note = float(ANSWER_TOKENS), "tokens estimated from the texts' length"
    if said:
        guessed = sum(
            estimate_tokens(text_of(m)) + PER_MESSAGE for text, _ in said for m in orjson.loads(text)["messages"]
        )
        mean *= sum(usage.prompt for _, usage in said) / guessed if guessed else 1.0
        answer = sum(usage.completion for _, usage in said) / len(said)
        note = f"tokens as in {len(said)} earlier answers of this model"
    left = max(0, requests - cached)
    prompt, completion = round(mean * left), round(answer * left)
    cost, price = price_of(endpoint, model, prompt, completion)
    return Estimate(requests, cached, prompt, completion, cost, f"{price}; {note}")


def price_of(endpoint: str, model: str, prompt: int, completion: int) -> tuple[Decimal | None, str]:
    """(US dollars, where the price is from) for so many tokens; (None, why) where no price is known."""
    if not prompt and not completion:
        return Decimal(0), "nothing to pay"
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None, "unknown price (the package genai-prices is not installed)"
    try:
        found = calc_price(Usage(input_tokens=prompt, output_tokens=completion), model, provider_api_url=endpoint)
        return Decimal(found.total_price), "price by genai-prices"
    except Exception:  # a table of somebody else's: whatever it cannot say, it does not know
        return None, "unknown price (genai-prices does not know this model at this address)"
