"""What a stranger meets: `tagloom serve` on an empty data folder, with the demo project and the builtin engine."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from core.jobs.queue import JobQueue
from core.settings import Settings
from core.store.projects import DEMO, Host
from tests.browser.app import App
from tests.browser.steps import SLOW, TABS, close_dialogs, drawer, quiet, reviewed, tab
from tests.support import wait_for


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("demo"))
    try:
        app.start()
        yield app
    finally:
        app.stop()


def test_every_tab_opens_with_something_to_do(demo: App, page: Page) -> None:
    """Also asserts (fixture `watch`) that no tab and no dialog requests anything from elsewhere."""
    page.goto(demo.url)
    page.wait_for_selector(".tl-items .tl-item")
    assert page.inner_text(".tl-project").startswith("demo")
    assert page.locator(".tl-items .tl-item").count() == 50
    assert "of 60" in page.inner_text(".tl-browser .tl-pager")
    tab(page, "vocabulary")
    page.wait_for_selector(".tl-tags tbody tr")
    assert page.locator(".tl-tags tbody tr").count() == 50
    tab(page, "review")
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    assert page.inner_text(".tl-rv-title") == reviewed(page)["title"]
    tab(page, "settings")
    assert page.locator(".tl-checks li").count() >= 4
    assert str(demo.home) in page.inner_text(".tl-settings-page")
    for name in TABS:  # all dialogs, and the drawer on every tab
        tab(page, name)
        assert drawer(page).locator(".tl-job").count() == 3
        assert "Tag Stories" in drawer(page).inner_text()
        close_dialogs(page)
    page.click(".tl-bar button:has-text('builtin engine')")
    assert "nothing leaves this computer" in page.locator("dialog[open]").inner_text()
    close_dialogs(page)
    page.click(".tl-project")
    page.click(".tl-menu >> text=New project…")
    page.wait_for_selector("dialog[open] input")
    close_dialogs(page)
    tab(page, "corpora")
    page.click("text=Add…")
    page.wait_for_selector(".tl-drop")
    close_dialogs(page)
    page.click(".tl-side >> text=Export…")
    page.wait_for_selector("dialog[open] >> text=parquet")
    close_dialogs(page)
    page.click(".tl-items .tl-item-open >> nth=6")  # the Chinese one
    page.wait_for_selector("dialog[open] .tl-field")
    assert "番茄" in page.locator("dialog[open]").inner_text()
    close_dialogs(page)
    quiet(page)


def test_tried_on_ten_then_run_and_reviewed(demo: App, page: Page) -> None:
    """The builtin engine for real: the demo's own jobs first, then a second run started from the tag dialog."""
    host = Host(Settings(home=demo.home))
    queue = JobQueue(host)
    wait_for(lambda: {job.state for job in queue.recent(DEMO)} == {"done"}, 240)
    page.goto(demo.url + "/#/corpora")
    page.click(".tl-side >> text=Tag again…")
    page.fill("dialog[open] label:has-text('Tags per item') input", "5")
    page.click("dialog[open] >> text=Try on 10")
    page.wait_for_selector("dialog[open] .tl-tried > li", timeout=SLOW)
    tried = page.locator("dialog[open] .tl-tried > li")
    assert tried.count() == 10
    chips = page.locator("dialog[open] .tl-tried .tl-chip")
    assert chips.count() >= 10
    assert re.fullmatch(r"\.\d\d|1\.0", chips.first.locator(".tl-n").inner_text())
    assert all(tried.nth(n).locator(".tl-chip").count() <= 5 for n in range(10))
    button = page.locator("dialog[open] .tl-actions .tl-primary")
    assert re.match(r"Tag 60 items · (about \d+ (s|min)|a few seconds)", button.inner_text())
    button.click()
    page.wait_for_selector("dialog[open] .tl-job")
    close_dialogs(page)
    job = drawer(page).locator(".tl-job").first
    assert job.locator(".tl-job-title").inner_text() == "Tag Stories (selective, builtin)"
    page.wait_for_function(
        "document.querySelectorAll('dialog[open] .tl-job[data-state=done]').length === 4", timeout=SLOW
    )
    assert re.search(r"\d+ suggestions for 60 items", job.inner_text())
    job.locator("text=Open").click()
    page.wait_for_selector(".tl-rv-chip")
    runs = [entry for entry in queue.recent(DEMO) if entry.kind == "tag"]
    host.close()
    assert [run.state for run in runs] == ["done"] * 3 and runs[0].result["ok"] == 60
    chip = page.locator(".tl-rv-chip").first
    assert re.fullmatch(r"\.\d\d|1\.0", chip.locator(".tl-n").inner_text())
    assert page.locator(".tl-rv-chips").inner_text().upper().startswith("BOTH AGREE")
    assert chip.locator(".tl-who").inner_text().split() == ["S", "G"]
    assert "tl-both" in (chip.get_attribute("class") or "")
    chip.hover()
    page.wait_for_selector(".tl-rv-body mark")  # the passage that supports it
    tab(page, "corpora")
    page.wait_for_selector(".tl-runs .tl-run >> nth=1")
    page.wait_for_selector(".tl-runs .tl-run:first-child >> text=F1")
    assert "running" not in page.inner_text(".tl-runs")
    quiet(page)
