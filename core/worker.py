"""The process that runs one job (`python -P -m core.worker JOB_ID`); it resolves a kind to its function."""

from __future__ import annotations

import sys

from core.jobs.execute import execute
from core.jobs.queue import JobQueue
from core.settings import load_settings
from core.store.projects import Host

KINDS = {
    "import": "core.review.importing:import_job",
    "tag": "core.tagging.job:tag_job",
    "export": "core.review.exporting:export_job",
}


def main(arguments: list[str]) -> int:
    """Run the job named on the command line; 0 when it is done, 1 otherwise."""
    host = Host(load_settings())
    try:
        job = execute(JobQueue(host), arguments[0], KINDS)
    finally:
        host.close()
    return 0 if job is not None and job.state == "done" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
