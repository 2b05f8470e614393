"""Words are found in scripts that write none, from a few sentences and no dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from core.vocabulary.segmentation import Segmenter, runs_of

CHINESE = [
    *("周末去公园散步，天气很好", "公园里的樱花开了", "我们在公园拍照", "老人在公园下棋", "这个公园晚上也开放"),
    *("美食探店第一站", "今天的美食是火锅", "他喜欢美食和旅行", "街头美食大全", "美食博主又来了"),
    *("旅行要带什么", "一个人的旅行", "旅行攻略都在这里", "毕业旅行去哪里", "说走就走的旅行"),
]
THAI = ["ฉันชอบอาหารไทย", "ร้านอาหารใกล้บ้าน", "อาหารอร่อยมาก", "ทำอาหารเองที่บ้าน", "อาหารทะเลสด", "สั่งอาหารออนไลน์"]


def test_chinese_words_are_cut_out():
    segmenter = Segmenter.learn(CHINESE)
    assert {"公园", "美食", "旅行"} <= set(segmenter.words)
    cut = [word for word, _, known in segmenter.cut("公园里的美食") if known]
    assert cut == ["公园", "美食"]


def test_thai_words_are_cut_out():
    segmenter = Segmenter.learn(THAI)
    assert any(word.startswith("อาหาร") for word in segmenter.words)


def test_what_stands_alone_is_a_word():
    assert Segmenter().cut("火锅") == [("火锅", 0, True)]
    assert Segmenter().cut("ラーメン") == [("ラーメン", 0, True)]
    assert not any(known for _, _, known in Segmenter().cut("说走就走的旅行要带什么"))


def test_runs_are_of_one_script():
    runs = [(run.script, run.text, run.start) for run in runs_of("東京タワーへ go! 서울 ภาษา")]
    assert runs == [
        ("han", "東京", 0),
        ("katakana", "タワー", 2),
        ("hiragana", "へ", 5),
        ("hangul", "서울", 11),
        ("thai", "ภาษา", 14),
    ]


@given(st.lists(st.text(alphabet="美食公园的了ラーメンอาหาร서울 a,", max_size=30), max_size=20))
def test_a_cut_keeps_every_character(texts):
    segmenter = Segmenter.learn(texts)
    for text in texts:
        for run in runs_of(text):
            pieces = segmenter.cut(run.text)
            assert "".join(word for word, _, _ in pieces) == run.text
            assert [offset for _, offset, _ in pieces] == [
                sum(len(word) for word, _, _ in pieces[:i]) for i in range(len(pieces))
            ]
