"""A file of music through the routes and the command line, with the files that go with it."""

import json

from core.cli import main
from core.jobs.execute import execute
from core.jobs.queue import JobQueue
from core.worker import KINDS
from tests.ui.test_routes import Page, build

TRACKS = 'id,tags,vector\n-a1,"[\'slow\', \'sad\']","[0, 1, 0]"\n2,[],"[1, 0, 0]"\n'


def test_labels_names_and_splits_come_with_the_file(sqlite_settings):
    context, app = build(sqlite_settings)
    page = Page(app)
    page.get("state")

    def sent(content, name):
        return {"upload": page.upload(content.encode(), name)["upload"]}

    source = sent(TRACKS, "tracks.csv")
    assert page.post("inspect", source)["kind"] == "music", "a list of 0 and 1 for each id"
    assert page.post("inspect", {**source, "kind": "items"})["kind"] == "items"
    beside = {
        "labels": sent("piano\nno voice\nslow\n", "labels.txt"),
        "names": sent("id,title\n-a1,Blue\n2,Red\n", "names.csv"),
        "split": sent('{"train_track": ["-a1"]}', "split.json"),
    }
    answer = page.post("inspect", {**source, "kind": "music", "beside": beside})
    assert answer["joined"] == {"names": "names.csv", "split": "split.json"}
    track = answer["previews"][0]
    assert [tag["name"] for tag in track["given"]] == ["slow", "sad", "no voice"] and track["names"] == ["Blue"]
    wrong = {**beside, "labels": sent("one\n", "short.txt")}
    error = page.post("inspect", {**source, "kind": "music", "beside": wrong}, expect=400)
    assert "short.txt names 1 labels" in error["message"] and error["remedy"]
    page.post("inspect", {**source, "kind": "films"}, expect=400)
    page.post("inspect", {**source, "beside": {"other": {}}}, expect=400)

    body = {**source, "kind": "music", "corpus": "Tracks", "mapping": answer["mapping"], "beside": beside}
    job = page.post("import", body)["job"]
    queue = JobQueue(context.host)
    execute(queue, job["id"], KINDS, {})
    assert queue.get(job["id"]).result["new"] == 2
    (corpus,) = page.get("corpora")["corpora"]
    assert (corpus["kind"], corpus["items"]) == ("music", 2)
    found = page.get("items", corpus="Tracks", q="no voice")["items"]
    assert [(each["external_id"], each["title"]) for each in found] == [("-a1", "Blue")]
    none = {"roles": {"id": "id", "tags": "keep", "vector": "clue"}}
    error = page.post("import", {**source, "kind": "music", "corpus": "X", "mapping": none}, expect=400)
    assert "tags that captions are written from" in error["message"]


def test_the_command_takes_the_same_files(sqlite_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tracks.csv").write_text(TRACKS)
    (tmp_path / "labels.txt").write_text("piano\nno voice\nslow\n")
    (tmp_path / "names.csv").write_text("id,title\n-a1,Blue\n2,Red\n")
    (tmp_path / "split.json").write_text('{"train_track": ["-a1"], "test_track": ["2"]}')
    files = ("--labels", "labels.txt", "--names-file", "names.csv", "--split-file", "split.json")
    command = ("--project", "test", "--json", "import", "tracks.csv", "--corpus", "Tracks")

    def run(*options):
        code = main([*command, *options])
        out = json.loads(capsys.readouterr().out)
        return code, out

    code, answer = run("--kind", "music", *files, "--shape", "python-list=tags")
    assert (code, answer["new"], answer["problems"]) == (0, 2, 0)
    code, answer = run(*files)  # the corpus is known: its kind stays
    assert (code, answer["unchanged"]) == (0, 2)
    assert run("--labels", "gone.txt")[0] != 0 and run("--shape", "tags")[0] != 0 and run("--shape", "x=y")[0] != 0
