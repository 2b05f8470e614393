"""Prices: the list's, a person's own, a batch's; and what is not known stays unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot

from core.engines.money.cost import Pricing

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://localhost:11434/v1"


def test_a_price_is_what_the_list_says_at_every_length_of_prompt():
    """All models of four servers, prompts below and above the lengths at which prices rise, with a cached part."""
    compared = 0
    for address in (OPENAI, "https://api.anthropic.com/v1", "https://openrouter.ai/api/v1", "https://api.x.ai/v1"):
        provider = get_snapshot().find_provider(None, None, address)
        for model in provider.models[::4]:
            pricing = Pricing(address, model.id)
            if not pricing.known:
                continue
            for prompt, completion, cached in ((1000, 70, 0), (1000, 70, 400), (300_000, 5, 1000), (0, 0, 0)):
                usage = {"input_tokens": prompt, "output_tokens": completion}
                if cached:
                    usage["cache_read_tokens"] = cached
                expected = calc_price(Usage(**usage), model.id, provider_api_url=address)
                assert pricing.cost(prompt, completion, cached) == expected.total_price, (address, model.id, prompt)
                compared += 1
    assert compared > 200


def test_a_small_price_is_exact():
    pricing = Pricing(OPENAI, "gpt-4o-mini")
    assert pricing.known and pricing.source == "price by genai-prices"
    assert pricing.cost(1, 0) == Decimal("0.00000015")
    assert pricing.cost(2_000_000, 1_000_000) == Decimal("0.90")


@pytest.mark.parametrize("model", ["gpt-4o-mini", "no-such-model"])
def test_an_unknown_price_says_so_and_is_never_zero(model):
    pricing = Pricing(LOCAL, model)  # the name alone is no price: anybody's server may use it
    assert not pricing.known and pricing.cost(1000, 1000) is None
    assert "unknown price" in pricing.source


def test_a_persons_price_goes_before_the_list():
    own = Pricing(OPENAI, "gpt-4o-mini", Decimal("1"), Decimal("2"))
    assert own.cost(1_000_000, 1_000_000) == 3 and "set with the connection" in own.source
    free = Pricing(LOCAL, "llama", Decimal(0), Decimal(0))
    assert free.known and free.cost(1_000_000, 1_000_000) == 0
    half_known = Pricing(LOCAL, "llama", Decimal("0.5"))
    assert not half_known.known and "answers" in half_known.source
    mixed = Pricing(OPENAI, "gpt-4o-mini", Decimal("1"))
    assert mixed.cost(0, 1_000_000) == Decimal("0.6") and mixed.cost(1_000_000, 0) == 1


def test_a_batch_has_a_price_of_its_own_where_it_is_known():
    plain, batch = Pricing(OPENAI, "gpt-4o-mini"), Pricing(OPENAI, "gpt-4o-mini", batch=True)
    assert 2 * batch.cost(1_000_000, 1_000_000) == plain.cost(1_000_000, 1_000_000)
    assert "batch" in batch.source
    set_price = Pricing(OPENAI, "gpt-4o-mini", Decimal("1"), Decimal("2"), batch=True)
    assert set_price.cost(1_000_000, 1_000_000) == Decimal("1.5")
    elsewhere = Pricing(LOCAL, "m", Decimal("1"), Decimal("2"), batch=True)
    assert elsewhere.cost(1_000_000, 1_000_000) == 3 and "not known" in elsewhere.source


def test_a_model_of_this_machine_costs_nothing():
    assert Pricing("", "tiny").cost(1000, 1000) == 0
