"""Routes of captions: list, track, checks while typing, blind pairs and their table, decisions and the drawer."""

import uuid

import pytest

from core.captions.styles import STYLES
from tests.captioning import import_songs, song, store_captions
from tests.making import event
from tests.ui.test_routes import Page, build


@pytest.fixture
def served(sqlite_settings, import_rows):
    context, app = build(sqlite_settings)
    database = context.host.open("test")
    rows = [song(str(n), caption=f"A person's words {n}.", file="none.mp3") for n in range(4)]
    ids = import_songs(import_rows, database, rows)
    store_captions(database, "writing", {str(n): f"Calm piano {n}." for n in range(4)}, verdicts={"2": "fail"})
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    yield Page(app), ids, database
    context.stop()


def send(page, *events):
    return page.post("review/decisions", {"events": list(events)})["results"]


def captions_event(item, version, boxes, **more):
    return {**event(item, version, **more), "field": "captions", "after": {"status": "done", "boxes": boxes}}


def box(text, **more):
    return {"text": text, "stars": None, "valid": None, "suggestion": None, "taken": [], **more}


def test_captions_are_listed_read_decided_and_taken_back(served):
    page, ids, _ = served
    listed = page.get("captions/items", corpus="Songs", verdict="fail", style="writing")
    assert [entry["external_id"] for entry in listed["items"]] == ["2"] and listed["verdicts"]["writing"]["fail"] == 1
    assert page.get("captions/items", corpus="Songs", q="lantern", limit="2")["next"]
    one = page.get(f"captions/item/{ids['2']}")
    (queued,) = page.get("review/queue", corpus="Songs", queue="fail")["items"]
    assert one == queued and list(one["captions"]) == list(STYLES)
    assert one["player"] is None and one["player_problem"], "a file that is not there is not offered"
    writing = one["captions"]["writing"]
    boxes = {"writing": box(writing["text"], suggestion=writing["suggestion"], stars=3)}
    made = captions_event(ids["2"], 0, boxes)
    (answer,) = send(page, made)
    assert answer["ok"] and answer["state"]["boxes"] == boxes and answer["state"]["person"] not in (None, "somebody")
    assert page.get("captions/item/" + ids["2"])["state"] == answer["state"]
    (entry,) = page.get("review/history")["events"]
    assert (entry["field"], entry["summary"]) == ("captions", "Writing decided, Writing 3 stars, done")
    assert page.get("review/history", field="comparison")["events"] == []
    drawer = page.get(f"items/{ids['2']}")
    assert drawer["history"][0]["summary"] == entry["summary"] and drawer["captions"] == one["captions"]
    back = captions_event(ids["2"], 1, {}, action="undo", undoes=entry["uuid"]) | {"after": entry["before"]}
    assert send(page, back)[0]["state"]["status"] == "pending"
    refused = send(
        page, captions_event(ids["2"], 2, {"writing": box("x", stars=7)}), {**made, "uuid": str(uuid.uuid4())}
    )
    assert [r["ok"] for r in refused] == [False, False] and refused[0]["remedy"]


def test_checks_while_typing(served):
    page, ids, _ = served
    body = {"style": "writing", "text": "Calm piano with a violin. 🎻", "item": ids["0"]}
    checks = page.post("captions/check", body)["checks"]
    (reason,) = [r for r in checks["reasons"] if r["code"] == "unsupported_instrument"]
    assert body["text"][reason["start"] : reason["end"]] == "violin" and checks["verdict"] == "fail"
    typed = {"style": "prediction_attribute", "text": "Calm piano.", "tags": "piano, calm", "predicted": []}
    assert page.post("captions/check", typed)["checks"]["verdict"]
    for wrong in ({"text": "x" * 4001}, {"style": "poem"}, {"tags": " "}, {"predicted": [1]}, {"item": "nonsense"}):
        answer = page.post("captions/check", {**typed, **wrong}, expect=404 if "item" in wrong else 400)
        assert answer["message"] and answer["remedy"], wrong


def test_blind_pairs_and_their_table(served):
    page, _, _ = served
    offered = page.get("captions/compare", corpus="Songs")
    assert [each["name"] for each in offered["systems"]] == ["writing", "reference"] and offered["pairs"] == []
    asked = page.get("captions/compare", corpus="Songs", a="writing", b="reference", limit="2")
    first = asked["pairs"][0]
    answer = {asked["pair"]: {"more_true": "left", "less_false": "same", "seen": first["seen"]}}
    made = {**event(first["item"], 0), "field": "comparison", "after": {"status": "done", "boxes": answer}}
    (said,) = send(page, made)
    assert said["state"]["boxes"] == {asked["pair"]: {"more_true": "left", "less_false": "same"}}
    table = page.get("captions/compare/results", corpus="Songs")
    assert table["ratings"] == 1 and {row["question"] for row in table["rows"]} == {"more_true", "less_false"}
    assert page.get("captions/item/" + first["item"])["state"]["status"] == "pending"
    page.get("captions/compare", corpus="Songs", a="writing", b="nobody", expect=400)


def test_other_corpora_and_wrong_values_are_refused(served):
    page, _, _ = served
    for path in ("captions/items", "captions/compare", "captions/compare/results", "captions/insights"):
        assert "music" in page.get(path, corpus="Talks", expect=400)["message"]
        page.get(path, corpus="Nowhere", expect=404)
    for wrong in ({"verdict": "good"}, {"style": "poem", "verdict": "fail"}, {"limit": "101"}, {"cursor": "x"}):
        page.get("captions/items", corpus="Songs", expect=400, **wrong)
    page.get("review/history", field="nonsense", expect=400)
    page.get("review/queue", corpus="Talks", queue="fail", expect=400)


def test_captions_of_another_system_are_loaded_and_counted(served):
    page, _, _ = served
    content = b"id,prediction\n0,A rival's calm piano.\n1,Another text.\n9,Nobody.\n"
    upload = page.upload(content, "rival.csv")["upload"]
    page.post("captions/load", {"corpus": "Songs", "upload": upload, "name": "rival"})
    systems = page.get("captions/compare", corpus="Songs")["systems"]
    assert "other:rival" in [each["name"] for each in systems]
    assert page.get("captions/compare", corpus="Songs", a="other:rival", b="writing")["pairs"]
    assert page.get("captions/insights", corpus="Songs")
    page.post("captions/load", {"corpus": "Talks", "upload": upload, "name": "rival"}, expect=400)
