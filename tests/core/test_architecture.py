"""Imports run one way, floor by floor; what starts must not load what is slow; docs name what there is."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.arguments import parser
from core.cli import COMMANDS
from core.settings import SETTINGS

REPOSITORY = Path(__file__).resolve().parents[2]
CORE = sorted((REPOSITORY / "core").rglob("*.py"))
UI = sorted((REPOSITORY / "ui").rglob("*.py"))

GROUND = ("core.store", "core.settings", "core.errors", "core.hub")
SERVICES = ("core.engines", "core.embedding", "core.jobs")
FEATURES = ("core.captions", "core.betag", "core.tagging", "core.review", "core.vocabulary", "core.corpora")
HELPERS = ("core.demo", "core.doctor")  # of the doors (and the page): they may import features
DOORS = ("app", "core.cli", "core.arguments", "core.commands", "core.__main__", "core.worker")


def name_of(path):
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Every module that a file imports, also inside functions."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(
                    [*package.split(".")[: len(package.split(".")) - node.level + 1], *filter(None, [base])]
                )
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return found


def within(module, names):
    return any(module == name or module.startswith(name + ".") for name in names)


def allowed(module):
    """Which of our own modules `module` may import."""
    if within(module, GROUND):
        return GROUND
    for service in SERVICES:
        if within(module, [service]):
            return (*GROUND, service)
    for place, feature in enumerate(FEATURES):
        if within(module, [feature]):
            return (*GROUND, *SERVICES, *FEATURES[place:])
    if within(module, HELPERS):
        return (*GROUND, *SERVICES, *FEATURES, *HELPERS)
    return None


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_core_imports_downwards_only(path):
    module, mine = name_of(path), {m for m in imports(path) if within(m, ["core", "ui", "app"])}
    if within(module, DOORS) or module == "core":
        assert module == "core.cli" or not {m for m in mine if within(m, ["ui", "app"])}, (
            "only the cli reaches the page"
        )
        return
    permitted = allowed(module)
    assert permitted is not None, f"{module} stands on no floor"
    wrong = {m for m in mine if not within(m, permitted) and m != "core"}
    assert not wrong, f"{module} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", [*CORE, *UI], ids=name_of)
def test_doors_are_imported_by_doors_only(path):
    if not within(name_of(path), DOORS):
        assert not {m for m in imports(path) if within(m, DOORS)}


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_core_knows_no_page(path):
    foreign = {m for m in imports(path) if within(m, ["gradio", "starlette", "fastapi", "uvicorn"])}
    assert not foreign


@pytest.mark.parametrize("path", UI, ids=name_of)
def test_the_page_imports_core_and_itself_only(path):
    assert not {m for m in imports(path) if within(m, ["app", "tests", "benchmarks"])}
    assert not {m for m in imports(path) if within(m, ["sqlalchemy.orm", "torch", "pandas"])}


def test_the_test_of_imports_sees_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "REPOSITORY", tmp_path)
    path = tmp_path / "core" / "corpora" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import gradio as g\nfrom core.review.queue import history\ndef f():\n    from ..jobs import queue\n"
    )
    assert {"gradio", "core.review.queue", "core.jobs.queue"} <= imports(path)
    assert not within("core.review.queue", allowed("core.corpora.x"))
    assert not within("core.storey", GROUND)


def loaded_by(statement):
    """Modules in memory after a statement, in a fresh process."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


HEAVY = {"torch", "sentence_transformers", "transformers", "faiss", "openai", "pyarrow"}


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import core.cli", HEAVY | {"gradio", "pandas", "numpy"}),
        ("import core.worker", HEAVY | {"gradio", "pandas", "numpy"}),
        ("import ui.server, app", HEAVY | {"gradio", "pandas", "numpy"}),
        ("import core.review.importing, core.review.exporting", HEAVY | {"gradio", "pandas"}),
        ("import ui.routes, ui.context, core.tagging.job", HEAVY | {"gradio", "pandas"}),
        ("import core.doctor, core.demo", HEAVY | {"gradio", "pandas"}),
    ],
)
def test_starting_loads_nothing_slow(statement, heavy):
    assert not loaded_by(statement) & heavy


@pytest.mark.parametrize(
    "path",
    [*CORE, *UI, *sorted((REPOSITORY / "assets" / "js").rglob("*.js"))],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_files_are_short_enough_to_hold_in_the_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


def test_templates_never_run_what_they_show():
    """Gradio's `${…}` in a template executes scripts that stand in the data."""
    templates = [p for folder in ("assets", "ui", "prompts") for p in (REPOSITORY / folder).rglob("*.html")]
    for path in [*templates, *UI]:
        assert "${" not in path.read_text(encoding="utf-8"), path


def commands():
    found = parser()
    (actions,) = [a for a in found._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
    return found, actions.choices


def test_the_command_line_is_documented():
    text = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    main, each = commands()
    assert set(each) == {*COMMANDS, "serve"}
    for name, sub in {"": main, **each}.items():
        if name:
            assert f"tagloom {name}" in text, name
        for action in sub._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    assert option in text, f"tagloom {name} {option}"
            for choice in action.choices or () if action.option_strings or name in ("jobs", "vocabulary") else ():
                assert choice in text or choice in ("images", "music", "interactions"), f"{name}: {choice}"


def test_every_setting_is_documented():
    text = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in SETTINGS:
        assert f"| `{name}` |" in text, name


def test_every_route_is_documented():
    text = (REPOSITORY / "docs" / "protocol.md").read_text(encoding="utf-8")
    declared = set()
    for path in (REPOSITORY / "ui").rglob("*.py"):
        declared |= set(re.findall(r'route\(app, "(?:GET|POST)", "([^"]+)"', path.read_text(encoding="utf-8")))
    assert len(declared) > 25
    for route in declared:
        first, _, rest = route.partition("/")
        last = rest.rpartition("/")[2]
        assert first in text, route
        assert not last or last.startswith("{") or last in text, route


def test_no_file_is_left_undone():
    marks = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b")
    for path in [*CORE, *UI, REPOSITORY / "app.py", *sorted((REPOSITORY / "assets" / "js").rglob("*.js"))]:
        found = marks.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found.group()}"
