"""Corpora through the page: mapped, imported, imported again, deleted and brought back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests import making
from tests.browser.app import Work, tagged_talks
from tests.browser.steps import all_saved, close_dialogs, handled, keys, open_review, quiet

HEAD = ["id", "headline", "story", "place", "topics"]


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *rows])
    return path


def stories(number: int) -> list[list[str]]:
    return [
        [f"s{n}", f"Story {n}", f"A longer text about the {n}th day in the harbour.", "Hamburg", "sea;work"]
        for n in range(1, number + 1)
    ]


def choose(page: Page, work: Work, path: Path) -> Locator:
    """Open the import dialog with a file; returns the dialog, showing the mapping."""
    page.goto("about:blank")
    page.goto(work.address("/corpora?add=1"))
    page.set_input_files("dialog[open] input[type=file]", path)
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    return page.locator("dialog[open]")


def imported(page: Page) -> dict[str, int]:
    """The report's counts."""
    page.wait_for_selector("dialog[open] .tl-report", timeout=60_000)
    lines = page.locator(".tl-report .tl-stat").all_inner_texts()
    pairs = [line.split("\n") for line in lines]
    return {name: int(number) for number, name in pairs}


def test_a_csv_is_mapped_imported_and_imported_again(work: Work, page: Page, tmp_path: Path) -> None:
    rows = stories(20)
    rows[4][0] = rows[3][0]  # an id twice
    rows[9] = ["s10", "Story 10"]  # cells missing
    path = write_csv(tmp_path / "harbour stories.csv", rows)
    dialog = choose(page, work, path)
    assert "csv" in dialog.locator(".tl-facts").inner_text() and "5 columns" in dialog.locator(".tl-facts").inner_text()
    role = {name: dialog.get_by_label(f"Role of {name}") for name in HEAD}
    assert role["id"].input_value() == "keep"  # one is there twice: no sure id
    role["id"].select_option("id")
    assert role["headline"].input_value() == "title"
    assert role["topics"].input_value() in ("gold", "tags")
    role["topics"].select_option("gold")
    role["place"].select_option("category")
    preview = dialog.locator(".tl-preview")
    preview.locator("text=Hamburg").wait_for()
    assert preview.locator(".tl-item-title").inner_text() == "Story 1"
    assert preview.locator(".tl-chip b").all_inner_texts() == ["sea", "work"]
    dialog.get_by_label("How topics is split into tags").select_option("comma")
    page.wait_for_function("document.querySelector('.tl-preview .tl-chip b').textContent === 'sea;work'")
    dialog.get_by_label("How topics is split into tags").select_option("")
    dialog.get_by_label("Next row").click()
    assert preview.locator(".tl-item-title").inner_text() == "Story 2"
    role["headline"].select_option("keep")  # the preview follows every change
    page.wait_for_function("!document.querySelector('.tl-preview .tl-item-title')")
    role["headline"].select_option("title")
    page.wait_for_selector(".tl-preview .tl-item-title")

    page.reload()  # in the middle of it: the mapping is still there
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    assert dialog.get_by_label("Role of place").input_value() == "category"
    dialog.get_by_label("Name of the corpus").fill("Harbour")
    assert "A new corpus" in dialog.inner_text()
    dialog.locator(".tl-actions .tl-primary").click()
    counts = imported(page)
    assert counts["new"] + counts["skipped"] == 20 and counts["skipped"] >= 1
    dialog.locator(".tl-reasons >> text=s4").wait_for()  # the reason names the repeated id
    with page.expect_download() as download:
        dialog.locator("text=Download report").click()
    report = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [line["outcome"] for line in report].count("skipped") == counts["skipped"]
    assert all(line["row"] and line["cause"] and line["remedy"] for line in report)
    dialog.locator("text=Open the corpus").click()
    page.wait_for_selector(".tl-items .tl-item")
    assert page.inner_text(".tl-browser h2") == "Harbour"
    assert f"of {counts['new']}" in page.inner_text(".tl-browser .tl-pager")
    first = making.rows_of(work.database, "Harbour")[0]
    assert first.title == "Story 1" and first.gold == '["sea","work"]'

    dialog = choose(page, work, path)
    for name, value in (("id", "id"), ("topics", "gold"), ("place", "category")):
        dialog.get_by_label(f"Role of {name}").select_option(value)
    dialog.get_by_label("Name of the corpus").fill("harbour")
    assert "Adds to the" in dialog.inner_text()
    dialog.locator(".tl-actions .tl-primary").click()
    again = imported(page)
    assert again == {"new": 0, "updated": 0, "unchanged": counts["new"], "skipped": counts["skipped"]}
    assert len(making.rows_of(work.database, "Harbour")) == counts["new"]
    quiet(page)


def test_a_typed_path_is_imported_without_a_copy(work: Work, page: Page, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "local.csv", stories(7))
    page.goto(work.address("/corpora"))
    page.click("text=Add a corpus")
    page.fill("dialog[open] .tl-path input", str(tmp_path / "nowhere.csv"))
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .tl-error")
    assert "There is no file" in page.inner_text("dialog[open] .tl-error")
    page.fill("dialog[open] .tl-path input", str(path))
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Allow this folder?")
    assert str(tmp_path) in page.inner_text("dialog[open] .tl-note")
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    page.click("dialog[open] .tl-actions .tl-primary")
    assert imported(page)["new"] == 7
    assert list(work.host.settings.uploads.iterdir()) == [] or not any(
        (folder / "data").read_bytes() == path.read_bytes() for folder in work.host.settings.uploads.iterdir()
    )
    quiet(page)


def test_an_allowed_folder_is_forgotten_in_the_settings(work: Work, page: Page, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "local.csv", stories(3))

    def ask() -> None:
        page.goto(work.address("/corpora?add=1"))
        page.fill("dialog[open] .tl-path input", str(path.parent))
        page.keyboard.press("Enter")

    ask()
    page.get_by_role("button", name="Allow this folder").click()
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    assert "folder" in page.inner_text("dialog[open] .tl-facts")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    page.get_by_role("tab", name="Settings").click()
    page.click(f'button[aria-label="Forget {tmp_path}"]')
    page.wait_for_selector(f'button[aria-label="Forget {tmp_path}"]', state="detached")
    page.evaluate("sessionStorage.clear()")
    ask()
    page.wait_for_selector("text=Allow this folder?")
    quiet(page)


def test_a_file_is_read_differently(work: Work, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_bytes("抱歉;1\n谢谢;2\n".encode("gbk"))
    page.goto(work.address("/corpora?add=1"))
    page.set_input_files("dialog[open] input[type=file]", path)
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    page.click("text=Read the file differently")
    page.get_by_label("Encoding").select_option("gb18030")
    page.wait_for_selector("dialog[open] .tl-map >> text=谢谢")
    header = page.get_by_label("The first row holds the names")
    header.set_checked(False)
    page.wait_for_selector("dialog[open] .tl-map >> text=抱歉")
    page.wait_for_selector("dialog[open] .tl-map >> text=column_1")
    page.reload()
    page.wait_for_selector("dialog[open] .tl-map >> text=抱歉")
    page.click("dialog[open] .tl-actions .tl-primary")
    assert imported(page)["new"] == 2
    quiet(page)


def test_items_and_a_corpus_are_deleted_and_brought_back(work: Work, page: Page) -> None:
    corpus = tagged_talks(work, 60)
    work.fill([{"id": "o1", "title": "Only one"}], "Other")
    open_review(page, work.address(f"/review?corpus={corpus}"))
    keys(page, ["Enter"])
    handled(page)
    all_saved(page)
    page.goto(work.address(f"/corpora?corpus={corpus}"))
    page.wait_for_selector(".tl-items .tl-item")
    for n in (0, 2, 3):
        page.locator(".tl-items .tl-item input.tl-box").nth(n).check()
    page.click("text=Delete 3 items")
    page.wait_for_selector("text=of 57")
    assert {row.external_id for row in making.rows_of(work.database) if row.deleted} == {"t-001", "t-003", "t-004"}
    assert "57 items" in page.inner_text(".tl-corpus-list")
    page.click(".tl-undo >> text=Undo")
    page.wait_for_selector(".tl-undo >> text=3 items restored")
    page.wait_for_selector("text=of 60")
    assert not any(row.deleted for row in making.rows_of(work.database))
    assert work.states()["t-001"][0] == "done"  # what was decided came back with it

    page.click("text=Delete Talks and its 60 items")
    page.wait_for_selector(".tl-undo >> text=Deleted Talks (60 items)")
    page.wait_for_function("!document.querySelector('.tl-corpus-list').innerText.includes('Talks')")
    page.click(".tl-undo >> text=Undo")
    page.wait_for_selector(".tl-undo >> text=Talks is back")
    page.wait_for_function("document.querySelector('.tl-browser h2').innerText === 'Talks'")
    page.wait_for_selector("text=of 60")
    assert len(work.events()) == 1
    open_review(page, work.address(f"/review?corpus={corpus}&queue=all"))
    page.wait_for_function("tagloomReview.current().external_id === 't-001'")
    assert page.locator(".tl-rv-chip.tl-yes").count() == 4
    close_dialogs(page)
    quiet(page)
