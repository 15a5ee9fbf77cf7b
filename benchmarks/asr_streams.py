"""How many streams does a core hold, how late are the words, what does one more stream cost?

    HOTLINE_ASR_MODEL=... python -m benchmarks.asr_streams [--seconds 12] [--live-seconds 100] [--lines 19] [--json]

In one run and with the same model and audio: a plain ``KaldiRecognizer`` loop, alphacep/vosk-server's design (one WebSocket and
one recogniser per connection, a thread pool; written here against the plain vosk package) and ``hotline asr``.
Capacity is audio decoded per CPU second of the process, so that neighbours on the machine don't decide the comparison;
the three decode the same audio in turns, the middle of the rounds is taken. Then ``hotline asr`` gets calls in real time for 80 %
of what the plain loop, and of what it itself, can do on the machine at that moment; ``--lines`` makes only such calls.

Late is a partial after the audio at which an unloaded recogniser says it, a final after the audio at which the utterance was
declared over, an end (a caller hangs up in the middle of an utterance, every 20 s) after the end of the stream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import vosk
from aiohttp import web

from asr import AsrSettings, Final, Listening
from asr.client import connect
from asr.engine_vosk import VoskEngine
from asr.files import read_audio
from core.errors import Unavailable

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALLS = Path(__file__).parent.parent / "tests" / "data" / "speech"
CORES = len(os.sched_getaffinity(0))
CHUNK = 3_200  # bytes: 100 ms, in all three
ROUNDS = 3
CALL_SECONDS = 20.0


def audio() -> bytes:
    return b"".join(b"".join(read_audio(path)) for path in sorted(CALLS.glob("*.wav")))


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


# --- the plain loop: what any server is compared with -----------------------------------------------------------------


def plain(model: vosk.Model, pieces: list[bytes]) -> None:
    """Decodes the streams by a thread a core, one after the other."""

    def decode(pcm: bytes) -> None:
        recognizer = vosk.KaldiRecognizer(model, 16_000.0)
        recognizer.SetWords(True)
        for at in range(0, len(pcm), CHUNK):
            if recognizer.AcceptWaveform(pcm[at : at + CHUNK]):
                recognizer.Result()
            else:
                recognizer.PartialResult()
        recognizer.FinalResult()

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(decode, pieces))


# --- the comparator: vosk-server's design -----------------------------------------------------------------------------


def comparator(path: str) -> None:
    """One recogniser per connection, decoded by a pool of as many threads as there are cores, an answer to each message."""
    vosk.SetLogLevel(-1)
    model = vosk.Model(MODEL)
    pool = ThreadPoolExecutor(CORES)

    def process(recognizer: vosk.KaldiRecognizer, message: bytes | str) -> tuple[str, bool]:
        if isinstance(message, str):
            return recognizer.FinalResult(), True
        if recognizer.AcceptWaveform(message):
            return recognizer.Result(), False
        return recognizer.PartialResult(), False

    async def recognise(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        recognizer = vosk.KaldiRecognizer(model, 16_000.0)
        recognizer.SetWords(True)
        async for message in socket:
            answer, stop = await asyncio.get_running_loop().run_in_executor(pool, process, recognizer, message.data)
            await socket.send_str(answer)
            if stop:
                break
        return socket

    app = web.Application()
    app.router.add_get("/", recognise)
    web.run_app(app, path=path, print=None)


class Process:
    """A server of its own process on a unix socket."""

    def __init__(self, kind: str, folder: str) -> None:
        self.socket = f"{folder}/{kind}.sock"
        command = {
            "theirs": [sys.executable, "-m", "benchmarks.asr_streams", "--comparator", self.socket],
            "ours": [sys.executable, "-c", "from asr.commands import app; app()", "serve"],
        }[kind]
        environment = {**os.environ, "HOTLINE_ASR_SOCKET": self.socket, "HOTLINE_ASR_MAX_STREAMS": "500"}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not Path(self.socket).exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


async def saturate(process: Process, pieces: list[bytes]) -> None:
    """As many clients as pieces, each waiting for every answer, keep the server busy until all is decoded."""

    async def client(pcm: bytes) -> None:
        connector = aiohttp.UnixConnector(process.socket)
        async with aiohttp.ClientSession(connector=connector) as http, http.ws_connect("ws://asr/") as socket:
            for at in range(0, len(pcm), CHUNK):
                await socket.send_bytes(pcm[at : at + CHUNK])
                await socket.receive_str()
            await socket.send_str('{"eof" : 1}')
            await socket.receive_str()

    await asyncio.gather(*(client(pcm) for pcm in pieces))


class Live:
    """Lines on which one call follows the other in real time: how long after a piece of audio was sent its partial and its
    final came, and how long after a caller hung up his last words."""

    def __init__(self, process: Process, pcm: bytes, seconds: float, lines: int) -> None:
        self.config = AsrSettings(socket=process.socket, max_behind_seconds=60)
        self.pcm, self.seconds, self.lines = pcm, seconds, lines
        self.until = time.monotonic() + seconds
        self.partials: list[float] = []
        self.finals: list[float] = []
        self.ends: list[float] = []
        self.lost = 0
        self.refused = 0

    async def measure(self) -> dict[str, object]:
        await asyncio.gather(*(self._line(number) for number in range(self.lines)))
        return {
            "streams": self.lines,
            "seconds": self.seconds,
            **_spread("partial", self.partials),
            **_spread("final", self.finals),
            **_spread("end", self.ends),
            "pieces_lost": self.lost,
            "calls_refused": self.refused,
        }

    async def _line(self, number: int) -> None:
        await asyncio.sleep(number * 0.1 / self.lines)  # callers' packets don't come in step
        at = number * len(self.pcm) // self.lines // 2 * 2
        length = CALL_SECONDS * (number + 1) / self.lines  # and they don't hang up in step
        while time.monotonic() < self.until:
            try:
                at = await self._call(at, length)
            except Unavailable:  # it is too far behind to take one more, or to go on
                self.refused += 1
                await asyncio.sleep(1)
            length = CALL_SECONDS

    async def _call(self, at: int, length: float) -> int:
        began = time.monotonic()
        sent_at: list[float] = []
        ended = 0.0
        async with connect(Listening(), config=self.config) as stream:

            async def speak() -> None:
                nonlocal at, ended
                while (now := time.monotonic()) < min(began + length, self.until):
                    await stream.send(self.pcm[at : at + CHUNK])
                    sent_at.append(time.monotonic())
                    at = (at + CHUNK) % (len(self.pcm) - CHUNK) // 2 * 2
                    await asyncio.sleep(max(0.0, began + len(sent_at) * 0.1 - now))
                if time.monotonic() < self.until:
                    ended = time.monotonic()
                    await stream.finish()
                else:
                    stream.abandon()  # all lines are cut off at once: nobody's hanging up

            speaking = asyncio.create_task(speak())
            text, last = "", 0
            async for said in stream:
                now, last = time.monotonic(), said.at
                # Decoding is independent of load and packets, so an unloaded recogniser says this at the same audio.
                late = (now - sent_at[min(len(sent_at), max(1, said.at // 100)) - 1]) * 1000
                if ended and isinstance(said, Final):
                    self.ends.append((now - ended) * 1000)
                elif isinstance(said, Final):
                    self.finals.append(late)
                elif said.text != text:
                    self.partials.append(late)
                text = said.text if not isinstance(said, Final) else ""
            await speaking
            if ended:
                self.lost += max(0, len(sent_at) - -(-last // 100) - 10)  # an unchanged partial comes each second
        return at


def _spread(name: str, values: list[float]) -> dict[str, int]:
    return {f"{name}s": len(values)} | {
        f"{name}_p{percent}_ms": round(percentile(values, percent / 100)) for percent in (50, 95, 99) if values
    }


def kib_per_stream(model: vosk.Model, pcm: bytes) -> float:
    """What each further recogniser in the middle of an utterance adds to the process, four of them after a first."""
    engine = VoskEngine(Path(MODEL))
    recognizers = []
    sizes = []
    for _ in range(5):
        recognizers.append(engine.open())
        recognizers[-1].accept(pcm[: 8 * 32_000])
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024)
    return (sizes[-1] - sizes[0]) / (len(sizes) - 1)


async def measure(seconds: float, live_seconds: float) -> dict[str, object]:
    vosk.SetLogLevel(-1)
    model, pcm = vosk.Model(MODEL), audio()
    # The same audio for all three: from different places, so that streams don't endpoint in step.
    size = round(seconds) * 32_000
    pieces = [(pcm * 2)[at : at + size] for at in range(0, len(pcm), len(pcm) // (2 * CORES) // 2 * 2)][: 2 * CORES]
    rates: dict[str, list[float]] = {"plain": [], "theirs": [], "ours": []}
    machine: dict[str, list[float]] = {"plain": [], "ours": []}
    amount = sum(map(len, pieces)) / 32_000
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        servers = {kind: Process(kind, folder) for kind in ("theirs", "ours")}
        try:
            for turn in range(ROUNDS + 1):
                began, wall = time.process_time(), time.monotonic()
                await asyncio.to_thread(plain, model, pieces)
                spent = {"plain": time.process_time() - began}
                walls = {"plain": time.monotonic() - wall}
                for kind, server in servers.items():
                    cpu, wall = server.cpu(), time.monotonic()
                    await saturate(server, pieces)
                    spent[kind], walls[kind] = server.cpu() - cpu, time.monotonic() - wall
                if turn:  # the first one warms caches
                    for kind, cpu in spent.items():
                        rates[kind].append(amount / cpu)
                    for kind, found in machine.items():
                        found.append(amount / walls[kind])
            held = {kind: statistics.median(each) for kind, each in rates.items()}
            now = {kind: statistics.median(each) for kind, each in machine.items()}
            alone = await Live(servers["ours"], pcm, live_seconds / 2, 1).measure()
            loaded = {kind: await at_80_percent(servers["ours"], pcm, live_seconds, most) for kind, most in now.items()}
        finally:
            for server in servers.values():
                server.close()
    return {
        "model": Path(MODEL).name,
        "cores": CORES,
        "load_average_before": round(before, 1),
        "streams_per_core": {kind: round(each, 2) for kind, each in held.items()},
        "ours_to_plain": round(held["ours"] / held["plain"], 3),
        "theirs_to_plain": round(held["theirs"] / held["plain"], 3),
        "ours_to_theirs": round(held["ours"] / held["theirs"], 3),
        "streams_on_this_machine_now": {kind: round(each, 1) for kind, each in now.items()},
        "one_stream": alone,
        "at_80_percent_of_plain": loaded["plain"],
        "at_80_percent_of_ours": loaded["ours"],
        "mib_per_stream": round(await asyncio.to_thread(kib_per_stream, model, pcm) / 1024, 1),
    }


async def at_80_percent(process: Process, pcm: bytes, seconds: float, most: float) -> dict[str, object]:
    return await Live(process, pcm, seconds, max(1, int(0.8 * most))).measure()


async def only_live(seconds: float, lines: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        server = Process("ours", folder)
        try:
            before = os.getloadavg()[0]
            found = await Live(server, audio(), seconds, lines).measure()
            return {"load_average_before": round(before, 1), **found}
        finally:
            server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--live-seconds", type=float, default=100.0)
    parser.add_argument("--lines", type=int, help="only so many live streams, and no comparison")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--comparator", metavar="SOCKET", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not MODEL:
        sys.exit("HOTLINE_ASR_MODEL is not set: there is no speech model to measure with")
    if options.comparator:
        comparator(options.comparator)
        return
    if options.lines:
        found = asyncio.run(only_live(options.live_seconds, options.lines))
    else:
        found = asyncio.run(measure(options.seconds, options.live_seconds))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
