"""The routes of the prompt workbench: drafts, copies, examples, files."""

import pytest

from core.embedding.hashing import HashingEncoder
from core.engines.prompting.prompt_copies import of_project
from core.engines.prompting.prompts import load
from core.tagging import workbench
from tests.making import add_tags, decide, event, ids_of
from tests.ui.test_routes import API, Page, build


@pytest.fixture
def served(sqlite_settings, import_rows, monkeypatch):
    """(page, context, database) with five talks, of which the first is reviewed."""
    monkeypatch.setattr(workbench, "cached_encoder", lambda settings: HashingEncoder())
    context, app = build(sqlite_settings)
    database = context.host.open("test")
    import_rows(database, [{"id": str(n), "title": f"Talk {n}", "body": f"On bees, part {n}."} for n in range(5)])
    tags = add_tags(database, "bees", "stars")
    decide(database, event(ids_of(database)["0"], 0, accepted=[tags["bees"]]))
    yield Page(app), context, database
    context.stop()


def test_a_prompt_is_opened_edited_used_and_reset(served):
    page, _, database = served
    listed = {each["name"]: each for each in page.get("prompts")["prompts"]}
    assert list(listed)[:2] == ["free-tags", "select-tags"] and not listed["free-tags"]["copy"]
    opened = page.get("prompts/free-tags")
    assert opened["text"] == opened["shipped_text"] == load("free-tags").text and opened["versions"] == []
    assert {p["name"] for p in opened["placeholders"]} == {"item", "marker", "count", "use_case", "language"}
    text = opened["text"].replace("You label", "You carefully label")
    saved = page.post("prompts/free-tags", {"text": text})
    assert saved["copy"] and saved["text"] == text and saved["person"] and saved["versions"][0]["current"]
    assert of_project(database, "free-tags").text == text
    other = text.replace("carefully", "quickly")
    clash = page.post("prompts/free-tags", {"text": other, "base": opened["hash"]}, expect=409)
    assert "somebody else" in clash["message"] and of_project(database, "free-tags").text == text
    page.post("prompts/free-tags", {"text": other, "base": saved["hash"]})
    page.post("prompts/free-tags", {"text": text})  # knowing what it replaces
    again = page.post("prompts/free-tags/reset")
    assert not again["copy"] and again["text"] == opened["text"] and again["versions"][0]["text"] == text
    wrong = page.post("prompts/free-tags", {"text": text.replace("{{ item }}", "{{ items }}")}, expect=400)
    assert "line 38: there is no placeholder “items”" in wrong["message"]
    page.get("prompts/nothing", expect=404)
    page.post("prompts/nothing", {"text": text}, expect=400)
    page.post("prompts/free-tags", {"text": 5}, expect=400)
    page.post("prompts/free-tags", {"text": "x" * 300_000}, expect=400)


def test_a_draft_is_drawn_and_stores_nothing(served):
    page, _, database = served
    ids, text = ids_of(database), load("select-tags").text
    asked = {"text": text, "corpus": "Talks", "item": ids["1"], "asked": {"use_case": "for a school", "top_k": 12}}
    drawn = page.post("prompts/select-tags/draw", asked)
    system, question = (each["text"] for each in drawn["messages"])
    assert '"for a school"' in system and "at most 12" in system
    assert '{"tag":"bees"}\n{"tag":"stars"}' in question and "Talk 1" in question
    assert drawn["item"] == {
        "id": ids["1"],
        "title": "Talk 1",
        "position": 2,
        "of": 5,
        "corpus": drawn["item"]["corpus"],
    }
    examples = page.post("prompts/select-tags/draw", {**asked, "examples": [ids["0"]]})
    assert [m["example"] for m in examples["messages"]] == [False, True, True, False] and examples["changed"]
    broken = page.post("prompts/select-tags/draw", {**asked, "text": "nothing"})
    assert broken["problem"]["line"] == 1 and broken["problem"]["remedy"]
    page.post("prompts/select-tags/draw", {**asked, "examples": [ids["1"]]}, expect=400)  # nobody has reviewed it
    page.post("prompts/select-tags/draw", {**asked, "examples": [7]}, expect=400)
    page.post("prompts/select-tags/draw", {**asked, "connection": "nowhere"}, expect=404)
    page.post("prompts/select-tags/draw", {**asked, "corpus": "Nothing"}, expect=404)
    assert page.get("prompts/select-tags")["versions"] == []


def test_examples_are_reviewed_items_and_part_of_the_copy(served):
    page, _, database = served
    ids, text = ids_of(database), load("free-tags").text
    shown = page.post("prompts/free-tags/example", {"item": ids["0"]})["example"]
    assert shown == {"item": ids["0"], "title": "Talk 0", "answer": '{"tags":["bees"]}'}
    refused = page.post("prompts/free-tags/example", {"item": ids["1"]}, expect=400)
    assert "has not been reviewed" in refused["message"]
    plain = page.post("prompts/free-tags", {"text": text.replace("You label", "You tag")})
    saved = page.post("prompts/free-tags", {"text": text, "examples": [ids["0"]]})
    assert saved["examples"] == [shown] and saved["hash"] not in (plain["hash"], load("free-tags").hash)
    kept = page.post("prompts/free-tags", {"text": plain["text"]})  # without a word on examples, they stay
    assert kept["examples"] == [shown]
    assert page.post("prompts/free-tags", {"text": text, "examples": []})["copy"] is False


def test_files_come_in_and_go_out(served):
    page, _, _ = served
    brought = page.post("prompts/import", {"text": "Caption <tags>.", "file": "short.txt"})
    assert brought == {"imported": ["caption-image-short"]}
    assert page.get("prompts")["prompts"][2]["title"] == "Caption images: short"
    file = page.client.get(API + "prompts/caption-image-short/file", params={"project": "test"})
    assert file.headers["content-type"].startswith("text/markdown") and 'name="' not in file.text
    assert "attachment" in file.headers["content-disposition"] and "Caption {{ tags }}." in file.text
    again = page.post("prompts/import", {"text": file.text, "file": "x.md"})
    assert again == brought and len(page.get("prompts/caption-image-short")["versions"]) == 1
    page.post("prompts/import", {"text": "nothing", "file": "x.txt"}, expect=400)
    page.post("prompts/import", {"text": "<tags>", "file": "x.txt", "name": "n" * 99}, expect=400)
    drawn = page.post("prompts/caption-image-short/draw", {"text": file.text, "corpus": "Talks"})
    assert drawn["sample"] and drawn["messages"][0]["text"] == "Caption wind energy, denmark."


def test_a_copy_is_of_its_project_alone(served):
    page, context, _ = served
    other = context.host.create_project("Other")
    page.post("prompts/free-tags", {"text": load("free-tags").text.replace("You label", "You tag")})
    assert page.get("prompts/free-tags")["copy"] and not page.get("prompts/free-tags", project=other.slug)["copy"]
