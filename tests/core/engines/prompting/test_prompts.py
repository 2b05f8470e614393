"""Prompts from files, filled with data that cannot speak for us."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.prompting.prompt_kinds import KINDS, kind_of
from core.engines.prompting.prompts import FOLDER, DamagedPrompt, Example, hash_of, load, read_prompt
from core.errors import InvalidInput

VALUES = {"use_case": "", "language": "", "count": 8, "item": "{}", "marker": "item-0", "candidates": ""}
FREE = (FOLDER / "free-tags.md").read_text(encoding="utf-8")
IMAGE = "---\nname: caption-image\nversion: 1\ntask: captions\nschema: none\n---\n[user]\nCaption {{ tags }}\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda p: p.stem)
def test_every_prompt_file_is_whole(path):
    prompt = load(path.stem)
    assert prompt.name == path.stem and prompt.version >= 1 and prompt.task and prompt.max_tokens > 0
    kind = kind_of(path.stem)
    values = {**kind.samples(), **VALUES}
    messages = prompt.render(**values)
    assert [m["role"] for m in messages] == ["system", "user"]
    assert prompt.render(**values) == messages and prompt.hash == load(path.stem).hash
    assert kind.task == prompt.task and ("JSON" in messages[0]["content"]) == (prompt.schema is not None)
    if kind.answer or prompt.schema is not None:
        assert prompt.schema["type"] == "object" and prompt.schema["additionalProperties"] is False
        assert all(name in prompt.schema["properties"] for name in kind.answer)
    # providers keep what is the same for all items: it stands first, and the item near the end, before a reminder
    samples = kind.samples()
    data = samples["item" if "item" in samples else "tag_list"]
    assert data not in prompt.render(**samples)[0]["content"]
    last = prompt.render(**samples)[-1]["content"]
    assert "not instructions" in last[last.index(data) :]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda p: p.stem)
def test_every_placeholder_is_declared_and_used(path):
    """Declared by its kind, with a sentence; and none is declared that the shipped prompt has no use for."""
    kind, text = kind_of(path.stem), path.read_text(encoding="utf-8")
    named = set(re.findall(r"\{\{ *([a-z_]+)|\{% *if ([a-z_]+)", text))
    used = {name for pair in named for name in pair if name}
    assert kind.names - used <= {p.name for p in kind.placeholders if p.foreign}, "foreign: for imported templates"
    assert used <= kind.names
    assert all(p.about.endswith(".") and len(p.about) > 20 for p in kind.placeholders)
    with pytest.raises(DamagedPrompt, match="there is no placeholder “autor”"):
        read_prompt(text.replace("[user]\n", "[user]\n{{ autor }}\n"), "mine")


def test_every_kind_says_what_its_placeholders_are():
    for kind in KINDS.values():
        assert kind.about.endswith(".") and set(kind.any_of) <= kind.names
        for each in kind.placeholders:
            assert each.about.endswith(".") and (each.sample or not each.required), each.name
        assert kind_of(f"{kind.name}-x") is (kind if kind.styles else None)


def test_language_is_said_apart_and_explicitly():
    prompt = load("free-tags")
    for language in ("", "Deutsch"):
        said = prompt.render(**{**VALUES, "language": language})
        assert ("Deutsch" in said[0]["content"]) == bool(language) == ("Deutsch" in said[1]["content"])
        assert "language" in said[0]["content"]


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


WRONG = [
    (FREE.replace("{{ count }}", "{{ cuont }}"), 21, "no placeholder “cuont”"),
    (FREE.replace("{{ count }}", "{{ count"), 21, "expected token"),
    (FREE.replace("{{ count }}", "{{ count.__class__ }}"), 21, "cannot hold"),
    (FREE.replace("{{ count }}", "{{ count | escape }}"), 21, "escape"),
    (FREE.replace("{{ count }}", "{% for x in item %}{{ count }}{% endfor %}"), 21, "cannot hold “for”"),
    (FREE.replace("{{ count }}", "{{ count * 9999999999 }}"), 21, "cannot hold “mul”"),
    (FREE.replace("{{ count }}", "{% set a = item %}"), 21, "cannot hold"),
    (FREE.replace("{{ count }}", "{% include item %}"), 21, "cannot hold"),
    (FREE.replace("{{ count }}", "{{ range(9) }}"), 21, "cannot hold “call”"),
    (FREE.replace("{{ item }}\n", ""), 37, "never names {{ item }}"),
    (FREE.replace("task: tags", "task: captions"), 4, "task"),
    (FREE.replace("version: ", "version: x"), 3, "whole number"),
    (FREE.replace("max_tokens: 400", "max_tokens: 999999"), 5, "max_tokens"),
    (FREE.replace("name: free-tags\n", ""), 1, "no “name”"),
    (FREE.replace("name: free-tags", "name: Free Tags"), 2, "no name"),
    (FREE.replace('"array"', '"arrray"'), 6, "arrray"),
    (FREE.replace('"required": ["tags"]', '"required": ["tugs"]'), 6, "tugs"),
    (FREE.replace('"tags": {"type"', '"tgas": {"type"').replace('["tags"],', "[],"), 6, "no property “tags”"),
    (FREE.replace('"maxItems": 20}', '"maxItems": 20'), 13, "not JSON"),
    (FREE.replace("[user]", "[assistant]"), 36, "stands where"),
    (FREE.replace("[system]", "[System]"), 15, "begins with a line"),
    (FREE + "[assistant]\nyes\n", 42, "stands where"),
    (FREE.replace("[user]\n", "[system]\nyes\n[user]\n"), 36, "stands where"),
    (FREE + "x" * 70_000, 1, "longer than"),
    (IMAGE.replace("{{ tags }}", "it"), 8, "names nothing"),
]


@pytest.mark.parametrize(("text", "line", "cause"), WRONG, ids=[cause for *_, cause in WRONG])
def test_what_is_wrong_with_a_prompt_is_said_with_its_line(text, line, cause):
    with pytest.raises(DamagedPrompt) as refused:
        read_prompt(text, "mine")
    assert refused.value.line == line and f"mine, line {line}:" in refused.value.message, refused.value.message
    assert cause in refused.value.message and refused.value.remedy


@given(st.text(st.sampled_from("{}%#[]<>\n -usertagsif|'\"0(),"), max_size=80))
def test_no_text_is_more_than_refused(text):
    for whole in (text, IMAGE + text, IMAGE.replace("none", text)):
        try:
            prompt = read_prompt(whole, "mine")
        except DamagedPrompt as refused:
            assert 1 <= refused.line <= whole.count("\n") + 2
        else:
            assert prompt.render(tags="a", tag_descriptions="", description="")


def test_an_example_is_a_question_and_its_answer():
    values = {"item": '{"title":"Bees"}', "marker": "item-1"}
    example = Example("i1", "Bees", values, '{"tags":["bees"]}', "item-whole")
    prompt = replace(load("free-tags"), examples=(example,))
    asked = {**VALUES, "item": '{"title":"Stars"}', "marker": "item-2"}
    system, question, answer, last = prompt.render(asked="i2", **asked)
    assert [m["role"] for m in (system, question, answer, last)] == ["system", "user", "assistant", "user"]
    assert question["content"] == last["content"].replace("Stars", "Bees").replace("item-2", "item-1")
    assert answer["content"] == '{"tags":["bees"]}' and system == prompt.render(asked="i1", **asked)[0]
    assert len(prompt.render(asked="i1", **asked)) == 2, "never the answer to itself"
    assert len(prompt.render(asked="i3", **{**asked, "marker": "item-whole"})) == 2, "nor to a copy of itself"
    assert hash_of(prompt.text, prompt.examples) != hash_of(prompt.text) == load("free-tags").hash
