"""The prompt workbench on the page: edited from the form that runs it, seen as sent, used by the run, reset."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from core.engines.connecting.connections import all_connections, remove_connection
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import remember
from tests import making
from tests.browser.app import Work, tagged_talks
from tests.browser.steps import SLOW, close_dialogs, quiet, tab
from tests.engine_server import MODEL, EngineServer

WORDS = "You label talks for a village library"
BENCH = "dialog.tl-pw"
TEXT = f"{BENCH} textarea"


@pytest.fixture
def server(work: Work) -> Iterator[EngineServer]:
    """A model that the page is connected with."""
    with EngineServer() as server:
        remember(work.host, EngineOptions("openai", server.base_url, MODEL))
        yield server
        remember(work.host, EngineOptions())
        for row in all_connections(work.host):
            if row.base_url == server.base_url:
                remove_connection(work.host, row.id)


def open_workbench(page: Page) -> None:
    page.click("dialog[open] summary:has-text('More')")
    page.click("dialog[open] .tl-prompt-button button")
    page.wait_for_selector(f"{BENCH} .tl-pw-messages li >> nth=1")


def sent(page: Page) -> str:
    """The messages as they would be sent."""
    return page.inner_text(f"{BENCH} .tl-pw-messages")


def test_a_prompt_is_edited_where_it_is_run(work: Work, page: Page, server: EngineServer) -> None:
    corpus = tagged_talks(work, 12)
    ids = making.ids_of(work.database)
    tags = {entry["name"]: entry["id"] for entry in work.command("vocabulary", "list")["tags"]}
    making.decide(work.database, making.event(ids["t-001"], 0, accepted=[tags["water"], tags["bread"]]))
    page.goto(work.address(f"/corpora?corpus={corpus}"))
    tab(page, "corpora")
    page.click(".tl-side >> text=/^Tag/ >> visible=true")
    page.wait_for_selector("dialog[open] >> text=Try on 10")
    page.click("dialog[open] .tl-segment button:has-text('Write tags freely')")
    open_workbench(page)
    assert "Talk number 1" in sent(page)

    # edited, wrong, right again
    text = page.input_value(TEXT)
    page.fill(TEXT, text.replace("{{ count }}", "{{ cuont }}"))
    page.click(f"{BENCH} >> text=Go to line 21")
    marked = page.eval_on_selector(TEXT, "each => each.value.slice(each.selectionStart, each.selectionEnd)")
    assert marked.startswith("Write up to {{ cuont }}") and page.is_disabled(f"{BENCH} .tl-actions .tl-primary")
    page.fill(TEXT, text.replace("You label items", WORDS))
    page.wait_for_selector(f"{BENCH} .tl-pw-messages >> text={WORDS}")
    page.click(f"{BENCH} button[aria-label='Next item']")
    page.wait_for_selector(f"{BENCH} .tl-pw-messages >> text=Talk number 2")
    page.click(f"{BENCH} .tl-segment button:has-text('Changes')")
    assert WORDS in page.inner_text(f"{BENCH} .tl-pw-yours")

    # an accepted item as an example, found by the keyboard
    page.click(f"{BENCH} .tl-segment button:has-text('Examples')")
    page.fill(f"{BENCH} .tl-pw-panel input", "talk")
    page.wait_for_selector(f"{BENCH} .tl-pw-found button")
    assert page.locator(f"{BENCH} .tl-pw-found button").count() == 1, "only what a person has reviewed"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{BENCH} .tl-pw-examples >> text=water")
    page.click(f"{BENCH} .tl-segment button:has-text('As sent')")
    page.wait_for_selector(f"{BENCH} .tl-pw-example")

    # leaving does not lose it, and says that it is not in use yet
    page.keyboard.press("Escape")
    page.click(f"{BENCH} >> text=Close and keep the draft")
    page.wait_for_selector("dialog[open] .tl-prompt-button >> text=a draft is not saved")
    page.click("dialog[open] .tl-prompt-button button")
    page.wait_for_selector(f"{BENCH} >> text=which was not saved")
    assert WORDS in page.input_value(TEXT)
    page.click(f"{BENCH} .tl-actions .tl-primary")
    page.wait_for_selector(f"{BENCH} >> text=This project’s copy, saved")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open] .tl-prompt-button >> text=this project’s own, 1 example")

    page.click("dialog[open] >> text=Try on 10")
    page.wait_for_selector("dialog[open] .tl-tried li >> nth=9", timeout=SLOW)
    asked = [body["messages"] for body in server.requests if "messages" in body]
    assert len(asked) == 10 and all(WORDS in messages[0]["content"] for messages in asked)
    answers = [messages[2]["content"] for messages in asked if len(messages) == 4]
    assert len(answers) == 9 and set(answers) == {'{"tags":["water","bread"]}'}, "all but the example's own item"

    page.click("dialog[open] .tl-prompt-button button")
    page.click(f"{BENCH} >> text=Reset to the shipped one")
    page.wait_for_selector(f"{BENCH} >> text=As shipped.")
    assert page.input_value(TEXT) == text
    close_dialogs(page)
    assert not work.command("prompts", "list")["prompts"][0]["copy"]
    quiet(page)


def test_a_foreign_template_comes_in_through_settings(work: Work, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(work.address("/settings"))
    page.wait_for_selector(".tl-prompts li >> nth=1")
    file = {"name": "Short.txt", "mimeType": "text/plain", "buffer": b"Caption a picture tagged <tags>."}
    page.set_input_files("#tl-surface-settings section:has(.tl-prompts) input[type=file]", [file])
    page.click(".tl-prompts >> text=Caption images: short")
    page.wait_for_selector(f"{BENCH} >> text=Caption a picture tagged wind energy, denmark.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click(f"{BENCH} summary")
    page.click(f"{BENCH} button:has-text('{{{{ description }}}}')")
    page.wait_for_selector(f"{BENCH} >> text=Not saved")
    page.click(f"{BENCH} button[aria-label=Close]")
    page.click(f"{BENCH} >> text=Discard")
    page.wait_for_selector(BENCH, state="detached")
    quiet(page)
