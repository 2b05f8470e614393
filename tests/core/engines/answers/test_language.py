"""Whether words are in the language that was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.answers.language import language_of, mismatch

SENTENCES = {
    "en": "A quiet song about the sea, and about a man who sails on it when the night is over.",
    "de": "Ein ruhiges Lied über das Meer und über einen Mann, der auf ihm segelt, wenn die Nacht vorbei ist.",
    "fr": "Une chanson calme sur la mer et sur un homme qui navigue quand la nuit est finie.",
    "es": "Una canción tranquila sobre el mar y sobre un hombre que navega en él cuando se acaba la noche.",
    "pt": "Uma canção calma sobre o mar e sobre um homem que navega nele quando a noite já não é longa.",
    "it": "Una canzone tranquilla sul mare e su un uomo che lo attraversa quando la notte è finita.",
    "nl": "Een rustig lied over de zee en over een man die op haar vaart als de nacht voorbij is.",
    "pl": "Spokojna piosenka o morzu i o człowieku, który po nim pływa, kiedy noc się już kończy.",
    "ru": "Тихая песня о море и о человеке, который плывёт по нему, когда ночь уже прошла.",
    "zh": "一首关于大海的安静的歌，唱的是一个在夜里航行的人，以及他对故乡的思念。",
    "ja": "海についての静かな歌で、夜が明けるときに船を出す男のことを歌っています。",
    "ko": "바다와 밤이 끝날 때 배를 타는 남자에 대한 조용한 노래입니다.",
    "ar": "أغنية هادئة عن البحر وعن رجل يبحر فيه عندما ينتهي الليل.",
    "th": "เพลงเงียบ ๆ เกี่ยวกับทะเลและชายที่ล่องเรือเมื่อค่ำคืนสิ้นสุดลง",
    "el": "Ένα ήσυχο τραγούδι για τη θάλασσα και έναν άντρα που ταξιδεύει τη νύχτα.",
}


@pytest.mark.parametrize("written", SENTENCES)
def test_sentences_are_told_apart(written):
    for wanted in SENTENCES:
        said = mismatch(SENTENCES[written], wanted)
        if wanted == written:
            assert said is None
        else:
            name = language_of(wanted).name
            assert said and said.endswith(f"write it in {name}.") and f"it is in {name}" not in said, wanted


@pytest.mark.parametrize(
    ("wanted", "code"),
    [("German", "de"), ("Deutsch", "de"), ("de", "de"), ("de-AT", "de"), ("pt_BR", "pt"),
     ("Brazilian Portuguese", "pt"), ("Chinese (Simplified)", "zh"), ("zh-Hans", "zh"),
     ("简体中文", "zh"), ("日本語", "ja"), ("ENGLISH", "en"),
     ("Klingon", None), ("", None), ("x" * 9, None)],
)  # fmt: skip
def test_a_language_by_any_of_its_names(wanted, code):
    found = language_of(wanted)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("NASA, iPhone, Berlin, Angela Merkel, New York", "Japanese"),
        ("太陽光, iPhone, NASA, 風力発電", "ja"),
        ("AI, GPT-4, ニューラルネット", "ja"),
        ("Solarenergie, Windkraft, Klimawandel, Energiewende", "English"),
        ("jazz, piano, live", "de"),
        ("ok", "ja"),
        ("", "ja"),
        ("東京", "zh"),
        ("経済, 政治", "ja"),
        ("The Beatles, Let It Be", "fr"),
        (SENTENCES["en"], ""),
        (SENTENCES["en"], "Klingon"),
    ],
)
def test_names_short_words_and_lists_have_the_benefit_of_the_doubt(text, wanted):
    assert mismatch(text, wanted) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("solar energy, wind power, climate", "Japanese"),
        ("太阳能，风能，气候变化", "English"),
        ("ソーラー、風力発電、気候", "zh"),
        ("солнце, ветер, климат", "de"),
        ("태양광, 풍력, 기후", "ja"),
    ],
)
def test_tags_of_another_script_are_seen(text, wanted):
    assert mismatch(text, wanted)


@given(st.text(max_size=200), st.sampled_from([*SENTENCES, "xx", "German"]) | st.text(max_size=12))
def test_no_text_breaks_it(text, wanted):
    said = mismatch(text, wanted)
    assert said is None or said.endswith(".")
