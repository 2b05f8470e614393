"""Import, list, export and review at size: `python benchmarks/scale.py [--items N] [--rows N] [--million]`.

Everything goes through the shipped code and, where people are concerned, through the real routes of a real server.
Baselines stand in the same run: csv.reader + sqlite3.executemany into the same tables for the import, pandas for the
export. Published figures of other tools (Label Studio, doccano; another machine) are printed for orientation only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load import (
    Person,
    Reviewer,
    Server,
    median,
    percentile,
    queue_items,
    serving,
    write_rows,
)
from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from core.settings import Settings
from core.store.projects import Host

PEOPLE = 8


def say(what: str, ours: str, beside: str = "") -> None:
    print(f"{what:<58} {ours:<28} {beside}", flush=True)


def timed_import(home: Path, rows: Path) -> tuple[float, int]:
    """(seconds, peak resident bytes) of an import in this process, into a new project."""
    host = Host(Settings(home=home))
    host.ensure_project("bench")
    mapping = guess_mapping(inspect(rows))
    started = time.perf_counter()
    import_file(host.open("bench"), rows, name=rows.name, corpus_name="big", mapping=mapping, import_id="bench")
    seconds = time.perf_counter() - started
    host.close()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def plain_import(home: Path, rows: Path) -> float:
    """Seconds of csv.reader + executemany into the same tables and indexes, in one transaction."""
    host = Host(Settings(home=home))
    host.ensure_project("plain")
    path = host.open("plain").path
    host.close()
    started = time.perf_counter()
    connection = sqlite3.connect(str(path), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")

    def records() -> Any:
        with rows.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            head = next(reader)
            for number, cells in enumerate(reader, start=1):
                yield number, cells, json.dumps(dict(zip(head[1:4], cells[1:4], strict=True)))

    columns = "pk, id, corpus, key, external_id, content_hash, title, fields, link, status, deleted, imported_by"
    columns += ", source_row, created_at, updated_at"
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO item ({columns}) VALUES ({', '.join('?' * 15)})",
        (
            (n, f"{n:x}", 1, f"id:{c[0]}", c[0], "hash", c[1], fields, c[4], 0, 0, "plain", n, 0.0, 0.0)
            for n, c, fields in records()
        ),
    )
    for table, key in (("item_text", "item"), ("item_fts", "rowid")):
        connection.executemany(
            f"INSERT INTO {table} ({key}, text) VALUES (?, ?)", ((n, " ".join(c[1:5])) for n, c, _ in records())
        )
    connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - started


def in_own_process(step: str, home: Path, rows: Path) -> dict[str, float]:
    """Run one measured step alone, so that its memory is its own."""
    out = subprocess.run(
        [sys.executable, __file__, "--step", step, str(home), str(rows)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(out.stdout.splitlines()[-1]))


def run_step(step: str, home: Path, rows: Path) -> None:
    if step == "import":
        seconds, memory = timed_import(home, rows)
        print(json.dumps({"seconds": seconds, "bytes": memory}))
    else:
        print(json.dumps({"seconds": plain_import(home, rows)}))


def bench_import(folder: Path, rows: Path, count: int, targets: str) -> Path:
    ours = in_own_process("import", folder / f"home-{count}", rows)
    plain = in_own_process("plain", folder / f"plain-{count}", rows)
    say(
        f"import {count:,} rows",
        f"{ours['seconds']:.1f} s, {ours['bytes'] / 1e6:.0f} MB",
        f"csv.reader + executemany {plain['seconds']:.1f} s: {ours['seconds'] / plain['seconds']:.1f} × {targets}",
    )
    return folder / f"home-{count}"


def bench_lists(server: Server) -> None:
    person = Person(server.port, "Lister")
    routes = {
        "list a page of 50": "items?corpus=big",
        "… in the middle": "items?corpus=big&cursor=next:50000:50001",
        "… by status": "items?corpus=big&status=pending",
        "… search a word": "items?corpus=big&q=abc",
        "… search a beginning": "items?corpus=big&q=zeb",
        "… search two letters": "items?corpus=big&q=qz",
        "… with accepted tags": "items?corpus=big&labelled=accepted",
        "corpora with counts": "corpora",
        "review queue of 40": "review/queue?corpus=big&limit=40",
    }
    for what, path in routes.items():
        seconds = []
        for _ in range(9):
            started = time.perf_counter()
            person.get(path)
            seconds.append(time.perf_counter() - started)
        budget = "(budget 50 ms; Label Studio 136, doccano 68)" if what.startswith("list") else "(budget 300 ms)"
        say(what, f"{median(seconds) * 1e3:.0f} ms, worst {max(seconds) * 1e3:.0f} ms", budget)


def bench_export(server: Server, folder: Path) -> None:
    import pandas as pd

    for format, ours_name in (("jsonl", "out.jsonl"), ("csv", "out.csv"), ("parquet", "out.parquet")):
        started = time.perf_counter()
        answer = server.command(
            "--project", "bench", "export", "--corpus", "big", "--format", format, "--out", str(folder / ours_name)
        )
        whole = time.perf_counter() - started
        frame = pd.read_json(folder / "out.jsonl", lines=True)  # the same rows for all three
        started = time.perf_counter()
        target = folder / f"pandas.{format}"
        if format == "jsonl":
            frame.to_json(target, orient="records", lines=True)
        elif format == "csv":
            frame.to_csv(target, index=False)
        else:
            frame.to_parquet(target)
        plain = time.perf_counter() - started
        say(
            f"export {answer['items']:,} items as {format} (whole command)",
            f"{whole:.1f} s",
            f"pandas writing it from memory {plain:.1f} s (budget 5 s; Label Studio 165, doccano 7)",
        )


def bench_people(server: Server, seconds_hint: int, batch: int) -> None:
    items = queue_items(Person(server.port, "Reader"), "big", PEOPLE * seconds_hint)
    people = [Reviewer(server.port, f"Person {n}", items[n::PEOPLE], batch) for n in range(PEOPLE)]
    started = time.perf_counter()
    for person in people:
        person.start()
    for person in people:
        person.join()
    seconds = time.perf_counter() - started
    acknowledged = sum(len(p.acknowledged) for p in people)
    waits = [s for p in people for s in p.seconds]
    how = "one decision a request" if batch == 1 else f"{batch} a request, as the page sends while one is under way"
    say(
        f"{PEOPLE} people at once, {how}",
        f"{acknowledged / seconds:.0f} decisions/s",
        f"answer p50 {median(waits) * 1e3:.0f} ms, p95 {percentile(waits, 0.95) * 1e3:.0f} ms "
        "(budget 500/s; Label Studio 13–20, doccano about 200)",
    )


def bench_beside_import(server: Server, folder: Path, rows: int) -> None:
    """An import of `rows` rows beside 8 people who decide about twice a second each."""
    source = write_rows(folder / "beside.csv", rows, seed=2)
    items = queue_items(Person(server.port, "Reader"), "big", PEOPLE * 500)
    people = [Reviewer(server.port, f"Beside {n}", items[n::PEOPLE], 1, pause=0.1) for n in range(PEOPLE)]
    for person in people:
        person.start()
    started = time.perf_counter()
    answer = server.command("--project", "bench", "import", str(source), "--corpus", "beside")
    seconds = time.perf_counter() - started
    for person in people:
        person.stopping.set()
    for person in people:
        person.join()
    waits = [s for p in people for s in p.seconds]
    sent = {uuid for p in people for uuid in p.acknowledged}
    path = server.home / "projects" / "bench" / "project.db"
    stored = {row[0] for row in sqlite3.connect(str(path)).execute("SELECT uuid FROM decision")}
    say(
        f"import of {answer['new']:,} rows beside {PEOPLE} reviewers",
        f"{seconds:.0f} s; {len(sent):,} decisions, {len(sent - stored)} lost",
        f"answer p50 {median(waits) * 1e3:.0f} ms, p95 {percentile(waits, 0.95) * 1e3:.0f} ms (budget p95 300 ms)",
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=100_000)
    options.add_argument("--rows", type=int, default=200_000, help="rows imported beside the reviewers")
    options.add_argument("--million", action="store_true", help="also import, open and page 1,000,000 rows")
    options.add_argument("--step", nargs=3, metavar=("STEP", "HOME", "ROWS"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.step:
        run_step(chosen.step[0], Path(chosen.step[1]), Path(chosen.step[2]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: read the ratios\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = write_rows(folder / "rows.csv", chosen.items)
        home = bench_import(folder, rows, chosen.items, "(budget 5 s on a quiet machine; Label Studio 11, doccano 24)")
        with serving(home) as server:
            bench_lists(server)
            bench_export(server, folder)
            bench_people(server, 150, 1)
            bench_people(server, 400, 5)
            bench_beside_import(server, folder, chosen.rows)
        if chosen.million:
            rows = write_rows(folder / "million.csv", 1_000_000)
            home = bench_import(folder, rows, 1_000_000, "(budget 3 ×, 500 MB)")
            with serving(home) as server:
                bench_lists(server)


if __name__ == "__main__":
    main()
