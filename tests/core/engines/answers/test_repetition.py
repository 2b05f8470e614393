"""Answers that run in circles."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.repetition import loops


@pytest.mark.parametrize(
    "text",
    [
        '{"tags": ["solar", ' + '"wind", ' * 20,
        '{"tags": ["solar", ' + '"wind", ' * 20 + '"wind"]}',
        '[{"tag": "a b", "quote": "c"},' + '{"tag": "a", "quote": "the man who knows"},' * 6,
        "the same thing " * 10 + "the sa",
        "太阳能、" * 10,
        "哈" * 60,
        "[" + ", ".join(f'"idea {i}"' for i in range(50)),
        "It is about the sea. " * 8,
    ],
)
def test_circles(text):
    assert loops(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        '{"tags": ["solar", "wind", "sun"]}',
        json.dumps({"tags": [f"word{chr(97 + i)} thing" for i in range(26)]}),
        json.dumps({"tags": [f"made up tag number {i}" for i in range(24)]}),
        json.dumps([{"tag": chr(97 + i) * 3, "quote": "as it says"} for i in range(12)]),
        ", ".join(map(str, range(1980, 2004))),
        " \n" * 2000,
        "-" * 500,
        "la la la la",
    ],
)
def test_no_circles(text):
    assert not loops(text)


@given(st.text(min_size=1, max_size=30).filter(lambda t: sum(c.isalpha() for c in t) > 3))
def test_anything_said_forty_times_is_one(unit):
    assert loops(f"{unit}, " * 40)


@given(st.text(max_size=2000))
def test_no_text_breaks_it(text):
    loops(text)
