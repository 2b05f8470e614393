"""What a reviewer works through: pages of the queue, suggestions and their evidence, one item whole."""

import secrets

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from core.corpora.deleting import delete_items
from core.corpora.importing import import_file
from core.corpora.mapping import Mapping
from core.errors import InvalidInput, NotFound
from core.review.queue import CUT_AT, item_detail, progress, review_page, suggestions_of
from core.store.schema import STATUS_CODE, STATUSES, item, tag
from tests.conftest import write_jsonl
from tests.making import ANN, add_tags, corpus_of, decide, event, ids_of, rows_of, suggest

MAPPING = Mapping({"id": "id", "title": "title", "body": "body", "labels": "gold", "note": "keep", "link": "link"})


def page(database, corpus="Talks", **options):
    with database.read() as connection:
        return review_page(connection, corpus_of(database, corpus), **options)


def names(answer):
    return [entry["external_id"] for entry in answer["items"]]


@pytest.fixture
def ids(database, import_rows):
    rows = [{"id": str(n), "title": f"Talk {n}", "body": f"words {n}", "note": "kept"} for n in range(6)]
    rows[0] |= {"labels": ["goldensecret"], "link": "https://example.org/0"}
    import_rows(database, rows, mapping=MAPPING)
    return ids_of(database)


def test_an_entry_of_the_queue(database, ids):
    tags = add_tags(database, "bees", "ants", "moths")
    suggest(database, {"0": [(tags["bees"], 0.91234567), (tags["ants"], 0.2)]})
    decide(database, event(ids["0"], 0, "in_progress", [tags["bees"]], [tags["moths"]], action="edit"))
    answer = page(database, status="all")
    assert names(answer) == ["0", "1", "2", "3", "4", "5"]
    assert answer["counts"] == {"pending": 5, "in_progress": 1, "done": 0, "skipped": 0, "again": 0}
    assert answer["total"] == 6
    first = answer["items"][0]
    assert first["fields"] == [
        {"name": "title", "label": "Title", "kind": "title", "text": "Talk 0", "cut": False},
        {"name": "body", "label": "Text", "kind": "body", "text": "words 0", "cut": False},
    ]
    assert (first["link"], first["media"], first["title"]) == ("https://example.org/0", None, "Talk 0")
    assert first["state"]["status"] == "in_progress" and first["state"]["person"] == ANN
    assert first["names"] == {tags["bees"]: "bees", tags["moths"]: "moths"}
    assert [(s["name"], s["score"], s["rank"], s["agent"], s["method"]) for s in first["suggestions"]] == [
        ("bees", 0.9123, 1, "S", "selective"),
        ("ants", 0.2, 2, "S", "selective"),
    ]
    orjson.dumps(answer)


def test_gold_never_reaches_the_reviewer(database, ids):
    tags = add_tags(database, "goldensecret")
    suggest(database, {"1": [(tags["goldensecret"], 0.5)]})
    answer = page(database, status="all")
    assert b"goldensecret" not in orjson.dumps(answer["items"][0])
    assert b"gold" not in orjson.dumps(answer).replace(b"goldensecret", b"")
    with database.read() as connection:
        assert item_detail(connection, ids["0"])["gold"] == ["goldensecret"], "the drawer is not the review"


@settings(max_examples=15)
@given(
    codes=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=17),
    limit=st.integers(1, 5),
    status=st.sampled_from(["all", "pending", "done"]),
)
def test_pages_forth_and_back_show_each_item_once(host, tmp_path_factory, codes, limit, status):
    database, corpus = host.open("test"), secrets.token_hex(4)
    rows = [{"id": str(n), "title": f"Talk {n}"} for n in range(len(codes))]
    path = write_jsonl(tmp_path_factory.mktemp("queue") / "f.jsonl", rows)
    import_file(database, path, name="f", corpus_name=corpus, mapping=MAPPING, import_id=secrets.token_hex(6))
    ids = ids_of(database, corpus)
    for n, name in enumerate(codes):
        change = update(item).where(item.c.id == ids[str(n)]).values(status=STATUS_CODE[name])
        database.write(lambda c, change=change: c.execute(change) and None)
    expected = [str(n) for n, name in enumerate(codes) if status in ("all", name)]
    seen, answer = [], page(database, corpus, status=status, limit=limit)
    last = answer
    while True:
        seen += names(answer)
        if answer["next"] is None:
            break
        answer = page(database, corpus, status=status, limit=limit, cursor=answer["next"])
        last = answer if answer["items"] else last
    assert seen == expected
    back, answer = names(last), last
    while answer["previous"] is not None:
        answer = page(database, corpus, status=status, limit=limit, cursor=answer["previous"], direction="previous")
        back = names(answer) + back
    assert back == expected


def test_the_end_of_the_queue_from_behind(database, ids):
    assert names(page(database, direction="previous", limit=2)) == ["4", "5"]


def test_starting_at_an_item_whatever_its_status(database, ids):
    decide(database, event(ids["2"], 0, "done"), event(ids["3"], 0, "skipped", action="skip"))
    answer = page(database, start_at=ids["2"], limit=3)
    assert names(answer) == ["2", "4", "5"] and answer["next"] is None
    assert names(page(database, start_at=ids["2"], limit=1)) == ["2"]
    first = page(database, start_at=ids["2"], limit=2)
    assert names(first) == ["2", "4"]
    assert names(page(database, cursor=first["next"])) == ["5"]
    assert names(page(database, cursor=first["previous"], direction="previous")) == ["0", "1"]


def test_starting_at_an_item_that_is_gone(database, ids, import_rows):
    delete_items(database, [ids["2"]], ANN)
    assert names(page(database, start_at=ids["2"])) == ["0", "1", "3", "4", "5"]
    import_rows(database, [{"id": "s", "title": "Song"}], "Songs", mapping=MAPPING)
    assert names(page(database, start_at=ids_of(database, "Songs")["s"], limit=1)) == ["0"]
    with pytest.raises(NotFound):
        page(database, start_at="nonsense")


@pytest.mark.parametrize("wrong", [{"status": "nonsense"}, {"cursor": "x"}, {"cursor": "-1"}, {"cursor": "1" * 20}])
def test_unknown_queues_and_places_are_refused(database, ids, wrong):
    with pytest.raises(InvalidInput) as refused:
        page(database, **wrong)
    assert refused.value.remedy


def test_items_decided_meanwhile_shift_nothing(database, ids):
    first = page(database, limit=2)
    decide(database, event(ids["0"], 0), event(ids["1"], 0), event(ids["2"], 0))
    assert names(page(database, cursor=first["next"], limit=2)) == ["3", "4"]


def test_an_item_that_an_import_changed_shows_as_again(database, ids, import_rows):
    decide(database, event(ids["1"], 0, "done"))
    import_rows(database, [{"id": "1", "title": "New words"}], mapping=MAPPING)
    (entry,) = page(database, status="again")["items"]
    assert entry["state"]["status"] == "again" and entry["state"]["version"] == 1
    (answer,) = decide(database, event(ids["1"], 1, "done"))
    assert answer["ok"] and page(database, status="again")["items"] == []


def test_long_texts_are_cut_and_can_be_fetched_whole(database, import_rows):
    text = "日🐝" * CUT_AT
    import_rows(database, [{"id": "1", "title": "T", "body": text}], mapping=MAPPING)
    (entry,) = page(database)["items"]
    assert entry["fields"][1]["text"] == text[:CUT_AT] and entry["fields"][1]["cut"] is True
    with database.read() as connection:
        whole = item_detail(connection, entry["id"])
    assert whole["fields"][1]["text"] == text and whole["fields"][1]["cut"] is False


@given(before=st.text(alphabet="a🐝é日𝔘\u0301 ", max_size=8), match=st.text(alphabet="bee🐝日", min_size=1, max_size=4))
@settings(max_examples=20)
def test_offsets_of_evidence_are_counted_as_browsers_count(host, tmp_path_factory, before, match):
    database, corpus = host.open("test"), secrets.token_hex(4)
    body = f"x{before}{match} after 🐝"
    path = write_jsonl(tmp_path_factory.mktemp("e") / "f.jsonl", [{"id": "1", "title": "T", "body": body}])
    import_file(database, path, name="f", corpus_name=corpus, mapping=MAPPING, import_id=secrets.token_hex(6))
    start = 1 + len(before)
    evidence = {"field": "body", "start": start, "end": start + len(match), "match": match, "passage": match}
    tags = add_tags(database, "bees")
    suggest(database, {"1": [(tags["bees"], 0.5)]}, corpus, evidence=[evidence])
    (entry,) = page(database, corpus)["items"]
    (shown,) = entry["suggestions"][0]["evidence"]
    units = entry["fields"][1]["text"].encode("utf-16-le")
    assert units[2 * shown["start"] : 2 * shown["end"]].decode("utf-16-le") == match


def test_evidence_behind_the_cut_has_no_place(database, import_rows):
    import_rows(database, [{"id": "1", "title": "T", "body": "x" * CUT_AT + " bees"}], mapping=MAPPING)
    tags = add_tags(database, "bees")
    evidence = [
        {"field": "body", "start": CUT_AT + 1, "end": CUT_AT + 5, "match": "bees", "passage": "x bees"},
        {"field": "gone", "start": 3, "end": 5, "match": "x", "passage": "x"},
    ]
    suggest(database, {"1": [(tags["bees"], 0.5)]}, evidence=evidence)
    (entry,) = page(database)["items"]
    assert [(e["start"], e["end"]) for e in entry["suggestions"][0]["evidence"]] == [(0, 0), (0, 0)]
    with database.read() as connection:
        whole = item_detail(connection, entry["id"])
    assert whole["suggestions"][0]["evidence"][0]["start"] == CUT_AT + 1


# suggestions of several runs


def said(database, external_id, corpus="Talks"):
    pk = next(row.pk for row in rows_of(database, corpus) if row.external_id == external_id)
    with database.read() as connection:
        return [(s["method"], s["name"], s["run"]) for s in suggestions_of(connection, [pk]).get(pk, [])]


def test_only_the_newest_run_of_each_method_is_shown(database, ids):
    tags = add_tags(database, "bees", "ants")
    bees, ants = tags["bees"], tags["ants"]
    old = suggest(database, {"0": [(bees, 0.9)], "1": [(bees, 0.8)]})
    free = suggest(database, {"0": [(ants, 0.7)]}, method="generative")
    new = suggest(database, {"0": [(ants, 0.6), (bees, 0.5)]})
    assert said(database, "0") == [
        ("generative", "ants", str(free)),
        ("selective", "ants", str(new)),
        ("selective", "bees", str(new)),
    ]
    assert said(database, "1") == [("selective", "bees", str(old))], "the newer run has not come to it yet"
    assert said(database, "2") == []


def test_a_newer_run_that_found_nothing_counts_too(database, ids):
    tags = add_tags(database, "bees")
    suggest(database, {"0": [(tags["bees"], 0.9)], "1": [(tags["bees"], 0.9)]})
    suggest(database, {"0": []})
    assert said(database, "0") == [], "with the new recipe nothing is suggested any more"
    assert [name for _, name, _ in said(database, "1")] == ["bees"]


def test_archived_tags_are_not_suggested(database, ids):
    tags = add_tags(database, "bees", "ants")
    suggest(database, {"0": [(tags["bees"], 0.9), (tags["ants"], 0.8)]})
    database.write(lambda c: c.execute(update(tag).where(tag.c.name == "bees").values(state="archived")) and None)
    assert [name for _, name, _ in said(database, "0")] == ["ants"]


# one item


def test_an_item_whole_with_its_history(database, ids):
    tags = add_tags(database, "bees")
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]))
    decide(database, event(ids["0"], 0, "skipped", action="skip"), person="bob")
    with database.read() as connection:
        detail = item_detail(connection, ids["0"])
        with pytest.raises(NotFound):
            item_detail(connection, "nonsense")
        assert progress(connection, corpus_of(database))["decisions"] == 1
    assert detail["corpus"]["name"] == "Talks" and detail["deleted"] is False
    assert detail["kept"] == [{"name": "note", "text": "kept"}]
    assert [(h["person"], h["action"], h["applied"], h["summary"]) for h in detail["history"]] == [
        ("bob", "skip", False, "0 accepted, 0 rejected, skipped"),
        (ANN, "accept", True, "1 accepted, 0 rejected, done"),
    ]
    orjson.dumps(detail)


def test_a_deleted_item_can_still_be_looked_at(database, ids):
    delete_items(database, [ids["0"]], ANN)
    with database.read() as connection:
        assert item_detail(connection, ids["0"])["deleted"] is True
