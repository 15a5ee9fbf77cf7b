"""Many calls by SIPp, which speaks all the time: does anything grow?

    python -m benchmarks.sip_soak [--calls 60] [--at-once 8] [--seconds 2] [--json]

Prints memory, open files and threads of each pjsua2 process and of the controller after each quarter of the calls, and whether
they grew from the first to the last. `make soak` takes 2,000 calls of 14.4 s, which are 8 hours of calls in half an hour; SIPp is
started anew every 500, because its RTP stops after about 1,250 (SIPp issue 568).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from connectors.sip.controller import Controller
from connectors.sip.plugin import prepare
from connectors.sip.sound import sound_of
from core import log, settings
from core.db import Base, Database, DatabaseSettings, read
from core.db import run as run_in_rooms
from core.db import use as use_database
from tests.support import tables
from tests.support.rtp import alaw
from tests.support.sip import controller, eventually, messages
from tests.support.system import free_port

PIECE = 500
SCENARIO = Path(__file__).with_suffix(".xml")
SPEECH = Path(__file__).parent.parent / "tests" / "data" / "sip" / "call.wav"
# From the first quarter to the last; caches fill, and a file is open at the moment of looking.
GROWTH_MB, GROWTH_HANDLES = 20, 4
Measured = dict[str, dict[str, int]]  # MB, files and threads by process


def measured(voice: Controller) -> Measured:
    pids = {"controller": os.getpid()}
    if voice.crew is not None:
        pids |= {member.name: member.pid for member in voice.crew.members.values()}
    found: Measured = {}
    for name, pid in pids.items():
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        found[name] = {"mb": int(status["VmRSS"].split()[0]) // 1024, "files": files, "threads": int(status["Threads"])}
    return found


async def fill_pools() -> None:
    """Threads and connections come with demand, up to a bound: all are there before anything is measured, so that what grows
    afterwards is no pool that fills."""
    for count, run in (
        (settings.get(DatabaseSettings).threads, run_in_rooms),
        (min(32, (os.cpu_count() or 1) + 4), asyncio.to_thread),  # asyncio's own
    ):
        together = threading.Barrier(count)

        def hold(together: threading.Barrier = together) -> None:
            with read() as session:
                session.connection()
                together.wait(30)

        await asyncio.gather(*(run(hold) for _ in range(count)))


async def calls(voice: Controller, count: int, at_once: int, seconds: float, directory: str) -> int:
    """Lets SIPp make so many; how many runs of it failed."""
    failed = 0
    while count > 0:
        piece = min(count, PIECE)
        count -= piece
        process = await asyncio.create_subprocess_exec(
            *(
                "sipp",
                f"127.0.0.1:{voice.front.port}",
                "-sf",
                str(SCENARIO),
                "-s",
                "400",
                "-nostdin",
                "-i",
                "127.0.0.1",
            ),
            *("-p", str(free_port(2)), "-mp", str(free_port(2) // 2 * 2)),
            *("-m", str(piece), "-l", str(at_once), "-r", str(at_once), "-rp", "3000", "-d", str(int(seconds * 1000))),
            cwd=directory,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        failed += await process.wait() != 0
    return failed


async def soak(count: int, at_once: int, seconds: float, directory: str) -> tuple[dict[str, object], list[Measured]]:
    processes = at_once // 4 + 1  # a call's line is free a moment after its end, and SIPp calls again at once
    quarters: list[Measured] = []
    failed, made = 0, 0
    async with controller(processes=processes, calls_per_source=100_000, dialog="none") as voice:
        await fill_pools()
        for quarter in range(1, 5):
            piece = count * quarter // 4 - made
            failed += await calls(voice, piece, at_once, seconds, directory)
            made += piece
            await eventually(lambda: voice.front.routes.free == processes * 4, 60)
            quarters.append(measured(voice))
            print(f"quarter {quarter}: {quarters[-1]}", file=sys.stderr, flush=True)
        with contextlib.suppress(AssertionError):  # what is missing is in the result
            await messages(count, 60)
        kept = await messages(0)
    packets = [int(message.extra["packets"]) for message in kept]
    return {
        "calls": count,
        "messages": len(kept),
        "hours": round(sum(int(message.extra["duration_ms"]) for message in kept) / 3_600_000, 2),
        "calls_without_voice": sum(count < 10 for count in packets),
        "failed_runs": failed,
        "grown": grown(quarters[0], quarters[-1]),
    }, quarters


def grown(first: Measured, last: Measured) -> list[str]:
    """What is more than it was; a process that is new or gone, too."""
    found = [f"{name} is not the process it was" for name in sorted(first.keys() ^ last.keys())]
    for name in sorted(first.keys() & last.keys()):
        for kind, most in (("mb", GROWTH_MB), ("files", GROWTH_HANDLES), ("threads", GROWTH_HANDLES)):
            before, after = first[name][kind], last[name][kind]
            if after > before + most:
                found.append(f"{name}: {kind} {before} to {after}")
    return found


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
        samples = np.frombuffer(sound_of(SPEECH), "<i2")[::2]
        (Path(directory) / "talk.alaw").write_bytes(alaw(samples))
        settings.use(settings.CoreSettings(data_dir=Path(directory), log_level="ERROR"))
        log.configure("benchmark")
        tables()
        prepare()
        database = Database(f"sqlite:///{directory}/calls.db")
        Base.metadata.create_all(database.engine)
        use_database(database)
        result, quarters = asyncio.run(soak(given.calls, given.at_once, given.seconds, directory))
        use_database(None)
    if given.json:
        print(json.dumps({**result, "quarters": quarters}))
        return
    for name, value in result.items():
        print(f"{name:20} {value}")
    for number, quarter in enumerate(quarters, 1):
        for name, found in quarter.items():
            print(f"quarter {number} {name:10} {found['mb']} MB  {found['files']} files  {found['threads']} threads")
    if result["grown"] or result["failed_runs"] or result["messages"] != result["calls"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
