"""From starting the app to a usable page, beside a one-component Gradio app: `python benchmarks/start.py [--runs N]`.

Usable: the first corpus' items are on the screen (ours), the text box is (theirs). The two take turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load import REPOSITORY, free_port, median

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PLAIN = """
import os, sys
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio as gr
with gr.Blocks() as app:
    gr.Textbox(elem_id="box", label="Text")
app.launch(server_port=int(sys.argv[1]), ssr_mode=False, run_history=False, quiet=True)
"""


def seconds_to(browser: object, command: list[str], environment: dict[str, str], port: int, selector: str) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    page = browser.new_page()  # type: ignore[attr-defined]
    try:
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                break
            except Exception:  # not listening yet
                time.sleep(0.05)
        page.wait_for_selector(selector, timeout=60_000)
        return time.perf_counter() - started
    finally:
        page.close()
        process.terminate()
        process.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    runs = options.parse_args().runs
    from playwright.sync_api import sync_playwright

    ours, plain = [], []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for run in range(runs + 1):
            port = free_port()
            environment = {**os.environ, "TAGLOOM_HOME": home, "PORT": str(port), "PYTHONPATH": str(REPOSITORY)}
            app = [sys.executable, str(REPOSITORY / "app.py")]
            seconds = seconds_to(browser, app, environment, port, "#tl-surface-corpora .tl-items li")
            if run:  # the first one makes the demo project
                ours.append(seconds)
            port = free_port()
            seconds = seconds_to(browser, [sys.executable, "-c", PLAIN, str(port)], dict(os.environ), port, "#box")
            if run:
                plain.append(seconds)
            else:
                time.sleep(30)  # the demo project's tagging job
    print(f"Tagloom: median {median(ours):.2f} s ({min(ours):.2f}–{max(ours):.2f})")
    print(f"One text box: median {median(plain):.2f} s ({min(plain):.2f}–{max(plain):.2f})")
    print(f"Ratio {median(ours) / median(plain):.2f} (budget 1.5)")


if __name__ == "__main__":
    main()
