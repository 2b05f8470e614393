"""Answers as models write them."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.loose_json import DEEPEST, read_at, values_in
from core.engines.answers.parsing import (
    LONGEST_TAG,
    MOST_TAGS,
    Choice,
    clean_tag,
    keeps_form,
    parse_choices,
    parse_tags,
)
from core.engines.answers.refusals import looks_like_refusal


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ('{"tags": ["solar energy", "denmark"]}', ["solar energy", "denmark"]),
        ('["a", "b"]', ["a", "b"]),
        ('Sure! Here are the tags:\n```json\n{"tags": ["a", "b"]}\n```\nLet me know.', ["a", "b"]),
        ('```\n["a",\n "b",\n]\n```', ["a", "b"]),
        ("{'tags': ['it\\'s fine', 'john's book', 'c']}", ["it's fine", "john's book", "c"]),
        ('{tags: ["a", "b",], }', ["a", "b"]),
        ('{"tags": ["a"] // the best\n}', ["a"]),
        ('{"Tags": "a, b; c"}', ["a", "b", "c"]),
        ('{"result": {"tags": ["a"]}}', ["a"]),
        ('{"tags": {"a": 1, "b": 2}}', ["a", "b"]),
        ('{"tags": "[\\"a\\", \\"b\\"]"}', ["a", "b"]),
        ('{"tags": [{"tag": "a"}, {"name": "b"}, {"label": "c"}, null, true, 1984]}', ["a", "b", "c", "1984"]),
        ('{"tags": [["a"], ["b"]]}', ["a", "b"]),
        ('{"tags": ["a"], "tags": ["b"]}', ["a", "b"]),
        ('{"keywords": ["a"]}', ["a"]),
        ('{"tags": ["a", "A", " a "]}', ["a"]),
        ('{"tags": []}', []),
        ('{"tags": null}', []),
        ("none", []),
        ("N/A.", []),
        ("无", []),
        ('<think>maybe {"tags": ["wrong"]}</think>{"tags": ["right"]}', ["right"]),
        ('{"tags": ["wrong"]} no, better</think>{"tags": ["right"]}', ["right"]),
        ('<|channel|>analysis<|message|>["wrong"]<|channel|>final<|message|>["right"]', ["right"]),
        ('First I thought {"tags": ["wrong"]}, but it is {"tags": ["right"]}', ["right"]),
        ("1. solar energy\n2. denmark\n3) wind power", ["solar energy", "denmark", "wind power"]),
        (
            "Here are the tags:\n- **Solar energy**: all about the sun\n- Wind — a lot of moving air",
            ["Solar energy", "Wind"],
        ),
        ("1. solar2. wind3. denmark", ["solar", "wind", "denmark"]),
        ("solar energy, denmark, wind power.", ["solar energy", "denmark", "wind power"]),
        ("Tags: solar energy; denmark", ["solar energy", "denmark"]),
        ("美食、旅行、家常菜", ["美食", "旅行", "家常菜"]),
        ("标签：美食，旅行", ["美食", "旅行"]),
        ("#solar #denmark", ["solar", "denmark"]),
        ("solar energy", ["solar energy"]),
        ('{"tags": ["c++", ".net", "node.js", "U.S.", "3d"]}', ["c++", ".net", "node.js", "U.S", "3d"]),
        ("\ufeff[\u201ca\u201d, \u201cb\u201d]", ["a", "b"]),
        ('{"tags": ["caf\\u00e9", "\\ud83d\\ude00 fun"]}', ["café", "😀 fun"]),
        ('{"tags": ["a" "b"]}', ["a", "b"]),
        ('{"tags": ["a", "b"}', ["a", "b"]),
        ('{"tags": ["a"; "b"]}', ["a", "b"]),
        ('{"tags": ["the "best" of", "b"]}', ['the "best" of', "b"]),
        ("{tags: [solar energy, wind power]}", ["solar energy", "wind power"]),
        ('{"tags": {"a", "b"}}', ["a", "b"]),
        ('{"tags": ["a", NaN, Infinity, null]}', ["a"]),
        ('{""tags"": [""solar energy"", ""b""]}', ["solar energy", "b"]),
        ('{\\"tags\\": [\\"a\\", \\"b\\"]}', ["a", "b"]),
        ('"{\\"tags\\": [\\"a\\"]}"', ["a"]),
        ('{"result": "{\\"tags\\": [\\"a\\"]}"}', ["a"]),
        ('{"TAGS ": ["a"]}', ["a"]),
        ('{"tags": ["a"]} {"tags": ["b"]}', ["b"]),
        ('{"tags": ["a"]}\n\n[1]', ["a"]),
        ('{"tag": "a", "quote": "x"}\n{"tag": "b", "quote": "y"}', ["a", "b"]),
        ('Sure!\n{"tags": ["a"]}\nLet me know if {you} need more.', ["a"]),
        ("solar energy :: ran on sun\nwind power :: it blew", ["solar energy", "wind power"]),
        ('<reasoning>["x"]</reasoning>["a"]', ["a"]),
        ('[THINK]["x"][/THINK]["a"]', ["a"]),
        ('◁think▷["x"]◁/think▷["a"]', ["a"]),
        ('<|START_THINKING|>["x"]<|END_THINKING|>["a"]', ["a"]),
        ('<｜begin▁of▁thinking｜>["x"]<｜end▁of▁thinking｜>["a"]', ["a"]),
        ('analysisMaybe ["x"]assistantfinal["a"]', ["a"]),
        ('<answer>["a"]</answer>', ["a"]),
        ('{"tags": ["how <think> tags work"]}', ["how"]),
        ('{"tags": ["a\u202eb", "c\u200bd", "e\U000e0041"]}', ["ab", "cd", "e"]),
        ('{"tags": ["a\x00b\x1b"]}', ["ab"]),
        ('{"tags": ["a\\ud800"]}', ["a\ufffd"]),
    ],
)
def test_usable_answers(answer, tags):
    parsed = parse_tags(answer, "stop")
    assert (list(parsed.tags), parsed.problem, parsed.refused, parsed.partial) == (tags, None, False, False)


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ('{"tags": ["a", "b", "c', ["a", "b"]),
        ('{"tags": ["a", "b"', ["a", "b"]),
        ('{"tags": ["a", "b",', ["a", "b"]),
        ('["a", {"tag": "b", "quote": "x"}, {"tag": "c", "quo', ["a", "b", "c"]),
        ("solar, wind, den", ["solar", "wind"]),
        ("1. solar\n2. wind\n3. den", ["solar", "wind"]),
    ],
)
def test_a_cut_answer_keeps_what_is_complete(answer, tags):
    parsed = parse_tags(answer, "length")
    assert list(parsed.tags) == tags and parsed.partial and parsed.problem is None


def test_a_cut_that_the_server_does_not_tell_is_seen():
    assert parse_tags('{"tags": ["a", "b', "stop").partial


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "   ",
        "<think>I wonder",
        "{}",
        '{"tags": ["This is a whole sentence about the item. It goes on and on for ever."]}',
        "This is an item about many things. It would be hard to say which of them matter the most here.",
        '{"title": "x"}',
        {"tags": ["a"]},
    ],
)
def test_unusable_answers_say_why(answer):
    parsed = parse_tags(answer)
    assert not parsed.tags and not parsed.refused and parsed.problem and parsed.problem.endswith(".")


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, I cannot generate tags for this item.",
    "As an AI language model, I do not have access to videos.",
    "Please provide more information about the video.",
    "抱歉，我无法生成兴趣标签",
    "作为AI语言模型，我不能判断",
    "申し訳ありませんが、お答えできません。",
    "죄송합니다. 도와드릴 수 없습니다.",
    "Es tut mir leid, ich kann dabei nicht helfen.",
    "Je suis désolé, je ne peux pas répondre.",
    "Lo siento, no puedo ayudar con eso.",
    "Извините, я не могу помочь.",
    "Desculpe, não posso ajudar.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_a_state_of_their_own(text):
    for answer in (text, f'{{"tags": ["{text}"]}}', f'```json\n["{text}"]\n```'):
        parsed = parse_tags(answer)
        assert parsed.refused and not parsed.tags and parsed.problem is None, answer
    assert list(parse_tags(f'{{"tags": ["{text}", "solar energy"]}}').tags) == ["solar energy"]


@pytest.mark.parametrize(
    "tag", ["apology letters", "sorry sight", "saying sorry", "the unable", "artificial intelligence"]
)
def test_tags_that_sound_like_refusals_are_tags(tag):
    assert list(parse_tags(json.dumps({"tags": [tag]})).tags) == [tag]


def test_a_server_that_filters_content_refuses():
    assert parse_tags("anything", "content_filter").refused


def test_a_refusal_before_an_answer_is_no_refusal():
    assert list(parse_tags('I\'m sorry for the delay. {"tags": ["a"]}').tags) == ["a"]


def test_quotes_come_with_their_tags():
    answer = '{"tags": [{"tag": "solar energy", "quote": "ran on  sun"}, {"name": "wind"}, "denmark"]}'
    assert parse_choices(answer).choices == (Choice("solar energy", "ran on sun"), Choice("wind"), Choice("denmark"))


@pytest.mark.parametrize(
    ("answer", "flags"),
    [
        ('{"tags": ["a"]}', ()),
        ('```json\n{"tags": ["a"]}\n```', ("fenced",)),
        ('Here: {"tags": ["a"]} Bye.', ("prose",)),
        ('<think>hm</think>{"tags": ["a"]}', ("thinking",)),
        ("{'tags': ['a']}", ("repaired",)),
        ('{"tags": ["a"], "tags": ["b"]}', ("duplicate_keys",)),
        ('{"tags": ["a"]}{"tags": ["b"]}', ("several",)),
        ('{"tags": "a, b"}', ("coerced",)),
        ('{"tags": [1984]}', ("coerced",)),
        ("- a\n- b", ("lines",)),
        ('{"tags": ["a", "https://example.org/a"]}', ("dropped",)),
        ('{"tags": ["a", "I\'m sorry, but I can\'t help with that."]}', ("refused_part",)),
        (json.dumps({"tags": [f"tag {i}" for i in range(MOST_TAGS + 1)]}), ("trimmed",)),
    ],
)
def test_what_is_odd_about_an_answer_is_flagged(answer, flags):
    assert parse_tags(answer).flags == flags and parse_tags(answer).tags
    assert "cut" in parse_tags(answer[:-4] + " ", "length").flags or answer[-1] not in "]}"


def test_a_refusal_beside_an_empty_list_is_a_refusal():
    for answer in (
        "I'm sorry, I can't help with that. {\"tags\": []}",
        '{"tags": [], "note": "I cannot view images."}',
    ):
        assert parse_tags(answer).refused
    assert not parse_tags('Nothing of the list fits. {"tags": []}').refused


def test_whether_an_answer_keeps_to_its_form_is_not_whether_it_is_good():
    schema = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["tags"],
    }
    for kept in (
        '{"tags": []}',
        'So: {"Tags": ["x"]}',
        '["a"]',
        "```\n{'tags': 3}\n```",
        '<think>no</think>{"tags": []}',
    ):
        assert keeps_form(kept, schema), kept
    for broken in ("a, b", '{"tags": ["a"', '{"labels": []}', "", None, '<think>{"tags": []}'):
        assert not keeps_form(broken, schema), broken


def test_too_many_and_too_long_tags_are_bounded():
    many = parse_tags(json.dumps({"tags": [f"tag {i}" for i in range(500)]}))
    assert len(many.tags) == MOST_TAGS
    assert parse_tags(json.dumps({"tags": ["x" * 200, "fine"]})).tags == ("fine",)
    assert parse_tags(json.dumps({"tags": ["see https://example.org", "me@example.org", "…", "fine"]})).tags == (
        "fine",
    )


@pytest.mark.parametrize(
    ("said", "tag"),
    [("- solar", "solar"), ("**solar**", "solar"), ("1. solar", "solar"), ("“solar”", "solar"), ("#solar", "solar"),
     ("'solar'", "solar"), ("solar.", "solar"), ("1984", "1984"), ("3.5 mm jack", "3.5 mm jack"),
     ("", None), ("?!", None)],
)  # fmt: skip
def test_tags_are_cleaned(said, tag):
    assert clean_tag(said) == tag


@given(st.text(max_size=300))
def test_cleaning_what_is_clean_changes_nothing(text):
    tag = clean_tag(text)
    assert tag is None or (clean_tag(tag) == tag and 0 < len(tag) <= LONGEST_TAG)


plain_tags = st.lists(st.text("abcdefgh äß日本", min_size=1, max_size=20).map(str.strip).filter(bool), max_size=12)


@given(plain_tags, st.booleans(), st.booleans())
def test_json_comes_back_as_it_was(tags, fenced, talkative):
    text = json.dumps({"tags": tags}, ensure_ascii=talkative)
    text = f"```json\n{text}\n```" if fenced else text
    text = f"Here you are:\n{text}\nBye." if talkative else text
    expected = list(dict.fromkeys(t.casefold() for t in map(clean_tag, tags) if t))
    assert [t.casefold() for t in parse_tags(text).tags if t.casefold() not in ("na",)] == [
        t for t in expected if t not in ("na",)
    ]


@given(plain_tags.filter(bool), st.data())
def test_cutting_an_answer_anywhere_invents_no_tag(tags, data):
    text = json.dumps({"tags": tags}, ensure_ascii=False)
    cut = text[: data.draw(st.integers(0, len(text)))]
    whole = {t.casefold() for t in map(clean_tag, tags) if t}
    if '"tags": [' in cut:
        assert {t.casefold() for t in parse_tags(cut, "length").tags} <= whole


@given(
    st.one_of(st.text(max_size=400), st.text("{}[]\"',:abc\\ \n<>/think`-#、1.", max_size=400)),
    st.sampled_from(["stop", "length", None]),
)
def test_no_text_ever_breaks_the_parser(text, finish):
    parsed = parse_choices(text, finish)
    assert all(c.tag == clean_tag(c.tag) for c in parsed.choices)
    assert not (parsed.refused and parsed.choices)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda s: st.lists(s) | st.dictionaries(st.text(max_size=6), s),
        max_leaves=30,
    )
)
def test_no_json_ever_breaks_the_parser(value):
    parse_choices(json.dumps(value))
    parse_choices(value)


HOSTILE = st.text("ab \x00\x1b\u202e\u200b\U000e0041{}[]\"',:<>/\\-1.、太\ud800", max_size=60)


@given(
    st.lists(HOSTILE | st.text(max_size=30), max_size=70), HOSTILE, st.booleans(), st.sampled_from(["stop", "length"])
)
def test_whatever_a_model_writes_tags_are_clean_few_and_never_thoughts(tags, thought, fenced, finish):
    text = json.dumps({"tags": tags})
    text = f"```json\n{text}\n```" if fenced else text
    for answer in (f"<think>{thought} secretdraft</think>{text}", f'["secretdraft"]</think>{text}', text):
        parsed = parse_choices(answer, finish)
        assert len(parsed.choices) <= MOST_TAGS
        for choice in parsed.choices:
            assert "secretdraft" not in choice.tag and 0 < len(choice.tag) <= LONGEST_TAG
            assert all(
                unicodedata.category(c) not in ("Cc", "Cs", "Co") and c not in "\u202e\u200b" for c in choice.tag
            )


@given(plain_tags, st.data())
def test_mutated_json_invents_no_letters(tags, data):
    """One character is taken out, doubled or replaced: whatever is read of it, its letters were there."""
    text = json.dumps({"tags": tags}, ensure_ascii=False)
    place = data.draw(st.integers(0, len(text) - 1))
    broken = text[:place] + data.draw(st.sampled_from(["", text[place] * 2, "'", ",", "}", "\n"])) + text[place + 1 :]
    for tag in parse_tags(broken).tags:
        assert set(tag) <= set(broken)


@given(plain_tags)
def test_what_was_read_is_read_again_as_it_is(tags):
    parsed = parse_tags(json.dumps({"tags": tags}))
    assert parse_tags(json.dumps({"tags": parsed.tags})).tags == parsed.tags


def test_every_cut_of_an_answer_keeps_only_whole_tags():
    tags = ["solar energy", "it's wind", 'the "best" power', "日本語", "c++"]
    for text in (json.dumps({"tags": tags}), str({"tags": tags}), json.dumps([{"tag": t, "quote": "q"} for t in tags])):
        for end in range(len(text)):
            assert set(parse_tags(text[:end], "length").tags) <= set(tags), text[:end]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        '{"a":' * 5000,
        "<think>" * 9000,
        '"' * 9000,
        "`" * 9000,
        "[" + "'a'," * 20000,
        "\ud800" * 10,
        "/*" * 30000,
        "- a\n" * 20000,
        '{"tags": ["a"]}' + " " * 1_000_000,
        "a, " * 400_000,
        '{"tags": [' + '"a b", ' * 150_000,
        "[[" * 1000 + "]]" * 1000,
        '["' + "\\" * 50_000,
        "'a' " * 50_000,
        "<" * 50_000,
    ],
)
def test_monsters_end(text):
    parse_choices(text)


# loose JSON


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda s: st.lists(s) | st.dictionaries(st.text(max_size=6), s),
        max_leaves=20,
    ).filter(lambda v: isinstance(v, (list, dict)))
)
def test_loose_json_reads_strict_json(value):
    found = read_at(json.dumps(value), 0)
    assert found is not None and not found.cut
    assert found.value == value or "null" in json.dumps(value) or has_pairs(value)


def has_pairs(value):
    """Names said twice once they are text, or lists under one name: then values are joined on purpose."""
    return isinstance(value, dict) and len({str(k) for k in value}) != len(value)


def test_values_are_found_among_words():
    assert [v.value for v in values_in('a {"b": 1} c [2, 3] d {')] == [{"b": 1}, [2, 3], {}]
    assert read_at("[" * (DEEPEST + 5), 0) is None


def test_an_object_that_names_something_twice_says_so():
    assert read_at('{"a": [1], "a": [2]}', 0).value == {"a": [1, 2]} and read_at('{"a": 1, "a": 2}', 0).value == {
        "a": 2
    }
    assert read_at('{"a": 1, "a": 2}', 0).doubled and not read_at('{"a": 1}', 0).doubled


def test_a_refusal_is_short():
    assert not looks_like_refusal("I'm sorry. " + "word " * 200)
