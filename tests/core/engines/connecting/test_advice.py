"""Which model? The advice that is shipped, and what is wrong with a file of advice."""

import datetime

import pytest

from core.engines.connecting.advice import MEMORY, ROLES, read_advice
from core.errors import InvalidInput

GOOD = """
looked_over = 2026-11-20
[[model]]
role = "tagging"
memory = "6"
name = "A"
why = "Because."
expect = "Much."
hub = "org/a"
"""


def test_the_shipped_advice_leaves_no_gap():
    advice = read_advice()
    assert advice.looked_over >= datetime.date(2026, 11, 20)
    for role in ROLES:
        for memory in MEMORY:
            assert advice.for_role(role, memory), (role, memory)
    assert len(advice.as_dict()["models"]) == len(advice.models)
    for model in advice.models:
        assert model.why.endswith(".") and model.expect.endswith(".")
        assert not model.hub or model.hub.count("/") == 1
        assert model.memory == "api" or not (model.openai or model.openrouter)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("looked_over = 2026-11-20", ""), "looked over"),
        (GOOD.replace('"6"', '"7"'), "model 1: role or memory"),
        (GOOD.replace('why = "Because."', 'why = " "'), "model 1: “why”"),
        (GOOD.replace("hub =", "huub ="), "model 1: it has fields"),
        (GOOD.replace('hub = "org/a"', ""), "where to get it"),
        (GOOD + '[[model]]\nrole = "vision"', "model 2"),
        (GOOD + "[[model", "is no TOML"),
        ("looked_over = 2026-11-20\nmodel = 5", "[[model]]"),
    ],
    ids=lambda value: value[:20],
)
def test_a_file_that_is_wrong_says_where(tmp_path, text, words):
    path = tmp_path / "models.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert len(read_advice(path).models) == 1
    read_advice.cache_clear()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_advice(path)
    assert words in str(refused.value) and "models.toml" in str(refused.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_advice(tmp_path / "models.toml")
