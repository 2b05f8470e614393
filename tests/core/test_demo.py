from sqlalchemy import select

from core.corpora.catalog import list_corpora
from core.demo import ensure_demo
from core.jobs.queue import JobQueue
from core.store.projects import DEMO
from core.store.schema import import_note, item
from core.vocabulary.store import all_tags
from tests.making import count


def test_the_demo_project_is_made_once(host):
    ensure_demo(host)
    database = host.open(DEMO)
    stories, music = list_corpora(database)
    assert stories["items"] == 60 and stories["gold"] is True
    assert music["items"] == 40 and music["kind"] == "music"
    assert count(database, import_note) == 0, "nothing of our own data is skipped or repaired"
    with database.read() as connection:
        vocabulary = {tag.name for tag in all_tags(connection)}
        titles = connection.execute(select(item.c.title)).scalars().all()
    assert len(vocabulary) >= 20 and all(titles)
    jobs = JobQueue(host).recent(DEMO)
    assert {job.arguments.get("method") for job in jobs} == {"selective", "generative", None}
    wanted = {("tag", "queued", stories["id"]), ("caption-music", "queued", music["id"])}
    assert {(job.kind, job.state, job.arguments["corpus"]) for job in jobs} == wanted
    ensure_demo(host)
    assert count(database, item) == 100 and len(JobQueue(host).recent(DEMO)) == 3
