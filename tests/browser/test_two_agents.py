"""Two agents' answers side by side: what both say with one key, new tags with one key each, and where they disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from playwright.sync_api import Page

from tests import making
from tests.browser.app import Work, talks
from tests.browser.steps import all_saved, handled, keys, open_review, quiet, reviewed

NAMES = ("wind energy", "denmark", "climate change", "design", "power grid", "energy storage", "history")


def two_agents(work: Work, number: int = 6) -> tuple[str, dict[str, str]]:
    """Talks that both agents have tagged: they disagree about t-002 and t-004. The corpus' id, and name → tag id."""
    corpus = work.fill(talks(number))
    tags = making.add_tags(work.database, *NAMES)
    near = [
        {"tag": tags["energy storage"], "name": "energy storage", "similarity": 0.71},
        {"tag": tags["power grid"], "name": "power grid", "similarity": 0.66},
        {"tag": tags["climate change"], "name": "climate change", "similarity": 0.41},
    ]
    new = {"votes": 2, "samples": 5, "nearest": near}
    far = {"votes": 1, "samples": 5, "nearest": []}
    said: dict[str, Any] = {}
    chosen: dict[str, list[tuple[str, float]]] = {}
    for n in range(1, number + 1):
        key = f"t-{n:03d}"
        if n in (2, 4):
            chosen[key] = [(tags["design"], 0.51), (tags["history"], 0.34)]
        else:
            chosen[key] = [(tags["wind energy"], 0.93), (tags["denmark"], 0.88), (tags["climate change"], 0.61)]
        matched = {"votes": 4, "samples": 5, "match": "meaning", "similarity": 0.84, "nearest": []}
        exact = {"votes": 5, "samples": 5, "match": "exact", "similarity": 1.0, "nearest": []}
        said[key] = [
            (tags["wind energy"], "wind parks", 0.8, matched),
            (tags["denmark"], "Denmark", 1.0, exact),
        ]
        if n == 1:
            said[key] += [
                (
                    tags["power grid"],
                    "power grids",
                    0.6,
                    {"votes": 3, "samples": 5, "match": "stem", "similarity": 1.0},
                ),
                (None, "demand response", 0.4, new),
                (None, "offshore engineering", 0.2, far),
                (None, "tidal lagoons", 0.2, {**new, "votes": 1}),
            ]
        if n == 3:
            said[key] += [(None, "demand response", 0.4, new)]
    making.suggest(work.database, chosen)
    making.generate(work.database, said)
    return corpus, tags


def groups(page: Page) -> dict[str, list[str]]:
    """Label → names of the chips below it."""
    found = page.eval_on_selector_all(
        ".tl-rv-group",
        """all => all.map(group => [group.querySelector('.tl-label').textContent,
             [...group.querySelectorAll('.tl-rv-chip')].map(chip => chip.dataset.name)])""",
    )
    return dict(found)


def marks(page: Page) -> dict[str, str]:
    """What stands in front of each chip."""
    found = page.eval_on_selector_all(
        ".tl-rv-chip", "all => all.map(chip => [chip.dataset.name, chip.querySelector('.tl-rv-tick').textContent])"
    )
    return dict(found)


def asked(page: Page) -> str:
    """The new tag that m, n and d are about."""
    return page.evaluate("document.querySelector('.tl-rv-asked')?.dataset.name ?? ''")


def names_of(work: Work, ids: tuple[int, ...]) -> set[str]:
    from core.vocabulary.store import tag_names

    with work.database.read() as connection:
        return set(tag_names(connection, set(ids)).values())


def test_what_both_say_is_accepted_with_one_key(work: Work, page: Page) -> None:
    corpus, tags = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    assert groups(page) == {
        "Both agree": ["wind energy", "denmark"],
        "Selective only": ["climate change"],
        "Generative only": ["power grid"],
        "New": ["demand response", "offshore engineering", "tidal lagoons"],
    }
    assert "wind parks →" in page.inner_text(".tl-rv-chip[data-name='wind energy']")
    assert "3 of 5" in page.inner_text(".tl-rv-chip[data-name='power grid']").replace("\n", " ")
    assert set(reviewed(page)["ticked"]) == {tags["wind energy"], tags["denmark"]}
    page.keyboard.press("Enter")
    handled(page)
    all_saved(page)
    assert reviewed(page)["external_id"] == "t-002"
    status, accepted, rejected = work.states()["t-001"]
    assert status == "done" and names_of(work, accepted) == {"wind energy", "denmark"}
    assert names_of(work, rejected) == {"climate change", "power grid"}
    (event,) = work.events()
    assert orjson.loads(event.after)["dropped"] == [], "what nobody decided stays undecided"
    assert [None, "G", 0.4, "demand response"] in orjson.loads(event.shown)["suggestions"]


def test_new_tags_are_mapped_added_and_dropped_by_one_key_each(work: Work, page: Page) -> None:
    corpus, tags = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    assert asked(page) == "demand response"
    keys(page, ["ArrowRight", "m"])
    handled(page)
    assert asked(page) == "offshore engineering"
    assert "→ power grid" in page.inner_text(".tl-rv-chip[data-name='demand response']").replace("\n", " ")
    keys(page, ["m"])  # nothing is near it
    handled(page)
    assert "No tag is near" in page.inner_text(".tl-rv-said")
    keys(page, ["n", "d"])
    handled(page)
    before = marks(page)
    assert before["demand response"] == "→" and before["offshore engineering"] == "✓" and before["tidal lagoons"] == "✕"
    assert "decided" in page.inner_text(".tl-rv-fresh")
    all_saved(page)
    assert before == marks(page), "the answer of the server changes nothing that is shown"
    changes = [orjson.loads(event.change) for event in work.events()]
    assert [(c["new"], c["to"]) for c in changes] == [
        ("demand response", "mapped"),
        ("offshore engineering", "added"),
        ("tidal lagoons", "dropped"),
    ]
    assert changes[0]["tag"] == tags["power grid"]
    after = orjson.loads(work.events()[-1].after)
    assert after["dropped"] == ["demand response", "tidal lagoons"]
    assert names_of(work, tuple(after["accepted"])) == {"power grid", "offshore engineering"}

    keys(page, ["u"])
    handled(page)
    assert marks(page)["tidal lagoons"] == "+" and asked(page) == "tidal lagoons"
    keys(page, ["6", "d"])  # chosen by its digit: the one that was added is taken off again
    handled(page)
    all_saved(page)
    assert marks(page)["offshore engineering"] == "✕"
    assert names_of(work, work.states()["t-001"][1]) == {"power grid"}

    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    assert reviewed(page)["external_id"] == "t-001"
    keys(page, ["u", "u", "u"])
    handled(page)
    all_saved(page)
    state = reviewed(page)["state"]
    assert (state["accepted"], state["dropped"]) == ([], [])
    page.keyboard.press("Enter")
    handled(page)
    all_saved(page)
    assert names_of(work, work.states()["t-001"][1]) == {"wind energy", "denmark"}


def test_the_same_word_is_offered_its_last_meaning_first(work: Work, page: Page) -> None:
    corpus, tags = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, ["ArrowRight", "m", "j", "j"])
    page.wait_for_function("tagloomReview.current()?.external_id === 't-003'")
    handled(page)
    assert page.inner_text(".tl-rv-near-one >> nth=0").split()[1:3] == ["power", "grid"]
    keys(page, ["m"])
    handled(page)
    all_saved(page)
    assert [orjson.loads(event.change)["tag"] for event in work.events()] == [tags["power grid"]] * 2


def test_a_new_tag_is_decided_by_touch_and_again(browse: Callable[..., Page], work: Work) -> None:
    corpus, _ = two_agents(work)
    page = browse(390, 844, is_mobile=True, has_touch=True)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.tap(".tl-rv-chip[data-name='tidal lagoons']")
    handled(page)
    assert asked(page) == "tidal lagoons"
    page.tap(".tl-rv-near-one:has-text('power grid')")
    handled(page)
    assert marks(page)["tidal lagoons"] == "→"
    page.tap(".tl-rv-chip[data-name='tidal lagoons']")
    page.tap(".tl-rv-fresh button:has-text('Add to the vocabulary')")
    handled(page)
    all_saved(page)
    assert names_of(work, work.states()["t-001"][1]) == {"power grid", "tidal lagoons"}, "power grid was suggested, too"
    low = page.eval_on_selector_all(
        ".tl-rv-fresh button", "all => all.filter(e => e.getBoundingClientRect().height < 39.5).map(e => e.textContent)"
    )
    assert low == []


def test_a_new_tag_that_was_taken_in_is_a_tag_elsewhere(work: Work, page: Page) -> None:
    corpus, _ = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, ["n", "Enter"])
    handled(page)
    all_saved(page)
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    keys(page, ["j"])
    page.wait_for_function("tagloomReview.current()?.external_id === 't-003'")
    quiet(page)
    assert groups(page)["Generative only"] == ["demand response"] and "New" not in groups(page)


def test_blind_review_hides_who_said_what(work: Work, page: Page) -> None:
    corpus, _ = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.keyboard.press("b")
    handled(page)
    assert list(groups(page)) == ["Suggested", "New"]
    shown = page.inner_text(".tl-rv-chips")
    for sign in (" of 5", "wind parks", ".71", ".93"):
        assert sign not in shown, sign
    spoken = page.eval_on_selector_all(".tl-rv-chip", "all => all.map(chip => chip.getAttribute('aria-label')).join()")
    assert "enerative" not in spoken and "elective" not in spoken
    assert not page.locator(".tl-rv-chip.tl-G, .tl-rv-chip.tl-S, .tl-rv-chip.tl-both").count()
    keys(page, ["d", "Enter"])
    handled(page)
    all_saved(page)
    assert len(work.events()) == 2


def test_the_queue_of_disagreements(work: Work, page: Page) -> None:
    corpus, _ = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    select = page.locator(".tl-rv-item select[aria-label=Agreement]")
    assert select.locator("option >> nth=1").inner_text() == "Agents disagree · 2"  # new words are no disagreement
    keys(page, ["j", "j"])
    select.select_option("disagree")
    page.wait_for_function("document.querySelector('.tl-rv-progress').textContent === '0 of 2 reviewed'")
    assert reviewed(page)["external_id"] == "t-002"
    assert set(groups(page)) == {"Selective only", "Generative only"} and reviewed(page)["ticked"] == []
    keys(page, ["1", "Enter"])
    handled(page)
    assert reviewed(page)["external_id"] == "t-004"
    assert "1 of 2 reviewed" in page.inner_text(".tl-rv-progress")
    page.wait_for_function("id => location.hash.includes('item=' + id)", arg=reviewed(page)["id"])
    assert "queue=disagree" in page.url and "status=pending" in page.url
    all_saved(page)
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()?.external_id === 't-004'")
    assert select.input_value() == "disagree"
    keys(page, ["u"])  # fetched from the server: this page did not decide it
    page.wait_for_function("tagloomReview.current()?.external_id === 't-002'")
    keys(page, ["u", "Enter", "Enter"])
    page.wait_for_selector("text=Every disagreement is settled")
    all_saved(page)
    assert {key for key, state in work.states().items() if state[0] == "done"} == {"t-002", "t-004"}


def test_none_fits_drops_the_new_ones_too(work: Work, page: Page) -> None:
    corpus, _ = two_agents(work)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.keyboard.press("x")
    handled(page)
    all_saved(page)
    after = orjson.loads(work.events()[0].after)
    assert after["accepted"] == [] and set(after["dropped"]) == {
        "demand response",
        "offshore engineering",
        "tidal lagoons",
    }
