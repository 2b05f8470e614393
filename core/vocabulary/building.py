"""A vocabulary from a corpus: a job whose stages show their counts, go on after a kill, and can be run again alone.

clues → candidates → cleaned → variants → counted → neighbours → proposals (core.vocabulary.stages). Only the second
asks an engine; a build that begins at a later stage takes the earlier ones from the build it continues.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from core.corpora.catalog import Corpus, find_corpus
from core.corpora.clues import read_items
from core.embedding.service import cached_encoder
from core.engines import EngineOptions
from core.errors import InvalidInput, NotFound
from core.jobs.context import JobContext
from core.jobs.queue import Job, JobQueue
from core.store.database import BulkPace, Database
from core.store.runs import Recipe, run_counts, start_run
from core.store.schema import item, run, suggestion
from core.vocabulary import stages
from core.vocabulary.candidates import CandidateRun, write_whole
from core.vocabulary.proposals import retire, store_proposals
from core.vocabulary.proposing import evidence_of_merges, make_proposals
from core.vocabulary.stages import NAMES, STAGES, Counted, Occurrences
from core.vocabulary.store import all_tags, owners

KIND = "vocabulary"
TASKS = ("candidates", KIND)  # of the runs that proposals belong to
MOST_SAMPLES = 9
GROUP = 250  # proposals written in one transaction
LONGEST_TEXT = 500


def check_request(arguments: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a build, checked.

    Returns:
        {samples, limit, use_case, language, size, least, from_stage, build}; None: by the corpus' size.

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    numbers = {"samples": (1, MOST_SAMPLES), "limit": (1, 10**9), "size": (1, 100_000), "least": (1, 100_000)}
    checked: dict[str, Any] = {}
    for name, (low, high) in numbers.items():
        value = arguments.get(name)
        if value is not None and not (type(value) is int and low <= value <= high):
            raise InvalidInput(f"The {_WORDS[name]} is from {low:,} to {high:,}.", "Choose such a number.")
        checked[name] = value
    checked["samples"] = checked["samples"] or 1
    for name in ("use_case", "language"):
        text = arguments.get(name) or ""
        if not isinstance(text, str) or len(text) > LONGEST_TEXT:
            raise InvalidInput(f"The {_WORDS[name]} is a text of at most {LONGEST_TEXT} characters.", "Shorten it.")
        checked[name] = " ".join(text.replace("\0", "").split())
    stage, build = arguments.get("from_stage") or None, arguments.get("build") or None
    if stage is not None and stage not in NAMES:
        raise InvalidInput(f"There is no stage “{str(stage)[:40]}”.", f"Stages: {', '.join(NAMES)}.")
    if stage is not None and NAMES.index(stage) > 1 and build is None:
        raise InvalidInput(
            "To begin at a later stage, name the build to go on from.", "Add the id of an earlier build."
        )
    return {**checked, "from_stage": stage, "build": build}


_WORDS = {
    "samples": "number of samples per item",
    "limit": "number of items",
    "size": "number of tags wanted",
    "least": "least number of items",
    "use_case": "use case",
    "language": "language",
}


def continued(queue: JobQueue, project: str, build: str, stage: str) -> Job:
    """The earlier build that another one continues at `stage`.

    Raises:
        NotFound: there is no such build in this project.
        InvalidInput: it has not come that far.
    """
    job = queue.get(build)
    if job.kind != KIND or job.project != project:
        raise NotFound(f"There is no build “{build}” in this project.", "Choose one of the list of builds.")
    folder = queue.folder(job.id) / "stages"
    missing = next((n for n in NAMES[: NAMES.index(stage)] if not (folder / f"{n}.json").exists()), None)
    if missing is not None:
        label = dict(STAGES)[missing]
        raise InvalidInput(f"That build has not come so far: “{label}” is not done.", "Resume it first.")
    return job


def describe_build(queue: JobQueue, job: Job) -> dict[str, Any]:
    """A build with its stages, as the page shows it: [{name, label, state, counts, seconds}]."""
    folder = queue.folder(job.id) / "stages"
    shown, running = [], job.active
    for name, label in STAGES:
        path = folder / f"{name}.json"
        entry: dict[str, Any] = {"name": name, "label": label, "state": "waiting", "counts": {}}
        if path.exists():
            stored = orjson.loads(path.read_bytes())
            entry |= {"state": "done", **{k: stored.get(k) for k in ("counts", "examples", "seconds", "inherited")}}
        elif running and job.state == "running":
            entry |= {"state": "running", "counts": {"done": job.done, "total": job.total}}
            running = False
        elif not job.active:
            entry["state"] = "missing"
        shown.append(entry)
    return {"stages": shown, "request": {k: v for k, v in job.arguments.items() if k != "corpus"}}


def build_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus, engine, base_url, model and those of `check_request`.

    Result: {run, corpus, corpus_id, items, candidates, requests, proposals: {kind: n}, new, renewed, failed}
    """
    return _Build(job).run()


class _Build:
    def __init__(self, job: JobContext) -> None:
        self.job = job
        self.database: Database = job.database
        self.request = check_request(job.arguments)
        self.options = EngineOptions.from_arguments(job.arguments)
        with self.database.read() as connection:
            self.corpus: Corpus = find_corpus(connection, job.arguments["corpus"])
        self.folder: Path = job.folder / "stages"
        self.folder.mkdir(exist_ok=True)
        self._inherit()

    def _inherit(self) -> None:
        """Copy what an earlier build has left of the stages before the one to begin with."""
        stage, build = self.request["from_stage"], self.request["build"]
        if stage is None or build is None:
            return
        continued(self.job.queue, self.job.job.project, build, stage)
        source = self.job.queue.folder(build) / "stages"
        for name in NAMES[: NAMES.index(stage)]:
            if (self.folder / f"{name}.json").exists():
                continue
            for path in sorted(source.glob(f"{name}.*"), key=lambda p: p.name == f"{name}.json"):  # the mark comes last
                if path.name != f"{name}.json":
                    shutil.copyfile(path, self.folder / path.name)
            stored = {**orjson.loads((source / f"{name}.json").read_bytes()), "inherited": True}
            write_whole(self.folder / f"{name}.json", orjson.dumps(stored))

    def run(self) -> dict[str, Any]:
        steps: dict[str, Callable[[], dict[str, Any]]] = {
            "clues": self.clues,
            "candidates": self.candidates,
            "cleaned": self.cleaned,
            "variants": self.variants,
            "counted": self.counted,
            "neighbours": self.neighbours,
            "proposals": self.proposals,
        }
        for name, label in STAGES:
            mark = self.folder / f"{name}.json"
            if mark.exists():
                continue
            started = time.monotonic()
            counts = dict(steps[name]())
            examples = counts.pop("examples", {})
            stored = {"counts": counts, "examples": examples, "seconds": round(time.monotonic() - started, 2)}
            write_whole(mark, orjson.dumps({"stage": name, **stored}))
            self.job.log(f"{label}: " + ", ".join(f"{k} {v:,}" for k, v in counts.items() if isinstance(v, int)))
        return self._result()

    def _counts(self, name: str) -> dict[str, Any]:
        counts: dict[str, Any] = orjson.loads((self.folder / f"{name}.json").read_bytes())["counts"]
        return counts

    def _result(self) -> dict[str, Any]:
        candidates, proposals = self._counts("candidates"), self._counts("proposals")
        return {
            "run": str(candidates["run"]),
            "corpus": self.corpus.name,
            "corpus_id": self.corpus.id,
            "items": candidates["items"],
            "candidates": candidates["candidates"],
            "requests": 0 if self.request["build"] else candidates["requests"],
            "failed": candidates["failed"],
            "proposals": {kind: proposals.get(kind, 0) for kind in ("add", "alias", "merge")},
            "new": proposals["new"],
            "renewed": proposals["renewed"],
            "stages": {name: self._counts(name) for name in NAMES},
        }

    def _tick(self) -> None:
        self.job.progress(self.job.done, self.job.total)

    # the stages

    def clues(self) -> dict[str, Any]:
        """What there is to read. Gold tags are not looked at."""
        items = empty = characters = 0
        fields: dict[str, int] = {}
        for each in read_items(self.database, self.corpus, limit=self.request["limit"]):
            items += 1
            empty += not any(clue.text.strip() for clue in each.clues)
            for clue in each.clues:
                characters += len(clue.text)
                fields[clue.field] = fields.get(clue.field, 0) + bool(clue.text.strip())
            if items % 500 == 0:
                self._tick()
        if not items:
            raise InvalidInput(f"“{self.corpus.name}” has no items.", "Import some first.")
        return {"items": items, "empty": empty, "characters": characters, "examples": {"fields": sorted(fields)}}

    def candidates(self) -> dict[str, Any]:
        found = CandidateRun(self.job, self.corpus, self.options, self.request)
        found.gather(self._counts("clues")["items"])
        with self.database.read() as connection:
            counts = run_counts(connection, found.run)
        names = {
            "candidates": counts["suggestions"],
            **{n: counts[n] for n in ("items", "refused", "invalid", "failed")},
        }
        return {"run": found.run, **names, **found.requests}

    def _rows(self) -> Iterator[tuple[int, str, float]]:
        """(item, text, score) of every candidate, an item's together, in short reads."""
        run_id, last = self._counts("candidates")["run"], 0
        columns = select(suggestion.c.pk, suggestion.c.item, suggestion.c.value, suggestion.c.score)
        while True:
            query = columns.where(
                suggestion.c.run == run_id, suggestion.c.field == "candidates", suggestion.c.pk > last
            )
            with self.database.read() as connection:
                rows = connection.execute(query.order_by(suggestion.c.pk).limit(20_000)).all()
            for row in rows:
                yield row.item, row.value, row.score
            if len(rows) < 20_000:
                return
            last = rows[-1].pk
            self._tick()

    def cleaned(self) -> dict[str, Any]:
        texts = dict.fromkeys(text for _, text, _ in self._rows())
        found = stages.clean_texts(texts, self._tick)
        # with what an item answered nothing to, it was still asked about
        total = self._counts("candidates")["items"]
        stages.occurrences(self._rows(), found.kept, total).save(self.folder / "cleaned.npz")
        return {**found.counts, "examples": found.examples}

    def variants(self) -> dict[str, Any]:
        with self.database.read() as connection:
            known = [name for tag in all_tags(connection) for name in (tag.name, *tag.aliases)]
        groups, counts = stages.join_variants(Occurrences.load(self.folder / "cleaned.npz"), known)
        write_whole(self.folder / "variants.data", orjson.dumps(groups))
        shown = [f"{name} ← {', '.join(m for m, _ in members[:3])}" for name, members in groups if members]
        return {**counts, "examples": {"joined": shown[: stages.EXAMPLES]}}

    def counted(self) -> dict[str, Any]:
        found = Occurrences.load(self.folder / "cleaned.npz")
        groups = orjson.loads((self.folder / "variants.data").read_bytes())
        with self.database.read() as connection:
            known = owners(connection, archived=True)
        least = self.request["least"] or stages.least_items(found.total)
        size = self.request["size"] or stages.wanted_size(found.total)
        on, names, counts = stages.count_by_item(found, groups, known, least=least, size=size)
        on.save(self.folder / "counted.npz")
        data = [[e.place, e.name, e.variants, e.tag, e.support] for e in names]
        write_whole(self.folder / "counted.data", orjson.dumps(data))
        return counts

    def _counted(self) -> tuple[Occurrences, list[Counted]]:
        rows = orjson.loads((self.folder / "counted.data").read_bytes())
        names = [Counted(p, name, tuple((v, r) for v, r in variants), tag, s) for p, name, variants, tag, s in rows]
        return Occurrences.load(self.folder / "counted.npz"), names

    def neighbours(self) -> dict[str, Any]:
        on, names = self._counted()
        with self.database.read() as connection:
            tags = all_tags(connection)
        merges, counts = evidence_of_merges(on, names, tags, cached_encoder(self.job.host.settings), self._tick)
        write_whole(self.folder / "neighbours.data", orjson.dumps(merges, option=orjson.OPT_SERIALIZE_NUMPY))
        return counts

    def proposals(self) -> dict[str, Any]:
        on, names = self._counted()
        merges = orjson.loads((self.folder / "neighbours.data").read_bytes())
        with self.database.read() as connection:
            tags = {tag.id: tag for tag in all_tags(connection)}
            known = owners(connection, archived=True)
        wanted = {int(i) for each in names for i in on.items[each.place][:3]}
        made = make_proposals(on, names, merges, tags, known, self._titles(wanted))
        run_id = self._run()
        totals = {"new": 0, "renewed": 0, "decided": 0}
        pace = BulkPace(self.database)
        for start in range(0, len(made), GROUP):
            part = made[start : start + GROUP]
            began = time.perf_counter()
            stored = self.database.write(lambda c, p=part: store_proposals(c, run_id, p))  # type: ignore[misc]
            pace(time.perf_counter() - began)
            totals = {name: n + stored[name] for name, n in totals.items()}
            self._tick()
        outdated = self.database.write(lambda c: retire(c, self._earlier_runs(c), run_id))
        kinds: dict[str, int] = {}
        for each in made:
            kinds[each.kind] = kinds.get(each.kind, 0) + 1
        return {"proposals": len(made), **kinds, **totals, "outdated": outdated}

    def _run(self) -> int:
        """The run that the proposals belong to: this job's own."""
        recipe = Recipe(KIND, "build", self.options.engine, self.options.model, dict(self.request))
        return self.database.write(lambda c: start_run(c, self.corpus.pk, recipe, self.job.job.person, self.job.job.id))

    def _earlier_runs(self, connection: Any) -> list[int]:
        """Runs of earlier builds of this corpus: what they proposed and this one does not is out of date."""
        query = select(run.c.id).where(run.c.corpus == self.corpus.pk, run.c.task.in_(TASKS))
        return list(connection.execute(query).scalars())

    def _titles(self, pks: Iterable[int]) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        keys = sorted(pks)
        for start in range(0, len(keys), 500):
            query = select(item.c.pk, item.c.id, item.c.title).where(item.c.pk.in_(keys[start : start + 500]))
            with self.database.read() as connection:
                found.update((r.pk, {"id": r.id, "title": r.title[:120]}) for r in connection.execute(query))
        return found
