"""The shared music files, whole: every tag of every row arrives, and what stands beside it."""

import ast
import csv
import secrets
from collections import Counter

import orjson
import pytest
from sqlalchemy import select

from core.corpora.browsing import Filter, list_items
from core.corpora.catalog import find_corpus
from core.corpora.clues import clues_of
from core.corpora.companions import Companions
from core.corpora.deleting import delete_items
from core.corpora.given import GivenReader, names_of, reference_of
from core.corpora.importing import import_file
from core.corpora.labels import attach_labels, read_labels
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.preview import inspect_with_mapping, prepare
from core.corpora.reading import inspect
from core.errors import InvalidInput
from core.review.exporting import export_corpus
from core.store.schema import import_note, item
from tests.conftest import write_jsonl


def brought(database, path, corpus="Music", *, companions=None, mapping=None, **options):
    """Import a file as music; the report."""
    companions = companions or Companions()
    _, found, guessed, _ = prepare(path, path.name, kind="music", companions=companions)
    mapping = mapping(guessed, found) if mapping else guessed
    return import_file(
        database,
        path,
        name=path.name,
        corpus_name=corpus,
        kind="music",
        mapping=mapping,
        companions=companions,
        import_id=secrets.token_hex(6),
        **options,
    )


def stored(database, corpus="Music"):
    """The corpus, and its items with the fields read."""
    with database.read() as connection:
        found = find_corpus(connection, corpus)
        rows = connection.execute(select(item).where(item.c.corpus == found.pk).order_by(item.c.pk)).all()
    return found, [(row, orjson.loads(row.fields)) for row in rows]


def notes(database):
    with database.read() as connection:
        return connection.execute(select(import_note)).all()


def found_by(database, query, corpus="Music"):
    with database.read() as connection:
        page = list_items(connection, find_corpus(connection, corpus), Filter(query=query))
    return [row["external_id"] for row in page["items"]]


def test_musiccaps_keeps_every_tag_and_sends_no_reference(sqlite_host, shared_data):
    database = sqlite_host.open("test")
    path = shared_data / "music" / "musiccaps-public.csv"
    report = brought(database, path)
    assert (report.new, report.skipped, report.problems) == (5521, 0, 0)
    with path.open(newline="", encoding="utf-8") as file:
        wanted = {row["ytid"]: row for row in csv.DictReader(file)}
    corpus, items = stored(database)
    reader = GivenReader(corpus)
    for row, fields in items:
        source = wanted[row.external_id]
        assert [tag.name for tag in reader(fields)] == ast.literal_eval(source["aspect_list"])
        assert reference_of(fields, corpus) == source["caption"].strip()
        assert fields["is_audioset_eval"] == source["is_audioset_eval"]
        assert row.title == row.external_id and clues_of(row.fields, corpus.roles) == ()
    assert sum(len(reader(fields)) for _, fields in items) == 58_901
    assert sum(row.external_id.startswith("-") for row, _ in items) == 107
    assert items[0][0].link == "https://www.youtube.com/watch?v=-0Gj8-vB1q4&t=30"
    assert found_by(database, "sustained strings melody") and not found_by(database, "recording features a ballad song")
    assert found_by(database, "-0Gj8-vB1q4") == ["-0Gj8-vB1q4"]


def test_mtg_rows_of_any_length_keep_their_tags_and_get_names(sqlite_host, shared_data, tmp_path):
    database = sqlite_host.open("test")
    path = shared_data / "music" / "mtg_top50_test.tsv"
    split = tmp_path / "split.json"
    split.write_text('{"test_track": ["track_0000215"]}')
    names = {"path": str(shared_data / "music" / "mtg_titles_artists.tsv")}
    files = Companions.read({"names": names, "split": {"path": str(split)}})
    assert brought(database, path, companions=files).new == 11_356
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    wanted = {cells[0]: [tag for tag in cells[5:] if tag] for cells in (line.split("\t") for line in lines)}
    corpus, items = stored(database)
    reader = GivenReader(corpus)
    for row, fields in items:
        assert [tag.name for tag in reader(fields)] == wanted[row.external_id]
    assert sum(map(len, wanted.values())) == 34_878
    by_id = {row.external_id: (row, fields) for row, fields in items}
    row, fields = by_id["track_0000215"]
    assert names_of(fields, corpus) == ["Aide toi...", "David TMX"] and row.title == "Aide toi... · David TMX"
    assert (fields["split"], row.media) == ("test", "15/215.mp3")
    assert all(names_of(fields, corpus) for _, fields in items), "every track is in the list of titles"
    assert clues_of(row.fields, corpus.roles) == (), "titles and artists are no clues"
    assert found_by(database, "David TMX")[0] == "track_0000215"
    assert {note.code for note in notes(database)} == {"open_list", "no_split"}


def test_the_vectors_of_magnatagatune_have_labels_or_numbers(sqlite_host, shared_data, tmp_path):
    database = sqlite_host.open("test")
    path = shared_data / "music" / "mtt_test.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = {key: orjson.loads(cell) for key, cell in (line.split("\t") for line in lines)}
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"label {n}" for n in range(50)))

    def with_labels(mapping, found):
        return attach_labels(mapping, read_labels(labels), found.rows, "labels.txt")

    brought(database, path)
    brought(database, path, "Named", mapping=with_labels)
    for name, shift, word in (("Music", 1, "tag"), ("Named", 0, "label")):
        corpus, items = stored(database, name)
        reader = GivenReader(corpus)
        for row, fields in items:
            places = [place for place, bit in enumerate(wanted[row.external_id]) if bit]
            assert [tag.name for tag in reader(fields)] == [f"{word} {place + shift}" for place in places]
        assert len(items) == 5329 and sum(len(reader(fields)) for _, fields in items) == 14_149
    assert found_by(database, "label 17", "Named")
    assert Counter(note.code for note in notes(database)) == {"no_header": 2, "no_labels": 1}


def test_bad_rows_are_told_and_good_rows_go_through(sqlite_host, tmp_path):
    database = sqlite_host.open("test")
    path = tmp_path / "bad.csv"
    path.write_text("id,tags\n-1,\"['a', 'b']\"\n=2,\"['c'\"\n3,[]\n,\"['d']\"\n-1,\"['e']\"\n")
    report = brought(
        database, path, mapping=lambda mapping, _: mapping.changed({"id": "id"}).with_split({"tags": "python-list"})
    )
    assert (report.new, report.skipped) == (2, 3)
    corpus, items = stored(database)
    assert [(row.external_id, [tag.name for tag in GivenReader(corpus)(f)]) for row, f in items] == [
        ("-1", ["a", "b"]),
        ("3", []),
    ], "an id may begin with a minus sign; a track without tags is a track"
    told = {note.row: note for note in notes(database)}
    assert {row: note.code for row, note in told.items()} == {2: "bad_tags", 4: "no_id", 5: "repeated_id"}
    assert (told[2].file, told[2].field) == ("bad.csv", "tags")
    assert told[2].cause == "The tags in “tags” cannot be read: it is not a Python list such as ['a', 'b']."
    assert told[2].remedy


def test_ids_with_a_minus_survive_a_csv_round_trip(sqlite_host, tmp_path):
    database = sqlite_host.open("test")
    rows = [{"id": key, "title": "Blue", "tags": ["=loud", "slow"]} for key in ("-0Gj8-vB1q4", "--x", "+1", "a")]
    brought(database, write_jsonl(tmp_path / "m.jsonl", rows))
    out = tmp_path / "out.csv"
    export_corpus(database, stored(database)[0], out, "csv")
    found = inspect(out)
    mapping = guess_mapping(found, "music")
    report = brought(database, out, mapping=lambda *_: mapping)
    assert (report.new, report.skipped, report.updated + report.unchanged) == (0, 0, 4)
    corpus, items = stored(database)
    assert [row.external_id for row, _ in items] == [row["id"] for row in rows]
    assert all([tag.name for tag in GivenReader(corpus)(fields)] == ["=loud", "slow"] for _, fields in items)


def test_importing_again_updates_and_respects_deletions(sqlite_host, tmp_path):
    database = sqlite_host.open("test")
    rows = [
        {"id": f"-{n}", "title": f"Song {n}", "artist": "Ann", "tags": ["slow", f"t{n}"], "mood": 1} for n in range(3)
    ]
    path = write_jsonl(tmp_path / "m.jsonl", rows)
    brought(database, path)
    items = stored(database)[1]
    assert [row.title for row, _ in items] == [f"Song {n} · Ann" for n in range(3)]
    delete_items(database, [items[0][0].id], "p")
    rows[1]["tags"] = ["fast"]
    report = brought(database, write_jsonl(path, rows))
    assert (report.new, report.updated, report.unchanged, report.skipped) == (0, 1, 1, 1)
    assert (
        found_by(database, "fast") == ["-1"] and found_by(database, "Song 2") == ["-2"] and not found_by(database, "t0")
    )
    with pytest.raises(InvalidInput, match="holds music, not items"):
        brought_as_items = Mapping({"title": "title"})
        import_file(database, path, name="m", corpus_name="Music", mapping=brought_as_items, import_id="x")
    with pytest.raises(InvalidInput, match="No column holds the tags"):
        brought(database, path, "Other", mapping=lambda *_: Mapping({"title": "title"}))


def test_the_mapping_screen_names_shapes_and_shows_tracks(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('id,v,tags,caption,absent\n-a,"[0, 1, 1]","rock:0.5, slow:1",A caption.,drums\n')
    labels = tmp_path / "l.txt"
    labels.write_text("x\ny\nz\n")
    answer = inspect_with_mapping(path, "m.csv", kind="music")
    shapes = {column["name"]: column["shape"] for column in answer["columns"]}
    assert shapes["v"] == "0/1 list of 3 places, not named yet" and shapes["tags"].startswith("tags with weights")
    assert [problem["code"] for problem in answer["problems"]] == ["no_labels"]
    named = inspect_with_mapping(
        path, "m.csv", Mapping.from_json(answer["mapping"]), kind="music", labels=(labels, "l.txt")
    )
    (track,) = named["previews"]
    given = [(tag["name"], tag["facet"], tag["weight"]) for tag in track["given"]]
    assert given == [
        ("y", None, None),
        ("z", None, None),
        ("rock", None, 0.5),
        ("slow", None, 1.0),
        ("drums", "absent", None),
    ]
    assert (track["title"], track["reference"], named["problems"]) == ("-a", "A caption.", [])
    roles = [role["value"] for role in named["roles"]]
    assert "given" in roles and "speech" not in roles
    assert "given" not in [role["value"] for role in inspect_with_mapping(path, "m.csv", kind="items")["roles"]]


def test_tags_that_run_past_the_last_column_and_tags_by_id_are_lists(tmp_path):
    files = {
        "ragged.csv": "id,tags\n-1,rock,pop\n2,jazz,slow,sad\n3,one\n",
        "ragged.tsv": "id\tpath\ttags\n-1\ta\trock\tpop\n" + "".join(f"{n}\ta\tone\n" for n in range(2, 12)),
        "by_id.json": '{"-1": ["rock", "pop"], "2": ["slow, sad"], "3": []}',
    }
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(content)
        _, found, mapping, _ = prepare(path, name, kind="music")
        assert found.rows[0]["id"] == "-1" and mapping.roles["tags"] == "given", name
        assert [tag.name for tag in GivenReader(mapping)(found.rows[0])] == ["rock", "pop"], name
    assert [tag.name for tag in GivenReader(mapping)(found.rows[1])] == ["slow, sad"]
