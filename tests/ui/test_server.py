import socket
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from core.errors import InvalidInput
from core.settings import Settings
from ui.server import ASSETS, assets, check_bind, reachable


@pytest.fixture
def bare(tmp_path):
    return Settings(home=tmp_path)


def test_an_open_server_must_be_meant(bare):
    for host in ("0.0.0.0", "192.168.1.4", "::", "labels.example.org"):
        served, why = reachable(replace(bare, host=host, port=8088))
        assert (served.host, served.port) == ("127.0.0.1", 8088) and served.loopback
        assert why and host in why and "127.0.0.1" in why and "--public" in why
        meant = replace(bare, host=host, public=True)
        assert reachable(meant) == (meant, None)
    for host in ("127.0.0.1", "localhost", "::1"):
        assert reachable(replace(bare, host=host)) == (replace(bare, host=host), None)


def test_a_taken_port_is_said_with_another_one(bare):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput) as refused:
            check_bind(replace(bare, port=port))
    assert str(port) in refused.value.message and str(port + 1) in refused.value.remedy


@pytest.mark.parametrize("wrong", [{"port": 99999}, {"port": -1}, {"host": "no.such.host.invalid", "public": True}])
def test_addresses_that_cannot_be_are_sentences(bare, wrong):
    with pytest.raises(InvalidInput) as refused:
        check_bind(replace(bare, **{"port": 0, **wrong}))
    assert refused.value.message and refused.value.remedy


def test_the_pages_files_are_served_and_checked_each_time():
    client = TestClient(Starlette(routes=[Mount("/a", assets())]))
    answer = client.get("/a/js/main.js")
    assert answer.status_code == 200 and "javascript" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/a/js/main.js", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    for wrong in ("/a/../app.py", "/a/%2e%2e/app.py", "/a/js/", "/a/nowhere.js", "/a/..%2fapp.py", "/a//etc/passwd"):
        assert client.get(wrong).status_code in (404, 405)
    assert Path(ASSETS / "js" / "main.js").is_file()
