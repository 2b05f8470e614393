"""Lists of models as servers write them, or do not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.connecting.listing import near_names, read_listing


@pytest.mark.parametrize(
    ("body", "names", "contexts"),
    [
        ({"data": [{"id": "b"}, {"id": "a", "max_model_len": 4096}]}, ("a", "b"), {"a": 4096}),
        ({"models": [{"name": "llama3:latest"}]}, ("llama3:latest",), {}),
        ([{"id": "x", "context_length": 131072.0}], ("x",), {"x": 131072}),
        ({"data": ["plain", {"id": "other"}]}, ("other", "plain"), {}),
        ({"data": [{"id": "l", "meta": {"n_ctx_train": 32768}}]}, ("l",), {"l": 32768}),
        ({"data": [{"id": "r", "context_length": 9000, "top_provider": {"context_length": 500}}]}, ("r",), {"r": 500}),
        ({"data": [{"id": "m", "max_context_length": 9000, "loaded_context_length": 4096}]}, ("m",), {"m": 4096}),
        ({"data": [{"id": "m", "max_model_len": -1}, {"id": "n", "max_model_len": True}]}, ("m", "n"), {}),
        ({"data": [{"id": "embed-3"}, {"id": "whisper-1"}, {"id": "zeta"}]}, ("zeta", "embed-3", "whisper-1"), {}),
        ({"data": [{"id": 5}, {"id": ""}, None, {}, {"id": "x" * 201}, {"id": "a\nb"}]}, (), {}),
        ({"data": None}, (), {}),
        ({"data": {"id": "m"}}, (), {}),
        ({"error": "no"}, (), {}),
        ("text", (), {}),
        (None, (), {}),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)  # fmt: skip
def test_shapes_of_lists(body, names, contexts):
    found = read_listing(json.dumps(body))
    assert found.names == names and found.contexts == contexts


def test_what_is_no_json_lists_nothing():
    assert read_listing("<html>").names == read_listing("").names == read_listing("[" * 5000).names == ()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["data", "models", "id", "name", "meta", "max_model_len"]), inner, max_size=3),
    ),
    max_leaves=12,
)


@given(st.one_of(st.text(max_size=40), json_values.map(json.dumps)))
def test_any_answer_is_read(text):
    found = read_listing(text)
    assert all(isinstance(name, str) and name for name in found.names) and set(found.contexts) <= set(found.names)


@pytest.mark.parametrize(
    ("typed", "there", "meant"),
    [
        ("llama3", ["llama3:latest", "qwen3:8b"], "llama3:latest"),
        ("qwen3-8b", ["Qwen/Qwen3-8B", "Qwen/Qwen3-80B"], "Qwen/Qwen3-8B"),
        ("GPT-5.4-MINI", ["gpt-5.4-mini", "gpt-5.4-nano"], "gpt-5.4-mini"),
        ("mistral-smal", ["mistral-small", "mixtral"], "mistral-small"),
        ("qwen3-vl", ["bge-m3", "zephyr"], None),
    ],
)
def test_which_name_was_meant(typed, there, meant):
    found = near_names(typed, there)
    assert (found[0] if found else None) == meant and len(near_names("a", [f"a{i}" for i in range(9)])) <= 3
