"""`tagloom vocabulary`."""

from __future__ import annotations

from pathlib import Path

from core.commands.session import PERSON, SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.errors import InvalidInput


def add_options(command: MakeParser) -> None:
    vocabulary = command("vocabulary", "Import, export or list the vocabulary.")
    vocabulary.add_argument("action", choices=("import", "export", "list"))
    vocabulary.add_argument("file", nargs="?", metavar="FILE", help="a plain list, or csv with a name column")
    vocabulary.add_argument("--gold", action="store_true", help="take the gold tags of a corpus")
    vocabulary.add_argument("--corpus", metavar="C", help="the corpus whose gold tags are taken")
    vocabulary.add_argument("--min-items", type=int, default=1, metavar="N", help="used on N items or more (default 1)")


def vocabulary_command(session: Session) -> Outcome:
    from core.vocabulary import importing
    from core.vocabulary.store import all_tags

    options = session.options
    if options.action == "import" and not options.gold and not options.file:
        raise InvalidInput("Nothing to import was named.", "Give a FILE, or --gold --corpus C --min-items N.")
    if options.action == "import" and options.gold and not options.corpus:
        raise InvalidInput("--gold needs a corpus.", "Add --corpus NAME.")
    if options.action == "export" and not options.file:
        raise InvalidInput("No file to write was named.", "tagloom vocabulary export FILE")
    if options.action == "import":
        session.ensure_project()
    database = session.host.open(session.project)
    if options.action == "import":
        if options.gold:
            changes = importing.import_gold(database, options.corpus, options.min_items, PERSON)
        else:
            tags, first = importing.parse(importing.read_text(Path(options.file)))
            changes = importing.import_new(database, tags, PERSON, first)
        lines = [f"{changes.added:,} added, {changes.updated:,} updated, {changes.unchanged:,} unchanged"]
        lines += [f"  row {p['row']}: {p['cause']} {p['remedy']}" for p in changes.problems[:SHOWN_FAILURES]]
        return changes.as_dict(), "\n".join(lines), 1 if changes.skipped else 0
    with database.read() as connection:
        if options.action == "export":
            text = importing.export_csv(connection)
            count = len(all_tags(connection))
        else:
            tags_now = all_tags(connection)
    if options.action == "export":
        try:
            Path(options.file).write_text("\ufeff" + text, encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidInput(
                f"{options.file} cannot be written: {error.strerror}.", "Choose another file."
            ) from error
        return {"tags": count, "path": str(Path(options.file).resolve())}, f"{count:,} tags written", 0
    listed = [{"id": str(t.id), "name": t.name, "aliases": list(t.aliases), "parent": t.parent} for t in tags_now]
    return {"tags": listed}, "\n".join(t.name for t in tags_now) or "The vocabulary is empty.", 0


COMMANDS: dict[str, Command] = {"vocabulary": vocabulary_command}
