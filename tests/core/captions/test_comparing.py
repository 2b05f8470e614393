"""A versus B: pairs that tell nobody which is which, and the table of what people said."""

import pytest

from core.captions.comparing import FEWEST_ITEMS, pairs, results, systems
from core.errors import InvalidInput
from core.review.boxes import flipped
from tests.captioning import import_songs, song, store_captions
from tests.making import ANN, corpus_of, decide, event, rows_of

SONGS = 14
PAIR = "reference|writing"


@pytest.fixture
def ids(database, import_rows):
    rows = [song(str(n), caption=f"A person's words {n}.") for n in range(SONGS)]
    del rows[0]["caption"]
    made = import_songs(import_rows, database, rows)
    said = {str(n): f"A machine's words {n}." for n in range(SONGS)}
    said["1"] = "A person's  words 1."  # the same words: nothing to choose between
    store_captions(database, "writing", {**said, "2": "An old text."})
    store_captions(database, "writing", {"2": said["2"], "3": [said["3"], "A worse candidate."]})
    store_captions(database, "summary", {"2": "Short.", "3": None})
    store_captions(database, "other:rival", {"2": "A rival's words."})
    return made


def asked(database, a="writing", b="reference", person=ANN, **more):
    with database.read() as connection:
        return pairs(connection, corpus_of(database, "Songs"), person, a, b, **more)


def table(database):
    with database.read() as connection:
        return results(connection, corpus_of(database, "Songs"))


def say(database, pair, more_true, less_false="same", person=ANN, name=PAIR):
    answer = {"more_true": more_true, "less_false": less_false, "seen": pair["seen"]}
    made = {**event(pair["item"], 0), "field": "comparison", "after": {"status": "done", "boxes": {name: answer}}}
    (result,) = decide(database, made, person=person)
    assert result["ok"], result
    return made


def machine_side(pair):
    return "left" if "machine" in pair["left"] else "right"


def test_what_can_be_compared(database, ids):
    with database.read() as connection:
        found = systems(connection, corpus_of(database, "Songs"))
    assert [(each["name"], each["title"], each["items"]) for each in found] == [
        ("writing", "Writing", SONGS),
        ("summary", "Summary", 1),
        ("other:rival", "rival", 1),
        ("reference", "Reference", SONGS),
    ]


def test_pairs_are_blind_and_in_an_order_of_ones_own(database, ids):
    answer = asked(database, limit=50)
    assert answer["pair"] == PAIR and asked(database, "reference", "writing", limit=50) == answer
    shown = answer["pairs"]
    assert {pair["external_id"] for pair in shown} == {str(n) for n in range(2, SONGS)}, (
        "0 and 1 have nothing to choose"
    )
    numbers = {row.id: row.external_id for row in rows_of(database, "Songs")}
    for pair in shown:
        n = numbers[pair["item"]]
        texts = [f"A person's words {n}.", f"A machine's words {n}."]
        assert [pair["left"], pair["right"]] == (texts[::-1] if flipped(pair["item"], ANN, PAIR) else texts)
        assert pair["mine"] is None and pair["seen"].startswith("r.") and pair["tags"]["present"]
        assert set(pair) == {
            *("item", "position", "external_id", "title", "names", "tags", "player"),
            *("left", "right", "seen", "mine"),
        }, "nothing that would tell which is which"
    assert len({machine_side(pair) for pair in shown}) == 2, "by chance at either side"
    bob = asked(database, person="bob", limit=50)["pairs"]
    assert [p["item"] for p in bob] != [p["item"] for p in shown]
    assert {p["item"]: machine_side(p) for p in bob} != {p["item"]: machine_side(p) for p in shown}
    (rival,) = asked(database, "other:rival", "summary")["pairs"]
    assert {rival["left"], rival["right"]} == {"Short.", "A rival's words."}
    assert len(asked(database, limit=3)["pairs"]) == 3
    for a, b in (("writing", "writing"), ("paraphrase", "writing"), ("other:none", "writing"), ("", "writing")):
        with pytest.raises(InvalidInput):
            asked(database, a, b)


def test_what_was_answered_is_not_asked_again(database, ids):
    first = asked(database)["pairs"][0]
    made = say(database, first, "left", "right")
    after = asked(database, limit=50)
    assert first["item"] not in [p["item"] for p in after["pairs"]]
    assert (after["rated"], after["left_to_rate"]) == (1, SONGS - 1)
    mine = {p["item"]: p["mine"] for p in asked(database, limit=50, rated=True)["pairs"]}
    assert mine.pop(first["item"]) == {"more_true": "left", "less_false": "right"} and not any(mine.values())
    assert first["item"] in [p["item"] for p in asked(database, person="bob", limit=50)["pairs"]]
    back = {**made, "uuid": event("", 0)["uuid"], "action": "undo", "undoes": made["uuid"]}
    assert decide(database, back)[0]["ok"]
    assert asked(database)["rated"] == 0 and table(database)["ratings"] == 0


def test_the_table(database, ids):
    assert table(database)["rows"] == [] and table(database)["ratings"] == 0
    shown = asked(database, limit=50)["pairs"]
    for place, pair in enumerate(shown):  # the machine wins all but two, of which one is a tie
        side = machine_side(pair)
        other = {"left": "right", "right": "left"}[side]
        say(database, pair, side if place > 1 else ("same" if place else other), "same")
    bobs = next(p for p in asked(database, person="bob", limit=50)["pairs"] if p["item"] == shown[0]["item"])
    say(database, bobs, machine_side(bobs), machine_side(bobs), person="bob")
    found = table(database)
    n = len(shown) + 1
    assert (found["ratings"], found["people"]) == (n, 2)
    rows = {row["question"]: row for row in found["rows"]}
    true = rows["more_true"]
    assert (true["a"], true["b"], true["a_title"], true["b_title"]) == ("reference", "writing", "Reference", "Writing")
    assert (true["wins_a"], true["ties"], true["wins_b"]) == (1, 1, n - 2)
    assert (true["ratings"], true["people"], true["items"]) == (n, 2, len(shown)) and len(shown) >= FEWEST_ITEMS
    assert true["share_a"] == pytest.approx(1.5 / n, abs=1e-4)
    low, high = true["interval"]
    assert 0 <= low < true["share_a"] < high < 0.5
    assert (rows["less_false"]["ties"], rows["less_false"]["wins_b"]) == (n - 1, 1)
    totals = {(each["system"], each["question"]): each for each in found["totals"]}
    writing, reference = totals["writing", "more_true"], totals["reference", "more_true"]
    assert (writing["wins"], writing["ties"], writing["losses"]) == (n - 2, 1, 1)
    assert writing["share"] + reference["share"] == pytest.approx(1, abs=2e-4)


def test_few_items_have_no_interval_and_unknown_systems_no_row(database, ids):
    pair = asked(database)["pairs"][0]
    say(database, pair, "left")
    say(database, pair, "left", name="other:invented|writing")
    found = table(database)
    assert [row["interval"] for row in found["rows"]] == [None, None] and found["ratings"] == 1
