"""Whatever happens to the server, the page or the other reviewer: each decision is stored once, in order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page

from tests.browser.app import Work, tagged_talks
from tests.browser.conftest import Watch
from tests.browser.steps import all_saved, handled, keys, open_review, quiet, reviewed

STEPS = [  # keys on one item, and the actions they stand for
    (["Enter"], ["accept"]),
    (["2", "Enter"], ["edit", "accept"]),
    (["x"], ["reject"]),
    (["s"], ["skip"]),
    (["3", "1", "Enter"], ["edit", "edit", "accept"]),
]


def plan(number: int) -> tuple[list[str], list[tuple[str, str]]]:
    """`number` keys that are one decision each, and the (external id, action) that must be stored for them."""
    pressed: list[str] = []
    expected: list[tuple[str, str]] = []
    item = 0
    while len(pressed) < number:
        keys_here, actions = STEPS[item % len(STEPS)]
        item += 1
        pressed += keys_here
        expected += [(f"t-{item:03d}", action) for action in actions]
    return pressed[:number], expected[:number]


def stored(work: Work) -> list[tuple[str, str]]:
    return [(event.external_id, event.action) for event in work.events() if event.applied]


def test_a_hundred_keys_while_the_server_is_killed(work: Work, page: Page, watch: Watch) -> None:
    corpus = tagged_talks(work, 130)
    pressed, expected = plan(100)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    page.wait_for_function("tagloomReview.prefetched() >= 100")
    watch.outage = True
    for number, key in enumerate(pressed):
        if number == 40:
            work.app.kill()
        if number == 70:
            work.app.start(wait=False)
        page.keyboard.press(key)
        time.sleep(0.02)
    handled(page)
    work.app.wait()
    all_saved(page)
    assert stored(work) == expected
    events = work.events()
    assert len({event.uuid for event in events}) == len(events) == 100
    assert work.states()["t-001"] == ("done", (1, 2, 3, 4), ())
    page.wait_for_function("document.querySelector('.tl-rv-saved').textContent.startsWith('saved')")
    assert page.locator(".tl-rv-foot .tl-danger:visible").count() == 0


def test_a_reload_in_the_middle_keeps_what_is_not_saved(work: Work, page: Page, watch: Watch) -> None:
    corpus = tagged_talks(work, 40)
    pressed, expected = plan(30)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, pressed[:10], 0.02)
    all_saved(page)
    watch.outage = True
    work.app.kill()
    keys(page, pressed[10:25], 0.02)
    handled(page)
    assert page.evaluate("tagloomReview.unsaved()") == 15
    page.wait_for_function("document.querySelector('.tl-rv-saved').textContent.includes('15 not saved yet')")
    page.wait_for_function("document.querySelector('.tl-bar .tl-saved').textContent.includes('15 unsaved')")
    here = reviewed(page)["id"]
    page.wait_for_function("id => location.hash.includes('item=' + id)", arg=here)
    address = page.url
    with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        page.reload()
    work.app.start()
    page.goto("about:blank")
    open_review(page, address)
    assert reviewed(page)["id"] == here
    keys(page, pressed[25:], 0.02)
    all_saved(page)
    assert stored(work) == expected
    assert page.evaluate("tagloomReview.unsaved()") == 0


def test_undo_goes_all_the_way_back(work: Work, page: Page, watch: Watch) -> None:
    corpus = tagged_talks(work, 60)
    pressed, expected = plan(60)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, pressed, 0.01)
    all_saved(page)
    assert stored(work) == expected
    watch.outage = True
    work.app.kill()
    work.app.start()
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    keys(page, "u" * 61, 0.01)  # one more than there are
    handled(page)
    all_saved(page)
    page.wait_for_function("document.querySelector('.tl-rv-said').textContent.includes('Nothing left to undo')")
    assert reviewed(page)["external_id"] == "t-001"
    events = work.events()
    assert len(events) == 120 and all(event.applied for event in events)
    assert [event.action for event in events[60:]] == ["undo"] * 60
    assert [event.undoes for event in events[60:]] == [event.uuid for event in reversed(events[:60])]
    assert set(work.states().values()) == {("pending", (), ())}
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    assert page.locator(".tl-rv-item select >> nth=1").locator("option:checked").inner_text() == "Pending · 60"


def test_two_people_at_one_item_overwrite_nothing(work: Work, browse: Callable[..., Page], watch: Watch) -> None:
    corpus = tagged_talks(work, 6)
    address = work.address(f"/review?corpus={corpus}&queue=all")
    ann, bob = browse(), browse()
    for page, name in ((ann, "Ann"), (bob, "Bob")):
        page.goto(work.address("/settings"))
        page.fill(".tl-settings-page input[autocomplete=name]", name)
        page.click("text=Save name")
        page.wait_for_selector("text=Saved")
        page.goto("about:blank")
        open_review(page, address)
    assert reviewed(ann)["id"] == reviewed(bob)["id"]

    keys(ann, ["1", "Enter"])  # without wind energy
    all_saved(ann)
    keys(bob, ["2"])  # without water, on what he saw before Ann had decided
    all_saved(bob)
    bar = bob.locator(".tl-rv-bar")
    bar.wait_for()
    assert re.search(r"Changed by Ann\b", bar.inner_text())
    assert work.states()["t-001"] == ("done", (2, 3, 4), (1,))  # Ann's, untouched
    assert [(e.action, e.applied) for e in work.events()] == [("edit", 1), ("accept", 1), ("edit", 0)]
    bob.reload()  # the choice waits for him, also over a reload
    bob.wait_for_function("window.tagloomReview && tagloomReview.current()")
    bar.wait_for()
    bar.get_by_role("button", name="Use mine").click()
    bar.wait_for(state="detached")
    all_saved(bob)
    assert work.states()["t-001"] == ("in_progress", (), (2,))
    assert len(work.events()) == 4

    keys(bob, ["j"])
    keys(ann, ["x"])  # t-002, nothing fits
    all_saved(ann)
    keys(bob, ["Enter"])
    all_saved(bob)
    bob.get_by_role("button", name="1 needs your choice").click()
    bob.locator("dialog[open]").get_by_role("button", name="Keep theirs").click()
    bob.wait_for_function("!document.querySelector('dialog[open]')")
    all_saved(bob)
    assert work.states()["t-002"] == ("done", (), (1, 2, 3, 4))
    people = {person.name: person.id for person in work.host.people()}
    assert {event.person for event in work.events()} == {people["Ann"], people["Bob"]}
    quiet(bob)
