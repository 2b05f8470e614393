"""Shaping a vocabulary: proposals under the keys, the line, the history, an edit in place."""

from __future__ import annotations

from playwright.sync_api import Page
from sqlalchemy import select

from core.store.runs import Recipe, start_run
from core.store.schema import proposal
from core.vocabulary.proposals import Proposal, store_proposals
from core.vocabulary.store import all_tags
from tests.browser.app import Work
from tests.browser.steps import quiet
from tests.making import ANN


def propose(work: Work, *made: Proposal) -> None:
    recipe = Recipe("vocabulary", "build", "builtin", "none", {})
    run = work.database.write(lambda c: start_run(c, 0, recipe, ANN, None))
    work.database.write(lambda c: store_proposals(c, run, list(made)))


def tags(work: Work) -> dict[str, set[str]]:
    with work.database.read() as connection:
        return {tag.name: set(tag.aliases) for tag in all_tags(connection)}


def states(work: Work) -> list[str]:
    with work.database.read() as connection:
        return sorted(connection.execute(select(proposal.c.state)).scalars())


def settled(page: Page) -> None:
    page.wait_for_function("window.tagloomProposals?.unsaved() === 0")
    quiet(page)


def current(page: Page) -> str:
    page.wait_for_selector(".tl-prop.tl-on")
    return page.locator(".tl-prop.tl-on .tl-chip b").first.inner_text()


def test_proposals_under_the_keys(work: Work, page: Page) -> None:
    propose(
        work,
        Proposal(
            "add", "wind energy", 0.97, 9, aliases=("wind power",), detail={"examples": [{"id": "1", "title": "Kites"}]}
        ),
        Proposal("merge", "neural nets", 0.95, 4, "neural networks", detail={"cosine": 0.97, "jaccard": 0.61}),
        Proposal("add", "bread", 0.8, 3),
        Proposal("add", "butter", 0.7, 2),
    )
    page.goto(work.address("/vocabulary"))
    assert current(page) == "wind energy"
    assert "Kites" in page.inner_text(".tl-prop.tl-on") and page.inner_text(".tl-shape h2") == "4 proposals"
    page.keyboard.press("a")
    assert current(page) == "neural nets" and "same items 61 %" in page.inner_text(".tl-prop.tl-on")
    page.keyboard.press("a")
    page.keyboard.press("r")
    page.keyboard.press("l")
    settled(page)
    assert states(work) == ["accepted", "accepted", "later", "rejected"]
    assert tags(work) == {"wind energy": {"wind power"}, "neural networks": {"neural nets"}}
    page.wait_for_selector(".tl-tags tbody tr >> nth=1")
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert current(page) == "bread"
    page.keyboard.press("u")
    settled(page)
    assert tags(work) == {"wind energy": {"wind power"}} and states(work) == ["accepted", "open", "open", "open"]


def test_the_line_and_the_way_back(work: Work, page: Page) -> None:
    propose(work, *(Proposal("add", f"tag {n}", round(0.5 + n / 40, 4), n) for n in range(20)))
    page.goto(work.address("/vocabulary"))
    button = page.locator(".tl-shape-foot .tl-btn")
    page.wait_for_selector(".tl-shape-foot >> text=Accept 4")
    line = page.get_by_label("Line above which all are accepted")
    line.fill("0.75")
    page.wait_for_selector(".tl-shape-foot >> text=Accept 10")
    button.click()
    page.wait_for_selector(".tl-undo >> text=Accepted 10 proposals")
    settled(page)
    assert len(tags(work)) == 10
    page.click(".tl-undo >> text=Undo")
    page.wait_for_selector(".tl-undo >> text=Undone.")
    settled(page)
    assert tags(work) == {} and set(states(work)) == {"open"}


def test_a_tag_is_edited_in_place_and_the_history_undoes_it(work: Work, page: Page) -> None:
    propose(work, Proposal("add", "bees", 0.9, 3))
    page.goto(work.address("/vocabulary"))
    assert current(page) == "bees"
    page.keyboard.press("a")
    page.click(".tl-tag-open >> text=bees")
    name = page.locator(".tl-tag-form input").first
    name.fill("honey bees")
    name.press("Enter")
    page.wait_for_selector(".tl-tag-open >> text=honey bees")
    page.locator(".tl-alias-new").fill("apis")
    page.locator(".tl-alias-new").press("Enter")
    page.wait_for_selector(".tl-tag-aliases >> text=apis")
    quiet(page)
    assert tags(work) == {"honey bees": {"bees", "apis"}}
    page.click(".tl-voc-head >> text=History")
    page.locator("dialog[open] .tl-edit").first.locator("button").click()
    page.wait_for_selector("dialog[open] .tl-edit.tl-undone")
    quiet(page)
    assert tags(work) == {"honey bees": {"bees"}}
