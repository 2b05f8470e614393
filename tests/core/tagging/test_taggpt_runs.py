"""TagGPT's tag_gen.txt: answers paid for elsewhere become a finished run; its own faults are found and named."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.corpora.mapping import Mapping
from core.jobs.execute import execute
from core.store.schema import item, reply, run, run_item, suggestion, tag
from core.tagging.taggpt_runs import read_tag_gen
from core.vocabulary.importing import import_new
from core.vocabulary.store import NewTag
from core.worker import KINDS
from tests.making import ANN, count

ANSWERS = ["美食、家常菜", "旅行、风景、自驾游", "抱歉，我无法生成兴趣标签", "健身，减肥"]


def line(number, *answers):
    return f"{number}||" + "".join(f"{a}||" for a in answers)


def numbers(found):
    return [(row.number, len(row.answers), row.line) for row in found.rows]


def test_a_whole_file():
    found = read_tag_gen([line(i, "a、b", "c、d") + "\n" for i in range(5)])
    assert numbers(found) == [(i, 2, i + 1) for i in range(5)] and not found.problems
    assert found.samples == 2 and found.first == 0
    assert read_tag_gen([line(1, "a"), line(2, "b")]).first == 1


def test_glued_rows_are_taken_apart_and_named_by_line():
    found = read_tag_gen([line(98, "a", "b"), line(99, "c", "d") + line(100, "e", "f"), line(101, "g", "h")])
    assert numbers(found) == [(98, 2, 1), (99, 2, 2), (100, 2, 2), (101, 2, 3)]
    assert [p["row"] for p in found.problems] == [2] and "99, 100" in found.problems[0]["cause"]


def test_a_number_that_is_an_answer_is_no_row():
    found = read_tag_gen([line(4, "1984", "3、4", "7")])
    assert numbers(found) == [(4, 3, 1)] and not found.problems


def test_repeated_and_foreign_lines_are_named():
    found = read_tag_gen(["", "rubbish", line(0, "a"), line(0, "b"), line("x", "c"), "7||"])
    assert numbers(found) == [(0, 1, 3)] and found.rows[0].answers == ("a",)
    assert [p["row"] for p in found.problems] == [2, 4, 5, 6]
    assert all(p["cause"] and p["remedy"] for p in found.problems)


@given(st.lists(st.lists(st.text("ab、c ", min_size=1, max_size=6), min_size=2, max_size=2), max_size=20), st.data())
def test_whatever_lines_are_glued_every_row_is_found(rows, data):
    lines, glued = [""], 0
    for number, answers in enumerate(rows):
        lines[-1] += line(number, *answers)
        if data.draw(st.booleans()):
            lines.append("")
    assert [(r.number, list(r.answers)) for r in read_tag_gen(lines).rows] == list(enumerate(rows))
    assert glued == 0


@given(st.lists(st.text(max_size=60), max_size=20))
def test_no_file_breaks_the_reader(lines):
    read_tag_gen(lines)


@pytest.fixture
def videos(database, import_rows):
    titles = ["家常菜做法", "自驾游西藏", "一个视频", "减肥健身操", "第五个"]
    import_rows(
        database,
        [{"id": str(i), "title": t} for i, t in enumerate(titles)],
        mapping=Mapping({"id": "id", "title": "title"}),
    )
    import_new(database, [NewTag("美食"), NewTag("健身")], ANN)
    return database


def read(queue, path, **options):
    job = queue.create(
        "test", "taggpt_replies", "Read", {"corpus": "Talks", "path": str(path), "name": path.name, **options}
    )
    return execute(queue, job.id, KINDS)


def test_a_file_becomes_a_run_without_a_request(queue, videos, tmp_path):
    path = tmp_path / "tag_gen.txt"
    path.write_text("\n".join(line(i, a, a) for i, a in enumerate(ANSWERS)) + "\n", encoding="utf-8")
    done = read(queue, path)
    assert done.state == "done", (done.message, done.log)
    result = done.result
    assert (result["ok"], result["refused"], result["failed"], result["requests"]) == (3, 1, 1, 0)
    assert "第五个" in str(result["problems"]) and "4 rows for 5 items" in result["problems"][0]["cause"]
    query = select(item.c.external_id, tag.c.name, suggestion.c.value, suggestion.c.detail, suggestion.c.reply)
    query = query.join(item, item.c.pk == suggestion.c.item).outerjoin(tag, tag.c.id == suggestion.c.tag)
    with videos.read() as connection:
        rows = connection.execute(query.order_by(item.c.pk, suggestion.c.rank)).all()
        stored = connection.execute(select(run)).one()
        raw = connection.execute(select(reply.c.raw).where(reply.c.id == rows[0].reply)).scalar_one()
        states = dict(connection.execute(select(run_item.c.item, run_item.c.state)).all())
    assert [(r.external_id, r.name, r.value) for r in rows[:2]] == [("0", "美食", "美食"), ("0", None, "家常菜")]
    assert all(orjson.loads(r.detail)["votes"] == orjson.loads(r.detail)["samples"] == 2 for r in rows)
    assert ("3", "健身") in [(r.external_id, r.name) for r in rows]
    assert not [r for r in rows if "抱歉" in r.value]
    assert (stored.method, stored.engine, stored.model) == ("generative", "taggpt", "gpt-3.5-turbo")
    assert ANSWERS[0] in raw and count(videos, reply) == 8 and sorted(states.values()).count("ok") == 3


def test_reading_the_same_file_again_stores_no_reply_twice(queue, videos, tmp_path):
    path = tmp_path / "tag_gen.txt"
    path.write_text(line(0, "美食、菜"), encoding="utf-8")
    first, second = read(queue, path), read(queue, path)
    assert first.result["run"] != second.result["run"] and count(videos, reply) == 1


def test_a_file_of_something_else_is_refused(queue, videos, tmp_path):
    path = tmp_path / "tag_gen.txt"
    path.write_text("hello\nworld\n", encoding="utf-8")
    done = read(queue, path)
    assert done.state == "failed" and "tag_gen.txt" in done.message and done.remedy
    done = read(queue, tmp_path / "gone.txt")
    assert done.state == "failed" and done.remedy
