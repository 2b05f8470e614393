"""Titles and artists: found again in captions, ordinary words left alone."""

import csv
import json
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


@pytest.mark.parametrize("name", ["Piano", "Hip Hop", "It", "Jazz"])
def test_ordinary_words_of_music_are_no_names(name):
    assert leaked([name], f"It is the jazz of a {name} and hip hop piano.") == []


def test_everyday_words_are_a_name_only_where_they_are_written_as_one():
    assert leaked(["The Sound", "Come together"], "Come together for the sound of it, and come together.") == []
    assert leaked(["The Sound"], "It is like The Sound.") == ["The Sound"]
    assert leaked(["Come together"], "It is like Come together.") == ["Come together"]
    assert leaked(["dark night"], "A song for a dark night.") == []
    assert leaked(["dark night"], "A song called “dark night”.") == ["dark night"]


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
    import_songs(import_rows, database, [song("2", title="Green Zebrafish")])
    with database.read() as connection:
        second = NameIndex.of(connection, corpus_of(database, "Songs"))
    assert second.leaks("Green zebrafish.", NOTHING) and not first.leaks("Green zebrafish.", NOTHING)


def real_names(folder):
    names = set()
    with (folder / "music" / "mtg_titles_artists.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            title, _, artist = row["ATTRIBUTION"].rpartition(" by ")
            names |= {title.strip(), artist.strip()} - {""}
    return names


@pytest.mark.data
def test_every_real_name_is_found_in_a_caption(shared_data):
    """Titles and artists of 11,565 real pieces, each put into a caption. Left out: names of fewer than three letters,
    and ordinary words: a term of music, or one or two everyday words in lower case (“winter”, “dark night”)."""
    names = real_names(shared_data)
    assert len(names) > 10_000
    index = NameIndex.of_names(names)
    left_out, missed = 0, []
    for name in names:
        words = tuple(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", name.lower()))
        ordinary = words and (lexicon().look(words) or " ".join(words) in lexicon().whole)
        if len("".join(words)) < 3 or ordinary:
            left_out += 1
        elif not index.leaks(f"A calm song like {name} with a slow tempo.", NOTHING):
            missed.append(name)
    assert left_out < 0.02 * len(names)
    capital = [name for name in missed if name != name.lower()]
    assert len(capital) <= 5, capital
    assert len(missed) < 0.015 * len(names), missed


@pytest.mark.data
def test_captions_that_hold_no_name_are_left_alone(shared_data):
    index = NameIndex.of_names(real_names(shared_data))
    rows = json.loads((shared_data / "music" / "lp_musiccaps_writing.json").read_text(encoding="utf-8"))
    found = [leak for row in rows for leak in index.leaks(row["prediction"], NOTHING)]
    assert len(found) <= 0.005 * len(rows), found
