"""Decisions: what is applied, what is kept as not applied, and that the projection always follows from the events."""

import copy
import secrets
import uuid

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from core.errors import InvalidInput
from core.review.decisions import MOST_EVENTS, State, load_states, mapped_tags, rebuild, record
from core.review.events import ACTIONS, MOST_TAGS, SHOWN_BYTES
from core.review.queue import history
from core.store.projects import Host
from core.store.schema import STATUS_CODE, STATUSES, current, decision, item, item_tag, tag, tag_alias, tag_revision
from core.vocabulary.store import add_alias
from tests.making import ANN, add_tags, count, decide, event, ids_of, merge_tags, rows_of

TAGS = ("bees", "ants", "moths")


@pytest.fixture
def ids(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(4)])
    return ids_of(database)


@pytest.fixture
def tags(database):
    return add_tags(database, *TAGS)


def states(database):
    """external id → State as the page would get it."""
    rows = rows_of(database)
    with database.read() as connection:
        found = load_states(connection, {row.pk: row.status for row in rows})
    return {row.external_id: found[row.pk] for row in rows}


def check_projection(database):
    """Everything derived equals what follows from the events alone."""
    with database.read() as connection:
        rows = connection.execute(select(item)).all()
        stored = {row.item: row for row in connection.execute(select(current))}
        tagged = {}
        for pk, tag_id in connection.execute(select(item_tag.c.item, item_tag.c.tag)):
            tagged.setdefault(pk, set()).add(tag_id)
        for row in rows:
            expected, have = rebuild(connection, row.pk), stored.get(row.pk)
            if have is None:
                assert expected == State()
                assert STATUSES[row.status] == "pending" or row.status == STATUS_CODE["again"]
            else:
                assert (have.status, have.version, have.person) == (expected.status, expected.version, expected.person)
                assert tuple(orjson.loads(have.accepted)) == expected.accepted
                assert tuple(orjson.loads(have.rejected)) == expected.rejected
                assert have.at == pytest.approx(expected.at, abs=1)
                assert row.status in (STATUS_CODE[expected.status], STATUS_CODE["again"])
                assert not set(expected.accepted) & set(expected.rejected)
            assert tagged.get(row.pk, set()) == set(expected.accepted)


def test_a_decision_is_applied_and_answered(database, ids, tags):
    (answer,) = decide(database, event(ids["0"], 0, "done", [tags["bees"]], [tags["ants"]]))
    assert answer["ok"] is True and answer["version"] == 1 and answer["tags"] == {}
    state = answer["state"]
    assert (state["status"], state["version"], state["person"]) == ("done", 1, ANN)
    assert (state["accepted"], state["rejected"]) == ([tags["bees"]], [tags["ants"]])
    assert state["at"].endswith("Z")
    assert states(database)["0"].as_dict() == state
    check_projection(database)
    with database.read() as connection:
        stored = connection.execute(select(decision)).one()
    assert orjson.loads(stored.before) == {"status": "pending", "accepted": [], "rejected": [], "dropped": []}
    assert (stored.applied, stored.blind, stored.milliseconds, stored.base_version) == (1, 0, 1500, 0)
    assert orjson.loads(stored.shown) == {"queue": "pending"} and stored.client_time == "2026-11-20T10:00:00Z"
    assert stored.vocabulary_revision == 3, "three tags had been added"


def test_what_was_shown_and_whether_blind_is_kept(database, ids):
    shown = {"queue": "all", "runs": ["1"], "suggestions": [["1", "S", 0.5]], "order": "shuffled", "naïve": "日本"}
    decide(database, event(ids["0"], 0, shown=shown, blind=True, ms=None))
    with database.read() as connection:
        stored = connection.execute(select(decision)).one()
    assert orjson.loads(stored.shown) == shown and stored.blind == 1 and stored.milliseconds is None


def test_decisions_of_one_request_build_on_each_other(database, ids, tags):
    answers = decide(
        database,
        event(ids["0"], 0, "in_progress", [tags["bees"]], action="edit"),
        event(ids["0"], 1, "in_progress", [tags["bees"], tags["ants"]], action="edit"),
        event(ids["1"], 0, "skipped", action="skip"),
        event(ids["0"], 2, "done", [tags["ants"]], [tags["bees"]]),
    )
    assert [a["ok"] for a in answers] == [True] * 4
    assert [a["version"] for a in answers] == [1, 2, 1, 3]
    assert states(database)["0"].accepted == (int(tags["ants"]),)
    with database.read() as connection:
        befores = [orjson.loads(b)["accepted"] for b in connection.execute(select(decision.c.before)).scalars()]
    assert befores == [[], [int(tags["bees"])], [], [int(tags["bees"]), int(tags["ants"])]]
    check_projection(database)


def test_the_same_event_again_changes_nothing_and_answers_the_same(database, ids, tags):
    first = event(ids["0"], 0, "done", [tags["bees"]])
    (answer,) = decide(database, first)
    assert decide(database, first) == [answer]
    assert decide(database, first, copy.deepcopy(first)) == [answer, answer]
    assert count(database, decision) == 1
    twice = event(ids["1"], 0, "done")
    answers = decide(database, twice, copy.deepcopy(twice))
    assert [a["ok"] for a in answers] == [True, True] and answers[0]["version"] == answers[1]["version"] == 1
    assert count(database, decision) == 2
    check_projection(database)


def test_a_repeated_event_answers_with_the_state_of_now(database, ids):
    first = event(ids["0"], 0, "done")
    decide(database, first, event(ids["0"], 1, "skipped", action="skip"))
    (again,) = decide(database, first)
    assert again["ok"] and again["version"] == 1 and again["state"]["status"] == "skipped"
    assert count(database, decision) == 2


def test_a_repetition_with_another_content_stores_nothing(database, ids, tags):
    first = event(ids["0"], 0, "done", [tags["bees"]])
    decide(database, first)
    changed = first | {
        "after": {"status": "skipped", "accepted": ["c1"], "rejected": []},
        "item": ids["1"],
        "new_tags": [{"id": "c1", "name": "smuggled"}],
    }
    (answer,) = decide(database, changed, person="bob")
    assert answer["ok"] and answer["state"]["status"] == "done"
    assert states(database)["1"].version == 0
    assert count(database, tag) == 3 and count(database, decision) == 1


def test_an_old_version_is_a_conflict_that_is_kept_but_not_applied(database, ids, tags):
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]), person="ann")
    late = event(ids["0"], 0, "done", [tags["ants"]])
    (answer,) = decide(database, late, person="bob")
    assert answer["ok"] is False and answer["conflict"] is True
    assert answer["by"] == "ann" and answer["at"] == answer["state"]["at"]
    assert answer["state"]["accepted"] == [tags["bees"]] and answer["state"]["version"] == 1
    assert decide(database, late, person="bob") == [answer], "asked again, the answer is the same"
    assert states(database)["0"].accepted == (int(tags["bees"]),)
    with database.read() as connection:
        kept = connection.execute(select(decision).where(decision.c.uuid == late["uuid"])).one()
    assert kept.applied == 0 and orjson.loads(kept.after)["accepted"] == [tags["ants"]] and kept.person == "bob"
    check_projection(database)


def test_a_version_from_the_future_is_a_conflict(database, ids):
    (answer,) = decide(database, event(ids["0"], 7))
    assert answer["conflict"] and answer["state"]["version"] == 0 and answer["by"] is None
    check_projection(database)


def test_what_follows_a_conflict_in_the_same_request_overwrites_nobody(database, ids, tags):
    """Bob decided twice on top of each other, before he knew of Ann: the second must not fit by chance."""
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]), person="ann")
    answers = decide(
        database,
        event(ids["0"], 0, "in_progress", [tags["ants"]], action="edit"),
        event(ids["0"], 1, "done", [tags["ants"]]),
        event(ids["1"], 0, "done", [tags["ants"]]),
        person="bob",
    )
    assert [a["ok"] for a in answers] == [False, False, True]
    assert answers[1]["conflict"] and answers[1]["by"] == "ann"
    assert states(database)["0"].accepted == (int(tags["bees"]),)
    check_projection(database)


def test_unknown_items_and_tags_cost_only_their_event(database, ids, tags):
    forged = ids["0"][:-1] + ("0" if ids["0"][-1] != "0" else "1")
    answers = decide(
        database,
        event(ids["0"], 0, "done", [tags["bees"]]),
        event(forged, 0, "done"),
        event("nonsense", 0, "done"),
        event(ids["1"], 0, "done", ["999"]),
        event(ids["1"], 0, "done", ["²"]),
        event(ids["1"], 0, "done", ["-1"]),
        event(ids["1"], 0, "done", [], ["1" * 40]),
        event(ids["2"], 0, "done", [tags["ants"]]),
    )
    assert [a["ok"] for a in answers] == [True, *[False] * 6, True]
    for answer in answers[1:-1]:
        assert answer["error"] and answer["message"] and answer["remedy"] and "conflict" not in answer
    assert count(database, decision) == 2
    check_projection(database)


@pytest.mark.parametrize("first", ["right", "forged"])
def test_a_forged_id_does_not_shadow_the_item_it_resembles(database, ids, first):
    forged = ids["0"][:-1] + ("0" if ids["0"][-1] != "0" else "1")
    both = [event(ids["0"], 0), event(forged, 0)]
    answers = decide(database, *(both if first == "right" else both[::-1]))
    assert sorted(a["ok"] for a in answers) == [False, True]
    assert states(database)["0"].version == 1


def test_new_tags_are_made_once_and_named_to_the_client(database, ids, tags):
    made = event(
        ids["0"],
        0,
        "done",
        ["c-1", tags["bees"], "c-2"],
        new_tags=[{"id": "c-1", "name": " Fire   flies "}, {"id": "c-2", "name": "ANTS"}],
    )
    (answer,) = decide(database, made)
    assert answer["ok"] and set(answer["tags"]) == {"c-1", "c-2"}
    assert answer["tags"]["c-2"] == tags["ants"], "a name that exists is that tag"
    new = answer["tags"]["c-1"]
    assert answer["state"]["accepted"] == [new, tags["bees"], tags["ants"]]
    with database.read() as connection:
        assert connection.execute(select(tag.c.name).where(tag.c.id == int(new))).scalar() == "Fire flies"
    assert decide(database, made) == [answer] and count(database, tag) == 4
    (other,) = decide(
        database, event(ids["1"], 0, "done", ["x"], new_tags=[{"id": "x", "name": "fire flies"}]), person="bob"
    )
    assert other["tags"] == {"x": new} and count(database, tag) == 4
    check_projection(database)


def test_a_new_tag_that_is_an_alias_is_the_tag_itself(database, ids, tags):
    database.write(lambda c: add_alias(c, int(tags["bees"]), "honey bees", ANN))
    (answer,) = decide(database, event(ids["0"], 0, "done", ["x"], new_tags=[{"id": "x", "name": "Honey Bees"}]))
    assert answer["tags"] == {"x": tags["bees"]} and answer["state"]["accepted"] == [tags["bees"]]


def test_a_new_tag_without_a_usable_name_costs_only_its_event(database, ids, tags):
    answers = decide(
        database,
        event(ids["0"], 0, "done", ["x"], new_tags=[{"id": "x", "name": "  \u200b "}]),
        event(ids["0"], 0, "done", ["x"], new_tags=[{"id": "x", "name": "good"}, {"id": "y", "name": "n" * 200}]),
        event(ids["1"], 0, "done", [tags["bees"]]),
    )
    assert [a["ok"] for a in answers] == [False, False, True]
    assert count(database, tag) == 3, "nothing of a refused event is stored"
    assert count(database, tag_alias) == 0 and count(database, tag_revision) == 3


def test_a_conflict_makes_no_tags(database, ids):
    decide(database, event(ids["0"], 0))
    (answer,) = decide(database, event(ids["0"], 0, "done", ["x"], new_tags=[{"id": "x", "name": "late"}]))
    assert answer["conflict"] and count(database, tag) == 0


def test_a_tag_is_accepted_or_rejected_never_both(database, ids, tags):
    bees, ants = tags["bees"], tags["ants"]
    (answer,) = decide(database, event(ids["0"], 0, "done", [bees, bees, ants], [ants, bees]))
    assert answer["state"]["accepted"] == [bees, ants] and answer["state"]["rejected"] == []
    check_projection(database)


def test_too_many_events_at_once_are_refused_whole(database, ids):
    with pytest.raises(InvalidInput):
        decide(database, *[event(ids["0"], n) for n in range(MOST_EVENTS + 1)])
    assert count(database, decision) == 0
    answers = decide(database, *[event(ids["0"], n, "in_progress", action="edit") for n in range(MOST_EVENTS)])
    assert all(a["ok"] for a in answers) and answers[-1]["version"] == MOST_EVENTS
    check_projection(database)


# undo


def undo(database, entry, versions, person=ANN):
    """The event that `u` sends for an entry of the history."""
    before = entry["before"]
    sent = event(
        entry["item"],
        versions[entry["item"]],
        before["status"],
        before["accepted"],
        before["rejected"],
        action="undo",
        undoes=entry["uuid"],
    )
    (answer,) = decide(database, sent, person=person)
    if answer["ok"]:
        versions[entry["item"]] = answer["version"]
    return answer


def past(database, person=ANN, before=None, limit=50):
    with database.read() as connection:
        return history(connection, person, before, limit)


def test_undo_all_the_way_back_across_items_and_a_restart(settings, import_rows):
    host = Host(settings)
    database = host.open("test")
    import_rows(database, [{"id": str(n), "title": f"Talk {n}"} for n in range(4)])
    ids, tags = ids_of(database), add_tags(database, *TAGS)
    decide(
        database,
        event(ids["0"], 0, "in_progress", [tags["bees"]], action="edit"),
        event(ids["0"], 1, "done", [tags["bees"], tags["ants"]]),
        event(ids["1"], 0, "skipped", action="skip"),
        event(ids["0"], 2, "in_progress", [tags["ants"]], [tags["bees"]], action="reject"),
        event(ids["2"], 0, "done", ["n"], new_tags=[{"id": "n", "name": "new"}]),
    )
    versions = {ids["0"]: 3, ids["1"]: 1, ids["2"]: 1}
    for step in range(5):
        if step == 2:
            host.close()
            host = Host(settings)
            database = host.open("test")
        entries = past(database)["events"]
        assert len(entries) == 5 - step
        assert undo(database, entries[0], versions)["ok"]
        check_projection(database)
    assert past(database) == {"events": [], "more": False}
    assert {s.status for s in states(database).values()} == {"pending"}
    assert all(s.accepted == s.rejected == () for s in states(database).values())
    assert count(database, decision) == 10, "nothing is erased"
    host.close()


def test_the_history_is_paged_and_only_of_applied_own_decisions(database, ids, tags):
    for n in range(6):
        decide(database, event(ids["0"], n, "in_progress", action="edit"))
    decide(database, event(ids["0"], 0), person=ANN)  # a conflict
    decide(database, event(ids["1"], 0, "done", [tags["bees"]]), person="bob")
    first = past(database, limit=4)
    assert [e["after"]["status"] for e in first["events"]] == ["in_progress"] * 4 and first["more"]
    rest = past(database, before=first["events"][-1]["seq"], limit=4)
    assert len(rest["events"]) == 2 and not rest["more"]
    seqs = [e["seq"] for e in first["events"] + rest["events"]]
    assert seqs == sorted(seqs, reverse=True) and len(set(seqs)) == 6
    (bobs,) = past(database, "bob")["events"]
    assert bobs["title"] == "Talk 1" and bobs["names"] == {tags["bees"]: "bees"}
    assert bobs["before"] == {"status": "pending", "accepted": [], "rejected": [], "dropped": []}
    assert bobs["after"]["accepted"] == [tags["bees"]]


def test_an_undone_decision_leaves_the_history_and_is_not_undone_twice(database, ids, tags):
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]))
    (entry,) = past(database)["events"]
    versions = {ids["0"]: 1}
    assert undo(database, entry, versions)["ok"]
    again = undo(database, entry, versions)
    assert again["ok"] is False and "already" in again["message"] and again["remedy"]
    assert past(database)["events"] == []
    check_projection(database)


def test_nobody_undoes_the_decision_of_another(database, ids):
    decide(database, event(ids["0"], 0, "done"), person="ann")
    (entry,) = past(database, "ann")["events"]
    refused = undo(database, entry, {ids["0"]: 1}, person="bob")
    assert refused["ok"] is False and "yours" in refused["message"]
    assert states(database)["0"].status == "done" and past(database, "ann")["events"] == [entry]


def test_an_undo_must_fit_its_item_and_its_decision(database, ids):
    decide(database, event(ids["0"], 0, "done"), event(ids["1"], 0, "done"))
    other = past(database)["events"][1]
    late = event(ids["0"], 0, "done")
    decide(database, late)  # a conflict, never applied
    for wrong in (other["uuid"] if other["item"] != ids["1"] else "", str(uuid.uuid4()), "nonsense", late["uuid"]):
        (answer,) = decide(database, event(ids["1"], 1, "pending", action="undo", undoes=wrong))
        assert answer["ok"] is False and answer["message"]
    assert states(database)["1"].status == "done"
    check_projection(database)


def test_an_undo_after_somebody_elses_decision_is_a_conflict_and_stays_possible(database, ids):
    decide(database, event(ids["0"], 0, "done"))
    decide(database, event(ids["0"], 1, "skipped", action="skip"), person="bob")
    (entry,) = past(database)["events"]
    answer = undo(database, entry, {ids["0"]: 1})
    assert answer["conflict"] and answer["by"] == "bob"
    assert past(database)["events"] == [entry]
    assert undo(database, entry, {ids["0"]: 2})["ok"], "knowing of it, the person may still go back"
    check_projection(database)


def test_a_decision_and_its_undo_in_one_request(database, ids, tags):
    first = event(ids["0"], 0, "done", [tags["bees"]])
    back = event(ids["0"], 1, "pending", action="undo", undoes=first["uuid"])
    answers = decide(database, first, back)
    assert [a["ok"] for a in answers] == [True, True]
    assert past(database)["events"] == [] and states(database)["0"].status == "pending"
    check_projection(database)


# anything may come from outside


MALFORMED = [
    {"uuid": "not a uuid"},
    {"uuid": None},
    {"item": 5},
    {"item": "x" * 65},
    {"field": "caption"},
    {"action": "destroy"},
    {"action": "undo"},
    {"after": None},
    {"after": {}},
    {"after": {"status": "perfect"}},
    {"after": {"status": ["done"]}},
    {"after": {"status": "done", "accepted": "1"}},
    {"after": {"status": "done", "accepted": [1]}},
    {"after": {"status": "done", "accepted": [str(n) for n in range(MOST_TAGS + 1)]}},
    {"version": None},
    {"version": "0"},
    {"version": -1},
    {"version": 1.0},
    {"version": True},
    {"version": 2**40},
    {"version": 2**63 - 1},
    {"new_tags": {"id": "x"}},
    {"new_tags": ["x"]},
    {"new_tags": [{"id": 1, "name": "x"}]},
    {"new_tags": [{"id": "x"}]},
    {"new_tags": [{"id": f"c{n}", "name": f"n{n}"} for n in range(51)]},
    {"client_time": 5},
    {"client_time": "x" * 41},
    {"undoes": "\0", "action": "undo"},
    {"undoes": "x" * 1000, "action": "undo"},
    {"shown": {"x": "y" * SHOWN_BYTES}},
]


def test_a_malformed_event_costs_only_itself(database, ids, tags):
    for step, wrong in enumerate(MALFORMED):
        answers = decide(
            database,
            event(ids["1"], step, "done", [tags["bees"]]),
            event(ids["0"], 0) | wrong,
            event(ids["2"], step, "done"),
        )
        assert [a["ok"] for a in answers] == [True, False, True], wrong
        assert answers[1].get("message") or answers[1].get("conflict"), wrong
        assert states(database)["0"].version == 0, wrong
    check_projection(database)


def test_what_only_describes_is_dropped_when_it_is_odd(database, ids):
    odd = [{"ms": True}, {"ms": -1}, {"ms": 2**40}, {"ms": "x"}, {"change": [1]}, {"blind": 1}, {"client_time": "\0"}]
    for version, more in enumerate(odd):
        (answer,) = decide(database, event(ids["0"], version) | more)
        assert answer["ok"], more
    check_projection(database)


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {}, {"uuid": {}}])
def test_what_is_no_event_at_all(database, ids, wrong):
    answers = decide(database, wrong, event(ids["0"], 0))
    assert [a["ok"] for a in answers] == [False, True]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["²", "\0", "1", "999", "-1"])
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | words
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)


@st.composite
def nearly_events(draw):
    """A right event of which some parts were replaced by any JSON, or any JSON at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    made = event("ITEM", draw(st.integers(0, 2)), draw(st.sampled_from(STATUSES)), ["TAG"])
    for name in draw(st.sets(st.sampled_from(sorted(made)), max_size=2)):
        made[name] = draw(json_values)
    if isinstance(made["after"], dict) and draw(st.booleans()):
        made["after"] |= draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("accepted", "rejected"), json_values)))
    if draw(st.integers(0, 4)) == 0:
        made["new_tags"] = draw(st.lists(st.fixed_dictionaries({"id": words, "name": words}), max_size=2))
    return made


@settings(max_examples=40)
@given(st.lists(nearly_events(), min_size=1, max_size=6))
def test_no_json_breaks_or_corrupts(database, ids, tags, events):
    def real(value):
        if isinstance(value, dict):
            return {k: real(v) for k, v in value.items()}
        if isinstance(value, list):
            return [real(v) for v in value]
        return {"ITEM": ids["0"], "TAG": tags["bees"]}.get(value, value) if isinstance(value, str) else value

    events = orjson.loads(orjson.dumps(real(events)))  # as it comes in over the wire
    good = event(ids["3"], states(database)["3"].version, "done", [tags["moths"]])
    answers = decide(database, *events, good)
    assert len(answers) == len(events) + 1
    assert answers[-1]["ok"], "a neighbour is not harmed"
    for answer in answers:
        assert answer["ok"] or answer.get("conflict") or (answer["error"] and answer["message"])
        orjson.dumps(answer)
    check_projection(database)


operations = st.tuples(
    st.sampled_from(["decide", "stale", "repeat", "undo", "import", "fresh tag"]),
    st.sampled_from(["ann", "bob"]),
    st.integers(0, 1),
    st.sampled_from(STATUSES),
    st.lists(st.sampled_from(TAGS), max_size=3),
    st.lists(st.sampled_from(TAGS), max_size=2),
)


@settings(max_examples=25)
@given(st.lists(operations, min_size=1, max_size=12))
def test_the_projection_always_follows_from_the_events(database, ids, tags, steps):
    """Two people and an import, in any order."""

    def clean(connection):
        for table in (decision, current, item_tag):
            connection.execute(delete(table))
        connection.execute(update(item).values(status=0))

    database.write(clean)
    sent = []
    for kind, person, number, status, accepted, rejected in steps:
        row = rows_of(database)[number]
        version = states(database)[str(number)].version
        after = ([tags[t] for t in accepted], [tags[t] for t in rejected])
        if kind == "import":
            again = {"status": STATUS_CODE["again"]} if row.status == STATUS_CODE["done"] else {}
            database.write(
                lambda c, v=again, pk=row.pk: v and c.execute(update(item).where(item.c.pk == pk).values(v)) and None
            )
            continue
        if kind == "repeat" and sent:
            made, author = sent[number % len(sent)]
            before = count(database, decision)
            decide(database, made, person=author)
            assert count(database, decision) == before
        elif kind == "undo":
            entries = past(database, person)["events"]
            if entries:
                versions = {i: states(database)[e].version for e, i in ids.items()}
                assert undo(database, entries[0], versions, person)["ok"]
        else:
            made = event(row.id, version - (kind == "stale"), status, *after)
            if kind == "fresh tag":
                made["new_tags"] = [{"id": "n", "name": secrets.token_hex(2)}]
                made["after"]["accepted"].append("n")
            (answer,) = decide(database, made, person=person)
            assert answer["ok"] == (kind != "stale")
            sent.append((made, person))
        check_projection(database)


def test_every_action_is_known(database, ids):
    for n, action in enumerate(a for a in ACTIONS if a != "undo"):
        assert decide(database, event(ids["0"], n, "in_progress", action=action))[0]["ok"]


def test_recording_nothing_does_nothing(database):
    assert database.write(lambda c: record(c, [], ANN)) == []


def test_two_people_at_one_item_at_once_one_wins(settings, import_rows):
    """Two servers (as on Postgres behind a balancer): the same version is applied once."""
    from concurrent.futures import ThreadPoolExecutor

    hosts = [Host(settings), Host(settings)]
    databases = [host.open("test") for host in hosts]
    import_rows(databases[0], [{"id": "0", "title": "A talk"}])
    name = ids_of(databases[0])["0"]

    def work(side):
        won = 0
        for version in range(25):
            (answer,) = decide(databases[side], event(name, version, "in_progress", action="edit"), person=str(side))
            won += answer["ok"]
        return won

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(work, range(2)))
    version = states(databases[0])["0"].version
    assert sum(won) == version and count(databases[0], decision) == 50
    check_projection(databases[0])
    for host in hosts:
        host.close()


# free tags that were dropped, and tags that were merged


def dropped_event(item_id, version, dropped, accepted=(), **more):
    given = event(item_id, version, "in_progress", accepted, action="edit", **more)
    return {**given, "after": {**given["after"], "dropped": dropped}}


def test_dropped_free_tags_are_part_of_the_state(database, ids, tags):
    drop = dropped_event(ids["0"], 0, ["wind parks", "wind parks", " "], change={"new": "Wind parks", "to": "dropped"})
    (answer,) = decide(database, drop)
    assert answer["state"]["dropped"] == ["wind parks"]
    assert decide(database, drop) == [answer], "sending it again changes nothing"
    assert states(database)["0"].dropped == ("wind parks",)
    check_projection(database)
    # an older page knows of no dropped tags: it leaves them as they are
    (older,) = decide(database, event(ids["0"], 1, "done", [tags["bees"]]))
    assert older["state"]["dropped"] == ["wind parks"]
    (newest, first) = past(database)["events"]
    assert first["after"]["dropped"] == ["wind parks"] and first["before"]["dropped"] == []
    undo = {**event(ids["0"], 2, "in_progress", action="undo", undoes=newest["uuid"])}
    undo["after"] = newest["before"]
    (back,) = decide(database, undo)
    assert back["state"]["dropped"] == ["wind parks"] and back["state"]["accepted"] == []
    check_projection(database)


@pytest.mark.parametrize("wrong", ["x", {"a": 1}, [1], [None], ["x" * 1001], ["x"] * (MOST_TAGS + 1)])
def test_dropped_that_is_no_list_of_names(database, ids, wrong):
    (answer,) = decide(database, dropped_event(ids["0"], 0, wrong))
    assert answer["ok"] is False and "dropped" in answer["message"]


def test_events_of_before_free_tags_still_read(database, ids, tags):
    decide(database, event(ids["0"], 0, "done", [tags["bees"]]))
    old = orjson.dumps({"status": "done", "accepted": [int(tags["bees"])], "rejected": []}).decode()
    database.write(lambda c: c.execute(update(decision).values(after=old, before=old)) and None)
    with database.read() as connection:
        assert rebuild(connection, rows_of(database)[0].pk).dropped == ()
    assert past(database)["events"][0]["after"] == {
        "status": "done",
        "accepted": [tags["bees"]],
        "rejected": [],
        "dropped": [],
    }


def test_what_a_free_tag_was_said_to_mean(database, ids, tags):
    pk = rows_of(database)[0].pk

    def mapped():
        with database.read() as connection:
            return mapped_tags(connection, [pk]).get(pk, {})

    bees, ants = tags["bees"], tags["ants"]
    change = {"new": "Apis", "to": "mapped", "tag": bees}
    first = dropped_event(ids["0"], 0, ["apis"], [bees], change=change)
    decide(database, first)
    assert mapped() == {"apis": bees}
    decide(database, dropped_event(ids["0"], 1, ["apis"], [ants], change={**change, "tag": ants}))
    assert mapped() == {"apis": ants}
    merge_tags(database, ants, tags["moths"])
    assert mapped() == {"apis": tags["moths"]}
    decide(database, dropped_event(ids["0"], 2, ["apis"], change={"new": "Apis", "to": "dropped"}))
    assert mapped() == {}


def test_a_tag_decided_before_a_merge_stands_as_what_it_means_and_once(database, ids, tags):
    bees, ants, moths = (tags[name] for name in TAGS)
    decide(database, event(ids["0"], 0, "done", [ants, bees], [moths]))
    decide(database, event(ids["1"], 0, "done", [bees], [ants]))
    merge_tags(database, ants, bees)
    merge_tags(database, moths, bees)
    found = states(database)
    assert (found["0"].accepted, found["0"].rejected) == ((int(bees),), ())
    assert (found["1"].accepted, found["1"].rejected) == ((int(bees),), ()), "what was wanted counts"
    with database.read() as connection:
        again = rebuild(connection, rows_of(database)[0].pk)
    assert (again.accepted, again.rejected, again.version) == ((int(bees),), (), 1)
    entry = past(database)["events"][1]
    assert entry["after"]["accepted"] == [bees] and entry["names"] == {bees: "bees"}


def test_deciding_on_merged_tags_leaves_no_trace_of_the_old_id(database, ids, tags):
    bees, ants, _ = (tags[name] for name in TAGS)
    decide(database, event(ids["0"], 0, "in_progress", [ants], action="edit"))
    merge_tags(database, ants, bees)
    (answer,) = decide(database, event(ids["0"], 1, "done", [ants]))  # from a page of before the merge
    assert answer["state"]["accepted"] == [bees] and answer["tags"] == {ants: bees}
    check_projection(database)
    (answer,) = decide(database, event(ids["0"], 2, "done"))
    assert answer["state"]["accepted"] == [] and count(database, item_tag) == 0


def test_a_new_tag_by_the_name_of_a_merged_one_is_the_target(database, ids, tags):
    merge_tags(database, tags["ants"], tags["bees"])
    new = [{"id": "made", "name": "Ants"}]
    (answer,) = decide(database, event(ids["0"], 0, "done", ["made", tags["bees"]], new_tags=new))
    assert answer["state"]["accepted"] == [tags["bees"]] and answer["tags"] == {"made": tags["bees"]}
