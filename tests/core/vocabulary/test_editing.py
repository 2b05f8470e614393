"""Edits of the vocabulary, what they do to whoever reads it, and taking them back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.errors import Conflict, InvalidInput, NotFound, TagloomError
from core.store.schema import tag, tag_alias, tag_revision
from core.vocabulary import editing
from core.vocabulary.importing import import_new
from core.vocabulary.listing import complete, page_of_tags, statistics
from core.vocabulary.names import name_key
from core.vocabulary.store import NewTag, add_tag, all_tags, merged, new_batch, owner_of, owners, set_parents
from core.vocabulary.undoing import history, undo, undone_batches
from tests.making import ANN, add_tags, count, decide, event, ids_of, suggest


def whole(database):
    """Everything that the vocabulary says, without who wrote it when."""
    with database.read() as connection:
        rows = connection.execute(select(tag).order_by(tag.c.id)).all()
        aliases = connection.execute(select(tag_alias.c.tag, tag_alias.c.name, tag_alias.c.key)).all()
    tags = [(r.id, r.name, r.key, r.description, r.parent, r.facet, r.state, r.merged_into) for r in rows]
    return tags, sorted(map(tuple, aliases))


def edit(database, function, *arguments, **options):
    return database.write(lambda c: function(c, *arguments, ANN, **options))


def back(database, batch, person=ANN):
    return database.write(lambda c: undo(c, batch, person))


def known(database, archived=False):
    with database.read() as connection:
        return owners(connection, archived)


def numbers(database, *names):
    return [int(i) for i in add_tags(database, *names).values()]


def the(database, name):
    with database.read() as connection:
        (found,) = [t for t in all_tags(connection) if t.name == name]
    return found


# each edit, and its undo


def test_a_new_name_keeps_the_old_one_as_an_alias(database):
    (bees,) = numbers(database, "bees")
    before = whole(database)
    batch = edit(database, editing.rename, bees, "  honey   bees ")
    assert the(database, "honey bees").aliases == ("bees",)
    assert known(database) == {"bees": bees, "honey bees": bees}
    back(database, batch)
    assert whole(database) == before


def test_a_new_name_without_the_old_one_and_case_alone(database):
    (bees,) = numbers(database, "bees")
    edit(database, editing.rename, bees, "BEES")
    assert the(database, "BEES").aliases == ()
    edit(database, editing.rename, bees, "wasps", keep_alias=False)
    assert known(database) == {"wasps": bees}
    assert edit(database, editing.rename, bees, "wasps") == "", "nothing to do is no edit"


def test_an_alias_becomes_the_name(database):
    (bees,) = numbers(database, "bees")
    edit(database, editing.add_other_name, bees, "apis")
    before = whole(database)
    batch = edit(database, editing.rename, bees, "apis")
    assert the(database, "apis").aliases == ("bees",)
    back(database, batch)
    assert whole(database) == before


def test_the_name_of_another_tag_is_refused(database):
    bees, wasps = numbers(database, "bees", "wasps")
    edit(database, editing.add_other_name, wasps, "hornets")
    edit(database, editing.archive, wasps)
    for taken in ("WASPS", "hornets"):
        with pytest.raises(InvalidInput) as refused:
            edit(database, editing.rename, bees, taken)
        assert "wasps" in refused.value.message and "archived" in refused.value.remedy


def test_a_merged_tag_means_the_other_one(database):
    nets, networks, deep = numbers(database, "neural nets", "neural networks", "deep nets")
    edit(database, editing.add_other_name, nets, "nn")
    before = whole(database)
    first = edit(database, editing.merge, deep, nets)
    second = edit(database, editing.merge, nets, networks)
    with database.read() as connection:
        assert merged(connection) == {nets: networks, deep: networks}, "always final"
        assert owner_of(connection, "NN") == owner_of(connection, "deep nets") == networks
        assert [t.name for t in all_tags(connection)] == ["neural networks"]
        assert complete(connection, "nn")["tags"] == [{"id": str(networks), "name": "neural networks", "alias": "nn"}]
    assert the(database, "neural networks").aliases == ("deep nets", "neural nets", "nn")
    assert database.write(lambda c: add_tag(c, "Neural Nets", ANN)) == networks
    with pytest.raises(Conflict):
        back(database, first)  # the second merge has repointed it
    back(database, second)
    back(database, first)
    assert whole(database) == before


def test_a_merged_tag_is_edited_no_more(database):
    nets, networks, other = numbers(database, "nets", "networks", "other")
    edit(database, editing.merge, nets, networks)
    assert edit(database, editing.merge, nets, networks) == ""
    for function, arguments in [
        (editing.rename, ("x",)),
        (editing.archive, ()),
        (editing.merge, (other,)),
        (editing.describe, ("x",)),
    ]:
        with pytest.raises(InvalidInput) as refused:
            edit(database, function, nets, *arguments)
        assert "networks" in str(refused.value)
    with pytest.raises(InvalidInput):
        edit(database, editing.merge, networks, nets)  # into itself, by its old name
    with pytest.raises(InvalidInput):
        edit(database, editing.remove_alias, networks, "nets")
    edit(database, editing.restore, nets)
    assert known(database)["nets"] == nets


def test_a_merged_name_becomes_the_name(database):
    nets, networks = numbers(database, "nets", "networks")
    merge = edit(database, editing.merge, nets, networks)
    before = whole(database)
    batch = edit(database, editing.rename, networks, "nets")
    assert the(database, "nets").id == networks and the(database, "nets").aliases == ("networks",)
    again = back(database, merge)  # the name stays with the tag that has it
    assert {t.name for t in tags_of(database)} == {"nets", "networks"}
    back(database, again)
    back(database, batch)
    assert whole(database) == before


def undo_of(database):
    with database.read() as connection:
        return history(connection)["batches"][0]["batch"]


def test_children_follow_a_merge_without_going_round(database):
    top, upper, middle, low, leaf = numbers(database, "top", "upper", "middle", "low", "leaf")
    for child, parent in [(upper, top), (middle, upper), (low, middle), (leaf, upper)]:
        edit(database, editing.set_parent, child, parent)
    before = whole(database)
    batch = edit(database, editing.merge, upper, low)  # into its own grandchild
    parents = {t.name: t.parent for t in tags_of(database)}
    assert parents == {"top": None, "low": top, "middle": low, "leaf": low}
    back(database, batch)
    assert whole(database) == before


def tags_of(database):
    with database.read() as connection:
        return all_tags(connection)


def test_no_tag_is_its_own_ancestor(database):
    a, b, c = numbers(database, "a", "b", "c")
    edit(database, editing.set_parent, b, a)
    moved = edit(database, editing.set_parent, c, b)
    for parent in (a, b, c):
        with pytest.raises(InvalidInput):
            edit(database, editing.set_parent, a, parent)
    away = edit(database, editing.set_parent, c, None)
    edit(database, editing.set_parent, a, c)
    with pytest.raises(Conflict):
        back(database, away)  # c below b again would close a ring
    assert moved


def test_archive_restore_describe_facet(database):
    (bees,) = numbers(database, "bees")
    before = whole(database)
    batches = [
        edit(database, editing.describe, bees, " Busy. "),
        edit(database, editing.set_facet, bees, "insects  here"),
        edit(database, editing.archive, bees),
    ]
    assert known(database) == {} and known(database, archived=True) == {"bees": bees}
    with database.read() as connection:
        (row,) = page_of_tags(connection, state="archived")["tags"]
        assert (row["description"], row["facet"], row["state"]) == ("Busy.", "insects here", "archived")
    edit(database, editing.restore, bees)
    assert known(database) == {"bees": bees}
    with pytest.raises(Conflict):
        back(database, batches[2])
    back(database, undo_of(database))
    for batch in reversed(batches):
        back(database, batch)
    assert whole(database) == before


def test_aliases_given_and_taken(database):
    bees, wasps = numbers(database, "bees", "wasps")
    edit(database, editing.add_other_name, bees, "apis")
    for function, of, name in [
        (editing.add_other_name, wasps, "APIS"),
        (editing.add_other_name, wasps, "bees"),
        (editing.remove_alias, wasps, "apis"),
        (editing.remove_alias, bees, "bees"),
        (editing.remove_alias, bees, "nothing"),
    ]:
        with pytest.raises(InvalidInput):
            edit(database, function, of, name)
    taken = edit(database, editing.remove_alias, bees, "Apis")
    assert known(database) == {"bees": bees, "wasps": wasps}
    edit(database, editing.add_other_name, wasps, "apis")
    with pytest.raises(Conflict) as refused:
        back(database, taken)
    assert "wasps" in refused.value.message


def test_what_does_not_exist(database):
    for function, arguments in [(editing.rename, ("x",)), (editing.archive, ()), (editing.merge, (8,))]:
        with pytest.raises(NotFound):
            edit(database, function, 7, *arguments)
    with pytest.raises(NotFound):
        back(database, "nothing")


# undo


def test_an_addition_goes_for_good_only_where_nothing_refers_to_it(database, import_rows):
    import_rows(database, [{"id": "1", "title": "t"}])
    ids = ids_of(database)
    for name, refer in [
        ("alone", lambda t: None),
        ("suggested", lambda t: suggest(database, {"1": [(str(t), 0.5)]})),
        ("accepted", lambda t: decide(database, event(ids["1"], 0, "done", [str(t)]))),
    ]:
        batch = new_batch()
        made = database.write(lambda c, n=name, b=batch: add_tag(c, n, ANN, batch=b))
        refer(made)
        before = whole(database)
        inverse = back(database, batch)
        states = {row[1]: row[6] for row in whole(database)[0]}
        assert states.get(name) == (None if name == "alone" else "archived")
        back(database, inverse)
        assert whole(database) == before
        back(database, batch)
    (fresh,) = numbers(database, "next")
    with database.read() as connection:
        assert fresh > max(connection.execute(select(tag_revision.c.tag).where(tag_revision.c.tag != fresh)).scalars())


def test_a_rejected_tag_keeps_its_row(database, import_rows):
    import_rows(database, [{"id": "1", "title": "t"}])
    batch = new_batch()
    made = database.write(lambda c: add_tag(c, "x", ANN, batch=batch))
    decide(database, event(ids_of(database)["1"], 0, "done", [], [str(made)]))
    back(database, batch)
    assert [row[6] for row in whole(database)[0]] == ["archived"]


def test_what_was_built_upon_is_not_pulled_away(database):
    batch = new_batch()
    bees = database.write(lambda c: add_tag(c, "bees", ANN, batch=batch))
    (insects,) = numbers(database, "insects")
    for function, arguments in [
        (editing.describe, (bees, "busy")),
        (editing.add_other_name, (bees, "apis")),
        (editing.set_parent, (insects, bees)),
        (editing.merge, (insects, bees)),
        (editing.archive, (bees,)),
        (editing.rename, (bees, "moths")),
    ]:
        later = edit(database, function, *arguments)
        before = whole(database)
        with pytest.raises(Conflict) as refused:
            back(database, batch)
        assert refused.value.remedy and "later" in refused.value.message, function
        assert whole(database) == before
        back(database, later)
    back(database, batch)
    assert [row[1] for row in whole(database)[0]] == ["insects"]


def test_undo_of_an_undo_and_so_on(database):
    (bees,) = numbers(database, "bees")
    batch = edit(database, editing.rename, bees, "wasps")
    renamed = whole(database)
    first = back(database, batch)
    with pytest.raises(Conflict) as refused:
        back(database, batch)
    assert "already" in refused.value.message
    second = back(database, first)
    assert whole(database) == renamed
    with pytest.raises(Conflict):
        back(database, first)
    with database.read() as connection:
        assert undone_batches(connection) == {first}
    back(database, batch)
    with pytest.raises(Conflict):
        back(database, second)  # its work is undone by other means


def test_history_tells_what_happened(database):
    bees, insects, old = numbers(database, "bees", "insects", "animals")
    edit(database, editing.set_parent, bees, insects)
    merge = edit(database, editing.merge, old, insects)
    inverse = back(database, merge, "bob")
    with database.read() as connection:
        answer = history(connection, limit=3)
        undone, merging, parent = answer["batches"]
        rest = history(connection, answer["next"])
    assert (undone["batch"], undone["undoes"], undone["person"], undone["undone"]) == (inverse, merge, "bob", False)
    assert merging["undone"] is True and merging["changes"][0]["after"]["merged_into"] == {
        "id": str(insects),
        "name": "insects",
    }
    assert parent["changes"][0]["name"] == "bees" and parent["changes"][0]["after"]["parent"]["name"] == "insects"
    assert [b["changes"][0]["name"] for b in rest["batches"]] == ["animals", "insects", "bees"]
    assert rest["next"] is None and rest["batches"][0]["edits"] == 1


def test_an_import_is_undone_as_a_whole(database):
    numbers(database, "bees")
    before = whole(database)
    tags = [NewTag(f"tag {n}", aliases=(f"alias {n}",), parent="root" if n % 2 else "") for n in range(1200)]
    changes = import_new(database, [*tags, NewTag("bees", "Busy", ("apis",))], ANN)
    assert (changes.added, changes.updated) == (1200, 1)
    after = whole(database)
    inverse = back(database, changes.batch)
    assert whole(database) == before
    back(database, inverse)
    assert whole(database) == after


# readers


def test_uses_are_distinct_items(database, import_rows):
    import_rows(database, [{"id": str(n), "title": f"t{n}"} for n in range(3)])
    ids = ids_of(database)
    nets, networks = numbers(database, "nets", "networks")
    decide(
        database,
        event(ids["0"], 0, "done", [str(nets), str(networks)]),
        event(ids["1"], 0, "done", [str(nets)]),
        event(ids["2"], 0, "done", [str(networks)]),
    )
    suggest(database, {"0": [(str(nets), 0.5), (str(networks), 0.4)]})
    edit(database, editing.merge, nets, networks)
    with database.read() as connection:
        for sort in ("name", "items"):
            (row,) = page_of_tags(connection, sort=sort)["tags"]
            assert (row["items"], row["suggested"], row["aliases"]) == (3, 1, ["nets"])
        assert page_of_tags(connection, query="NETS")["total"] == 1
        assert page_of_tags(connection, state="merged")["tags"][0]["into"]["name"] == "networks"
        assert page_of_tags(connection, uses="once")["total"] == page_of_tags(connection, uses="none")["total"] == 0
        figures = statistics(connection)
    assert (figures["tags"], figures["merged"], figures["aliases"], figures["curve"]) == (1, 1, 1, [3])
    assert (figures["unused"], figures["used_once"], figures["tags_per_item"]) == (0, 0, 1)


def test_filters_of_the_table(database):
    a, b, _ = numbers(database, "a", "b", "c")
    edit(database, editing.set_facet, a, "topic")
    edit(database, editing.set_facet, b, "style")
    with database.read() as connection:
        assert [t["name"] for t in page_of_tags(connection, facet="topic")["tags"]] == ["a"]
        assert statistics(connection)["facets"] == ["style", "topic"]
        assert [t["name"] for t in page_of_tags(connection, sort="new")["tags"]] == ["c", "b", "a"]
        assert page_of_tags(connection, uses="none", sort="items")["total"] == 3
        with pytest.raises(InvalidInput):
            page_of_tags(connection, state="lost")


def test_a_parent_is_found_under_an_unclean_name(database):
    numbers(database, "bees", "insects")
    entry = NewTag("be\u200bes", parent="in\u200bsects")
    assert database.write(lambda c: set_parents(c, [(2, entry)], ANN)) == []
    assert the(database, "bees").parent == the(database, "insects").id


# any sequence


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("rename", {"name": "wasps"}),
        ("describe", {"description": "Busy"}),
        ("facet", {"facet": "topic"}),
        ("alias", {"name": "apis"}),
        ("archive", {}),
        ("add", {"name": "moths"}),
    ],
)
def test_edits_as_the_page_sends_them(database, action, more):
    (bees,) = numbers(database, "bees")
    answer = database.write(lambda c: editing.apply_edit(c, {"tag": str(bees), "action": action, **more}, ANN))
    assert answer["batch"] and (action == "add") == (answer["tag"] != str(bees))
    back(database, answer["batch"])


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "rename"},
        {"action": "rename", "tag": "1"},
        {"action": "rename", "tag": "x", "name": "y"},
        {"action": "explode", "tag": "1"},
        {"action": "merge", "tag": "1", "into": None},
        {"action": "parent", "tag": "1", "parent": 7},
        {"action": "describe", "tag": "1", "description": "x" * 2001},
        {"action": "facet", "tag": "1", "facet": "x" * 61},
        {"action": "rename", "tag": "1", "name": "\u200b"},
    ],
)
def test_edits_that_are_none(database, data):
    numbers(database, "bees")
    with pytest.raises(TagloomError):
        database.write(lambda c: editing.apply_edit(c, data, ANN))


NAMES = st.sampled_from(["a", "b", "c", "A", "d e", "日本", "é"])
PLACE = st.integers(0, 5)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), PLACE, NAMES),
        st.tuples(st.just("rename"), PLACE, NAMES, st.booleans()),
        st.tuples(st.just("alias"), PLACE, NAMES),
        st.tuples(st.just("unalias"), PLACE, NAMES),
        st.tuples(st.just("parent"), PLACE, PLACE),
        st.tuples(st.just("merge"), PLACE, PLACE),
        st.tuples(st.just("archive"), PLACE),
        st.tuples(st.just("restore"), PLACE),
        st.tuples(st.just("describe"), PLACE, NAMES),
        st.tuples(st.just("undo"), PLACE),
    ),
    max_size=14,
)


def perform(connection, step, batches):
    ids = connection.execute(select(tag.c.id).order_by(tag.c.id)).scalars().all()
    action, place, *more = step
    if action == "undo":
        return undo(connection, batches[place % len(batches)], ANN) if batches else ""
    data = {"action": action, "tag": str(ids[place % len(ids)]) if ids else "1"}
    if action == "rename":
        data["keep_alias"] = more.pop()
    if action in ("merge", "parent"):
        data["into" if action == "merge" else "parent"] = str(ids[more[0] % len(ids)]) if ids else "1"
    elif more:
        data["description" if action == "describe" else "name"] = more[0]
    return editing.apply_edit(connection, data, ANN)["batch"]


def consistent(database):
    tags, aliases = whole(database)
    rows = {row[0]: row for row in tags}
    for row in tags:
        if row[6] == "merged":
            assert rows[row[7]][6] != "merged", "merged_into is final"
        above, seen = row[4], {row[0]}
        while above is not None:
            assert above not in seen, "a tag above itself"
            seen.add(above)
            above = rows[above][4]
    taken = [row[2] for row in tags] + [key for _, _, key in aliases]
    assert len(taken) == len(set(taken)), "a name means one tag"
    assert all(name_key(row[1]) == row[2] for row in tags)
    assert all(owner in rows for owner, _, _ in aliases)


@settings(max_examples=60)
@given(EDITS)
def test_any_edits_undone_in_reverse_leave_what_was_there(database, steps):
    database.write(lambda c: [add_tag(c, name, ANN) for name in ("a", "b", "c")] and None)
    first = whole(database)
    batches = []
    for step in steps:
        try:
            batch = database.write(lambda c, s=step: perform(c, s, batches))
        except TagloomError:
            continue
        if batch:
            batches.append(batch)
        consistent(database)
    with database.read() as connection:
        undone = undone_batches(connection)
    for batch in reversed(batches):
        if batch not in undone:
            back(database, batch)
            with database.read() as connection:
                undone = undone_batches(connection)
            consistent(database)
    assert whole(database) == first
    for state in whole(database)[0]:
        assert state[0]
    database.write(lambda c: [c.execute(t.delete()) for t in (tag, tag_alias, tag_revision)] and None)


def test_no_edit_leaves_half_of_itself(database):
    bees, wasps = numbers(database, "bees", "wasps")
    before, revisions = whole(database), count(database, tag_revision)
    for function, arguments in [(editing.rename, (bees, "wasps")), (editing.merge, (bees, bees))]:
        with pytest.raises(InvalidInput):
            edit(database, function, *arguments)
    assert whole(database) == before and count(database, tag_revision) == revisions
    assert wasps
