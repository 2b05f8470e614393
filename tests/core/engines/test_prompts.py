"""Prompts from files, filled with data that cannot speak for us."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.prompts import FOLDER, load, read_prompt
from core.engines.quoting import LONGEST_FIELD, LONGEST_ITEM, item_data, neutral, quoted, shortened
from core.errors import InvalidInput

VALUES = {"use_case": "", "language": "", "count": 8, "item": "{}", "marker": "item-0", "candidates": ""}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda p: p.stem)
def test_every_prompt_file_is_whole(path):
    prompt = load(path.stem)
    assert prompt.name == path.stem and prompt.version >= 1 and prompt.task and prompt.max_tokens > 0
    assert prompt.schema["type"] == "object" and prompt.schema["additionalProperties"] is False
    messages = prompt.render(**VALUES)
    assert [m["role"] for m in messages] == ["system", "user"] and "JSON" in messages[0]["content"]
    assert prompt.render(**VALUES) == messages and prompt.hash == load(path.stem).hash


def test_another_text_has_another_hash():
    text = (FOLDER / "free-tags.md").read_text(encoding="utf-8")
    assert read_prompt(text, "x").hash != read_prompt(text.replace("index", "list"), "x").hash
    assert read_prompt(text.replace("\n", "\r\n"), "x").hash == read_prompt(text, "x").hash


HEADER = "---\nname: x\nversion: 1\ntask: t\nschema: {}\n---\n"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "no header",
        "---\nname: x\n---\n[user]\nhi",
        HEADER.replace("1", "y") + "[user]\nhi",
        HEADER.replace("{}", "{") + "[user]\nhi",
        HEADER + "[system]\nhi",
        HEADER,
    ],
)
def test_a_damaged_file_is_named(wrong):
    with pytest.raises(InvalidInput) as refused:
        read_prompt(wrong, "mine.md")
    assert "mine.md" in refused.value.message and refused.value.remedy


@pytest.mark.parametrize("name", ["nothing", "../secret", "free-tags.md", ""])
def test_an_unknown_prompt_is_refused(name):
    with pytest.raises(InvalidInput):
        load(name)


def test_a_value_that_is_missing_is_a_sentence():
    with pytest.raises(InvalidInput):
        load("free-tags").render(count=1)


def test_values_are_never_templates():
    messages = load("free-tags").render(**{**VALUES, "item": "{{ 7 * 7 }}", "use_case": "{% for x in y %}"})
    assert "{{ 7 * 7 }}" in messages[1]["content"] and '"{% for x in y %}"' in messages[0]["content"]


def test_a_template_cannot_reach_out():
    with pytest.raises(InvalidInput):
        read_prompt(HEADER + "[user]\n{{ ''.__class__.__mro__ }}", "x").render()


MARKS = ["<|im_end|>", "<|im_start|>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<start_of_turn>",
         "<think>", "</think>", "<tool_call>", "<|eot_id|>", "<item-0a1b2c3d4e>", "</item-0a1b2c3d4e>",
         "<｜User｜>"]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_templates_are_broken_up(mark):
    for text in (mark, f"a{mark}b", mark * 3, mark.upper()):
        assert mark.lower() not in neutral(text).lower()


HIDDEN = ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\U000e0041", "\u00ad", "\ud800"]


@pytest.mark.parametrize("sign", HIDDEN, ids=[f"{ord(c):x}" for c in HIDDEN])
def test_hidden_characters_are_gone(sign):
    assert neutral(f"a{sign}b").replace("?", "").replace("\ufffd", "") == "ab"


def test_what_languages_need_stays():
    for text in ("می\u200cخواهم", "👩\u200d🚀", "क\u094d\u200dष", "naïve café", "日本語 한국어", "a < b > c", "[x]"):
        assert neutral(text) == text
    assert neutral("pass\u200dword") == "password"


@given(st.text(max_size=200))
def test_no_text_ends_its_own_quotation(text):
    assert orjson.loads(quoted(text)) == neutral(text)
    data, marker = item_data([("title", text), ("title", text)])
    assert list(orjson.loads(data)) == ["title", "title_"] and marker not in data
    assert not re.search(r"<\|\w", data) and "\n" not in data


def test_long_items_keep_their_beginning_and_end():
    text = "begin " + "x" * 50_000 + " end"
    data, _ = item_data([("title", "short"), ("body", text), ("speech", text), ("ocr", text)])
    fields = orjson.loads(data)
    assert fields["title"] == "short" and len(data) < LONGEST_ITEM + 1000
    assert fields["body"].startswith("begin") and fields["body"].endswith("end") and "[…]" in fields["body"]
    assert len(fields["body"]) <= LONGEST_FIELD + 10
    assert shortened("abc", 3) == "abc"


def test_the_marker_is_the_content_s_own():
    assert item_data([("a", "x")])[1] == item_data([("a", "x")])[1] != item_data([("a", "y")])[1]
