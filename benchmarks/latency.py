"""From acceptance to draft: texts sent to the running system, and calls from the last RTP packet.

    python -m benchmarks.latency [--texts 200] [--calls 5]

Prints minimum, median, p95 and maximum in ms. The bars: a text 500 ms, a call 1,500 ms on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from intake import MessageRow
from tests.support.system import RunningSystem, running_system, until
from ticketing import Entry, Ticket

CALL = Path(__file__).parents[1] / "app" / "demo" / "samples" / "call.wav"


def texts(system: RunningSystem, count: int) -> list[float]:
    """ms from a message's acceptance to its draft, sent one after another, once the system has worked itself warm."""
    system.send_wechat("o-first", 999_999, "洗衣机漏水").raise_for_status()
    until(lambda: _count(system, "wechat") == 1, 60, "the first draft")
    for number in range(count):
        system.send_wechat(f"o-{number}", 1_000_000 + number, f"空调不制冷，请来修 {number}").raise_for_status()
        time.sleep(0.05)
    until(lambda: _count(system, "wechat") > count, 120, "all drafts")
    with system.read() as session:
        rows = session.execute(
            select(MessageRow.received_at, Ticket.created)
            .join(Ticket, Ticket.id == MessageRow.ticket_id)
            .where(MessageRow.channel == "wechat", MessageRow.conversation != "o-first")
        ).all()
    return [(row.created - row.received_at).total_seconds() * 1000 for row in rows]


def calls(system: RunningSystem, count: int) -> list[float]:
    """ms from the caller's last RTP packet (it hangs up right after) to the draft."""
    delays: list[float] = []
    for number in range(count):
        done = subprocess.run(
            [
                sys.executable,
                *("-m", "connectors.sip.softphone", f"sip:400@127.0.0.1:{system.sip_port}", str(CALL)),
                *("--caller", f"+861390000{number:04d}", "--after", "0"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        events = {event["event"]: event["at"] for event in map(json.loads, done.stdout.splitlines())}
        until(lambda number=number: _count(system, "sip") > number, 30, "the call's draft")
        with system.read() as session:
            newest = session.scalars(
                select(Ticket)
                .join(Entry, Entry.ticket_id == Ticket.id)
                .where(Ticket.channel == "sip")
                .order_by(Ticket.id.desc())
            ).first()
        if newest is not None:
            delays.append((newest.created.timestamp() - events["played"]) * 1000)
    return delays


def _count(system: RunningSystem, channel: str) -> int:
    with system.read() as session:
        return len(session.scalars(select(Ticket.id).where(Ticket.channel == channel)).all())


def line(name: str, found: list[float], bar: float) -> str:
    ordered = sorted(found)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return (
        f"{name:24} n={len(found):<4} min {ordered[0]:6.0f}  median {statistics.median(found):6.0f}  p95 {p95:6.0f}  "
        f"max {ordered[-1]:6.0f} ms   bar {bar:.0f} ms: {'held' if p95 < bar else 'MISSED'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--calls", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, running_system(Path(directory) / "var") as system:
        print(line("text, accepted to draft", texts(system, given.texts), 500), flush=True)
        print(line("call, last RTP to draft", calls(system, given.calls), 1500), flush=True)


if __name__ == "__main__":
    main()
