"""Decisions on captions and answers about pairs of them: events on boxes, and the projection that follows from them."""

import copy
import uuid

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from core.captions.styles import STYLES as CAPTION_STYLES
from core.captions.styles import field_of
from core.corpora.mapping import Mapping
from core.errors import InvalidInput
from core.review.boxes import (
    LONGEST_TEXT,
    MOST_TAKEN,
    SIDES,
    STYLES,
    flipped,
    merge_answers,
    own_answers,
    pair_of,
    parse_answers,
    parse_boxes,
)
from core.review.decisions import State, load_states, rebuild
from core.review.events import FIELDS
from core.review.queue import history, item_detail
from core.store.schema import STATUS_CODE, STATUSES, current, decision, item, suggestion
from tests.making import ANN, add_tags, corpus_of, count, decide, event, ids_of, rows_of, suggest

MAPPING = Mapping({"id": "id", "title": "title", "tags": "given"})
PAIR = "reference|writing"


@pytest.fixture
def ids(database, import_rows):
    rows = [{"id": str(n), "title": f"Song {n}", "tags": "piano, calm"} for n in range(3)]
    import_rows(database, rows, "Songs", mapping=MAPPING, kind="music")
    return ids_of(database, "Songs")


@pytest.fixture
def captions(database, ids):
    """(external id, style) → the id of a caption."""
    rows = {row.external_id: row.pk for row in rows_of(database, "Songs")}
    made = {}

    def write(connection):
        for name, pk in rows.items():
            for style in STYLES:
                values = {"item": pk, "field": field_of(style), "value": f"{style} of {name}", "run": 1, "score": 1.0}
                more = {"rank": 1, "evidence": "[]", "validity": "valid"}
                key = connection.execute(insert(suggestion).values(**values, **more)).inserted_primary_key
                made[name, style] = str(key[0])

    database.write(write)
    return made


def box(text="A calm piano.", **more):
    return {"text": text, "stars": None, "valid": None, "suggestion": None, "taken": [], **more}


def caption_event(item_id, version, status="done", boxes=None, action="accept", **more):
    after = {"status": status} if boxes is None else {"status": status, "boxes": boxes}
    return {**event(item_id, version, action=action, **more), "field": "captions", "after": after}


def answer_event(item_id, more_true="left", less_false="same", pair=PAIR, **more):
    boxes = {pair: {"more_true": more_true, "less_false": less_false, "seen": "r.12"}}
    return {**event(item_id, 0, **more), "field": "comparison", "after": {"status": "done", "boxes": boxes}}


def undo_event(item_id, version, undoes, field="captions", before=None):
    after = before or {"status": "pending", "boxes": {}}
    return {**event(item_id, version, action="undo", undoes=undoes), "field": field, "after": after}


def states(database, field="captions"):
    rows = rows_of(database, "Songs")
    with database.read() as connection:
        found = load_states(connection, {row.pk: row.status for row in rows}, field)
    return {row.external_id: found[row.pk] for row in rows}


def past(database, person=ANN, **more):
    with database.read() as connection:
        return history(connection, person, **more)["events"]


def check_projection(database):
    """Everything stored equals what follows from the events alone, and the status follows the captions."""
    with database.read() as connection:
        stored = {(row.item, row.field): row for row in connection.execute(select(current))}
        for row in connection.execute(select(item)).all():
            for field in ("captions", "comparison"):
                expected, have = rebuild(connection, row.pk, field), stored.get((row.pk, field))
                if have is None:
                    assert expected == State(boxes={})
                    continue
                assert (have.status, have.version, have.person) == (expected.status, expected.version, expected.person)
                assert orjson.loads(have.boxes) == expected.boxes
                assert (have.accepted, have.rejected, have.dropped) == ("[]", "[]", "[]")
            captions = stored.get((row.pk, "captions"))
            wanted = STATUS_CODE[captions.status if captions else "pending"]
            assert row.status in (wanted, STATUS_CODE["again"])


def test_the_boxes_are_the_styles():
    assert STYLES == CAPTION_STYLES and FIELDS == ("tags", "captions", "comparison")


def test_captions_are_accepted_rated_and_taken_back(database, ids, captions):
    written = box("Calm piano.", suggestion=captions["0", "writing"])
    guessed = box("Perhaps pads.", taken=["warm  pads", "warm pads", " "])
    kept = {**guessed, "taken": ["warm pads"]}
    first = caption_event(ids["0"], 0, boxes={"attribute_prediction": guessed, "writing": written})
    (answer,) = decide(database, first)
    assert answer["ok"] and answer["version"] == 1 and answer["tags"] == {}
    assert answer["state"]["boxes"] == {"writing": written, "attribute_prediction": kept}
    assert list(answer["state"]["boxes"]) == ["writing", "attribute_prediction"], "always in the order of the styles"
    assert decide(database, first, copy.deepcopy(first)) == [answer, answer] and count(database, decision) == 1
    rated = {"writing": {**written, "stars": 4, "valid": True}}
    (second,) = decide(database, caption_event(ids["0"], 1, boxes=rated, action="edit"))
    assert second["state"]["boxes"] == rated
    (third,) = decide(database, caption_event(ids["0"], 2, "skipped", action="skip"))
    assert third["state"]["boxes"] == rated, "an event that says nothing of boxes leaves them as they are"
    assert states(database)["0"].status == "skipped" and rows_of(database, "Songs")[0].status == STATUS_CODE["skipped"]
    check_projection(database)
    newest, middle, oldest = past(database)
    assert [e["field"] for e in (newest, middle, oldest)] == ["captions"] * 3
    assert oldest["before"] == {"status": "pending", "boxes": {}} and middle["after"]["boxes"] == rated
    assert middle["summary"] == "Writing 4 stars, Writing valid, Attribute prediction open again"
    assert oldest["summary"] == "Writing decided, Attribute prediction decided, took “warm pads”, done"
    assert newest["summary"] == "skipped" and newest["names"] == {}
    for version, entry in ((3, newest), (4, middle), (5, oldest)):
        (answer,) = decide(database, undo_event(ids["0"], version, entry["uuid"], before=entry["before"]))
        assert answer["ok"]
        check_projection(database)
    assert answer["state"]["status"] == "pending" and answer["state"]["boxes"] == {}
    assert past(database) == [] and count(database, decision) == 6
    with database.read() as connection:
        words = [each["summary"] for each in item_detail(connection, ids["0"])["history"]]
    assert words[0] == "Writing open again, Attribute prediction open again, pending" and len(words) == 6


def test_two_people_at_the_same_captions(database, ids):
    decide(database, caption_event(ids["0"], 0, boxes={"summary": box("Ann's")}))
    late = caption_event(ids["0"], 0, boxes={"summary": box("Bob's")})
    follow = caption_event(ids["0"], 1, boxes={"summary": box("Bob's second")})
    answers = decide(database, late, follow, answer_event(ids["0"]), person="bob")
    assert [a["ok"] for a in answers] == [False, False, True], "what was built on a lost decision is lost, too"
    assert answers[0]["conflict"] and answers[0]["by"] == ANN
    assert answers[0]["state"]["boxes"]["summary"]["text"] == "Ann's"
    with database.read() as connection:
        kept = connection.execute(select(decision).where(decision.c.uuid == late["uuid"])).one()
    assert kept.applied == 0 and orjson.loads(kept.after)["boxes"]["summary"]["text"] == "Bob's"
    check_projection(database)
    (entry,) = past(database)
    (stolen,) = decide(database, undo_event(ids["0"], 1, entry["uuid"]), person="bob")
    assert not stolen["ok"] and "yours" in stolen["message"]
    (mixed,) = decide(database, undo_event(ids["0"], 1, entry["uuid"], field="comparison"))
    assert not mixed["ok"], "an undo is of the field of what it undoes"


def test_each_corpus_has_its_own_fields(database, ids, import_rows):
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    talk = ids_of(database, "Talks")["t"]
    tags = add_tags(database, "bees")
    answers = decide(
        database,
        event(ids["0"], 0, "done", [tags["bees"]]),
        caption_event(talk, 0, boxes={"writing": box()}),
        answer_event(talk),
        {**event(talk, 0), "after": {"status": "done", "boxes": {}}},
        {**caption_event(ids["0"], 0, boxes={}), "after": {"status": "done", "accepted": [tags["bees"]]}},
        event(talk, 0, "done", [tags["bees"]]),
        caption_event(ids["0"], 0, boxes={"writing": box()}),
    )
    assert [a["ok"] for a in answers] == [False] * 5 + [True, True]
    assert all(a["message"] and a["remedy"] for a in answers[:5])
    assert "boxes" not in answers[5]["state"] and count(database, decision) == 2
    both = past(database)
    assert [e["field"] for e in both] == ["captions", "tags"] and "boxes" not in both[1]["after"]
    assert [e["field"] for e in past(database, fields=("tags",))] == ["tags"]


def test_a_caption_comes_from_its_item_and_style(database, ids, captions):
    wrong = [captions["1", "writing"], captions["0", "summary"], "999999", "0"]
    for number in wrong:
        (answer,) = decide(database, caption_event(ids["0"], 0, boxes={"writing": box(suggestion=number)}))
        assert not answer["ok"] and answer["message"], number
    assert count(database, decision) == 0
    assert decide(database, caption_event(ids["0"], 0, boxes={"writing": box(suggestion=captions["0", "writing"])}))[0][
        "ok"
    ]


MALFORMED_BOXES = [
    [],
    "x",
    {"poem": box()},
    {"writing": None},
    {"writing": "text"},
    {"writing": {}},
    {"writing": box(None)},
    {"writing": box("x" * (LONGEST_TEXT + 1))},
    {"writing": box(stars=0)},
    {"writing": box(stars=6)},
    {"writing": box(stars=True)},
    {"writing": box(stars=4.0)},
    {"writing": box(stars="4")},
    {"writing": box(valid=1)},
    {"writing": box(valid="yes")},
    {"writing": box(suggestion=5)},
    {"writing": box(suggestion="²")},
    {"writing": box(suggestion="-1")},
    {"writing": box(suggestion="1" * 16)},
    {"writing": box(taken=["pads"])},
    {"attribute_prediction": box(taken="pads")},
    {"attribute_prediction": box(taken=[1])},
    {"attribute_prediction": box(taken=["x" * 201])},
    {"attribute_prediction": box(taken=["x"] * (MOST_TAKEN + 1))},
]
MALFORMED_ANSWERS = [
    [],
    {"writing": {"more_true": "left", "less_false": "left"}},
    {"writing|reference": {"more_true": "left", "less_false": "left"}},
    {"writing|writing": {"more_true": "left", "less_false": "left"}},
    {PAIR: "left"},
    {PAIR: {"more_true": "left"}},
    {PAIR: {"more_true": "a", "less_false": "left"}},
    {PAIR: {"more_true": ["left"], "less_false": "left"}},
    {PAIR: {"more_true": "left", "less_false": "left", "seen": "<b>"}},
    {PAIR: {"more_true": "left", "less_false": "left", "seen": 5}},
    {f"other:a{n}|writing": {"more_true": "left", "less_false": "left"} for n in range(21)},
]


def test_malformed_boxes_are_refused():
    for wrong in MALFORMED_BOXES:
        with pytest.raises(InvalidInput) as refused:
            parse_boxes(wrong)
        assert refused.value.remedy, wrong
    for wrong in MALFORMED_ANSWERS:
        with pytest.raises(InvalidInput) as refused:
            parse_answers(wrong)
        assert refused.value.remedy, wrong
    odd = parse_boxes({"attribute_prediction": {"text": " a\0b ", "taken": ["\0", "x\0"], "more": 1}})
    assert odd == {"attribute_prediction": box("ab", taken=["x"])}


def test_a_malformed_box_costs_only_its_event(database, ids):
    events = [caption_event(ids["0"], 0, boxes={"writing": box(stars=9)}), caption_event(ids["1"], 0, boxes={})]
    events.append({**answer_event(ids["0"]), "after": {"status": "done", "boxes": {"x|": {}}}})
    assert [a["ok"] for a in decide(database, *events)] == [False, True, False]
    check_projection(database)


# answers about pairs


def test_what_people_say_of_a_pair_stands_side_by_side(database, ids):
    first = answer_event(ids["0"], "left", "right")
    (ann,) = decide(database, first)
    assert ann["ok"] and ann["state"]["boxes"] == {PAIR: {"more_true": "left", "less_false": "right"}}
    (bob,) = decide(database, answer_event(ids["0"], "same", "same"), person="bob")
    assert bob["ok"] and bob["version"] == 2, "whatever version they saw, nobody is in another one's way"
    assert bob["state"]["boxes"] == {PAIR: {"more_true": "same", "less_false": "same"}}, "of others they learn nothing"
    assert decide(database, first)[0]["state"]["boxes"] == ann["state"]["boxes"]
    stored = states(database, "comparison")["0"]
    turned = flipped(ids["0"], ANN, PAIR)
    assert stored.boxes[PAIR][ANN] == {
        "more_true": "b" if turned else "a",
        "less_false": "a" if turned else "b",
        "flipped": turned,
        "seen": "r.12",
    }
    assert set(stored.boxes[PAIR]) == {ANN, "bob"} and states(database)["0"].status == "pending"
    assert rows_of(database, "Songs")[0].status == 0, "comparing is no review of the item"
    assert past(database) == [], "u in the review does not take back a comparison"
    (entry,) = past(database, fields=("comparison",))
    assert "boxes" not in entry["after"] and entry["summary"] == "compared Reference with Writing"
    changed = answer_event(ids["0"], "right", "right")
    decide(database, changed)
    (back,) = decide(database, undo_event(ids["0"], 0, changed["uuid"], "comparison"))
    assert back["state"]["boxes"] == ann["state"]["boxes"], "an undo brings back what was said before"
    (gone,) = decide(database, undo_event(ids["0"], 0, first["uuid"], "comparison"))
    assert gone["state"]["boxes"] == {} and set(states(database, "comparison")["0"].boxes[PAIR]) == {"bob"}
    check_projection(database)


def test_pairs_have_one_name_and_sides_by_chance():
    assert pair_of("writing", "reference") == pair_of("reference", "writing") == PAIR
    for one, other in (("writing", "writing"), ("", "writing"), ("other:a|b", "writing"), ("Writing", "summary")):
        with pytest.raises(InvalidInput):
            pair_of(one, other)
    turned = [flipped(f"{n}-ab", ANN, PAIR) for n in range(400)]
    assert 150 < sum(turned) < 250, "about half are turned"
    assert turned == [flipped(f"{n}-ab", ANN, PAIR) for n in range(400)]
    assert turned != [flipped(f"{n}-ab", "bob", PAIR) for n in range(400)]


@given(st.text(min_size=1, max_size=8), st.sampled_from(SIDES), st.sampled_from(SIDES))
def test_an_answer_comes_back_as_it_was_given(item_id, more_true, less_false):
    answers = {PAIR: {"more_true": more_true, "less_false": less_false, "seen": ""}}
    stored = merge_answers({}, answers, item_id, ANN)
    assert own_answers(stored, ANN) == {PAIR: {"more_true": more_true, "less_false": less_false}}
    assert own_answers(stored, "bob") == {}


steps = st.tuples(
    st.sampled_from(["decide", "stale", "repeat", "undo", "import", "compare", "undo comparison"]),
    st.sampled_from(["ann", "bob"]),
    st.integers(0, 1),
    st.sampled_from(STATUSES),
    st.dictionaries(
        st.sampled_from(STYLES),
        st.fixed_dictionaries(
            {"text": st.text(max_size=6)},
            optional={"stars": st.none() | st.integers(1, 5), "valid": st.none() | st.booleans()},
        ),
    )
    | st.none(),
    st.sampled_from(SIDES),
)


@settings(max_examples=20)
@given(st.lists(steps, min_size=1, max_size=12))
def test_the_projection_always_follows_from_the_events(database, ids, steps):
    """Two people and an import, in any order, on captions and comparisons."""

    def clean(connection):
        for table in (decision, current):
            connection.execute(delete(table))
        connection.execute(update(item).values(status=0))

    database.write(clean)
    sent = []
    for kind, person, number, status, boxes, side in steps:
        row = rows_of(database, "Songs")[number]
        before = states(database)[str(number)]
        if kind == "import" and row.status == STATUS_CODE["done"]:
            again = update(item).where(item.c.pk == row.pk).values(status=STATUS_CODE["again"])
            database.write(lambda c, again=again: c.execute(again) and None)
            assert states(database)[str(number)].status == "again"
        elif kind == "repeat" and sent:
            made, author = sent[number % len(sent)]
            stored = count(database, decision)
            decide(database, made, person=author)
            assert count(database, decision) == stored
        elif kind.startswith("undo"):
            field = "comparison" if kind == "undo comparison" else "captions"
            entries = past(database, person, fields=(field,))
            if entries:
                entry = entries[0]
                place = next(name for name, i in ids.items() if i == entry["item"])
                version = states(database)[place].version
                back = undo_event(entry["item"], version, entry["uuid"], field, entry["before"])
                assert decide(database, back, person=person)[0]["ok"]
        elif kind == "compare":
            made = answer_event(row.id, side)
            (answer,) = decide(database, made, person=person)
            assert answer["state"]["boxes"][PAIR]["more_true"] == side
            sent.append((made, person))
        elif kind in ("decide", "stale"):
            made = caption_event(row.id, before.version - (kind == "stale"), status, boxes)
            (answer,) = decide(database, made, person=person)
            assert answer["ok"] == (kind != "stale")
            if answer["ok"]:
                wanted = before.boxes if boxes is None else parse_boxes(boxes)
                assert answer["state"]["boxes"] == wanted
            sent.append((made, person))
        check_projection(database)


def test_tags_and_captions_do_not_touch_each_other(database, ids, import_rows):
    """Suggestions of tags on another corpus, decided in the same request as captions here."""
    import_rows(database, [{"id": "t", "title": "A talk"}], "Talks")
    tags = add_tags(database, "bees")
    suggest(database, {"t": [(tags["bees"], 0.9)]})
    talk = ids_of(database)["t"]
    decide(database, event(talk, 0, "done", [tags["bees"]]), caption_event(ids["0"], 0, boxes={"summary": box()}))
    assert states(database)["0"].boxes["summary"]["text"] == "A calm piano."
    assert corpus_of(database, "Songs").kind == "music"
    assert str(uuid.UUID(past(database)[0]["uuid"])) == past(database)[0]["uuid"]
