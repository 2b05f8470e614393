"""The builtin writer: captions of all four styles from tags alone, without a model.

It says every tag and nothing that no tag says. Which of several ways it takes is drawn from the tags themselves, so the
same tags give the same caption, and a corpus hears many beginnings.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from core.captions.facts import Facts
from core.captions.phrases import Phrase, phrase_of
from core.captions.sentences import (
    MOST_IN_A_LIST,
    Clauses,
    at_tempo,
    bare,
    joined,
    listed,
    many,
    names_a_piece,
    sentence,
    take,
)
from core.captions.styles import style_of
from core.captions.tags import TagSet

MOST_SENTENCES = 4
_STARTS = re.compile(r"(?:it|the|this|there|its|other|further|in) ")
_LINKED = re.compile(r", and (?:it|the|this|there|its|other|further|in) |;")

Opening = tuple[float, Callable[[], str]]
"""How often a beginning is taken, beside the others that are possible, and what makes it."""


def write(tags: TagSet, style: str, *, variant: int = 0, predicted: Sequence[str] = ()) -> str:
    """A caption that says what the tags say.

    Args:
        style: one of STYLES, or an older name of one.
        variant: another number gives another wording of the same facts.
        predicted: likely tags; only attribute prediction says them, in a sentence of their own that says so.

    Returns:
        The text; "" where there is nothing to say.
    """
    style = style_of(style)
    if not tags.present and not tags.absent:
        return ""
    seed = f"{tags.key}\n{style}\n{variant}"
    writer = _Writer(Facts.of(tags), random.Random(hashlib.sha256(seed.encode()).digest()))
    if style == "summary":
        return writer.summary()
    sentences = writer.paraphrase() if style == "paraphrase" else writer.writing()
    sentences = packed([each for each in sentences if each], MOST_SENTENCES)
    if predicted and style == "attribute_prediction":
        sentences.append(hedged(predicted))
    return " ".join(sentence(each) for each in sentences)


def packed(clauses: list[str], most: int) -> list[str]:
    """At most so many sentences: neighbours are joined, the shortest first."""
    clauses = list(clauses)
    while len(clauses) > most:
        lengths = [len(a) + len(b) for a, b in pairwise(clauses)]
        place = min(range(len(lengths)), key=lambda i: (lengths[i], i))
        first, second = clauses[place : place + 2]
        plain = _STARTS.match(second) and not _LINKED.search(first + second)
        link = ", and " if plain else "; "
        clauses[place : place + 2] = [first + link + second]
    return clauses


def hedged(predicted: Sequence[str]) -> str:
    """A sentence about likely tags that cannot be read as one about given tags."""
    phrases = [phrase_of(name) for name in predicted[:MOST_IN_A_LIST]]
    being = [each for each in phrases if each.shape == "adjective" or each.role in ("genre", "kind")]
    having = [each for each in phrases if each not in being]
    parts = []
    if being:
        parts.append(f"be {joined([_as_is(each) for each in being], 'or')}")
    if having:
        parts.append(f"have {listed(having, 'or')}")
    return f"going by similar pieces, it may also {' or '.join(parts)}"


def _as_is(phrase: Phrase) -> str:
    return phrase.full if phrase.role == "kind" else phrase.text


class _Writer:
    """Writes one caption from its facts, which it uses up."""

    def __init__(self, facts: Facts, draw: random.Random) -> None:
        self.facts = facts
        self.say = Clauses(facts, draw)
        self.draw = draw

    def writing(self) -> list[str]:
        """Plain sentences: what it is, what is heard, how it sounds."""
        say = self.say
        parts = (
            say.voices, say.sounds, say.rhythms, say.tempo_and_mood, say.feelings, say.quality, say.kinds, say.genres,
            say.background, say.themes, say.absences,
        )  # fmt: skip
        return [self._begin(self._openings()), *self._all(parts)]

    def paraphrase(self) -> list[str]:
        """The same facts from another side: how it sounds comes before what is heard."""
        say = self.say
        parts = (
            say.tempo_and_mood, say.feelings, say.voices, say.sounds, say.rhythms, say.genres, say.kinds,
            say.background, say.themes, say.quality, say.absences,
        )  # fmt: skip
        return [self._begin(self._freer_openings()), *self._all(parts)]

    def summary(self) -> str:
        """One sentence, whatever there is to say."""
        text = self._begin(self._openings(short=True)) or f"this is a {self.say.noun}"
        while more := self.say.addition():
            text += more
        return sentence(text)

    def _all(self, parts: Sequence[Callable[[], str]]) -> list[str]:
        found: list[str] = []
        for part in parts:
            while text := part():
                found.append(text)
        return found

    def _begin(self, openings: Sequence[Opening]) -> str:
        weights = [weight for weight, _ in openings]
        return self.draw.choices([make for _, make in openings], weights)[0]()

    # beginnings: most of them start with a word of the tags, so that no two words begin too many captions

    def _openings(self, short: bool = False) -> list[Opening]:
        facts, say = self.facts, self.say
        if not (facts.voices or facts.sounds or facts.rhythms):
            return self._silent_openings()
        found: list[Opening] = [
            (3.0, lambda: f"{say.a_piece()} {say.first_heard('with', 'featuring')}" if short else self._has("this")),
            (3.0, lambda: self._has("the")),
            (2.0, lambda: self._has(self.draw.choice(("this", "the")))),
        ]
        if any(each.text not in ("mono", "stereo") for each in facts.qualities):
            found.append((2.5, lambda: f"this {say.recording()} features {say.a_piece()} {say.first_heard('with')}"))
            found.append((2.5, lambda: f"the {say.recording()} features {say.a_piece()} {say.first_heard('with')}"))
        if any(each.counted and not names_a_piece(each) for each in facts.kinds):
            found.append(
                (0.8, lambda: f"this is {say.event()} of {say.a_piece()} {say.first_heard('with', 'featuring')}")
            )
            found.append((1.2, lambda: f"{say.event()} of {say.a_piece()} {say.first_heard('features', 'has')}"))
        if facts.voices:
            found.append((2.0, self._voice_first))
        if facts.sounds:
            found.append((2.0, self._sound_first))
        if facts.tempos:
            found.append((0.6, lambda: f"{at_tempo(facts.tempos)}, {self._has('this')}"))
        return found

    def _freer_openings(self) -> list[Opening]:
        facts, say = self.facts, self.say
        if not (facts.voices or facts.sounds or facts.rhythms):
            return self._silent_openings()
        found: list[Opening] = [
            (1.5, lambda: f"{say.a_piece()} {say.first_heard('brings together', 'combines')}"),
            (0.4, lambda: f"{say.first_heard('with')}, this is {say.a_piece()}"),
            (2.0, lambda: self._has("this")),
        ]
        if facts.sounds:
            found.append((3.0, self._sound_first))
        if facts.voices:
            found.append((3.0, self._voice_first))
        if len(facts.moods) > 1:
            found.append((3.0, self._mood_first))
        if facts.tempos:
            found.append((0.6, lambda: f"{at_tempo(facts.tempos)}, {self._has('this')}"))
        return found

    def _silent_openings(self) -> list[Opening]:
        """Where no tag names anything that is heard."""
        facts, say = self.facts, self.say
        named = facts.moods or facts.genres or facts.kinds or facts.instrumental_word
        found: list[Opening] = [(1.0, lambda: f"this is {say.a_piece()}")] if named else [(1.0, lambda: "")]
        if facts.tempos:
            found.append((2.0, lambda: f"this {say.piece()} has {listed_tempo(facts.tempos)}"))
            found.append((2.0, lambda: f"this is {say.a_piece()} {at_tempo(facts.tempos)}"))
        if any(each.text not in ("mono", "stereo") for each in facts.qualities):
            found.append((2.0, lambda: f"the {say.recording()} features {say.a_piece()}"))
        if facts.moods and facts.genres:
            found.append((2.0, self._mood_first))
        if any(each.counted and not names_a_piece(each) for each in facts.kinds):
            found.append((2.0, lambda: f"{say.event()} of {say.a_piece()}"))
        return found

    def _has(self, which: str) -> str:
        return f"{which} {self.say.piece()} {self.say.first_heard('features', 'has', 'features')}"

    def _voice_first(self) -> str:
        found = take(self.facts.voices, 1)
        plural = many(found)
        verb = self.say.pick(f"feature{'' if plural else 's'} in", f"{'are' if plural else 'is'} heard in")
        return f"{listed(found)} {verb} this {self.say.piece()}"

    def _sound_first(self) -> str:
        found = take(self.facts.sounds, 2)
        plural = many(found)
        verb = self.say.pick(f"feature{'' if plural else 's'} in", f"{'are' if plural else 'is'} heard in")
        return f"{listed(found)} {verb} this {self.say.piece()}"

    def _mood_first(self) -> str:
        moods = take(self.facts.moods, 2)
        facts = self.facts
        if not (facts.voices or facts.sounds or facts.rhythms):
            return f"{bare(moods)} in mood, this is {self.say.a_piece(0)}"
        return f"{bare(moods)} in mood, this {self.say.piece(0)} {self.say.first_heard('features', 'brings together')}"


def listed_tempo(tempos: list[Phrase]) -> str:
    found = take(tempos, 1)[0]
    if "BPM" in found.text:
        return f"a tempo of {found.text}"
    return found.full if found.shape == "noun" else f"a tempo that is {found.text}"
