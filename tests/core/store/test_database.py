import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, text

from core.errors import InvalidInput, StoreError
from core.store.database import GROUP_LIMIT, BulkPace, Database, allocate, insert_many
from core.store.host_schema import setting
from tests.conftest import missing
from tests.making import count, decide, event, ids_of


def put(name, value="x"):
    return lambda c: c.execute(insert(setting), {"name": name, "value": value}) and None


def names(database):
    with database.read() as connection:
        return set(connection.execute(select(setting.c.name)).scalars())


@pytest.fixture
def store(host):
    return host.database


def hold_writer(database):
    """Keeps the writer thread busy, so that what is submitted meanwhile is committed together."""
    entered, release = threading.Event(), threading.Event()

    def wait(_connection):
        entered.set()
        assert release.wait(30)

    future = database.submit(wait)
    assert entered.wait(30)
    return release, future


def test_what_is_written_is_durable_when_write_returns(store, settings):
    store.write(put("a"))
    if settings.database_url is None:
        # another connection that knows nothing of ours, while ours stays open
        with sqlite3.connect(store.path) as other:
            assert other.execute("SELECT value FROM setting WHERE name = 'a'").fetchone() == ("x",)
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with store.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL: survives a power cut
    else:
        other = Database(url=settings.database_url, schema="tagloom")
        assert "a" in names(other)
        other.close()


def test_functions_submitted_together_are_committed_together(store, monkeypatch):
    groups = []
    commit = store._commit
    monkeypatch.setattr(store, "_commit", lambda group: (groups.append(len(group)), commit(group)))
    release, _ = hold_writer(store)
    futures = [store.submit(put(f"g{i}")) for i in range(50)]
    assert not any(f.done() for f in futures)
    release.set()
    for future in futures:
        future.result(30)
    assert groups == [1, 50]
    assert {f"g{i}" for i in range(50)} <= names(store)


def test_a_group_is_never_longer_than_its_limit(store, monkeypatch):
    groups = []
    commit = store._commit
    monkeypatch.setattr(store, "_commit", lambda group: (groups.append(len(group)), commit(group)))
    release, _ = hold_writer(store)
    futures = [store.submit(put(f"n{i}")) for i in range(GROUP_LIMIT + 10)]
    release.set()
    for future in futures:
        future.result(30)
    assert groups == [1, GROUP_LIMIT, 10]


@pytest.mark.parametrize("wrong", [put("taken"), lambda c: c.execute(text("SELECT nonsense FROM nowhere"))])
def test_a_failing_function_does_not_harm_its_neighbours(store, wrong):
    store.write(put("taken"))
    release, _ = hold_writer(store)

    def refused(connection):
        put("half")(connection)
        raise InvalidInput("No.", "Do not.")

    before, bad, refusal, after = store.submit(put("n1")), store.submit(wrong), store.submit(refused), None
    after = store.submit(put("n2"))
    release.set()
    before.result(30)
    after.result(30)
    with pytest.raises(Exception, match=r"UNIQUE|unique|no such table|does not exist"):
        bad.result(30)
    with pytest.raises(InvalidInput):
        refusal.result(30)
    assert {"n1", "n2"} <= names(store)
    assert "half" not in names(store), "what a function wrote before it raised is rolled back"


def test_a_function_that_fails_alone_leaves_nothing(store):
    def half(connection):
        put("half")(connection)
        raise InvalidInput("No.", "Do not.")

    with pytest.raises(InvalidInput):
        store.write(half)
    store.write(put("later"))
    assert "half" not in names(store) and "later" in names(store)


def test_a_broken_statement_is_a_store_error_alone_and_in_a_group(store):
    broken = lambda c: c.execute(text("SELECT 1 FROM nowhere"))  # noqa: E731
    alone = store.submit(broken).exception(30)
    release, _ = hold_writer(store)
    first, second = store.submit(broken), store.submit(put("ok"))
    release.set()
    together = first.exception(30)
    second.result(30)
    assert type(alone) is type(together)


def test_a_future_cancelled_while_it_waits_does_not_stop_the_writer(store):
    # a browser that goes away cancels what its request waits for
    release, _ = hold_writer(store)
    cancelled = store.submit(put("gone"))
    assert cancelled.cancel()
    release.set()
    store.submit(put("after")).result(30)
    assert "after" in names(store)


def test_eight_threads_lose_nothing(store):
    def work(thread):
        for i in range(200):
            store.write(put(f"{thread}-{i}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {f"{t}-{i}" for t in range(8) for i in range(200)} <= names(store)


def test_close_finishes_what_was_submitted_and_then_refuses(settings, store):
    release, _ = hold_writer(store)
    futures = [store.submit(put(f"c{i}")) for i in range(300)]
    closing = threading.Thread(target=store.close)
    closing.start()
    time.sleep(0.05)
    release.set()
    closing.join(30)
    assert not closing.is_alive()
    assert all(f.result(1) is None for f in futures)
    with pytest.raises(StoreError) as refused:
        store.write(put("late"))
    assert refused.value.remedy
    again = Database(store.path) if store.path else Database(url=settings.database_url, schema="tagloom")
    assert {f"c{i}" for i in range(300)} <= names(again)
    again.close()


def test_close_without_any_write_returns(host):
    database = host.open("test")
    database.close()
    with pytest.raises(StoreError):
        database.submit(lambda c: None)


def test_reading_goes_on_during_a_write_and_sees_the_old_state(store):
    store.write(put("before"))
    wrote, release = threading.Event(), threading.Event()

    def slow(connection):
        put("during")(connection)
        wrote.set()
        assert release.wait(30)

    future = store.submit(slow)
    assert wrote.wait(30)
    assert "before" in names(store) and "during" not in names(store)
    release.set()
    future.result(30)
    assert "during" in names(store)


def test_a_read_is_one_snapshot_on_sqlite(sqlite_host):
    store = sqlite_host.database
    with store.read() as connection:
        first = set(connection.execute(select(setting.c.name)).scalars())
        store.write(put("meanwhile"))
        assert set(connection.execute(select(setting.c.name)).scalars()) == first
    assert "meanwhile" in names(store)


def test_two_processes_take_turns(store, settings):
    """Two Database objects on the same place stand for two processes: both have a writer of their own."""
    other = Database(store.path) if store.path else Database(url=settings.database_url, schema="tagloom")
    with ThreadPoolExecutor(2) as pool:
        for future in [
            pool.submit(lambda d=d, n=n: [d.write(put(f"{n}{i}")) for i in range(100)])
            for n, d in (("a", store), ("b", other))
        ]:
            future.result(60)
    other.close()
    assert {f"{n}{i}" for n in "ab" for i in range(100)} <= names(store)


def test_a_missing_folder_is_a_sentence(tmp_path):
    database = Database(tmp_path / "nowhere" / "x.db")
    with pytest.raises(StoreError) as read, database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    with pytest.raises(StoreError) as wrote:
        database.write(lambda c: None)
    for error in (read.value, wrote.value):
        assert "nowhere" in error.message and "folder" in error.remedy
    database.close()


def test_an_unreachable_server_is_a_sentence_without_the_password():
    if not missing_psycopg():
        missing("psycopg is not installed")
    database = Database(url="postgresql://me:secret@127.0.0.1:1/nothing", schema="tagloom")
    with pytest.raises(StoreError) as failed, database.read():
        pass
    assert failed.value.remedy and "secret" not in str(failed.value)
    database.close()


def missing_psycopg():
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return False
    return True


def test_insert_many_and_allocate(database):
    def write(connection):
        first = allocate(connection, "item", "pk", 3)
        insert_many(connection, "item_text", ("item", "text"), [(pk, f"%s ? {pk} ' \\ % :x") for pk in first])
        insert_many(connection, "item_text", ("item", "text"), [])
        return first

    first = database.write(write)
    assert first == sorted(set(first)) and len(first) == 3
    with database.read() as connection:
        stored = dict(connection.exec_driver_sql("SELECT item, text FROM item_text").all())
    assert stored == {pk: f"%s ? {pk} ' \\ % :x" for pk in first}


def test_allocated_keys_are_above_those_in_use(database, import_rows):
    import_rows(database, [{"id": str(i), "title": f"talk {i}"} for i in range(5)])
    with database.read() as connection:
        used = set(connection.exec_driver_sql("SELECT pk FROM item").scalars())
    assert len(used) == 5
    assert min(database.write(lambda c: allocate(c, "item", "pk", 2))) > max(used)


def test_bulk_work_pauses_only_while_someone_reviews(database, import_rows, monkeypatch):
    pauses = []
    monkeypatch.setattr("core.store.database.time.sleep", pauses.append)
    BulkPace(database)(0.001)
    assert pauses == [], "nobody has ever decided anything"
    import_rows(database, [{"id": "1", "title": "A talk"}])
    decide(database, event(ids_of(database)["1"], 0))
    pace = BulkPace(database)
    pace(0.001)
    pace(0.001)
    assert pauses == [BulkPace.PAUSE_SECONDS] * 2
    later = time.time() + BulkPace.REVIEWING_SECONDS + 1
    monkeypatch.setattr("core.store.database.time.time", lambda: later)
    BulkPace(database)(0.001)
    assert len(pauses) == 2, "the last decision is too long ago"


def test_an_import_of_labels_does_not_count_as_somebody_reviewing(database, import_rows, monkeypatch):
    import_rows(database, [{"id": "1", "title": "A talk", "tags": ["x"], "tagloom_status": "done"}])
    pauses = []
    monkeypatch.setattr("core.store.database.time.sleep", pauses.append)
    BulkPace(database)(0.001)
    assert pauses == []


def test_batches_shrink_when_commits_are_slow_and_grow_back(database):
    pace = BulkPace(database, largest=500)
    for _ in range(20):
        pace(0.2)
    assert pace.batch == 50
    for _ in range(20):
        pace(0.001)
    assert pace.batch == 500
    pace(0.04)
    assert pace.batch == 500
    small = BulkPace(database, largest=10)
    small(0.2)
    assert small.batch == 10


def test_rows_are_counted_in_the_right_project(host):
    one = host.open(host.create_project("One").slug)
    two = host.open(host.create_project("Two").slug)
    from core.store.schema import tag
    from tests.making import add_tags

    add_tags(one, "jazz")
    assert (count(one, tag), count(two, tag)) == (1, 0)


def test_a_full_disk_is_a_sentence_and_costs_nothing_that_was_saved(sqlite_host):
    store = sqlite_host.database
    store.write(put("before"))
    pages = store.write(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
    store.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}").scalar())
    big = put("big", "x" * 1_000_000)
    with pytest.raises(StoreError) as full:
        store.write(big)
    assert "full" in full.value.message and "disk space" in full.value.remedy
    release, _ = hold_writer(store)
    together = [store.submit(put("small")), store.submit(big), store.submit(put("other"))]
    release.set()
    outcomes = [future.exception(30) for future in together]
    assert isinstance(outcomes[1], StoreError) and "disk space" in outcomes[1].remedy
    assert all(outcome is None or isinstance(outcome, StoreError) for outcome in outcomes)
    stored = names(store)
    assert "before" in stored and "big" not in stored
    assert [n in stored for n in ("small", "other")] == [outcomes[0] is None, outcomes[2] is None], "as was answered"
    store.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000").scalar())
    store.write(big)
    assert "big" in names(store)
