"""The folder as a Hugging Face Space, and the built package: installed into an environment of their own.

A Space installs requirements.txt and runs app.py as a user without rights. Only the cap of torch differs here
(the Space's is lower than the build that a test machine can be expected to have).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import free_port, wait_for

REPOSITORY = Path(__file__).resolve().parents[1]
UNPRIVILEGED = "nobody"


def python_for_anybody() -> str:
    """A Python 3.11 or newer that an unprivileged user may run (one below /root may not be)."""
    own = str(Path(sys.base_prefix) / "bin" / "python3")
    for candidate in ("/usr/bin/python3", own) if os.geteuid() == 0 else (own, "/usr/bin/python3"):
        check = [*as_anybody(), candidate, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"]
        if Path(candidate).exists() and subprocess.run(check, capture_output=True).returncode == 0:
            return candidate
    pytest.skip("no Python 3.11 with venv that an unprivileged user may run")


def as_anybody() -> list[str]:
    return ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups", "--"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def space() -> Iterator[tuple[Path, Path]]:
    """(a copy of what is committed or would be, the environment's python), where another user may read it:
    pytest's own temporary folders are private."""
    with tempfile.TemporaryDirectory(prefix="tagloom-space-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)
        yield root / "app", _install(root, root / "app")


def _install(root: Path, code: Path) -> Path:
    """Copy the repository to `code` and install what a Space installs; returns that environment's python."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        if (REPOSITORY / name).is_file():
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, code / name)
    wanted = (code / "requirements.txt").read_text()
    assert re.search(r"^torch>=2\.8,<2\.12$", wanted, re.M), "a Space's torch is capped below 2.12"
    (root / "requirements.txt").write_text(re.sub(r"^torch.*$", "torch>=2.8,<=2.13.0", wanted, flags=re.M))
    subprocess.run([python_for_anybody(), "-m", "venv", str(root / "venv")], check=True)
    python = root / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # torch first: asked for by another package, a registry's newest build would be taken
    subprocess.run([*install, "torch>=2.8,<=2.13.0"], check=True)
    subprocess.run([*install, "-r", str(root / "requirements.txt")], check=True)
    return python


def test_app_starts_in_a_space_as_an_unprivileged_user(space: tuple[Path, Path], tmp_path: Path) -> None:
    code, python = space
    home = code.parent / "home"
    home.mkdir()
    home.chmod(0o777)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "SYSTEM": "spaces",
        "SPACE_ID": "someone/tagloom",
        "SPACE_HOST": "someone-tagloom.hf.space",
        "GRADIO_SSR_MODE": "True",
        "PORT": str(port),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    log = (tmp_path / "log.txt").open("wb")
    process = subprocess.Popen(
        [*as_anybody(), str(python), "app.py"],
        cwd=code,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:

        def ask(path: str, host: str = "someone-tagloom.hf.space") -> bytes:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers={"host": host})
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            try:
                return bool(ask("tagloom/api/state"))
            except OSError:
                return False

        wait_for(answers, seconds=120)
        state = json.loads(ask("tagloom/api/state"))
        assert state["project"]["slug"] == "demo"
        assert state["local"] is False, "a Space is public: no typed paths, one identity a browser"
        assert b"tagloom" in ask("").lower()
        corpora = json.loads(ask("tagloom/api/corpora"))["corpora"]
        assert corpora[0]["items"] == 60
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        subprocess.run(["pkill", "-KILL", "-f", str(python)], check=False)  # the demo's tagging job


def test_built_package_has_all_its_files(space: tuple[Path, Path], tmp_path: Path) -> None:
    code, python = space
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", str(code)],
        check=True,
    )
    environment = {**os.environ, "TAGLOOM_HOME": str(tmp_path / "home")}
    environment.pop("PYTHONPATH", None)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    facts = json.loads(run(str(python.parent / "tagloom"), "--json", "doctor"))
    assert all(check["ok"] is not False for check in facts["checks"]), facts["checks"]
    script = (
        "from core.demo import FOLDER; from ui.server import ASSETS; import core\n"
        "assert (FOLDER / 'stories.jsonl').is_file() and (FOLDER / 'images').is_dir(), FOLDER\n"
        "names = sorted(p.relative_to(ASSETS).as_posix() for p in ASSETS.rglob('*') if p.is_file())\n"
        "print('\\n'.join(n for n in names if '__pycache__' not in n))"
    )
    shipped = set(run(str(python), "-P", "-c", script).split())
    ours = {p.relative_to(code / "assets").as_posix() for p in (code / "assets").rglob("*") if p.is_file()}
    assert {name for name in ours if "__pycache__" not in name} <= shipped
