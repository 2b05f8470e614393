"""The named endpoints of the running app, by gradio_client and by plain HTTP, and where the app listens."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from core.captions.styles import STYLES
from tests.browser.app import App
from tests.support import free_port
from ui.api import DEFAULTS, ENDPOINTS, arguments

REPOSITORY = Path(__file__).resolve().parents[2]
JSON = {"content-type": "application/json"}


class Server(App):
    """A server that is told its address by `.env` alone, or by what a test adds to the environment."""

    def __init__(self, folder, *options, **environment):
        super().__init__(folder, "--no-demo", *options)
        self.extra = environment

    @property
    def environment(self):
        kept = super().environment
        return {**{n: v for n, v in kept.items() if n not in ("HOST", "PORT")}, **self.extra}

    @property
    def log(self):
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def ask(self, path, body=None, **headers):
        """(status, text) of a request; with a body it is a POST."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {**(JSON if data else {}), **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def call(self, endpoint, **parameters):
        """(event, data) of a call in two steps, as docs/api.md shows it."""
        status, text = self.ask(f"/gradio_api/call/v2/{endpoint}", parameters)
        assert status == 200, text
        _, stream = self.ask(f"/gradio_api/call/{endpoint}/{json.loads(text)['event_id']}")
        event, data = re.fullmatch(r"event: (\w+)\ndata: (.*)\n\n", stream).groups()
        return event, json.loads(data)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """As somebody has it who took over the `.env` of LP-MusicCaps."""
    server = Server(tmp_path_factory.mktemp("api"))
    env = f"OPENAI_API_KEY=\napi_host=0.0.0.0\napi_port={server.port}\n"
    (server.folder / ".env").write_text(env, encoding="utf-8")
    server.start()
    yield server
    server.stop()


def test_the_address_of_the_env_file_is_taken_but_only_for_this_machine(server):
    assert f"http://127.0.0.1:{server.port}" in server.log
    why = server.log.splitlines()[0]
    assert "127.0.0.1" in why and "0.0.0.0" in why and "--public" in why and "login" in why


def test_every_style_answers_a_gradio_client(server):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(server.url, verbose=False)
    described = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(described) == {f"/caption_{style}" for style in STYLES}
    for endpoint in described.values():
        names = [p["parameter_name"] for p in endpoint["parameters"]]
        assert names == list(DEFAULTS) and all(p["type"] for p in endpoint["parameters"])
    for name, style in ENDPOINTS.items():
        found = client.predict(tags="happy, piano, no drums", api_name=f"/{name}")
        assert "piano" in found["caption"].lower() and found["style"] == style
        assert found["tags"] == ["happy", "piano"] and found["absent"] == ["drums"]
        assert found["verdict"] in ("pass", "warn", "fail") and isinstance(found["reasons"], list)
        assert ("predicted" in found) == (style == "attribute_prediction")
    assert client.predict(["happy", "piano", "no drums"], api_name="/caption_writing") == client.predict(
        "happy, piano, no drums", "builtin", api_name="/caption_writing"
    )
    for wrong, said in (
        ({"tags": ""}, "tags"),
        ({"tags": "piano", "engine": "my model"}, "my model"),
        ({"tags": "piano", "engine": "http://127.0.0.1:1/v1"}, "no connection"),
        ({"tags": "piano", "project": "elsewhere"}, "elsewhere"),
        ({"tags": "piano", "corpus": "elsewhere"}, "elsewhere"),
        ({"tags": 7}, "tags"),
        ({"tags": "x" * 5000}, "characters"),
    ):
        with pytest.raises(AppError) as refused:
            client.predict(**wrong, api_name="/caption_summary")
        assert said in str(refused.value) and str(refused.value).endswith((".", "?")), wrong
    assert "Traceback" not in server.log


def test_every_style_answers_plain_http(server):
    for name in ENDPOINTS:
        event, data = server.call(name, tags="happy, piano")
        assert event == "complete" and "piano" in data[0]["caption"].lower()
    event, data = server.call("caption_writing", tags=" , ")
    assert event == "error" and "tags" in data["error"]
    status, text = server.ask("/gradio_api/run/caption_summary", {"data": ["happy, piano"]})
    assert status == 200 and json.loads(text)["data"][0]["style"] == "summary"
    status, text = server.ask("/gradio_api/run/caption_summary", {"data": [""]})
    assert status == 500 and "tags" in json.loads(text)["error"]
    for path, body in (
        ("call/v2/caption_writing", {"tag": "happy"}),
        ("call/v2/caption_writing", b"not json"),
        ("call/v2/caption_writing", b"[1]"),
        ("call/v2/caption_poem", {"tags": "happy"}),
        ("call/caption_writing", {"data": []}),
        ("call/caption_writing", {"data": ["a", "b", "c", "d", "e"]}),
        ("run/caption_writing", {"tags": "happy"}),
        ("call/caption_writing", b"x" * (1024 * 1024 + 1)),
    ):
        status, text = server.ask(f"/gradio_api/{path}", body)
        assert status == 400, text
        assert set(json.loads(text)) == {"error", "message", "remedy"}
    assert "Traceback" not in server.log


def test_the_guard_stands_before_the_endpoints(server):
    ask = ("/gradio_api/call/v2/caption_writing", {"tags": "happy"})
    assert server.ask(*ask, host="rebound.example.org")[0] == 400
    assert server.ask(*ask, origin="https://elsewhere.example.org")[0] == 403
    assert server.ask(*ask, **{"sec-fetch-site": "cross-site"})[0] == 403
    assert server.ask(*ask, origin=server.url)[0] == 200


def test_the_page_shows_nothing_of_them(server):
    """Each has a place in the layout, as Gradio wants it (without, it covers the tabs as if something were under way),
    and nothing in it is drawn."""
    config = json.loads(server.ask("/config")[1])
    parts = [component for component in config["components"] if component["type"] == "api"]

    def laid_out(part):
        for child in part.get("children") or []:
            yield child["id"]
            yield from laid_out(child)

    assert len(parts) == len(ENDPOINTS) * (len(DEFAULTS) + 1)
    assert {part["id"] for part in parts} <= set(laid_out(config["layout"]))
    endpoints = [each for each in config["dependencies"] if each["api_name"] in ENDPOINTS]
    assert len(endpoints) == len(ENDPOINTS)
    assert all(each["targets"] == [] and each["show_progress"] == "hidden" for each in endpoints), "the page calls none"


def test_the_command_line_wins_and_an_open_server_answers_others(tmp_path):
    server = Server(tmp_path, "--public", "--host", "0.0.0.0", PORT=str(free_port()), TAGLOOM_HOSTS="songs.example.org")
    server.options = (*server.options, "--port", str(server.port))
    (tmp_path / ".env").write_text(f"api_host=127.0.0.1\napi_port={free_port()}\n", encoding="utf-8")
    try:
        server.start()
        assert "not on" not in server.log
        for host in ("songs.example.org", "192.168.1.20"):
            status, text = server.ask("/gradio_api/run/caption_summary", {"data": ["happy, piano"]}, host=host)
            assert status == 200 and "piano" in json.loads(text)["data"][0]["caption"].lower()
        assert server.ask("/gradio_api/run/caption_summary", {"data": ["a"]}, host="other.example.org")[0] == 400
    finally:
        server.stop()


def test_missing_parameters_have_their_defaults():
    assert json.loads(arguments(b'{"data": ["a"]}', by_name=False))["data"] == ["a", "builtin", "", ""]
    assert json.loads(arguments(b'{"data": ["a", "x"], "session_hash": "s"}', by_name=False))["session_hash"] == "s"
    assert json.loads(arguments(b"", by_name=True)) == DEFAULTS
    assert json.loads(arguments(b'{"corpus": "Songs", "tags": ["a"]}', by_name=True)) == {
        **DEFAULTS,
        "corpus": "Songs",
        "tags": ["a"],
    }


def test_the_documentation_names_all_of_it():
    text = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    for name in (*ENDPOINTS, *DEFAULTS, "gradio_client", "/gradio_api/call/v2/", "api_host", "api_port"):
        assert f"{name}" in text
    for command in re.findall(r"-d \'(\{.*?\})\'", text):
        path = "v2" in text[: text.index(command)].rsplit("curl", 1)[1]
        arguments(command.encode(), by_name=path)
