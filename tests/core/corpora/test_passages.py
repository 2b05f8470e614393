"""Leads and passages: what is embedded, and that its offsets point at it."""

from hypothesis import given
from hypothesis import strategies as st

from core.corpora.clues import KINDS, Clue
from core.corpora.passages import (
    LEAD_CHARACTERS,
    MOST_PASSAGES,
    PASSAGE_CHARACTERS,
    lead,
    passages,
    readable,
    spans,
)

SPEECH = " ".join(f"Sentence number {i} says a little more about the garden." for i in range(200))


def test_the_lead_is_title_caption_and_category():
    clues = [
        Clue("details", "body", "Long text."),
        Clue("speaker", "clue", "Ada"),
        Clue("about", "caption", "How one village put glass on every roof and sells light."),
        Clue("name", "title", "Solar village"),
    ]
    assert lead(clues) == "Solar village. How one village put glass on every roof and sells light."


def test_a_short_lead_goes_on_with_longer_fields():
    clues = [Clue("t", "title", "Roofs"), Clue("s", "speech", SPEECH), Clue("o", "ocr", "PANEL")]
    text = lead(clues)
    assert text.startswith("Roofs. PANEL. Sentence number 0")
    assert len(text) <= LEAD_CHARACTERS


def test_an_item_of_other_clues_has_no_lead():
    assert lead([Clue("speaker", "clue", "Ada Lovelace")]) == ""
    assert passages([Clue("speaker", "clue", "Ada Lovelace")]) == []


def test_long_fields_are_sampled_from_end_to_end():
    found = passages([Clue("t", "title", "Garden"), Clue("s", "speech", SPEECH), Clue("b", "body", SPEECH)])
    assert len(found) == MOST_PASSAGES
    assert found[0].text == "Garden"
    speech = [p for p in found if p.clue == 1]
    assert len(speech) == 3
    assert speech[0].start == 0
    assert speech[-1].end == len(SPEECH)
    assert all(p.text == SPEECH[p.start : p.end] for p in speech)


def test_sentences_stay_whole_where_they_fit():
    text = "One short. " * 20 + "\n\nAnother paragraph! 中文也可以。第二句。"
    parts = [text[start:end] for start, end in spans(text, 100)]
    assert all(part.endswith((".", "!", "。")) for part in parts)


def test_markup_and_addresses_are_not_embedded():
    text = "## See [the paper](https://example.org/a_b) ![plot](p.png) at https://example.org/x **now**"
    assert readable(text) == "See the paper at now"
    assert readable("!!! --- ***") == ""


@given(st.text(max_size=2000))
def test_spans_are_in_order_and_hold_everything(text):
    last = 0
    for start, end in spans(text, 50):
        assert last <= start < end <= len(text)
        assert end - start <= 50
        assert not text[last:start].strip()
        assert text[start:end] == text[start:end].strip()
        last = end
    assert not text[last:].strip()


@given(
    st.lists(st.builds(Clue, st.text(max_size=5), st.sampled_from((*KINDS, "odd")), st.text(max_size=900)), max_size=8)
)
def test_passages_of_anything(clues):
    found = passages(clues)
    assert len(found) <= MOST_PASSAGES
    for passage in found:
        source = clues[passage.clue].text[passage.start : passage.end]
        assert readable(source) == passage.text != ""
        assert len(source) <= PASSAGE_CHARACTERS
    assert len(lead(clues)) <= LEAD_CHARACTERS
