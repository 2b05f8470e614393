"""The fault table (tests/faults.toml), row by row over real HTTP: what the server sees, what becomes of the items, what
the ledger says, and that a second run repeats no question that has an answer."""

from __future__ import annotations

import re
import shutil
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from core.embedding.hashing import HashingEncoder
from core.engines import EngineOptions, connect
from core.engines.calls import Call, Outcome, Request
from core.engines.connecting import checking
from core.engines.connecting.connections import ConnectionSettings
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompts import load
from core.engines.server import http_client
from core.errors import EngineError
from core.settings import Settings
from core.store.projects import Host
from core.store.schema import attempt, reply
from core.tagging.generative_llm import GenerativeLLM
from core.tagging.llm import Asked
from core.tagging.request import TagRequest
from core.tagging.reviewed import ReviewedItems
from core.tagging.selective import SelectiveTagger
from core.tagging.selective_llm import SelectiveLLM
from core.vocabulary.entries import TagEntry
from tests.asking import guarded, item_number, limits_of, set_up_connection
from tests.fault_server import MODEL, FaultServer, Seen
from tests.making import count

ROWS = tomllib.loads((Path(__file__).parents[2] / "faults.toml").read_text(encoding="utf-8"))["row"]
CASES = {
    f"row_{row['number']:02}-{name}": case
    for row in ROWS
    if row["cause"] == "server"
    for name, case in row["case"].items()
}
HARNESS = Path(__file__).with_name("test_fault_harness.py")
PRICE_IN, PRICE_OUT = 1, 2  # millionths of a dollar for a token
VOCABULARY = (TagEntry("1", "solar energy", ("sun power",)), TagEntry("2", "valley"), TagEntry("3", "bees"))


def test_every_row_has_a_test() -> None:
    assert [row["number"] for row in ROWS] == list(range(1, 47)) and all(row["title"] for row in ROWS)
    written = set(re.findall(r"^def test_row_(\d\d)_", HARNESS.read_text(encoding="utf-8"), re.M))
    for row in ROWS:
        assert row["cause"] in ("server", "harness")
        if row["cause"] == "server":
            assert row.get("case"), f"row {row['number']} has no case"
        else:
            assert f"{row['number']:02}" in written, f"row {row['number']} has no test in {HARNESS.name}"


class Bench:
    """One case: the questions about its items, asked through `connect`, and what is left behind."""

    def __init__(self, host: Any, case: dict[str, Any], server: FaultServer, tmp_path: Path) -> None:
        self.host, self.case, self.server, self.tmp_path = host, case, server, tmp_path
        self.items = case.get("items", 5)
        self.database = host.open("test")
        self.model = case.get("model", MODEL)
        self.base_url = server.address + case["path"] if "path" in case else server.base_url
        settings = ConnectionSettings(price_input=PRICE_IN, price_output=PRICE_OUT)  # type: ignore[arg-type]
        set_up_connection(host, self.base_url, self.model, settings.to_json())

    def run(self, first: int = 0) -> Run:
        return guarded(lambda: Run(self, range(first, first + self.items)))

    def method(self) -> Any:
        request = TagRequest(self.case.get("method", "generative"), top_k=20, language=self.case.get("language", ""))
        fitter = Fitter.of(self.host, self.base_url, self.model)
        if request.method == "selective":
            tagger = SelectiveTagger(VOCABULARY, HashingEncoder())
            return SelectiveLLM(request, tagger, ReviewedItems({}, np.zeros((0, 1))), load("select-tags"), fitter)
        return GenerativeLLM(request, (), HashingEncoder(), load("free-tags"), fitter)

    def calls(self, method: Any, numbers: range) -> Any:
        if self.case.get("method") == "picture":
            return self.picture_calls(numbers)
        long = self.case.get("long")
        return method.calls(item_number(n, long=n == long) for n in numbers)

    def picture_calls(self, numbers: range) -> Any:
        from PIL import Image

        from core.engines.images import image_part

        for number in numbers:
            path = self.tmp_path / f"{number}.png"
            Image.new("RGB", (40, 30), (10 * number, 80, 120)).save(path)
            parts = [{"type": "text", "text": f"Tags of picture {number}, as JSON."}, image_part(path)]
            yield Call((number, 0), Request(({"role": "user", "content": parts},)))


class Run:
    """What a run over some items came to.

    Attributes:
        outcomes: by item.
        answers: what the tagger says of each item that came back.
        error: what ended the run, if something did.
    """

    def __init__(self, bench: Bench, numbers: range) -> None:
        case = bench.case
        before = bench.server.asked
        limits = limits_of(**{"concurrency": case.get("at_once", 3), **case.get("limits", {})})
        options = EngineOptions("openai", bench.base_url, bench.model)
        engine = connect(bench.host, options, case.get("key"), bench.database, limits)
        method = bench.method()
        self.outcomes: dict[int, Outcome] = {}
        self.error: EngineError | None = None
        self.waited = 0.0

        def stop() -> bool:
            self.waited = max(self.waited, engine.spent.waiting)
            return "stop_waiting" in case and self.waited > case["stop_waiting"]

        try:
            for outcome in engine.answers(bench.calls(method, numbers), stop=stop):
                number, _ = outcome.call.key  # type: ignore[misc]
                assert number not in self.outcomes, "an item has come back twice"
                self.outcomes[number] = outcome
        except EngineError as error:
            self.error = error
        engine.close()
        self.spent = engine.spent
        self.seen = bench.server.requests[before:]
        asked = [Asked(item_number(n), (outcome,)) for n, outcome in self.outcomes.items()]
        self.answers = {} if case.get("method") == "picture" else {a.item: a for a in method.answers(asked)}
        self.states = Counter(answer.state for answer in self.answers.values())
        self.open = len(numbers) - len(self.outcomes)

    def tags(self, number: int) -> list[str]:
        names = {int(tag.id): tag.name for tag in VOCABULARY}
        rows = self.answers[number].rows
        return [row["value"] if row.get("tag") is None else names[row["tag"]] for row in rows]


@pytest.fixture(scope="module")
def shared_host(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One host for all cases: making a hundred takes longer than all faults together. Addresses keep them apart."""
    home = tmp_path_factory.mktemp("faults") / "home"
    shutil.copytree(_sqlite_template, home)
    host = Host(Settings(home=home))
    yield host
    host.close()


@pytest.fixture
def bench(request: pytest.FixtureRequest, shared_host: Any, tmp_path: Path) -> Any:
    case = request.param
    base = f"/case-{list(CASES.values()).index(case)}/v1"
    with FaultServer(**{"base": base, **case.get("server", {})}) as server:
        yield Bench(shared_host, case, server, tmp_path)


def within(found: int, wanted: Any) -> bool:
    least, most = wanted if isinstance(wanted, list) else (wanted, wanted)
    return bool(least <= found <= most)


@pytest.mark.parametrize("bench", CASES.values(), ids=CASES.keys(), indirect=True)
def test_row(bench: Bench) -> None:
    case, run = bench.case, bench.run()
    check_the_run(bench, run)
    check_the_ledger(bench, run)
    check_what_is_said(bench, run)
    for change in case.get("changed", ()):
        assert changed(change, run.seen), f"no later request was {change}"
    if "pause" in case:
        assert run.seen[1].at - run.seen[0].at > 0.9 * case["pause"], "everybody waits as long as the server asks for"
    if case.get("breaker"):
        check_the_breaker(run.seen, case["limits"]["probe_seconds"])
    if case.get("listing"):
        found = checking.check(bench.host, bench.base_url, bench.model, None)
        assert found.ok, "a server without a list of models can be used"
    if case.get("again_new"):
        later = bench.run(first=100)
        assert len(later.seen) == bench.items and later.states["ok"] == bench.items, "what was learned is kept"
    check_a_second_run(bench, run)


def check_the_run(bench: Bench, run: Run) -> None:
    """Requests, items by state, what ended it."""
    case = bench.case
    told = f"{dict(run.states)}, {len(run.seen)} requests, ended by {run.error!r}, {first_fault(run)}"
    if case.get("fatal"):
        assert run.error is not None, f"the run should have ended: {told}"
        assert run.error.kind == case["fatal"], told
        assert run.error.message and run.error.remedy
        for word in case.get("words", ()):
            assert word in str(run.error), f"“{word}” is not in: {run.error}"
        assert "sk-test-secret" not in str(run.error)
    else:
        assert run.error is None, told
    assert within(len(run.seen), case["requests"]), told
    late = run.spent.faults.get("timeout", 0)  # a busy machine may give up before the server has seen a request
    assert len(run.seen) <= run.spent.requests <= len(run.seen) + late, "every request is counted, and no other"
    assert run.open == case.get("open", 0), told
    if "unusable" in case:
        assert within(run.states["failed"] + run.states["invalid"], case["unusable"]), told
    else:
        for state in ("failed", "refused", "invalid"):
            assert run.states[state] == case.get(state, 0), told
        bad = sum(case.get(state, 0) for state in ("failed", "refused", "invalid", "open"))
        assert run.states["ok"] == case.get("ok", bench.items - bad), told
    kinds = {outcome.error.kind for outcome in run.outcomes.values() if outcome.error is not None}
    if "fault" in case:
        assert kinds == {case["fault"]}, told
    for outcome in run.outcomes.values():
        if outcome.error is not None:
            assert outcome.error.message and "Traceback" not in outcome.error.message


def check_the_ledger(bench: Bench, run: Run) -> None:
    """A row for every request; each answer that is paid for is stored once and costs what its tokens cost."""
    case = bench.case
    with bench.database.read() as connection:
        rows = connection.execute(select(attempt).where(attempt.c.endpoint == bench.base_url)).all()
        stored = connection.execute(select(reply.c.key).where(reply.c.endpoint == bench.base_url)).scalars().all()
    billed = Counter(row.billed for row in rows)
    told = f"ledger {dict(billed)}: {Counter((row.outcome, row.status, row.billed) for row in rows)}"
    assert len(rows) == run.spent.requests, told
    for kind in ("yes", "no", "unknown"):
        assert within(billed[kind], case["billed"].get(kind, 0)), told
    paid = [row for row in rows if row.billed == "yes"]
    assert sorted(row.key for row in paid) == sorted(stored), "each paid answer is stored once"
    assert all(row.outcome == "answered" and row.status == 200 for row in paid), told
    assert all(row.outcome != "answered" for row in rows if row.billed != "yes"), told
    for row in paid:
        assert row.prompt_tokens > 0 and row.completion_tokens >= 0
        assert row.cost_micros == PRICE_IN * row.prompt_tokens + PRICE_OUT * row.completion_tokens
    assert run.spent.answered == len(paid)
    assert run.spent.prompt_tokens == sum(row.prompt_tokens for row in paid)
    assert int((run.spent.cost or 0) * 1_000_000) == sum(row.cost_micros for row in paid)


def check_what_is_said(bench: Bench, run: Run) -> None:
    """Tags, flags, notes."""
    case = bench.case
    for number, answer in run.answers.items():
        said = run.tags(number)
        assert all(tag and len(tag) <= 60 and tag == tag.strip() for tag in said)
        assert not [c for tag in said for c in tag if unicodedata.category(c) in ("Cc", "Cf", "Cs")], said
        if answer.state != "ok":
            assert not said and answer.error
        elif "tags" in case:
            assert sorted(said) == sorted(case["tags"])
        elif "tags_within" in case:
            assert set(said) <= set(case["tags_within"])
        elif "tags_plain" in case:
            assert said
    flags = {flag for answer in run.answers.values() for flag in answer.flags}
    for flag in case.get("flags", ()):
        assert flag in flags, f"no item is flagged “{flag}”: {flags}"
    notes = "\n".join(run.spent.notes)
    for word in case.get("notes", ()):
        assert word in notes, f"“{word}” is not in the notes: {notes}"
    if "once" in case:
        assert sum(case["once"] in note for note in run.spent.notes) == 1
    if case.get("estimated"):
        assert run.spent.estimated and all(outcome.reply.usage.estimated for outcome in run.outcomes.values())  # type: ignore[union-attr]
    elif case.get("ok", 1):
        assert not run.spent.estimated
    if "stop_waiting" in case:
        assert run.waited > case["stop_waiting"] and run.error is None, "a person sees the countdown, and may stop"


def check_a_second_run(bench: Bench, run: Run) -> None:
    """The server is well: only what has no stored answer is asked."""
    case = bench.case
    bench.server.well()
    if "path" in case or bench.model != MODEL:
        return  # another address or model is another question
    before = count(bench.database, reply, reply.c.endpoint == bench.base_url)
    again = bench.run()
    lost = run.states["failed"] + run.open
    wanted = case.get("again", lost if "unusable" not in case else 0)
    asked = len(again.seen)
    told = f"{dict(again.states)}, {len(again.seen)} requests, ended by {again.error!r}, {first_fault(again)}"
    if "stop_waiting" in case:
        assert asked == 0 and again.open == bench.items, f"the next run waits as well: {told}"
        return
    assert again.error is None and again.open == 0, told
    assert within(asked, wanted), f"a question that has an answer is never asked again: {told}"
    assert count(bench.database, reply, reply.c.endpoint == bench.base_url) == before + asked
    if case.get("method") != "picture":
        assert again.states["ok"] == case.get("again_ok", run.states["ok"] + asked), told


def check_the_breaker(seen: list[Seen], seconds: float) -> None:
    """After five in a row and those that were under way then, one request at a time asks whether it is back."""
    probes = seen[1:13][8:]
    for last, probe in zip(seen[8:12], probes, strict=True):
        assert probe.under_way == 1 and probe.at - last.at > 0.8 * seconds


def changed(how: str, seen: list[Seen]) -> bool:
    """True where some later request about the same item differs from the first one in that way."""
    by_item: dict[str, list[Seen]] = {}
    for each in seen:
        found = re.search(r"valley number (\d+)", each.texts)
        by_item.setdefault(found.group(1) if found else "", []).append(each)
    if how == "shape":
        return seen[0].body.get("response_format") != seen[-1].body.get("response_format")
    tests = {
        "longer": lambda a, b: (b.body.get("max_tokens") or 0) > (a.body.get("max_tokens") or 0),
        "hotter": lambda a, b: (b.body.get("temperature") or 0) > (a.body.get("temperature") or 0),
        "penalty": lambda a, b: (b.body.get("frequency_penalty") or 0) > (a.body.get("frequency_penalty") or 0),
        "complaint": lambda a, b: len(b.body["messages"]) > len(a.body["messages"]),
        "shorter": lambda a, b: len(b.texts) < len(a.texts),
    }
    return any(tests[how](of_item[0], other) for of_item in by_item.values() for other in of_item[1:])


def first_fault(run: Run) -> str:
    faults = [outcome.error for outcome in run.outcomes.values() if outcome.error is not None]
    problems = [outcome.problem for outcome in run.outcomes.values() if outcome.problem]
    return f"{faults[0].kind}: {faults[0].message}" if faults else f"problem: {problems[0]}" if problems else "no fault"


def test_the_timeout_of_a_connection_is_shorter_than_that_of_a_request() -> None:
    assert 0 < http_client.CONNECT_SECONDS < limits_of().seconds
