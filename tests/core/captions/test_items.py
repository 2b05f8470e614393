"""Pieces of music as a writer may see them."""

import pytest

from core.captions.items import MusicReader, music_corpus, read_music
from core.errors import InvalidInput, NotFound
from tests.captioning import import_songs, song
from tests.making import corpus_of, rows_of


@pytest.fixture
def reader(sqlite_host, import_rows):
    database = sqlite_host.open("test")
    rows = [song(f"s{i}", f"piano, tag {i}", split=("train", "test")[i % 2]) for i in range(600)]
    import_songs(import_rows, database, rows)
    return MusicReader(database, corpus_of(database, "Songs"))


def test_items_are_read_in_order_with_their_tags_and_nothing_else(reader):
    found = list(read_music(reader.database, reader.corpus))
    assert [each.external_id for each in found] == [f"s{i}" for i in range(600)]
    assert [tag.name for tag in found[7].tags.present] == ["piano", "tag 7"]
    assert "Otters" not in str([each.tags for each in found])
    assert len(list(reader.read(limit=300))) == 300 == reader.count(300) and reader.count() == 600
    assert [each.external_id for each in reader.read(after=found[-2].pk)] == ["s599"]


def test_items_are_chosen_by_a_field_by_their_keys_or_spread(reader):
    where = ("split", ("TEST",))
    assert [each.external_id for each in reader.read(where=where, limit=2)] == ["s1", "s3"]
    assert len(reader.keys(where=where)) == 300 and len(reader.keys(7, where)) == 7 and len(reader.keys(5)) == 5
    keys = [row.pk for row in rows_of(reader.database, "Songs")]
    assert [each.pk for each in reader.named([keys[5], keys[2], 10**9])] == [keys[2], keys[5]]
    assert [each.external_id for each in reader.sample(3)] == ["s0", "s200", "s400"]
    assert [each.external_id for each in reader.sample(3, limit=2)] == ["s0", "s1"]


def test_only_a_corpus_of_music_holds_music(reader, import_rows):
    import_rows(reader.database, [{"id": "1", "title": "A talk"}], "Talks")
    assert music_corpus(reader.database, "songs").id == reader.corpus.id
    with pytest.raises(InvalidInput, match="no corpus of music"):
        music_corpus(reader.database, "Talks")
    with pytest.raises(NotFound):
        music_corpus(reader.database, "Nothing")
