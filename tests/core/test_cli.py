"""Every command, its exit code, and its one JSON object."""

import json
import os
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from core.cli import COMMANDS, main
from core.corpora.reading import inspect
from core.jobs.queue import JobQueue
from core.settings import installed_version, load_settings
from core.store.projects import DEMO, Host
from tests.conftest import write_jsonl
from tests.making import add_tags, decide, event, ids_of

REPOSITORY = Path(__file__).resolve().parents[2]
TALKS = [
    {"id": "1", "title": "Bees and honey", "body": "A year with a beekeeper and her hives", "labels": ["bees"]},
    {"id": "2", "title": "The night sky", "body": "Stars and planets through a telescope", "labels": ["astronomy"]},
    {"id": "3", "title": "Bread", "body": "How to bake bread at home", "labels": ["cooking", "bees"]},
]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "talks.jsonl", TALKS)


@pytest.fixture
def run(settings, capfd):
    """`run("import", …)` → (exit code, standard output, standard error) on both databases."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def as_json(run):
    def as_json(*arguments, code=0):
        got, out, _ = run("--json", *arguments)
        assert out.count("\n") == 1 and out.endswith("\n"), "one line and nothing else"
        answer = json.loads(out)
        assert isinstance(answer, dict)
        assert got == code, answer
        return answer

    return as_json


@pytest.fixture
def imported(as_json):
    return as_json("--project", "test", "import", "talks.jsonl", "--corpus", "Talks", "--gold", "labels")


@pytest.fixture
def tagged(as_json, imported):
    as_json("--project", "test", "vocabulary", "import", "--gold", "--corpus", "Talks")
    return as_json("--project", "test", "tag", "--corpus", "Talks", "--top-k", "2")


def test_files_are_read_as_the_command_says(as_json, tmp_path):
    def imported(name, *options):
        return as_json("--project", "test", "import", name, "--corpus", name, *options)

    (tmp_path / "x.csv").write_bytes("\n".join(["抱歉;x;1", "谢谢;y;2", "你好;z;3"]).encode("gbk"))
    options = ("--encoding", "gbk", "--no-header", "--delimiter", ";")
    assert imported("x.csv", *options, "--id", "column_3", "--map", "title=column_1")["new"] == 3
    (tmp_path / "y.txt").write_text("id\ttext\n1\tone\n\n", encoding="utf-8")
    assert imported("y.txt", "--delimiter", "\\t", "--header")["new"] == 1
    assert imported("y.txt", "--lines")["new"] == 2
    book = openpyxl.Workbook()
    book.active.append(["id", "title"])
    second = book.create_sheet("Second")
    for row in (["id", "title"], [1, "One"], [2, "Two"]):
        second.append(row)
    book.save(tmp_path / "z.xlsx")
    assert imported("z.xlsx", "--sheet", "Second")["new"] == 2


def test_a_folder_is_imported(as_json, tmp_path):
    (tmp_path / "many").mkdir()
    for n in range(3):
        (tmp_path / "many" / f"{n}.csv").write_text(f"id,title\n{n},Talk {n}\n")
    answer = as_json("--project", "test", "import", "many", "--corpus", "Many")
    assert (answer["new"], answer["failures"]) == (3, [])


def test_import_says_what_became_of_the_rows(as_json, imported):
    assert {k: imported[k] for k in ("corpus", "new", "updated", "unchanged", "skipped", "problems", "rows")} == {
        "corpus": "Talks",
        "new": 3,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "problems": 0,
        "rows": 3,
    }
    assert imported["failures"] == [] and imported["job"] and imported["corpus_id"]
    again = as_json("--project", "test", "import", "talks.jsonl", "--corpus", "Talks", "--gold", "labels")
    assert (again["new"], again["unchanged"]) == (0, 3)


def test_import_makes_the_project_and_maps_columns(as_json, tmp_path):
    write_jsonl(tmp_path / "odd.jsonl", [{"nr": "a", "headline": "Bees", "words": "x; y", "topics": ["t"]}])
    answer = as_json(
        "--project",
        "My Project!",
        *("import", "odd.jsonl", "--corpus", "Odd", "--id", "nr", "--gold", "words"),
        *("--map", "title=headline", "--map", "keep=topics"),
    )
    assert answer["new"] == 1
    host = Host(load_settings())
    assert host.project("my-project").name == "My Project!"
    database = host.open("my-project")
    assert ids_of(database, "Odd").keys() == {"a"}
    (job,) = JobQueue(host).recent("my-project")
    assert job.state == "done", "the page of the project shows the command's jobs"
    host.close()
    for name in ("My Project!", "my-project"):
        (corpus,) = as_json("--project", name, "corpora")["corpora"]
        assert corpus["name"] == "Odd" and corpus["gold"] is True
        assert len(as_json("--project", name, "jobs")["jobs"]) == 1


def test_broken_rows_are_exit_code_1_and_named(run, as_json, tmp_path):
    rows = [TALKS[0], {"id": "", "title": "no id"}, {"id": "4", "title": ""}]
    write_jsonl(tmp_path / "bad.jsonl", rows)
    arguments = ("--project", "test", "import", "bad.jsonl", "--corpus", "Talks", "--id", "id")
    answer = as_json(*arguments, code=1)
    assert (answer["new"], answer["skipped"]) == (1, 2)
    assert [(f["row"], f["code"]) for f in answer["failures"]] == [(2, "no_id"), (3, "no_text")]
    code, out, _ = run(*arguments)
    assert code == 1 and "row 2" in out and "1 unchanged" in out


def test_repeated_rows_are_no_failures(as_json, tmp_path):
    write_jsonl(tmp_path / "twice.jsonl", [TALKS[0], TALKS[1], TALKS[0]])
    answer = as_json("--project", "test", "import", "twice.jsonl", "--corpus", "Talks", "--id", "id")
    assert (answer["new"], answer["skipped"], answer["failures"]) == (2, 1, [])


WRONG = [
    ["import", "gone.csv", "--corpus", "C"],
    ["import", "talks.jsonl", "--corpus", ""],
    ["import", "talks.jsonl", "--corpus", "x" * 81],
    ["import", "talks.jsonl"],
    ["import", "talks.jsonl", "--corpus", "C", "--map", "title"],
    ["import", "talks.jsonl", "--corpus", "C", "--map", "nonsense=title"],
    ["import", "talks.jsonl", "--corpus", "C", "--map", "title=nowhere"],
    ["import", "talks.jsonl", "--corpus", "C", "--id", "nowhere"],
    ["import", "talks.jsonl", "--corpus", "C", "--gold", "nowhere"],
    ["import", "talks.jsonl", "--corpus", "C", "--kind", "films"],
    ["import", "gone/", "--corpus", "C"],
    ["import", "talks.jsonl", "--corpus", "C", "--encoding", "no-such"],
    ["import", "talks.jsonl", "--corpus", "C", "--delimiter", "x" * 11],
    ["import", "talks.jsonl", "--corpus", "C", "--header", "--no-header"],
    ["import", "empty.csv", "--corpus", "C"],
    ["import", "picture.png", "--corpus", "C"],
    ["corpora", "more"],
    ["--project", "nowhere", "corpora"],
    ["vocabulary"],
    ["vocabulary", "destroy"],
    ["vocabulary", "import"],
    ["vocabulary", "import", "gone.txt"],
    ["vocabulary", "import", "--gold"],
    ["vocabulary", "import", "--gold", "--corpus", "Nowhere"],
    ["vocabulary", "import", "--gold", "--corpus", "Talks", "--min-items", "9"],
    ["vocabulary", "import", "--gold", "--corpus", "Talks", "--min-items", "0"],
    ["vocabulary", "export"],
    ["vocabulary", "export", "folder/that/is/not/there.csv"],
    ["tag"],
    ["tag", "--corpus", "Nowhere"],
    ["tag", "--corpus", "Talks", "--method", "magic"],
    ["tag", "--corpus", "Talks", "--engine", "oracle"],
    ["tag", "--corpus", "Talks", "--top-k", "0"],
    ["tag", "--corpus", "Talks", "--top-k", "many"],
    ["tag", "--corpus", "Talks", "--threshold", "2"],
    ["tag", "--corpus", "Talks", "--limit", "0"],
    ["evaluate", "--corpus", "Nowhere"],
    ["evaluate", "--corpus", "Talks", "--run", "99"],
    ["evaluate", "--corpus", "Talks", "--run", "²"],
    ["export", "--corpus", "Talks", "--format", "xls", "--out", "x.xls"],
    ["export", "--corpus", "Nowhere", "--format", "csv", "--out", "x.csv"],
    ["export", "--corpus", "Talks", "--format", "csv", "--out", "."],
    ["export", "--corpus", "Talks", "--format", "csv", "--out", "talks.jsonl/x.csv"],
    ["export", "--corpus", "Talks", "--format", "csv", "--out", "x.csv", "--status", "perfect"],
    ["runs", "--corpus", "Nowhere"],
    ["jobs", "cancel"],
    ["jobs", "cancel", "nowhere"],
    ["jobs", "resume", "nowhere"],
    ["jobs", "retry", "nowhere"],
    ["jobs", "destroy", "x"],
    ["fly"],
    ["--fly"],
    [],
]


def test_wrong_requests_are_exit_code_2_with_a_sentence_and_a_remedy(run, as_json, tagged, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    for arguments in WRONG:
        named = arguments if "--project" in arguments else ["--project", "test", *arguments]
        error = as_json(*named, code=2)
        assert set(error) == {"error", "message", "remedy"} and error["message"] and error["remedy"], arguments
        code, out, err = run(*named)
        assert code == 2 and out == "" and err.strip() and "Traceback" not in err, arguments


def test_vocabulary_in_and_out(run, as_json, imported, tmp_path):
    (tmp_path / "tags.csv").write_text("name,aliases,parent\nbees,apis,insects\n,broken,\n")
    answer = as_json("--project", "test", "vocabulary", "import", "tags.csv", code=1)
    assert (answer["added"], answer["skipped"]) == (1, 1) and answer["problems"][0]["row"] == 3
    answer = as_json("--project", "test", "vocabulary", "import", "--gold", "--corpus", "Talks", "--min-items", "2")
    assert (answer["added"], answer["unchanged"]) == (0, 1)
    listed = as_json("--project", "test", "vocabulary", "list")["tags"]
    assert [(t["name"], t["aliases"]) for t in listed] == [("bees", ["apis"]), ("insects", [])]
    answer = as_json("--project", "test", "vocabulary", "export", tmp_path / "out.csv")
    assert answer == {"tags": 2, "path": str(tmp_path / "out.csv")}
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines() == [
        "name,description,aliases,parent",
        "bees,,apis,insects",
        "insects,,,",
    ]
    again = as_json("--project", "another", "vocabulary", "import", tmp_path / "out.csv")
    assert again["added"] == 2
    code, out, _ = run("--project", "test", "vocabulary", "list")
    assert (code, out) == (0, "bees\ninsects\n")


def test_tag_evaluate_and_runs(run, as_json, tagged):
    assert tagged["items"] == tagged["ok"] == 3
    assert tagged["invalid"] == tagged["refused"] == tagged["failed"] == tagged["requests"] == 0
    assert tagged["tokens"] == tagged["cost"] == 0 and tagged["failures"] == []
    second = as_json("--project", "test", "tag", "--corpus", "Talks", "--limit", "1")
    assert second["items"] == 1
    found = as_json("--project", "test", "evaluate", "--corpus", "Talks")["runs"]
    assert [r["run"] for r in found] == [second["run"], tagged["run"]], "newest first"
    assert {"method", "engine", "precision", "recall", "f1"} <= set(found[0])
    assert found[0]["scored_items"] == 1 and found[1]["gold"] == 4
    (only,) = as_json("--project", "test", "evaluate", "--corpus", "Talks", "--run", tagged["run"])["runs"]
    assert only == found[1]
    runs = as_json("--project", "test", "runs")["runs"]
    assert [r["id"] for r in runs] == [second["run"], tagged["run"]]
    assert as_json("--project", "test", "runs", "--corpus", "talks")["runs"] == runs
    code, out, _ = run("--project", "test", "evaluate", "--corpus", "Talks")
    assert code == 0 and f"run {tagged['run']}" in out and "F1" in out


def test_items_that_could_not_be_tagged_are_exit_code_1(as_json, tagged, monkeypatch):
    from core.tagging.selective import SelectiveTagger

    tagger = SelectiveTagger.tag

    def stumble(self, items, **options):
        if any("telescope" in clue.text for clues in items for clue in clues):
            raise ValueError("no such luck")
        return tagger(self, items, **options)

    monkeypatch.setattr(SelectiveTagger, "tag", stumble)
    answer = as_json("--project", "test", "tag", "--corpus", "Talks", code=1)
    assert (answer["ok"], answer["failed"]) == (2, 1)
    assert [(f["external_id"], f["state"]) for f in answer["failures"]] == [("2", "failed")]


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_export_writes_what_was_accepted(as_json, tagged, tmp_path, format):
    host = Host(load_settings())
    database = host.open("test")
    tags = add_tags(database, "bees")
    decide(database, event(ids_of(database)["1"], 0, "done", [tags["bees"]]))
    host.close()
    path = tmp_path / "new folder" / f"out.{format}"
    options = ("--project", "test", "export", "--corpus", "Talks", "--format", format, "--out", path)
    answer = as_json(*options, "--suggestions", "--provenance")
    assert answer["items"] == 3 and answer["path"] == str(path) and answer["bytes"] == path.stat().st_size
    found = inspect(path)
    assert found.tagloom_export and {"tagloom_suggestions", "tagloom_provenance"} <= {c.name for c in found.columns}
    assert as_json(*options, "--status", "done")["items"] == 1
    bare = inspect(path)
    assert bare.estimated_rows == 1 and "tagloom_provenance" not in {c.name for c in bare.columns}


def test_jobs_are_listed_and_acted_on(run, as_json, imported):
    host = Host(load_settings())
    queue = JobQueue(host)
    waiting = queue.create("test", "export", "Export", {"corpus": "Talks", "format": "jsonl"})
    broken = queue.create("test", "export", "Export", {"corpus": "Gone", "format": "jsonl"})
    queue.claim(broken.id, 1, 1.0)
    queue.finish(broken.id, "failed", message="Broken.", remedy="Mend it.")
    host.close()
    listed = as_json("jobs")["jobs"]
    assert {job["id"] for job in listed} == {imported["job"], waiting.id, broken.id}
    assert as_json("--project", "nowhere", "jobs")["jobs"] == []
    (cancelled,) = as_json("jobs", "cancel", waiting.id)["jobs"]
    assert cancelled["state"] == "cancelled"
    error = as_json("jobs", "cancel", waiting.id, code=2)
    assert error["error"] == "Conflict"
    (resumed,) = as_json("jobs", "resume", waiting.id)["jobs"]
    assert resumed["state"] == "done" and resumed["result"]["items"] == 3
    as_json("jobs", "resume", waiting.id, code=2)
    (retried,) = as_json("jobs", "retry", waiting.id)["jobs"]
    assert retried["id"] != waiting.id and retried["state"] == "done"
    assert as_json("jobs", "resume", broken.id, code=2)["message"].startswith("There is no corpus")
    code, out, _ = run("jobs")
    assert code == 0 and waiting.id in out


def test_a_mistake_of_ours_is_exit_code_1(as_json, imported, monkeypatch):
    monkeypatch.setattr("core.review.exporting.status_counts", lambda *_: 1 / 0)
    error = as_json("--project", "test", "export", "--corpus", "Talks", "--format", "csv", "--out", "x.csv", code=1)
    assert "ZeroDivisionError" in error["message"] and error["remedy"]
    monkeypatch.setitem(COMMANDS, "corpora", lambda session: 1 / 0)
    error = as_json("--project", "test", "corpora", code=1)
    assert error["message"] and error["remedy"]


def test_doctor(run, as_json):
    facts = as_json("doctor")
    assert {"home", "database", "embedding", "checks", "versions"} <= set(facts)
    assert facts["database"]["kind"] in ("SQLite", "Postgres") and facts["database"]["size_bytes"] > 0
    assert {c["name"] for c in facts["checks"]} >= {"Python", "Packages", "Data folder", "Database", "Embedding model"}
    code, out, _ = run("doctor")
    assert code == 0 and "Embedding model" in out and facts["home"] in out


def test_doctor_says_what_is_wrong(as_json, monkeypatch):
    monkeypatch.setattr("core.doctor.LOW_DISK_BYTES", 2**80)
    facts = as_json("doctor", code=1)
    (disk,) = [c for c in facts["checks"] if c["name"] == "Disk"]
    assert disk["ok"] is False and disk["remedy"]


def test_a_setting_that_is_wrong_is_exit_code_2(as_json, monkeypatch):
    monkeypatch.setenv("TAGLOOM_MAX_JOBS", "many")
    assert "TAGLOOM_MAX_JOBS" in as_json("corpora", code=2)["message"]


def test_a_data_folder_that_cannot_be_is_exit_code_1(as_json, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("TAGLOOM_HOME", str(tmp_path / "file" / "home"))
    assert as_json("corpora", code=1)["error"] == "StoreError"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["serve", "--port", "99999"], "99999"),
        (["serve", "--host", "no.such.host.invalid", "--public"], "no.such.host.invalid"),
        (["serve", "--port", "x"], "port"),
    ],
)
def test_serve_refuses_an_address_that_cannot_be(as_json, arguments, part):
    error = as_json(*arguments, code=2)
    assert part in error["message"] + error["remedy"]


def test_version_and_help(run, as_json):
    assert run("--version") == (0, f"tagloom {installed_version()}\n", "")
    assert as_json("--version") == {"version": installed_version()}
    with pytest.raises(SystemExit) as ended:
        run("--help")
    assert ended.value.code == 0


def test_options_may_stand_before_or_behind_the_command(run, imported):
    one = run("--project", "test", "--json", "corpora")
    other = run("corpora", "--project", "test", "--json")
    assert one == other and json.loads(one[1])["corpora"]


def test_without_a_project_it_is_the_demo(as_json):
    assert DEMO in as_json("corpora", code=2)["message"]
    as_json("import", "talks.jsonl", "--corpus", "Talks")
    assert [c["name"] for c in as_json("--project", DEMO, "corpora")["corpora"]] == ["Talks"]


def test_the_command_in_a_process_of_its_own(tmp_path):
    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "core", "--json", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
        )

    done = command("import", "talks.jsonl", "--corpus", "Talks")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"] == 3
    assert command("corpora", "--project", "nowhere").returncode == 2


def test_a_reader_that_has_gone_is_no_error(tmp_path):
    """As with `tagloom … | head`."""
    environment = {**os.environ, "TAGLOOM_HOME": str(tmp_path / "elsewhere"), "PYTHONPATH": str(REPOSITORY)}
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-P", "-m", "core", "jobs"]
    done = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
