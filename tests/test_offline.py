"""Nothing leaves the machine: the real server and its worker processes are watched while they work.

The page's side of it is asserted in tests/browser, where every request of every tab is looked at.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support import free_port, wait_for

REPOSITORY = Path(__file__).resolve().parents[1]

# Runs at the start of every Python process of the server: writes down each host that is looked up or connected to.
WATCH = """
import os, socket, sys
if os.environ.get("WATCHED"):
    def tell(host):
        text = host.decode() if isinstance(host, bytes) else str(host)
        if text not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", "None"):
            with open(os.environ["WATCHED"], "a") as file:
                file.write(f"{text} {sys.argv}\\n")
    def audit(event, arguments):
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            tell(arguments[1][0])
        elif event == "socket.getaddrinfo":
            tell(arguments[0])
        elif event == "socket.sendto" and isinstance(arguments[1], tuple):
            tell(arguments[1][0])
    sys.addaudithook(audit)
"""


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    seen = tmp_path / "seen.txt"
    script = "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 0.1)\nexcept OSError: pass"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "WATCHED": str(seen)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert "192.0.2.1" in seen.read_text()


def test_server_and_workers_talk_with_nobody(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    seen = tmp_path / "seen.txt"
    port = free_port()
    # workers get a PYTHONPATH of their own, so the watch is also installed through the code folder's parent
    wrapper = (
        f"import sys; sys.path[:0] = [{str(REPOSITORY)!r}]\n"
        "from core.jobs import supervisor\n"
        f"supervisor.CODE_FOLDER = {str(REPOSITORY)!r} + {os.pathsep!r} + {str(tmp_path)!r}\n"
        "import app; app.main()\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TAGLOOM", "GRADIO"))}
    environment |= {
        "PYTHONPATH": str(tmp_path),
        "WATCHED": str(seen),
        "TAGLOOM_HOME": str(tmp_path / "home"),
        "PORT": str(port),
        "HOST": "127.0.0.1",
    }
    process = subprocess.Popen([sys.executable, "-c", wrapper], env=environment, cwd=tmp_path, start_new_session=True)

    def ask(path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if path.startswith("tagloom/api") else body

    def served() -> bool:
        try:
            return bool(ask("tagloom/api/state"))
        except OSError:
            return False

    def tagged() -> bool:
        job = ask("tagloom/api/jobs")["jobs"][0]
        assert job["state"] in ("queued", "running", "done"), job
        return bool(job["state"] == "done")

    try:
        wait_for(served, seconds=90)
        ask("")
        ask("config")
        ask("tagloom/api/settings")
        wait_for(tagged, seconds=240)  # a worker that loads the model and tags the demo corpus
        assert ask("tagloom/api/runs?corpus=Stories")["runs"][0]["ok"] == 60
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not seen.exists(), seen.read_text()
