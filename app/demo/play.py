"""The demo from beginning to end, telling what it does as it does it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

from rich.console import Console
from sqlalchemy import func, select

from app.demo import script, send, show
from app.demo.journey import travel
from app.demo.stage import Stage, open_stage
from asr import models
from core import db, settings
from core.errors import Unavailable
from intake import MessageRow
from ticketing import Ticket

out = Console(highlight=False, soft_wrap=True)
PATIENCE = 30.0  # s for a draft of a text message; recognition of the call is streamed, so it needs no more


def play(*, stay: bool) -> int:
    """Exit code: 0 if there are four drafts with what must be right in them and one ticket is settled."""
    directory = settings.get(settings.CoreSettings).data_dir.absolute() / "demo"
    out.print(f"[bold]Hotline demo[/bold]  data in {directory}")
    recogniser = models.chosen()
    if recogniser is None:
        out.print("[yellow]No speech model: the call is answered and recorded, its recognition waits.[/yellow]")
        out.print("[yellow]To get one: hotline models fetch  (then: hotline transcribe --pending)[/yellow]")
    else:
        out.print(f"speech model: {recogniser.name}")
    begun = time.monotonic()
    out.print("starting redis, relay, workers, asr, web, mail, voice ...")
    signal.signal(signal.SIGTERM, _as_interrupt)
    stage = open_stage(directory)
    try:
        out.print(f"all entrances listen after {time.monotonic() - begun:.1f} s")
        good = _requests(stage, speech=recogniser is not None)
        good = travel(stage, out) and good
        show.staff(out, stage)
        if stay:
            _stay(stage)
    except KeyboardInterrupt:
        out.print("interrupted")
        good = False
    finally:
        out.print("stopping ...")
        stage.close()
    out.print("[green]the demo went as expected[/green]" if good else "[red]the demo did not go as expected[/red]")
    return 0 if good else 1


def _as_interrupt(*_: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does: every process is stopped."""
    raise KeyboardInterrupt


def _requests(stage: Stage, *, speech: bool) -> bool:
    entrances = stage.entrances
    out.rule("four requests through the real entrances")
    phone = send.call(entrances)
    out.print("SIP     a caller dials 400 and speaks (G.711 A-law, real time)")
    send.wechat(entrances, "text", 1, Content=script.WECHAT_TEXT)
    send.wechat(entrances, "image", 2, PicUrl=f"{stage.wechat.url}/picture.png", MediaId="demo-media-1")
    send.wechat(
        entrances,
        "location",
        3,
        Location_X="31.2243",
        Location_Y="121.5279",
        Scale="16",
        Label="上海市浦东新区张杨路500号",
    )
    out.print("WeChat  text, picture and place, each a signed and AES-encrypted callback")
    send.mail(entrances)
    out.print("mail    GB18030 with an attachment and quoted older mail: 250 OK")
    receipt = send.form(entrances)
    out.print(f"form    filled in and sent; receipt {receipt}")
    _wait("drafts of the text messages", lambda: _drafts(("wechat", "email", "webform")) == 3, PATIENCE)
    for line in phone.stdout or ():
        event = json.loads(line)
        out.print(f"SIP     {event.pop('event')}" + (f" ({event['status']})" if "status" in event else ""))
    phone.wait(timeout=30)
    ended = time.monotonic()
    _wait("draft of the call", lambda: _drafts(("sip",)) == 1, PATIENCE)
    out.print(f"SIP     its draft is there {time.monotonic() - ended:.2f} s after the telephone has hung up")
    send.wechat(entrances, "text", 4, Content=script.WECHAT_CHASE)
    out.print("WeChat  the customer chases")
    _wait("the chase at its ticket", lambda: _understood("wechat") == 4, PATIENCE)
    out.rule("what became of them")
    good = True
    with db.read() as session:
        for part in script.PARTS:
            tickets = session.scalars(select(Ticket).where(Ticket.channel == part.channel)).all()
            waiting = part is script.CALL and not speech
            good = show.draft(out, part, tickets, waiting=waiting) and good
            for ticket in tickets:
                show.evidence(out, session, ticket)
    return good


def _drafts(channels: tuple[str, ...]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Ticket).where(Ticket.channel.in_(channels))) or 0


def _understood(channel: str) -> int:
    with db.read() as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(MessageRow)
                .where(MessageRow.channel == channel, MessageRow.state == "understood")
            )
            or 0
        )


def _wait(what: str, done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with out.status(f"waiting for {what}"):
        while not done():
            if time.monotonic() > deadline:
                raise Unavailable(f"{what}: not there after {seconds:.0f} s")
            time.sleep(0.05)


def _stay(stage: Stage) -> None:
    out.print(f"\nThe console is open at [bold]{stage.entrances.web}/console/[/bold]  (Ctrl-C ends)")
    try:
        while stage.watcher.is_alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        out.print()
