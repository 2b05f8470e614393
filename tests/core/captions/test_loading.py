"""Captions of another system: matched by id or reference text, never by place; scored; never in a box of Review."""

import csv
import json

import pytest

from core.captions.checks import CHECK_VERSION
from core.captions.comparing import pairs, systems
from core.captions.evaluating import evaluate_captions, told
from core.captions.figures import caption_figures
from core.captions.loading import load_captions, read_foreign
from core.captions.pages import show_captions
from core.errors import InvalidInput
from tests.captioning import import_songs, song, store_captions
from tests.making import ANN, corpus_of, rows_of

ROWS = [
    song("-a", "violin, sad, slow tempo", caption="A violin weeps slowly."),
    song("b", "piano, calm", caption="Someone plays the piano."),
    song("c", "drums, no voices", caption="Same words."),
    song("d", "flute", caption="Same  words."),
    song("e", "guitar"),
]


@pytest.fixture
def songs(sqlite_host, import_rows):
    database = sqlite_host.open("test")
    import_songs(import_rows, database, ROWS)
    return database


def keys(database):
    return {row.external_id: row.pk for row in rows_of(database, "Songs")}


def read(database, path, **more):
    with database.read() as connection:
        return read_foreign(connection, corpus_of(database, "Songs"), path, **more)


def test_rows_are_joined_by_id_whatever_their_order(songs, tmp_path):
    path = tmp_path / "x.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["n", "track_id", "prediction"])
        writer.writerows(
            [[1, "e", "A guitar."], [2, "-a", "A sad violin."], [3, "zz", "Nobody."], [4, "b", " "], [5, "e", "Again."]]
        )
    found = read(songs, path)
    assert found.captions == {keys(songs)["e"]: "A guitar.", keys(songs)["-a"]: "A sad violin."}
    assert (found.rows, found.unknown, found.empty, found.duplicates) == (5, 1, 1, 1)
    assert found.columns == {"id": "track_id", "reference": None, "prediction": "prediction"}


def test_rows_are_joined_by_the_text_of_the_reference(songs, tmp_path):
    path = tmp_path / "x.json"
    rows = [("Calm piano.", "someone plays  the piano."), ("Which?", "Same words."), ("?", "Not here.")]
    path.write_text(json.dumps([{"prediction": p, "ground_truth": r} for p, r in rows]))
    found = read(songs, path)
    assert found.captions == {keys(songs)["b"]: "Calm piano."}
    assert (found.ambiguous, found.unknown) == (1, 1)
    assert "several tracks" in found.notes[0]
    assert found.columns == {"id": None, "reference": "ground_truth", "prediction": "prediction"}


@pytest.mark.parametrize(
    ("rows", "more", "what"),
    [
        ([{"id": "b", "words": "x"}], {}, "no column of captions"),
        ([{"id": "b", "words": "x"}], {"prediction": "word"}, "no column “word”"),
        ([{"id": "zz", "prediction": "x"}], {}, "none of its 1 rows"),
        ([{"id": "b", "prediction": ""}], {}, "is empty"),
    ],
)
def test_a_file_that_says_nothing_of_the_corpus_is_refused(songs, tmp_path, rows, more, what):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InvalidInput, match=what):
        read(songs, path, **more)
    with pytest.raises(InvalidInput, match="name"):
        load_captions(songs, corpus_of(songs, "Songs"), path, " ", "ann")


def test_loaded_captions_are_scored_and_compared_but_never_in_a_box(songs, tmp_path):
    corpus = corpus_of(songs, "Songs")
    store_captions(songs, "writing", {"-a": "A sad violin at a slow tempo.", "b": None})
    path = tmp_path / "x.jsonl"
    said = {"-a": "A sad violin and a trumpet, slow tempo.", "b": "Calm piano.", "c": "Drums and a singer."}
    path.write_text("".join(json.dumps({"id": i, "caption_x": t}) + "\n" for i, t in said.items()))
    loaded = load_captions(songs, corpus, path, " model   x ", ANN, prediction="caption_x")
    assert (loaded["name"], loaded["system"], loaded["loaded"]) == ("model x", "other:model x", 3)
    with songs.read() as connection:
        found = caption_figures(connection, corpus)
        names = [each["name"] for each in systems(connection, corpus)]
        shown = show_captions(connection, corpus, rows_of(songs, "Songs")[:1])
        (pair,) = pairs(connection, corpus, ANN, "writing", "other:model x")["pairs"]
    assert names == ["writing", "other:model x", "reference"]
    assert {pair["left"], pair["right"]} == {"A sad violin at a slow tempo.", said["-a"]}
    assert set(shown[0]["captions"]) == {"writing", "summary", "paraphrase", "attribute_prediction"}
    writing, other = found["styles"]
    assert (found["items"], found["references"], found["version"]) == (5, 4, CHECK_VERSION)
    assert writing["captions"] == 1 and writing["verdicts"]["none"] == 1 and writing["full"] == 1
    assert other["title"] == "model x" and other["captions"] == 3
    assert other["verdicts"] == {"pass": 1, "warn": 0, "fail": 2, "none": 0}
    assert other["unsupported"]["instrument"] == 1 and other["codes"]["negation"] == 1
    assert other["examples"]["instrument"] == [shown[0]["id"]]
    assert sum(other["coverage"].values()) == pytest.approx(1)
    assert other["metrics"]["scored"] == 3 and other["metrics"]["bleu1"] > 0
    assert found["floor"]["bleu1"] < 100
    # the newest file of a name is what counts
    path.write_text(json.dumps({"id": "-a", "prediction": "A slow tempo, a sad violin."}))
    load_captions(songs, corpus, path, "model x", ANN)
    with songs.read() as connection:
        again = caption_figures(connection, corpus)["styles"][1]
    assert again["captions"] == 3 and again["unsupported"]["instrument"] == 0


def test_figures_of_a_corpus_without_captions(songs):
    with songs.read() as connection:
        found = caption_figures(connection, corpus_of(songs, "Songs"))
    assert found["styles"] == [] and found["items"] == 5


def test_evaluating_stores_nothing(songs, tmp_path):
    corpus = corpus_of(songs, "Songs")
    path = tmp_path / "x.jsonl"
    lines = [
        {"id": "b", "prediction": "A calm piano. It is calm."},
        {"id": "e", "prediction": "A guitar.", "reference": "One guitar."},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with songs.read() as connection:
        found = evaluate_captions(connection, corpus, path, style="summary")
        plain = evaluate_captions(connection, corpus, path)
        assert [each["name"] for each in systems(connection, corpus)] == ["reference"]
    assert found["codes"] == {"sentence_count": 1} and plain["codes"] == {}
    assert found["captions"] == 2 and found["full"] == 1
    assert found["metrics"]["scored"] == 2  # the file's own reference counts where the corpus has none
    assert "ROUGE-L" in "\n".join(told(found))
