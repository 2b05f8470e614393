"""Titles and artists: found again in captions, ordinary words left alone."""

import csv
import re

import pytest

from core.captions.lexicon import lexicon
from core.captions.names import NameIndex
from core.captions.tags import MusicTag, TagSet
from tests.captioning import import_songs, song
from tests.making import corpus_of

NOTHING = TagSet()


def leaked(names, text, tags=NOTHING):
    return [name for _, _, name in NameIndex.of_names(names).leaks(text, tags)]


def test_names_are_found_whatever_their_case():
    text = "A piece like blue lantern, by The Otters."
    index = NameIndex.of_names(["Blue Lantern", "The Otters", "Other"])
    assert [(text[start:end], name) for start, end, name in index.leaks(text, NOTHING)] == [
        ("blue lantern", "Blue Lantern"),
        ("The Otters", "The Otters"),
    ]


@pytest.mark.parametrize("name", ["Piano", "Hip Hop", "It", "The", "Jazz"])
def test_ordinary_words_of_music_are_no_names(name):
    assert leaked([name], f"It is the jazz of a {name} and hip hop piano.") == []


def test_a_name_of_one_word_counts_as_a_name_only_where_it_is_written_as_one():
    assert leaked(["Dreams"], "A song of dreams. Dreams it is.") == []
    assert leaked(["Dreams"], "A song like Dreams it is.") == ["Dreams"]


def test_what_a_tag_says_may_be_said():
    tags = TagSet((MusicTag("blue lantern sound"),))
    assert leaked(["Blue Lantern"], "A blue lantern sound.", tags) == []


def test_names_of_a_corpus_follow_its_items(sqlite_host, import_rows):
    database = sqlite_host.open("test")
    import_songs(import_rows, database, [song("1")])
    with database.read() as connection:
        first = NameIndex.of(connection, corpus_of(database, "Songs"))
        assert NameIndex.of(connection, corpus_of(database, "Songs")) is first
    assert [name for _, _, name in first.leaks("By the otters: blue lantern 1.", NOTHING)] == [
        "The Otters",
        "Blue Lantern 1",
    ]
    import_songs(import_rows, database, [song("2", title="Green Kettle")])
    with database.read() as connection:
        second = NameIndex.of(connection, corpus_of(database, "Songs"))
    assert second.leaks("Green kettle.", NOTHING) and not first.leaks("Green kettle.", NOTHING)


@pytest.mark.data
def test_every_real_name_is_found_in_a_caption(shared_data):
    """Titles and artists of 11,565 real pieces, each put into a caption; left out: names of no or one letter, and names
    that are an ordinary word of music or hold only little words."""
    names = set()
    with (shared_data / "music" / "mtg_titles_artists.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            title, _, artist = row["ATTRIBUTION"].rpartition(" by ")
            names |= {title.strip(), artist.strip()} - {""}
    assert len(names) > 10_000
    index = NameIndex.of_names(names)
    missed, left_out = [], 0
    for name in names:
        words = tuple(re.findall(r"\w+(?:['’]\w+)*", name.lower()))
        if len("".join(words)) < 3 or lexicon().look(words):
            left_out += 1
        elif not index.leaks(f"A calm song like {name} with a slow tempo.", NOTHING):
            missed.append(name)
    assert left_out < 0.02 * len(names)
    assert len(missed) < 0.01 * len(names), missed[:50]
    ordinary = "This calm song features a slow tempo, a soft piano and warm strings that suit the evening."
    assert index.leaks(ordinary, NOTHING) == []
