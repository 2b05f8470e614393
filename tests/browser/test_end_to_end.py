"""The whole way on the page, on real corpora: build a vocabulary, accept what is proposed, two taggers, review,
evaluation, export; with the builtin engine, and with a language model's server beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from core.engines.connecting.connections import all_connections, remove_connection
from core.store.runs import list_runs
from tests import making
from tests.browser.app import Work
from tests.browser.steps import SLOW, all_saved, close_dialogs, handled, keys, quiet, reviewed, tab
from tests.engine_server import EngineServer

ITEMS = 100  # of each corpus: its whole is a matter of minutes, not of other behaviour


@pytest.fixture
def model_server(work: Work) -> Iterator[str]:
    """The address of a local server that speaks chat completions, refuses 5 % and varies plurals."""
    with EngineServer(refuse=0.05, plurals=True) as server:
        yield server.address
    for row in all_connections(work.host):  # the other tests' server is the same: it must not go on asking this one
        remove_connection(work.host, row.id)


def some_talks(shared_data: Path, folder: Path) -> Path:
    path = folder / "talks.csv"
    with (shared_data / "items" / "ted_talks.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))[:ITEMS]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def some_projects(shared_data: Path, folder: Path) -> Path:
    rows = json.loads((shared_data / "items" / "ml_projects.json").read_text(encoding="utf-8"))[:ITEMS]
    path = folder / "projects.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def connect(page: Page, address: str) -> None:
    """Name the server in Settings as somebody who forgets the /v1, and take what the check offers."""
    tab(page, "settings")
    page.get_by_role("button", name="Add a connection…").click()
    form = page.locator("dialog[open]")
    form.get_by_label("Address").fill(address)
    form.get_by_role("combobox", name="Model").fill("gpt")
    form.get_by_role("button", name="Check", exact=True).click()
    form.get_by_role("button", name=f"Use {address}/v1").click()
    form.get_by_role("button", name="mock-small", exact=True).click()
    form.locator(".tl-note:has-text('✓')").wait_for()
    form.get_by_role("button", name="Save and use").click()
    page.wait_for_selector(".tl-connection-status:has-text('✓ mock-small answers')")


def choose_engine(page: Page, model: bool) -> None:
    """Of the open dialog: the builtin one, or the connection."""
    page.locator("dialog[open] .tl-engine-choice select:enabled").select_option(index=1 if model else 0)


def build(page: Page, model: bool) -> None:
    tab(page, "vocabulary")
    page.wait_for_selector("text=No tags yet")
    page.get_by_role("button", name="Build from a corpus…").click()
    choose_engine(page, model)
    page.click(f"dialog[open] button:has-text('Build from {ITEMS} items')")
    see = page.locator("dialog[open] button:has-text('See')", has_text="proposals")
    see.wait_for(timeout=SLOW)
    assert page.locator("dialog[open] .tl-stage[data-state=done]").count() == 7
    see.click()


def accept_proposals(page: Page, work: Work) -> int:
    """A few by keys, one of them taken back, then all above the line; how many tags there are afterwards."""
    page.wait_for_selector(".tl-shape:visible")
    for key in ("a", "r", "u", "l", "a"):
        page.keyboard.press(key)
    page.wait_for_function("tagloomProposals.unsaved() === 0")
    page.locator(".tl-shape input[type=range]").fill("0")
    button = page.locator(".tl-shape-foot button", has_text="Accept")
    page.wait_for_function("Number(document.querySelector('.tl-shape-foot button').innerText.replace(/\\D/g, '')) > 8")
    button.click()
    page.wait_for_selector(".tl-tags tbody tr >> nth=8")
    page.wait_for_selector("text=/Accepted \\d+ proposals/")
    return int(page.inner_text(".tl-voc-head h2").split()[0].replace(",", ""))


def run_tagger(page: Page, corpus: str, method: str, model: bool) -> None:
    tab(page, "corpora")
    page.click(f".tl-side >> text=/^Tag( again)?…$|^Tag {ITEMS} items/ >> visible=true")
    page.wait_for_selector("dialog[open] >> text=Try on 10")
    page.click(f"dialog[open] .tl-segment button:has-text('{method}')")
    choose_engine(page, model)
    page.click("dialog[open] >> text=Try on 10")
    page.wait_for_selector("dialog[open] .tl-tried li >> nth=9", timeout=SLOW)
    assert page.locator("dialog[open] .tl-tried .tl-chip").count() > 5
    page.click(f"dialog[open] .tl-actions button:has-text('Tag {ITEMS} items')")
    page.wait_for_selector("dialog[open] button >> text=/Review \\d+ items/", timeout=SLOW)  # it is over
    close_dialogs(page)


@pytest.mark.parametrize(
    ("make", "id_column", "model"),
    [(some_talks, "url", False), (some_projects, "id", False), (some_talks, "url", True), (some_projects, "id", True)],
    ids=["talks-builtin", "projects-builtin", "talks-model", "projects-model"],
)
def test_from_a_file_to_a_reviewed_dataset(
    work: Work, page: Page, shared_data: Path, tmp_path: Path, request: pytest.FixtureRequest, make, id_column, model
) -> None:
    path = make(shared_data, tmp_path)
    work.command("import", str(path), "--corpus", "Real", "--id", id_column, "--gold", "tags")
    corpus = making.corpus_of(work.database, "Real")
    page.goto(work.address("/corpora"))
    page.wait_for_selector(".tl-corpora-page")
    if model:
        connect(page, request.getfixturevalue("model_server"))
    build(page, model)
    tags = accept_proposals(page, work)
    assert tags > 8
    run_tagger(page, corpus.id, "Choose from my tags", model)
    run_tagger(page, corpus.id, "Write tags freely", model)
    with work.database.read() as connection:
        runs = list_runs(connection, corpus.pk, task="tags")
    assert [run["method"] for run in runs] == ["generative", "selective"]
    assert all(run["ok"] + run["refused"] == ITEMS and run["suggestions"] > ITEMS for run in runs)

    page.goto(work.address(f"/review?corpus={corpus.id}"))
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    for number in range(20):
        before = reviewed(page)["id"]
        if number % 4 == 3 and page.locator(".tl-rv-fresh, .tl-chip-new, [data-new]").count():
            keys(page, ["d"])
            handled(page)
        keys(page, ["Enter"])
        handled(page)
        assert reviewed(page)["id"] != before
    all_saved(page)
    states = work.states()
    assert len(states) == 20 and {status for status, _, _ in states.values()} == {"done"}
    assert sum(len(accepted) for _, accepted, _ in states.values()) >= 10

    page.click("#tl-tab-insights-button")
    page.wait_for_selector("text=How well do the methods meet the gold labels?")
    page.wait_for_selector("text=Do the agents agree?")
    figures = work.command("evaluate", "--corpus", "Real")["runs"]
    assert len(figures) == 2 and all(0 < run["f1"] < 1 for run in figures)
    shown = page.inner_text("#tl-surface-insights")
    assert all(f"{run['f1']:.3f}".lstrip("0") in shown for run in figures)

    page.goto(work.address(f"/corpora?corpus={corpus.id}"))
    page.click(".tl-side >> text=Export…")
    page.click(".tl-dialog .tl-segment button:has-text('Reviewed only')")
    page.click(".tl-dialog .tl-primary >> text=Export 20 items")
    link = page.locator(".tl-dialog a.tl-primary")
    link.wait_for(timeout=60_000)
    with page.expect_download() as download:
        link.click()
    lines = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 20 and sum(len(line["tags"]) for line in lines) >= 10
    quiet(page)
