"""Text from files, names of tags, projects and people: whatever it holds, it is shown and nothing of it is run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page

from core.vocabulary.importing import import_new, parse, read_text
from core.vocabulary.store import all_tags
from tests import making
from tests.browser.app import App, Work
from tests.browser.steps import TABS, all_saved, close_dialogs, drawer, handled, keys, quiet, tab

IMAGE = "<img src=x onerror=__pwned=1>"
SCRIPT = "<script>window.__pwned='script'</script>"
DOLLAR = "${window.__pwned='dollar'}"
BRACES = "{{constructor.constructor(\"window.__pwned='braces'\")()}}"
VECTOR = "\"'><svg/onload=__pwned=2>"
LINK = "javascript:window.__pwned='link'"
BIDI = "\u202egnp.exe\u202c \u2067right to left\u2069"
LONG = "Donaudampfschifffahrtsgesellschaft" * 30
FRAME = "</textarea><iframe srcdoc=\"<script>parent.__pwned='frame'</script>\">"
ALL = [IMAGE, SCRIPT, DOLLAR, BRACES, VECTOR, LINK, BIDI, LONG, FRAME]

INJECTED = """() => ({
  pwned: String(window.__pwned),
  elements: [...document.querySelectorAll('.tl-surface *, .tl-layer *')]
    .filter(each => each.matches('img, script, svg, iframe, object, embed, [onerror], [onload], [href^="javascript" i]')
      || [...each.attributes].some(a => /^on/i.test(a.name)))
    .map(each => each.outerHTML.slice(0, 200)),
  wide: document.documentElement.scrollWidth > innerWidth,
})"""


def unharmed(page: Page) -> None:
    quiet(page)
    assert page.evaluate(INJECTED) == {"pwned": "undefined", "elements": [], "wide": False}


@pytest.fixture
def hostile(app: App, work: Work) -> Work:
    """A project with a hostile name."""
    return Work(app, work.host, f"{IMAGE} {DOLLAR} {BIDI[:9]}")


def write_rows(folder: Path) -> Path:
    """A csv with hostile cells under hostile column names in a file of a hostile name."""
    path = folder / f"{IMAGE} {DOLLAR}.csv"
    head = ["id", "title", "description", f"note {SCRIPT}", f"{IMAGE} {BRACES}", "link", "picture", "topics"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for n, text in enumerate(ALL):
            other = ALL[(n + 1) % len(ALL)]
            writer.writerow([f"{n} {text}", text, f"{text} and {other}", text, other, LINK, text, f"{text}|{other}"])
        writer.writerow([f"0 {IMAGE}", *["the same id again"] * 7])  # the report tells why it was left out
    return path


def test_hostile_text_is_shown_and_never_run(hostile: Work, page: Page, tmp_path: Path) -> None:
    page.goto(hostile.address("/settings"))
    page.fill(".tl-settings-page input[autocomplete=name]", IMAGE)
    page.click("text=Save name")
    page.wait_for_selector("text=Saved")
    assert hostile.name in page.inner_text(".tl-project")
    page.click(".tl-project")
    assert hostile.name in page.inner_text(".tl-menu")
    unharmed(page)
    page.keyboard.press("Escape")

    # the file: its name, its columns, its cells; on the mapping screen, in the report, in the list
    page.goto(hostile.address("/corpora?add=1"))
    page.set_input_files("dialog[open] input[type=file]", write_rows(tmp_path))
    page.wait_for_selector("dialog[open] .tl-map tbody tr")
    dialog = page.locator("dialog[open]")
    roles = ["id", "title", "body", "clue", "keep", "link", "media", "gold"]
    for select, role in zip(dialog.locator("select[aria-label^='Role of']").all(), roles, strict=True):
        select.select_option(role)
    dialog.get_by_label("How topics is split into tags").select_option("pipe")
    page.wait_for_selector("dialog[open] .tl-preview .tl-item-title")
    page.wait_for_function("document.querySelectorAll('.tl-preview .tl-chip').length === 2")
    for n, text in enumerate(ALL):
        assert dialog.locator(".tl-preview .tl-item-title").inner_text() == text
        unharmed(page)
        if n < len(ALL) - 1:
            dialog.get_by_label("Next row").click()
    corpus_name = f"{IMAGE} {DOLLAR}"
    dialog.get_by_label("Name of the corpus").fill(corpus_name)
    dialog.locator(".tl-actions .tl-primary").click()
    page.wait_for_selector("dialog[open] .tl-report")
    assert corpus_name in dialog.inner_text()
    page.wait_for_selector("dialog[open] .tl-reasons")
    assert IMAGE in page.inner_text("dialog[open] .tl-reasons")
    unharmed(page)
    page.click("dialog[open] >> text=Open the corpus")
    page.wait_for_selector(".tl-items .tl-item")
    rows = making.rows_of(hostile.database, corpus_name)
    assert all(text.startswith(row.title.rstrip("…")) for row, text in zip(rows, ALL, strict=True))
    assert page.inner_text(".tl-browser h2") == corpus_name
    titles = page.locator(".tl-items .tl-item-open").all_inner_texts()
    assert titles == [row.title for row in rows]
    unharmed(page)

    # the vocabulary: names, descriptions, aliases, parents
    lines = [["name", "description", "aliases", "parent"]]
    lines += [[text[:110], f"what {text[:110]} is", f"also {text[:110]}".replace("|", ""), ALL[0]] for text in ALL]
    vocabulary = tmp_path / "tags.csv"
    with vocabulary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    new, first = parse(read_text(vocabulary))
    import_new(hostile.database, new, "test", first)
    with hostile.database.read() as connection:
        tags = all_tags(connection)
    evidence = [{"field": "title", "start": 0, "end": 4, "match": IMAGE, "passage": SCRIPT}]
    scored = [(str(tag.id), 0.9 - 0.05 * n) for n, tag in enumerate(tags[:9])]
    making.suggest(hostile.database, {row.external_id: scored for row in rows}, corpus_name, evidence=evidence)
    tab(page, "vocabulary")
    page.wait_for_selector(".tl-tags tbody tr >> nth=8")
    table = page.inner_text(".tl-tags")
    for tag in tags:
        assert tag.name in table
    page.fill("input[type=search]:visible", IMAGE)
    quiet(page)
    unharmed(page)

    # one item in the drawer
    corpus = making.corpus_of(hostile.database, corpus_name).id
    page.goto(hostile.address(f"/corpora?corpus={corpus}&item={rows[0].id}"))
    page.wait_for_selector("dialog[open] .tl-field")
    for _ in ALL:
        page.locator("dialog[open] details").evaluate_all("all => all.forEach(each => each.open = true)")
        unharmed(page)
        page.keyboard.press("j")
    close_dialogs(page)
    page.fill("input[type=search]:visible", SCRIPT)
    quiet(page)
    unharmed(page)

    # review: fields, chips, completions, a tag made by hand, the sheet
    page.goto("about:blank")
    page.goto(hostile.address(f"/review?corpus={corpus}"))
    page.wait_for_selector(".tl-rv-chip")
    for text in ALL:
        assert page.inner_text(".tl-rv-title") == text
        for chip in page.locator(".tl-rv-chip").all()[:3]:
            chip.hover()
        unharmed(page)
        keys(page, ["j"])
        handled(page)
    keys(page, ["k", "/"])
    page.keyboard.type("also <")
    page.wait_for_selector(".tl-rv-option")
    unharmed(page)
    page.fill(".tl-rv-add input", f"new {VECTOR}")
    page.wait_for_selector(".tl-rv-option >> text=to the vocabulary")
    keys(page, ["Enter"])
    page.wait_for_selector(".tl-rv-chip >> text=svg/onload")
    keys(page, ["Enter", "u"])
    all_saved(page)
    unharmed(page)

    # what floats: the drawer with the job's title, exporting, deleting
    assert IMAGE in drawer(page).inner_text()
    unharmed(page)
    close_dialogs(page)
    page.goto(hostile.address(f"/corpora?corpus={corpus}"))
    page.click(".tl-side >> text=Tag again…")
    page.wait_for_selector("dialog[open] >> text=Try on 10")
    assert corpus_name in page.inner_text("dialog[open]")
    unharmed(page)
    close_dialogs(page)
    page.click(".tl-side >> text=Export…")
    page.click("dialog[open] .tl-actions .tl-primary")
    link = page.locator("dialog[open] a.tl-primary")
    link.wait_for(timeout=60_000)
    unharmed(page)
    with page.expect_download() as download:
        link.click()
    assert "/" not in download.value.suggested_filename and "<" not in download.value.suggested_filename
    close_dialogs(page)
    page.click(f"text=and its {len(ALL)} items")
    page.wait_for_selector(".tl-undo >> text=Undo")
    assert corpus_name in page.inner_text(".tl-undo")
    unharmed(page)
    for name in TABS:
        tab(page, name)
        unharmed(page)


@pytest.mark.parametrize("place", ["/review?corpus=", "/corpora?corpus=", "/corpora?item=", "/vocabulary?q=", "/"])
def test_hostile_addresses_do_nothing(work: Work, page: Page, place: str) -> None:
    work.fill([{"id": "1", "title": "One"}])
    page.goto(work.address(place + IMAGE.replace(" ", "%20")))
    page.wait_for_selector(".tl-brand")
    unharmed(page)
    page.goto(f"{work.app.url}/?project={IMAGE}&__theme={SCRIPT}#{place}{SCRIPT}")
    page.wait_for_selector(".tl-brand")
    unharmed(page)
