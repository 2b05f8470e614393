import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vocabulary.opposites import numbers_differ, opposed
from core.vocabulary.taggpt import read_final_tags


def pairs(text):
    return [tuple(pair.split("/")) for pair in text.split()]


MUST = pairs("减肥/增肥 男士/女士 手动/自动 高筋/低筋 猫/狗 春季/秋季 左转/右转")
OPPOSITES = pairs(
    """
    无糖/含糖 黑/白 水上/水下 低血压/高血压 第一季/第二季 科目二/科目三 维生素A/维生素B 不粘锅/粘锅 室内装修/室外装修
    男性/女性 手動/自動 왼쪽/오른쪽 고양이/강아지 여름옷/겨울옷 온라인/오프라인 大きい/小さい
    gpt-2/gpt-3 python2/python3 80s/90s c/c++ c++/c# plan-a/plan-b world-war-i/world-war-ii 5kg/10kg
    supervised-learning/unsupervised-learning semi-supervised-learning/supervised-learning denoising/noising
    upload/download indoor/outdoor overfitting/underfitting hypertension/hypotension encoder/decoder
    wireless/wired careful/careless sugar-free-cake/sugar-cake mens-hairstyle/womens-hairstyle
    hombre/mujer comida-para-perros/comida-para-gatos alta-presión/baja-presión sans-gluten/avec-gluten
    Männerfrisur/Frauenfrisur Winterjacke/Sommerjacke мужская-стрижка/женская-стрижка left-turn/right-turn
    """
)
NONE = pairs(
    """
    machine-learning/ml pre-training/pretraining fine-tuning/finetune data-visualization/visualization c++/cpp
    three-dimensional/3d image-generation/image-synthesis kubernetes/k8s 手工DIY/DIY手工 家常菜/家常菜做法 熊猫/大熊猫
    recommendation-systems/recommender-systems cat/cats labeling/labelling colour/color 上海美食/上海小吃
    sarcasm-detection/irony-detection streaming-data/data-streams chatbot/conversational-ai 美食/美食制作
    node/node-js gpt-2/gpt2
    """
)
names = st.text(st.sampled_from("ab 猫狗高低不无12男女-+左右"), max_size=10) | st.text(max_size=16)


@pytest.mark.parametrize(("a", "b"), MUST + OPPOSITES)
def test_opposites_in_many_languages(a, b):
    assert opposed(a, b)
    assert opposed(b, a)
    assert opposed(a.replace("-", " "), b.replace("-", " "))


@pytest.mark.parametrize(("a", "b"), MUST)
@pytest.mark.parametrize("frame", ["{}", "{}技巧", "新手{}", "怎么{}最好", "DIY{}", "{}小知识分享"])
def test_two_strings_that_differ_only_by_an_opposite(a, b, frame):
    assert opposed(frame.format(a), frame.format(b))


@pytest.mark.parametrize(("a", "b"), NONE)
def test_what_is_no_opposite(a, b):
    assert opposed(a, b) is None


def test_the_reason_names_kind_and_words():
    assert opposed("减肥方法", "增肥方法") == "polarity: 减/增"
    assert opposed("gpt-2", "gpt-3") == "number: 2/3"
    assert opposed("men's hats", "women's hats") == "gender: man/woman"


def test_numbers_that_only_one_has():
    assert numbers_differ("gpt", "gpt-2")
    assert opposed("gpt", "gpt-2") is None
    assert not numbers_differ("three dimensional", "3-dimensional")


@given(names, names)
def test_opposed_is_symmetric_and_never_reflexive(a, b):
    assert (opposed(a, b) is None) == (opposed(b, a) is None)
    assert opposed(a, a) is None


@given(st.sampled_from(MUST), st.text("手工美食教程推荐ab ", max_size=5), st.text("手工美食教程推荐ab ", max_size=5))
def test_any_frame_around_an_opposite(pair, before, after):
    a, b = pair
    assert opposed(f"{before}{a}{after}", f"{before}{b}{after}")


@pytest.mark.data
def test_every_such_pair_of_a_published_vocabulary(shared_data):
    rows = read_final_tags((shared_data / "vocabulary" / "taggpt_final_tags.csv").read_text(encoding="utf-8")).rows
    strings = {row.name for row in rows} | {entry for row in rows for entry in row.absorbed}
    checked = 0
    for a, b in MUST:
        for string in strings:
            other = string.replace(a, b)
            if a in string and other in strings:
                checked += 1
                assert opposed(string, other), (string, other)
    assert checked > 100


def test_the_way_from_one_to_the_other():
    assert opposed("text to image", "image-to-text").startswith("direction")
    assert opposed("image captioning", "captioning images") is None
