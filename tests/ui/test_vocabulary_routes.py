"""The routes that shape a vocabulary: edits with a history, building, proposals, files in and out."""

import uuid

import pytest

from core.jobs.execute import execute
from core.store.runs import Recipe, start_run
from core.vocabulary.proposals import Proposal, store_proposals
from core.worker import KINDS
from tests.making import ANN, add_tags, corpus_of, generate, suggest
from tests.ui.test_routes import API, Page, build


@pytest.fixture
def served(settings):
    context, app = build(settings)
    yield Page(app), context
    context.stop()


@pytest.fixture
def page(served):
    return served[0]


@pytest.fixture
def context(served):
    return served[1]


@pytest.fixture
def database(context):
    return context.host.open("test")


def propose(database, *made):
    recipe = Recipe("vocabulary", "build", "builtin", "none", {})
    run = database.write(lambda c: start_run(c, 0, recipe, ANN, None))
    database.write(lambda c: store_proposals(c, run, list(made)))


def sent(proposal, action, **more):
    return {"uuid": str(uuid.uuid4()), "proposal": proposal["id"], "action": action, "state": proposal["state"], **more}


def test_edits_and_their_history(page, database):
    bees = add_tags(database, "bees")["bees"]
    answer = page.post("tags/edit", {"tag": bees, "action": "rename", "name": "honey bees"})
    assert answer["tag"] == bees and answer["stale"] == []
    page.post("tags/edit", {"tag": bees, "action": "facet", "facet": "insects"})
    (row,) = page.get("tags", facet="insects")["tags"]
    assert (row["name"], row["aliases"], row["facet"]) == ("honey bees", ["bees"], "insects")
    history = page.get("vocabulary/history", limit=2)
    assert [b["edits"] for b in history["batches"]] == [1, 2] and history["next"]
    assert len(page.get("vocabulary/history", cursor=history["next"])["batches"]) == 1
    page.post("vocabulary/undo", {"batch": answer["batch"]})
    assert page.get("tags")["tags"][0]["name"] == "bees"
    assert "undone" in page.post("vocabulary/undo", {"batch": answer["batch"]}, expect=409)["message"]
    page.post("vocabulary/undo", {"batch": "nothing"}, expect=404)
    page.post("vocabulary/undo", {}, expect=400)
    page.post("tags/edit", {"tag": bees, "action": "explode"}, expect=400)
    page.post("tags/edit", {"tag": "99", "action": "archive"}, expect=404)


def test_proposals_decided_and_taken_back(page, database):
    propose(
        database, Proposal("add", "bees", 0.9, 3), Proposal("merge", "apis", 0.8, 2, "bees", detail={"cosine": 0.9})
    )
    answer = page.get("proposals", line="0.85")
    assert answer["above"] == 1 and [p["name"] for p in answer["proposals"]] == ["bees", "apis"]
    bees, apis = answer["proposals"]
    (result,) = page.post("proposals/decide", {"events": [sent(apis, "accept")]})["results"]
    assert result["ok"] and result["stale"] == [bees["id"]], "the merge has made the tag"
    (again,) = page.post("proposals/decide", {"events": [sent(apis, "reject")]})["results"]
    assert again["conflict"] and again["state"] == "accepted" and again["by"] not in (None, "somebody")
    (undone,) = page.post("proposals/decide", {"events": [sent({**apis, "state": "accepted"}, "undo")]})["results"]
    assert undone["ok"] and page.get("tags")["stats"]["tags"] == 0
    accepted = page.post("proposals/accept-above", {"line": 0.5, "uuid": str(uuid.uuid4())})
    assert accepted["accepted"] == 2 and page.get("tags")["tags"][0]["aliases"] == ["apis"]
    assert page.post("vocabulary/undo", {"batch": accepted["batch"]})["proposals"] == 2
    for wrong in ({"line": "x"}, {"line": True}, {"line": 0.5, "uuid": "x"}, {"line": 0.5}):
        page.post("proposals/accept-above", wrong, expect=400)
    page.post("proposals/decide", {"events": "x"}, expect=400)
    for wrong in ({"line": "x"}, {"state": "x"}, {"cursor": "x"}, {"kind": "x"}):
        page.get("proposals", expect=400, **wrong)


def test_an_edit_outdates_what_it_makes_pointless(page, database):
    propose(database, Proposal("add", "bees", 0.9, 3))
    (proposal,) = page.get("proposals")["proposals"]
    answer = page.post("tags/edit", {"action": "add", "name": "Bees"})
    assert answer["stale"] == [proposal["id"]]
    assert page.get("proposals")["proposals"] == []


def test_a_build_from_start_to_proposals(page, context, import_rows, database):
    import_rows(database, [{"id": str(n), "title": f"The honey bee and the jazz piano {n}"} for n in range(9)])
    job = page.post("vocabulary/build", {"corpus": "Talks", "size": 20})["job"]
    assert job["kind"] == "vocabulary" and "Talks" in job["title"]
    (shown,) = page.get("vocabulary/builds")["builds"]
    assert shown["job"]["id"] == job["id"] and len(shown["stages"]) == 7
    page.post("vocabulary/build", {"build": job["id"], "from_stage": "counted"}, expect=400)
    for wrong in ({}, {"corpus": "None"}, {"corpus": "Talks", "size": 0}, {"build": "x", "from_stage": "counted"}):
        page.post("vocabulary/build", wrong, expect=404 if wrong.get("corpus") == "None" or "build" in wrong else 400)
    assert context.queue.get(job["id"]).arguments["engine"] == "builtin"


def test_readability_in_plain_words(page, database):
    assert page.get("readability")["strings"] == 0
    add_tags(database, "bees", "减肥", "增肥")
    answer = page.get("readability", vocabulary="1")
    assert answer["strings"] == 3 and set(answer) >= {"unknown_share", "identical", "scripts", "advice", "model"}
    page.get("readability", corpus="None", expect=404)


def test_taggpt_files_in_and_out(page, context, database):
    answer = page.post("vocabulary/import", {"text": "手工制作||['手工DIY', '手工']\n抱歉||[]\n"})
    assert answer["added"] == 2 and answer["proposals"]["alias"] == 2 and answer["proposals"]["archive"] == 1
    kinds = {p["kind"]: p for p in page.get("proposals")["proposals"]}
    assert kinds["archive"]["name"] == "抱歉" and kinds["alias"]["into"] == "手工制作"
    out = page.client.get(API + "vocabulary/final_tags.csv", params={"project": "test"})
    assert out.text.splitlines()[0].startswith("手工制作||[")
    large = "".join(f"标签{n}||['别名{n}']\n" for n in range(700))
    job = page.post("vocabulary/import", {"text": large})["job"]
    ended = context.queue.get(job["id"])
    if ended.active:
        ended = execute(context.queue, job["id"], KINDS) or ended
    assert ended.state == "done" and ended.result["added"] == 700 and ended.result["proposals"]["alias"] == 700


def test_a_merge_and_its_undo_bring_the_queue_of_disagreements_up_to_date(page, import_rows, database):
    import_rows(database, [{"id": "0", "title": "A day with the hives"}])
    tags = add_tags(database, "bees", "honey bees")
    suggest(database, {"0": [(tags["bees"], 0.9)]})
    generate(database, {"0": [(tags["honey bees"], "honey bees", 0.9, {})]})
    corpus = corpus_of(database).id

    def disagreeing():
        return page.get("review/queue", corpus=corpus, queue="disagree")["disagree"]["pending"]

    assert disagreeing() == 1
    merged = page.post("tags/edit", {"tag": tags["honey bees"], "action": "merge", "into": tags["bees"]})
    assert disagreeing() == 0
    page.post("vocabulary/undo", {"batch": merged["batch"]})
    assert disagreeing() == 1
    propose(database, Proposal("merge", "honey bees", 0.9, 1, into="bees"))
    page.post("proposals/accept-above", {"line": 0.5, "uuid": str(uuid.uuid4())})
    assert disagreeing() == 0
