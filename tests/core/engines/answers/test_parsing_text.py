"""Captions as models write them."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.parsing_text import LONGEST, parse_text

SONG = "A quiet song about the sea."


@pytest.mark.parametrize(
    "answer",
    [
        SONG,
        f'"{SONG}"',
        f"“{SONG}”",
        f"  {SONG}\n",
        f"Caption: {SONG}",
        f"**Caption:** {SONG}",
        f"Sure! Here is a caption for the song: {SONG}",
        f"{SONG}\n\nLet me know if you need anything else!",
        f'{{"caption": "{SONG}"}}',
        f'```json\n{{"caption": "{SONG}"}}\n```',
        f"```\n{SONG}\n```",
        f"{{'caption': '{SONG}'}}",
        f'Here you go:\n{{"result": {{"text": "{SONG}"}}}}',
        f'{{"Description": "{SONG}", "confidence": 0.9}}',
        f"<think>A loud song.</think>{SONG}",
        f"- {SONG}",
        "A quiet song\nabout the sea.",
        "A quiet\u200b song \u202eabout the sea.\x00",
        [{"type": "text", "text": SONG}],
        json.dumps(json.dumps({"caption": SONG})) if False else f'{{"caption": ["{SONG}"]}}',
    ],
)
def test_the_text_and_nothing_else(answer):
    parsed = parse_text(answer, "stop")
    assert (parsed.text, parsed.problem, parsed.refused, parsed.partial) == (SONG, None, False, False)


def test_a_name_of_its_own_goes_first():
    answer = '{"caption": "short", "long_caption": "much longer"}'
    assert parse_text(answer, names=("long_caption",)).text == "much longer" and parse_text(answer).text == "short"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("A song. It is quiet. It is about the s", "A song. It is quiet."),
        ("静かな曲です。海につい", "静かな曲です。"),
        ("A song about the s", "A song about the s"),
        ('{"caption": "A song. It is qu', ""),
    ],
)
def test_what_was_cut_ends_with_a_whole_sentence(answer, text):
    parsed = parse_text(answer, "length")
    assert parsed.partial and "cut" in parsed.flags
    assert parsed.text == text or not text


def test_a_whole_json_answer_is_not_cut_by_what_follows_it():
    assert not parse_text(f'{{"caption": "{SONG}"}}', "length").partial
    assert len(parse_text("word " * 5000).text) <= LONGEST


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't describe this image.",
        '{"caption": "I cannot view images."}',
        "Caption: I'm unable to help with that request.",
        "抱歉，我无法描述这张图片。",
    ],
)
def test_a_refusal_is_never_a_caption(answer):
    parsed = parse_text(answer)
    assert parsed.refused and not parsed.text and parsed.problem is None
    assert parse_text(SONG, "content_filter").refused


@pytest.mark.parametrize(
    "answer", ["", None, "  ", "<think>hm", '{"a": 1, "b": 2}', "…", "```\n```", {"caption": SONG}]
)
def test_no_text_says_why(answer):
    parsed = parse_text(answer)
    assert not parsed.text and not parsed.refused and parsed.problem.endswith(".")


def test_words_with_brackets_are_words():
    assert parse_text("A song [live] about {the} sea").text == "A song [live] about {the} sea"


@given(
    st.text(max_size=200) | st.text("{}[]\"':caption \n`<>think/.", max_size=120), st.sampled_from(["stop", "length"])
)
def test_no_text_ever_breaks_it(text, finish):
    parsed = parse_text(text, finish)
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Co") for c in parsed.text)
    assert not (parsed.refused and parsed.text) and (parsed.text or parsed.refused or parsed.problem)


@given(
    st.text("abc äß日 .", min_size=1, max_size=60).map(lambda t: " ".join(t.split())).filter(lambda t: t.strip(" ."))
)
def test_a_plain_text_comes_back(text):
    assert parse_text(json.dumps({"caption": text})).text == text == parse_text(text).text
