"""Mails accepted and ticketed per second, beside Request Tracker 5 on the same machine.

    python -m benchmarks.email_beside_rt [--mails 600] [--rt-mails 60]

Request Tracker is Debian's package (``apt install request-tracker5 rt5-db-sqlite rt5-standalone``) on SQLite in a directory
of its own, its web server with as many workers as there are cores, fed by its own ``rt-mailgate`` as a mail server would
call it. As that program's start is a part of its time, a second figure posts the mails straight to RT's gateway URL.
Hotline runs whole (``hotline up``); its time ends when the last mail's draft with its understood fields is in the database.
Each side has two mails in flight for every core, and RT's outgoing mail is switched off.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from sqlalchemy import func, select

from benchmarks.email_intake import mail, send_all, wait_for
from intake import MessageRow
from tests.support.system import free_port, running_system, until

SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
CORES = os.cpu_count() or 2
AT_ONCE = 2 * CORES


@contextlib.contextmanager
def request_tracker(home: Path) -> Iterator[tuple[str, Path]]:
    """RT's URL and database file."""
    port = free_port()
    (home / "d").mkdir()
    database = home / "rt.sqlite"
    (home / "site.pm").write_text(
        f"""
Set($rtname, 'bench'); Set($WebDomain, '127.0.0.1'); Set($WebPort, {port}); Set($WebPath, '');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{database}');
Set($LogToSTDERR, 'error'); Set($LogToSyslog, undef); Set($MailCommand, 'testfile'); Set($SendmailPath, '/bin/true');
1;
"""
    )
    (home / "rights.pl").write_text(
        """
@ACL = map { +{ GroupDomain => 'SystemInternal', GroupType => 'Everyone', Right => $_ } } qw(CreateTicket ReplyToTicket);
1;
"""
    )
    environment = {**os.environ, "RT_SITE_CONFIG": str(home / "site.pm"), "RT_SITE_CONFIG_DIR": str(home / "d")}
    for action in (("init", "--skip-create"), ("insert", "--datafile", str(home / "rights.pl"))):
        command = ["rt-setup-database-5", "--action", *action, "--dba", "", "--dba-password", ""]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    run = [str(SERVER), "--server", "Starlet", "--host", "127.0.0.1", "--port", str(port), "--max-workers", str(CORES)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(run, env=environment, stdout=log, stderr=log)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}", database
    finally:
        process.terminate()
        process.wait()


def by_program(url: str) -> Callable[[bytes], None]:
    command = ["rt-mailgate-5", "--queue", "General", "--action", "correspond", "--url", url]

    def deliver(raw: bytes) -> None:
        subprocess.run(command, input=raw, check=True, capture_output=True)

    return deliver


def by_post(url: str) -> Callable[[bytes], None]:
    def deliver(raw: bytes) -> None:
        form = {"queue": "General", "action": "correspond", "SessionType": "REST"}
        answer = requests.post(
            f"{url}/REST/1.0/NoAuth/mail-gateway",
            data=form,
            files={"message": (None, raw, "application/octet-stream")},
            timeout=120,
        )
        if not answer.text.startswith("ok"):
            raise RuntimeError(answer.text[:200])

    return deliver


def in_parallel(mails: list[bytes], deliver: Callable[[bytes], None]) -> float:
    """Seconds."""
    numbers = itertools.count()

    def work() -> None:
        while (number := next(numbers)) < len(mails):
            deliver(mails[number])

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def tickets(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM Tickets").fetchone()[0])


def measure_rt(count: int) -> tuple[float, float]:
    """Tickets a second by the gateway program, and by posting to the gateway."""
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder, request_tracker(Path(folder)) as (url, database):
        in_parallel([mail(-number) for number in range(1, 5)], by_program(url))  # loads its templates
        for start, deliver in ((0, by_program(url)), (count, by_post(url))):
            before = tickets(database)
            seconds = in_parallel([mail(number) for number in range(start, start + count)], deliver)
            made = tickets(database) - before
            if made != count:
                raise SystemExit(f"Request Tracker made {made} tickets of {count} mails")
            rates.append(count / seconds)
    return rates[0], rates[1]


def measure_hotline(count: int) -> tuple[float, float]:
    """Mails a second until 250, and until the draft."""
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder)) as system:

        def drafts() -> int:
            with system.read() as session:
                query = select(func.count()).select_from(MessageRow).where(MessageRow.ticket_id.is_not(None))
                return session.scalar(query) or 0

        send_all(system.smtp_port, [mail(-number) for number in range(1, 5)], AT_ONCE)
        until(lambda: drafts() == 4, 120, "the first drafts")
        started = time.perf_counter()
        seconds, _ = send_all(system.smtp_port, [mail(number) for number in range(count)], AT_ONCE)
        until(lambda: drafts() == count + 4, 600, "all drafts")
        return count / seconds, count / (time.perf_counter() - started)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--mails", type=int, default=600)
    arguments.add_argument("--rt-mails", type=int, default=60)
    given = arguments.parse_args()
    accepted, ticketed = measure_hotline(given.mails)
    print(f"Hotline:           {ticketed:8.1f} mails/s accepted and ticketed ({accepted:.1f} mails/s accepted)")
    if not SERVER.exists() or not shutil.which("rt-mailgate-5"):
        print("Request Tracker 5: not installed (apt install request-tracker5 rt5-db-sqlite rt5-standalone)")
        return
    program, post = measure_rt(given.rt_mails)
    print(f"Request Tracker 5: {program:8.1f} mails/s through rt-mailgate, {post:.1f} posted to its gateway")
    print(
        f"ratio:             {ticketed / program:8.1f} through rt-mailgate, {ticketed / post:.1f} posted; accepted {accepted / program:.1f}"
    )


if __name__ == "__main__":
    main()
