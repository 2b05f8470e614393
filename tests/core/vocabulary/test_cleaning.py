import csv
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.vocabulary.cleaning import clean, looks_like_refusal
from core.vocabulary.taggpt import read_final_tags

anything = st.text(max_size=60) | st.text(
    st.sampled_from("#\"'“”[](){}-*•1a.、：:。 标签tags抱歉①）>`_~\n"), max_size=24
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("machine learning", "machine learning"),
        ("1. machine learning", "machine learning"),
        ("2) Deep Learning", "Deep Learning"),
        ("1、手工制作", "手工制作"),
        ("①美食", "美食"),
        ("（三）汽车", "汽车"),
        ("- python", "python"),
        ("• python", "python"),
        ("**bold tag**", "bold tag"),
        ("`code`", "code"),
        ("“手工制作", "手工制作"),
        ("手工DIY”", "手工DIY"),
        ("「料理」", "料理"),
        ("#美食#", "美食"),
        ("#cooking", "cooking"),
        ("Tags: cooking", "cooking"),
        ("Keyword 1: foo", "foo"),
        ("标签：美食", "美食"),
        ("タグ：料理", "料理"),
        ("Mots-clés : cuisine", "cuisine"),
        ("３Ｄ打印", "3D打印"),
        ("ﾗｰﾒﾝ", "ラーメン"),
        ("pasta,", "pasta"),
        ("美食。", "美食"),
        ("[tag]", "tag"),
        ('["python"', "python"),
        ("  spaces \n here ", "spaces here"),
    ],
)
def test_what_stands_around_a_tag_comes_off(said, meant):
    assert clean(said).text == meant
    assert clean(said).problem is None


ORDINARY = """
c++|C#|.net|node.js|U.S.A.|rock 'n' roll|python (language)|"4 on the floor" kick|2.0|4.0时代|1.5 litre|3d|80s|r|1 hit
don't|covid-19|missing data|输入法技巧|优惠信息|信息安全|晚上不能吃的水果|呼吸暂停|人工智能|难以为继|判断题技巧
information retrieval|knowledge base|question answering|label noise|object recognition|いただきます|요리|cocina fácil
Schlagermusik|i want to break free|sorry sorry dance
"""


@pytest.mark.parametrize("tag", [tag for line in ORDINARY.strip().splitlines() for tag in line.split("|")])
def test_ordinary_tags_stay_as_they_are(tag):
    assert clean(tag).text == tag


@pytest.mark.parametrize(
    "said",
    [
        "抱歉",
        "我很抱歉，我无法回答",
        "无法推断出兴趣标签",
        "兴趣标签无法生成",
        "请提供更详细的信息",
        "因为输入信息不足",
        "没有足够的信息",
        "作为AI语言模型",
        "Sorry",
        "I'm sorry, but I can't help with that.",
        "unable to generate interest tags",
        "Cannot determine tags from this input",
        "As an AI language model, I do not watch videos",
        "Please provide more information",
        "not enough information",
        "No tags could be generated",
        "申し訳ありませんが、タグを生成できません",
        "情報が不足しています",
        "죄송합니다",
        "태그를 생성할 수 없습니다",
        "Lo siento, no puedo generar etiquetas",
        "Desculpe, não posso gerar etiquetas",
        "Désolé, impossible de générer des étiquettes",
        "Es tut mir leid, ich kann keine Tags erzeugen",
        "К сожалению, недостаточно информации",
    ],
)
def test_refusals_are_no_tags(said):
    assert clean(said).problem == "refusal"
    assert clean(said).text is None
    assert looks_like_refusal(f"1. “{said}”")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "empty"),
        ("…!?", "empty"),
        ("1.", "numbering"),
        ("N/A", "chatter"),
        ("Here are the tags:", "chatter"),
        ("The video shows a man who cooks pasta.", "chatter"),
        ("Wash your hands before you eat lunch.", "chatter"),
        ("根据所提供的信息", "chatter"),
        ("以下是标签", "chatter"),
        ("兴趣标签", "chatter"),
        ("how to get from one side of a large lake to another", "too_long"),
        ("每一个作品都离不开好友们的支持与关注欢迎大家多多点赞加关注", "too_long"),
        ("x" * 100, "too_long"),
    ],
)
def test_what_is_no_tag_is_named(said, problem):
    assert clean(said).problem == problem


@given(anything)
@example("#a#")
@example("((a))")
@example("1. 2. a")
@example("-\u200b-a")
@example("''a'")
def test_cleaning_twice_is_cleaning_once(said):
    first = clean(said)
    assert (first.text is None) != (first.problem is None)
    if first.text is not None:
        assert clean(first.text) == first


@pytest.mark.data
def test_refusals_of_a_published_vocabulary_are_flagged(shared_data):
    """Precision was checked by eye over all that is flagged; here the known ones and the number."""
    rows = read_final_tags((shared_data / "vocabulary" / "taggpt_final_tags.csv").read_text(encoding="utf-8")).rows
    names = {row.name for row in rows}
    absorbed = {entry for row in rows for entry in row.absorbed} - names
    flagged = {tag for tag in names | absorbed if clean(tag).problem in ("refusal", "chatter")}
    assert {"抱歉", "无法生成兴趣标签", "无法推断出兴趣标签", "作为AI语言模型", "请提供更详细的信息"} <= flagged
    assert len(flagged & names) >= 54
    assert len(flagged & absorbed) >= 110
    assert len(flagged) < 0.006 * (len(names) + len(absorbed))


@pytest.mark.data
def test_tags_that_people_made_are_not_flagged(shared_data):
    tags = {tag for row in json.loads((shared_data / "items/ml_projects.json").read_bytes()) for tag in row["tags"]}
    with (shared_data / "vocabulary/booru_tags_general.csv").open(encoding="utf-8", newline="") as file:
        tags |= {row[0].replace("_", " ") for row in csv.reader(file)}
    assert not {tag for tag in tags if clean(tag).problem in ("refusal", "chatter")}
