"""Jobs in the drawer: they outlive the server, are cancelled, resumed, and interrupted without harm.

A worker's process is stopped (SIGSTOP) while a test looks, so that nothing here depends on how fast an import is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page

from core.jobs.queue import Job
from tests import making
from tests.browser.app import Work, worker_of
from tests.browser.conftest import Watch
from tests.browser.steps import drawer, quiet

ROWS = 60_000


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows enough that an import of them can be met while it runs."""
    path = tmp_path_factory.mktemp("rows") / "long.csv"
    lines = (f"r{n},Row number {n},A few words about row {n}\n" for n in range(ROWS))
    path.write_text("id,title,description\n" + "".join(lines))
    return path


def start_import(work: Work, page: Page, path: Path) -> None:
    """Start importing a typed path by the page; leaves the dialog."""
    page.goto(work.address("/corpora?add=1"))
    page.fill("dialog[open] .tl-path input", str(path))
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .tl-note, dialog[open] .tl-map tbody tr")
    if page.locator("dialog[open] .tl-note").count():
        page.get_by_role("button", name="Allow this folder").click()
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    page.click("dialog[open] .tl-actions .tl-primary")
    page.wait_for_selector("dialog[open] .tl-job")
    page.keyboard.press("Escape")


def hold(work: Work, attempt: int = 1) -> tuple[Job, psutil.Process]:
    """Stop the newest job's process as soon as it has committed rows in this attempt."""
    job = work.newest_job()
    before = job.done if attempt > 1 else 0
    job = work.wait_for_job(job.id, lambda now: now.attempt >= attempt and now.state != "queued" and now.done > before)
    process = worker_of(job)
    assert process is not None and job.state == "running", f"the job was over too soon: {job}"
    process.suspend()
    return work.queue.get(job.id), process


@pytest.fixture
def card(page: Page) -> Iterator[Locator]:
    """The only job's card in the drawer."""
    yield page.locator("dialog.tl-drawer[open] .tl-job")


def state(page: Page, wanted: str) -> None:
    page.wait_for_selector(f"dialog.tl-drawer[open] .tl-job[data-state={wanted}]", timeout=60_000)


def everything_imported(work: Work, job: Job) -> None:
    rows = making.rows_of(work.database, "long")
    assert len(rows) == ROWS == len({row.external_id for row in rows})
    assert (job.result["new"], job.result["skipped"]) == (ROWS, 0)


def test_a_job_runs_on_while_the_server_dies_and_returns(
    work: Work, page: Page, card: Locator, watch: Watch, long_file: Path
) -> None:
    start_import(work, page, long_file)
    job, process = hold(work)
    drawer(page)
    state(page, "running")
    assert "Import long.csv into long" in card.inner_text()
    watch.outage = True
    work.app.kill()
    page.wait_for_selector("dialog.tl-drawer[open] >> text=The server does not answer")
    assert process.is_running() and process.status() == psutil.STATUS_STOPPED  # it did not die with the server
    work.app.start()
    page.wait_for_function("!document.querySelector('dialog.tl-drawer[open]').innerText.includes('does not answer')")
    state(page, "running")
    assert "rows" in card.inner_text()
    process.resume()
    state(page, "done")
    assert f"{ROWS:,} new" in card.inner_text()
    job = work.queue.get(job.id)
    assert job.attempt == 1  # the same process all the way
    everything_imported(work, job)
    card.locator("text=Open").click()
    page.wait_for_selector(f"text=of {ROWS:,}")
    quiet(page)


def test_a_job_is_cancelled_and_resumed_from_the_drawer(work: Work, page: Page, card: Locator, long_file: Path) -> None:
    start_import(work, page, long_file)
    job, process = hold(work)
    drawer(page)
    card.get_by_role("button", name="Cancel").click()
    page.wait_for_selector("dialog.tl-drawer[open] >> text=stopping…")
    process.resume()
    state(page, "cancelled")
    stopped = work.queue.get(job.id)
    assert 0 < stopped.done < ROWS
    assert len(making.rows_of(work.database, "long")) == stopped.done  # what was done is kept
    page.reload()  # the drawer knows it after a reload, too
    drawer(page)
    state(page, "cancelled")
    card.get_by_role("button", name="Resume").click()
    state(page, "done")
    job = work.queue.get(job.id)
    assert job.attempt == 2
    everything_imported(work, job)
    quiet(page)


def test_a_worker_that_dies_again_and_again_waits_for_a_person(
    work: Work, page: Page, card: Locator, long_file: Path
) -> None:
    start_import(work, page, long_file)
    drawer(page)
    for attempt in (1, 2, 3):  # twice it goes on by itself
        job, process = hold(work, attempt)
        process.kill()
    work.wait_for_job(job.id, lambda now: now.attempt == 3 and now.state == "interrupted")
    state(page, "interrupted")
    assert "ended without finishing" in card.inner_text()
    assert 0 < work.queue.get(job.id).done < ROWS
    card.get_by_role("button", name="Resume").click()
    state(page, "done")
    everything_imported(work, work.queue.get(job.id))
    page.keyboard.press("Escape")
    page.wait_for_selector(f"text=of {ROWS:,}")
    quiet(page)
