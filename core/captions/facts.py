"""The tags of one piece, sorted by what a sentence can do with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.captions.cleaning import same_tag
from core.captions.phrases import Phrase, phrase, words
from core.captions.tags import MusicTag, TagSet


@dataclass(slots=True)
class Facts:
    """What is to be said, by role and shape. Every present tag is in exactly one list, or said by a longer one."""

    genres: list[Phrase] = field(default_factory=list)  # before a noun: “rock”, “Latin jazz”
    kinds: list[Phrase] = field(default_factory=list)  # nouns for the piece: “dance song”, “live performance”
    moods: list[Phrase] = field(default_factory=list)  # adjectives of the music
    feelings: list[Phrase] = field(default_factory=list)  # nouns: “suspense”, “happy mood”
    tempos: list[Phrase] = field(default_factory=list)
    voices: list[Phrase] = field(default_factory=list)
    sounds: list[Phrase] = field(default_factory=list)
    rhythms: list[Phrase] = field(default_factory=list)
    qualities: list[Phrase] = field(default_factory=list)  # adjectives of the recording
    recordings: list[Phrase] = field(default_factory=list)  # nouns of it: “reverb”, “poor audio quality”
    uses: list[Phrase] = field(default_factory=list)
    eras: list[Phrase] = field(default_factory=list)
    places: list[Phrase] = field(default_factory=list)
    settings: list[Phrase] = field(default_factory=list)  # where it sounds: “concert hall”
    themes: list[Phrase] = field(default_factory=list)  # nouns that nothing is known of
    sayings: list[Phrase] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    instrumental: bool = False
    instrumental_word: str = ""  # “instrumental”, to stand before a noun
    sung: bool = False

    @classmethod
    def of(cls, tags: TagSet) -> Facts:
        facts = cls()
        for tag in _unsaid_elsewhere(tags.present):
            if tag.name in ("instrumental", "acapella", "a cappella"):
                facts.instrumental_word = tag.name
            else:
                facts._sort(phrase(tag))
        said = {tag.raw for tag in tags.present}
        # “instrumental” says by itself that there are no vocals
        facts.absent = [tag.name for tag in tags.absent if tag.raw not in said]
        names = [tag.name for tag in tags.present]
        facts.instrumental = any(name.startswith("instrumental") for name in names)
        facts.sung = bool(facts.voices)
        return facts

    def _sort(self, phrase: Phrase) -> None:
        adjective = phrase.shape == "adjective"
        place: list[Phrase]
        if phrase.shape == "saying":
            place = self.sayings
        elif phrase.role == "tempo":
            place = self.tempos
        elif phrase.role == "genre":
            place = self.kinds if phrase.plural else self.genres
        elif phrase.role == "production":
            place = self.qualities if adjective else self.recordings
        elif phrase.role == "place" and not adjective:
            place = self.places
        elif phrase.role == "era" and not adjective:
            place = self.eras
        elif phrase.role == "kind" and not adjective:
            place = self.kinds
        elif adjective:
            place = self.genres if phrase.role == "place" or phrase.text[:1].isupper() else self.moods
        else:
            place = {
                "voice": self.voices,
                "sound": self.sounds,
                "rhythm": self.rhythms,
                "use": self.uses,
                "mood": self.feelings,
                "setting": self.settings,
            }.get(phrase.role, self.themes)
        place.append(phrase)


def _unsaid_elsewhere(tags: tuple[MusicTag, ...]) -> list[MusicTag]:
    """The tags without those that a longer one says: “piano” beside “piano melody”, “guitar” beside “acoustic
    guitar”."""
    kept = []
    for tag in tags:
        longer = (other for other in tags if other is not tag and len(other.name) > len(tag.name))
        if not any(_says(other.name, tag.name) for other in longer):
            kept.append(tag)
    return kept


def _says(longer: str, shorter: str) -> bool:
    ours, theirs = shorter.split(), longer.split()
    if len(ours) >= len(theirs) or any(each in words()["sayings"] for each in theirs):
        return False
    ending = theirs[-len(ours) :]
    if same_tag(" ".join(ending)) == same_tag(shorter):
        return True
    start = len(theirs) - 1 - len(ours)
    return theirs[-1] in words()["extending"] and [same_tag(w) for w in theirs[start:-1]] == [same_tag(w) for w in ours]
