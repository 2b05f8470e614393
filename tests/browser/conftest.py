"""A browser, the real server, and pages that must neither break nor reach beyond this machine."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from core.settings import Settings
from core.store.projects import Host
from tests.browser.app import App, Work
from tests.conftest import missing

FAILED = pytest.StashKey[bool]()
HERE = Path(__file__).parent
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_ANSWER = re.compile(r"Failed to load resource|ERR_CONNECTION|WebSocket|Could not connect|Failed to fetch")
REFUSED = re.compile(r"responded with a status of 4\d\d")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for each in items:
        if HERE in each.path.parents:
            each.add_marker(pytest.mark.browser)


# Playwright's loop lives in this thread as long as it is started: tests of other folders must not meet it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium, one for all tests of this folder."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def running_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for all tests of this folder; each test has a project of its own in it."""
    app = App(tmp_path_factory.mktemp("app"), "--no-demo")
    try:
        app.start()
        yield app
    finally:
        app.stop()


@pytest.fixture
def app(running_app: App) -> App:
    """The server; running, also after a test that has killed it."""
    running_app.ensure()
    return running_app


@pytest.fixture
def work(app: App, request: pytest.FixtureRequest) -> Iterator[Work]:
    """An empty project of the test's own."""
    host = Host(Settings(home=app.home))
    yield Work(app, host, f"{secrets.token_hex(4)} {request.node.name}"[:80])
    host.close()


class Watch:
    """What went wrong in a test's pages; the test fails on any of it."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.outage = False  # set while the server is meant to be away

    def context(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("page", self._page)

    def _page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("console", self._console)
        page.on("dialog", self._dialog)
        page.on("websocket", lambda socket: self._address(socket.url))
        page.on("crash", lambda: self.troubles.append("the page crashed"))

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.troubles.append(f"a request left this machine: {url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or (self.outage and NO_ANSWER.search(message.text)):
            return
        url = message.location.get("url", "")
        # Chromium notes every refused request; what the page makes of it is for the tests to judge
        if not (REFUSED.search(message.text) and "/tagloom/api/" in url):
            self.troubles.append(f"console: {message.text} ({url})")

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.troubles == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, so that its pages are kept as pictures."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def browse(
    browser: Browser, watch: Watch, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """`browse(width=1440, …)`: a page of a browser of its own (own cookies and storage), watched."""
    contexts: list[BrowserContext] = []

    def browse(width: int = 1440, height: int = 900, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        watch.context(context)
        return context.new_page()

    yield browse
    for number, context in enumerate(contexts):
        if request.node.stash.get(FAILED, False):
            for page in context.pages:
                page.screenshot(path=tmp_path / f"failed-{number}.png")
                request.node.add_report_section("teardown", "page", f"{page.url} {tmp_path}/failed-{number}.png")
        context.close()


@pytest.fixture
def page(browse: Callable[..., Page]) -> Page:
    """A page in a desktop's window."""
    return browse()
