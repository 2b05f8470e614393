"""The process that runs one job (`python -P -m core.worker JOB_ID`); it resolves a kind to its function."""

from __future__ import annotations

import json
import os
import stat
import sys

from core.jobs.execute import execute
from core.jobs.queue import JobQueue
from core.settings import load_settings
from core.store.projects import Host

KINDS = {
    "import": "core.review.importing:import_job",
    "caption-music": "core.captions.music_job:caption_job",
    "tag": "core.tagging.job:tag_job",
    "taggpt_replies": "core.tagging.taggpt_runs:replies_job",
    "export": "core.captions.exporting:export_job",
    "vocabulary": "core.vocabulary.building:build_job",
    "vocabulary-import": "core.vocabulary.taggpt_files:import_job",
}


def handed_secrets() -> dict[str, str]:
    """What the supervisor wrote into our standard input, one JSON line: {"secrets": {name: key}}. Nothing when
    a person starts a worker by hand (a terminal, no pipe)."""
    try:
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return {}
        given = json.loads(sys.stdin.buffer.readline() or b"{}")
        return {str(name): str(value) for name, value in given.get("secrets", {}).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def main(arguments: list[str]) -> int:
    """Run the job named on the command line; 0 when it is done, 1 otherwise."""
    secrets = handed_secrets()
    host = Host(load_settings())
    try:
        job = execute(JobQueue(host), arguments[0], KINDS, secrets, waits_for_key=True)
    finally:
        host.close()
    return 0 if job is not None and job.state == "done" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
