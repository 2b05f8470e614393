"""Which scripts an encoder can read. A model that was trained on English gives every Chinese text nearly the same
vector; such likeness must never count as evidence.

The test is made once per script and encoder, the first time a text of that script comes: does it put six words
nearer to a related word than to unrelated ones? The English MiniLM gets all six right in English and guesses in
Chinese, Japanese, Korean, Russian, Thai and Arabic (benchmarks/tagging.md has the figures).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.embedding.tokens import tokens_of
from core.embedding.vectors import TextEncoder, Vectors

UNSPACED = frozenset({"han", "kana", "hangul", "thai", "southeast"})
"""Scripts whose words are not set apart by spaces (hangul: particles cling to them)."""

_WORDS = {
    "han": ("医生, 大海, 狗, 面包, 音乐, 老师", "医院, 船, 猫, 面粉, 歌曲, 学校"),
    "kana": ("いしゃ, うみ, いぬ, パン, おんがく, せんせい", "びょういん, ふね, ねこ, こむぎこ, うた, がっこう"),
    "hangul": ("의사, 바다, 개, 빵, 음악, 선생님", "병원, 배, 고양이, 밀가루, 노래, 학교"),
    "thai": ("หมอ, ทะเล, หมา, ขนมปัง, ดนตรี, ครู", "โรงพยาบาล, เรือ, แมว, แป้ง, เพลง, โรงเรียน"),
    "cyrillic": ("врач, море, собака, хлеб, музыка, учитель", "больница, корабль, кошка, мука, песня, школа"),
    "greek": (
        "γιατρός, θάλασσα, σκύλος, ψωμί, μουσική, δάσκαλος",
        "νοσοκομείο, πλοίο, γάτα, αλεύρι, τραγούδι, σχολείο",
    ),
    "arabic": ("طبيب, بحر, كلب, خبز, موسيقى, معلم", "مستشفى, سفينة, قطة, دقيق, أغنية, مدرسة"),
    "hebrew": ("רופא, ים, כלב, לחם, מוזיקה, מורה", "בית חולים, ספינה, חתול, קמח, שיר, בית ספר"),
    "devanagari": ("डॉक्टर, समुद्र, कुत्ता, रोटी, संगीत, शिक्षक", "अस्पताल, जहाज, बिल्ली, आटा, गीत, विद्यालय"),
}
PROBES: dict[str, tuple[list[str], list[str]]] = {
    script: (words.split(", "), related.split(", ")) for script, (words, related) in _WORDS.items()
}
"""Doctor, sea, dog, bread, music, teacher; and related words: hospital, ship, cat, flour, song, school."""

MARGIN = 0.1  # by how much related words must be nearer than unrelated ones, on average
RIGHT = 0.5  # share of the words whose nearest is the related one

_RANGES = (
    (0x0000, "latin"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "other"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0700, "other"),
    (0x0750, "arabic"),
    (0x0780, "other"),
    (0x0900, "devanagari"),
    (0x0980, "other"),
    (0x0E00, "thai"),
    (0x0E80, "southeast"),
    (0x10A0, "other"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1780, "southeast"),
    (0x1800, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "latin"),
    (0x2C00, "other"),
    (0x2C60, "latin"),
    (0x2C80, "other"),
    (0x2DE0, "cyrillic"),
    (0x2E00, "latin"),
    (0x2E80, "han"),
    (0x3040, "kana"),
    (0x3100, "han"),
    (0x3130, "hangul"),
    (0x3190, "han"),
    (0x31F0, "kana"),
    (0x3200, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xF900, "han"),
    (0xFB00, "latin"),
    (0xFB1D, "hebrew"),
    (0xFB50, "arabic"),
    (0xFE00, "other"),
    (0xFE70, "arabic"),
    (0xFF00, "latin"),
    (0xFF66, "kana"),
    (0xFFA0, "hangul"),
    (0xFFE0, "other"),
    (0x1D400, "latin"),
    (0x1D800, "other"),
    (0x20000, "han"),
    (0x40000, "other"),
)
_STARTS = [start for start, _ in _RANGES]
_LOOKED_AT = 400
_KANA_SHARE = 0.1  # Japanese mixes both scripts
_DENSE = 2  # a character of these says as much as two letters


def script_of_character(character: str) -> str:
    """The script of a letter, by the block it is in; "latin" also for signs that every script uses."""
    return _RANGES[bisect_right(_STARTS, ord(character)) - 1][1]


def script_of(text: str) -> str:
    """The script that most of a text's letters are in; "latin" for a text without letters."""
    if text.isascii():
        return "latin"
    counts: Counter[str] = Counter()
    for character in text[:_LOOKED_AT]:
        if character.isalpha():
            script = script_of_character(character)
            counts[script] += _DENSE if script in ("han", "kana", "hangul") else 1
    if counts["kana"] > _KANA_SHARE * counts.total():
        counts["kana"] += counts.pop("han", 0)
    return max(counts, key=lambda script: (counts[script], script), default="latin")


def reads_script(encoder: TextEncoder, script: str) -> bool:
    """Whether an encoder tells meanings apart in a script. Latin is taken as known; a script without a probe is not."""
    if script == "latin":
        return True
    if script not in PROBES or not encoder.semantic:
        return False
    words, others = PROBES[script]
    similarity = encoder.encode(words) @ encoder.encode(others).T
    n = len(words)
    related = float(np.trace(similarity)) / n
    unrelated = (float(similarity.sum()) - related * n) / (n * (n - 1))
    right = float((similarity.argmax(axis=1) == np.arange(n)).mean())
    return related - unrelated >= MARGIN and right >= RIGHT


class ScriptAwareEncoder:
    """Texts that the encoder can read get its vector; the others get their spelling's, in dimensions of their own, so
    that the two kinds never look alike.

    Args:
        encoder: the model.
        spelling: an encoder that knows spelling only.
    """

    semantic = True

    def __init__(self, encoder: TextEncoder, spelling: TextEncoder) -> None:
        self.encoder = encoder
        self.spelling = spelling
        self._reads: dict[str, bool] = {}

    @property
    def name(self) -> str:
        return f"{self.encoder.name} + {self.spelling.name}"

    @property
    def dimension(self) -> int:
        return self.encoder.dimension + self.spelling.dimension

    def understands(self, text: str) -> bool:
        """Whether the vector of a text carries its meaning: its script is read, and most of its tokens are known."""
        script = script_of(text)
        if script not in self._reads:
            self._reads[script] = reads_script(self.encoder, script)
        if not self._reads[script] or text.isascii():
            return self._reads[script]
        tokens = tokens_of(self.encoder)
        return tokens is None or not tokens.unread(text)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `TextEncoder.encode`."""
        read = np.array([self.understands(text) for text in texts], bool)
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for part, encoder, columns in (
            (np.flatnonzero(read), self.encoder, slice(0, self.encoder.dimension)),
            (np.flatnonzero(~read), self.spelling, slice(self.encoder.dimension, None)),
        ):
            if len(part):
                vectors[part, columns] = encoder.encode([texts[int(i)] for i in part])
        return vectors
