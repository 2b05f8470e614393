"""Encodings that are no UTF: told by what reads like a language, named by a person where that fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpora.formats.encodings import guess_encoding
from core.corpora.formats.options import ENCODINGS, ReadOptions
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput

TEXTS = {
    "gb18030": [
        "今天天气很好，我们去公园散步。",
        "这个视频教你怎么做菜",
        "手工制作",
        "三十平米的小公寓如何设计",
        "减肥方法,舞蹈教学,钓鱼技巧",
    ],
    "cp950": [
        "今天天氣很好，我們去公園散步。",
        "這個影片教你怎麼做菜",
        "台北的秋天",
        "鋼琴教學與音樂理論",
        "機器學習入門課程",
    ],
    "cp932": [
        "今日は天気がいいので、公園を散歩しましょう。",
        "料理の作り方を紹介します",
        "東京の秋",
        "カラオケで歌う",
        "ゲーム実況",
    ],
    "euc_jp": [
        "今日は天気がいいので、公園を散歩しましょう。",
        "料理の作り方を紹介します",
        "東京の秋の風景",
        "カラオケで歌う",
        "ゲーム実況",
    ],
    "cp949": [
        "오늘은 날씨가 좋아서 공원에 산책하러 갑니다.",
        "요리하는 방법을 알려줍니다",
        "서울의 가을",
        "피아노 연주 강의",
        "똠방각하",
    ],
    "cp1251": [
        "Сегодня хорошая погода, пойдём гулять.",
        "Привет, мир",
        "МОСКВА ОСЕНЬЮ",
        "Як приготувати борщ",
        "кино; музыка",
    ],
    "koi8_r": [
        "Сегодня хорошая погода, пойдём гулять.",
        "Привет, мир",
        "МОСКВА ОСЕНЬЮ",
        "кино; музыка",
        "Время года: осень",
    ],
    "cp1252": [
        "Müller à Paris",
        "¿Dónde está?",
        "naïve “quotes” – 5 €",
        "Größe und Öl",
        "It’s a dog’s life",
        "ÉCOLE D’ÉTÉ",
        "20 °C",
        "Ærø på øen",
    ],
}
EACH = [(codec, text) for codec, texts in TEXTS.items() for text in texts]


def write(tmp_path, text, codec, name="items.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(codec))
    return path


@pytest.mark.parametrize(("codec", "text"), EACH)
def test_one_line_is_enough(codec, text):
    assert guess_encoding(text.encode(codec)) == codec


@pytest.mark.parametrize("codec", TEXTS)
def test_a_file_is_read_in_its_encoding(tmp_path, codec):
    path = write(tmp_path, "id,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(TEXTS[codec])), codec)
    assert [each.values["text"] for each in read_rows(path) if isinstance(each, Row)] == TEXTS[codec]
    found = inspect(path)
    assert found.encoding == codec and codec in ENCODINGS
    (problem,) = found.problems
    assert problem.code == "encoding_guessed" and ENCODINGS[codec] in problem.cause


@pytest.mark.parametrize("codec", ["utf-32", "utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("text", ["hello", "你好，世界", "Привет"])
def test_unicode_with_and_without_a_mark(tmp_path, codec, text):
    path = write(tmp_path, f"id,text\n1,{text}\n2,{text}\n", codec)
    assert [each.values for each in read_rows(path)] == [{"id": "1", "text": text}, {"id": "2", "text": text}]


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_get_an_encoding_that_can_be_used(data):
    data.decode(guess_encoding(data), "replace")


# what a person says


@pytest.mark.parametrize(
    ("said", "codec", "text"),
    [
        ("gbk", "gbk", "抱歉"),
        ("big5", "big5", "謝謝"),
        ("SJIS", "cp932", "①カ"),
        ("windows-1251", "cp1251", "ок"),
        ("latin-1", "cp1252", "“x” é"),
        ("utf-16", "utf-16-le", "a"),
        ("utf-16", "utf-16-be", "a"),
        ("utf-8", "utf-8-sig", "é"),
        ("cp874", "cp874", "สวัสดี"),
        ("cp1253", "cp1253", "Καλημέρα"),
    ],
)
def test_a_named_encoding_is_used(tmp_path, said, codec, text):
    path = write(tmp_path, f"id,text\n1,{text}\n", codec)
    (row,) = read_rows(path, options=ReadOptions(encoding=said))
    assert row.values == {"id": "1", "text": text}
    assert not inspect(path, options=ReadOptions(encoding=said)).problems


def test_a_wrong_encoding_is_reported_by_file_and_row(tmp_path):
    path = write(tmp_path, "id,text\n1,plain\n2,Größe\n", "cp1252")
    found = list(read_rows(path, options=ReadOptions(encoding="utf-8")))
    assert isinstance(found[0], Problem) and found[0].code == "wrong_encoding" and "UTF-8" in found[0].cause
    assert [each.number for each in found[1:] if each.notes] == [2]
    assert "�" in found[2].values["text"]


@pytest.mark.parametrize("name", ["no-such", "hex", "rot13", "idna", "unicode_escape", "utf-7", "", "x" * 500, "a\0b"])
def test_names_that_are_no_encodings_of_files(name):
    with pytest.raises(InvalidInput) as refused:
        ReadOptions(encoding=name)
    assert "gb18030" in refused.value.remedy


@pytest.mark.parametrize("delimiter", ["", "x" * 11, '"', "a\nb", "\r", "\0"])
def test_texts_that_cannot_separate_cells(delimiter):
    with pytest.raises(InvalidInput):
        ReadOptions(delimiter=delimiter)


@pytest.mark.parametrize("value", [[], "x", {"nothing": 1}, {"header": "yes"}, {"encoding": 5}, {"lines": 1}])
def test_options_of_the_wrong_kind(value):
    with pytest.raises(InvalidInput):
        ReadOptions.from_json(value)


def test_options_come_back_from_json():
    options = ReadOptions("gbk", False, "||", "Sheet", True)
    assert ReadOptions.from_json(options.to_json()) == options
    assert ReadOptions.from_json({}) == ReadOptions() and ReadOptions().to_json() == {}


@pytest.mark.data
def test_real_captions_are_known_line_by_line(shared_data):
    """Single captions, most of a dozen characters; in a file there are more of them to tell from."""
    text = (shared_data / "items" / "kuaishou_videos.csv").read_text(encoding="utf-8")
    lines = [line.split(",")[2] for line in text.split("\n")[1:3000] if line.count(",") == 9]
    lines = [line for line in lines if sum(char > "\u3000" for char in line) >= 6]
    assert len(lines) > 1000
    right = sum(guess_encoding(line.encode("gb18030")) == "gb18030" for line in lines)
    assert right >= 0.99 * len(lines)
