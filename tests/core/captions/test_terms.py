"""The lexicon: what tags speak of, what stands in a text, and what tags support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions.lexicon import facet_of, lexicon
from core.captions.tags import FACETS, MusicTag, TagSet
from core.captions.terms import find, supported


def tags(*names):
    return TagSet(tuple(MusicTag(name, facet_of(name), name) for name in names))


def terms(text, facet):
    return [term.term for term in find(text) if term.facet == facet]


@pytest.mark.parametrize(
    ("tag", "facet"),
    [
        ("acoustic guitar", "instrument"),
        ("groovy bass line", "instrument"),
        ("hip hop", "genre"),
        ("Hip-Hop", "genre"),
        ("passionate male vocal", "voice"),
        ("slow tempo", "tempo"),
        ("happy", "mood"),
        ("low quality", "production"),
        ("80s", "era"),
        ("xyzzy", "other"),
    ],
)
def test_what_a_tag_speaks_of(tag, facet):
    assert facet_of(tag) == facet


def test_terms_stand_where_they_are_said():
    text = "Two violins and an Electric-Guitar, played slowly."
    found = {term.term: text[term.start : term.end] for term in find(text) if term.facet == "instrument"}
    assert found == {"violin": "violins", "electric guitar": "Electric-Guitar"}


@pytest.mark.parametrize("text", ["a drum and bass track", "drum and bass"])
def test_the_longest_term_counts(text):
    assert terms(text, "instrument") == []
    assert terms(text, "genre")


@pytest.mark.parametrize("text", ["howling winds", "a song that speaks to all", "it pulls at heart strings"])
def test_turns_of_phrase_name_nothing(text):
    assert [term for term in find(text) if term.facet in ("instrument", "voice")] == []


@pytest.mark.parametrize(
    ("said", "given", "yes"),
    [
        ("a violin", ["cello"], False),
        ("strings", ["violin"], True),
        ("a violin", ["strings"], False),
        ("male vocals", ["male singer"], True),
        ("male vocals", ["female singer"], False),
        ("a singer", ["female voice"], True),
        ("electric guitar", ["e-guitar"], True),
        ("a synthesizer", ["synth pads"], True),
        ("guitar", ["bass guitar"], False),
        ("a piano", ["happy"], False),
    ],
)
def test_what_tags_support(said, given, yes):
    found = [term for term in find(said) if term.facet in ("instrument", "voice")]
    assert found, "the lexicon knows the words"
    assert all(supported(term, tags(*given)) for term in found) is yes
    assert all(supported(term, TagSet(), given) for term in found) is yes, "of predicted ones, too"


@given(st.text(max_size=80))
def test_any_text_can_be_read(text):
    for term in find(text):
        assert term.facet in FACETS and 0 <= term.start < term.end <= len(text)
    assert facet_of(text) in FACETS


def test_every_entry_is_found_by_its_own_words():
    known = lexicon()
    assert len(known.entries) > 500
    for variant in known.entries:
        assert find(variant) or all(entry.facet == "none" for entry in known.entries[variant]), variant
