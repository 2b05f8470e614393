"""Proposals: stored once, listed, decided one by one or above a line, undone, outdated when pointless."""

import uuid

import orjson
import pytest
from sqlalchemy import select

from core.errors import Conflict, InvalidInput, TagloomError
from core.store.runs import Recipe, start_run
from core.store.schema import decision, proposal, suggestion, tag_revision
from core.vocabulary import editing
from core.vocabulary.applying import refresh
from core.vocabulary.deciding import accept_above, decide, undo_batch
from core.vocabulary.proposals import Proposal, count_above, page_of_proposals, retire, store_proposals
from core.vocabulary.store import add_tag, all_tags, owners
from tests.making import ANN, add_tags, count


def new_run(database):
    return database.write(lambda c: start_run(c, 0, Recipe("vocabulary", "build", "builtin", "none", {}), ANN, None))


def store(database, *made, run=None):
    run = new_run(database) if run is None else run
    return database.write(lambda c: store_proposals(c, run, list(made)))


def listed(database, **options):
    with database.read() as connection:
        return page_of_proposals(connection, **options)


def ids(database, state="open"):
    return {(p["kind"], p["name"]): p["id"] for p in listed(database, state=state, limit=100)["proposals"]}


def event(proposal_id, action="accept", state="open", **more):
    return {"uuid": str(uuid.uuid4()), "proposal": proposal_id, "action": action, "state": state, **more}


def act(database, *events, person=ANN):
    return database.write(lambda c: decide(c, list(events), person))


def tags(database):
    with database.read() as connection:
        return {t.name: set(t.aliases) for t in all_tags(connection)}


def state_of(database, name):
    with database.read() as connection:
        rows = connection.execute(
            select(proposal.c.state, suggestion.c.value).join(suggestion, suggestion.c.pk == proposal.c.suggestion)
        )
        return {orjson.loads(value)["name"]: state for state, value in rows}[name]


ADD = Proposal("add", "solar power", 0.9, 12, aliases=("solar energy",), detail={"items": 12, "examples": []})
MERGE = Proposal("merge", "neural nets", 0.97, 31, "neural networks", detail={"cosine": 0.97})


# storing


def test_a_proposal_is_stored_once_and_renewed_while_open(database):
    assert store(database, ADD, MERGE) == {"new": 2, "renewed": 0, "decided": 0}
    again = Proposal("add", "Solar  Power", 0.5, 40)
    assert store(database, again) == {"new": 0, "renewed": 1, "decided": 0}
    (found,) = [p for p in listed(database)["proposals"] if p["kind"] == "add"]
    assert (found["name"], found["score"], found["items"], found["aliases"]) == ("Solar  Power", 0.5, 40, [])


@pytest.mark.parametrize("action", ["reject", "later", "accept"])
def test_what_a_person_decided_is_not_proposed_again(database, action):
    store(database, ADD)
    act(database, event(ids(database)["add", "solar power"], action))
    assert store(database, ADD)["decided"] == 1
    assert listed(database)["proposals"] == []


def test_a_rejected_merge_is_not_proposed_the_other_way_round_or_as_an_alias(database):
    store(database, MERGE)
    act(database, event(ids(database)["merge", "neural nets"], "reject"))
    assert store(database, Proposal("merge", "Neural Networks", 0.9, 1, "neural nets"))["decided"] == 1
    assert store(database, Proposal("alias", "neural nets", 0.9, 1, "neural networks"))["decided"] == 1
    assert store(database, Proposal("parent", "neural nets", 0.9, 1, "neural networks"))["new"] == 1


def test_what_a_later_build_no_longer_proposes_is_outdated(database):
    first, second = new_run(database), new_run(database)
    store(database, ADD, MERGE, run=first)
    store(database, ADD, run=second)
    assert database.write(lambda c: retire(c, [first, second], second)) == 1
    assert [p["kind"] for p in listed(database)["proposals"]] == ["add"]
    assert [p["kind"] for p in listed(database, state="outdated")["proposals"]] == ["merge"]
    assert store(database, MERGE)["renewed"] == 1 and len(listed(database)["proposals"]) == 2


# listing


@pytest.fixture
def many(database):
    made = [Proposal("add", f"tag {n:03d}", (n % 50) / 50, n % 7) for n in range(120)]
    made += [Proposal("merge", f"left {n}", n / 10, n, f"right {n}") for n in range(10)]
    store(database, *made)
    return database


@pytest.mark.parametrize("sort", ["score", "items"])
def test_pages_hold_every_proposal_once_in_order(many, sort):
    seen, cursor = [], ""
    while cursor is not None:
        page = listed(many, sort=sort, cursor=cursor, limit=17)
        seen += page["proposals"]
        cursor = page["next"]
    assert len(seen) == len({p["id"] for p in seen}) == 130
    values = [p[sort] for p in seen]
    assert values == sorted(values, reverse=True)


def test_pages_do_not_shift_when_something_is_decided(many):
    first = listed(many, limit=10)
    act(many, *(event(p["id"], "reject") for p in first["proposals"][:5]))
    second = listed(many, limit=10, cursor=first["next"])
    assert not {p["id"] for p in first["proposals"]} & {p["id"] for p in second["proposals"]}
    assert listed(many, limit=100)["proposals"][0]["id"] == first["proposals"][5]["id"]


def test_filters_and_counts(many):
    page = listed(many, kind="merge", line=0.5)
    assert {p["kind"] for p in page["proposals"]} == {"merge"} and page["above"] == 5
    assert page["counts"]["open"]["add"] == 120 and page["counts"]["open"]["merge"] == 10
    with many.read() as connection:
        assert count_above(connection, 0.5) == 5 + sum((n % 50) / 50 >= 0.5 for n in range(120))
    for wrong in (
        {"state": "x"},
        {"kind": "x"},
        {"sort": "x"},
        {"cursor": "x"},
        {"cursor": "nan|1"},
        {"cursor": "1|x"},
    ):
        with pytest.raises(InvalidInput):
            listed(many, **wrong)


# deciding


def test_an_accepted_addition_is_a_tag_with_its_spellings_until_it_is_undone(database):
    store(database, ADD)
    pk = ids(database)["add", "solar power"]
    (answer,) = act(database, event(pk))
    assert answer["ok"] and answer["state"] == "accepted" and answer["batch"]
    assert tags(database) == {"solar power": {"solar energy"}}
    (answer,) = act(database, event(pk, "undo", "accepted"))
    assert answer["ok"] and answer["state"] == "open" and tags(database) == {}
    (answer,) = act(database, event(pk))
    assert tags(database) == {"solar power": {"solar energy"}}


def test_the_same_event_twice_changes_nothing(database):
    store(database, ADD)
    sent = event(ids(database)["add", "solar power"])
    first, second = act(database, sent, sent)
    assert first["ok"] and second["ok"] and second["state"] == "accepted"
    (third,) = act(database, sent)
    assert third["batch"] == first["batch"]
    assert count(database, decision) == 1
    row = database.write(lambda c: c.execute(select(decision)).one())
    assert (row.item, row.corpus, row.field, row.action, row.person) == (0, 0, "vocabulary", "accept", ANN)
    assert orjson.loads(row.change) == {"suggestion": int(sent["proposal"])}
    assert (orjson.loads(row.before), orjson.loads(row.after)) == ({"state": "open"}, {"state": "accepted"})


def test_an_addition_that_exists_is_harmless(database):
    bees = int(add_tags(database, "bees")["bees"])
    database.write(lambda c: editing.archive(c, bees, ANN))
    store(database, Proposal("add", "BEES", 0.5, 1), Proposal("add", "wasps", 0.5, 1, aliases=("bees",)))
    act(database, *(event(i) for i in ids(database).values()))
    assert tags(database) == {"bees": set(), "wasps": set()}


def test_a_merge_of_names_that_are_no_tags_yet(database):
    store(database, MERGE)
    pk = ids(database)["merge", "neural nets"]
    act(database, event(pk))
    assert tags(database) == {"neural networks": {"neural nets"}}
    act(database, event(pk, "undo", "accepted"))
    assert tags(database) == {}


@pytest.mark.parametrize("existing", [("neural nets",), ("neural networks",), ("neural nets", "neural networks")])
def test_a_merge_of_names_that_are_tags(database, existing):
    add_tags(database, *existing)
    store(database, MERGE)
    act(database, event(ids(database)["merge", "neural nets"]))
    assert tags(database) == {"neural networks": {"neural nets"}}


def test_a_merge_by_ids_follows_new_names(database):
    made = {name: int(i) for name, i in add_tags(database, "nets", "networks").items()}
    store(database, Proposal("merge", "nets", 0.9, 3, "networks", made["nets"], made["networks"]))
    database.write(lambda c: editing.rename(c, made["networks"], "neural networks", ANN))
    (shown,) = listed(database)["proposals"]
    assert (shown["name"], shown["into"]) == ("nets", "neural networks")
    act(database, event(shown["id"]))
    assert tags(database) == {"neural networks": {"nets", "networks"}}


def test_parents_and_archives(database):
    add_tags(database, "bees", "sorry")
    store(database, Proposal("parent", "bees", 0.9, 1, "insects"), Proposal("archive", "sorry", 0.9, 1))
    found = ids(database)
    act(database, *(event(i) for i in found.values()))
    with database.read() as connection:
        shown = {t.name: t.parent for t in all_tags(connection)}
        assert set(shown) == {"bees", "insects"} and shown["bees"] is not None
    store(database, Proposal("parent", "insects", 0.9, 1, "bees"))
    (answer,) = act(database, event(ids(database)["parent", "insects"]))
    assert not answer["ok"] and "ancestor" in answer["message"]
    assert state_of(database, "insects") == "open"


def test_an_evidence_about_a_name_does_not_move_a_whole_tag(database):
    """“nn” became an alias of another tag meanwhile: accepting nn → news must not merge that tag into news."""
    store(database, Proposal("merge", "nn", 0.9, 1, "news"))
    pk = ids(database)["merge", "nn"]
    made = add_tags(database, "networks")
    database.write(lambda c: editing.add_other_name(c, int(made["networks"]), "nn", ANN))
    (answer,) = act(database, event(pk))
    assert not answer["ok"] and "networks" in answer["message"]
    assert tags(database) == {"networks": {"nn"}}


def test_somebody_else_was_faster(database):
    store(database, ADD)
    pk = ids(database)["add", "solar power"]
    act(database, event(pk, "reject"), person="bob")
    (answer,) = act(database, event(pk))
    assert answer["conflict"] and (answer["state"], answer["by"]) == ("rejected", "bob") and answer["at"]
    assert tags(database) == {}
    (answer,) = act(database, event(pk, state="rejected"))
    assert answer["ok"], "seen as rejected, it may be accepted"


def test_later_and_reject_are_undone_too(database):
    store(database, ADD)
    pk = ids(database)["add", "solar power"]
    (later,) = act(database, event(pk, "later"))
    act(database, event(pk, "reject", "later"))
    (undone,) = act(database, event(pk, "undo", "rejected"))
    assert undone["state"] == "later"
    (undone,) = act(database, event(pk, "undo", "later", undoes=later["uuid"]))
    assert undone["state"] == "open"
    (nothing,) = act(database, event(pk, "undo", "open"))
    assert not nothing["ok"] and nothing["error"] == "Conflict"


def test_an_acceptance_that_was_built_upon_stays(database):
    store(database, ADD)
    pk = ids(database)["add", "solar power"]
    act(database, event(pk))
    with database.read() as connection:
        made = owners(connection)["solar power"]
    database.write(lambda c: editing.describe(c, made, "From the sun", ANN))
    (answer,) = act(database, event(pk, "undo", "accepted"))
    assert not answer["ok"] and answer["error"] == "Conflict" and "described" in answer["message"]
    assert state_of(database, "solar power") == "accepted" and "solar power" in tags(database)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        {"uuid": "x"},
        {"proposal": "x"},
        {"proposal": 3},
        {"action": "burn"},
        {"state": "gone"},
        {"proposal": "99"},
    ],
)
def test_wrong_events_cost_only_themselves(database, wrong):
    store(database, ADD)
    good = event(ids(database)["add", "solar power"])
    sent = {**event("1"), **wrong} if wrong else wrong
    first, second = act(database, sent, good)
    assert not first["ok"] and first["message"] and first["remedy"] and second["ok"]


# pointless ones


def test_a_name_that_was_taken_care_of_is_not_proposed_as_a_tag_any_more(database):
    store(database, MERGE, Proposal("add", "Neural Nets", 0.5, 3), Proposal("add", "neural networks", 0.4, 3))
    found = ids(database)
    (answer,) = act(database, event(found["merge", "neural nets"]))
    assert set(answer["stale"]) == {found["add", "Neural Nets"], found["add", "neural networks"]}
    assert listed(database)["proposals"] == []
    act(database, event(found["merge", "neural nets"], "undo", "accepted"))
    assert ids(database) == found


def test_a_proposal_is_outdated_when_its_tags_are_gone(database):
    made = {name: int(i) for name, i in add_tags(database, "a", "b", "c").items()}
    store(
        database,
        Proposal("merge", "a", 0.9, 1, "b", made["a"], made["b"]),
        Proposal("merge", "b", 0.8, 1, "c", made["b"], made["c"]),
        Proposal("alias", "bee", 0.7, 1, "b", None, made["b"]),
        Proposal("alias", "sea", 0.7, 1, "c", None, made["c"]),
    )
    found = ids(database)
    (answer,) = act(database, event(found["merge", "b"]))
    assert answer["stale"] == []
    shown = {p["name"]: p for p in listed(database)["proposals"]}
    assert set(shown) == {"a", "bee", "sea"}, "what goes into b goes into c now"
    act(database, event(shown["bee"]["id"]))
    assert tags(database)["c"] == {"b", "bee"}
    batch = database.write(lambda c: editing.archive(c, made["c"], ANN))
    database.write(lambda c: refresh(c, [batch]))
    assert state_of(database, "a") == state_of(database, "sea") == "outdated"
    database.write(lambda c: undo_batch(c, batch, ANN))
    assert state_of(database, "a") == state_of(database, "sea") == "open"


# above a line


def test_all_above_a_line_as_one_batch(many):
    key = str(uuid.uuid4())
    answer = accept_above(many, 0.5, "", ANN, key)
    adds = [n for n in range(120) if (n % 50) / 50 >= 0.5]
    assert answer["accepted"] == len(adds) + 5 and answer["problems"] == []
    assert len(tags(many)) == len(adds) + 5 and tags(many)["right 7"] == {"left 7"}
    assert accept_above(many, 0.5, "", ANN, key)["accepted"] == answer["accepted"], "sent again"
    assert listed(many)["counts"]["open"]["merge"] == 5
    (one,) = [p for p in listed(many, state="accepted", kind="merge")["proposals"] if p["name"] == "left 9"]
    (refused,) = act(many, event(one["id"], "undo", "accepted"))
    assert not refused["ok"] and "together" in refused["message"]
    back = many.write(lambda c: undo_batch(c, answer["batch"], "bob"))
    assert back["proposals"] == answer["accepted"] and tags(many) == {}
    assert sum(listed(many)["counts"]["open"].values()) == 130
    many.write(lambda c: undo_batch(c, back["batch"], "bob"))
    assert len(tags(many)) == len(adds) + 5
    assert sum(listed(many)["counts"]["accepted"].values()) == answer["accepted"]
    with pytest.raises(Conflict):
        many.write(lambda c: undo_batch(c, back["batch"], "bob"))


def test_the_line_keeps_to_its_kind_and_says_what_did_not_work(database):
    made = add_tags(database, "gone")
    database.write(lambda c: editing.archive(c, int(made["gone"]), ANN))
    store(database, ADD, MERGE, Proposal("merge", "x", 0.99, 1, "gone", None, int(made["gone"])))
    answer = accept_above(database, 0.5, "merge", ANN, str(uuid.uuid4()))
    assert (answer["accepted"], answer["failed"]) == (1, 1) and "archived" in answer["problems"][0]["message"]
    assert listed(database)["counts"]["open"]["add"] == 1
    for wrong in (
        (2, "", str(uuid.uuid4())),
        (0.5, "x", str(uuid.uuid4())),
        (0.5, "", "x"),
        (True, "", str(uuid.uuid4())),
    ):
        with pytest.raises(InvalidInput):
            accept_above(database, wrong[0], wrong[1], ANN, wrong[2])


def test_nothing_above_the_line(database):
    assert accept_above(database, 0.9, "", ANN, str(uuid.uuid4()))["accepted"] == 0
    assert count(database, tag_revision) == 0


def test_tags_made_by_people_meanwhile_do_no_harm(database):
    store(database, ADD, Proposal("add", "wind", 0.9, 3))
    database.write(lambda c: add_tag(c, "wind", "bob"))
    answer = accept_above(database, 0.1, "add", ANN, str(uuid.uuid4()))
    assert answer["accepted"] == 2 and set(tags(database)) == {"wind", "solar power"}
    try:
        act(database, *[event("1")] * 201)
    except TagloomError as error:
        assert "200" in error.message
    else:
        raise AssertionError("201 events were taken")
