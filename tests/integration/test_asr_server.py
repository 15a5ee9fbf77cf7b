"""hotline asr over real sockets: vosk-server's protocol, its limits, and clients that behave badly."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from asr import AsrSettings, Final, Listening, Partial
from asr.client import connect
from asr.server import Server
from asr.threads import Recognition
from core.errors import ConfigurationError, InvalidInput, NotSignedIn, Unavailable
from tests.support.spelling import FAIL, SLOW, SpellingEngine, spell


@dataclass
class Running:
    server: Server
    engine: SpellingEngine
    settings: AsrSettings
    http: aiohttp.ClientSession

    def dial(self, path: str = "/", **options: object) -> Awaitable[aiohttp.ClientWebSocketResponse]:
        return self.http.ws_connect(f"ws://asr{path}", **options)  # type: ignore[arg-type]

    async def health(self) -> dict[str, object]:
        async with self.http.get("http://asr/healthz") as answer:
            return dict(await answer.json())


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(engine: SpellingEngine | None = None, **options: object) -> Running:
            settings = AsrSettings(socket=str(tmp_path / "asr.sock"), **({"threads": 1} | options))
            engine = engine or SpellingEngine()
            server = Server(engine, settings)
            await server.start()
            stack.push_async_callback(server.stop)
            stack.callback(engine.gate.set)
            http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(settings.socket))
            await stack.enter_async_context(http)
            return Running(server, engine, settings, http)

        yield started


async def answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, object]:
    return dict(json.loads(await socket.receive_str(timeout=10)))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


class TestVoskProtocol:
    async def test_each_message_has_one_answer_and_eof_the_last_final(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        heard = []
        for block in (1, 2, 0, 0, 0, 3):
            await socket.send_bytes(spell(block))
            heard.append(await answer(socket))
        assert [one.get("partial") for one in heard] == ["w1", "w1 w2", "w1 w2", "w1 w2", None, "w3"]
        assert heard[4]["text"] == "w1 w2"
        assert heard[4]["result"] == [
            {"conf": 1.0, "end": 0.1, "start": 0.0, "word": "w1"},
            {"conf": 1.0, "end": 0.2, "start": 0.1, "word": "w2"},
        ]
        await socket.send_str('{"eof" : 1}')
        assert (await answer(socket))["text"] == "w3"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

    async def test_a_long_message_with_several_utterances_loses_none(self, start: Start) -> None:
        socket = await (await start()).dial()
        await socket.send_bytes(spell(1, 0, 0, 0, 2, 0, 0, 0, 3))
        assert (await answer(socket))["text"] == "w1 w2"
        await socket.send_str('{"eof": 1}')
        assert (await answer(socket))["text"] == "w3"

    async def test_reset_ends_the_utterance_and_the_stream_goes_on(self, start: Start) -> None:
        socket = await (await start()).dial()
        await socket.send_bytes(spell(1))
        await answer(socket)
        await socket.send_str('{"reset" : 1}')
        assert (await answer(socket))["text"] == "w1"
        await socket.send_bytes(spell(2))
        assert await answer(socket) == {"partial": "w2"}

    async def test_eof_without_audio_is_answered(self, start: Start) -> None:
        socket = await (await start()).dial()
        await socket.send_str('{"eof" : 1}')
        assert await answer(socket) == {"text": ""}

    async def test_a_client_cannot_choose_the_model(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        await socket.send_str('{"config": {"sample_rate": 16000, "model": "/etc"}}')
        await socket.send_bytes(spell(1))
        assert await answer(socket) == {"partial": "w1"}
        assert (await running.health())["model"] == "spelling"

    async def test_telephone_audio_is_resampled(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        await socket.send_str('{"config": {"sample_rate": 8000}}')
        for _ in range(10):
            await socket.send_bytes(bytes(1600))  # 100 ms at 8 kHz
            await answer(socket)
        await socket.send_str('{"eof" : 1}')
        await answer(socket)
        assert (await running.health())["decoded_ms"] == 1000

    async def test_any_path_will_do(self, start: Start) -> None:
        socket = await (await start()).dial("/en/stream")
        await socket.send_bytes(spell(1))
        assert await answer(socket) == {"partial": "w1"}


class TestLimits:
    async def test_too_many_streams_are_refused_early_and_clearly(self, start: Start) -> None:
        running = await start(max_streams=1)
        first = await running.dial()
        async with running.http.get("http://asr/", headers={"Connection": "Upgrade"}) as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "5"
            assert (await refused.json())["error"]["code"] == "too_many"
        with pytest.raises(Unavailable, match="taken"):
            async with connect(config=running.settings):
                pass
        assert (await running.health())["status"] == "busy"
        await first.close()

        async def free() -> bool:
            return (await running.health())["status"] == "ok"

        await until(free)
        await (await running.dial()).close()

    async def test_while_live_streams_are_behind_new_ones_are_refused(self, start: Start) -> None:
        running = await start(max_lag_seconds=0.2)
        async with connect(config=running.settings) as stream:
            await stream.send(spell(SLOW, 1))
            await stream.send(spell(1, 1))

            async def behind() -> bool:
                return (await running.health())["status"] == "busy"

            await until(behind)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await running.dial()
            assert refused.value.status == 503
            running.engine.gate.set()

    async def test_a_stream_has_an_end(self, start: Start) -> None:
        running = await start(max_stream_seconds=1)
        socket = await running.dial()
        await socket.send_str('{"config": {"hotline": {}}}')
        for _ in range(20):
            await socket.send_bytes(spell(1))
        heard = [json.loads(message.data) async for message in socket]
        assert [one["text"] for one in heard if one.get("text")] == ["w1 " * 9 + "w1"]
        assert heard[-1]["error"]["code"] == "too_large"

    async def test_only_who_shows_the_token_is_heard(self, start: Start) -> None:
        running = await start(token="open sesame")
        for options in ({}, {"headers": {"Authorization": "Bearer wrong"}}, {"headers": {"Authorization": "Basic x"}}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await running.dial(**options)
            assert refused.value.status == 401
        for path, headers in (("/?token=open%20sesame", {}), ("/", {"Authorization": "Bearer open sesame"})):
            await (await running.dial(path, headers=headers)).close()
        async with connect(config=running.settings) as stream:
            await stream.finish()
        with pytest.raises(NotSignedIn):
            async with connect(config=running.settings.model_copy(update={"token": AsrSettings(token="x").token})):
                pass

    async def test_the_tcp_port_is_there_only_if_set_and_a_taken_one_is_named(
        self, start: Start, unused_tcp_port: int
    ) -> None:
        running = await start(port=unused_tcp_port)
        socket = await running.http.ws_connect(f"ws://asr:{unused_tcp_port}/")
        await socket.close()
        async with connect(config=AsrSettings(url=f"ws://127.0.0.1:{unused_tcp_port}")) as stream:
            await stream.finish()
        other = Server(
            SpellingEngine(), AsrSettings(socket=running.settings.socket + "2", port=unused_tcp_port, threads=1)
        )
        with pytest.raises(ConfigurationError, match="HOTLINE_ASR_PORT"):
            await other.start()

    async def test_a_second_recogniser_does_not_steal_the_socket(self, start: Start) -> None:
        running = await start()
        other = Server(SpellingEngine(), running.settings)
        with pytest.raises(ConfigurationError, match="already listens"):
            await other.start()
        assert (await running.health())["status"] == "ok"

    async def test_the_socket_is_for_this_user_only(self, start: Start) -> None:
        running = await start()
        assert running.settings.socket_path.stat().st_mode & 0o777 == 0o600


class TestHostileClients:
    @pytest.mark.parametrize("text", ["hello", "[]", "{}", "[" * 20_000, '{"config": {"sample_rate": 1e99}}'])
    async def test_garbage_is_told_and_others_go_on(self, start: Start, text: str) -> None:
        running = await start()
        sound = await running.dial()
        hostile = await running.dial()
        await hostile.send_str(text)
        assert (await answer(hostile))["error"]["code"] in ("malformed", "invalid")  # type: ignore[index]
        assert (await hostile.receive()).type is aiohttp.WSMsgType.CLOSE
        await sound.send_bytes(spell(1))
        assert await answer(sound) == {"partial": "w1"}

    async def test_a_message_larger_than_allowed_closes_the_connection(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        with suppress(ConnectionError):
            await socket.send_bytes(bytes(2 << 20))
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert (await running.health())["status"] == "ok"

    async def test_bytes_that_are_no_audio_harm_nobody(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        await socket.send_str('{"config": {"sample_rate": 8000, "hotline": {"encoding": "alaw"}}}')
        await socket.send_bytes(b"\x00")
        await socket.send_bytes(b"GET / HTTP/1.1\r\n" * 999)
        await socket.send_bytes(b"")
        await socket.send_str('{"eof" : 1}')
        async with asyncio.timeout(10):
            assert [message.type async for message in socket][-1] is aiohttp.WSMsgType.TEXT

    async def test_who_never_reads_is_dropped(self, start: Start) -> None:
        running = await start(send_seconds=0.3)
        reader, writer = await asyncio.open_unix_connection(running.settings.socket)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: asr\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        audio = spell(*range(1, 30))
        frame = bytes([0x82, 127]).replace(b"\x7f", b"\xff") + len(audio).to_bytes(8, "big") + bytes(4) + audio

        async def gone() -> bool:
            return (await running.health())["streams"] == 0

        async def write() -> None:
            while True:
                writer.write(frame)
                await writer.drain()

        writing = asyncio.create_task(write())
        try:
            await until(gone)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            writer.transport.abort()
            await asyncio.sleep(0)

    async def test_who_falls_silent_is_finished(self, start: Start) -> None:
        running = await start(idle_seconds=0.2)
        socket = await running.dial()
        await socket.send_bytes(spell(1))
        await answer(socket)
        assert (await answer(socket))["text"] == "w1"
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE

    async def test_a_flood_is_held_back_not_stored(self, start: Start) -> None:
        running = await start(max_backlog_seconds=1)
        socket = await running.dial()
        await socket.send_bytes(spell(SLOW))

        async def flood() -> None:
            while True:
                await socket.send_bytes(spell(*[1] * 20))

        writing = asyncio.create_task(flood())
        sizes = set()
        for _ in range(20):
            await asyncio.sleep(0.02)
            sizes.add(max(stream.backlog_ms for stream in running.server.streams))
        assert max(sizes) <= 1000 + 2 * 2000
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        running.engine.gate.set()

    async def test_no_upgrade_is_answered_as_http(self, start: Start) -> None:
        running = await start()
        async with running.http.get("http://asr/") as plain:
            assert plain.status == 426

    async def test_a_failing_recogniser_is_reported(self, start: Start) -> None:
        running = await start()
        socket = await running.dial()
        await socket.send_bytes(spell(FAIL))
        assert (await answer(socket))["error"]["code"] == "unavailable"  # type: ignore[index]


class TestClient:
    async def test_results_are_pushed_in_their_rhythm_with_the_leg(self, start: Start) -> None:
        running = await start()
        async with connect(Listening(leg="caller"), config=running.settings) as stream:
            await stream.send(spell(1, 2, 0, 0, 0, 3))
            await stream.finish()
            heard = [result async for result in stream]
        finals = [result for result in heard if isinstance(result, Final)]
        assert [(one.text, one.start, one.end, one.leg) for one in finals] == [
            ("w1 w2", 0, 200, "caller"),
            ("w3", 500, 600, "caller"),
        ]
        assert finals[0].words[1].text == "w2"

    async def test_endpointing_follows_the_dialog(self, start: Start) -> None:
        running = await start()
        async with connect(Listening(endpointing="yesno"), config=running.settings) as stream:
            await stream.send(spell(1, 0, 0))
            await stream.expect("digits")
            await stream.send(spell(2, 0, 0, 0, 0, 3))
            await stream.finish()
            assert [one.text async for one in stream if isinstance(one, Final)] == ["w1", "w2 w3"]

    async def test_without_a_recogniser_the_answer_is_unavailable(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="hotline asr"):
            async with connect(config=AsrSettings(socket=str(tmp_path / "nobody.sock"))):
                pass

    async def test_wrong_options_never_leave_the_client(self) -> None:
        with pytest.raises(InvalidInput):
            async with connect(Listening(endpointing="poetry")):
                pass

    async def test_a_live_stream_that_is_too_far_behind_is_given_up(self, start: Start) -> None:
        running = await start(max_behind_seconds=1)
        async with connect(config=running.settings) as stream:
            await stream.send(spell(SLOW))
            with pytest.raises(Unavailable, match="behind"):
                for _ in range(20):
                    await stream.send(spell(1))
            with pytest.raises(Unavailable, match="behind"):
                async for _ in stream:
                    pass
            running.engine.gate.set()

    async def test_a_files_sender_waits_instead(self, start: Start) -> None:
        running = await start(max_behind_seconds=1)
        async with connect(live=False, config=running.settings) as stream:
            for _ in range(300):
                await stream.send(spell(1))
            await stream.finish()
            words = [word async for one in stream if isinstance(one, Final) for word in one.words]
        assert len(words) == 300

    async def test_when_the_recogniser_stops_its_successor_goes_on_where_it_was(self, start: Start) -> None:
        running = await start()
        async with connect(Listening(leg="caller"), config=running.settings) as stream:
            await stream.send(spell(1, 0, 0, 0, 2, 3))
            while not isinstance(said := await anext(stream), Final):
                pass
            assert said.text == "w1"
            await running.server.stop()
            await stream.send(spell(4))
            again = await start()
            await stream.send(spell(5, 0, 0, 0))
            await stream.finish()
            finals = [one async for one in stream if isinstance(one, Final)]
        # The old server answered what it had when it stopped; the rest came from the new one, times going on.
        words = [(word.text, word.start) for final in finals for word in final.words]
        assert words == [("w2", 400), ("w3", 500), ("w4", 600), ("w5", 700)]
        assert again.engine.opened

    async def test_a_successor_may_be_late_by_what_it_must_hear_again(self, start: Start) -> None:
        running = await start(drain_seconds=0.05, max_behind_seconds=1)
        async with connect(config=running.settings) as stream:
            await stream.send(spell(1))
            await anext(stream)
            await stream.send(spell(SLOW))
            asyncio.get_running_loop().call_later(0.3, running.engine.gate.set)
            await running.server.stop()

            async def noticed() -> bool:
                return not stream.connected

            await until(noticed)
            await stream.send(spell(*range(2, 32)))
            engine = SpellingEngine(cost=0.02)
            engine.gate.set()
            await start(engine)

            async def at_work() -> bool:
                return bool(engine.opened)

            await until(at_work)
            for word in range(32, 37):
                await stream.send(spell(word))
            await stream.finish()
            heard = [word.text async for one in stream if isinstance(one, Final) for word in one.words]
        assert heard == [f"w{word}" for word in range(1, 37)]

    async def test_audio_that_kills_every_recogniser_is_given_up(self, start: Start) -> None:
        running = await start()
        async with connect(config=running.settings) as stream:
            await stream.send(spell(1, 0, 0, 0, FAIL))
            heard = []
            with pytest.raises(Unavailable, match="again and again"):
                async for result in stream:
                    heard.append(result)
        assert [one.text for one in heard if isinstance(one, Final)] == ["w1"]
        assert len(running.engine.opened) <= 5

    async def test_when_no_successor_comes_the_stream_says_so(self, start: Start) -> None:
        running = await start(reconnect_seconds=0.3)
        async with connect(config=running.settings) as stream:
            await stream.send(spell(1))
            await running.server.stop()
            with pytest.raises(Unavailable, match="none took its place"):
                await stream.finish()

    async def test_threads_have_the_same(self, start: Start) -> None:
        running = await start()

        def call() -> tuple[list[Partial | Final], list[str]]:
            called: list[str] = []
            with Recognition(running.settings) as recognition:
                listening = Listening(leg="caller")
                other = recognition.open(listening, on_result=lambda result: called.append(result.text))
                stream = recognition.open(listening)
                for frame in range(0, 6 * 3200, 640):
                    stream.send(spell(1, 2, 0, 0, 0, 3)[frame : frame + 640])
                other.send(spell(7))
                other.finish()
                return stream.finish(), called

        heard, called = await asyncio.to_thread(call)
        assert [one.text for one in heard if isinstance(one, Final)] == ["w1 w2", "w3"]
        assert called[-1] == "w7"

    async def test_a_thread_hears_of_a_stream_that_was_given_up(self, start: Start) -> None:
        running = await start(max_behind_seconds=1)
        errors: list[str] = []

        def call() -> None:
            with Recognition(running.settings) as recognition:
                stream = recognition.open(on_error=lambda error: errors.append(error.message))
                stream.send(spell(SLOW))
                with pytest.raises(Unavailable):
                    while True:
                        stream.send(spell(1))
                        time.sleep(0.005)
                running.engine.gate.set()
                stream.close()

        await asyncio.to_thread(call)
        assert errors == ["recognition is too far behind this call"]


async def test_stopping_answers_the_last_words_and_refuses_new_streams(start: Start) -> None:
    running = await start()
    socket = await running.dial()
    await socket.send_bytes(spell(1))
    await answer(socket)
    stopping = asyncio.create_task(running.server.stop())
    assert (await answer(socket))["text"] == "w1"
    closed = await socket.receive()
    assert closed.data == aiohttp.WSCloseCode.GOING_AWAY
    await stopping
    with pytest.raises(aiohttp.ClientError):
        await running.dial()
