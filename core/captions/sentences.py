"""How facts become clauses: articles, agreement, lists of at most three.

Every clause takes what it says out of the facts, so that nothing is said twice and nothing is forgotten. There are two
families: sentences (“it features a piano”) and additions to one (“, with a piano”); the writer's styles differ in which
they use and in what order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from core.captions.facts import Facts
from core.captions.lexicon import lexicon
from core.captions.phrases import Phrase, article, phrase_of, words

MOST_IN_A_LIST = 3


def joined(texts: Sequence[str], word: str = "and") -> str:
    """“a, b and c”."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"


def listed(phrases: Sequence[Phrase], word: str = "and") -> str:
    """The same with articles."""
    return joined([each.full for each in phrases], word)


def bare(phrases: Sequence[Phrase], word: str = "and") -> str:
    """The same without articles."""
    return joined([each.text for each in phrases], word)


def sentence(text: str) -> str:
    """With a capital and a stop."""
    text = re.sub(r" +([,;])", r"\1", " ".join(text.split())).strip(" ,;").rstrip(".!?")
    start = next((i for i, char in enumerate(text) if char.isalnum()), 0)
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :] + "."


def take(phrases: list[Phrase], most: int = MOST_IN_A_LIST) -> list[Phrase]:
    """The first ones, taken out."""
    taken = phrases[:most]
    del phrases[:most]
    return taken


def many(phrases: Sequence[Phrase]) -> bool:
    """Whether a verb after the list is in the plural."""
    return len(phrases) > 1 or phrases[0].plural


class Clauses:
    """Makes clauses of facts, varied by a seeded draw."""

    def __init__(self, facts: Facts, draw: random.Random) -> None:
        self.facts = facts
        self.draw = draw
        self.noun = self._noun()
        self._last = ""

    def pick(self, *options: str) -> str:
        """One of them, not the one before."""
        fresh = [each for each in options if each != self._last]
        self._last = self.draw.choice(fresh or list(options))
        return self._last

    # the piece itself

    def _noun(self) -> str:
        facts = self.facts
        if facts.instrumental_word == "instrumental" or facts.instrumental:
            return self.draw.choice(("piece", "track", "piece"))
        return "song" if facts.sung else self.draw.choice(("song", "piece", "song"))

    def piece(self, moods: int = 2) -> str:
        """“groovy, energetic rock song”, without an article: at most three tags."""
        facts = self.facts
        parts = [each.text for each in take(facts.moods, moods)]
        kind = next((each for each in facts.kinds if each.counted and names_a_piece(each)), None)
        room = MOST_IN_A_LIST - len(parts)
        genres = take(facts.genres, min(2, room) if kind is None else min(room - 1, int(" " not in kind.text)))
        if kind is not None:
            facts.kinds.remove(kind)
        parts = self._apart(parts, genres[0].text if genres else kind.text if kind else "")
        middle = " ".join(
            part for part in (bare(genres).removeprefix("the "), kind.text if kind else self.noun) if part
        )
        said = len(parts) + len(genres) + (kind is not None)
        if facts.instrumental_word and "instrumental" not in middle and said < MOST_IN_A_LIST:
            middle = f"{facts.instrumental_word} {middle}"
            facts.instrumental_word = ""
        return " ".join(part for part in (", ".join(parts), middle) if part)

    def _apart(self, moods: list[str], after: str) -> list[str]:
        """The moods in an order in which the last one makes no genre with the word after it: “soft, mellow rock”, as
        “mellow, soft rock” speaks of soft rock."""
        known = lexicon().entries
        first = after.lower().split(" ")[0]
        for turned in (moods, moods[::-1]):
            if not turned or f"{turned[-1].lower()} {first}" not in known:
                return turned
        self.facts.moods[:0] = [phrase_of(moods[-1], "mood")]
        return moods[:-1]

    def a_piece(self, moods: int = 2) -> str:
        text = self.piece(moods)
        return f"{article(text)} {text}"

    def recording(self) -> str:
        """“low quality recording”: one word of it is taken."""
        quality = next((each for each in self.facts.qualities if each.text not in _STEREO), None)
        if quality is None:
            return ""
        self.facts.qualities.remove(quality)
        return f"{quality.text} {'track' if 'recording' in quality.text else 'recording'}"

    def event(self) -> str:
        """“a live performance”, “an amateur recording”."""
        found = next((each for each in self.facts.kinds if each.counted and not names_a_piece(each)), None)
        if found is None:
            return ""
        self.facts.kinds.remove(found)
        return found.full

    def first_heard(self, *verbs: str) -> str:
        """“with a male vocal”: voices before anything else; "" where nothing is heard."""
        facts = self.facts
        found = take(facts.voices, 2) or take(facts.sounds, 3) or take(facts.rhythms, 2)
        if not found:
            return ""
        verb = self.pick(*verbs)
        if len(found) == 1 and verb in _OF_SEVERAL:
            verb = "features"
        return f"{verb} {listed(found)}"

    # sentences of their own

    def voices(self) -> str:
        found = take(self.facts.voices)
        if not found:
            return ""
        verb = "are" if many(found) else "is"
        return self.pick(f"it features {listed(found)}", f"{listed(found)} {verb} heard", f"it has {listed(found)}")

    def sounds(self) -> str:
        facts = self.facts
        found = take(facts.sounds)
        if not found:
            return ""
        text = listed(found)
        start = self.pick("it features", f"the {self.noun} features", f"the {self.noun} has", "it is played with", "")
        if start == "it is played with" and not all(_is_played(each) for each in found):
            start = "it features"
        text = f"{start} {text}" if start else f"{text} {'are' if many(found) else 'is'} heard"
        if facts.sounds:
            text += f", {self.pick('along with', 'alongside', 'together with')} {listed(take(facts.sounds))}"
        if facts.rhythms:
            text += f", over {listed(take(facts.rhythms, 2))}"
        return text

    def rhythms(self) -> str:
        found = take(self.facts.rhythms)
        return f"{self.pick('it is driven by', 'it moves to', 'it is built on')} {listed(found)}" if found else ""

    def tempo_and_mood(self) -> str:
        facts = self.facts
        tempos = take(facts.tempos, 2)
        moods = take(facts.moods)
        parts = []
        if tempos:
            parts.append(_tempo(tempos))
        if moods:
            start = self.pick("the mood is", "it sounds", "the atmosphere is", "the feel is")
            parts.append(f"{start} {bare(moods)}")
        text = " and ".join(parts)
        if text and facts.feelings:
            text += f", with {listed(take(facts.feelings))}"
        return text

    def feelings(self) -> str:
        found = take(self.facts.feelings)
        return f"{self.pick('it conveys', 'it carries')} {listed(found)}" if found else ""

    def quality(self) -> str:
        facts = self.facts
        found = take(facts.qualities)
        nouns = take(facts.recordings)
        if not found:
            return f"the {'sound' if _twice(nouns) else 'recording'} has {listed(nouns)}" if nouns else ""
        text = f"the recording is {joined([_said_of_a_recording(each) for each in found])}"
        return f"{text}, with {listed(nouns)}" if nouns else text

    def kinds(self) -> str:
        facts = self.facts
        single = [each for each in facts.kinds if not each.plural][:MOST_IN_A_LIST]
        if single:
            facts.kinds[:] = [each for each in facts.kinds if each not in single]
            return f"{self.pick('it is', 'this is')} {listed(single)}"
        found = take(facts.kinds)
        return f"it belongs among {listed(found)}" if found else ""

    def genres(self) -> str:
        facts = self.facts
        found = take(facts.genres)
        word, facts.instrumental_word = facts.instrumental_word, ""
        parts = [f"it is {word}"] if word else []
        if found:
            parts.append(f"{self.pick('its style is', 'in style it is')} {bare(found)}")
        return " and ".join(parts)

    def background(self) -> str:
        """Era, place, setting, use."""
        facts = self.facts
        for phrases, start in (
            (facts.eras, "it has the sound of"),
            (facts.places, "it is connected with"),
            (facts.settings, "its setting is"),
            (facts.uses, self.pick("it suits", "it fits")),
        ):
            if found := take(phrases):
                texts = [_the_years(each) if phrases is facts.eras else each.full for each in found]
                return f"{start} {joined(texts)}"
        return ""

    def themes(self) -> str:
        facts = self.facts
        if found := take(facts.themes):
            start = self.pick("other elements include", "further elements include", "there are also elements of")
            return f"{start} {listed(found)}"
        found = take(facts.sayings)
        return f"it is tagged {joined([f'“{each.text}”' for each in found])}" if found else ""

    def absences(self) -> str:
        gone = self._gone()
        if not gone:
            return ""
        plural = phrase_of(gone[0]).plural
        return f"there {'are' if plural else 'is'} {joined([f'no {each}' for each in gone])}"

    def _gone(self) -> list[str]:
        gone = self.facts.absent[:MOST_IN_A_LIST]
        del self.facts.absent[:MOST_IN_A_LIST]
        return gone

    # additions to a sentence, each led by a comma

    def addition(self) -> str:
        """The next thing that one long sentence still has to say; "" where all is said."""
        facts = self.facts
        if found := take(facts.voices):
            return f", with {listed(found)}"
        if found := take(facts.sounds):
            return f", {self.pick('alongside', 'with', 'together with', 'plus')} {listed(found)}"
        if found := take(facts.rhythms):
            return f", over {listed(found)}"
        if found := take(facts.tempos, 2):
            return f", {_at(found)}"
        if found := take(facts.moods):
            return f", {self.pick('sounding', 'and it sounds')} {bare(found)}"
        if found := take(facts.feelings):
            return f", conveying {listed(found)}"
        if found := take(facts.genres):
            return f", in a style that is {bare(found)}"
        if found := take(facts.kinds):
            return f", heard as {listed(found)}"
        if found := take(facts.qualities):
            return f", in a recording that is {joined([_said_of_a_recording(each) for each in found])}"
        if found := take(facts.recordings):
            return f", in a recording with {listed(found)}"
        if facts.instrumental_word:
            word, facts.instrumental_word = facts.instrumental_word, ""
            return f", and it is {word}"
        for phrases, start in (
            (facts.eras, "with the sound of"),
            (facts.places, "connected with"),
            (facts.settings, "set in"),
            (facts.uses, "suited to"),
            (facts.themes, self.pick("with elements of", "as well as", "including")),
        ):
            if found := take(phrases):
                texts = [_the_years(each) if phrases is facts.eras else each.full for each in found]
                return f", {start} {joined(texts)}"
        if found := take(facts.sayings):
            return f", tagged {joined([f'“{each.text}”' for each in found])}"
        if gone := self._gone():
            return f", with {joined([f'no {each}' for each in gone])}"
        return ""


_OF_SEVERAL = ("brings together", "combines")
_STEREO = ("mono", "stereo")


def names_a_piece(kind: Phrase) -> bool:
    """Whether a sentence can have it for its subject: “love song”, not “live performance” or “repeated motif”."""
    return kind.text.split()[-1].lower() in words()["namers"]


def _is_played(phrase: Phrase) -> bool:
    last = phrase.text.split()[-1].lower()
    return last in words()["instruments"] or last.removesuffix("s") in words()["instruments"]


def _tempo(tempos: Sequence[Phrase]) -> str:
    plain = [each.text.removesuffix(" tempo") for each in tempos]
    if "tempo" in plain or "mid" in plain:
        return f"it has {listed(tempos)}"
    return f"the tempo is {joined(plain)}"


def _at(tempos: Sequence[Phrase]) -> str:
    texts = [
        each.full if each.shape == "noun" else f"{article(each.text)} {each.text} {_pace(each.text)}" for each in tempos
    ]
    return f"at {joined(texts)}"


def _pace(text: str) -> str:
    return "tempo" if "pace" in text else "pace"


def at_tempo(tempos: list[Phrase]) -> str:
    """“at a slow tempo”: the first one, taken."""
    return _at(take(tempos, 1))


def _twice(nouns: Sequence[Phrase]) -> bool:
    return any("recording" in each.text for each in nouns)


def _the_years(phrase: Phrase) -> str:
    return f"the {phrase.text}" if phrase.text[:1].isdigit() or phrase.text.endswith("ties") else phrase.full


def _said_of_a_recording(phrase: Phrase) -> str:
    if phrase.text in _STEREO or phrase.text.endswith((" mono", " stereo")):
        return f"in {phrase.text}"
    return f"of {phrase.text}" if phrase.text.endswith(("quality", "fidelity")) else phrase.text
