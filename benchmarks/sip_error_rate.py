"""How much does the telephone's way cost in characters? The 8 kHz file beside the recording of a real call with it.

    HOTLINE_ASR_MODEL=... python -m benchmarks.sip_error_rate [--calls DIRECTORY] [--human DIRECTORY] [--jitter 0,30,60] [--loss 0,1,3] [--json]

Each A-law file of the directory (with its calls.jsonl: path, text), and each recording of people (with transcripts.tsv: path,
transcript), brought to 8 kHz A-law, is sent as RTP in real time through front, controller and
pjsua2, with jitter (half a normal distribution, in ms) and loss (in %), and the recording is recognised as the file is: by the same recogniser,
not live, so that a busy machine changes nothing but the packets' times. The bar: at most 1.0 point more at 30 ms and 1 %.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from asr import Final
from asr.engine_vosk import VoskEngine
from asr.error_rate import ErrorRate, compare, total
from asr.files import read_audio
from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from core import log, settings
from core.db import Base, Database
from core.db import use as use_database
from tests.support import tables
from tests.support.rtp import Rtp, alaw, rtp, voice_port
from tests.support.sip import controller, eventually, messages, peer

CALLS = Path(__file__).parent.parent / "tests" / "data" / "speech"
JITTER, LOSS = "0,30,60", "0,1,3"  # ms, %
AT_ONCE = 8
PROCESSES = AT_ONCE // 4


@dataclass(frozen=True, kw_only=True)
class Sample:
    path: Path
    text: str


def samples_of(calls: Path, human: Path | None, directory: Path) -> list[Sample]:
    """The calls as they are, the people's recordings as calls in ``directory``."""
    rows = [json.loads(line) for line in (calls / "calls.jsonl").read_text("utf-8").splitlines() if line]
    found = [Sample(path=calls / row["path"], text=row["text"]) for row in rows]
    if human is not None:
        with (human / "transcripts.tsv").open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                sound, rate = soundfile.read(human / row["path"], dtype="int16")
                telephone = soxr.resample(np.asarray(sound), rate, 8000)
                path = directory / f"{Path(row['path']).stem}.wav"
                soundfile.write(path, telephone, 8000, subtype="ALAW")
                found.append(Sample(path=path, text=row["transcript"]))
    return found


def heard_in(engine: VoskEngine, pcm: bytes) -> str:
    stream = engine.open()
    results = [result for at in range(0, len(pcm), 6400) for result in stream.accept(pcm[at : at + 6400])]
    results += stream.finish()
    stream.close()
    return "".join(result.text for result in results if isinstance(result, Final))


async def send(stream: Rtp, sound: bytes, port: int, jitter: int, loss: float, chance: random.Random) -> None:
    """Each packet is late by its own share of jitter; one that another overtakes arrives out of order."""
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    for number in range(len(sound) // 160):
        due = began + number * 0.02
        await asyncio.sleep(max(0.0, due - loop.time()))
        packet = sound[number * 160 : number * 160 + 160]
        if chance.random() * 100 < loss:
            stream.skip()
            continue
        stream.later(packet, port, min(0.2, abs(chance.gauss(0, jitter / 1000))))
    await asyncio.sleep(0.4)


async def call(port: int, sample: Sample, jitter: int, loss: float, number: str) -> None:
    samples, _ = soundfile.read(sample.path, dtype="int16")
    async with peer() as caller, rtp() as stream:
        invite = caller.invite(rtp_port=stream.port)
        invite.put("from", f"<sip:{number}@127.0.0.1>;tag=caller")
        caller.send(invite, port)
        response = await caller.final()
        if response.status != 200:
            raise SystemExit(f"a call was refused: {response.status} {response.reason}")
        caller.send(caller.within("ACK", invite, response, 1), port)
        await send(stream, alaw(samples), voice_port(response), jitter, loss, random.Random(number))
        caller.send(caller.within("BYE", invite, response, 2), port)
        await caller.final()


async def record(samples: list[Sample], jitter: int, loss: float) -> list[bytes]:
    """The recordings of calls with these samples, in their order."""
    with tempfile.TemporaryDirectory() as directory:
        settings.use(settings.CoreSettings(data_dir=Path(directory), log_level="ERROR"))
        database = Database(f"sqlite:///{directory}/calls.db")
        Base.metadata.create_all(database.engine)
        use_database(database)
        numbers = [f"1390000{at:04d}" for at in range(len(samples))]
        async with controller(dialog="none", processes=PROCESSES, calls_per_source=100_000) as voice:
            for first in range(0, len(samples), AT_ONCE):
                await eventually(lambda: voice.front.routes.free == 4 * PROCESSES, 30)
                group = list(zip(samples, numbers, strict=True))[first : first + AT_ONCE]
                await asyncio.gather(*(call(voice.front.port, s, jitter, loss, n) for s, n in group))
                await messages(first + len(group))
            found = {message.sender.value: message for message in await messages(len(samples))}
        recordings = [pcm_of(found[f"+86{number}"].recording) for number in numbers]
        use_database(None)
        return recordings


def judge(engine: VoskEngine, samples: list[Sample], audio: list[bytes]) -> ErrorRate:
    return total(compare(s.text, heard_in(engine, pcm)) for s, pcm in zip(samples, audio, strict=True))


def measure(
    samples: list[Sample], lines: list[tuple[int, float]], model: str, keep: Path | None
) -> list[tuple[str, ErrorRate]]:
    engine = VoskEngine(Path(model))
    table = [("file", judge(engine, samples, [b"".join(read_audio(sample.path)) for sample in samples]))]
    for jitter, loss in lines:
        recordings = asyncio.run(record(samples, jitter, loss))
        name = f"call, jitter {jitter} ms, loss {loss:g} %"
        if keep is not None:
            keep.mkdir(exist_ok=True)
            for sample, pcm in zip(samples, recordings, strict=True):
                sound = np.frombuffer(pcm, "<i2")
                soundfile.write(keep / f"{sample.path.stem}-{jitter}-{loss:g}.wav", sound, 16_000)
        table.append((name, judge(engine, samples, recordings)))
        print(f"{len(table) - 1} of {len(lines)} ways", file=sys.stderr)  # each takes minutes
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=Path, default=CALLS)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--jitter", default=JITTER, help="ms, each with each loss")
    parser.add_argument("--loss", default=LOSS, help="%%")
    parser.add_argument("--keep", type=Path, help="directory for the recordings, to listen to them")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    model = os.environ.get("HOTLINE_ASR_MODEL")
    if not model:
        print("set HOTLINE_ASR_MODEL to a Vosk model to measure calls")
        return
    jitters, losses = [int(each) for each in given.jitter.split(",")], [float(each) for each in given.loss.split(",")]
    lines = [(jitter, loss) for jitter in jitters for loss in losses]
    settings.use(settings.CoreSettings(log_level="ERROR"))
    log.configure("benchmark")
    tables()
    prepare()
    with tempfile.TemporaryDirectory() as directory:
        samples = samples_of(given.calls, given.human, Path(directory))
        table = measure(samples, lines, model, given.keep)
    if given.json:
        print(json.dumps([{"way": name, "characters": r.characters, "rate": r.rate} for name, r in table]))
        return
    for name, r in table:
        kinds = f"{r.insertions} inserted, {r.deletions} left out, {r.substitutions} wrong"
        print(f"{name:36} {100 * (r.rate or 0):5.1f} %  of {r.characters} characters: {kinds}")
    print_grid(table, jitters, losses)


def print_grid(table: list[tuple[str, ErrorRate]], jitters: list[int], losses: list[float]) -> None:
    """The rates, and by how many points they are above the file's."""
    file, calls = 100 * (table[0][1].rate or 0), iter(table[1:])
    print(f"\n{'jitter':>8}" + "".join(f"{f'loss {loss:g} %':>16}" for loss in losses))
    for jitter in jitters:
        rates = [100 * (next(calls)[1].rate or 0) for _ in losses]
        print(f"{jitter:5} ms" + "".join(f"{f'{rate:.1f} ({rate - file:+.1f})':>16}" for rate in rates))


if __name__ == "__main__":
    main()
