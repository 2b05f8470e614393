"""The tagging job on tiny data: the same answers however it was interrupted, and whatever gold says."""

import math

import orjson
import pytest
from sqlalchemy import select

from core.corpora.mapping import Mapping
from core.errors import InvalidInput
from core.jobs import context
from core.jobs.execute import execute
from core.store.schema import item, run, run_item, suggestion, tag
from core.tagging import job as tagging
from core.tagging.request import check_request
from core.tagging.selective import SelectiveTagger
from core.tagging.trial import try_on_ten
from core.vocabulary.importing import import_new
from core.vocabulary.store import NewTag
from core.worker import KINDS
from tests.making import ANN, count, ids_of

MAPPING = Mapping({"id": "id", "title": "title", "body": "body", "labels": "gold"})
TOPICS = {
    "beekeeping": "Bees, hives and honey: a beekeeper's year",
    "astronomy": "Stars, planets and the telescope in the garden",
    "cooking": "A soup of carrots, and how to bake bread",
    "football": "The goalkeeper, the penalty and the final whistle",
    "music": "Learning the violin, a string quartet at home",
}


def talks(n=15, labels=True):
    topics = list(TOPICS)
    return [
        {
            "id": str(i),
            "title": f"Part {i} on {topics[i % 5]}",
            "body": TOPICS[topics[i % 5]],
            **({"labels": [topics[i % 5]]} if labels is True else {"labels": labels} if labels else {}),
        }
        for i in range(n)
    ]


@pytest.fixture
def ready(database, import_rows):
    """Fifteen items and a vocabulary of six tags."""
    import_rows(database, talks(), mapping=MAPPING)
    import_new(database, [NewTag(name) for name in (*TOPICS, "gardening")], ANN)
    return database


def make(queue, **arguments):
    return queue.create("test", "tag", "Tag", {"corpus": "Talks", "top_k": 3, **arguments}, person=ANN)


def finish(queue, job):
    return execute(queue, job.id, KINDS)


def suggested(database, run_id):
    """[(item, tag, score, rank, evidence)] of a run, in order."""
    query = (
        select(item.c.external_id, tag.c.name, suggestion.c.score, suggestion.c.rank, suggestion.c.evidence)
        .join(item, item.c.pk == suggestion.c.item)
        .join(tag, tag.c.id == suggestion.c.tag)
        .where(suggestion.c.run == int(run_id))
        .order_by(item.c.pk, suggestion.c.rank)
    )
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_run_suggests_what_the_items_are_about(queue, ready):
    done = finish(queue, make(queue))
    assert done.state == "done", (done.message, done.log)
    result = done.result
    assert result["corpus"] == "Talks" and result["items"] == result["ok"] == 15
    assert result["invalid"] == result["refused"] == result["failed"] == 0
    assert (result["requests"], result["tokens"], result["cost"]) == (0, 0, 0)
    assert (done.done, done.total) == (15, 15)
    rows = suggested(ready, result["run"])
    assert len(rows) == result["suggestions"] > 0
    first = {}
    for name, tag_name, score, rank, evidence in rows:
        first.setdefault(name, tag_name)
        assert 0 <= score <= 1 and 1 <= rank <= 3
        for entry in orjson.loads(evidence):
            assert entry["field"] in ("title", "body") and 0 <= entry["start"] <= entry["end"]
    topics = list(TOPICS)
    assert [first[str(i)] for i in range(15)] == [topics[i % 5] for i in range(15)]
    with ready.read() as connection:
        stored = connection.execute(select(run)).one()
    assert (stored.job, stored.method, stored.engine, stored.person) == (done.id, "selective", "builtin", ANN)
    assert orjson.loads(stored.parameters) == {"top_k": 3, "threshold": None, "limit": None}


def test_the_same_run_again_says_the_same(queue, ready):
    first, second = finish(queue, make(queue)), finish(queue, make(queue))
    assert first.result["run"] != second.result["run"]
    assert suggested(ready, first.result["run"]) == suggested(ready, second.result["run"])


@pytest.mark.parametrize(("how", "after"), [("cancelled", 2), ("failed", 2)])
def test_a_resumed_run_answers_as_an_uninterrupted_one(queue, ready, monkeypatch, how, after):
    monkeypatch.setattr(tagging, "BATCH", 4)
    monkeypatch.setattr(context, "REPORT_SECONDS", 0)
    whole = finish(queue, make(queue))
    job = make(queue)
    store, calls = tagging.store_answers, []

    def interrupted(connection, run_id, answers):
        store(connection, run_id, answers)
        calls.append(1)
        if len(calls) == after and how == "failed":
            raise RuntimeError("the disk went away")

    monkeypatch.setattr(tagging, "store_answers", interrupted)
    report = queue.report

    def report_and_stop(job_id, done, total, rate):
        if len(calls) >= after and done == 4 * after and not queue.get(job_id).cancel_requested and how == "cancelled":
            queue.cancel(job_id)
        return report(job_id, done, total, rate)

    monkeypatch.setattr(queue, "report", report_and_stop)
    broken = finish(queue, job)
    assert broken.state == how, (broken.message, broken.log)
    kept = count(ready, run_item) - 15
    assert kept == 4 * (after - (how == "failed")), "whole batches only"
    monkeypatch.setattr(tagging, "store_answers", store)
    monkeypatch.setattr(queue, "report", report)
    # meanwhile people go on: what they change must not change this run's answers
    import_new(ready, [NewTag("newcomer", aliases=("bees",))], ANN)
    queue.resume(job.id)
    resumed = finish(queue, job)
    assert resumed.state == "done", (resumed.message, resumed.log)
    assert resumed.result["items"] == 15 and resumed.attempt == 2
    assert suggested(ready, resumed.result["run"]) == suggested(ready, whole.result["run"])
    own = ("run", "job")
    assert {k: v for k, v in resumed.result.items() if k not in own} == {
        k: v for k, v in whole.result.items() if k not in own
    }


def test_gold_labels_change_nothing(host, queue, import_rows):
    answers = []
    for name, labels in (("True", True), ("Nonsense", ["gardening", "nonsense"]), ("None", None)):
        database = host.open(host.create_project(name).slug)
        import_rows(database, talks(labels=labels), mapping=MAPPING)
        import_new(database, [NewTag(n) for n in (*TOPICS, "gardening")], ANN)
        job = queue.create(host.project(name).slug, "tag", "Tag", {"corpus": "Talks", "top_k": 4})
        done = finish(queue, job)
        assert done.state == "done", done.message
        answers.append(suggested(database, done.result["run"]))
    assert answers[0] == answers[1] == answers[2] != []


def test_only_the_first_items(queue, ready):
    done = finish(queue, make(queue, limit=4))
    assert (done.result["items"], done.done, done.total) == (4, 4, 4)
    with ready.read() as connection:
        names = connection.execute(
            select(item.c.external_id).join(run_item, run_item.c.item == item.c.pk).order_by(item.c.pk)
        ).scalars()
        assert list(names) == ["0", "1", "2", "3"]
    assert finish(queue, make(queue, limit=400)).result["items"] == 15


def test_a_threshold_leaves_the_weak_ones_out(queue, ready):
    all_of_them = suggested(ready, finish(queue, make(queue, threshold=0)).result["run"])
    some = suggested(ready, finish(queue, make(queue, threshold=0.5)).result["run"])
    assert some == [row for row in all_of_them if row[2] >= 0.5] and len(some) < len(all_of_them)


def test_an_item_that_cannot_be_tagged_fails_alone(queue, ready, monkeypatch):
    tagger = SelectiveTagger.tag

    def stumble(self, items, **options):
        if any("Part 7 " in clue.text for clues in items for clue in clues):
            raise ValueError("no such luck")
        return tagger(self, items, **options)

    monkeypatch.setattr(SelectiveTagger, "tag", stumble)
    done = finish(queue, make(queue))
    assert done.state == "done"
    assert (done.result["items"], done.result["ok"], done.result["failed"]) == (15, 14, 1)
    with ready.read() as connection:
        failed = connection.execute(
            select(item.c.external_id, run_item.c.error)
            .join(run_item, run_item.c.item == item.c.pk)
            .where(run_item.c.state == "failed")
        ).all()
    assert [tuple(row) for row in failed] == [("7", "ValueError: no such luck")]


def test_without_a_vocabulary_or_a_corpus_the_job_says_what_to_do(queue, database, import_rows):
    import_rows(database, talks(1), mapping=MAPPING)
    done = finish(queue, make(queue))
    assert done.state == "failed" and "vocabulary" in done.message and done.remedy
    import_new(database, [NewTag("music")], ANN)
    done = finish(queue, make(queue, corpus="Songs"))
    assert done.state == "failed" and "Songs" in done.message and done.remedy


def test_an_empty_corpus_is_tagged_at_once(queue, ready):
    from core.corpora.deleting import delete_items

    delete_items(ready, list(ids_of(ready).values()), ANN)
    done = finish(queue, make(queue))
    assert done.state == "done" and done.result["items"] == done.result["suggestions"] == 0


# the request


def test_a_request_is_completed():
    assert check_request({}) == {
        "method": "selective",
        "engine": "builtin",
        "top_k": 8,
        "threshold": None,
        "limit": None,
        "samples": 1,
        "use_case": "",
        "language": "",
    }
    wanted = {
        **{"method": "generative", "engine": "openai", "top_k": 3, "threshold": 0.25, "limit": 9},
        **{"samples": 3, "use_case": "school", "language": "Danish"},
    }
    assert check_request(wanted) == wanted


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "magic"},
        {"method": ["selective"]},
        {"engine": "oracle"},
        {"top_k": 0},
        {"top_k": 51},
        {"top_k": -1},
        {"top_k": 2.5},
        {"top_k": "8"},
        {"top_k": True},
        {"threshold": -0.1},
        {"threshold": 1.1},
        {"threshold": math.nan},
        {"threshold": "0.5"},
        {"threshold": True},
        {"limit": 0},
        {"limit": -3},
        {"limit": 1.5},
        {"limit": True},
        {"samples": 0},
        {"samples": 10},
        {"samples": True},
        {"samples": "2"},
        {"use_case": "x" * 401},
        {"use_case": 5},
        {"language": ["English"]},
        {"language": "x" * 61},
    ],
    ids=repr,
)
def test_a_wrong_request_is_refused_with_a_remedy(wrong):
    with pytest.raises(InvalidInput) as refused:
        check_request(wrong)
    assert refused.value.message and refused.value.remedy


# a trial


def test_a_trial_stores_nothing_and_says_how_long_all_would_take(host, ready):
    answer = try_on_ten(ready, host, "Talks", {"top_k": 2})
    assert len(answer["items"]) == 10 and answer["total_items"] == 15 and answer["estimate_seconds"] > 0
    assert len({entry["id"] for entry in answer["items"]}) == 10
    top = answer["items"][0]["suggestions"][0]
    assert {"tag", "name", "score", "rank", "agent", "method", "evidence"} <= set(top) and top["agent"] == "S"
    assert all(len(entry["suggestions"]) <= 2 for entry in answer["items"])
    assert count(ready, run) == count(ready, suggestion) == 0
    orjson.dumps(answer)


def test_a_trial_of_nothing_is_refused(host, database, import_rows):
    with pytest.raises(InvalidInput):
        try_on_ten(database, host, "Talks", {})
    import_new(database, [NewTag("music")], ANN)
    import_rows(database, talks(1), mapping=MAPPING)
    from core.corpora.deleting import delete_items

    delete_items(database, list(ids_of(database).values()), ANN)
    with pytest.raises(InvalidInput) as refused:
        try_on_ten(database, host, "Talks", {})
    assert "no items" in refused.value.message
