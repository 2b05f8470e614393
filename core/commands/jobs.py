"""`tagloom jobs` and `tagloom doctor`."""

from __future__ import annotations

from core.commands.engine_options import engine_secrets
from core.commands.session import Command, MakeParser, Outcome, Session
from core.engines.connecting.endpoints import EngineOptions
from core.errors import InvalidInput
from core.jobs.queue import RESERVED


def add_options(command: MakeParser) -> None:
    jobs = command("jobs", "List jobs, or cancel, resume or retry one.")
    jobs.add_argument("action", nargs="?", choices=("cancel", "resume", "retry"))
    jobs.add_argument("job", nargs="?", metavar="ID")

    command("doctor", "Say what this installation has and lacks.")


def jobs_command(session: Session) -> Outcome:
    options = session.options
    if options.action and not options.job:
        raise InvalidInput(f"Which job to {options.action} was not said.", "`tagloom jobs` lists their ids.")
    if options.action == "cancel":
        jobs = [session.queue.cancel(options.job)]
    elif options.action in ("resume", "retry"):
        # reserved: a running server without the key must not take it
        queued = getattr(session.queue, options.action)(options.job, state=RESERVED)
        jobs = [session.follow(queued, engine_secrets(session, EngineOptions.from_arguments(queued.arguments)))]
    else:
        jobs = session.queue.recent(session.project if options.project else None, limit=200)
    shown = [
        {
            name: getattr(job, name)
            for name in (
                "id",
                "project",
                "kind",
                "title",
                "state",
                "done",
                "total",
                "unit",
                "message",
                "remedy",
                "result",
            )
        }
        for job in jobs
    ]
    lines = [
        f"{j.id}  {j.state:<11}  {j.done:,}{f' of {j.total:,}' if j.total else ''} {j.unit}  {j.title}" for j in jobs
    ]
    return {"jobs": shown}, "\n".join(lines) or "No job yet.", 0


def doctor_command(session: Session) -> Outcome:
    from core.doctor import host_facts

    facts = host_facts(session.host)
    signs = {True: "ok  ", False: "NOT ", None: "    "}
    lines = [f"{signs[c['ok']]} {c['name']}: {c['detail']} {c['remedy']}".rstrip() for c in facts["checks"]]
    return facts, "\n".join(lines), 0 if all(c["ok"] is not False for c in facts["checks"]) else 1


COMMANDS: dict[str, Command] = {"jobs": jobs_command, "doctor": doctor_command}
