"""What an encoder cannot read is measured, said, and never counts as evidence."""

import sys
from subprocess import run

import pytest

from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, find_model
from core.embedding.hashing import HashingEncoder
from core.embedding.readability import MULTILINGUAL_MODEL, measure, readable, tells_apart
from core.embedding.scripts import ScriptAwareEncoder
from core.embedding.tokens import tokens_of

OPPOSITES = [
    ("减肥", "增肥"),
    ("男士", "女士"),
    ("手动", "自动"),
    ("高筋", "低筋"),
    ("猫", "狗"),
    ("春季", "秋季"),
    ("左转", "右转"),
]


@pytest.fixture(scope="module")
def encoder():
    return CachedEncoder(Encoder(find_model()), MemoryCache())


@pytest.mark.parametrize(("a", "b"), OPPOSITES)
def test_opposites_that_it_cannot_read_are_not_told_apart(encoder, a, b):
    assert not tells_apart(encoder, a, b)
    assert readable([a, b], encoder) == [False, False]


def test_what_it_reads_is_told_apart(encoder):
    assert tells_apart(encoder, "cat", "dog")
    assert tells_apart(ScriptAwareEncoder(encoder, HashingEncoder()), "weight loss", "weight gain")
    assert not tells_apart(encoder, "Cat", "cat"), "case is nothing to an uncased model"
    assert not tells_apart(encoder, "кошка", "собака"), "it knows the letters, not the words"
    assert readable(["cat", "Cat", "dog", "résumé", "resume", "кошка"], encoder) == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_spelling_alone_reads_nothing():
    assert not tells_apart(HashingEncoder(), "cat", "dog")
    found = measure(["cat", "dog"], HashingEncoder())
    assert found.tokens == 0 and found.unknown_share == 0 and found.advice is None


def test_english_needs_no_advice(encoder):
    found = measure(["solar power", "wind power", "café culture", "", "solar power"], encoder)
    assert (found.strings, found.unknown_share, found.identical) == (3, 0, 0)
    assert found.advice is None and found.model is None


def test_chinese_gets_advice_with_figures_and_a_model(encoder):
    found = measure(["减肥方法", "增肥方法", "短发发型", "长发发型", "cooking"], encoder)
    assert found.unknown_share > 0.4 and found.unread == ("han",) and found.unread_share == 0.8
    assert f"{found.unknown_share:.0%}" in found.advice and "Chinese" in found.advice
    assert found.model == MULTILINGUAL_MODEL and MULTILINGUAL_MODEL in found.advice
    assert "TAGLOOM_EMBEDDING_MODEL" in found.advice
    assert found.scripts == {"han": 4, "latin": 1}


def test_the_tokenizer_is_read_without_the_model():
    code = (
        "import sys; from core.embedding.encoder import Encoder, find_model; "
        "from core.embedding.readability import measure; "
        "assert measure(['减肥', '增肥'], Encoder(find_model())).unknown_share > 0; assert 'torch' not in sys.modules"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_string_of_unknown_tokens_is_not_understood_in_a_script_that_is(encoder):
    aware = ScriptAwareEncoder(encoder, HashingEncoder())
    aware._reads["han"] = True
    assert tokens_of(aware).unread("减肥")
    assert not aware.understands("减肥") and aware.understands("cooking")


@pytest.mark.data
def test_the_tags_of_taggpt(shared_data, encoder):
    lines = (shared_data / "vocabulary" / "taggpt_final_tags.csv").read_text(encoding="utf-8").splitlines()
    found = measure([line.partition("||")[0] for line in lines], encoder)
    assert found.strings == 40_238
    assert found.unknown_share == pytest.approx(0.79, abs=0.005)
    assert found.identical > 30_000
    assert all(len(group) > 1 for group in found.examples)
