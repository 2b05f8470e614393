"""The route of sound files: ranges as players ask for them, and no way to any other file."""

import pytest

from core.corpora.mapping import Mapping
from tests.conftest import write_jsonl
from tests.making import ids_of
from tests.ui.test_routes import API, Page, build

SOUND = bytes(range(256)) * 40


@pytest.fixture
def served(sqlite_settings, import_rows, tmp_path):
    """A page, and a corpus of which a job had read the file in a folder with sound beside it."""
    context, app = build(sqlite_settings)
    folder = tmp_path / "music"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "a.mp3").write_bytes(SOUND)
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    (folder / "audio" / "link.mp3").symlink_to(tmp_path / "secret.mp3")
    names = ["audio/a.mp3", "audio/link.mp3", "../secret.mp3", "audio/gone.wav", "songs.jsonl"]
    rows = [{"id": str(n), "title": f"Song {n}", "file": name} for n, name in enumerate(names)]
    path = write_jsonl(folder / "songs.jsonl", rows)
    job = context.queue.create("test", "import", "Import", {"path": str(path)})
    mapping = Mapping({"id": "id", "title": "title", "file": "media"})
    database = context.host.open("test")
    import_rows(database, rows, "Songs", mapping=mapping, import_id=job.id)
    import_rows(database, rows, "Uploaded", mapping=mapping, import_id="of no job")
    yield context, Page(app), ids_of(database, "Songs"), ids_of(database, "Uploaded")
    context.stop()


def test_whole_and_in_parts(served):
    _, page, ids, _ = served
    whole = page.client.get(API + f"media/{ids['0']}", params={"project": "test"})
    assert whole.status_code == 200 and whole.content == SOUND
    assert whole.headers["content-type"] == "audio/mpeg" and whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["x-content-type-options"] == "nosniff"
    for asked, status, expected in (
        ("bytes=0-9", 206, SOUND[:10]),
        ("bytes=100-", 206, SOUND[100:]),
        ("bytes=-7", 206, SOUND[-7:]),
        (f"bytes={len(SOUND)}-", 416, None),
    ):
        part = page.client.get(API + f"media/{ids['0']}", params={"project": "test"}, headers={"range": asked})
        assert part.status_code == status, asked
        assert expected is None or part.content == expected
    head = page.client.head(API + f"media/{ids['0']}", params={"project": "test"})
    assert head.status_code == 200 and int(head.headers["content-length"]) == len(SOUND)


def test_nothing_beyond_the_folder(served):
    _, page, ids, uploaded = served
    for name in ("1", "2", "3", "4"):
        answer = page.get(f"media/{ids[name]}", expect=404)
        assert answer["message"] and answer["remedy"] and answer.get("body") != "secret", name
    page.get(f"media/{uploaded['0']}", expect=404)
    page.get("media/nonsense", expect=404)


def test_the_policy_lets_sound_be_played_and_nothing_else_in(served):
    _, page, _, _ = served
    policy = page.client.get(API + "state", params={"project": "test"}).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["media-src"] == "'self' data: blob: http: https:"
    for name in ("connect-src", "img-src", "script-src", "default-src"):
        assert "http" not in rules[name], name
