"""Reviewing in a real browser: by keys, from the file to the export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route

from tests import making
from tests.browser.app import Work, tagged_talks
from tests.browser.steps import all_saved, handled, keys, open_review, quiet, reviewed


def test_keys_rest_while_somebody_types(work: Work, page: Page) -> None:
    corpus = tagged_talks(work, 5)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    first = reviewed(page)["id"]
    page.keyboard.press("/")
    page.keyboard.type("xsujk?1 /b")
    handled(page)
    assert page.input_value(".tl-rv-add input") == "xsujk?1 /b"
    assert reviewed(page)["id"] == first and work.events() == []
    page.wait_for_selector(".tl-rv-option")
    keys(page, ["Escape", "Escape"])
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    keys(page, ["x", "s", "j", "Enter"])
    assert page.locator("dialog[open]").count() <= 1
    if page.locator("dialog[open]").count():
        page.keyboard.press("Escape")
    handled(page)
    assert reviewed(page)["id"] == first and work.events() == []
    page.keyboard.press("Control+x")
    page.keyboard.press("Alt+s")
    page.focus(".tl-rv-item select >> nth=1")
    page.keyboard.press("x")
    page.evaluate("document.activeElement.blur()")
    handled(page)
    assert work.events() == []
    page.keyboard.press("s")  # and they do work
    all_saved(page)
    assert [event.action for event in work.events()] == ["skip"]


def test_counts_taken_before_a_decision_do_not_stay(work: Work, page: Page) -> None:
    """A page of the queue that the server counted before a decision, and that arrives after it was acknowledged."""
    corpus = tagged_talks(work, 70)
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if "direction=next" in route.request.url and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/review/queue?*", hold)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    reviewed(page)
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(50)
    keys(page, ["Enter"])
    all_saved(page)
    page.wait_for_selector(".tl-rv-progress >> text=1 of 70")
    route, answer = held[0]
    route.fulfill(response=answer)
    page.wait_for_function("tagloomReview.prefetched() > 50")
    page.wait_for_timeout(500)
    assert "1 of 70" in page.inner_text(".tl-rv-progress")


def test_a_held_key_decides_once(work: Work, page: Page) -> None:
    corpus = tagged_talks(work, 10)
    open_review(page, work.address(f"/review?corpus={corpus}"))
    for _ in range(6):  # down again and again without an up: what a held key sends
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    handled(page)
    all_saved(page)
    assert [(event.external_id, event.action) for event in work.events()] == [("t-001", "accept")]
    for _ in range(6):
        page.keyboard.down("j")
    page.keyboard.up("j")
    handled(page)
    assert reviewed(page)["external_id"] == "t-008"  # moving goes on while the key is held


def test_the_position_survives_a_reload(work: Work, page: Page) -> None:
    corpus = tagged_talks(work, 12)
    open_review(page, work.address(f"/review?corpus={corpus}&queue=all"))
    keys(page, ["j", "j", "1", "j", "j"])
    handled(page)
    here = reviewed(page)
    assert here["external_id"] == "t-005"
    page.wait_for_function("id => location.hash.includes('item=' + id)", arg=here["id"])
    page.reload()
    page.wait_for_function("window.tagloomReview && tagloomReview.current()")
    assert reviewed(page)["id"] == here["id"]
    assert "queue=all" in page.url
    assert page.locator(".tl-rv-item select >> nth=1").input_value() == "all"
    keys(page, ["k", "k"])
    handled(page)
    assert reviewed(page)["external_id"] == "t-003"
    assert reviewed(page)["state"]["status"] == "in_progress"


TALKS = ["technology", "science", "global issues", "culture", "design", "business"]
PROJECTS = ["article", "code", "computer-vision", "deep-learning", "tutorial", "pytorch"]


@pytest.mark.parametrize(
    ("file", "id_column", "some", "letters", "added"),
    [
        ("ted_talks.csv", "url", TALKS, "educat", "education"),
        ("ml_projects.json", "id", PROJECTS, "reinforcement-l", "reinforcement-learning"),
    ],
)
def test_twenty_items_reviewed_by_keys_and_exported(
    work: Work, page: Page, shared_data: Path, file: str, id_column: str, some: list[str], letters: str, added: str
) -> None:
    """The way of a real corpus: imported and given a vocabulary by commands, reviewed by keys, exported by the page."""
    source = shared_data / "items" / file
    imported = work.command("import", str(source), "--corpus", "Real", "--id", id_column, "--gold", "tags")
    work.command("vocabulary", "import", "--gold", "--corpus", "Real", "--min-items", "5")
    rows = making.rows_of(work.database, "Real")
    assert imported["new"] == len(rows) > 2000
    scores = [0.9, 0.8, 0.6, 0.3]
    work.suggest(
        {row.external_id: zip(some[n % 3 : n % 3 + 4], scores, strict=True) for n, row in enumerate(rows[:40])}, "Real"
    )
    corpus = making.corpus_of(work.database, "Real").id
    open_review(page, work.address(f"/review?corpus={corpus}"))

    expected: list[tuple[str, str, set[str]]] = []  # title, status, accepted names
    order: list[str] = []
    for n in range(20):
        item = reviewed(page)
        suggested = page.eval_on_selector_all(".tl-rv-chip", "all => all.map(each => each.dataset.name)")
        order.append(item["external_id"])
        if n % 5 == 0:  # take all
            keys(page, ["Enter"])
            expected.append((item["external_id"], "done", set(suggested)))
        elif n % 5 == 1:  # all but the second
            keys(page, ["2", "Enter"])
            expected.append((item["external_id"], "done", set(suggested) - {suggested[1]}))
        elif n % 5 == 2:  # add one of the vocabulary, found by its first letters
            keys(page, ["/"])
            page.keyboard.type(letters)
            page.wait_for_selector(".tl-rv-option")
            assert page.locator(".tl-rv-option >> nth=0").inner_text().split("\n")[0] == added
            keys(page, ["Enter"])
            page.wait_for_selector(f".tl-rv-chip[data-name='{added}']")
            keys(page, ["Enter"])
            expected.append((item["external_id"], "done", {*suggested, added}))
        elif n % 5 == 3:
            keys(page, ["x"])
            expected.append((item["external_id"], "done", set()))
        else:  # skip, go back, undo that, look ahead and back, accept after all
            keys(page, ["s", "u", "j", "k", "3", "Enter"])
            expected.append((item["external_id"], "done", set(suggested) - {suggested[2]}))
        handled(page)
    all_saved(page)
    assert order == [row.external_id for row in rows[:20]]
    page.wait_for_selector(".tl-rv-progress >> text=20 of")

    page.goto(work.address(f"/corpora?corpus={corpus}"))
    page.click(".tl-side >> text=Export…")
    page.click(".tl-dialog .tl-segment button:has-text('Reviewed only')")
    page.locator(".tl-dialog input[type=checkbox]").nth(1).check()
    page.click(".tl-dialog .tl-primary >> text=Export 20 items")
    link = page.locator(".tl-dialog a.tl-primary")
    link.wait_for(timeout=60_000)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "Real.jsonl"
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    got = [(line["url"] if "url" in line else line["id"], line["tagloom_status"], set(line["tags"])) for line in lines]
    assert got == expected
    assert [line["title"] for line in lines] == [row.title for row in rows[:20]]
    assert all(line["tagloom_provenance"] for line in lines)
    assert lines[4]["tagloom_provenance"][0]["action"] == "skip"
    quiet(page)
