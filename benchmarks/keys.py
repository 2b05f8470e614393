"""Key → painted and key → acknowledged on the shipped page: `python benchmarks/keys.py [--items N] [--rows N]`.

A real browser (headless Chromium) presses keys at the pace of a quick person in a project of 100,000 items with
suggestions, first with nothing else to do, then beside an import of 200,000 rows into the same project. The page
measures itself (`tagloomReview.timings`): from the event's own time until the frame that shows its effect has been
painted, and until the server has said that the decision is durable.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Connection, select

from benchmarks.load import Person, Server, median, percentile, serving, write_rows
from core.corpora.catalog import Corpus, find_corpus
from core.settings import Settings
from core.store.database import Database
from core.store.projects import Host
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import item
from core.vocabulary.store import add_tag

PROJECT = "bench"
TAGS = 200
PER_ITEM = 5
BATCH = 250  # items whose suggestions are written in one transaction
KEYS = ["Enter", "2", "Enter", "x", "s", "3", "1", "Enter", "j"]  # what people press; j decides nothing
BUDGET = {"painted": 50, "acknowledged": 300}
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def suggest_everywhere(database: Database, corpus: Corpus) -> int:
    """Made-up suggestions for every item, written like a run's; returns how many."""
    dice = random.Random(5)
    tags = [database.write(partial(add_tag, name=f"tag number {n}", person="bench")) for n in range(TAGS)]
    recipe = Recipe("tags", "selective", "builtin", "none", {"top_k": PER_ITEM, "threshold": None})
    run = database.write(lambda c: start_run(c, corpus.pk, recipe, "bench", None))
    with database.read() as connection:
        keys = list(connection.execute(select(item.c.pk).where(item.c.corpus == corpus.pk)).scalars())
    evidence = orjson.dumps([{"field": "title", "start": 0, "end": 5, "match": "", "passage": ""}]).decode()

    def answer(key: int) -> Answer:
        rows: list[dict[str, Any]] = [
            {
                "field": "tags",
                "tag": tag,
                "score": 0.9 - 0.1 * rank,
                "rank": rank,
                "evidence": evidence,
                "validity": "valid",
            }
            for rank, tag in enumerate(dice.sample(tags, PER_ITEM), start=1)
        ]
        return Answer(key, rows=rows)

    def write(part: list[int], connection: Connection) -> None:
        store_answers(connection, run, [answer(key) for key in part])

    for start in range(0, len(keys), BATCH):
        database.write(partial(write, keys[start : start + BATCH]))
    return len(keys) * PER_ITEM


def presses(number: int) -> Iterator[str]:
    return islice(cycle(KEYS), number)


def press(page: Page, number: int, pace: float) -> list[dict[str, Any]]:
    """Press `number` keys, `pace` a second; the page's own timings of them once all is acknowledged."""
    page.evaluate("tagloomReview.timings.length = 0")
    began = time.perf_counter()
    for n, key in enumerate(presses(number)):
        time.sleep(max(0.0, began + n / pace - time.perf_counter()))
        page.keyboard.press(key)
    page.wait_for_function("tagloomReview.unsaved() === 0", timeout=120_000)
    page.wait_for_timeout(200)
    return list(page.evaluate("tagloomReview.timings.map(each => ({...each}))"))


EMPTY = """<p>0</p><script>
  window.timings = [];
  addEventListener("keydown", (event) => {
    document.querySelector("p").textContent = event.timeStamp;
    const timing = { painted_ms: null, acked_ms: null };
    timings.push(timing);
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => (timing.painted_ms = performance.now() - event.timeStamp);
      channel.port2.postMessage(null);
    });
  });
</script>"""


def floor(page: Page, number: int, pace: float) -> list[dict[str, Any]]:
    """The same keys on a page that only changes one word: what this browser on this machine costs by itself."""
    page.set_content(EMPTY)
    began = time.perf_counter()
    for n, key in enumerate(presses(number)):
        time.sleep(max(0.0, began + n / pace - time.perf_counter()))
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    return list(page.evaluate("timings"))


def show(what: str, timings: list[dict[str, Any]]) -> None:
    for name, field in (("painted", "painted_ms"), ("acknowledged", "acked_ms")):
        times = [timing[field] for timing in timings if timing[field] is not None]
        if not times:
            continue
        figures = f"p50 {median(times):5.0f} ms   p95 {percentile(times, 0.95):5.0f} ms   worst {max(times):5.0f} ms"
        fits = "kept" if percentile(times, 0.95) <= BUDGET[name] else "MISSED"
        print(
            f"{what:<34} key → {name:<13} {figures}   ({len(times)} keys; budget {BUDGET[name]} ms: {fits})", flush=True
        )


def start_import(server: Server, rows: Path) -> str:
    """Start importing a file as the page does; returns once rows have been stored."""
    person = Person(server.port, None, PROJECT)
    person.get("state")  # gives it a cookie
    found = person.post("inspect", {"path": str(rows)})
    job = person.post("import", {"path": str(rows), "corpus": "beside", "mapping": found["mapping"]})["job"]["id"]
    while not state_of(server, job)["done"]:
        time.sleep(0.2)
    return str(job)


def state_of(server: Server, job: str) -> dict[str, Any]:
    jobs = Person(server.port, None, PROJECT).get("jobs")["jobs"]
    return dict(next(entry for entry in jobs if entry["id"] == job))


def cancel_import(server: Server, job: str) -> None:
    """Stop the job and wait for its process: it works in a folder that is about to go."""
    person = Person(server.port, None, PROJECT)
    person.get("state")
    person.post(f"jobs/{job}/cancel", {})
    while state_of(server, job)["state"] == "running":
        time.sleep(0.2)


def bench(server: Server, folder: Path, corpus: str, rows: int, number: int, pace: float) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        show("an empty page, for comparison", floor(page, number, pace))
        page.goto(f"http://127.0.0.1:{server.port}/?project={PROJECT}#/review?corpus={corpus}")
        page.wait_for_function("window.tagloomReview && tagloomReview.prefetched() >= 100")
        press(page, 60, pace)  # the browser compiles what it runs often
        show("nothing else running", press(page, number, pace))
        source = write_rows(folder / "beside.csv", rows, seed=2)
        job = start_import(server, source)
        before = state_of(server, job)["done"]
        show(f"beside an import of {rows:,} rows", press(page, number, pace))
        after = state_of(server, job)
        print(f"{'':<34} the import went from row {before:,} to {after['done']:,} meanwhile ({after['state']})")
        if after["state"] != "running":
            print(f"{'':<34} it was over before the last key: take more --rows")
        else:
            cancel_import(server, job)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000, help="items in the project (default 100,000)")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the import beside it (default 200,000)")
    parser.add_argument("--keys", type=int, default=100, help="keys in each measurement (default 100)")
    parser.add_argument("--pace", type=float, default=8.0, help="keys a second (default 8)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tagloom-keys-") as name:
        folder = Path(name)
        server = Server(folder / "home")
        rows = write_rows(folder / "rows.csv", options.items)
        server.command("--project", PROJECT, "import", str(rows), "--corpus", "big")
        host = Host(Settings(home=folder / "home"))
        with host.open(PROJECT).read() as connection:
            corpus = find_corpus(connection, "big")
        suggestions = suggest_everywhere(host.open(PROJECT), corpus)
        host.close()
        print(f"{options.items:,} items, {suggestions:,} suggestions, {options.pace:g} keys a second", flush=True)
        with serving(folder / "home") as server:
            bench(server, folder, corpus.id, options.rows, options.keys, options.pace)


if __name__ == "__main__":
    main()
