"""What the encoder cannot read never counts as meaning."""

import numpy as np
import pytest

from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, HashingEncoder, find_model
from core.embedding.scripts import PROBES, ScriptAwareEncoder, reads_script, script_of


class Reader:
    """Stands for a model that knows every language: a word and its related word have one vector."""

    name = "reader"
    dimension = 16
    semantic = True

    def encode(self, texts):
        known = {
            word: i for words, others in PROBES.values() for pair in (words, others) for i, word in enumerate(pair)
        }
        return np.eye(16, dtype=np.float32)[[known.get(text, 15) for text in texts]]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("plain words", "latin"),
        ("déjà vu, größer", "latin"),
        ("农村的太阳能 TV", "han"),
        ("ラーメンを食べる学生", "kana"),
        ("기후변화", "hangul"),
        ("พลังงาน", "thai"),
        ("музыка", "cyrillic"),
        ("موسيقى", "arabic"),
        ("बिल्ली", "devanagari"),
        ("12345 !?", "latin"),
        ("", "latin"),
        ("ⴰⵎⴰⵏ", "other"),
    ],
)
def test_script_of(text, script):
    assert script_of(text) == script


def test_the_english_model_reads_latin_only():
    encoder = CachedEncoder(Encoder(find_model()), MemoryCache())
    assert reads_script(encoder, "latin")
    assert [script for script in PROBES if reads_script(encoder, script)] == []


def test_a_model_that_knows_all_reads_all():
    assert all(reads_script(Reader(), script) for script in PROBES)
    assert not reads_script(Reader(), "other")
    assert not reads_script(HashingEncoder(), "han")


def test_unread_texts_get_their_spelling():
    encoder = ScriptAwareEncoder(CachedEncoder(Encoder(find_model()), MemoryCache()), HashingEncoder())
    assert encoder.understands("solar energy")
    assert not encoder.understands("太阳能")
    energy, chinese, like, other = encoder.encode(["solar energy", "太阳能", "太阳能发电", "音乐"])
    assert energy @ chinese == 0
    assert chinese @ like > 0.4 > chinese @ other
    assert not energy[encoder.encoder.dimension :].any()
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_a_model_that_reads_a_script_is_used_for_it():
    encoder = ScriptAwareEncoder(Reader(), HashingEncoder())
    doctor, hospital, sea = encoder.encode(["医生", "医院", "大海"])
    assert doctor @ hospital == 1
    assert doctor @ sea == 0
