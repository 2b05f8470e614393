"""Answers as models write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.loose_json import DEEPEST, read_at, values_in
from core.engines.parsing import LONGEST_TAG, MOST_TAGS, Choice, clean_tag, parse_choices, parse_tags
from core.engines.refusals import looks_like_refusal


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


def test_a_refusal_is_short():
    assert not looks_like_refusal("I'm sorry. " + "word " * 200)
