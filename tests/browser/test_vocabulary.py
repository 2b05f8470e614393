"""The vocabulary tab: a pasted list, a corpus' gold tags, the search."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.app import Work
from tests.browser.steps import quiet


def names(page: Page) -> list[str]:
    return page.locator(".tl-tags .tl-tag-name b").all_inner_texts()


def test_a_pasted_list_becomes_the_vocabulary(work: Work, page: Page) -> None:
    page.goto(work.address("/vocabulary"))
    page.wait_for_selector("text=No tags yet")
    page.fill("textarea", "wind energy\nsolar power\n\nWind  Energy\nbread")
    page.click("text=Add these")
    page.wait_for_selector(".tl-tags tbody tr")
    assert page.inner_text(".tl-voc-head h2") == "3 tags"
    assert set(names(page)) == {"wind energy", "solar power", "bread"}
    assert page.input_value("textarea") == ""
    page.fill("textarea", 'name,description,aliases,parent\nrye bread,"dark, sour",black bread|roggenbrot,bread\n')
    page.click("text=Add these")
    page.wait_for_function("document.querySelector('.tl-voc-head h2').innerText === '4 tags'")
    line = page.locator(".tl-tags tbody tr", has_text="rye bread")
    assert "dark, sour" in line.inner_text()
    assert "black bread, roggenbrot" in line.inner_text()
    assert line.locator(".tl-tag-parent").inner_text() == "bread"
    page.fill("input[type=search]:visible", "roggen")  # by an alias
    page.wait_for_function("document.querySelectorAll('.tl-tags tbody tr').length === 1")
    assert names(page) == ["rye bread"]
    page.reload()  # the search is part of the address
    page.wait_for_function("document.querySelectorAll('.tl-tags tbody tr').length === 1")
    assert page.input_value("input[type=search]:visible") == "roggen"
    page.fill("input[type=search]:visible", "zzz")
    page.wait_for_selector("text=No tag fits")
    page.click("text=Show all tags")
    page.wait_for_function("document.querySelectorAll('.tl-tags tbody tr').length === 4")
    with page.expect_download() as download:
        page.click("text=Export ▾")
        page.click("text=As csv")
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert "rye bread" in text and "black bread|roggenbrot" in text
    quiet(page)


def test_gold_tags_become_the_vocabulary(work: Work, page: Page) -> None:
    gold = [["sea", "work"], ["sea"], ["sea", "bread"], ["work", "sea"]]
    rows = [{"id": f"g{n}", "title": f"Story {n}", "topics": topics} for n, topics in enumerate(gold)]
    corpus = work.fill(rows, "Stories", roles={"topics": "gold"})
    page.goto(work.address("/vocabulary"))
    page.wait_for_selector(".tl-gold-found >> text=3 of 3 tags")  # a small corpus: five uses would leave none
    page.get_by_label("Used on at least … items").fill("2")
    page.wait_for_selector(".tl-gold-found >> text=2 of 3 tags")
    assert page.locator(".tl-gold-top b").all_inner_texts() == ["sea", "work"]
    page.click("aside >> text=Add 2 tags")
    page.wait_for_selector(".tl-tags tbody tr >> nth=1")
    assert set(names(page)) == {"sea", "work"}
    page.wait_for_selector("text=2 added")
    page.click("text=Tag Stories with them…")
    page.wait_for_selector("dialog[open] >> text=Try on 10")
    assert "Tag 4 items" in page.inner_text("dialog[open] .tl-actions")
    page.keyboard.press("Escape")
    assert corpus
    quiet(page)
