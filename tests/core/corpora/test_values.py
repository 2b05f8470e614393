import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.values import MAX_LIST_TEXT, SPLITS, as_text, guess_split, is_absent, split_cell

tag = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
tags = st.lists(tag, max_size=6, unique=True)
plain_tag = st.text("abcdefgh xyz-éü中文", min_size=1, max_size=10).map(str.strip).filter(bool)


@settings(deadline=None)
@given(tags)
def test_python_lists_come_back(names):
    assert split_cell(str(names), "python-list") == tuple(names)


@settings(deadline=None)
@given(tags)
def test_json_lists_come_back(names):
    assert split_cell(json.dumps(names), "json-list") == tuple(names)
    assert split_cell(json.dumps(names, ensure_ascii=False), "json-list") == tuple(names)


@settings(deadline=None)
@given(tags)
def test_real_lists_are_taken_as_they_are_whatever_the_split(names):
    for how in SPLITS:
        assert split_cell(names, how) == tuple(names)


@settings(deadline=None)
@given(st.lists(plain_tag, max_size=6, unique=True))
def test_separated_lists_come_back(names):
    for how, separator in (("comma", ", "), ("semicolon", ";"), ("pipe", " | "), ("comma", "，"), ("comma", "、")):
        assert split_cell(separator.join(names), how) == tuple(names)
    assert split_cell("[" + ",".join(names) + "]", "bare-list") == tuple(names)


@settings(deadline=None)
@given(st.text(), st.sampled_from(SPLITS))
def test_any_text_gives_tags_or_a_reason(text, how):
    try:
        found = split_cell(text, how)
    except ValueError as error:
        assert str(error)
    else:
        assert all(name == name.strip() and name for name in found)
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("cell", "how", "expected"),
    [
        ("['it''s', 'b']", "python-list", ("its", "b")),
        ("[\"it's\", 'b']", "python-list", ("it's", "b")),
        ("['a' 'b'\n 'c']", "python-list", ("a", "b", "c")),
        ("['a, b', 'c']", "python-list", ("a, b", "c")),
        ("['a', 'a', ' a ', '']", "python-list", ("a",)),
        ("[1, 2.0, None]", "python-list", ("1", "2")),
        ("('a', 'b')", "python-list", ("a", "b")),
        ("[]", "python-list", ()),
        ("[]", "bare-list", ()),
        ("[五爱市场,感谢,搞笑]", "bare-list", ("五爱市场", "感谢", "搞笑")),
        ('[{"id": 3, "name": "drama"}, {"name": "war"}]', "json-list", ("drama", "war")),
        ('"one"', "json-list", ("one",)),
        (" a, b ", "single", ("a, b",)),
        (42, "comma", ("42",)),
        ("", "comma", ()),
        (["a", None, float("nan"), True], "comma", ("a", "true")),
    ],
)
def test_examples(cell, how, expected):
    assert split_cell(cell, how) == expected


@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("['a', ", "python-list"),
        ("__import__('os').system('true')", "python-list"),
        ("[" * 5000 + "]" * 5000, "python-list"),
        ("[" * 5000 + "]" * 5000, "json-list"),
        ("a, b", "json-list"),
        ("a, b", "bare-list"),
        ([["a"]], "comma"),
        ({"a": 1}, "comma"),
        ("[" + "'a', " * MAX_LIST_TEXT + "]", "python-list"),
        ("a", "tabs"),
    ],
)
def test_what_is_no_list_is_refused_with_a_reason(cell, how):
    with pytest.raises(ValueError, match=r"\w"):
        split_cell(cell, how)


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (["['a', 'b']", "[]"], "python-list"),
        (['["a", "b"]'], "json-list"),
        (["[]", "[五爱,搞笑]"], "bare-list"),
        (["a, b", "c"], "comma"),
        (["a; b, c", "d; e"], "semicolon"),
        (["a|b", "c, d|e"], "pipe"),
        (["rock", "pop"], "single"),
        ([["a"], None], "json-list"),
        (["A whole sentence that goes on for quite a while, as prose does, " * 5], "single"),
        ([], "json-list"),
    ],
)
def test_the_way_lists_are_written_is_guessed(cells, how):
    assert guess_split(cells) == how


def test_absent_values():
    assert all(map(is_absent, (None, "", float("nan"))))
    assert not any(map(is_absent, (" ", 0, False, [], {}, "nan")))


def test_values_as_text():
    assert as_text(3.0) == "3"
    assert as_text(3.5) == "3.5"
    assert as_text(True) == "true"
    assert as_text({"a": [1, "é"]}) == '{"a":[1,"é"]}'
    assert as_text(None) == ""
    assert as_text(float("inf")) == "inf"
