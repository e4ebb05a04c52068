"""Runs a Supervisor over the processes described on its command line, for `test_supervisor` to torment.

The argument is JSON: stages, each a list of {"name", "sh"} with optional "ready_file" and "grace_s".
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from qstash_rq.cli.child import ProcessSpec
from qstash_rq.cli.console import Console
from qstash_rq.cli.supervisor import Supervisor


def _spec(given: dict[str, Any]) -> ProcessSpec:
    async def ready_file_is_there() -> bool:
        return Path(given["ready_file"]).exists()  # noqa: ASYNC240 - one look at a local file

    return ProcessSpec(
        name=given["name"],
        command=("/bin/sh", "-c", given["sh"]) if "sh" in given else tuple(given["command"]),
        environ=os.environ,
        is_ready=ready_file_is_there if "ready_file" in given else None,
        grace_s=given.get("grace_s", 10.0),
    )


async def _main() -> int:
    stages = [[_spec(given) for given in stage] for stage in json.loads(sys.argv[1])]
    console = Console(spec.name for stage in stages for spec in stage)
    return await Supervisor(stages, console.line).run(lambda: console.block("everything is ready\n"))


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
