"""Bodies of answers, as servers and the proxies before them write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.envelope import read_envelope


def body(message, finish="stop", **more):
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}], **more})


@pytest.mark.parametrize(
    ("finish", "read"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("length", "length"),
        ("SAFETY", "content_filter"),
        ("refusal", "content_filter"),
        ("content_filter", "content_filter"),
        (None, None),
        (3, None),
    ],
)
def test_why_an_answer_ended_in_one_vocabulary(finish, read):
    assert read_envelope(body({"content": "a"}, finish)).finish_reason == read


def test_thoughts_are_no_words_of_the_answer():
    parts = [{"type": "thinking", "thinking": [{"text": "draft"}]}, {"type": "reasoning", "text": "draft"}]
    found = read_envelope(body({"content": [*parts, {"type": "text", "text": "a"}]}))
    assert (found.text, found.reasoning) == ("a", True)
    for name in ("reasoning", "reasoning_content", "reasoning_details", "thinking"):
        assert read_envelope(body({"content": None, name: "draft"})).reasoning
    assert not read_envelope(body({"content": "a", "reasoning": ""})).reasoning


def test_half_of_a_surrogate_pair_is_no_reason_to_lose_an_answer():
    found = read_envelope('{"choices": [{"message": {"content": "a\\ud83db"}}], "model": "m\\udc00"}')
    assert (found.text, found.model) == ("a\ufffdb", "m\ufffd")
    found.text.encode()


def test_tokens_that_were_read_before_are_told_apart():
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}}
    assert read_envelope(body({"content": "a"}, usage=usage)).cached_tokens == 4
    assert read_envelope(body({"content": "a"}, usage={"prompt_cache_hit_tokens": 3})).cached_tokens == 3
    assert read_envelope(body({"content": "a"}, usage={"prompt_tokens_details": 7})).cached_tokens == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda s: (
            st.lists(s, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "message", "content", "usage", "refusal", "finish_reason", "text", "type", "model"]
                ),
                s,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_no_json_breaks_it(value):
    found = read_envelope(json.dumps(value))
    assert isinstance(found.text, str)
