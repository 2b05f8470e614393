"""`tagloom prompts`: the project's words from a terminal."""

import orjson
import pytest

from core.captions.styles import STYLES, prompt_of
from core.cli import main
from core.engines.prompting.prompts import load
from tests.making import add_tags, decide, event, ids_of


@pytest.fixture
def tagloom(sqlite_host, capsys, import_rows):
    """`tagloom(…)` → (exit code, answer) on the project “test”, which has one reviewed talk."""
    database = sqlite_host.open("test")
    import_rows(database, [{"id": "1", "title": "About bees"}, {"id": "2", "title": "About stars"}])
    tags = add_tags(database, "bees")
    decide(database, event(ids_of(database)["1"], 0, accepted=[tags["bees"]]))

    def tagloom(*arguments):
        code = main(["--project", "test", "--json", "prompts", *arguments])
        return code, orjson.loads(capsys.readouterr().out)

    tagloom.database = database
    return tagloom


def test_a_prompt_goes_round(tagloom, tmp_path, capsys):
    file, item = tmp_path / "mine.md", ids_of(tagloom.database)["1"]
    names = [each["name"] for each in tagloom("list")[1]["prompts"]]
    assert names[:2] == ["free-tags", "select-tags"] and set(names[2:]) == {prompt_of(style) for style in STYLES}
    code, _ = tagloom("export", "free-tags", str(file))
    assert code == 0 and file.read_text(encoding="utf-8") == load("free-tags").text
    file.write_text(load("free-tags").text.replace("You label", "You tag"), encoding="utf-8")
    assert tagloom("edit", "free-tags", str(file))[1]["hash"] != load("free-tags").hash
    assert [sign for sign, _ in tagloom("diff", "free-tags")[1]["diff"]] == ["-", "+"]
    assert tagloom("example", "free-tags", "--item", item)[1]["examples"] == 1
    _, shown = tagloom("show", "free-tags")
    assert shown["examples"] == [{"item": item, "title": "About bees", "answer": '{"tags":["bees"]}'}]
    assert "You tag items" in shown["text"] and [v["current"] for v in shown["versions"]] == [True, False]
    assert tagloom("show", shown["versions"][1]["hash"])[1]["text"] == shown["text"], "as a run's recipe names it"
    tagloom("export", "free-tags", str(file))
    tagloom("reset", "free-tags")
    assert not tagloom("list")[1]["prompts"][0]["copy"]
    assert tagloom("import", str(file))[1] == {"imported": ["free-tags"]}
    assert tagloom("show", "free-tags")[1]["examples"] == shown["examples"]
    assert tagloom("example", "free-tags", "--item", item, "--remove")[1]["examples"] == 0
    assert main(["--project", "test", "prompts", "list"]) == 0
    assert "free-tags: Write tags freely (the project's own)" in capsys.readouterr().out


def test_what_is_wrong_is_said(tagloom, tmp_path):
    file = tmp_path / "template.txt"
    file.write_text("A caption of <tags>.", encoding="utf-8")
    assert tagloom("import", str(file), "--name", "caption-image-plain")[1] == {"imported": ["caption-image-plain"]}
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 <tags>")
    unreviewed = ids_of(tagloom.database)["2"]
    for arguments, cause in (
        (("show",), "No prompt was named"),
        (("show", "nothing"), "There is no prompt"),
        (("edit", "free-tags"), "No file was named"),
        (("edit", "free-tags", str(file)), "front matter"),
        (("edit", "free-tags", str(tmp_path / "none")), "cannot be read"),
        (("import", str(tmp_path / "latin.txt")), "not UTF-8"),
        (("export", "free-tags", str(tmp_path)), "cannot be written"),
        (("example", "free-tags"), "No item was named"),
        (("example", "free-tags", "--item", unreviewed), "has not been reviewed"),
        (("example", "free-tags", "--item", unreviewed, "--remove"), "is no example"),
        (("diff", "caption-image-plain"), "comes with no prompt"),
        (("reset", "nothing"), "There is no prompt"),
    ):
        code, answer = tagloom(*arguments)
        assert code == 2 and cause in answer["message"] and answer["remedy"], answer
