"""The Insights tab: what it teaches while there is nothing, and the way from a figure to the items behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests import making
from tests.browser.app import Work, talks
from tests.browser.steps import quiet


def open_insights(page: Page, work: Work, corpus: str = "") -> None:
    page.goto(work.address(f"/insights?corpus={corpus}" if corpus else "/insights"))
    page.wait_for_selector(".tl-in-card, .tl-in .tl-empty")
    quiet(page)


def compared(work: Work, number: int = 24) -> str:
    """Talks with gold labels, tagged by both agents, two of them reviewed; the corpus' id."""
    rows = talks(number)
    for n, row in enumerate(rows):
        row["labels"] = ["wind", "bread"] if n % 2 else ["wind"]
    corpus = work.fill(rows, roles={"labels": "gold"})
    tags = making.add_tags(work.database, "wind", "bread", "water", "prices")
    said = {row["id"]: [(tags["wind"], 0.9), (tags["water"], 0.4)] for row in rows}
    making.suggest(work.database, said)
    making.generate(
        work.database,
        {
            row["id"]: [(tags["wind"], "winds", 0.8, {}), (tags["prices"], "prices", 0.2, {"votes": 1, "samples": 5})]
            for row in rows
        },
    )
    ids = making.ids_of(work.database)
    for key in ("t-001", "t-002"):
        making.decide(work.database, making.event(ids[key], 0, "done", [tags["wind"]], [tags["water"]]))
    return corpus


def card(page: Page, question: str) -> str:
    return page.locator(f"section[aria-label='{question}']").inner_text()


METHODS = "How well do the methods meet the gold labels?"
AGREE = "Do the agents agree?"
TAGS = "Which tags are over-used or missed?"
REVIEW = "How far is the review?"


def test_what_is_missing_is_explained(work: Work, page: Page) -> None:
    open_insights(page, work)
    assert "Nothing to look into yet" in page.inner_text(".tl-in")
    work.fill(talks(3))
    open_insights(page, work)
    assert "This corpus has no gold labels" in card(page, METHODS)
    assert "It takes two" in card(page, AGREE)
    assert "Gold labels tell" in card(page, TAGS)
    assert "Nothing has been reviewed" in card(page, REVIEW)
    page.click("text=Start reviewing")
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")


def test_figures_lead_to_the_items_behind_them(work: Work, page: Page) -> None:
    corpus = compared(work)
    open_insights(page, work, corpus)
    # selective: wind right on all 24, water wrong on all: P .5, R 24 of 36; generative the same with words instead
    spoken = page.locator(f"section[aria-label='{METHODS}'] svg").first.get_attribute("aria-label") or ""
    assert spoken.startswith("Precision: Generative, builtin, run 2 .500, Selective, builtin, run 1 .500")
    assert "Recall: Generative, builtin, run 2 .667" in (
        page.locator(f"section[aria-label='{METHODS}'] svg").nth(1).get_attribute("aria-label") or ""
    )
    page.select_option("select[aria-label='Counted by']", "before_matching")
    # a selective run says no words of its own
    page.wait_for_selector(".tl-in-three svg[aria-label^='Precision: ']:not([aria-label*=Selective])")
    assert "2 decisions by 1 person" in card(page, REVIEW) and "50 % kept, 50 % not" in card(page, REVIEW)
    page.click(f"section[aria-label='{TAGS}'] button:has-text('Selective')")
    page.click(f"section[aria-label='{TAGS}'] .tl-in-tag:has-text('water')")
    page.locator("dialog.tl-item-drawer[open] :text('Talk number 1')").first.wait_for()
    page.keyboard.press("Escape")
    assert "24 of 24 items share less than half" in card(page, AGREE)
    page.click("text=Review 22 disagreements")
    page.wait_for_function("window.tagloomReview && tagloomReview.current()?.external_id === 't-003'")
    assert "queue=disagree" in page.url


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_reaches_beyond_the_edge(work: Work, browse: Callable[..., Page], width: int) -> None:
    corpus = compared(work)
    page = browse(width, 844)
    open_insights(page, work, corpus)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    beyond = page.evaluate(
        """width => [...document.querySelectorAll('.tl-in svg text, .tl-in svg rect, .tl-in button')]
          .filter(each => each.getBoundingClientRect().right > width).map(each => each.outerHTML.slice(0, 100))""",
        width,
    )
    assert beyond == []
