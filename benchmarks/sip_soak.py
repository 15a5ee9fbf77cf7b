"""Many short calls by SIPp: does anything grow?

    python -m benchmarks.sip_soak [--calls 60] [--at-once 8] [--seconds 2] [--json]

Prints memory, open files and threads of each pjsua2 process and of the controller after a quarter of the calls and at the end.
`make soak` takes 2,000 calls; SIPp is started anew every 500, because its RTP stops after about 1,250 (SIPp issue 568).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
from pathlib import Path

from connectors.sip.controller import Controller
from connectors.sip.plugin import prepare
from core import log, settings
from core.db import Base, Database
from core.db import use as use_database
from tests.support import tables
from tests.support.sip import controller, eventually, messages
from tests.support.system import free_port

PIECE = 500


def measured(voice: Controller) -> dict[str, dict[str, int]]:
    """MB, files and threads by process."""
    pids = {"controller": os.getpid()}
    if voice.crew is not None:
        pids |= {member.name: member.pid for member in voice.crew.members.values()}
    found: dict[str, dict[str, int]] = {}
    for name, pid in pids.items():
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        found[name] = {"mb": int(status["VmRSS"].split()[0]) // 1024, "files": files, "threads": int(status["Threads"])}
    return found


async def calls(voice: Controller, count: int, at_once: int, seconds: float, directory: str) -> int:
    """Lets SIPp make so many; how many failed."""
    failed = 0
    while count > 0:
        piece = min(count, PIECE)
        count -= piece
        process = await asyncio.create_subprocess_exec(
            *("sipp", f"127.0.0.1:{voice.front.port}", "-sn", "uac", "-s", "400", "-nostdin", "-i", "127.0.0.1"),
            *("-p", str(free_port(2)), "-mp", str(free_port(2) // 2 * 2)),
            *("-m", str(piece), "-l", str(at_once), "-r", str(at_once), "-d", str(int(seconds * 1000))),
            cwd=directory,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        failed += await process.wait() != 0
    return failed


async def soak(count: int, at_once: int, seconds: float, directory: str) -> dict[str, object]:
    processes = -(-at_once // 4)
    async with controller(processes=processes, calls_per_source=100_000, dialog="none") as voice:
        failed = await calls(voice, count // 4, at_once, seconds, directory)
        warm = measured(voice)
        failed += await calls(voice, count - count // 4, at_once, seconds, directory)
        await eventually(lambda: voice.front.routes.free == processes * 4, 60)
        kept = len(await messages(count, 60))
        return {
            "calls": count,
            "messages": kept,
            "failed_runs": failed,
            "after_a_quarter": warm,
            "end": measured(voice),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if shutil.which("sipp") is None:
        print("SIPp is not installed: apt install sip-tester")
        return
    with tempfile.TemporaryDirectory() as directory:
        settings.use(settings.CoreSettings(data_dir=Path(directory), log_level="ERROR"))
        log.configure("benchmark")
        tables()
        prepare()
        database = Database(f"sqlite:///{directory}/calls.db")
        Base.metadata.create_all(database.engine)
        use_database(database)
        result = asyncio.run(soak(given.calls, given.at_once, given.seconds, directory))
        use_database(None)
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
