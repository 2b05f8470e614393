"""The plain routes behind the guard: who may ask, what is taken, and that every refusal is a sentence."""

import csv
import io
import json
import time
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core.jobs.queue import RESERVED
from core.store.schema import decision, item, tag
from tests.conftest import write_jsonl
from tests.making import add_tags, corpus_of, count, decide, event, generate, ids_of, suggest
from tests.support import wait_for
from ui import uploads
from ui.context import COOKIE, LOCAL_PERSON, AppContext
from ui.routes import all_routes
from ui.security import Guard
from ui.uploads import shown_name, tidy

ADDRESS = "http://127.0.0.1:7860"
API = "/tagloom/api/"


def build(settings):
    context = AppContext(settings, demo=False)
    app = Starlette(routes=all_routes(context), middleware=[Middleware(Guard, settings=settings)])
    return context, app


class Page:
    """A browser's view of the routes: one cookie jar, one project."""

    def __init__(self, app, address=ADDRESS, project="test", **headers):
        self.client = TestClient(app, base_url=address, headers=headers)
        self.project = project

    def get(self, path, *, expect=200, headers=None, **params):
        answer = self.client.get(API + path, params={"project": self.project, **params}, headers=headers)
        return checked(answer, expect)

    def post(self, path, body=None, *, expect=200, headers=None, **params):
        answer = self.client.post(
            API + path,
            params={"project": self.project, **params},
            content=orjson.dumps({} if body is None else body),
            headers={"content-type": "application/json", **(headers or {})},
        )
        return checked(answer, expect)

    def upload(self, content, name="talks.jsonl", *, expect=200, headers=None):
        answer = self.client.post(API + "uploads", params={"name": name}, content=content, headers=headers)
        return checked(answer, expect)


def checked(answer, status):
    """The JSON of an answer; every refusal is a sentence with a remedy and never a traceback."""
    assert answer.status_code == status, answer.text
    data = answer.json()
    if status >= 400:
        assert set(data) == {"error", "message", "remedy"}
        assert data["message"] and data["remedy"]
        assert "Traceback" not in answer.text and 'File "' not in answer.text
    return data


@pytest.fixture
def served(settings):
    context, app = build(settings)
    yield context, app
    context.stop()


@pytest.fixture
def context(served):
    return served[0]


@pytest.fixture
def database(context):
    return context.host.open("test")


@pytest.fixture
def page(served):
    return Page(served[1])


@pytest.fixture
def local(sqlite_settings):
    """A local server on SQLite, for what does not depend on the database."""
    context, app = build(sqlite_settings)
    yield Page(app), context
    context.stop()


@pytest.fixture
def public(sqlite_settings):
    """A server that others reach, under a name."""
    context, app = build(replace(sqlite_settings, host="0.0.0.0", public=True, hosts=("labels.example.org",)))
    yield Page(app, "http://labels.example.org"), context
    context.stop()


# who may ask: Host


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "localhost:1", "LOCALHOST", "[::1]:7860", "127.0.0.9"])
def test_names_of_this_machine_are_served(local, host):
    assert local[0].get("state", headers={"host": host})["local"] is True


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "192.168.1.5",
        "8.8.8.8:7860",
        "[2001:db8::1]",
        "a-space.hf.space",
        "",
        "[",
        "0x7f000001",
    ],
)
def test_other_names_are_refused_everywhere(local, host):
    page, context = local
    before = len(context.host.people())
    page.get("state", expect=400, headers={"host": host})
    page.post("projects", {"name": "x"}, expect=400, headers={"host": host})
    page.upload(b"x", expect=400, headers={"host": host})
    assert len(context.host.projects()) == 1 and len(context.host.people()) == before
    assert not list(context.settings.uploads.iterdir())


def test_a_public_server_has_its_names_and_addresses(public):
    page, _ = public
    for host in ("labels.example.org", "labels.example.org:443", "localhost", "203.0.113.7", "0.0.0.0:7860"):
        assert page.get("state", headers={"host": host})["local"] is False
    for host in ("evil.example", "example.org", "labels.example.org.evil.example"):
        page.get("state", expect=400, headers={"host": host})


def test_a_space_has_its_own_name(sqlite_settings):
    settings = replace(
        sqlite_settings, host="0.0.0.0", public=True, space_id="ann/tagloom", space_host="ann-tagloom.hf.space"
    )
    context, app = build(settings)
    page = Page(app, "https://ann-tagloom.hf.space")
    answer = page.client.get(API + "state")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "samesite=none" in cookie and "secure" in cookie and "httponly" in cookie, "the page is framed by the hub"
    assert "https://huggingface.co" in answer.headers["content-security-policy"]
    page.get("state", expect=400, headers={"host": "evil.example"})
    context.stop()


# who may ask: Origin


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "https://127.0.0.1.evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "file://"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "http://localhost:7860"},
    {"origin": "chrome-extension://abc"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


def test_pages_of_other_sites_change_nothing(local):
    page, context = local
    paths = {r.path for r in all_routes(context) if "POST" in r.methods and "{" not in r.path}
    assert len(paths) >= 12
    for headers in FOREIGN:
        for path in paths:
            answer = page.client.post(path, content=b"{}", headers={"content-type": "application/json", **headers})
            assert checked(answer, 403)["error"] == "NotAllowed"
    assert len(context.host.projects()) == 1 and not list(context.settings.uploads.iterdir())
    assert len(context.host.people()) <= 1


def test_a_job_is_not_cancelled_by_another_site(local):
    page, context = local
    job = context.queue.create("test", "export", "x", {})
    page.post(f"jobs/{job.id}/cancel", expect=403, headers={"origin": "http://evil.example"})
    assert context.queue.get(job.id).state == "queued"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ADDRESS},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
    ],
)
def test_the_own_page_and_programs_may_change_things(local, headers):
    page, _ = local
    page.post("projects", {"name": "New"}, headers=headers)


def test_behind_a_proxy_the_origin_is_one_of_our_names(public):
    page, _ = public
    page.get("state")
    page.post("projects", {"name": "A"}, headers={"host": "127.0.0.1:7860", "origin": "https://labels.example.org"})
    page.post("projects", {"name": "B"}, expect=403, headers={"origin": "https://evil.example"})


def test_other_sites_cannot_read_answers(local):
    answer = local[0].client.get(API + "corpora", params={"project": "test"}, headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    answer = local[0].client.options(API + "corpora", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_web_sockets_of_other_sites_are_closed(local):
    with (
        pytest.raises(WebSocketDisconnect),
        local[0].client.websocket_connect("/anything", headers={"origin": "http://evil.example"}),
    ):
        pass


def test_every_answer_has_its_protecting_headers(local):
    for answer in (
        local[0].client.get(API + "state"),
        local[0].client.get(API + "nowhere"),
        local[0].client.get(API + "items", params={"project": "test"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert answer.headers.get("cache-control") == "no-store" or answer.status_code == 404


# who is who


def test_a_local_page_is_the_person_at_this_machine(local):
    page, context = local
    state = page.get("state")
    assert state["person"]["id"] == LOCAL_PERSON and state["person"]["name"]
    assert page.get("state")["person"] == state["person"] and len(context.host.people()) == 1
    renamed = page.post("person", {"name": "  Ann   Lee "})["person"]
    assert renamed["name"] == "Ann Lee" and page.get("state")["person"] == renamed
    again = Page(page.client.app)
    assert again.post("person", {"name": "ann lee"})["person"] == renamed, "her name, on her machine"


def test_on_a_public_server_every_browser_is_its_own_person(public):
    page, context = public
    one = page.get("state")["person"]
    other = Page(page.client.app, "http://labels.example.org")
    two = other.get("state")["person"]
    assert one["id"] != two["id"] and page.get("state")["person"] == one
    three = other.post("person", {"name": one["name"]})["person"]
    assert three["id"] not in (one["id"], two["id"]), "a name does not make anybody somebody else"
    assert len(context.host.people()) == 3
    cookie = page.client.get(API + "state").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie


def forged(context, person):
    good = context.sign(person.id)
    return [
        person.id,
        person.id + ".",
        f"{person.id}.{'0' * 32}",
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good + "x",
        "." + good.rpartition(".")[2],
        context.sign("local").replace("local", person.id),
        "é" + good,
        good + "é",
        '"\\303\\251"',
        "x" * 10_000,
        "",
    ]


def test_forged_cookies_make_nobody(public):
    page, context = public
    ann = context.host.add_person("Ann")
    for value in forged(context, ann):
        stranger = Page(page.client.app, "http://labels.example.org")
        headers = {"cookie": f"{COOKIE}={value}".encode("latin-1")}
        stranger.post("review/decisions", {"events": [{}]}, expect=403, headers=headers)
        stranger.upload(b"x", expect=403, headers=headers)
        assert stranger.get("state", headers=headers)["person"]["id"] != ann.id
    headers = {"cookie": f"{COOKIE}={context.sign(ann.id)}"}
    assert Page(page.client.app, "http://labels.example.org").get("state", headers=headers)["person"]["id"] == ann.id


def test_a_cookie_of_another_host_is_worth_nothing(public, tmp_path):
    page, context = public
    ann = context.host.add_person("Ann")
    other, _ = build(replace(context.settings, home=tmp_path / "other"))
    headers = {"cookie": f"{COOKIE}={other.sign(ann.id)}"}
    page.post("projects", {"name": "x"}, expect=403, headers=headers)
    other.stop()


def test_without_an_identity_nothing_is_changed(public):
    page, context = public
    for path in ("projects", "review/decisions", "vocabulary/import", "items/delete", "corpora/delete"):
        page.post(path, {"name": "x", "events": [1], "text": "t", "ids": ["1"], "corpus": "c"}, expect=403)
    page.upload(b"x", expect=403)
    assert len(context.host.projects()) == 1 and context.host.people() == []


# projects


def test_projects(local):
    page, _ = local
    assert page.post("projects", {"name": "My Talks"})["project"] == {"slug": "my-talks", "name": "My Talks"}
    state = page.get("state")
    assert state["project"]["slug"] == "test" and [p["slug"] for p in state["projects"]] == ["test", "my-talks"]
    assert Page(page.client.app, project="my-talks").get("corpora") == {"corpora": []}
    for name in ("", "My Talks", "x" * 81):
        page.post("projects", {"name": name}, expect=400)
    page.post("projects", {}, expect=400)
    page.post("projects", {"name": 5}, expect=400)


def test_an_unknown_project_is_a_sentence(local):
    stranger = Page(local[0].client.app, project="nowhere")
    error = stranger.get("corpora", expect=404)
    assert "nowhere" in error["message"] and "test" in error["remedy"]
    assert stranger.get("state")["project"]["slug"] == "test", "the page itself opens somewhere"


# uploads


def test_an_upload_is_stored_under_our_name(local):
    page, context = local
    answer = page.upload(b"a,b\n1,2\n", "../../etc/pass\x00wd\n.csv")
    assert answer["name"] == "passwd.csv" and answer["size"] == 8
    (folder,) = context.settings.uploads.iterdir()
    assert folder.name == answer["upload"] and {p.name for p in folder.iterdir()} == {"data", "about.json"}
    assert (folder / "data").read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("..\\..\\x.csv", "x.csv"),
        ("/etc/passwd", "passwd"),
        ("..", ".."),
        ("", "file"),
        ("a" * 500, "a" * 200),
        ("<img src=x onerror=alert(1)>.csv", "<img src=x onerror=alert(1)>.csv"),
        ("日本 🐝.csv", "日本 🐝.csv"),
        ("/", "file"),
    ],
)
def test_names_of_uploads_are_only_shown(name, shown):
    assert shown_name(name) == shown


def test_uploads_that_are_empty_or_too_large_leave_nothing(sqlite_settings):
    context, app = build(replace(sqlite_settings, max_upload_bytes=1000))
    page = Page(app)
    page.upload(b"", expect=400)
    error = page.upload(b"x" * 1001, expect=400)
    assert "larger" in error["message"]
    assert not list(context.settings.uploads.iterdir())
    assert page.upload(b"x" * 1000)["size"] == 1000
    context.stop()


def test_an_upload_is_streamed_and_stops_at_the_limit(sqlite_settings):
    context, app = build(replace(sqlite_settings, max_upload_bytes=5000))
    sent = []

    def endless():
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1000

    Page(app).upload(endless(), expect=400)
    assert not list(context.settings.uploads.iterdir())
    assert Page(app).upload(b"ab" for _ in range(100))["size"] == 200
    context.stop()


def test_an_upload_that_would_fill_the_disk_is_refused(local, monkeypatch):
    monkeypatch.setattr(uploads, "SPARE_BYTES", 2**80)
    page, context = local
    error = page.upload(b"x", expect=500)
    assert "room" in error["message"]
    assert not list(context.settings.uploads.iterdir())


@pytest.mark.parametrize("token", ["", "x", "../../tagloom", "0" * 32, "..%2f", "0" * 31 + "\n", "é" * 32, "\0" * 32])
def test_only_uploads_that_are_there_are_found(local, token):
    page, _ = local
    for path in ("inspect", "vocabulary/import"):
        page.post(path, {"upload": token}, expect=404 if token else 400)
    page.post(
        "import", {"upload": token, "corpus": "x", "mapping": {"roles": {"a": "title"}}}, expect=404 if token else 400
    )


def test_old_uploads_are_tidied_away(local):
    page, context = local
    old, new = page.upload(b"x")["upload"], page.upload(b"y")["upload"]
    (context.settings.uploads / "somebody else's folder").mkdir()
    import os

    past = time.time() - uploads.KEEP_SECONDS - 10
    for name in (old, "somebody else's folder"):
        os.utime(context.settings.uploads / name, (past, past))
    tidy(context.settings)
    assert {p.name for p in context.settings.uploads.iterdir()} == {new, "somebody else's folder"}


# typed paths


def test_a_local_server_reads_typed_paths(local, tmp_path):
    page, _ = local
    path = write_jsonl(tmp_path / "typed.jsonl", [{"id": "1", "title": "A"}])
    page.post("folders/allow", {"path": str(path)})
    assert page.post("inspect", {"path": f' "{path}" '})["source"] == {"path": f' "{path}" '}
    for typed, status in (
        (str(tmp_path / "gone.csv"), 404),
        ("", 400),
        ("   ", 400),
        ("\0", 400),
        ("~no_such_user_here/x.csv", 404),
        ("x" * 5000, 404),
        ("/dev/null", 403),
        (5, 400),
        (None, 400),
    ):
        page.post("inspect", {"path": typed}, expect=status)


def test_a_loop_of_links_is_a_sentence(local, tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    local[0].post("inspect", {"path": str(tmp_path / "a")}, expect=404)


def test_a_shared_server_reads_typed_paths_below_its_roots_only(sqlite_settings, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    inside = write_jsonl(root / "in.jsonl", [{"id": "1", "title": "A"}])
    outside = write_jsonl(tmp_path / "out.jsonl", [{"id": "1", "title": "A"}])
    (root / "link.jsonl").symlink_to(outside)
    settings = replace(sqlite_settings, host="0.0.0.0", public=True, roots=(root.resolve(),))
    context, app = build(settings)
    page = Page(app, "http://10.0.0.1:7860")
    page.get("state")
    assert page.post("inspect", {"path": str(inside)})["estimated_rows"] == 1
    for typed in (str(outside), f"{root}/../out.jsonl", f"{root}/link.jsonl", "/etc/passwd", str(root) + "2/x"):
        for path in ("inspect", "vocabulary/import"):
            error = page.post(path, {"path": typed}, expect=403)
            assert "pload" in error["remedy"]
        body = {"path": typed, "corpus": "x", "mapping": {"roles": {"title": "title"}}}
        page.post("import", body, expect=403)
    assert context.queue.recent() == []
    context.stop()


def test_a_shared_server_without_roots_reads_no_typed_path(public, tmp_path):
    page, _ = public
    page.get("state")
    path = write_jsonl(tmp_path / "x.jsonl", [{"title": "A"}])
    page.post("inspect", {"path": str(path)}, expect=403)


@pytest.fixture
def outside(tmp_path):
    """A folder with a file, beside everything that is allowed."""
    folder = tmp_path / "my data"
    folder.mkdir()
    return write_jsonl(folder / "talks.jsonl", [{"id": "1", "title": "A"}])


def test_a_folder_is_asked_for_once(local, outside):
    page, _ = local
    for path in ("inspect", "vocabulary/import"):
        error = page.post(path, {"path": str(outside)}, expect=403)
        assert error["error"] == "FolderNotAllowed" and str(outside.parent) in error["message"]
    assert page.get("folders") == {"folders": [], "roots": []}
    assert page.post("folders/allow", {"path": str(outside)})["folder"] == str(outside.parent)
    assert page.post("inspect", {"path": str(outside)})["estimated_rows"] == 1
    below = outside.parent / "deeper" / "x.jsonl"
    below.parent.mkdir()
    write_jsonl(below, [{"title": "B"}])
    page.post("inspect", {"path": str(below)})
    assert page.post("folders/forget", {"folder": str(outside.parent)})["folders"] == []
    page.post("inspect", {"path": str(outside)}, expect=403)


def test_an_allowed_folder_is_remembered_by_the_host(local, outside, sqlite_settings):
    page, _ = local
    page.post("folders/allow", {"path": str(outside.parent)})
    context, app = build(sqlite_settings)
    assert Page(app).post("inspect", {"path": str(outside)})["estimated_rows"] == 1
    context.stop()


def test_a_folder_above_takes_the_place_of_those_in_it(local, outside):
    page, _ = local
    page.post("folders/allow", {"path": str(outside)})
    page.post("folders/allow", {"path": str(outside.parent.parent)})
    assert page.post("folders/allow", {"path": str(outside)})["folders"] == [str(outside.parent.parent)]


def test_links_out_of_an_allowed_folder_are_refused(local, outside, tmp_path):
    page, _ = local
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    page.post("folders/allow", {"path": str(allowed)})
    (allowed / "link.jsonl").symlink_to(outside)
    (allowed / "folder").symlink_to(outside.parent)
    for typed in ("link.jsonl", "folder/talks.jsonl", "folder"):
        error = page.post("inspect", {"path": str(allowed / typed)}, expect=403)
        assert error["error"] == "NotAllowed" and "link" in error["message"]
    error = page.post("inspect", {"path": f"{allowed}/../my data/talks.jsonl"}, expect=403)
    assert error["error"] == "FolderNotAllowed"


@pytest.mark.parametrize(("typed", "status"), [("/", 400), ("/no/such/thing", 404), ("", 400), ("\0", 400), (5, 400)])
def test_what_cannot_be_allowed(local, typed, status):
    page, _ = local
    page.post("folders/allow", {"path": typed}, expect=status)
    assert page.get("folders")["folders"] == []


def test_on_a_shared_server_nobody_allows_a_folder(public, local, outside):
    page, context = public
    page.get("state")
    page.post("folders/allow", {"path": str(outside)}, expect=403)
    context.host.remember("allowed_folders", orjson.dumps([str(outside.parent)]).decode())
    assert page.get("folders") == {"folders": [], "roots": []}
    error = page.post("inspect", {"path": str(outside)}, expect=403)
    assert error["error"] == "NotAllowed" and "pload" in error["remedy"]


def test_the_operators_folders_need_no_asking(sqlite_settings, outside):
    context, app = build(replace(sqlite_settings, roots=(outside.parent.resolve(),)))
    page = Page(app)
    assert page.post("inspect", {"path": str(outside)})["estimated_rows"] == 1
    assert page.get("folders") == {"folders": [], "roots": [str(outside.parent)]}
    context.stop()


def test_a_typed_folder_is_a_corpus(local, outside):
    page, context = local
    write_jsonl(outside.parent / "more.jsonl", [{"id": "2", "title": "B"}])
    page.post("folders/allow", {"path": str(outside.parent)})
    shown = page.post("inspect", {"path": str(outside.parent)})
    assert (shown["format"], shown["name"], shown["estimated_rows"]) == ("folder", "my data", 2)
    body = {"path": str(outside.parent), "corpus": "Talks", "mapping": shown["mapping"]}
    job = page.post("import", body)["job"]
    assert context.queue.get(job["id"]).arguments["path"] == str(outside.parent)
    page.post("vocabulary/import", {"path": str(outside.parent)}, expect=404)


def test_a_file_is_read_as_the_page_says(local):
    page, _ = local
    upload = page.upload("抱歉;1\n谢谢;2\n".encode("gbk"), "x.csv")["upload"]
    shown = page.post("inspect", {"upload": upload, "reading": {"encoding": "gbk", "header": False}})
    assert shown["rows"][1] == {"column_1": "谢谢", "column_2": "2"} and shown["header"] is False
    again = page.post("inspect", {"upload": upload, "mapping": shown["mapping"]})
    assert again["rows"] == shown["rows"]
    for wrong in ({"encoding": "no-such"}, {"header": 1}, {"x": 1}, [], "gbk"):
        page.post("inspect", {"upload": upload, "reading": wrong}, expect=400)


# from upload to report


def test_upload_inspect_import_report(page, context, database):
    rows = [{"id": str(n), "title": f"=Talk {n}", "labels": ["x"]} for n in range(5)]
    rows[2] = {"id": "", "title": "without an id"}
    content = "".join(json.dumps(row) + "\n" for row in rows) + "{broken\n"
    token = page.upload(content.encode(), "my talks.jsonl")["upload"]
    shown = page.post("inspect", {"upload": token})
    assert shown["source"] == {"upload": token} and shown["suggested_corpus"] == "my talks"
    roles = {c["name"]: c["role"] for c in shown["columns"]}
    roles["id"] = "id"
    shown = page.post("inspect", {"upload": token, "mapping": {**shown["mapping"], "roles": roles}})
    assert {c["name"]: c["why"] for c in shown["columns"]}["id"] == "chosen by you"
    context.start()
    job = page.post("import", {"upload": token, "corpus": "  My   talks ", "mapping": shown["mapping"]})["job"]
    assert (job["kind"], job["state"], job["unit"]) == ("import", "queued", "rows")
    assert not {"arguments", "pid", "path"} & set(job)

    def over():
        return page.get("jobs")["active"] == 0

    wait_for(over, 60)
    (done,) = page.get("jobs")["jobs"]
    assert done["state"] == "done", done
    assert done["result"]["new"] == 4 and done["result"]["skipped"] == 2
    assert done["open"] == {"tab": "corpora", "params": {"corpus": done["result"]["corpus_id"]}}
    assert set(done["can"]) >= {"open", "report"}
    report = page.client.get(API + done["report"], params={"project": "test"})
    assert report.status_code == 200 and report.headers["content-type"].startswith("text/csv")
    assert "attachment" in report.headers["content-disposition"]
    table = list(csv.reader(io.StringIO(report.text.removeprefix("\ufeff"))))
    assert table[0] == ["outcome", "file", "row", "field", "code", "cause", "remedy"]
    assert [(r[0], r[1], r[2]) for r in table[1:]] == [
        ("skipped", "my talks.jsonl", "3"),
        ("skipped", "my talks.jsonl", "6"),
    ]
    assert [c["name"] for c in page.get("corpora")["corpora"]] == ["My talks"]
    assert count(database, item) == 4


def test_cells_of_a_report_start_no_formula(page, context, database, import_rows):
    job = context.queue.create("test", "import", "x", {}, unit="rows")
    import_rows(
        database,
        [{"id": "=1+1", "title": "A"}, {"id": "=1+1", "title": "B"}],
        roles={"id": "id"},
        import_id=job.id,
        name="=evil.csv",
    )
    text = page.client.get(API + f"reports/{job.id}.csv", params={"project": "test"}).text
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[1][1] == "'=evil.csv" and rows[1][4] == "repeated_id"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"corpus": "x"},
        {"corpus": "", "mapping": {"roles": {"title": "title"}}},
        {"corpus": "x" * 81, "mapping": {"roles": {"title": "title"}}},
        {"corpus": "x", "mapping": {}},
        {"corpus": "x", "mapping": {"roles": {"title": "nonsense"}}},
        {"corpus": "x", "mapping": {"roles": {"id": "id"}}},
        {"corpus": "x", "mapping": "title"},
    ],
)
def test_wrong_imports_start_nothing(local, tmp_path, body):
    page, context = local
    path = write_jsonl(tmp_path / "x.jsonl", [{"title": "A"}])
    page.post("folders/allow", {"path": str(path)})
    page.post("import", {"path": str(path), **body}, expect=400)
    assert context.queue.recent() == []


# jobs


def test_jobs_of_a_project(page, context):
    own = context.queue.create("test", "export", "Own", {"corpus": "x", "path": "/secret"})
    other = context.queue.create("other", "export", "Other", {})
    reserved = context.queue.create("test", "export", "Command", {}, state=RESERVED)
    jobs = page.get("jobs")
    assert {j["id"] for j in jobs["jobs"]} == {own.id, reserved.id} and jobs["active"] == 2
    assert {j["state"] for j in jobs["jobs"]} == {"queued"}
    assert "/secret" not in json.dumps(jobs)
    for act in ("cancel", "resume", "retry"):
        page.post(f"jobs/{other.id}/{act}", expect=404)
        page.post(f"jobs/nonsense/{act}", expect=404)
    page.get(f"downloads/{other.id}", expect=404)
    page.get(f"reports/{other.id}.csv", expect=404)
    assert page.post(f"jobs/{own.id}/cancel")["job"]["state"] == "cancelled"
    page.post(f"jobs/{own.id}/cancel", expect=409)
    assert page.post(f"jobs/{own.id}/resume")["job"]["state"] == "queued"
    page.post(f"jobs/{own.id}/resume", expect=409)
    page.post(f"jobs/{own.id}/retry", expect=409)
    context.queue.cancel(own.id)
    retried = page.post(f"jobs/{own.id}/retry")["job"]
    assert retried["id"] != own.id and retried["title"] == "Own"
    assert context.queue.get(own.id).state == "cancelled"


def test_downloads_come_from_the_jobs_own_folder_only(page, context, tmp_path):
    def ended(path, kind="export", state="done"):
        job = context.queue.create("test", kind, "x", {})
        context.queue.claim(job.id, 1, 1.0)
        where = path(context.queue.folder(job.id)) if callable(path) else path
        context.queue.finish(job.id, state, result={"path": str(where), "items": 1})
        return job

    def good(folder):
        (folder / "Talks 日本.csv").write_bytes(b"id\r\n1\r\n")
        return folder / "Talks 日本.csv"

    job = ended(good)
    answer = page.client.get(API + f"downloads/{job.id}", params={"project": "test"})
    assert answer.status_code == 200 and answer.content == b"id\r\n1\r\n"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    (described,) = page.get("jobs")["jobs"]
    assert described["download"] == f"downloads/{job.id}" and "path" not in described["result"]
    outside = tmp_path / "outside.csv"
    outside.write_text("secret")

    def link(folder):
        (folder / "link.csv").symlink_to(outside)
        return folder / "link.csv"

    for wrong in (
        ended(outside),
        ended(link),
        ended(lambda folder: f"{folder}/../../tagloom.db"),
        ended(lambda folder: folder),
        ended(""),
        ended(good, kind="import"),
        context.queue.create("test", "export", "not begun", {}),
    ):
        error = page.client.get(API + f"downloads/{wrong.id}", params={"project": "test"})
        checked(error, 404)
        assert "secret" not in error.text


# browsing


@pytest.fixture
def talks(database, import_rows):
    rows = [{"id": str(n), "title": f"Talk {n}", "body": f"words {n}", "labels": ["golden"]} for n in range(6)]
    import_rows(database, rows, roles={"labels": "gold"})
    return ids_of(database)


def test_items_are_listed_looked_at_deleted_and_restored(page, database, talks):
    first = page.get("items", corpus="Talks", limit=4)
    assert [c["external_id"] for c in first["items"]] == ["0", "1", "2", "3"] and first["total"] == 6
    rest = page.get("items", corpus="Talks", limit=4, cursor=first["next"])
    assert [c["external_id"] for c in rest["items"]] == ["4", "5"]
    assert [c["external_id"] for c in page.get("items", corpus="Talks", q="words 3")["items"]] == ["3"]
    detail = page.get(f"items/{talks['3']}")
    assert detail["gold"] == ["golden"] and detail["corpus"]["name"] == "Talks"
    undo = page.post("items/delete", {"ids": [talks["0"], talks["1"]]})
    assert undo["deleted"] == 2 and page.get("items", corpus="Talks")["total"] == 4
    assert page.get("items", corpus="Talks", status="deleted")["total"] == 2
    assert page.post("items/restore", {"undo": undo["undo"]}) == {"restored": 2}
    page.post("items/delete", {"ids": [talks["0"]]})
    assert page.post("items/restore", {"ids": [talks["0"]]}) == {"restored": 1}
    gone = page.post("corpora/delete", {"corpus": "Talks"})
    assert gone["deleted"] == 6 and page.get("corpora") == {"corpora": []}
    page.get("items", expect=404, corpus="Talks")
    assert page.post("corpora/restore", {"undo": gone["undo"]})["corpus"]["items"] == 6
    for body in ({}, {"ids": []}, {"ids": [5]}, {"ids": "x"}, {"ids": ["x"]}):
        page.post("items/delete", body, expect=404 if body.get("ids") == ["x"] else 400)
    for body, status in (({}, 400), ({"undo": "x"}, 404), ({"undo": 5}, 400)):
        page.post("items/restore", body, expect=status)
        page.post("corpora/restore", body, expect=status)


# review


def test_a_decision_belongs_to_the_cookie_and_to_nothing_in_the_request(page, database, talks):
    tags = add_tags(database, "bees")
    suggest(database, {"0": [(tags["bees"], 0.9)]})
    me = page.post("person", {"name": "Ann"})["person"]
    queue = page.get("review/queue", corpus="Talks")
    assert len(queue["items"]) == 6 and "golden" not in json.dumps(queue)
    first = queue["items"][0]
    sent = event(first["id"], 0, "done", [tags["bees"]]) | {"person": "bob"}
    body = {"events": [sent], "person": "bob"}
    (answer,) = page.post("review/decisions", body)["results"]
    assert answer["ok"] and answer["state"]["person"] == "Ann" and answer["version"] == 1
    with database.read() as connection:
        assert connection.execute(decision.select()).one().person == me["id"]
    assert page.post("review/decisions", body)["results"] == [answer], "sent again, answered the same"
    assert count(database, decision) == 1
    assert page.get("review/queue", corpus="Talks")["counts"]["done"] == 1
    (done,) = page.get("review/queue", corpus="Talks", status="done")["items"]
    assert done["state"]["person"] == "Ann"
    assert page.get(f"items/{first['id']}")["history"][0]["person"] == "Ann"


def test_a_conflict_names_the_other_person(page, database, talks):
    bob = Page(page.client.app)
    page.post("person", {"name": "Ann"})
    bob.post("person", {"name": "Bob"})
    page.post("review/decisions", {"events": [event(talks["0"], 0, "done")]})
    (answer,) = bob.post("review/decisions", {"events": [event(talks["0"], 0, "skipped", action="skip")]})["results"]
    assert answer["conflict"] and answer["by"] == "Ann" and answer["state"]["person"] == "Ann"
    assert [e["item"] for e in page.get("review/history")["events"]] == [talks["0"]]
    assert bob.get("review/history") == {"events": [], "more": False}


def test_wrong_decisions_are_told_one_by_one_and_wrong_requests_as_a_whole(page, database, talks):
    results = page.post("review/decisions", {"events": [{}, event(talks["0"], 0), 5]})["results"]
    assert [r["ok"] for r in results] == [False, True, False]
    for body in ({}, {"events": []}, {"events": {}}, {"events": [event(talks["1"], 0)] * 201}):
        page.post("review/decisions", body, expect=400)
    assert count(database, decision) == 1


def test_many_browsers_decide_at_once(page, database, talks):
    from concurrent.futures import ThreadPoolExecutor

    def work(number):
        browser = Page(page.client.app)
        browser.post("person", {"name": f"Person {number}"})
        for version in range(10):
            sent = {"events": [event(talks[str(number)], version, "in_progress", action="edit")]}
            (answer,) = browser.post("review/decisions", sent)["results"]
            assert answer["ok"]
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))
    assert count(database, decision) == 60


def test_the_queue_starts_at_an_item_and_goes_back(page, database, talks):
    answer = page.get("review/queue", corpus="Talks", item=talks["3"], limit=2)
    assert [i["external_id"] for i in answer["items"]] == ["3", "4"]
    back = page.get("review/queue", corpus="Talks", cursor=answer["previous"], direction="previous", limit=2)
    assert [i["external_id"] for i in back["items"]] == ["1", "2"]
    page.get("review/queue", expect=404, corpus="Nowhere")
    page.get("review/queue", expect=404, corpus="Talks", item="nonsense")
    page.get("review/queue", expect=400, corpus="Talks", **{"limit": "1000"})


def test_disagreements_and_insights(page, database, talks):
    tags = add_tags(database, "golden", "words")
    before = page.get("evaluate", corpus="Talks")
    assert (before["gold"], before["runs"], before["agreement"], before["tagged"]) == (True, [], None, 0)
    suggest(database, {"0": [(tags["golden"], 0.9)], "1": [(tags["golden"], 0.9)]})
    generate(database, {"0": [(tags["golden"], "golden", 0.9, {})], "1": [(None, "straw", 0.4, {"votes": 1})]})
    queue = page.get("review/queue", corpus="Talks", queue="disagree")
    assert [i["external_id"] for i in queue["items"]] == ["1"] and queue["disagree"]["pending"] == 1
    (new,) = [s for s in queue["items"][0]["suggestions"] if s["tag"] is None]
    assert (new["name"], new["key"], new["new"], new["nearest"]) == ("straw", "straw", True, [])
    page.get("review/queue", expect=400, corpus="Talks", queue="nonsense")
    found = page.get("evaluate", corpus="Talks")
    assert [run["f1"] for run in found["runs"]] == [0.5, 1.0] and found["agreement"]["mean_jaccard"] == 0.5
    page.get("evaluate", expect=404, corpus="Nowhere")


# vocabulary and tagging


def test_the_vocabulary(page, database, talks):
    token = page.upload("name,aliases\nbees,apis\n,x\n".encode("utf-16"), "tags.csv")["upload"]
    answer = page.post("vocabulary/import", {"upload": token})
    assert (answer["added"], answer["skipped"]) == (1, 1) and answer["problems"][0]["row"] == 3
    assert page.post("vocabulary/import", {"text": "ants\nbees"})["added"] == 1
    page.post("vocabulary/import", {"text": " "}, expect=400)
    listed = page.get("tags", q="api")
    assert [t["name"] for t in listed["tags"]] == ["bees"] and listed["stats"]["tags"] == 2
    assert [t["name"] for t in page.get("tags", sort="items", limit=1)["tags"]] == ["ants"]
    assert page.get("tags/complete", q="BEE") == {
        "tags": [{"id": listed["tags"][0]["id"], "name": "bees", "alias": None}],
        "exact": False,
    }
    assert page.get("vocabulary/gold", corpus="Talks", min_items=1)["labels"] == 1
    assert page.post("vocabulary/gold", {"corpus": "Talks", "min_items": 6})["added"] == 1
    page.post("vocabulary/gold", {"corpus": "Talks", "min_items": 7}, expect=400)
    page.post("vocabulary/gold", {"corpus": "Talks", "min_items": True}, expect=400)
    page.get("tags", expect=400, sort="nonsense")
    answer = page.client.get(API + "vocabulary/export.csv", params={"project": "test"})
    assert answer.text.startswith("\ufeffname,description,aliases,parent\r\n") and "apis" in answer.text
    assert count(database, tag) == 3


def test_tagging_is_tried_started_and_scored(page, context, database, talks):
    page.post("tag/try", {"corpus": "Talks"}, expect=400)  # nothing to choose from yet
    page.post("vocabulary/import", {"text": "words\ngolden"})
    tried = page.post("tag/try", {"corpus": "Talks", "top_k": 1, "method": "selective"})
    assert len(tried["items"]) == 6 and tried["total_items"] == 6
    for wrong in (
        {"top_k": 0},
        {"top_k": "x"},
        {"threshold": 3},
        {"method": "magic"},
        {"limit": 0},
        {"corpus": "Nowhere"},
    ):
        page.post("tag/run", {"corpus": "Talks", **wrong}, expect=404 if "corpus" in wrong else 400)
    job = page.post("tag/run", {"corpus": "Talks", "top_k": 2})["job"]
    assert job["kind"] == "tag" and job["state"] == "queued"
    suggest(database, {"0": [(add_tags(database, "golden")["golden"], 0.5)]}, job=job["id"])
    (run,) = page.get("runs", corpus="Talks")["runs"]
    assert run["state"] == "queued" and run["scores"]["f1"] == 1.0 and run["suggestions"] == 1


def test_an_export_is_queued_with_what_was_asked(page, context, database, talks):
    job = page.post("export", {"corpus": "Talks", "format": "csv", "provenance": True})["job"]
    assert context.queue.get(job["id"]).arguments == {
        "corpus": corpus_of(database).id,
        "format": "csv",
        "status": "all",
        "suggestions": False,
        "provenance": True,
    }
    page.post("export", {"corpus": "Nowhere"}, expect=404)
    page.post("export", {"corpus": "Talks", "format": "xls"}, expect=400)
    page.post("export", {"corpus": "Talks", "status": "perfect"}, expect=400)
    page.post("export", {"corpus": "Talks", "suggestions": "yes"}, expect=400)


def test_the_settings_page(local, public):
    facts = local[0].get("settings")
    assert {"home", "database", "embedding", "checks", "versions", "person", "people"} <= set(facts)
    public[0].get("state")
    assert public[0].get("settings")["people"] == [], "who else is there is nobody's business on a public server"


# whatever is asked


def test_bodies_that_are_no_json_objects(local):
    page, _ = local

    def send(content, kind="application/json"):
        return page.client.post(API + "projects", content=content, headers={"content-type": kind})

    checked(send(b"{"), 400)
    checked(send(b"[]"), 400)
    checked(send(b"5"), 400)
    checked(send(b"\xff\xfe"), 400)
    checked(send(b"[" * 100_000), 400)
    checked(send(b'{"name": "x"}', "text/plain"), 400)
    checked(send(b'{"name": "x"}', "application/x-www-form-urlencoded"), 400)
    checked(send(b" " * (8 * 1024 * 1024 + 1)), 400)
    checked(send(b""), 400)
    assert send(b'{"name": "fine"}', "application/json; charset=utf-8").status_code == 200


def test_unknown_routes_and_methods_are_sentences(local):
    page, _ = local
    page.get("nowhere", expect=404)
    page.post("nowhere", expect=404)
    page.get("projects", expect=404)
    page.post("corpora", expect=404)
    checked(page.client.delete(API + "corpora"), 404)
    assert page.client.head(API + "corpora", params={"project": "test"}).status_code == 200


def test_a_mistake_of_ours_is_a_sentence_without_details(local, monkeypatch):
    monkeypatch.setattr("ui.routes.corpora.list_corpora", lambda *_: 1 / 0)
    error = local[0].get("corpora", expect=500)
    assert "ZeroDivisionError" in error["message"] and "division" not in error["message"]


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["²", "\0", "-1", "1" * 30, "next:1:1", "%", "'", "../..", "Talks", "all", "１", "0x1", "NaN", "x" * 3000]
)
GETS = {
    "items": ("corpus", "q", "status", "labelled", "tag", "cursor", "limit"),
    "tags": ("q", "state", "sort", "cursor", "limit"),
    "tags/complete": ("q", "limit"),
    "vocabulary/gold": ("corpus", "min_items"),
    "review/queue": ("corpus", "status", "queue", "cursor", "direction", "item", "limit"),
    "evaluate": ("corpus",),
    "review/history": ("before", "limit"),
    "runs": ("corpus",),
    "jobs": (),
    "corpora": (),
    "state": (),
    "settings": (),
}


@pytest.fixture
def filled(page, context, database, talks):
    tags = add_tags(database, "bees")
    decide(database, event(talks["0"], 0, "done", [tags["bees"]]))
    return page, {"item": talks["0"], "job": context.queue.create("test", "import", "x", {}).id}


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_question_is_answered_or_refused_with_a_sentence(filled, data):
    page, _ = filled
    path = data.draw(st.sampled_from(sorted(GETS)))
    params = {name: data.draw(anything) for name in GETS[path] if data.draw(st.booleans())}
    if "corpus" in GETS[path] and data.draw(st.integers(0, 2)):
        params["corpus"] = "Talks"
    if data.draw(st.integers(0, 9)) == 0:
        params["project"] = data.draw(anything)
    answer = page.client.get(API + path, params={"project": "test", **params})
    assert answer.status_code in (200, 400, 404), (path, params, answer.text)
    checked(answer, answer.status_code)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(["items/{}", "downloads/{}", "reports/{}.csv"]), name=anything)
def test_any_name_in_an_address_is_answered_or_refused(filled, path, name):
    from urllib.parse import quote

    answer = filled[0].client.get(API + path.format(quote(name, safe="")), params={"project": "test"})
    assert answer.status_code in (400, 404) or (answer.status_code == 200 and name in ("", ".", ".."))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=6,
)
POSTS = {
    "person": ("name",),
    "projects": ("name",),
    "inspect": ("upload", "path", "mapping"),
    "import": ("upload", "path", "corpus", "mapping"),
    "export": ("corpus", "format", "status", "suggestions", "provenance"),
    "items/delete": ("ids",),
    "items/restore": ("ids", "undo"),
    "corpora/delete": ("corpus",),
    "corpora/restore": ("undo",),
    "vocabulary/import": ("upload", "text", "path"),
    "vocabulary/gold": ("corpus", "min_items"),
    "tag/run": ("corpus", "method", "engine", "top_k", "threshold", "limit"),
    "tag/try": ("corpus", "method", "engine", "top_k", "threshold", "limit"),
    "review/decisions": ("events",),
    "jobs/JOB/cancel": (),
    "jobs/JOB/resume": (),
    "jobs/JOB/retry": (),
}


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_request_is_done_or_refused_with_a_sentence(filled, data):
    page, known = filled
    path = data.draw(st.sampled_from(sorted(POSTS)))
    body = {name: data.draw(json_values) for name in POSTS[path] if data.draw(st.integers(0, 4))}
    if path == "tag/try":
        body.pop("corpus", None)  # the trial itself is not what is tested here
    answer = page.client.post(
        API + path.replace("JOB", known["job"]),
        params={"project": "test"},
        content=orjson.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (200, 400, 403, 404, 409), (path, body, answer.text)
    checked(answer, answer.status_code)
