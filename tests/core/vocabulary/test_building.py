"""A vocabulary from a corpus: every stage, going on after a stop, going again from a stage, what is known already."""

import csv
import statistics
import uuid
from dataclasses import replace

import numpy as np
import orjson
import pytest

from core.corpora.deleting import delete_items
from core.errors import InvalidInput, JobCancelled, NotFound
from core.jobs import context
from core.jobs.execute import execute
from core.store.schema import proposal, reply, run, suggestion
from core.vocabulary import building
from core.vocabulary.building import check_request, continued, describe_build
from core.vocabulary.cleaning import looks_like_refusal
from core.vocabulary.deciding import accept_above, decide, undo_batch
from core.vocabulary.importing import import_new
from core.vocabulary.proposals import page_of_proposals
from core.vocabulary.stages import NAMES, Occurrences, count_by_item
from core.vocabulary.store import NewTag, all_tags
from core.worker import KINDS
from tests.engine_server import MODEL, EngineServer
from tests.making import ANN, count, ids_of

TOPICS = ["solar power", "deep sea fish", "medieval castle", "jazz piano", "mountain railway", "honey bee"]


@pytest.fixture
def settings(settings):
    """No embedding model: what is tested here does not depend on one, and none has to be loaded."""
    return replace(settings, embedding_model="none/such")


@pytest.fixture
def server():
    with EngineServer(refuse=0.05, plurals=True) as server:
        yield server


@pytest.fixture
def ready(database, import_rows):
    rows = []
    for n in range(48):
        topic = TOPICS[n % 6]
        text = f"Notes on {topic}: the {topic} in volume {n}, seen from {TOPICS[(n + 1) % 6]}."
        rows.append({"id": str(n), "title": f"{topic} {n}", "body": text, "labels": ["gold only"]})
    import_rows(database, rows, roles={"labels": "gold"})
    return database


def make(queue, server=None, **arguments):
    engine = {"engine": "openai", "base_url": server.base_url, "model": MODEL} if server else {"engine": "builtin"}
    return queue.create("test", "vocabulary", "Build", {"corpus": "Talks", **engine, **arguments}, person=ANN)


def finish(queue, job):
    ended = execute(queue, job.id, KINDS, {})
    path = queue.folder(job.id) / "traceback.txt"
    assert not path.exists(), path.read_text()
    assert ended.state != "failed" or "no items" in ended.message, ended.message
    return ended


def stage(queue, job, name):
    return orjson.loads((queue.folder(job.id) / "stages" / f"{name}.json").read_bytes())["counts"]


def listed(database, **options):
    with database.read() as connection:
        return page_of_proposals(connection, limit=100, **options)["proposals"]


def names(database):
    with database.read() as connection:
        return {t.name: set(t.aliases) for t in all_tags(connection)}


@pytest.mark.parametrize("engine", ["builtin", "openai"])
def test_a_build_proposes_what_the_items_say(queue, ready, server, engine):
    job = finish(queue, make(queue, server if engine == "openai" else None))
    assert job.state == "done", job.message
    counts = {name: stage(queue, job, name) for name in NAMES}
    assert counts["clues"]["items"] == counts["candidates"]["items"] == 48
    assert counts["counted"]["median_items"] >= 3 and counts["proposals"]["add"] > 0
    adds = listed(ready, kind="add")
    said = " ".join(p["name"].lower() for p in adds)
    assert sum(topic.split()[-1] in said for topic in TOPICS) >= 5
    assert "gold only" not in said
    first = adds[0]
    assert first["items"] == first["detail"]["items"] and len(first["detail"]["examples"]) == 3
    assert first["detail"]["examples"][0]["title"] and first["detail"]["reasons"]
    assert names(ready) == {}, "nothing enters the vocabulary by itself"
    shown = describe_build(queue, job)
    assert [s["state"] for s in shown["stages"]] == ["done"] * 7
    assert job.result["proposals"]["add"] == counts["proposals"]["add"]


def test_plurals_and_refusals_of_a_model(queue, ready, server):
    job = finish(queue, make(queue, server, samples=2))
    counts = stage(queue, job, "candidates")
    assert counts["items"] == 48 and counts["requests"] == server.asked() == 96
    assert stage(queue, job, "variants").get("plural", 0) > 0
    accept_above(ready, 0.0, "add", ANN, str(uuid.uuid4()))
    tags = names(ready)
    assert tags and not any(looks_like_refusal(name) for name in (*tags, *(a for each in tags.values() for a in each)))
    assert any(f"{name}s" in aliases or name[:-1] in aliases for name, aliases in tags.items())


def test_five_hundred_varied_items_into_an_empty_project(queue, database, import_rows, shared_data, server):
    with (shared_data / "items" / "ted_talks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(500), strict=False)]
    import_rows(database, [{"id": str(n), "title": r["title"], "body": r["description"]} for n, r in enumerate(rows)])
    for engine in (None, server):
        job = finish(queue, make(queue, engine))
        assert job.state == "done", job.message
        answer = accept_above(database, 0.0, "add", ANN, str(uuid.uuid4()))
        tags = names(database)
        on = {p["name"]: p["items"] for p in _all(database, "accepted", "add")}
        assert answer["accepted"] == len(tags) > 20 and statistics.median(on.values()) >= 3
        assert not any(looks_like_refusal(name) for name in tags)
        database.write(lambda c, b=answer["batch"]: undo_batch(c, b, ANN))


def _all(database, state, kind):
    found, cursor = [], ""
    while cursor is not None:
        with database.read() as connection:
            page = page_of_proposals(connection, state=state, kind=kind, cursor=cursor, limit=100)
        found += page["proposals"]
        cursor = page["next"]
    return found


# stopped, killed, gone on


def test_a_build_that_was_stopped_asks_only_what_is_missing(queue, ready, server, monkeypatch):
    monkeypatch.setattr(context, "REPORT_SECONDS", 0)
    job = make(queue, server)
    real = context.JobContext.progress

    def stop_midway(self, done, total=None, **more):
        real(self, done, total, **more)
        if total == 48 and done >= 20:
            raise JobCancelled("Cancelled.", "")

    monkeypatch.setattr(context.JobContext, "progress", stop_midway)
    assert execute(queue, job.id, KINDS, {}).state == "cancelled"
    asked = server.asked()
    assert 20 <= asked <= 48
    monkeypatch.setattr(context.JobContext, "progress", real)
    queue.resume(job.id)
    ended = finish(queue, job)
    assert ended.state == "done" and server.asked() == 48 and count(ready, reply) == 48
    assert stage(queue, job, "candidates")["items"] == 48
    assert count(ready, run, run.c.task == "candidates") == 1


@pytest.mark.parametrize("name", ["cleaned", "variants", "counted", "neighbours", "proposals"])
def test_a_build_that_was_killed_in_a_stage_repeats_no_finished_one(queue, ready, server, monkeypatch, name):
    job = make(queue, server)

    def die(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(building._Build, name, die)
        with pytest.raises(KeyboardInterrupt):
            execute(queue, job.id, KINDS, {})
    folder = queue.folder(job.id) / "stages"
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(before) == NAMES.index(name)
    queue.resume(job.id)
    assert finish(queue, job).state == "done"
    assert all((folder / file).stat().st_mtime_ns == at for file, at in before.items())
    assert server.asked() == 48


def test_proposals_half_written_are_not_doubled(queue, ready, server, monkeypatch):
    job = make(queue, server)
    monkeypatch.setattr(building, "GROUP", 1)
    real = building.store_proposals
    written = []

    def fail_later(*arguments):
        if len(written) == 3:
            raise RuntimeError("the power went")
        written.append(1)
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(building, "store_proposals", fail_later)
        assert execute(queue, job.id, KINDS, {}).state == "failed"
    assert count(ready, proposal) == 3
    (queue.folder(job.id) / "traceback.txt").unlink()
    queue.resume(job.id)
    finish(queue, job)
    made = stage(queue, job, "proposals")["proposals"]
    assert count(ready, proposal) == made == count(ready, proposal, proposal.c.state == "open")


# again from a stage


def test_a_stage_is_run_again_with_other_numbers_and_without_requests(queue, ready, server):
    first = finish(queue, make(queue, server))
    asked, wide = server.asked(), stage(queue, first, "counted")["kept"]
    open_before = {p["name"] for p in _all(ready, "open", "add")}
    rejected = _all(ready, "open", "add")[0]
    event = {"uuid": str(uuid.uuid4()), "proposal": rejected["id"], "action": "reject"}
    ready.write(lambda c: decide(c, [event], ANN))
    again = finish(queue, make(queue, server, build=first.id, from_stage="counted", least=10, size=3))
    assert (
        again.state == "done"
        and server.asked() == asked
        and count(ready, suggestion, suggestion.c.field == "candidates")
    )
    assert stage(queue, again, "counted")["kept"] <= 3 < wide
    assert all(entry["inherited"] for entry in describe_build(queue, again)["stages"][:4])
    shown = _all(ready, "open", "add")
    assert {p["name"] for p in shown} < open_before and all(p["items"] >= 10 for p in shown)
    assert rejected["name"] not in {p["name"] for p in shown}, "a rejected one does not come back"
    assert len(_all(ready, "outdated", "add")) == len(open_before) - len(shown) - 1


def test_what_an_earlier_build_must_have(queue, ready):
    job = make(queue)
    with pytest.raises(InvalidInput):
        continued(queue, "test", job.id, "counted")
    with pytest.raises(NotFound):
        continued(queue, "other", job.id, "counted")
    with pytest.raises(NotFound):
        continued(queue, "test", "nothing", "counted")


# what is known already


def test_the_vocabulary_that_is_there_is_respected(queue, ready):
    finish(queue, make(queue))
    wanted = [p["name"] for p in _all(ready, "open", "add")][:2]
    import_new(ready, [NewTag(wanted[0]), NewTag("something else", aliases=(wanted[1],))], ANN)
    finish(queue, make(queue))
    shown = {p["name"] for p in _all(ready, "open", "add")}
    assert not shown & set(wanted)
    assert {p["name"] for p in _all(ready, "outdated", "add")} >= set(wanted)


def test_other_spellings_of_a_known_tag_are_proposed_as_aliases(queue, ready):
    import_new(ready, [NewTag("Jazz Pianos"), NewTag("honey bees")], ANN)
    finish(queue, make(queue))
    found = {(p["name"].lower(), p["into"]) for p in _all(ready, "open", "alias")}
    added = {p["name"].lower() for p in _all(ready, "open", "add")}
    assert not {"jazz piano", "honey bee"} & added
    assert {"Jazz Pianos", "honey bees"} & {into for _, into in found}


# counting


def occurrences(**items):
    return Occurrences(list(items), [np.array(v, np.int64) for v in items.values()], [1.0] * len(items), 40)


def test_counting_by_item(tmp_path):
    found = occurrences(bee=[1, 2], bees=[2, 3], rare=[1], everywhere=list(range(30)), wasp=[1, 2, 3], known=[9])
    groups = [("bee", [("bees", "plural")]), ("rare", []), ("everywhere", []), ("wasp", []), ("known", [])]
    found.save(tmp_path / "x.npz")
    found = Occurrences.load(tmp_path / "x.npz")
    on, kept, counts = count_by_item(found, groups, {"known": 7}, least=2, size=10)
    by_name = {each.name: each for each in kept}
    assert set(by_name) == {"known", "bee", "wasp"}
    assert on.items[by_name["bee"].place].tolist() == [1, 2, 3], "distinct items in any spelling"
    assert by_name["bee"].variants == (("bees", "plural"),) and by_name["known"].tag == 7
    assert (counts["rare"], counts["everywhere"], counts["known"], counts["kept"]) == (1, 1, 1, 2)
    _, kept, counts = count_by_item(found, groups, {}, least=1, size=1)
    assert len(kept) == counts["kept"] == 1 and counts["beyond_size"] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"samples": 10},
        {"limit": 0},
        {"size": True},
        {"least": "3"},
        {"use_case": 7},
        {"language": "x" * 501},
        {"from_stage": "nowhere"},
        {"from_stage": "counted"},
    ],
)
def test_requests_that_are_none(wrong):
    with pytest.raises(InvalidInput) as refused:
        check_request(wrong)
    assert refused.value.remedy


def test_an_empty_corpus_is_said_to_be_one(queue, database, import_rows):
    import_rows(database, [{"id": "1", "title": "t"}])
    delete_items(database, list(ids_of(database).values()), ANN)
    ended = finish(queue, make(queue))
    assert ended.state == "failed" and "no items" in ended.message
