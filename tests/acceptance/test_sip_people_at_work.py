"""Calls between people in the whole system: the API in one process, the telephone in another, promises kept by a third."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from core import db
from intake import SessionRow
from tests.support.agents import agent, lately, sending, silence, telephone, tone
from tests.support.desk import PASSWORD
from tests.support.rtp import rtp, voice_port
from tests.support.sip import eventually, free_rtp_port, peer
from tests.support.system import RunningSystem, running_system
from ticketing import Entry, Event, Ticket

CALLER, AGENT = 400.0, 900.0  # Hz


class Console:
    """An agent's browser, as far as it matters here."""

    def __init__(self, system: RunningSystem, login: str) -> None:
        self.web, self.session = system.web, requests.Session()
        self.session.headers["X-Hotline"] = "1"
        assert self.do("POST", "/session", {"login": login, "password": PASSWORD})[0] == 200

    def do(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.session.request(method, f"{self.web}/api/v1{path}", json=body, timeout=20)
        return answer.status_code, answer.json()

    def calls(self) -> list[dict[str, Any]]:
        return list(self.do("GET", "/calls")[1]["items"])


def rows(query: Any) -> list[Any]:
    with db.read() as session:
        return list(session.scalars(query))


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_agent_at_work(tmp_path: Path) -> None:
    async with telephone() as phone, telephone() as trunk, peer() as caller, rtp() as stream:
        more = {
            "HOTLINE_PEOPLE_PHONES_AT": '["127.0.0.1"]',
            "HOTLINE_PEOPLE_TRUNK": f"127.0.0.1:{trunk.peer.port}",
            "HOTLINE_PEOPLE_CALL_AGAIN_MINUTES": "[]",
            "HOTLINE_PEOPLE_WRAP_UP": "0",
            "HOTLINE_SIP_RTP_PORT": str(free_rtp_port()),
            "HOTLINE_SIP_PROCESSES": "1",
            "HOTLINE_SIP_MIN_FREE_MB": "0",
        }
        started = running_system(tmp_path / "var", **more)
        system = await asyncio.to_thread(started.__enter__)
        try:
            db.use(system.database)
            user = agent("wang", phone.address, "away")
            await _works(system, await asyncio.to_thread(Console, system, "wang"), user, phone, trunk, caller, stream)
        finally:
            await asyncio.to_thread(started.__exit__, None, None, None)


async def _works(
    system: RunningSystem, wang: Console, user: int, phone: Any, trunk: Any, caller: Any, stream: Any
) -> None:
    for _ in range(100):  # its lines come a moment after its front
        _, response = await caller.establish(system.sip_port, rtp_port=stream.port)
        if response.status == 200:
            break
        await asyncio.sleep(0.3)
    port = voice_port(response)
    async with sending(stream, port, tone(0.1, CALLER)):
        [call] = await eventually(wang.calls)
        assert (call["stage"], call["direction"], call["agent"]) == ("dialog", "in", None)
        path = f"/calls/{call['session']}"
        assert (await asyncio.to_thread(wang.do, "POST", f"{path}/take")) == (200, {"done": "take"})
        await phone.answers(20)
        await eventually(lambda: wang.calls()[0]["stage"] == "talking")
        await eventually(lambda: lately(phone.stream, CALLER) > 1000)
        assert wang.do("GET", "/phones")[1]["items"][0]["state"] == "busy"
        assert (await asyncio.to_thread(wang.do, "POST", f"{path}/hold", {"on": True}))[0] == 200
        await eventually(lambda: lately(phone.stream, CALLER) < 100)
        assert wang.calls()[0]["stage"] == "held"
        assert (await asyncio.to_thread(wang.do, "POST", f"{path}/hold", {"on": False}))[0] == 200
    await phone.speaks(tone(0.5, AGENT) + silence(0.2))
    assert (await asyncio.to_thread(wang.do, "POST", f"{path}/hang-up"))[0] == 200
    await phone.is_hung_up()
    await eventually(lambda: not wang.calls())
    [ticket] = await eventually(lambda: rows(select(Ticket)), 60)
    [entry] = rows(select(Entry).where(Entry.kind == "message"))
    [talked] = rows(select(Event).where(Event.kind == "call.talked"))
    assert entry.recording
    assert (talked.actor, talked.ticket_id) == (f"user:{user}", ticket.id)
    # And later she has the customer called.
    assert (await asyncio.to_thread(wang.do, "PUT", f"/users/{user}/phone/state", {"state": "ready"}))[0] == 200
    status, _ = await asyncio.to_thread(wang.do, "POST", f"/tickets/{ticket.id}/calls", {})
    assert status == 201
    await trunk.rings(30)
    assert trunk.invite.uri.startswith("sip:13900001234@")
    assert wang.calls()[0]["stage"] == "dialing"
    trunk.refuses(486, "Busy Here")
    await eventually(lambda: rows(select(Event).where(Event.kind == "call.given_up")), 20)
    assert rows(select(SessionRow.outcome).order_by(SessionRow.opened)) == ["completed", "busy"]
    assert len(rows(select(Ticket))) == 1
