"""How it looks: on a telephone, in the dark, and with enough contrast to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.app import Work, tagged_talks
from tests.browser.steps import TABS, all_saved, close_dialogs, drawer, handled, keys, quiet, reviewed, tab

PHONE = {"width": 390, "height": 844, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}

# Everything to be pressed that is lower than a finger needs; links in a text, ticks and mini chips are no buttons.
SMALL = """() => [...document.querySelectorAll('.tl-surface button, .tl-layer button, a.tl-btn, .tl-select, .tl-input')]
  .filter(each => each.checkVisibility() && each.getClientRects().length
    && !each.matches('.tl-link, .tl-mini, .tl-item-open, .tl-sr'))
  .map(each => [each.className, each.textContent.trim().slice(0, 30), each.getBoundingClientRect().height])
  .filter(([, , height]) => height < 39.5)"""

# What reaches beyond the right edge without being in a box that scrolls by itself.
BEYOND = """() => {
  const inside = each => { for (let up = each.parentElement; up; up = up.parentElement)
    if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(up).overflowX)) return true; };
  return [...document.querySelectorAll('.tl-surface *, .tl-layer *')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().right > 391 && !inside(each))
    .map(each => each.outerHTML.slice(0, 120));
}"""

# Text whose colour is too near to what lies behind it, as [contrast, class, text].
FAINT = """() => {
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
  const behind = each => {
    const layers = [];
    for (let up = each; up; up = up.parentElement) {
      const colour = rgba(getComputedStyle(up).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const found = [];
  for (const each of document.querySelectorAll('.tl-surface *, .tl-layer *, #tl-tabs button')) {
    if (!each.checkVisibility() || ![...each.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (each.closest(':disabled, .tl-no, .tl-low, .tl-sr, option') || !each.getClientRects().length) continue;
    const back = behind(each);
    const [a, b] = [light(over(rgba(getComputedStyle(each).color), back)), light(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push([contrast.toFixed(2), each.className, each.textContent.trim().slice(0, 30)]);
  }
  return found;
}"""


def fits(page: Page) -> None:
    """Nothing scrolls sideways, and a finger meets what it is to press."""
    quiet(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(SMALL) == []
    assert all(button.bounding_box()["width"] > 39.5 for button in page.locator(".tl-bar button:visible").all())


@pytest.fixture
def filled(work: Work, tmp_path: Path) -> str:
    """A project with something on every tab; the corpus' id."""
    corpus = tagged_talks(work, 30)
    work.command("export", "--corpus", "Talks", "--format", "jsonl", "--out", str(tmp_path / "out.jsonl"))
    return corpus


def every_dialog(page: Page, work: Work, corpus: str, tmp_path: Path) -> list[tuple[str, Callable[[], object]]]:
    """(name, how it is opened) of what floats above the corpora tab."""
    path = tmp_path / "wide.csv"
    path.write_text(
        ",".join(f"column {n}" for n in range(12)) + "\n" + ",".join("some words" for _ in range(12)) + "\n"
    )

    def mapping() -> Locator:
        page.goto(work.address(f"/corpora?corpus={corpus}&add=1"))
        page.set_input_files("dialog[open] input[type=file]", path)
        page.wait_for_selector("dialog[open] .tl-map")
        return page.locator("dialog[open]")

    def item() -> None:
        page.locator(".tl-item-open").first.click()
        page.wait_for_selector("dialog[open] .tl-field")

    def tagging() -> None:
        page.click(".tl-side >> text=Tag again…")
        page.wait_for_selector("dialog[open] >> text=Try on 10")

    def exporting() -> None:
        page.click(".tl-side >> text=Export…")
        page.wait_for_selector("dialog[open] >> text=parquet")

    def menu() -> None:
        page.click(".tl-project")
        page.click(".tl-menu >> text=New project…")
        page.wait_for_selector("dialog[open] input")

    return [
        ("jobs", lambda: drawer(page)),
        ("item", item),
        ("tagging", tagging),
        ("exporting", exporting),
        ("project", menu),
        ("mapping", mapping),
    ]


def test_on_a_telephone(work: Work, filled: str, browse: Callable[..., Page], tmp_path: Path) -> None:
    page = browse(**PHONE)
    page.goto(work.address("/corpora"))
    page.wait_for_selector(".tl-corpus")
    fits(page)
    page.tap(".tl-corpus")
    page.wait_for_selector(".tl-items .tl-item")
    for name in TABS:
        tab(page, name)
        fits(page)
    tab(page, "corpora")
    for _, show in every_dialog(page, work, filled, tmp_path):
        show()
        fits(page)
        close_dialogs(page)


def test_reviewed_with_a_finger(work: Work, filled: str, browse: Callable[..., Page]) -> None:
    page = browse(**PHONE)
    page.goto(work.address(f"/review?corpus={filled}"))
    page.wait_for_selector(".tl-rv-chip")
    button = {name: page.get_by_role("button", name=name) for name in ("Accept, next", "Skip", "Undo", "Previous item")}
    page.tap(".tl-rv-chip >> nth=1")
    page.wait_for_selector(".tl-rv-chip.tl-no")
    button["Accept, next"].tap()
    handled(page)
    assert reviewed(page)["external_id"] == "t-002"
    button["Skip"].tap()
    handled(page)
    button["Undo"].tap()
    handled(page)
    assert reviewed(page)["external_id"] == "t-002"
    button["Previous item"].tap()
    handled(page)
    assert reviewed(page)["external_id"] == "t-001"
    page.tap(".tl-rv-add input")
    page.keyboard.type("by finger")
    page.tap(".tl-rv-option")
    page.wait_for_selector(".tl-rv-chip[data-name='by finger']")
    fits(page)
    assert button["Accept, next"].is_visible() and button["Accept, next"].bounding_box()["y"] < 844
    all_saved(page)
    assert [event.action for event in work.events()] == ["edit", "accept", "skip", "undo", "edit"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_can_be_read(work: Work, filled: str, page: Page, theme: str, tmp_path: Path) -> None:
    page.goto(f"{work.app.url}/?project={work.slug}&__theme={theme}#/corpora?corpus={filled}")
    page.wait_for_selector(".tl-items .tl-item")
    dark = "document.body.classList.contains('dark')"
    back = "getComputedStyle(document.body).backgroundColor"
    for name in TABS:
        tab(page, name)
        if name == "review":
            page.wait_for_selector(".tl-rv-chip")
            keys(page, ["1", "2", "2"])  # a refused and an accepted chip beside the others
            handled(page)
        quiet(page)
        assert page.evaluate(dark) == (theme == "dark")
        assert page.evaluate(back) == ("rgb(18, 22, 28)" if theme == "dark" else "rgb(246, 247, 249)")
        assert page.evaluate(FAINT) == []
    tab(page, "corpora")
    for _, show in every_dialog(page, work, filled, tmp_path)[:-1]:
        show()
        quiet(page)
        assert page.evaluate(FAINT) == []
        close_dialogs(page)


def test_the_theme_is_chosen_and_kept(work: Work, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(work.address())
    page.wait_for_selector(".tl-theme")
    dark = "document.body.classList.contains('dark')"
    assert page.evaluate(dark) is False
    page.emulate_media(color_scheme="dark")  # it follows the system …
    page.wait_for_function(dark)
    page.emulate_media(color_scheme="light")
    page.wait_for_function("!" + dark)
    page.click(".tl-theme")  # … until somebody chooses
    page.wait_for_function(dark)
    page.reload()
    page.wait_for_selector(".tl-corpora-page")
    quiet(page)
    assert page.evaluate(dark) is True
    tab(page, "settings")
    page.click(".tl-segment button:has-text('Light')")
    page.wait_for_function("!" + dark)
