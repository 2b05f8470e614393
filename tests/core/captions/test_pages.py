"""Songs as pages show them: captions of the newest run, checks in the browser's counting, lists with filters."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.captions.checks import CHECK_VERSION
from core.captions.pages import (
    VERDICTS,
    CaptionFilter,
    as_utf16,
    caption_list,
    check_typed,
    one_item,
    queue_condition,
    show_captions,
    shower,
    whole_item,
)
from core.captions.styles import STYLES
from core.corpora.deleting import delete_items
from core.errors import InvalidInput, NotFound
from core.review.queue import review_page
from core.store.schema import run, suggestion
from tests.captioning import import_songs, song, store_captions
from tests.making import ANN, corpus_of, decide, event, ids_of, rows_of

SECRET = "secret reference words"


@pytest.fixture
def ids(database, import_rows):
    rows = [song(str(n)) for n in range(6)]
    rows[0] |= {"caption": SECRET, "file": "audio/0.mp3", "page": "https://example.org/0"}
    rows[1] |= {"page": "https://example.org/1.mp3", "tags": "rock, drums"}
    return import_songs(import_rows, database, rows)


def page(database, **wanted):
    cursor, limit = wanted.pop("cursor", ""), wanted.pop("limit", 50)
    with database.read() as connection:
        return caption_list(connection, corpus_of(database, "Songs"), CaptionFilter(**wanted), cursor, limit)


def queue(database, **more):
    with database.read() as connection:
        corpus = corpus_of(database, "Songs")
        only = queue_condition(connection, corpus, more.get("queue", "all"))
        return review_page(connection, corpus, show=shower(corpus), only=only, **{"status": "all", **more})


def names(answer):
    return [entry["external_id"] for entry in answer["items"]]


def test_an_item_of_the_queue(database, ids):
    store_captions(database, "writing", {"0": "An old caption."})
    run = store_captions(database, "writing", {"0": ["Calm piano.", "A piano, calm."], "1": None})
    store_captions(database, "attribute_prediction", {"0": "Calm piano, perhaps pads."}, predicted=("pads",))
    box = {"text": "My words.", "stars": 5, "valid": True, "suggestion": None, "taken": []}
    mine = {**event(ids["0"], 0), "field": "captions", "after": {"status": "in_progress", "boxes": {"summary": box}}}
    assert decide(database, mine)[0]["ok"]
    answer = queue(database)
    first, second = answer["items"][:2]
    assert answer["counts"]["in_progress"] == 1 and answer["total"] == 6
    assert [(n["name"], n["text"]) for n in first["names"]] == [("title", "Blue Lantern 0"), ("artist", "The Otters")]
    assert first["title"] and [t["name"] for t in first["tags"]["present"]] == ["piano", "calm"]
    assert (first["player"], first["link"]) == (f"media/{ids['0']}", "https://example.org/0")
    assert second["player"] == "https://example.org/1.mp3"
    assert SECRET.encode() not in orjson.dumps(answer), "a reviewer is not led by the reference"
    assert first["state"]["boxes"] == {"summary": box} and first["state"]["version"] == 1
    assert list(first["captions"]) == list(STYLES)
    writing = first["captions"]["writing"]
    assert (writing["state"], writing["text"], writing["run"]) == ("ok", "Calm piano.", str(run))
    assert [c["text"] for c in writing["candidates"]] == ["Calm piano.", "A piano, calm."]
    assert writing["suggestion"] == writing["candidates"][0]["suggestion"] and writing["engine"] == "builtin"
    assert writing["checks"]["verdict"] == "pass", "made anew, since this run had stored none"
    assert first["captions"]["attribute_prediction"]["predicted"] == ["pads"]
    assert first["captions"]["summary"]["state"] == "missing" and first["captions"]["summary"]["text"] is None
    failed = second["captions"]["writing"]
    assert (failed["state"], failed["text"], failed["candidates"]) == ("failed", None, [])
    assert failed["error"] == "The server did not answer."
    with database.read() as connection:
        assert one_item(connection, ids["0"]) == first
        drawer = whole_item(connection, ids["0"])
        with pytest.raises(NotFound):
            one_item(connection, "nonsense")
    assert drawer["captions"] == first["captions"] and drawer["corpus"]["name"] == "Songs"
    assert {"name": "caption", "text": SECRET} in drawer["kept"], "the drawer is not the review"
    assert [h["summary"] for h in drawer["history"]] == [
        "Summary decided, Summary 5 stars, Summary valid, in progress",
    ]


def test_stored_checks_count_while_their_version_fits(database, ids):
    said = [{"tag": "piano", "how": "verbatim"}, {"tag": "calm", "how": "verbatim"}]
    stored = {"version": CHECK_VERSION, "verdict": "fail", "reasons": [], "coverage": said}
    store_captions(database, "writing", {"0": "Calm piano."}, checks=stored)
    assert queue(database)["items"][0]["captions"]["writing"]["checks"] == stored
    for older in ({"version": "of before"}, {"coverage": said[:1]}):  # of an older Tagloom; of tags cleaned otherwise
        store_captions(database, "writing", {"0": "Calm piano."}, checks={**stored, **older})
        assert queue(database)["items"][0]["captions"]["writing"]["checks"]["verdict"] == "pass"


def test_a_text_is_judged_as_its_run_was_asked(database, ids):
    words = "Ein ruhiges Stück für das Klavier, 1990 geschrieben."
    store_captions(database, "writing", {"0": words})
    codes = {r["code"] for r in queue(database)["items"][0]["captions"]["writing"]["checks"]["reasons"]}
    assert "missing_tag" in codes
    asked = orjson.dumps({"controls": {"language": "German", "banned": ["ruhiges"]}}).decode()
    database.write(lambda c: c.execute(update(run).values(parameters=asked)) and None)
    codes = {r["code"] for r in queue(database)["items"][0]["captions"]["writing"]["checks"]["reasons"]}
    assert "missing_tag" not in codes and {"banned_word", "number"} <= codes
    with database.read() as connection:
        typed = check_typed(connection, style="writing", text=words, predicted=(), item_id=ids["0"])
    assert {r["code"] for r in typed["reasons"]} == codes


def test_places_of_checks_are_counted_as_browsers_count(database, ids):
    text = "🎹 Calm piano with a violin 🎻 and a trumpet."
    store_captions(database, "writing", {"0": text})
    units = text.encode("utf-16-le")

    def words(checks):
        found = [(r["code"], r["start"], r["end"]) for r in checks["reasons"] if r.get("start") is not None]
        return {(code, units[2 * start : 2 * end].decode("utf-16-le")) for code, start, end in found}

    shown = queue(database)["items"][0]["captions"]["writing"]["checks"]
    assert shown["verdict"] == "fail"
    assert {("unsupported_instrument", "violin"), ("unsupported_instrument", "trumpet")} <= words(shown)
    with database.read() as connection:
        typed = check_typed(connection, style="writing", text=text, predicted=(), item_id=ids["0"])
        free = check_typed(connection, style="writing", text=text, predicted=(), typed="piano, calm, violin, trumpet")
        leak = check_typed(
            connection, style="writing", text="Calm piano by The Otters.", predicted=(), item_id=ids["0"]
        )
        with pytest.raises(InvalidInput):
            check_typed(connection, style="poem", text=text, predicted=(), typed="piano")
    assert words(typed) == words(shown)
    assert not [r for r in free["reasons"] if r["code"] == "unsupported_instrument"]
    assert "name_leak" in [r["code"] for r in leak["reasons"]]


@given(st.text(max_size=12), st.data())
def test_offsets_in_any_text(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    checks = {"reasons": [{"code": "x", "start": start, "end": end}, {"code": "y", "start": None, "end": None}]}
    first, second = as_utf16(checks, text)["reasons"]
    units = text.encode("utf-16-le", "surrogatepass")
    assert units[2 * first["start"] : 2 * first["end"]] == text[start:end].encode("utf-16-le", "surrogatepass")
    assert second == {"code": "y", "start": None, "end": None}


def test_the_list_its_filters_and_counts(database, ids):
    store_captions(database, "writing", {n: f"Caption {n}." for n in "01234"}, verdicts={"1": "fail", "2": "warn"})
    store_captions(database, "summary", {"0": None, "2": "A summary."}, verdicts={"2": "fail"})
    box = {"text": "Mine.", "stars": None, "valid": None, "suggestion": None, "taken": []}
    mine = {**event(ids["3"], 0), "field": "captions", "after": {"status": "done", "boxes": {"writing": box}}}
    decide(database, mine)
    whole = page(database)
    assert names(whole) == list("012345") and whole["total"] == 6 and whole["from"] == 1
    assert whole["statuses"]["done"] == 1 and whole["next"] is whole["previous"] is None
    assert whole["verdicts"]["writing"] == {"pass": 3, "warn": 1, "fail": 1, "none": 0, "missing": 1}
    assert whole["verdicts"]["summary"] == {"pass": 0, "warn": 0, "fail": 1, "none": 1, "missing": 4}
    assert whole["verdicts"]["paraphrase"]["missing"] == 6
    assert whole["items"][1]["captions"]["writing"] == {"verdict": "fail", "text": "Caption 1.", "decided": False}
    assert whole["items"][3]["captions"]["writing"] == {"verdict": "pass", "text": "Mine.", "decided": True}
    assert whole["items"][0]["captions"]["summary"] == {"verdict": "none", "text": None, "decided": False}
    assert SECRET.encode() not in orjson.dumps(whole)
    for wanted, expected in (
        ({"verdict": "fail"}, "12"),
        ({"verdict": "fail", "style": "summary"}, "2"),
        ({"verdict": "none"}, "0"),
        ({"verdict": "missing", "style": "writing"}, "5"),
        ({"verdict": "missing"}, "012345"),
        ({"verdict": "pass", "status": "done"}, "3"),
        ({"status": "done"}, "3"),
        ({"query": "rock"}, "1"),
        ({"query": "lantern 4"}, "4"),
        ({"query": "lantern", "verdict": "warn"}, "2"),
        ({"query": "nowhere"}, ""),
    ):
        answer = page(database, **wanted)
        assert names(answer) == list(expected) and answer["total"] == len(expected), wanted
    for queue_name, expected in (("fail", "12"), ("missing", "012345"), ("all", "012345")):
        assert names(queue(database, queue=queue_name)) == list(expected)
    delete_items(database, [ids["1"]], ANN)
    left = page(database)
    assert left["verdicts"]["writing"]["fail"] == 0 and left["total"] == 5
    assert names(page(database, verdict="fail")) == ["2"]
    for wrong in ({"verdict": "good"}, {"verdict": "fail", "style": "poem"}, {"status": "lost"}, {"cursor": "x"}):
        with pytest.raises(InvalidInput):
            page(database, **wrong)


@settings(max_examples=12)
@given(
    verdicts=st.lists(st.sampled_from(VERDICTS), min_size=6, max_size=6),
    limit=st.integers(1, 4),
    wanted=st.sampled_from(["", *VERDICTS]),
)
def test_pages_forth_and_back_show_each_song_once(database, ids, verdicts, limit, wanted):
    from sqlalchemy import delete

    from core.store.schema import item_caption

    database.write(lambda c: c.execute(delete(item_caption)) and None)
    said = {str(n): None if v == "none" else "Calm." for n, v in enumerate(verdicts) if v != "missing"}
    store_captions(database, "writing", said, verdicts={str(n): v for n, v in enumerate(verdicts)})
    expected = [str(n) for n, v in enumerate(verdicts) if wanted in ("", v)]
    filters = {"verdict": wanted, "style": "writing"} if wanted else {}
    seen, answer = [], page(database, limit=limit, **filters)
    pages = [answer]
    while True:
        seen += names(answer)
        assert answer["total"] == len(expected)
        if answer["next"] is None:
            break
        answer = page(database, limit=limit, cursor=answer["next"], **filters)
        pages.append(answer)
    assert seen == expected
    back = [pages[-1]]
    while back[0]["previous"] is not None:
        back.insert(0, page(database, limit=limit, cursor=back[0]["previous"], **filters))
    assert [n for each in back for n in names(each)] == expected
    assert [each["from"] for each in back] == [each["from"] for each in pages]


def test_other_corpora_are_none_of_music(database, import_rows):
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    corpus = corpus_of(database)
    assert shower(corpus) is None
    with database.read() as connection:
        assert queue_condition(connection, corpus, "fail") is None
        assert "suggestions" in whole_item(connection, ids_of(database)["t"])
        with pytest.raises(InvalidInput):
            one_item(connection, ids_of(database)["t"])


def test_invalid_captions_and_those_of_other_systems_are_not_shown(database, ids):
    store_captions(database, "writing", {"0": ["Bad.", "Good."]})
    store_captions(database, "other:rival", {"0": "A rival's words."})
    change = update(suggestion).where(suggestion.c.value == "Bad.").values(validity="invalid")
    database.write(lambda c: c.execute(change) and None)
    rows = [row for row in rows_of(database, "Songs") if row.external_id == "0"]
    with database.read() as connection:
        (shown,) = show_captions(connection, corpus_of(database, "Songs"), rows)
        assert connection.execute(select(suggestion.c.pk)).all()
    assert shown["captions"]["writing"]["text"] == "Good." and "rival" not in str(shown)
