"""What a person does and sees on the page, one short function each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from playwright.sync_api import Locator, Page

TABS = ("corpora", "vocabulary", "review", "settings")
READY = {
    "corpora": ".tl-corpora-page",
    "vocabulary": ".tl-voc-page",
    "review": ".tl-rv",
    "settings": ".tl-settings-page .tl-checks li",
}
SLOW = 180_000  # ms; where a model is loaded on a busy machine


def tab(page: Page, name: str) -> None:
    """Open a tab by its button and wait until it shows something."""
    page.click(f"#tl-tab-{name}-button")
    page.wait_for_selector(READY[name])


def quiet(page: Page) -> None:
    """Wait until the page has fetched what it wanted and has drawn it."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")


def open_review(page: Page, address: str) -> None:
    """Open the page at an item to review."""
    page.goto(address)
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")


def reviewed(page: Page) -> dict[str, Any]:
    """The item on the screen: id, position, external_id, title, state, ticked."""
    found = page.evaluate("tagloomReview.current()")
    assert found is not None, page.inner_text(".tl-rv-body")
    return dict(found)


def keys(page: Page, pressed: Iterable[str], pause: float = 0.0) -> None:
    """Press keys one after the other, `pause` seconds apart."""
    for key in pressed:
        page.keyboard.press(key)
        if pause:
            time.sleep(pause)


def all_saved(page: Page, milliseconds: int = 60_000) -> None:
    """Wait until the server has acknowledged every decision."""
    page.wait_for_function("tagloomReview.unsaved() === 0", timeout=milliseconds)


def handled(page: Page) -> None:
    """Wait until every key that was pressed has been dealt with (acknowledged or not)."""
    page.evaluate(
        """async () => {
          for (let still = 0, last = -1; still < 3; ) {
            await new Promise(done => setTimeout(done, 30));
            const now = tagloomReview.unsaved() + ' ' + tagloomReview.current()?.id;
            still = now === last ? still + 1 : 0;
            last = now;
          }
        }"""
    )


def drawer(page: Page) -> Locator:
    """The jobs drawer, opened from the bar if it is not open yet."""
    found = page.locator("dialog.tl-drawer[open]")
    if not found.count():
        page.click(".tl-bar button[title='All jobs']")
    found.wait_for()
    return found


def close_dialogs(page: Page) -> None:
    """Close what floats, with Esc, as a person does."""
    while page.locator("dialog[open]").count():
        before = page.locator("dialog[open]").count()
        page.keyboard.press("Escape")
        page.wait_for_function("n => document.querySelectorAll('dialog[open]').length < n", arg=before)
