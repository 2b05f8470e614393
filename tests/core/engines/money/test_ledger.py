"""Answers and the ledger in the database: together or not at all, and kept while there is no room."""

import asyncio

import pytest
from sqlalchemy import select

from core.engines import replies
from core.engines.calls import Request, Usage
from core.engines.money import ledger
from core.engines.money.ledger import Attempt
from core.engines.server.landing import Landing
from core.errors import StoreError
from core.store.schema import attempt, reply
from tests.making import count

URL, MODEL = "http://localhost:8000/v1", "small"
RAW = '{"choices": [{"message": {"content": "%s"}, "finish_reason": "stop"}], "model": "small-7"}'


def answer(key, text="a", **options):
    request = Request(({"role": "user", "content": key},))
    return replies.landed(key, request, {"max_tokens": 5}, RAW % text, Usage(5, 2, False, 30), **options)


def row(key, outcome="answered", billed="yes", job="job", cost=7):
    return Attempt(key, URL, MODEL, job, 1.0, 30, outcome, 200, billed, 5, 2, cost)


def test_answers_are_stored_once_and_found_as_they_came(database):
    first = database.write(
        lambda c: replies.store(c, URL, MODEL, [answer("a", "x\0y", flags=("truncated",)), answer("b")])
    )
    assert first["a"].id != first["b"].id and first["a"].flags == ("truncated",) and not first["a"].cached
    again = database.write(lambda c: replies.store(c, URL, MODEL, [answer("b", "other"), answer("c")]))
    assert again["b"].text == "a" and again["b"].id == first["b"].id, "what is stored stays"
    found = replies.find(database, ["a", "b", "c", "d"])
    assert set(found) == {"a", "b", "c"} and found["a"].flags == ("truncated",) and found["a"].text == first["a"].text
    assert found["c"].cached and found["c"].model == "small-7" and found["c"].usage.milliseconds == 30
    single = replies.submit(
        database, "e", URL, MODEL, Request(({"role": "user", "content": "e"},)), {}, RAW % "e", Usage()
    )
    assert single.result().text == "e" and count(database, reply) == 4


def test_what_a_job_has_spent(database):
    rows = [
        row("a"),
        row("b", cost=8),
        row("b", cost=None),
        row("c", "timeout", "unknown", cost=100),
        row("c", "rate_limit", "no", cost=0),
        row("d", job="another", cost=1000),
    ]
    ledger.submit(database, rows).result()
    with database.read() as connection:
        spent = ledger.spent_by(connection, "job")
        assert ledger.spent_at(connection, URL, MODEL) == 1115 and ledger.spent_at(connection, URL, "large") == 0
        nothing = ledger.spent_by(connection, "none")
    assert (spent["requests"], spent["answered"], spent["unpriced"], spent["unknown_billed"]) == (5, 3, 1, 1)
    assert (spent["cost_micros"], spent["unknown_micros"], spent["prompt_tokens"]) == (15, 100, 25)
    assert (nothing["requests"], nothing["cost_micros"]) == (0, 0)
    ledger.submit(database, [row("e", job="free", cost=None)]).result()
    with database.read() as connection:
        assert ledger.spent_by(connection, "free")["cost_micros"] is None, "no price is not nothing"


class Disk:
    """Stands between a landing and its database; refuses while `full`."""

    def __init__(self, database):
        self.database, self.full, self.commits = database, False, 0

    def submit(self, function):
        if self.full:
            raise StoreError("The disk is full.", "Free some space.")
        self.commits += 1
        return self.database.submit(function)


@pytest.fixture
def disk(sqlite_host):
    return Disk(sqlite_host.open("test"))


def landing(disk, said, keep=5.0):
    return Landing(disk, URL, MODEL, keep, said.append)


def test_answers_that_come_together_are_committed_together(disk):
    async def run():
        landed = landing(disk, [])
        waiting = [landed.add(answer(f"k{n}"), row(f"k{n}")) for n in range(40)]
        landed.note(row("k0", "timeout", "unknown"))
        came = await asyncio.gather(*waiting)
        await landed.settled()
        return came

    came = asyncio.run(run())
    assert len({each.id for each in came}) == 40 == count(disk.database, reply)
    assert count(disk.database, attempt) == 41 and disk.commits <= 3


def test_answers_are_kept_until_there_is_room_again(disk):
    async def run():
        said = []
        landed = landing(disk, said)
        disk.full = True
        waiting = [landed.add(answer(f"k{n}"), row(f"k{n}")) for n in range(5)]
        await asyncio.sleep(0.05)
        assert said and "full" in said[-1] and not any(each.done() for each in waiting)
        disk.full = False
        await asyncio.gather(*waiting)
        assert said[-1] == ""

    asyncio.run(run())
    assert count(disk.database, reply) == count(disk.database, attempt) == 5


def test_in_the_end_it_says_how_many_are_lost(disk):
    async def run():
        landed = landing(disk, [], keep=0.05)
        disk.full = True
        waiting = [landed.add(answer(f"k{n}"), row(f"k{n}")) for n in range(3)]
        await landed.settled()
        return await asyncio.gather(*waiting, return_exceptions=True)

    errors = asyncio.run(run())
    assert all(isinstance(error, StoreError) and "3 answers" in error.message for error in errors)


def test_an_answer_that_cannot_be_stored_takes_no_other_with_it(disk):
    """And an answer without its row in the ledger is not stored either."""
    unfit = Attempt("bad", URL, MODEL, "job", 1.0, 30, None, 200, "yes")

    async def run():
        landed = landing(disk, [])
        waiting = [
            landed.add(answer("good"), row("good")),
            landed.add(answer("bad"), unfit),
            landed.add(answer("c"), row("c")),
        ]
        return await asyncio.gather(*waiting, return_exceptions=True)

    good, bad, other = asyncio.run(run())
    assert good.text == other.text == "a" and isinstance(bad, Exception)
    with disk.database.read() as connection:
        assert {key for (key,) in connection.execute(select(reply.c.key))} == {"good", "c"}
        assert {key for (key,) in connection.execute(select(attempt.c.key))} == {"good", "c"}
