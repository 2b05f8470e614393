"""What is sent: the ladder of answer forms, schemas as servers take them, what is left out for a server."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engines.answers.parsing import parse_choices
from core.engines.calls import Request
from core.engines.server.schemas import list_in, name_of, sanitised, text_in
from core.engines.server.wire import (
    FORMATS,
    Quirks,
    body_of,
    first_quirks,
    lines_instruction,
    stored_wire,
    token_limit_of,
)

TAGS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "tags of an item",
    "type": "object",
    "properties": {
        "tags": {"type": "array", "maxItems": 8, "uniqueItems": True, "items": {"$ref": "#/$defs/tag"}},
        "note": {"type": "string", "pattern": "^a", "default": "x", "maxLength": 9},
    },
    "required": ["tags"],
    "$defs": {"tag": {"type": "string", "maxLength": 60, "examples": ["a"]}},
}
CHOICES = {
    "type": "object",
    "properties": {
        "tags": {
            "type": "array",
            "items": {"type": "object", "properties": {"tag": {"type": "string"}, "quote": {"type": "string"}}},
        }
    },
    "required": ["tags"],
}


def asked(schema=TAGS, *messages, **options):
    said = messages or ({"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": "the item"})
    return Request(tuple(said), schema, **options)


def test_schemas_are_written_out_closed_and_free_of_what_servers_refuse():
    clean, strict = sanitised(TAGS)
    assert strict and clean["required"] == ["tags", "note"] and clean["additionalProperties"] is False
    assert clean["properties"]["tags"]["items"] == {"type": "string", "maxLength": 60}
    assert clean["properties"]["tags"]["maxItems"] == 8, "grammars are bounded by it"
    assert clean["properties"]["note"]["type"] == ["string", "null"], "what was optional may be null"
    text = json.dumps(clean)
    assert not any(
        name in text for name in ("$ref", "$defs", '"title"', "default", '"pattern"', "examples", "uniqueItems")
    )
    unbound, _ = sanitised(TAGS, bounds=False)
    assert "maxItems" not in json.dumps(unbound) and "at most 8 entries" in unbound["properties"]["tags"]["description"]
    assert TAGS["required"] == ["tags"], "what was given is left as it was"


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object"}, False),
        ({"type": "object", "properties": {"a": {}}}, False),
        ({"type": "array", "items": {"type": "string"}}, True),
        ({"type": "object", "properties": {"a": {"enum": [f"tag {i}" for i in range(1001)]}}}, False),
        ({"type": "object", "properties": {"a": {"enum": ["x" * 80 + str(i) for i in range(300)]}}}, True),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, False),
        ({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]}, True),
        ({"type": "object", "properties": {"a": {"const": 1}, "b": {"oneOf": [{"type": "string"}]}}}, True),
    ],
)
def test_every_schema_becomes_an_object_and_says_whether_it_can_be_strict(schema, strict):
    clean, fits = sanitised(schema)
    assert clean["type"] == "object" and fits is strict
    jsonschema.Draft202012Validator.check_schema(clean)


def test_what_is_no_object_is_wrapped_and_read_again():
    clean, _ = sanitised({"type": "array", "items": {"type": "string"}})
    assert clean["required"] == ["result"]
    assert [c.tag for c in parse_choices('{"result": ["a", "b"]}').choices] == ["a", "b"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda s: (
        st.lists(s, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "enum", "$ref", "required", "allOf", "oneOf", "maxItems"]
            ),
            s,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["a", "$ref", "items"]), anything, max_size=3), st.text())
def test_no_schema_breaks_the_writer(properties, name):
    clean, _ = sanitised({"type": "object", "properties": properties})
    assert clean["type"] == "object" and 1 <= len(name_of(name)) <= 64


def test_each_step_of_the_ladder():
    forms = {f: body_of(asked(), "m", Quirks(response_format=f)).get("response_format") for f in FORMATS}
    assert forms["json_schema_strict"]["json_schema"]["strict"] is True
    assert "strict" not in forms["json_schema"]["json_schema"] and forms["json_schema"]["type"] == "json_schema"
    assert forms["json_object_schema"] == {"type": "json_object", "schema": sanitised(TAGS)[0]}
    assert forms["json_object"] == {"type": "json_object"}
    assert forms["none"] is None and forms["lines"] is None
    name = forms["json_schema"]["json_schema"]["name"]
    assert name == "tags_of_an_item"
    assert all(body_of(asked(None), "m", Quirks(response_format=f)).get("response_format") is None for f in FORMATS)
    for form in FORMATS:
        body = body_of(asked(), "m", Quirks(response_format=form))
        assert stored_wire(body, Quirks(response_format=form))["answer_format"] == form


def test_a_form_that_is_open_is_never_called_strict():
    body = body_of(asked({"type": "object"}), "m", Quirks())
    assert "strict" not in body["response_format"]["json_schema"]


@pytest.mark.parametrize(
    ("tried", "words", "then"),
    [
        ("json_schema_strict", "", "json_schema"),
        ("json_schema", "", "json_object_schema"),
        ("json_object_schema", "", "json_object"),
        ("json_object", "", "none"),
        ("json_schema_strict", "Input should be 'text' or 'json_object'", "json_object_schema"),
        ("json_object_schema", "'response_format.type' must be 'json_schema' or 'text'", "none"),
        ("json_schema_strict", "response_format is not supported by this model", "none"),
        ("json_schema_strict", "Extra inputs are not permitted: response_format", "none"),
        ("json_schema_strict", "strict json_schema is not supported", "json_schema"),
    ],
)
def test_a_complaint_says_how_far_to_step_down(tried, words, then):
    changed = Quirks(response_format=tried, bounds=False).without("response_format", words)
    assert changed.response_format == then


def test_lengths_go_before_the_strict_form_does():
    first = Quirks().without("response_format", "Invalid schema: 'maxItems' is not permitted")
    assert (first.response_format, first.bounds) == ("json_schema_strict", False)
    assert first.without("response_format", "'maxItems' is not permitted").response_format != "json_schema_strict"


def test_the_bottom_of_the_ladder_and_of_everything_else():
    quirks = Quirks()
    for _ in range(9):
        quirks = quirks.unenforced()
    assert quirks.response_format == "lines" and quirks.without("response_format") == quirks
    for change in ("token_limit", "temperature", "frequency_penalty", "system_role", "nonsense"):
        for _ in range(3):
            quirks = quirks.without(change)
        assert quirks.without(change) == quirks
    request = asked(temperature=0.5, frequency_penalty=0.6)
    body = body_of(request, "m", quirks)
    assert set(body) == {"model", "messages"} and quirks.sends(request) == frozenset()
    assert [m["role"] for m in body["messages"]] == ["user"] and body["messages"][0]["content"].startswith("Answer")
    both = Quirks().joined(quirks)
    assert both == quirks == quirks.joined(Quirks()), "what two processes learned is joined"


def test_what_is_sent_is_what_may_be_refused():
    request = asked(frequency_penalty=0.6)
    assert Quirks().sends(request) == {
        "response_format", "token_limit", "temperature", "frequency_penalty", "system_role",
    }  # fmt: skip
    assert "thinking" in Quirks(thinking="effort").sends(request)
    assert body_of(request, "m", Quirks(thinking="effort"))["reasoning_effort"] == "none"
    assert body_of(request, "m", Quirks(thinking="template"))["chat_template_kwargs"] == {"enable_thinking": False}
    assert body_of(request, "m", Quirks(room=2048))["max_tokens"] == token_limit_of(request, Quirks(room=2048)) == 2448


def test_openai_gets_its_own_names():
    quirks = first_quirks("https://api.openai.com/v1")
    body = body_of(asked(), "m", quirks)
    assert "max_completion_tokens" in body and "maxItems" not in json.dumps(body["response_format"])
    assert "maxItems" in json.dumps(body_of(asked(), "m", first_quirks("http://localhost:1/v1")))


def test_conversations_have_one_system_message_and_take_turns():
    request = asked(
        TAGS,
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "system", "content": "d"},
        {"role": "assistant", "content": "json"},
        {"role": "user", "content": [{"type": "text", "text": "e"}]},
    )
    sent = body_of(request, "m", Quirks())["messages"]
    assert [(m["role"], m["content"]) for m in sent[:3]] == [
        ("system", "a\n\nd"),
        ("user", "b\n\nc"),
        ("assistant", "json"),
    ]
    merged = body_of(request, "m", Quirks(system_role=False))["messages"]
    assert [m["role"] for m in merged] == ["user", "assistant", "user"] and merged[0]["content"] == "a\n\nd\n\nb\n\nc"


def test_pictures_travel_as_data(tmp_path):
    from PIL import Image

    from core.engines.images import image_part

    Image.new("RGB", (4, 3), "red").save(tmp_path / "red.png")
    request = asked(
        TAGS, {"role": "user", "content": [{"type": "text", "text": "a"}, image_part(tmp_path / "red.png")]}
    )
    for quirks in (Quirks(), Quirks(response_format="json_object", system_role=False)):
        content = body_of(request, "m", quirks)["messages"][0]["content"]
        assert content[0] == {"type": "text", "text": "a"} and content[1]["type"] == "image_url"
        assert content[1]["image_url"]["url"].startswith("data:image/")
    assert str(tmp_path) not in json.dumps(body_of(request, "m", Quirks()))


def test_the_word_json_is_in_every_request_for_an_object():
    request = asked(TAGS, {"role": "user", "content": "tags, please"})
    assert "JSON" in body_of(request, "m", Quirks(response_format="json_object"))["messages"][0]["content"]
    assert "JSON" not in body_of(request, "m", Quirks())["messages"][0]["content"]


def test_lines_are_asked_for_as_the_parser_reads_them():
    assert list_in(CHOICES) == ("tags", ("tag", "quote")) and "::" in lines_instruction(CHOICES)
    assert parse_choices("solar energy :: ran on sun\nwind :: it blew").choices[0].quote == "ran on sun"
    plain = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
    assert (
        list_in(plain) == ("tags", ()) and "tags" in lines_instruction(plain) and "::" not in lines_instruction(plain)
    )
    caption = {"type": "object", "properties": {"caption": {"type": "string"}}}
    assert text_in(caption) == "caption" and "caption" in lines_instruction(caption)
    assert lines_instruction({"type": "object", "properties": {"a": {}, "b": {}}}) == ""
    body = body_of(asked(CHOICES), "m", Quirks(response_format="lines"))
    assert "::" in body["messages"][-1]["content"]
    assert "white space" in body_of(asked(), "m", Quirks(compact=True))["messages"][-1]["content"]


@given(
    st.dictionaries(
        st.sampled_from(list(Quirks.__dataclass_fields__)) | st.text(max_size=4),
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    )
)
def test_a_stored_record_of_any_kind_can_be_read(stored):
    quirks = Quirks.from_dict(stored)
    body_of(asked(), "m", quirks)
    assert Quirks.from_dict({name: getattr(quirks, name) for name in Quirks.__dataclass_fields__}) == quirks
