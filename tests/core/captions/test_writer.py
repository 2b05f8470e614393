"""The builtin writer: full coverage, nothing invented, readable English, and its figures on the real test rows."""

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.captions.checks import check, sentences
from core.captions.cleaning import clean, clean_text
from core.captions.cooccurrence import Counts, predict
from core.captions.metrics import _bleu, rouge_l
from core.captions.phrases import phrase_of
from core.captions.styles import STYLES
from core.captions.tags import TagSet
from core.captions.writer import MOST_SENTENCES, write
from core.corpora.given import Given


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[3] / "benchmarks" / "captions.py"
    spec = importlib.util.spec_from_file_location("captions_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("piano", "a piano"),
        ("acoustic drums", "acoustic drums"),
        ("electric guitar", "an electric guitar"),
        ("e-bass", "an e-bass"),
        ("percussion", "percussion"),
        ("ukulele", "a ukulele"),
        ("male singer singing passionately", "a male singer singing passionately"),
        ("people talking", "people talking"),
        ("guitar strumming", "guitar strumming"),
        ("groovy bass line", "a groovy bass line"),
        ("steady drumming rhythm", "a steady drumming rhythm"),
        ("french horn", "a French horn"),
        ("various percussion hits", "various percussion hits"),
        ("bass", "bass"),
        ("the sound of rain", "the sound of rain"),
    ],
)
def test_a_tag_takes_the_article_that_english_wants(tag, said):
    assert phrase_of(tag).full == said


@pytest.mark.parametrize("tag", ["happy", "easygoing", "heart-touching", "passionate", "uplifting", "low quality"])
def test_adjectives_are_known(tag):
    assert phrase_of(tag).shape == "adjective"


def test_what_each_style_says():
    tags = clean_text("rock, happy, energetic, male vocals, piano, groovy bass line, slow tempo, no drums, low quality")
    for style in STYLES:
        for variant in range(6):
            text = write(tags, style, variant=variant)
            result = check(text, tags, style)
            assert result.verdict == "pass", (text, result.reasons)
            assert all(how != "missing" for _, how in result.coverage), text
            assert text == write(tags, style, variant=variant)
            assert text[0].isupper() and text.endswith(".") and "no drums" in text
            assert sentences(text) <= (1 if style == "summary" else MOST_SENTENCES)
        assert len({write(tags, style, variant=variant) for variant in range(6)}) > 3, "variants differ"


@pytest.mark.parametrize(
    "text",
    ["piano", "happy", "rock", "slow", "no drums", "instrumental", "80s", "life is beautiful", "C major", "快乐"],
)
def test_one_tag_is_enough(text):
    tags = clean_text(text)
    for style in STYLES:
        caption = write(tags, style)
        assert sentences(caption) == 1 and caption[0].isalnum(), caption
        assert check(caption, tags, style).verdict != "fail"
    assert write(TagSet(), "writing") == ""


def test_predicted_tags_are_said_apart_and_only_by_their_style():
    tags = clean_text("piano, calm")
    predicted = ["violin", "mellow"]
    assert "violin" not in write(tags, "writing", predicted=predicted)
    *given_part, last = re.split(r"(?<=\.) ", write(tags, "attribute_prediction", predicted=predicted))
    assert "violin" in last and "mellow" in last and "may" in last
    assert "violin" not in " ".join(given_part) and "piano" in " ".join(given_part)


def test_prediction_learns_what_goes_together_and_never_contradicts():
    sets = [clean_text("techno, synth, club") for _ in range(8)]
    sets += [clean_text("folk, banjo, fiddle") for _ in range(28)]
    sets += [clean_text("techno, synth, male singer") for _ in range(6)]
    counts = Counts.from_json(Counts.of(sets).to_json())
    assert "synth" in predict(clean_text("techno"), counts)
    assert not set(predict(clean_text("techno"), counts)) & {"techno", "banjo", "fiddle"}
    assert "male singer" not in predict(clean_text("techno, synth, no vocals"), counts)
    assert predict(clean_text("harp"), counts) == []


@given(st.lists(st.text(alphabet="abcdefghij -'/&é快\"", min_size=1, max_size=25), max_size=9), st.sampled_from(STYLES))
def test_any_tags_make_a_caption_that_says_them(raw, style):
    tags = clean([Given(name) for name in raw])
    text = write(tags, style)
    assert bool(text) == bool(tags.present or tags.absent)
    if style == "summary" and text:
        assert text.endswith(".") and text.count(". ") == 0


def test_figures_on_the_test_rows_of_musiccaps(shared_data, benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "DATA", shared_data / "music")
    rows = benchmark.read_rows(test=True)
    assert len(rows) == 2839
    for style in ("writing", "summary"):
        captions = [write(row.tags, style) for row in rows]
        assert benchmark.coverage(rows, captions) >= 95
        reasons = Counter(
            reason.code
            for row, caption in zip(rows, captions, strict=True)
            for reason in check(caption, row.tags, style).reasons
        )
        assert reasons["unsupported_instrument"] <= 0.01 * len(rows)
        assert reasons["negation"] == reasons["name_leak"] == reasons["format_leak"] == 0
        if style == "summary":
            assert {sentences(caption) for caption in captions} == {1}
        openers = Counter(" ".join(caption.lower().split()[:2]) for caption in captions)
        assert openers.most_common(1)[0][1] <= 0.05 * len(rows)
        assert max(map(benchmark.longest_list, rows[::4], captions[::4])) <= 3
        if style == "writing":
            pairs = [(caption, row.reference) for row, caption in zip(rows, captions, strict=True)]
            assert _bleu(pairs)["bleu4"] >= 8.2
            assert rouge_l(pairs[::4]) >= 23.5
