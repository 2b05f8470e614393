"""Names of tags in texts: word borders, plurals, initials, word families, scripts without spaces, hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tagging.lexical import TEXT_LIMIT, Matcher, singular, stem


def found(names, text):
    """{matched words: kind} of a vocabulary of one tag with its aliases."""
    return {text[hit.start : hit.end]: hit.match for hit in Matcher([names]).find(text).values()}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("climate change", "On Climate Change.", "Climate Change"),
        ("computer-vision", "uses computer vision daily", "computer vision"),
        ("data science", "a data-science team", "data-science"),
        ("machine-learning", "#MachineLearning rocks", "MachineLearning"),
        ("city", "Two cities", "cities"),
        ("cities", "one city", "city"),
        ("transformers", "a transformer model", "transformer"),
        ("c++", "fast C++ code", "C++"),
        ("C#", "in c#.", "c#"),
        ("café", "at the CAFE", "CAFE"),
        ("cafe", "le cafe\u0301 noir", "cafe\u0301"),
        ("3d-printing", "on 3D printing", "3D printing"),
        ("AI", "用AI绘画", "AI"),
    ],
)
def test_names_meet_words(name, text, words):
    assert found([name], text) == {words: "exact"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("art", "a smart start"),
        ("c", "C++ is not it"),
        ("cat", "category"),
        ("bus", "on bu"),
        ("rain", "brain"),
        ("climate change", "climate and change"),
        ("---", "a --- b"),
        ("", "anything"),
    ],
)
def test_parts_of_words_do_not_count(name, text):
    assert found([name], text) == {}


def test_aliases_and_initials():
    assert found(["natural language processing", "text mining"], "on text mining") == {"text mining": "alias"}
    assert found(["generative-adversarial-networks"], "train GANs now") == {"GANs": "alias"}
    assert found(["internet of things"], "IoT at home") == {"IoT": "alias"}
    assert found(["internet of things"], "iot") == {}
    assert found(["computer vision"], "my CV") == {}


def test_initials_in_a_shouted_text_are_words():
    assert found(["computer aided translation"], "MY CAT SLEPT ALL DAY ON THE WARM ROOF") == {}


def test_word_families():
    assert found(["activism"], "the activist") == {"activist": "stem"}
    assert found(["visualizations"], "a visualization of visual art") == {"visualization": "exact"}
    assert stem("economics") == stem("economic")
    assert singular("bus") == "bus"
    assert singular("glass") == "glass"


def test_the_best_and_then_first_place_is_named():
    hits = Matcher([["gardening"]]).find("gardeners like gardening and gardening")
    assert (hits[0].start, hits[0].match) == (15, "exact")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("太阳能", "农村的太阳能发电", "太阳能"),
        ("美食", "今天的美食！", "美食"),
        ("ラーメン", "熱々のﾗｰﾒﾝを食べる", "ﾗｰﾒﾝ"),
        ("พลังงาน", "ใช้พลังงานแสงอาทิตย์", "พลังงาน"),
        ("น้ำ", "ดื่มน้ำมากๆ", "น้ำ"),
        ("기후변화", "기후변화는 문제다", "기후변화"),
        ("AI绘画", "学ａｉ绘画吧", "ａｉ绘画"),
        ("车", "买车", "车"),
    ],
)
def test_scripts_without_word_borders(name, text, words):
    assert found([name], text) == {words: "exact"}


def test_many_tags_at_once():
    names = [["solar"], ["solar power"], ["solar power plant"], ["太阳能"], ["太阳"]]
    text = "A solar power plant 太阳能"
    hits = Matcher(names).find(text)
    assert {tag: text[h.start : h.end] for tag, h in hits.items()} == {
        0: "solar",
        1: "solar power",
        2: "solar power plant",
        3: "太阳能",
        4: "太阳",
    }


HOSTILE = [
    "\x00\x01\ud800\udfff",
    "<img src=x onerror=alert(1)>",
    "(" * 5000,
    "a" * (TEXT_LIMIT * 2),
    "é" * 3000 + "\u0301" * 3000,
    "\u202egnp.exe",
    "İ" * 100,
    "ﷺ" * 50 + "中",
    "+" * 1000,
    "A.B.C. " * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_and_names(text):
    hits = Matcher([[text, text[:3]], ["plain"], ["中"]]).find(text + " plain")
    for hit in hits.values():
        assert 0 <= hit.start < hit.end <= len(text) + 6


@given(st.text(max_size=40), st.text(max_size=200), st.text(max_size=40))
def test_offsets_always_lie_in_the_text(name, text, alias):
    whole = f"{text} {name} {alias}"
    for hit in Matcher([[name, alias]]).find(whole).values():
        assert 0 <= hit.start < hit.end <= len(whole)
        assert whole[hit.start : hit.end].strip()


@given(st.lists(st.sampled_from(["solar", "wind", "power", "energy", "plants", "city"]), min_size=1, max_size=3))
def test_a_name_is_found_in_itself(words):
    text = f"before {' '.join(words)} after"
    assert Matcher([["-".join(words)]]).find(text)[0].match == "exact"
