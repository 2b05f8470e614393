"""The routes of captioning: estimate, trial, run, and a prompt drawn for a piece of music."""

import pytest

from core.engines.prompting.prompts import load
from core.jobs.execute import execute
from core.worker import KINDS
from tests.caption_server import MODEL, CaptionServer
from tests.captioning import import_songs, song
from tests.making import corpus_of
from tests.ui.test_engines import serve
from tests.ui.test_routes import Page


@pytest.fixture
def context(sqlite_settings, import_rows):
    context, context.app = serve(sqlite_settings)
    rows = [song("a", "happy, piano"), song("b", "organ"), song("c", "🎹 keys, no drums")]
    context.songs = import_songs(import_rows, context.host.open("test"), rows)
    yield context
    context.stop()


@pytest.fixture
def page(context):
    page = Page(context.app)
    page.get("state")
    return page


def test_captions_are_estimated_tried_and_run(context, page):
    with CaptionServer() as server:
        given = {"name": "Mine", "base_url": server.base_url, "model": MODEL}
        (row,) = page.post("connections", given)["connections"]
        form = {"corpus": "Songs", "styles": ["writing"], "engine": "openai", "connection": row["id"]}
        found = page.post("captions/estimate", form)
        assert (found["items"], found["requests"], found["one_tag"], found["batches"]) == (3, 3, 1, False)
        tried = page.post("captions/try", form)
        assert len(tried["items"]) == 3 and tried["estimate"]["cached_requests"] == 3
        job = page.post("captions/run", form)["job"]
        assert job["kind"] == "caption-music" and job["unit"] == "captions" and "writing" in job["title"]
        done = execute(context.queue, job["id"], KINDS, {})
        assert done.state == "done" and done.result["requests"] == 0, "the trial has asked already"
        (run,) = page.get("captions/runs", corpus="Songs")["runs"]
        assert (run["method"], run["ok"], run["state"]) == ("writing", 3, "done")
        again = {"corpus": "Songs", "styles": ["writing"], "only": "selected", "ids": [context.songs["a"]]}
        one = execute(context.queue, page.post("captions/run", again)["job"]["id"], KINDS, {})
        assert one.result["requests"] == 1, "one box again: by whoever wrote it"
        page.post("captions/run", {**form, "batch": True}, expect=400)
        page.post("captions/run", {**form, "styles": ["poem"]}, expect=400)
    (shown,) = [each for each in page.get("jobs")["jobs"] if each["id"] == job["id"]]
    assert shown["open"] == {"tab": "music", "params": {"corpus": corpus_of(context.host.open("test"), "Songs").id}}


def test_typed_tags_are_tried_with_places_as_browsers_count(page):
    said = page.post("captions/try", {"tags": "🎹 keys, piano", "styles": "all"})
    assert len(said["captions"]) == 4 and all(c["state"] == "ok" for c in said["captions"].values())
    assert [tag["raw"] for tag in said["tags"]["present"]][1] == "piano"
    page.post("captions/try", {"tags": " "}, expect=400)
    page.post("captions/try", {"tags": "piano", "corpus": "Nothing"}, expect=404)


def test_a_prompt_is_drawn_for_a_piece_of_music(context, page):
    name = "caption-music-summary"
    opened = page.get(f"prompts/{name}")
    assert opened["runs"] and opened["music"] and opened["text"] == load(name).text
    settings = {"controls": {"length": "short", "tone": "", "banned": ["epic"]}}
    asked = {"text": opened["text"], "corpus": "Songs", "item": context.songs["c"], "asked": settings}
    drawn = page.post(f"prompts/{name}/draw", asked)
    system, question = (message["text"] for message in drawn["messages"])
    assert "keys" in question and 'must not be present: ["drums"]' in question and "About 15 words" in system
    assert drawn["item"]["position"] == 3 and not drawn["sample"] and drawn["tokens"] > 50
    back = page.post(f"prompts/{name}/draw", {**asked, "step": -1})
    assert "the only tag" in back["messages"][-1]["text"] and back["item"]["position"] == 2
    assert "Blue Lantern" not in str(drawn["messages"]) + str(back["messages"])
    plain = page.post(f"prompts/{name}/draw", {"text": opened["text"]})
    assert plain["sample"] and "wind energy" in plain["messages"][-1]["text"]
    broken = page.post(f"prompts/{name}/draw", {"text": opened["text"].replace("{{ tag_list }}", "{{ tagz }}")})
    assert "tagz" in broken["problem"]["message"]
