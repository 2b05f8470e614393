"""TagGPT's `tag_gen.txt`: answers that were paid for elsewhere, taken over as a finished run without a request.

A line is `<number>||<answer>||…||<answer>||`, an answer a sample, newlines deleted. The number is the item's place in
the file that was tagged (`sentences.txt`, `examples.csv`), which must have been imported as the corpus, in its order.
TagGPT glues the last row of a block to the first one of the next, loses its last block and every call that failed:
glued rows are taken apart, missing ones reported, each by its line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from core.corpora.catalog import find_corpus
from core.corpora.clues import TaggableItem, read_items
from core.embedding.service import cached_encoder
from core.engines import replies
from core.engines.calls import Call, Outcome, Reply, Request, Usage
from core.engines.connecting.endpoints import EngineOptions
from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.store.runs import Answer, answered_items, run_counts
from core.tagging.generative_llm import GenerativeLLM
from core.tagging.job import BATCH, TagRun, items_of
from core.tagging.llm import Asked
from core.tagging.request import request_of, tag_entries

ENDPOINT = "taggpt"
MODEL = "gpt-3.5-turbo"  # the only one that TagGPT asks
MOST_PROBLEMS = 1000
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Row:
    """One item's answers. `number`: its place as the file says; `line`: where it stands, from 1."""

    number: int
    answers: tuple[str, ...]
    line: int


@dataclass
class TagGen:
    """A file as read. `problems`: {row, cause, remedy}, `row` the line."""

    rows: list[Row] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Answers that a whole row has."""
        sizes = Counter(len(row.answers) for row in self.rows)
        return max(sizes, key=lambda size: (sizes[size], size), default=0)

    @property
    def first(self) -> int:
        """The number of the first item: TagGPT counts from 0, some of its copies from 1."""
        return 1 if self.rows and min(row.number for row in self.rows) == 1 else 0


def read_tag_gen(lines: Iterable[str]) -> TagGen:
    """The rows of a `tag_gen.txt`; what cannot be read is a problem of its line, never of the file."""
    found = TagGen()
    seen: dict[int, int] = {}
    for line, text in enumerate(lines, start=1):
        text = text.lstrip("\ufeff").strip("\r\n")
        if not text.strip():
            continue
        rows = list(_rows(text, line))
        if not rows:
            found.problems.append(_problem(line, "The line has no number and answers.", "It is left out."))
        if len(rows) > 1:
            numbers = ", ".join(str(row.number) for row in rows)
            cause = f"{len(rows)} rows are glued together (numbers {numbers})."
            found.problems.append(_problem(line, cause, "They were taken apart; nothing is lost."))
        for row in rows:
            if row.number in seen:
                cause = f"Number {row.number} stands in line {seen[row.number]} already."
                found.problems.append(_problem(line, cause, "The first one counts: a second run was appended here."))
                continue
            seen[row.number] = line
            found.rows.append(row)
    return found


def _rows(text: str, line: int) -> Iterator[Row]:
    fields = text.split("||")
    if fields and not fields[-1].strip():
        fields.pop()
    if not fields or not _NUMBER.fullmatch(fields[0].strip()):
        return
    number, answers = int(fields[0]), list[str]()
    for part in fields[1:]:
        # a number alone that goes on counting is no answer but the next row, glued on
        if answers and part.strip() == str(number + 1):
            yield Row(number, tuple(answers), line)
            number, answers = number + 1, []
        else:
            answers.append(part)
    if answers:
        yield Row(number, tuple(answers), line)


def _problem(line: int | None, cause: str, remedy: str) -> dict[str, Any]:
    return {"row": line, "cause": cause, "remedy": remedy}


def replies_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus, path, name, and a tagging request (top_k, threshold, limit).

    Result: as of a tagging job, without requests, and `problems`: [{row (line), cause, remedy}]
    """
    path = Path(job.arguments["path"])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read ({error.strerror}).", "Check the file.") from error
    found = read_tag_gen(content.decode("utf-8", "replace").split("\n"))
    if not found.rows:
        raise InvalidInput(
            f"{path.name} holds no row of the form number||answer||…||.", "Name TagGPT's tag_gen.txt (or --replies)."
        )
    request = replace(
        request_of({**job.arguments, "method": "generative", "engine": "builtin"}),
        engine=EngineOptions(ENDPOINT, ENDPOINT, MODEL),
        samples=max(1, found.samples),
    )
    database = job.database
    with database.read() as connection:
        corpus = find_corpus(connection, job.arguments["corpus"])
    encoder = cached_encoder(job.host.settings)
    run = TagRun(job, database, corpus, request, tag_entries(database, needed=False), encoder)
    run.total = items_of(database, corpus, request.limit)
    run.start(MODEL)
    with database.read() as connection:
        known = answered_items(connection, run.id)
    run.done = len(known)
    method = GenerativeLLM(request, run.entries, encoder)
    by_number = {row.number - found.first: row for row in found.rows}
    file = sha256(content).hexdigest()
    places = enumerate(read_items(database, corpus, limit=request.limit))
    while batch := list(islice(places, BATCH)):
        asked, missing = [], []
        for place, item in batch:
            if item.pk in known:
                continue
            row = by_number.get(place)
            if row is None:
                cause = f"The file has no row {place + found.first} for “{item.title[:60]}”."
                found.problems.append(_problem(None, cause, "TagGPT did not answer it, or lost it; tag it anew."))
                missing.append(Answer(item.pk, "failed", cause))
            else:
                asked.append(_asked(run, item, row, file, path.name))
        run.store([*method.answers(asked), *missing])
    beyond = [row for place, row in by_number.items() if place >= run.total]
    for row in beyond if request.limit is None else ():
        cause = f"Row {row.number} is beyond the corpus' {run.total} items."
        found.problems.append(_problem(row.line, cause, "Is it the file that was tagged, in its order?"))
    if len(found.rows) < run.total:
        cause = f"The file has {len(found.rows)} rows for {run.total} items, and TagGPT counts only what succeeded."
        remedy = "If calls failed, later rows stand beside the wrong items: look at some of them before you accept."
        found.problems.insert(0, _problem(None, cause, remedy))
    with database.read() as connection:
        counts = run_counts(connection, run.id)
    job.progress(run.done, run.total, force=True)
    job.log(f"{counts['ok']} items from {len(found.rows)} rows, {len(found.problems)} remarks")
    named = {"run": str(run.id), "job": job.job.id, "corpus": corpus.name, "corpus_id": corpus.id}
    return {**named, **counts, **run.spent, "problems": found.problems[:MOST_PROBLEMS]}


def _asked(run: TagRun, item: TaggableItem, row: Row, file: str, name: str) -> Asked:
    """The row as answers to questions, each stored as a raw reply."""
    waiting = []
    for sample, answer in enumerate(row.answers):
        request = Request(({"role": "user", "content": f"{name}, row {row.number}"},), sample=sample)
        body = {"choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}]}
        key = sha256(f"{ENDPOINT}\0{file}\0{row.number}\0{sample}".encode()).hexdigest()
        wire = {"file": name, "line": row.line}
        stored = replies.submit(
            run.database, key, ENDPOINT, MODEL, request, wire, orjson.dumps(body).decode(), Usage(estimated=True)
        )
        waiting.append((request, stored))
    outcomes = []
    for request, stored in waiting:
        reply: Reply = stored.result()
        outcomes.append(Outcome(Call((item.pk, request.sample), request), reply, replies=(reply.id,)))
    return Asked(item, tuple(outcomes))
