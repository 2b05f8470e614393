"""`tagloom prompts`: the words that models are asked with in a project, shown, edited, brought in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.commands.session import PERSON, Command, MakeParser, Outcome, Session
from core.errors import InvalidInput
from core.store.database import Database

ACTIONS = ("list", "show", "edit", "example", "diff", "reset", "import", "export")


def add_options(command: MakeParser) -> None:
    prompts = command("prompts", "List, show, edit, compare, reset, import or export the project's prompts.")
    prompts.add_argument("action", choices=ACTIONS)
    prompts.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="a prompt, as `tagloom prompts list` names it; show: also a run's prompt by its hash",
    )
    prompts.add_argument("file", nargs="?", metavar="FILE", help="edit: the new text; export: where to; import: what")
    prompts.add_argument("--name", dest="called", metavar="N", help="import: what to call the prompt")
    prompts.add_argument("--item", metavar="ID", help="example: a reviewed item, by its id (as exports have it)")
    prompts.add_argument("--remove", action="store_true", help="example: take the item out again")


def prompts_command(session: Session) -> Outcome:
    options = session.options
    if options.action == "import" and options.name and not options.file:
        options.file, options.name = options.name, None
    if options.action not in ("list", "import") and not options.name:
        raise InvalidInput("No prompt was named.", "`tagloom prompts list` lists them.")
    if options.action in ("edit", "import", "export") and not options.file:
        raise InvalidInput("No file was named.", f"tagloom prompts {options.action} … FILE.")
    if options.action == "example" and not options.item:
        raise InvalidInput("No item was named.", "Add --item ID, as an export or the page's address has it.")
    database = session.host.open(session.project)
    actions = {"list": _list, "show": _show, "edit": _edit, "example": _example, "diff": _diff}
    actions |= {"reset": _reset, "import": _import, "export": _export}
    return actions[options.action](session, database)


def _list(_session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import described, names_of

    found = [described(database, name) for name in names_of(database)]
    return {"prompts": found}, "\n".join(_line(each) for each in found), 0


def _line(prompt: dict[str, Any]) -> str:
    parts = ["the project's own" if prompt["copy"] else "as shipped" if prompt["shipped"] else "put away"]
    if prompt["examples"]:
        parts.append(f"{prompt['examples']} examples")
    if prompt["shipped_changed"]:
        parts.append("the shipped one has changed since")
    if prompt["problem"]:
        parts.append(f"cannot be used: {prompt['problem']}")
    return f"{prompt['name']}: {prompt['title']} ({', '.join(parts)})"


def _show(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import text_of
    from core.tagging.workbench import opened, shown_example

    stored = text_of(database, session.options.name)  # a run's recipe names its prompt by hash
    if stored is not None:
        examples = [shown_example(example) for example in stored.examples]
        found: dict[str, Any] = {"name": stored.name, "hash": stored.hash, "text": stored.text, "examples": examples}
    else:
        found = opened(database, session.options.name)
    lines = [found["text"].rstrip("\n")]
    for place, example in enumerate(found["examples"], start=1):
        lines.append(f"[example {place}] {example['title']} ({example['item']}): {example['answer']}")
    return found, "\n".join(lines), 0


def _edit(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import examples_now, save

    name, text = session.options.name, _read(session.options.file)
    saved = save(database, name, text, examples_now(database, name), PERSON)
    return {"name": name, "hash": saved.hash}, f"“{name}” is the project's own now ({saved.hash})", 0


def _example(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import examples_now, of_project, save
    from core.tagging.examples import example_of

    name, item = session.options.name, session.options.item
    examples = examples_now(database, name)
    if session.options.remove:
        left = tuple(each for each in examples if each.item != item)
        if left == examples:
            raise InvalidInput(f"“{item}” is no example of “{name}”.", f"`tagloom prompts show {name}` lists them.")
    else:
        left = (*(each for each in examples if each.item != item), example_of(database, name, item))
    saved = save(database, name, of_project(database, name).text, left, PERSON)
    return {"name": name, "hash": saved.hash, "examples": len(left)}, f"“{name}” has {len(left)} examples", 0


def _diff(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import differences
    from core.tagging.workbench import opened

    found = opened(database, session.options.name)
    if found["shipped_text"] is None:
        raise InvalidInput(f"Tagloom comes with no prompt “{found['name']}”.", "There is nothing to compare it with.")
    lines = [(sign, line) for sign, line in differences(found["shipped_text"], found["text"]) if sign != " "]
    said = "\n".join(f"{sign} {line}" for sign, line in lines) or "The text is the shipped one."
    return {"name": found["name"], "diff": [list(each) for each in lines], "examples": len(found["examples"])}, said, 0


def _reset(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import described, reset

    name = session.options.name
    reset(database, name)
    now = described(database, name)
    said = f"“{name}” is the shipped one again" if now["shipped"] else f"“{name}” is not used any more"
    return {"name": name, "hash": now["hash"]}, said, 0


def _import(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import save
    from core.engines.prompting.prompt_imports import read_file

    file = session.options.file
    found = read_file(_read(file), Path(file).name, session.options.called or "")
    for each in found:
        save(database, each.name, each.text, each.examples, PERSON)
    names = [each.name for each in found]
    return {"imported": names}, f"imported: {', '.join(names)}", 0


def _export(session: Session, database: Database) -> Outcome:
    from core.engines.prompting.prompt_copies import of_project
    from core.engines.prompting.prompt_imports import export_text

    name, path = session.options.name, Path(session.options.file)
    try:
        path.write_text(export_text(of_project(database, name)), encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", "Choose another file.") from error
    return {"name": name, "path": str(path.resolve())}, f"“{name}” written to {path}", 0


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error


COMMANDS: dict[str, Command] = {"prompts": prompts_command}
