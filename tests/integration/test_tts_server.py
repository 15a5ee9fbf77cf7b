"""``hotline speaker`` from outside: what it says, in which order, what it refuses, and what its callers notice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from core import settings
from core.errors import ConfigurationError
from tests.support.sip import eventually
from tests.support.voice import SECONDS, ToneEngine, speaking
from tts import RATE, NotSpoken, ServiceSpeaker, SpeakerSettings
from tts.server import Server

CLAUSE = int(SECONDS * RATE) * 2
TEXT = "浙江省杭州市西湖区文三路128号翠苑小区3幢2单元502室"
FIRST, SECOND = "浙江省杭州市西湖区", "文三路一百二十八号"


def service() -> ServiceSpeaker:
    return ServiceSpeaker(settings.get(SpeakerSettings))


async def all_of(text: str) -> bytes:
    return b"".join([piece async for piece in service().speak(text)])


async def health() -> dict[str, object]:
    connector = aiohttp.UnixConnector(str(settings.get(SpeakerSettings).socket_path))
    async with aiohttp.ClientSession(connector=connector) as session, session.get("http://speaker/healthz") as answer:
        found: dict[str, object] = await answer.json()
        return found


async def test_clauses_come_one_by_one_and_are_made_once() -> None:
    engine = ToneEngine()
    async with speaking(engine):
        assert service().there()
        assert len(await all_of(TEXT)) == 4 * CLAUSE
        assert len(await all_of("浙江省杭州市西湖区古墩路8号")) == 2 * CLAUSE
        assert engine.said == [FIRST, SECOND, "翠苑小区三幢二单元", "五零二室", "古墩路八号"]
        told = await health()
        assert (told["status"], told["voice"], told["texts"]) == ("ok", "tone", 0)
        assert settings.get(SpeakerSettings).socket_path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConfigurationError, match="another speaker already listens"):
            await Server(engine, settings.get(SpeakerSettings)).start()


async def test_the_first_clause_is_heard_while_the_second_is_made() -> None:
    class Slow(ToneEngine):
        def say(self, clause: str) -> bytes:
            if self.said:
                self.hold.clear()
            return super().say(clause)

    engine = Slow()
    async with speaking(engine):
        pieces = service().speak(TEXT)
        first = await anext(pieces)
        await eventually(lambda: engine.said == [FIRST, SECOND])
        assert 0 < len(first) <= CLAUSE
        engine.hold.set()
        await pieces.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_who_hung_up_has_no_more_clauses_made() -> None:
    engine = ToneEngine()
    async with speaking(engine) as server:
        engine.hold.clear()
        leaving = asyncio.create_task(all_of(TEXT))
        await eventually(lambda: engine.said == [FIRST])
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        await eventually(lambda: server.texts == 0)
        engine.hold.set()
        assert await all_of("文三路")
        assert engine.said == [FIRST, "文三路"]


async def test_first_clauses_come_before_others_later_ones() -> None:
    engine = ToneEngine()
    async with speaking(engine) as server:
        engine.hold.clear()
        one = asyncio.create_task(all_of(TEXT))
        await eventually(lambda: engine.said == [FIRST])
        other = asyncio.create_task(all_of("古墩路8号"))
        await eventually(lambda: server.texts == 2)
        engine.hold.set()
        await asyncio.gather(one, other)
        assert engine.said[:3] == [FIRST, "古墩路八号", SECOND]


async def test_more_than_it_can_say_is_refused_at_once() -> None:
    engine = ToneEngine()
    async with speaking(engine, waiting=1, first_seconds=10.0):
        engine.hold.clear()
        one = asyncio.create_task(all_of(TEXT))
        await eventually(lambda: engine.said == [FIRST])
        with pytest.raises(NotSpoken, match="503"):
            await all_of("古墩路8号")
        engine.hold.set()
        assert len(await one) == 4 * CLAUSE


async def test_those_who_come_together_count_together() -> None:
    """Their texts come later than their requests."""
    engine = ToneEngine()
    gate = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield "古墩路".encode()
        await gate.wait()
        yield "8号".encode()

    async with speaking(engine, waiting=2) as server:
        connector = aiohttp.UnixConnector(str(settings.get(SpeakerSettings).socket_path))
        async with aiohttp.ClientSession(connector=connector) as session:
            asked = [asyncio.create_task(session.post("http://speaker/speak", data=slowly())) for _ in range(5)]
            await eventually(lambda: sum(one.done() for one in asked) == 3, 5)
            assert server.texts == 2
            gate.set()
            statuses = [(await one).status for one in asked]
        assert sorted(statuses) == [200, 200, 503, 503, 503]
        await eventually(lambda: server.texts == 0)


async def test_a_clause_that_fails_first_is_refused_and_later_breaks_off() -> None:
    engine = ToneEngine(broken="文三路")
    async with speaking(engine):
        with pytest.raises(NotSpoken, match="503"):
            await all_of("文三路")
        came = b""
        with pytest.raises(NotSpoken):
            async for piece in service().speak(TEXT):
                came += piece
        assert len(came) <= CLAUSE
        assert await all_of("古墩路8号")  # the next one is spoken


async def test_who_is_late_is_not_waited_for() -> None:
    engine = ToneEngine()
    async with speaking(engine, first_seconds=0.2):
        engine.hold.clear()
        with pytest.raises(NotSpoken, match="TimeoutError"):
            await all_of(TEXT)


@pytest.mark.parametrize("text", ["", "，。", "😀", "\x00"])
async def test_nothing_to_say_is_told(text: str) -> None:
    async with speaking(ToneEngine()):
        with pytest.raises(NotSpoken):
            await all_of(text)


async def test_without_a_speaker_nothing_is_said() -> None:
    assert not service().there()
    with pytest.raises(NotSpoken):
        await all_of("文三路")


async def test_a_long_text_is_cut_and_a_huge_one_refused() -> None:
    engine = ToneEngine()
    async with speaking(engine):
        assert len(await all_of("号" * 5000)) == 22 * CLAUSE  # nine at a time, of 200
        connector = aiohttp.UnixConnector(str(settings.get(SpeakerSettings).socket_path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post("http://speaker/speak", data=b"x" * 100_000) as answer,
        ):
            assert answer.status == 413


def test_where_there_is_no_place_for_sockets_there_is_no_voice() -> None:
    assert not ServiceSpeaker(SpeakerSettings(socket="/nowhere/" + "x" * 300)).there()
    assert not ServiceSpeaker(SpeakerSettings(socket="/proc/1/root/speaker.sock")).there()
