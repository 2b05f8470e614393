"""The pure parts of the review page in an empty page: what each key makes of an item, and what answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.app import App

Evaluate = Callable[[str], Any]

# Two agents: both say a, S says b, G says c, and G says two words that the vocabulary does not have.
SETUP = """
  const names = { a: 'Apples', b: 'Bees', c: 'Cats', z: 'Zebra crossing', made: 'New Thing' };
  const name = tag => names[tag] ?? tag;
  const near = [{ tag: 'z', name: 'Zebra crossing', similarity: 0.7 }, { tag: 'b', name: 'Bees', similarity: 0.6 }];
  const say = (agent, tag, rank, more = {}) =>
    ({ tag, agent, run: agent, name: names[tag], score: 1 - rank / 10, rank, evidence: [{ field: agent }], ...more });
  const word = (text, rank, more = {}) =>
    ({ tag: null, agent: 'G', run: 'G', name: text, value: text, key: is.keyOf(text), new: true, score: 0.3, rank,
       votes: 2, samples: 5, nearest: near, evidence: [], ...more });
  const item = {
    agents: ['G', 'S'],
    suggestions: [say('S', 'a', 1), say('S', 'b', 2),
                  say('G', 'a', 2, { value: 'apple trees', similarity: 0.84, votes: 4, samples: 5 }), say('G', 'c', 3),
                  word('New Thing', 4), word('Far away', 5, { nearest: [] })],
  };
  const state = (more = {}) => ({ status: 'pending', accepted: [], rejected: [], dropped: [], version: 0, ...more });
  const chip = key => is.freshTags(item).find(each => each.key === key);
"""


@pytest.fixture
def blank(app: App, page: Page) -> Iterator[Page]:
    """A page of the server that shows nothing: its modules can be loaded from there."""
    page.goto(f"{app.url}/tagloom/assets/icons/tagloom.svg")
    yield page


@pytest.fixture
def state_of(blank: Page) -> Evaluate:
    """`state_of(js)`: the value of an expression over `is` (the module), `item`, `state`, `chip` and `name`."""
    module = "/tagloom/assets/js/review_state.js"
    return lambda js: blank.evaluate(f"async () => {{ const is = await import('{module}'); {SETUP} return {js}; }}")


def test_groups_of_two_agents(state_of: Evaluate) -> None:
    found = state_of(
        "is.groups(item, [{ tag: 'z', name: 'Zebra' }], false).map(g => [g.label, g.chips.map(c => c.id)])"
    )
    assert found == [
        ["Both agree", ["a"]],
        ["Selective only", ["b"]],
        ["Generative only", ["c"]],
        ["New", ["+new thing", "+far away"]],
        ["Yours", ["z"]],
    ]
    both = state_of("is.groups(item, [], false)[0].chips[0]")
    assert both["agents"] == ["S", "G"] and both["score"] == 0.9 and both["rank"] == 1
    assert both["said"] == {"value": "apple trees", "similarity": 0.84}
    assert [each["field"] for each in both["evidence"]] == ["S", "G"]


def test_blind_groups_say_nothing_of_agents(state_of: Evaluate) -> None:
    found = state_of("is.groups(item, [], true).map(g => [g.label, g.chips.map(c => c.name)])")
    assert found == [["Suggested", ["Apples", "Bees", "Cats"]], ["New", ["Far away", "New Thing"]]]


def test_one_agent_has_one_group_and_all_is_ticked(state_of: Evaluate) -> None:
    one = "({ ...item, agents: ['S'], suggestions: item.suggestions.filter(s => s.agent === 'S') })"
    assert state_of(f"is.groups({one}, [], false).map(g => g.label)") == ["Selective"]
    assert state_of(f"is.preTicked({one})") == ["a", "b"]


def test_an_agent_that_found_nothing_agrees_to_nothing(state_of: Evaluate) -> None:
    silent = "({ ...item, suggestions: item.suggestions.filter(s => s.agent === 'S') })"
    assert state_of(f"is.preTicked({silent})") == []
    assert state_of(f"is.groups({silent}, [], false).map(g => g.label)") == ["Selective only"]


def test_what_is_ticked(state_of: Evaluate) -> None:
    assert state_of("is.ticked(item, state())") == ["a"]
    assert state_of("is.ticked(item, state({ rejected: ['a'], accepted: ['c'] }))") == ["c"]
    assert state_of("is.ticked(item, state({ status: 'done' }))") == []
    assert state_of(
        "['a', 'b', 'c', 'z'].map(t => is.face(t, state({ accepted: ['c'], rejected: ['b'] }), ['a', 'c']))"
    ) == [
        "soft",
        "no",
        "yes",
        "open",
    ]


def test_a_toggle_there_and_back(state_of: Evaluate) -> None:
    assert state_of("is.toggled(item, state(), 'a')") == {"tag": "a", "to": "rejected"}
    assert state_of("is.toggled(item, state(), 'b')") == {"tag": "b", "to": "accepted"}
    assert state_of("is.toggled(item, state({ accepted: ['z'] }), 'z')") == {"tag": "z", "to": "none"}
    assert state_of("is.set(state({ accepted: ['a'], dropped: ['k'] }), 'a', 'rejected')") == {
        "status": "in_progress",
        "accepted": [],
        "rejected": ["a"],
        "dropped": ["k"],
    }


def test_enter_and_none_fits(state_of: Evaluate) -> None:
    assert state_of("is.accepted(item, state({ dropped: ['far away'] }))") == {
        "status": "done",
        "accepted": ["a"],
        "rejected": ["b", "c"],
        "dropped": ["far away"],
    }
    none = state_of("is.rejected(item, state({ accepted: ['z'] }))")
    assert none["accepted"] == [] and set(none["rejected"]) == {"a", "b", "c"}
    assert set(none["dropped"]) == {"new thing", "far away"}


def test_the_new_tag_in_question(state_of: Evaluate) -> None:
    assert state_of("is.inQuestion(item, state(), name).id") == "+new thing"
    assert state_of("is.inQuestion(item, state({ dropped: ['new thing'] }), name).id") == "+far away"
    assert state_of("is.inQuestion(item, state({ dropped: ['new thing'] }), name, '+new thing').id") == "+new thing"
    assert state_of("is.inQuestion(item, state({ dropped: ['new thing', 'far away'] }), name)") is None


def test_a_new_tag_mapped_added_dropped_and_opened_again(state_of: Evaluate) -> None:
    mapped = "is.settled(item, state(), chip('new thing'), 'mapped', 'z', name)"
    assert state_of(mapped) == {"status": "in_progress", "accepted": ["z"], "rejected": [], "dropped": ["new thing"]}
    assert state_of(f"is.fate({{ ...chip('new thing'), mapped: 'z' }}, {mapped}, name)") == {"to": "mapped", "tag": "z"}
    assert state_of(f"is.fate(chip('new thing'), {mapped}, name)") == {"to": "dropped"}, "z may stand there by itself"

    added = "is.settled(item, state({ dropped: ['new thing'] }), chip('new thing'), 'added', 'made', name)"
    assert state_of(added) == {"status": "in_progress", "accepted": ["made"], "rejected": [], "dropped": []}
    assert state_of(f"is.fate(chip('new thing'), {added}, name)") == {"to": "added", "tag": "made"}
    dropped = f"is.settled(item, {added}, chip('new thing'), 'dropped', undefined, name)"
    assert state_of(dropped) == {"status": "in_progress", "accepted": [], "rejected": [], "dropped": ["new thing"]}
    assert state_of(f"is.settled(item, {dropped}, chip('new thing'), 'open', undefined, name).dropped") == []


def test_another_mapping_takes_the_first_one_back_unless_it_was_suggested(state_of: Evaluate) -> None:
    once = "is.settled(item, state(), chip('new thing'), 'mapped', '{}', name)"
    twice = "is.settled(item, {}, {{ ...chip('new thing'), mapped: '{}' }}, 'mapped', 'c', name).accepted"
    assert state_of(twice.format(once.format("z"), "z")) == ["c"]
    assert state_of(twice.format(once.format("b"), "b")) == ["b", "c"]


def test_what_a_word_was_mapped_to_before_comes_first(state_of: Evaluate) -> None:
    first = "is.meantFirst(near, {{ tag: '{}', name: 'x' }}).map(each => [each.tag, each.similarity])"
    assert state_of(first.format("b")) == [["b", 0.6], ["z", 0.7]]
    assert state_of(first.format("q")) == [["q", None], ["z", 0.7], ["b", 0.6]]


def test_states_that_say_the_same(state_of: Evaluate) -> None:
    same = "is.same(state({}), state({}))"
    assert state_of(same.format("{ accepted: ['a', 'b'] }", "{ accepted: ['b', 'a'], version: 7 }"))
    assert not state_of("is.same(state({ dropped: ['x'] }), state())")
    assert state_of("is.same(state({ dropped: undefined }), state())"), "an older state knows of none"
    assert state_of("is.same(state({ status: 'again' }), state({ status: 'done' }))")
    assert state_of("is.plain({ status: 'done', accepted: ['a'], rejected: [], version: 3 })") == {
        "status": "done",
        "accepted": ["a"],
        "rejected": [],
        "dropped": [],
    }


def test_real_ids_take_the_place_of_made_ones(state_of: Evaluate) -> None:
    event = """({ change: { new: 'New Thing', to: 'added', tag: 'made' }, new_tags: [{ id: 'made', name: 'New Thing' }],
      after: { status: 'done', accepted: ['made', '7'], rejected: [], dropped: ['k'] },
      shown: { ticked: ['made'] } })"""
    assert state_of(f"is.renamed({event}, {{ made: '7' }})") == {
        "change": {"new": "New Thing", "to": "added", "tag": "7"},
        "new_tags": [],
        "after": {"status": "done", "accepted": ["7"], "rejected": [], "dropped": ["k"]},
        "shown": {"ticked": ["7"]},
    }


@pytest.mark.parametrize(("name", "key"), [("  Wind  Energy ", "wind energy"), ("ＡＢＣ", "abc"), ("風力", "風力")])
def test_when_two_names_are_the_same(state_of: Evaluate, name: str, key: str) -> None:
    assert state_of(f"is.keyOf({name!r})") == key


# what the server's answers mean for the outbox

ROWS = """
  const row = (uuid, item, version, after = {}) => ({ project: 'p', key: uuid, title: item, before: {},
    event: { uuid, item, version, action: 'edit', change: null, new_tags: [], shown: { ticked: [] },
             after: { status: 'done', accepted: [], rejected: [], dropped: [], ...after } } });
  const theirs = { status: 'done', accepted: ['9'], rejected: [], dropped: [], version: 5 };
  const taken = (uuid, tags = {}) => ({ uuid, ok: true, version: 1, state: theirs, tags });
  const lost = uuid => ({ uuid, ok: false, conflict: true, state: theirs, by: 'bob', at: null });
"""


@pytest.fixture
def settled(blank: Page) -> Evaluate:
    module = "/tagloom/assets/js/outbox_settle.js"
    return lambda js: blank.evaluate(
        f"async () => {{ const {{ settle }} = await import('{module}'); {ROWS} return {js}; }}"
    )


def test_what_is_taken_leaves_the_outbox(settled: Evaluate) -> None:
    found = settled(
        """(() => {
          const r = [row('1', 'x', 0), row('2', 'y', 0)];
          return settle(r, [taken('1'), taken('2')], r, []);
        })()"""
    )
    assert (found["gone"], found["stored"], found["refused"]) == (["1", "2"], ["1", "2"], [])


def test_made_ids_are_replaced_in_what_still_waits(settled: Evaluate) -> None:
    js = """(() => {
      const sent = row('1', 'x', 0), waits = row('2', 'y', 0, { accepted: ['made'] });
      return settle([sent], [taken('1', { made: '7' })], [sent, waits], []);
    })()"""
    found = settled(js)
    assert found["tags"] == {"made": "7"} and found["gone"] == ["1"]
    (changed,) = found["changed"]
    assert changed["event"]["after"]["accepted"] == ["7"]
    assert {"store": "outbox", "key": "2", "value": changed} in found["writes"]


def test_followers_of_a_lost_decision_join_its_choice(settled: Evaluate) -> None:
    js = """(() => {
      const first = row('1', 'x', 0), then = row('2', 'x', 1, { dropped: ['word'] }), other = row('3', 'y', 0);
      return settle([first], [lost('1')], [first, then, other], []);
    })()"""
    found = settled(js)
    assert found["gone"] == ["1", "2"] and found["stored"] == []
    (entry,) = found["refused"]
    assert entry["kind"] == "conflict" and entry["by"] == "bob" and entry["theirs"]["accepted"] == ["9"]
    assert entry["row"]["event"]["uuid"] == "2" and entry["row"]["event"]["after"]["dropped"] == ["word"]
    assert [answer["result"].get("follows") for answer in found["answers"]] == [None, True]


def test_a_follower_stored_over_theirs_says_so(settled: Evaluate) -> None:
    js = """(() => {
      const r = [row('1', 'x', 0), row('2', 'x', 5)];
      return settle(r, [lost('1'), taken('2')], r, [])
    })()"""
    (entry,) = settled(js)["refused"]
    assert entry["applied"] is True and entry["row"]["event"]["uuid"] == "2"


def test_a_refusal_is_no_conflict(settled: Evaluate) -> None:
    js = """(() => {
      const r = [row('1', 'x', 0)];
      return settle(r, [{ uuid: '1', ok: false, message: 'No.', remedy: 'Stop.' }], r, []);
    })()"""
    (entry,) = settled(js)["refused"]
    assert (entry["kind"], entry["message"], entry["remedy"]) == ("error", "No.", "Stop.")


def test_what_was_not_answered_stays(settled: Evaluate) -> None:
    found = settled(
        "(() => { const r = [row('1', 'x', 0), row('2', 'y', 0)]; return settle(r, [taken('1')], r, []); })()"
    )
    assert found["gone"] == ["1"]
