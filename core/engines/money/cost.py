"""What a run would take: requests, tokens, money. Tokens are estimated from characters and corrected by what the
server itself has counted; a price is only ever one that the package genai-prices knows, never a guess."""

from __future__ import annotations

import math
import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from core.engines import replies
from core.engines.calls import Request, text_of
from core.engines.connecting.connections import ConnectionSettings
from core.engines.connecting.endpoints import is_openai
from core.store.database import Database

# characters per token of common tokenizers: Latin text about 4, Cyrillic, Greek, Arabic and the like about 2.3,
# Han, kana, hangul and Thai about 1.2
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_PLAIN = re.compile(r"[\x00-\u024f]+")
PER_MESSAGE = 4
MILLION = Decimal(1_000_000)
PRICES_HOLD = 300.0  # seconds that a price is taken for valid
ANSWER_TOKENS = 70  # of a list of tags, before any answer has been counted


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has."""
    others = _PLAIN.sub("", text)
    dense = len(_DENSE.findall(others))
    return round(dense / 1.2 + (len(text) - len(others)) / 4.0 + (len(others) - dense) / 2.3)


def request_tokens(request: Request) -> int:
    """About how many tokens a request's prompt has."""
    return sum(estimate_tokens(unicodedata.normalize("NFC", text_of(m))) + PER_MESSAGE for m in request.messages)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take.

    Attributes:
        requests, cached_requests: in all, and those whose answers are there already.
        prompt_tokens, completion_tokens: of the requests that are left.
        completion_p90: tokens that nine of ten answers do not exceed; None before any answer was counted.
        cost: US dollars, None where no price is known; cost_high: what it stays below in nine of ten cases, as far as
            the answers so far can tell.
        cost_note, token_note: where price and tokens are from.
    """

    requests: int
    cached_requests: int
    prompt_tokens: int
    completion_tokens: int
    completion_p90: int | None
    cost: Decimal | None
    cost_high: Decimal | None
    cost_note: str
    token_note: str

    def as_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: float(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def estimate(
    database: Database,
    endpoint: str,
    model: str,
    sample: Iterable[Request],
    requests: int,
    cached: int,
    pricing: Pricing | None = None,
) -> Estimate:
    """What `requests` - `cached` requests like those of `sample` would take, as this model's answers so far tell: those
    to the same prompt where there are any."""
    pricing = pricing or Pricing(endpoint, model)
    sample = list(sample)
    heads = {text_of(request.messages[0]) for request in sample if request.messages}
    read = [(orjson.loads(text)["messages"], usage) for text, usage in replies.measured(database, endpoint, model)]
    same = [each for each in read if text_of(each[0][0]) in heads]
    said = same or read
    sizes = [float(request_tokens(request)) for request in sample]
    answers = [float(usage.completion) for _, usage in said]
    if said:
        guessed = sum(estimate_tokens(text_of(m)) + PER_MESSAGE for messages, _ in said for m in messages)
        scale = sum(usage.prompt for _, usage in said) / guessed if guessed else 1.0
        sizes = [size * scale for size in sizes]
    prompt, prompt_high = _mean_and_bound(sizes, 0.0)
    answer, answer_high = _mean_and_bound(answers, float(ANSWER_TOKENS))
    left = max(0, requests - cached)
    note = "tokens estimated from the texts' length"
    if said:
        note = f"tokens as in {len(said)} earlier answers of this model{'' if same else ' to another prompt'}"
    each, each_high = pricing.cost(round(prompt), round(answer)), pricing.cost(round(prompt_high), round(answer_high))
    return Estimate(
        requests,
        cached,
        round(prompt * left),
        round(answer * left),
        round(sorted(answers)[int(0.9 * (len(answers) - 1) + 0.5)]) if answers else None,
        None if each is None and left else (each or 0) * Decimal(left),
        None if each_high is None and left else (each_high or 0) * Decimal(left),
        pricing.source if left else "nothing to pay",
        note,
    )


def _mean_and_bound(values: Sequence[float], otherwise: float) -> tuple[float, float]:
    """(mean, what the true mean stays below in nine of ten cases); half as much again where nothing is known."""
    n = len(values)
    if not n:
        return otherwise, 1.5 * otherwise
    mean = sum(values) / n
    if n == 1:
        return mean, 1.5 * mean
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return mean, mean + 1.38 * deviation / math.sqrt(n)  # Student's t, one-sided, for about ten values


class Pricing:
    """What tokens of one model at one address cost. Made once, asked per request (about a microsecond).

    Args:
        endpoint: the normalised address; "" for a model that runs in this process, which costs nothing.
        price_input, price_output: US dollars per million tokens that a person has set; they go before the list.
        batch: requests are handed in together (/v1/batches), which has a price of its own where it is known.

    Attributes:
        known: whether a price is known; where it is not, `cost` gives None.
        source: where the price is from, or why there is none, in words.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        price_input: Decimal | None = None,
        price_output: Decimal | None = None,
        batch: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self._given = (price_input, price_output)
        self._batch = batch
        self._stale = 0.0
        self._resolve()

    @property
    def known(self) -> bool:
        return self._rates is not None

    def cost(self, prompt: int, completion: int, cached: int = 0) -> Decimal | None:
        """US dollars for one request; None where no price is known.

        Args:
            prompt, completion: its tokens.
            cached: those of the prompt that the server had read before (`prompt_tokens_details.cached_tokens`).
        """
        if time.monotonic() > self._stale:  # some prices begin at a date or depend on the time of day
            self._resolve()
        rates = self._rates
        if rates is None:
            return None
        cached = min(cached, prompt) if rates.cached is not None else 0
        total = rates.request + rates.input.at(prompt) * (prompt - cached) + rates.output.at(prompt) * completion
        if cached and rates.cached is not None:
            total += rates.cached.at(prompt) * cached
        return total

    def _resolve(self) -> None:
        self._stale = time.monotonic() + PRICES_HOLD
        self._rates, self.source = self._found()

    def _found(self) -> tuple[_Rates | None, str]:
        given_in, given_out = self._given
        if not self.endpoint:
            return _Rates(_Rate(Decimal(0)), _Rate(Decimal(0))), "a model of this machine costs nothing"
        listed, why = _listed(self.endpoint, self.model, self._batch)
        if given_in is None and given_out is None:
            return listed, why
        half = Decimal("0.5") if self._batch and batch_is_half(self.endpoint) else Decimal(1)
        own = tuple(None if price is None else _Rate(price * half / MILLION) for price in self._given)
        into = own[0] or (listed.input if listed else None)
        out = own[1] or (listed.output if listed else None)
        if into is None or out is None:
            missing = "prompts" if into is None else "answers"
            return None, f"unknown price (none is set for {missing}; set it with the connection)"
        # a price list's special prices do not go with a price that somebody has agreed on
        words = "the price set with the connection"
        if self._batch:
            words += ", half of it for a batch" if half != 1 else "; what a batch costs there is not known"
        return _Rates(into, out), words


@dataclass(frozen=True, slots=True)
class _Rate:
    """US dollars for one token; `tiers`: (prompts longer than this many tokens, their price), rising."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, prompt: int) -> Decimal:
        price = self.base
        for start, dearer in self.tiers:
            if prompt > start:
                price = dearer
        return price


@dataclass(frozen=True, slots=True)
class _Rates:
    input: _Rate
    output: _Rate
    cached: _Rate | None = None
    request: Decimal = Decimal(0)


def batch_is_half(endpoint: str) -> bool:
    """True where requests handed in together are known to cost half, whatever the model."""
    return is_openai(endpoint)


def _listed(endpoint: str, model: str, batch: bool) -> tuple[_Rates | None, str]:
    """What genai-prices (a table inside the package, nothing is looked up in the network) says now."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None, "unknown price (the package genai-prices is not installed)"
    context = {"processing": "batch"} if batch else None
    words = "price by genai-prices"
    try:
        nothing = Usage(input_tokens=0, output_tokens=0)
        plain = calc_price(nothing, model, provider_api_url=endpoint)
        prices, request = plain.model_price, plain.total_price
        share = Decimal(1)
        if batch:
            own = calc_price(nothing, model, provider_api_url=endpoint, price_context=context).model_price
            if own != prices:
                prices, words = own, "batch price by genai-prices"
            elif batch_is_half(endpoint):
                share, words = Decimal("0.5"), "half the price by genai-prices, for a batch"
            else:
                words = "price by genai-prices; what a batch costs there is not known"
        found = {name: _rate(getattr(prices, name, None), share) for name in _PRICES}
        into, out = found["input_mtok"], found["output_mtok"]
        if into is None or out is None:  # priced by characters, hours or pictures: not ours to convert
            return None, "unknown price (genai-prices knows none by tokens for this model)"
        return _Rates(into, out, found["cache_read_mtok"], request * share), words
    except Exception:  # a table of somebody else's: whatever it cannot say, it does not know
        return None, "unknown price (genai-prices does not know this model at this address)"


_PRICES = ("input_mtok", "output_mtok", "cache_read_mtok")


def _rate(price: Any, share: Decimal) -> _Rate | None:
    """A price per million tokens, plain or by the prompt's length, as a price per token."""
    if price is None:
        return None
    if isinstance(price, Decimal):
        return _Rate(price * share / MILLION)
    tiers = tuple((int(tier.start), tier.price * share / MILLION) for tier in price.tiers)
    return _Rate(price.base * share / MILLION, tiers)


def pricing_of(settings: ConnectionSettings, endpoint: str, model: str, *, batch: bool = False) -> Pricing:
    """The price of a model with what was set for its connection."""
    return Pricing(endpoint, model, settings.price_input, settings.price_output, batch)
