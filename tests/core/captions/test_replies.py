"""What models answer when they are asked for a caption with predicted attributes, as they really write it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions import replies
from core.captions.replies import new_to, parse_attributes, read_reply
from core.captions.tags import MusicTag, TagSet
from core.engines.calls import Reply, Usage

WORD = st.sampled_from(
    [
        "a",
        "slow",
        "piece",
        "with",
        "warm",
        "piano",
        "and",
        "soft",
        "drums",
        "it's",
        "the",
        "world's",
        "best-known",
        "rock",
        "tune",
        "that",
        "doesn't",
        "hurry",
    ]
)
SENTENCE = st.lists(WORD, min_size=2, max_size=12).map(lambda words: " ".join(words).capitalize() + ".")
CAPTION = st.lists(SENTENCE, min_size=1, max_size=3).map(" ".join)
GUESS = st.lists(
    st.sampled_from(["warm", "bass", "children's", "late-night", "mellow", "swing", "brushed", "cymbals"]),
    min_size=1,
    max_size=2,
)
GUESSES = st.lists(GUESS.map(" ".join), max_size=5, unique_by=str.casefold)


def naive(text: str, quote: str) -> str:
    """A text in quotes, as somebody writes it who never escapes anything."""
    return f"{quote}{text}{quote}"


def forms(caption: str, guesses: list[str], name: str) -> dict[str, str]:
    """The same answer in the ways in which it has come."""
    listed = f"[{', '.join(naive(each, chr(39)) for each in guesses)}]"
    mixed = f"[{', '.join(naive(each, chr(34)) for each in guesses)}]"
    said = {name: guesses, "description": caption}
    return {
        "json": json.dumps(said),
        "python": repr(said),
        "without braces": repr(said)[1:-1],
        "naive": f"{{'{name}': {listed}, 'description': '{caption}'}}",
        "naive without braces": f"'{name}': {listed}, 'description': '{caption}'",
        "mixed quotes": f'{{\'{name}\': {mixed}, "description": "{caption}"}}',
        "bare names": f"{name}: {listed},\ndescription: {caption}",
        "one text": json.dumps({name: ", ".join(guesses), "description": caption}),
        "turned": repr({"description": caption, name: guesses}),
        "fenced": f"Here it is:\n```python\n{said!r}\n```\nLet me know!",
        "after a try": f"{{'{name}': []}} was too little.\n{json.dumps(said)}",
        "in a list": json.dumps([said]),
        "assigned": f"answer = {said!r}",
    }


@given(CAPTION, GUESSES, st.sampled_from(["new_attribute", "new_attributes", "New_Attribute", "new attributes"]))
def test_every_form_of_an_answer_says_the_same(caption, guesses, name):
    for form, text in forms(caption, guesses, name).items():
        parsed = parse_attributes(text)
        assert parsed.problem is None and not parsed.refused, (form, text, parsed)
        assert parsed.caption == caption, (form, text)
        assert parsed.predicted == tuple(guesses), (form, text)


@given(CAPTION, GUESSES, st.data())
def test_what_is_cut_off_is_whole_sentences_or_an_error(caption, guesses, data):
    form, text = data.draw(st.sampled_from(sorted(forms(caption, guesses, "new_attribute").items())))
    if form == "turned":  # the guesses come last: they may be missing
        return
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    parsed = parse_attributes(cut, "length")
    if parsed.problem is None and not parsed.refused:
        assert caption.startswith(parsed.caption) and parsed.caption.endswith("."), (form, cut, parsed)
        assert parsed.predicted == tuple(guesses), (form, cut, parsed)
    else:
        assert parsed.caption == ""


ANYTHING = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "[",
                "]",
                "'",
                '"',
                ",",
                ":",
                "\\",
                "\n",
                "```",
                "new_attribute",
                "description",
                "It's a song.",
                "x",
            ]
        ),
        max_size=30,
    ).map("".join),
)


@given(ANYTHING, st.sampled_from([None, "stop", "length", "content_filter"]))
def test_no_answer_raises_and_no_raw_structure_becomes_a_caption(text, finish):
    parsed = parse_attributes(text, finish)
    assert not ({*"{}"} & set(parsed.caption)) and "new_attribute" not in parsed.caption
    assert bool(parsed.caption) == (parsed.problem is None and not parsed.refused)
    assert parse_attributes({"not": "text"}).problem and parse_attributes(None).problem


@pytest.mark.parametrize(
    "text",
    [
        "The new attributes of this song are groovy and funky. It is a lovely song.",
        "This is a slow jazz piece with piano.",
        "{'description': 'A slow piece.'}",
        "{'new_attribute': ['groovy']}",
        "{'new_attribute': ['groovy'], 'description': {'text': {'a': 1}}}",
        "{'new_attribute': ['groovy'], 'description': \"{'new_attribute': ['x'], 'description': 'y'}\"}",
        "{'new_attribute': ['groovy'], 'description': ''}",
        "{}",
        "   ",
    ],
)
def test_an_answer_without_its_two_parts_is_an_error_and_no_caption(text):
    parsed = parse_attributes(text)
    assert parsed.caption == "" and parsed.problem


def test_quotes_within_the_description_stay():
    text = "{'new_attribute': ['groovy'], 'description': \"A \"four on the floor\" kick and a rock 'n' roll feel.\"}"
    assert parse_attributes(text).caption == "A \"four on the floor\" kick and a rock 'n' roll feel."


def test_a_refusal_is_a_state_of_its_own():
    assert parse_attributes("I'm sorry, but I can't help with that request.").refused
    assert parse_attributes('{"new_attributes": [], "description": "I\'m sorry, but I cannot write that."}').refused


def test_thinking_is_no_part_of_an_answer():
    draft, answer = ({"new_attribute": [word], "description": f"{word.title()}."} for word in ("draft", "answer"))
    parsed = parse_attributes(f"<think>{draft!r}</think>{answer!r}")
    assert (parsed.caption, parsed.predicted) == ("Answer.", ("answer",))


def test_guesses_that_are_none_are_dropped():
    many = [f"tag {i}" for i in range(40)]
    parsed = parse_attributes(json.dumps({"new_attributes": ["a" * 200, "", None, 5, *many], "description": "A song."}))
    assert len(parsed.predicted) == replies.MOST_PREDICTED and parsed.predicted[0] == "tag 0"


def test_guesses_repeat_no_tag_and_need_nothing_that_is_absent():
    tags = TagSet(
        (MusicTag("electric guitars", "instrument"), MusicTag("happy", "mood")), (MusicTag("drums", "instrument"),)
    )
    assert new_to(["Electric Guitar", "drum", "warm", "Warm", "late night"], tags) == ("warm", "late night")
    slow = TagSet((MusicTag("slow tempo", "tempo"), MusicTag("hip-hop", "genre")), (MusicTag("voices", "voice"),))
    assert new_to(["fast tempo", "Hip Hop", "female vocals", "people talking", "no drums", "laid back"], slow) == (
        "no drums",
        "laid back",
    )


def test_a_plain_style_is_read_as_text():
    def reply(text, finish="stop", refusal=None):
        return Reply(1, text, finish, Usage(), False, refusal)

    assert read_reply(reply('Caption: "A slow piece."'), "writing").caption == "A slow piece."
    assert read_reply(reply('{"caption": "A slow piece."}'), "summary").caption == "A slow piece."
    assert read_reply(reply("A slow piece. And it goes", "length"), "writing").caption == "A slow piece."
    assert read_reply(reply("A slow piece that goes", "length"), "writing").problem
    assert read_reply(reply("", refusal="no"), "writing").refused


def test_nothing_here_runs_what_a_model_wrote():
    source = Path(replies.__file__).read_text(encoding="utf-8")
    assert "eval(" not in source and "exec(" not in source
