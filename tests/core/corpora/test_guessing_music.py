"""Which files are lists of music, and what their columns are."""

import json

import pytest

from core.corpora.guessing_music import guess_kind
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect


def looked_at(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return inspect(path)


def roles(found):
    return guess_mapping(found, "music").roles


def test_lists_of_music_are_told_from_other_items(tmp_path):
    music = {
        "aspects.csv": "ytid,aspect_list,caption\na1,\"['a', 'b']\",A song.\n",
        "mtg.tsv": "TRACK_ID\tTAGS\nt1\tgenre---rock\tinstrument---piano\nt2\tgenre---pop\n",
        "sound.csv": 'id,path,tags\n1,a.mp3,"happy, sad"\n2,b.mp3,happy\n',
        "people.jsonl": '{"id": "1", "title": "Blue", "artist": "Ann", "tags": ["sad"]}\n',
        "facets.csv": "id,genre,instrument\n1,rock,guitar\n",
        "codes.csv": 'id,labels\n1,"/m/04rlf,/m/0140xf"\n2,/m/04rlf\n',
        "vector.tsv": "2\t[0.0, 1.0, 0.0]\n6\t[1.0, 0.0, 0.0]\n",
    }
    for name, content in music.items():
        assert guess_kind(looked_at(tmp_path, name, content)) == "music", name
    others = {
        "movies.csv": "movieId,title,genres\n1,Toy Story,Adventure|Animation\n2,Jumanji,Adventure\n",
        "art.csv": 'id,title,artist,tags,image\n1,Sea,Ann,"sea, blue",a.jpg\n',
        "books.csv": "id,title,genre,theme,description\n1,Sea,crime,revenge,A long story of the sea\n",
        "talks.csv": "id,title,speaker,tags\n1,Bees,Ann,\"['bees']\"\n",
    }
    for name, content in others.items():
        assert guess_kind(looked_at(tmp_path, name, content)) == "items", name


def test_the_demo_track_list_is_guessed_whole(tmp_path):
    row = {"id": "tr-1", "title": "Blue", "artist": "Ann", "tags": ["lo-fi", "slow"], "absent": ["drums"]}
    mapping = guess_mapping(looked_at(tmp_path, "m.jsonl", json.dumps(row) + "\n"), "music")
    assert mapping.roles == {"id": "id", "title": "names", "artist": "names", "tags": "given", "absent": "given"}


def test_lp_musiccaps_annotations_keep_their_ids(tmp_path):
    annotation = {
        "[rOOBAGxxjBk]-[10-20]": {
            "tag": ["rock"],
            "extra_tag": ["rock", "no voice"],
            "title": "Blue",
            "artist_name": "Ann",
        },
        "-0Gj8-vB1q4": {"tag": [], "extra_tag": ["pop"], "title": "Red", "artist_name": "Bo"},
    }
    found = looked_at(tmp_path, "annotation.json", annotation)
    assert [row["id"] for row in found.rows] == list(annotation)
    assert roles(found) == {"id": "id", "tag": "keep", "extra_tag": "given", "title": "names", "artist_name": "names"}
    assert guess_kind(found) == "music"


def test_columns_of_0_and_1_are_tags(tmp_path):
    header = "clip_id,no voice,piano,slow,is_test,mp3_path\n"
    found = looked_at(tmp_path, "mtat.csv", header + "2,0,1,1,0,a/b.mp3\n6,1,0,0,1,a/c.mp3\n7,0,0,0,0,a/d.mp3\n")
    assert guess_kind(found) == "music"
    assert roles(found) == {
        "clip_id": "id",
        "no voice": "flag",
        "piano": "flag",
        "slow": "flag",
        "is_test": "keep",
        "mp3_path": "media",
    }


def test_weights_go_with_their_tags_and_captions_are_references(tmp_path):
    row = {
        "id": "1",
        "genre": ["alternative", "electronic"],
        "genre_prob": [0.25, 0.75],
        "mood": "dark; slow",
        "key": "C major",
        "tempo": 120,
        "caption": "A human caption of the song.",
        "pseudo_attribute": ["x"],
        "caption_writing": "Written by a model.",
        "url": "https://example.org/a",
    }
    mapping = guess_mapping(looked_at(tmp_path, "m.jsonl", json.dumps(row) + "\n"), "music")
    assert mapping.roles == {
        "id": "id",
        "genre": "given",
        "genre_prob": "weights",
        "mood": "given",
        "key": "keep",
        "tempo": "keep",
        "caption": "reference",
        "pseudo_attribute": "keep",
        "caption_writing": "keep",
        "url": "link",
    }
    assert mapping.split == {"genre": "json-list", "mood": "semicolon"}


@pytest.mark.parametrize(
    "text", ["a,b\n1,happy sad\n", 'name,words\nx,"happy, sad, slow"\ny,"calm, low"\n', "only\none\n"]
)
def test_there_is_always_a_column_to_write_from(tmp_path, text):
    assert set(roles(looked_at(tmp_path, "x.csv", text)).values()) & {"given", "flag"}
