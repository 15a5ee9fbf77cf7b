"""How fast WeChat's callbacks are answered: ``python -m benchmarks.wechat_callbacks``.

1. 200 encrypted callbacks a second for some seconds to a web server of its own process, on SQLite with durable commits: the
   time to the answer (p50, p99, worst).
2. A burst of 5,000 different messages, each sent three times: how many messages are in the inbox.

Bars: p99 under 100 ms; exactly 5,000. Ends 1 if one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import aiohttp

from tests.support.wechat_calls import KEY, Callback, Caller

TOKEN, APP = "tok", "wxappid"


def serve(directory: str, port: int, ready: Event, stop: Event) -> None:
    """The web process: the connector's routes with the program's own application and inbox."""
    os.environ.update(
        HOTLINE_DATA_DIR=directory,
        HOTLINE_WECHAT_TOKEN=TOKEN,
        HOTLINE_WECHAT_APP_ID=APP,
        HOTLINE_WECHAT_AES_KEY=KEY,
        HOTLINE_LOG_LEVEL="WARNING",
        HOTLINE_ENV_FILE="",
    )
    from aiohttp import web

    from connectors.wechat import connector
    from core import db, http, log
    from core.db import Base
    from tests.support import tables

    log.configure("bench")
    tables()
    Base.metadata.create_all(db.database().engine)
    app = http.application()
    if connector.routes:
        connector.routes(app)

    async def run() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        ready.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()

    asyncio.run(run())


async def post(session: aiohttp.ClientSession, url: str, call: Callback) -> float:
    """Seconds to the answer, which must be "success"; a refusal for load (429) is tried again, as WeChat does."""
    for _ in range(20):
        started = time.perf_counter()
        async with session.post(url, params=call.query, data=call.body.encode()) as answer:
            text = await answer.text()
            if answer.status == 200 and text == "success":
                return time.perf_counter() - started
            if answer.status != 429:
                raise RuntimeError(f"{answer.status} {text[:200]}")
        await asyncio.sleep(0.5)
    raise RuntimeError("refused too often")


async def steady(session: aiohttp.ClientSession, url: str, caller: Caller, rate: int, seconds: int) -> list[float]:
    """Open loop: callbacks start on time, however long the answers take."""
    tasks = []
    began = time.perf_counter()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        text = caller.text(
            f"第{number}台空调不制冷，电话13900001234", number=f"s{number}", sender=f"openid-{number % 500}"
        )
        tasks.append(asyncio.create_task(post(session, url, caller.sealed(text))))
    return list(await asyncio.gather(*tasks))


async def burst(session: aiohttp.ClientSession, url: str, caller: Caller, messages: int, connections: int) -> float:
    """Every message three times in any order over so many connections; seconds."""
    calls = [
        caller.sealed(caller.text("坏了", number=f"b{number}", sender=f"openid-{number}")) for number in range(messages)
    ]
    queue = [call for call in calls for _ in range(3)]
    random.Random(7).shuffle(queue)  # an order, no secret

    async def work() -> None:
        while queue:
            await post(session, url, queue.pop())

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return time.perf_counter() - began


def counted(directory: str, prefix: str) -> int:
    with sqlite3.connect(Path(directory) / "hotline.db") as connection:
        query = "SELECT count(*) FROM message WHERE channel = 'wechat' AND channel_id LIKE ?"
        return int(connection.execute(query, (f"text:%:{prefix}%",)).fetchone()[0])


async def measure(url: str, directory: str, arguments: argparse.Namespace) -> bool:
    caller = Caller(token=TOKEN, key=KEY, owner=APP)
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector) as session:
        await steady(session, url, caller, 50, 1)  # imports and caches
        times = sorted(await steady(session, url, caller, arguments.rate, arguments.seconds))
        p50, p99 = times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000
        print(
            f"steady: {len(times)} callbacks at {arguments.rate}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"worst {times[-1] * 1000:.1f} ms (bar: p99 < 100 ms)"
        )
        seconds = await burst(session, url, caller, arguments.burst, 100)
        kept = counted(directory, "b")
        print(
            f"burst: {arguments.burst} messages sent three times in {seconds:.1f} s "
            f"({arguments.burst * 3 / seconds:.0f} callbacks/s): {kept} kept (bar: {arguments.burst})"
        )
    return p99 < 100 and kept == arguments.burst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="callbacks a second")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--burst", type=int, default=5000)
    parser.add_argument("--port", type=int, default=18734)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    with tempfile.TemporaryDirectory() as directory:
        server = context.Process(target=serve, args=(directory, arguments.port, ready, stop))
        server.start()
        try:
            if not ready.wait(60):
                raise RuntimeError("the server did not start")
            print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            fine = asyncio.run(measure(f"http://127.0.0.1:{arguments.port}/wechat", directory, arguments))
        finally:
            stop.set()
            server.join(20)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    callbacks = arguments.rate * arguments.seconds + arguments.burst * 3
    print(
        f"server: {(used.ru_utime + used.ru_stime) / callbacks * 1000:.2f} ms of processor time a callback, start included"
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
