"""Exports of music: shapes that others read, what goes in, and that no id, tag or caption is lost on the way."""

import csv
import io
import json
import zipfile

import pytest

from core.captions.dataset_rows import file_stem, guard_id
from core.captions.export_options import FILTERS, MUSIC_FORMATS, Wanted, check_export
from core.captions.exporting import export_music, read_tracks
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping
from core.corpora.preview import prepare
from core.errors import InvalidInput
from core.jobs.execute import execute
from core.jobs.queue import JobQueue
from core.worker import KINDS
from tests.captioning import store_captions
from tests.making import corpus_of, decide, event, ids_of

ROLES = {
    "id": "id",
    "title": "names",
    "artist": "names",
    "tags": "given",
    "bpm": "keep",
    "split": "keep",
    "file": "media",
}
SONGS = [
    {"id": "-1OlgJWehn8", "title": "Blue", "artist": "The Otters", "tags": ["piano", "jazz", "calm"], "bpm": "96.5"},
    {"id": "-a=cmd", "title": "Red", "tags": ["piano", "no drums"], "file": "disc 1/red song.mp3"},
    {"id": "[rOOBAGxxjBk]-[10-20]", "title": "Green", "tags": ['punchy "4 on the floor" kick', "it's loud, really"]},
    {"id": "A/B", "tags": ["piano"], "file": "https://example.org/sound/A%20B.ogg?x=1"},
    {"id": "0007", "tags": ["piano"], "file": "disc 1/RED SONG.wav"},
    {"id": "none", "tags": ["jazz"]},
]
IDS = [song["id"] for song in SONGS]
MINE = "A calm jazz piece with a piano."
PREDICTED = ("warm pads", "strings")


def box(text, **more):
    return {"text": text, "stars": None, "valid": None, "suggestion": None, "taken": [], **more}


def boxes(database, name, version=0, status="done", **given):
    made = event(ids_of(database, "Songs")[name], version, status)
    (answer,) = decide(database, {**made, "field": "captions", "after": {"status": status, "boxes": given}})
    assert answer["ok"], answer


@pytest.fixture
def songs(sqlite_host, import_rows):
    """Songs with captions of three styles, of which people have decided some."""
    database = sqlite_host.open("test")
    rows = [{**song, "split": "train" if n < 3 else "test"} for n, song in enumerate(SONGS)]
    import_rows(database, rows, "Songs", mapping=Mapping(dict(ROLES), {"tags": "json-list"}), kind="music")
    said = {name: f"Calm piano {n}." for n, name in enumerate(IDS[:5])}
    store_captions(database, "writing", said, verdicts={"A/B": "fail", "0007": "warn"})
    store_captions(database, "summary", {IDS[0]: "Old words.", IDS[1]: None})
    store_captions(database, "attribute_prediction", {IDS[0]: "Piano with pads."}, predicted=PREDICTED)
    boxes(database, IDS[0], writing=box(MINE, stars=5, valid=True), summary=box(""))
    boxes(
        database,
        IDS[2],
        status="in_progress",
        writing=box("Calm piano 2.", valid=False),
        attribute_prediction=box("It has a choir.", taken=["choir"]),
    )
    return database


@pytest.fixture
def write(songs, tmp_path):
    def write(format, **options):
        wanted = {name: options.pop(name) for name in list(options) if name in Wanted.__dataclass_fields__}
        path = tmp_path / "out" / f"x-{format}"
        counts = export_music(songs, corpus_of(songs, "Songs"), path, format, Wanted(**wanted), **options)
        assert not path.with_name(path.name + ".part").exists()
        return path, counts

    return write


def rows_in(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines_in(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files_in(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_the_columns_of_lp_musiccaps(write):
    path, counts = write("lp-musiccaps-jsonl")
    rows = {row["id"]: row for row in lines_in(path)}
    assert list(rows) == IDS[:5] and counts == {"items": 5, "captions": 5, "left_out": 1}
    columns = ["id", "tags", "caption_writing", "caption_summary", "caption_paraphrase", "split"]
    assert all(list(row) == columns for row in rows.values()), "what nobody gave is left out"
    first = rows["-1OlgJWehn8"]
    assert first["caption_writing"] == MINE, "what a person decided wins over what a run said"
    assert first["caption_summary"] is None, "a person wants none of it"
    assert (first["tags"], first["split"]) == (["piano", "jazz", "calm"], "train")
    assert rows["-a=cmd"]["tags"] == ["piano", "no drums"]
    path, counts = write("lp-musiccaps-csv", predicted=True)
    table = {row["id"]: row for row in rows_in(path)}
    assert list(next(iter(table.values())))[2:] == [
        *(f"caption_{style}" for style in ("writing", "summary", "paraphrase", "attribute_prediction")),
        *("pseudo_attribute", "split"),
    ]
    assert "-1OlgJWehn8" in table and "-a=cmd" in table, "an id that calls nothing stays as it is"
    assert json.loads(table["-1OlgJWehn8"]["pseudo_attribute"]) == list(PREDICTED)
    assert table["-1OlgJWehn8"]["caption_attribute_prediction"] == "Piano with pads."
    assert json.loads(table[IDS[2]]["tags"]) == [*SONGS[2]["tags"], "choir"], "a tag that a person took is given"
    assert counts == {"items": 5, "captions": 7, "left_out": 1}


def test_which_captions_go_in(write):
    def ids(format="lp-musiccaps-jsonl", **wanted):
        return [row["id"] for row in lines_in(write(format, **wanted)[0])]

    assert ids(captions="valid") == IDS[:1]
    assert ids(captions="pass") == IDS[:3]
    assert ids(captions="no-fail") == [*IDS[:3], "0007"]
    assert ids(status="done") == IDS[:1]
    assert ids(styles=("summary",)) == []
    parts = {"where": ("split", ("TEST", "valid"))}
    assert ids(**parts) == ["A/B", "0007"] and ids("jsonl", **parts) == IDS[3:]
    assert ids("jsonl") == IDS, "Tagloom's own format keeps every item"
    assert ids("jsonl", captions="no-fail") == [*IDS[:3], "0007"]
    assert set(FILTERS) == {"all", "valid", "pass", "no-fail"}


def test_files_beside_the_sound(write):
    names = ["-1OlgJWehn8", "disc 1/red song", "[rOOBAGxxjBk]-[10-20]", "A B", "disc 1/RED SONG-2"]
    path, counts = write("text", styles=("writing",))
    files = files_in(path)
    whose = {row["id"]: row["file"] for row in csv.DictReader(io.StringIO(files.pop("files.csv")))}
    assert list(files) == [f"{name}.txt" for name in names] and counts["captions"] == 5
    assert files["-1OlgJWehn8.txt"] == f"{MINE}\n"
    assert whose["-1OlgJWehn8"] == "-1OlgJWehn8.txt" and whose["0007"] == "disc 1/RED SONG-2.txt"
    several = files_in(write("text")[0])
    assert "writing/A B.txt" in several and not any(name.startswith("attribute") for name in several)
    craft = files_in(write("audiocraft")[0])
    assert set(craft) == {"files.csv", *(f"{name}.json" for name in names)}
    first = json.loads(craft["-1OlgJWehn8.json"])
    assert set(first) == {
        *("name", "title", "artist", "key", "bpm", "genre", "moods", "keywords", "description", "instrument")
    }
    assert (first["title"], first["artist"], first["bpm"], first["key"]) == ("Blue", "The Otters", 96.5, None)
    assert (first["genre"], first["instrument"], first["moods"]) == ("jazz", "piano", ["calm"])
    assert first["description"] == MINE and first["keywords"] == ["piano", "jazz", "calm"]


def test_metadata_of_a_folder_of_sound(write):
    table = rows_in(write("hf-csv", extension="flac")[0])
    assert [row["file_name"] for row in table] == [
        *("-1OlgJWehn8.flac", "disc 1/red song.mp3", "[rOOBAGxxjBk]-[10-20].flac", "A B.ogg", "disc 1/RED SONG.wav")
    ]
    lines = lines_in(write("hf-jsonl")[0])
    assert list(lines[0])[:3] == ["file_name", "id", "tags"] and lines[0]["id"] == "-1OlgJWehn8"


def test_what_failed_and_why(write):
    path, counts = write("failures")
    rows = {(row["id"], row["style"]): row for row in rows_in(path)}
    assert rows[IDS[0], "summary"]["state"] == "left_out"
    assert rows["-a=cmd", "summary"]["state"] == "failed"
    assert rows["-a=cmd", "summary"]["reason"] == "The server did not answer."
    assert rows[IDS[2], "writing"]["state"] == "not_valid" and rows["A/B", "writing"]["state"] == "fails_checks"
    assert rows["none", "writing"]["state"] == "missing" and all(row["reason"] for row in rows.values())
    assert not any(style == "paraphrase" for _, style in rows), "a style that nobody asked for has not failed"
    assert counts["captions"] == len(rows) and counts["left_out"] == 0


def test_tagloom_tells_who_wrote_what(write):
    path, _ = write("jsonl", suggestions=True, provenance=True, predicted=True)
    first = lines_in(path)[0]
    assert first["title"] == "Blue" and first["tagloom_status"] == "done"
    assert (
        first["tagloom_captions"]["writing"] | {"stars": 5, "valid": True, "by": "person", "text": MINE}
        == (first["tagloom_captions"]["writing"])
    )
    said = first["tagloom_captions"]["attribute_prediction"]
    assert (said["by"], said["predicted"], said["taken"]) == ("builtin", list(PREDICTED), [])
    assert first["tagloom_provenance"][0]["after"]["boxes"]["writing"]["text"] == MINE
    assert "tags" in first and first["tags"] == SONGS[0]["tags"], "the field of the file keeps its name"


def test_a_job_writes_it(songs, sqlite_host):
    queue = JobQueue(sqlite_host)
    arguments = {"corpus": corpus_of(songs, "Songs").id, **check_export("music", {"format": "hf-jsonl"})}
    done = execute(queue, queue.create("test", "export", "Export", arguments).id, KINDS)
    assert done is not None and done.state == "done", done
    assert (done.result["name"], done.result["items"], done.result["left_out"]) == ("metadata.jsonl", 5, 1)
    arguments |= {"format": "audiocraft"}
    done = execute(queue, queue.create("test", "export", "Export", arguments).id, KINDS)
    assert done is not None and done.result["name"] == "Songs-audiocraft.zip"


def test_what_cannot_be_exported_is_refused():
    for kind, wrong in (
        ("items", {"format": "hf-csv"}),
        ("music", {"format": "xml"}),
        ("music", {"status": "x"}),
        ("music", {"captions": "best"}),
        ("music", {"styles": ["poem"]}),
        ("music", {"styles": []}),
        ("music", {"where": {"field": "split", "value": "test"}}),
        ("music", {"extension": "../x"}),
        ("music", {"styles": ["attribute_prediction"], "format": "text"}),
    ):
        with pytest.raises(InvalidInput) as refused:
            check_export(kind, wrong)
        assert refused.value.message and refused.value.remedy
    assert check_export("music", {"styles": ["prediction_attribute"], "predicted": True})["styles"] == [
        "attribute_prediction"
    ]
    assert "styles" not in check_export("items", {"format": "csv", "styles": ["writing"]})
    assert set(MUSIC_FORMATS) & {"jsonl", "csv", "parquet"} == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a:b*c?", "a_b_c_"),
        ("..", "_"),
        ("con", "_con"),
        ("Lpt1.x", "_Lpt1.x"),
        ("日本" * 100, "日本" * 30),
        ("x\n\0y", "x__y"),
        (" dots. ", "dots"),
    ],
)
def test_names_of_files(name, expected):
    assert file_stem(name) == expected


def test_only_harmless_ids_stay_unguarded():
    for harmless in ("-1OlgJWehn8", "--a_b-", "-", "-0.5", "-ä = 2", "abc", "'x"):
        assert guard_id(harmless) == harmless
    for risky in ("-1+cmd|' /C calc'!A0", "=1", "@x", "+a", "-a(b)"):
        assert guard_id(risky) == "'" + risky


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet", *(name for name in MUSIC_FORMATS if name[-1] in "vl")])
def test_what_is_written_comes_back(write, songs, format):
    """Ids, tags and captions of every format that is a table, by nothing but what the import finds out itself."""
    written, _ = write(format, predicted=True)
    path = written.rename(written.with_name(f"metadata.{format.rsplit('-', 1)[-1]}"))
    *_, mapping = prepare(path, path.name, kind="music")
    report = import_file(
        songs, path, name=path.name, corpus_name="Again", mapping=mapping, import_id=format, kind="music"
    )
    assert report.new == (6 if format in ("jsonl", "csv", "parquet") else 5) and report.skipped == 0
    before, after = (
        {track.id: track for part in read_tracks(songs, corpus_of(songs, name)) for track in part}
        for name in ("Songs", "Again")
    )
    assert list(after) == IDS[: len(after)]
    for name, track in after.items():
        taken = [] if "-" not in format else [tag for c in before[name].captions.values() for tag in c.taken]
        assert [tag.name for tag in track.tags.present] == [*(t.name for t in before[name].tags.present), *taken]
        assert [tag.name for tag in track.tags.absent] == [tag.name for tag in before[name].tags.absent]
        for style in ("writing", "summary", "attribute_prediction"):
            assert (track.fields.get(f"caption_{style}") or None) == before[name].captions[style].text


def test_tracks_are_read_as_the_file_has_them(songs):
    (tracks,) = read_tracks(songs, corpus_of(songs, "Songs"))
    assert [track.id for track in tracks] == IDS
    assert [track.tag_names for track in tracks][:2] == [SONGS[0]["tags"], SONGS[1]["tags"]]
