"""A list of music through the import dialog: its kind is found out, files beside it are joined, shapes are named."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests import making
from tests.browser.app import Work
from tests.browser.steps import quiet
from tests.browser.test_importing import choose, imported

TRACKS = 'track_id,v,mood,caption\ntrack_07,"[1, 0, 1]",sad / slow,A person wrote this.\ntrack_08,"[0, 0, 0]",,\n'


def test_music_is_imported_with_labels_and_titles(work: Work, page: Page, tmp_path: Path) -> None:
    files = {
        "tracks.csv": TRACKS,
        "short.txt": "piano\n",
        "labels.txt": "piano\nno voice\nloud\n",
        "titles.tsv": "TRACK_ID\tATTRIBUTION\n7\tDay by Day by Ann\n8\tBlue by Bo\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    dialog = choose(page, work, tmp_path / "tracks.csv")
    assert dialog.get_by_label("Music", exact=True).is_checked()
    preview = dialog.locator(".tl-preview")
    assert "tag 1" in preview.inner_text() and "tag 3" in preview.inner_text()
    assert "0/1 list of 3 places, not named yet" in dialog.locator(".tl-map thead").inner_text()

    dialog.get_by_label("Labels: file").set_input_files(tmp_path / "short.txt")
    dialog.get_by_role("alert").get_by_text("short.txt names 1 labels").wait_for()
    dialog.get_by_label("Labels: file").set_input_files(tmp_path / "labels.txt")
    preview.get_by_text("piano").wait_for()
    dialog.get_by_label("Titles and artists: file").set_input_files(tmp_path / "titles.tsv")
    preview.get_by_role("heading", name="Day by Day · Ann").wait_for()
    assert "A person wrote this." in preview.inner_text() and "loud" in preview.inner_text()

    dialog.get_by_label("How mood is split into tags").select_option("other")
    dialog.get_by_label("Separator of mood").fill("/")
    dialog.get_by_label("Separator of mood").press("Tab")
    preview.get_by_text("slow", exact=True).wait_for()
    page.reload()  # in the middle of it: everything is still there
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    preview.get_by_text("slow", exact=True).wait_for()

    dialog.get_by_label("Items", exact=True).check()
    page.wait_for_function("!document.querySelector('.tl-beside')")
    dialog.get_by_label("Music", exact=True).check()
    dialog.get_by_label("Labels: file").set_input_files(tmp_path / "labels.txt")
    preview.get_by_text("piano").wait_for()
    dialog.get_by_label("Name of the corpus").fill("Tracks")
    dialog.locator(".tl-actions .tl-primary").click()
    assert imported(page)["new"] == 2
    assert [row.external_id for row in making.rows_of(work.database, "Tracks")] == ["track_07", "track_08"]
    quiet(page)
    dialog = choose(page, work, tmp_path / "tracks.csv")
    dialog.get_by_label("Items", exact=True).check()
    page.wait_for_function("!document.querySelector('.tl-beside')")
    dialog.get_by_label("Name of the corpus").fill("tracks")
    assert "holds music: choose another name" in dialog.inner_text()
    assert dialog.locator(".tl-actions .tl-primary").is_disabled()
    quiet(page)
