"""What processes share about a server: places, pauses, rates, money and questions under way."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engines.server import shared_limits
from core.engines.server.limits_file import fair_share, process_started
from core.engines.server.shared_limits import SharedLimits, add_spent, spent

URL, MODEL = "http://localhost:8000/v1", "small"


@pytest.fixture
def join(tmp_path):
    """`join(start=4)` → one more engine at the same server."""
    made = []

    def join(start=4.0, place="project", model=MODEL):
        made.append(SharedLimits(tmp_path / "limits.db", URL, model, place, start))
        return made[-1]

    yield join
    for each in made:
        each.close()


@pytest.fixture
def clock(monkeypatch):
    """The steady clock, moved by hand; the wall clock goes with it unless it is moved alone."""

    class Clock:
        now, ahead = 1000.0, 0.0

    clock = Clock()
    monkeypatch.setattr(shared_limits, "steady", lambda: clock.now)
    monkeypatch.setattr(shared_limits, "wall", lambda: 1.7e9 + clock.now + clock.ahead)
    return clock


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 60), st.integers(0, 1000))
def test_places_are_shared_fairly(demands, total, turn):
    shares = fair_share(demands, total, turn)
    assert sum(shares) == min(total, sum(demands)) and all(0 <= s <= d for s, d in zip(shares, demands, strict=True))
    for mine, wanted in zip(shares, demands, strict=True):
        assert mine == wanted or mine >= max(shares) - 1, "nobody has more by two than one who wants more"


def test_one_place_goes_round():
    assert {tuple(fair_share([3, 3, 3], 1, turn)) for turn in range(3)} == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 16), st.sampled_from([0.0, 0.3, 2.0])),
        max_size=30,
    ),
)
def test_all_together_never_hold_more_places_than_the_server_bears(tmp_path_factory, engines, moves):
    """Whatever they do, in whatever order; and who goes on asking gets a fair share in the end."""
    path = tmp_path_factory.mktemp("limits") / "limits.db"
    users = [SharedLimits(path, URL, MODEL, "project", 8.0) for _ in range(engines)]
    holding = dict.fromkeys(range(engines), 0)
    for user, active, wanted, grown in moves:
        n = user % engines
        active = min(active, holding[n])  # nobody starts more than it may
        holding[n] = users[n].share(active, max(active, wanted), 12, grown)
        assert sum(holding.values()) <= users[n].server.allowed <= 12
    for _ in range(3):
        for n, user in enumerate(users):
            holding[n] = user.share(0, 16, 12)
    assert max(holding.values()) - min(holding.values()) <= 2 and sum(holding.values()) <= users[0].server.allowed
    assert min(holding.values()) >= int(users[0].server.allowed) // engines - 1, "nobody starves"
    for user in users:
        user.close()


def test_complaints_shrink_by_four_tenths_once_a_second(join, clock):
    one, other = join(10.0), join()
    one.pause(0.0, "slow down", 1.0)
    other.pause(0.0, "slow down", 1.0)
    assert other.look().allowed == pytest.approx(6) and not other.server.doubling, "those of one moment count as one"
    clock.now += 1.5
    for _ in range(30):
        one.pause(0.0, "slow down", 1.0)
        clock.now += 1.5
    assert one.look().allowed == 1.0
    assert one.share(0, 8, 16, grown=2.5) == 3 and one.server.allowed == 3.5, "and grows again with what goes well"


def test_a_pause_is_everybodys_and_grows_where_nobody_says_how_long(join, clock):
    one, other = join(), join()
    assert other.changed() or True
    assert not other.changed()
    assert one.pause(7.0, "wait", 1.0) == 7.0
    assert other.changed() and other.look().paused_until == clock.now + 7 and other.server.why == "wait"
    assert other.pause(2.0, "less", 1.0) == 7.0, "the longest one counts"
    waits = []
    for _ in range(8):
        clock.now += 100
        waits.append(one.pause(None, "wait", 1.0))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    one.recovered()
    clock.now += 100
    assert other.pause(None, "wait", 1.0) == 1


def test_a_server_that_fails_everybody_is_left_alone_but_for_a_probe(join, clock):
    one, other = join(), join()
    assert [one.failed("down", 15.0) for _ in range(4)] == [False] * 4
    assert other.failed("down", 15.0), "five in a row, whoever asked"
    assert not one.take_probe(15.0)
    clock.now += 15.1
    assert [one.take_probe(15.0), other.take_probe(15.0)] == [True, False], "one of them looks"
    one.recovered()
    assert other.look().open_since == 0 and other.take_probe(15.0) and not other.failed("down", 15.0)


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_after_a_sleep_or_a_new_boot_old_times_mean_nothing(join, clock, ahead):
    one = join()
    one.pause(500.0, "wait", 1.0)
    for _ in range(5):
        one.failed("down", 15.0)
    clock.ahead = ahead
    server = one.look()
    assert (server.paused_until, server.open_since, server.failures) == (0, 0, 0)
    assert one.pause(None, "wait", 1.0) == 1


def test_a_pause_outlives_the_run_and_the_rest_is_tried_anew(join, clock):
    one = join(4.0)
    one.pause(50.0, "wait", 1.0)
    one.close()
    next_one = join(4.0)
    assert next_one.look().paused_until == clock.now + 50 and (next_one.server.allowed, next_one.server.doubling) == (
        4,
        1,
    )


def test_requests_a_minute(join, clock):
    one, other = join(), join()
    started = 0
    for _ in range(1200):  # two minutes, looked at ten times a second by both
        for user in (one, other):
            wait, within = user.take(10, 0, rpm=60)
            assert within
            started += wait == 0
        clock.now += 0.1
    assert 119 <= started <= 121


def test_tokens_a_minute_are_corrected_by_what_was_used(join, clock):
    one = join()
    clock.now += 100
    assert one.take(500, 0, tpm=600)[0] == 0, "more than there is: taken, and paid back by waiting"
    wait, _ = one.take(1, 0, tpm=600)
    assert wait == pytest.approx(49.1, abs=0.2)
    one.settle(0, 0, 450)
    assert one.take(1, 0, tpm=600)[0] < 5


def test_a_budget_is_never_passed_however_many_spend_at_once(join, tmp_path):
    """Each reserves 90 and spends 20 to 90; threads of several engines, until nothing goes any more."""
    users, spending = [join() for _ in range(4)], []
    lock = threading.Lock()

    def spend(user, seed):
        while True:
            wait, within = user.take(0, 90, budget=5000)
            if not within:
                return
            if not wait:
                paid = 20 + (seed * 37 + len(spending) * 13) % 71
                with lock:
                    spending.append(paid)
                user.settle(90, paid, 0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, users, range(4)))
    total, reserved = users[0].spent()
    assert total == sum(spending) and reserved == 0
    assert 5000 - 90 < total <= 5000, "as much as goes, and no more"


def test_money_is_counted_per_model_and_by_batches_too(join, sqlite_host):
    add_spent(sqlite_host, URL, MODEL, 70)
    add_spent(sqlite_host, URL, MODEL, 5)
    assert spent(sqlite_host, URL, MODEL) == 75 and spent(sqlite_host, URL, "large") == 0
    one = join()
    one.set_spent(100)
    one.set_spent(40)
    assert one.spent() == (100, 0), "the ledgers may know more than this file, never less"


def test_a_question_is_asked_by_one_of_them(join):
    one, other, elsewhere = join(), join(), join(place="another project")
    assert one.claim(["a", "b"]) == set() and one.claim(["a"]) == set()
    assert other.claim(["b", "c"]) == {"b"} and other.elsewhere(["a", "b", "c"]) == {"a", "b"}
    assert elsewhere.claim(["a"]) == set(), "answers are stored per project"
    other.release(["a", "c"])
    assert other.elsewhere(["a"]) == {"a"}, "nobody can give back what another holds"
    one.release(["a"])
    assert other.claim(["a"]) == set()
    one.close()
    assert other.elsewhere(["b"]) == set()


def test_what_a_dead_process_held_is_free_and_its_money_is_counted(join, tmp_path, monkeypatch):
    code = f"""if True:
        import pathlib, os
        from core.engines.server.shared_limits import SharedLimits
        one = SharedLimits(pathlib.Path({str(tmp_path / "limits.db")!r}), {URL!r}, {MODEL!r}, "project", 4.0)
        one.claim(["a"]); one.share(2, 4, 4); one.take(0, 30, budget=1000)
        os._exit(9)"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    monkeypatch.setattr(shared_limits, "DEAD_CHECK", 0.0)
    one = join()
    assert one.claim(["a"]) == set() and one.share(0, 4, 4) == 4
    assert one.spent() == (30, 0), "it may have been paid"


def test_processes_are_told_apart_by_their_start(monkeypatch):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process_started(child.pid)
    assert started and started == process_started(child.pid)
    child.kill()
    child.wait()
    child.stdin.close()
    assert process_started(child.pid) is None


def test_who_was_taken_for_dead_comes_back(join, monkeypatch):
    one, other = join(), join()
    one.share(2, 4, 4)
    with other._changing() as connection:
        other._forget(connection, [one.user])
    assert one.share(2, 4, 4) >= 2 and other.look() and [row[0] for row in other.others] == [one.user]


def test_servers_are_apart(tmp_path, clock):
    here = SharedLimits(tmp_path / "limits.db", URL, MODEL, "p", 4.0)
    there = SharedLimits(tmp_path / "limits.db", "https://example.org/v1", MODEL, "p", 4.0)
    here.pause(9.0, "wait", 1.0)
    assert there.look().paused_until == 0 and replace(there.server).allowed == 4
    here.close()
    there.close()
