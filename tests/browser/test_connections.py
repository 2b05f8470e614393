"""A connection is added to a server that makes it hard: wrong address, wrong model, then saved, used, removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.engines.connecting.connections import all_connections, default_of, remove_connection
from tests.browser.app import Work
from tests.browser.steps import quiet, tab
from tests.engine_server import MODEL, EngineServer


@pytest.fixture
def server(work: Work) -> Iterator[EngineServer]:
    """A server that takes no schema and wants its token limit by another name."""
    with EngineServer(no_schema=True, completion_tokens_only=True) as server:
        yield server
    for row in all_connections(work.host):  # the other tests have the same host
        remove_connection(work.host, row.id)


def test_from_a_wrong_address_to_a_connection_in_use(page: Page, work: Work, server: EngineServer) -> None:
    page.goto(work.address())
    tab(page, "settings")
    page.get_by_role("button", name="Add a connection…").click()
    form = page.locator("dialog[open]")
    form.get_by_label("Address").fill(server.address.removeprefix("http://"))
    form.get_by_role("combobox", name="Model").fill("mock-smal")
    form.get_by_role("button", name="Check", exact=True).click()
    form.get_by_role("button", name=f"Use {server.base_url}").click()
    expect(form.get_by_role("alert")).to_contain_text("has no model “mock-smal”")
    form.get_by_role("button", name=MODEL, exact=True).click()
    expect(form.locator(".tl-note")).to_contain_text(f"{MODEL} answers.")
    form.get_by_text("More: name").click()
    form.get_by_placeholder("from the model").fill("Hard one")
    form.get_by_label("Requests a minute").fill("many")
    form.get_by_role("button", name="Save and use").click()
    expect(form.get_by_role("alert")).to_contain_text("is not a whole number")
    form.get_by_label("Requests a minute").fill("600")
    form.get_by_role("button", name="Save and use").click()
    expect(form).to_have_count(0)

    card = page.locator(".tl-connection").filter(has_text="Hard one")
    expect(card).to_contain_text(re.compile(f"✓ {MODEL} answers. · checked"))
    expect(card.get_by_role("button", name="✓ Texts")).to_be_visible()
    card.get_by_text("What was learned, limits and price").click()
    expect(card).to_contain_text("asked for with a JSON object with a schema")
    expect(card).to_contain_text("max_completion_tokens")
    expect(card).to_contain_text("unknown price")
    expect(card).to_contain_text("600 requests")
    expect(page.locator(".tl-bar")).to_contain_text("Hard one")
    row = default_of(work.host, "text")
    assert row is not None and (row.base_url, row.model) == (server.base_url, MODEL)

    page.locator(".tl-connection").filter(has_text="Builtin engine").get_by_role("button", name="Texts").click()
    expect(page.locator(".tl-bar")).to_contain_text("builtin engine")
    card.get_by_role("button", name="More for Hard one").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()
    quiet(page)
    assert [row.name for row in all_connections(work.host)] == ["Hard one"]
