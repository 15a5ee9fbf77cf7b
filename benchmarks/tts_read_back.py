"""How soon and how well is read back what no prompt knows? Needs ``make speaker``; recognises with HOTLINE_ASR_MODEL.

    HOTLINE_ASR_MODEL=... python -m benchmarks.tts_read_back [--threads 1,2] [--no-recognition] [--json]

40 invented addresses and names and 20 numbers are spoken clause by clause, as ``hotline speaker`` does it: the time to the first clause
and the real-time factor. Then the recogniser hears them as 8 kHz A-law, the numbers also from the digits' prompts: wrong characters, and
wrong syllables with their tones, for a name's characters cannot be heard (晓明, 小明).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import soxr
from pypinyin import Style, lazy_pinyin

from asr.engine_vosk import VoskEngine
from asr.error_rate import compare, total
from asr.transcribe import recognise_file, spoken
from connectors.sip.prompts import SHIPPED
from connectors.sip.sound import sound_of
from tts.clauses import clauses
from tts.contract import RATE
from tts.kokoro import KokoroEngine

ADDRESSES = """
浙江省宁波市鄞州区百丈东路787号3幢1单元402室
北京市朝阳区建国路93号万达广场6号楼1508
天津市和平区南京路128号
河北省石家庄市长安区中山东路326号
辽宁省大连市沙河口区会展路18号
江苏省无锡市梁溪区人民中路139号恒隆广场2座
福建省厦门市思明区湖滨南路57号金源大厦9楼
湖南省株洲市天元区泰山路86号
四川省绵阳市涪城区临园路东段72号
陕西省咸阳市秦都区玉泉路14号
河南省洛阳市涧西区南昌路6号5栋2单元1101室
黑龙江省哈尔滨市南岗区学府路74号
江西省南昌市红谷滩区丰和中大道912号
贵州省贵阳市云岩区北京路27号
山西省太原市小店区平阳路101号国瑞大厦
安徽省合肥市蜀山区潜山路190号华邦世贸城
广西壮族自治区南宁市青秀区民族大道136号
海南省海口市龙华区国贸大道2号
甘肃省兰州市城关区庆阳路149号
云南省大理市下关街道建设路33号
"""
NAMES = "周文博 吴秀兰 郑国强 孙丽娟 马晓东 朱美玲 胡志远 林雅婷 何建平 高凤英 罗振宇 梁思成 宋玉梅 唐伟民 许春燕 邓立新 冯桂芳 曹永刚 彭佳怡 董学文"


def numbers() -> list[str]:
    chance = random.Random(11)
    found = ["1" + chance.choice("3589") + "".join(chance.choices("0123456789", k=9)) for _ in range(15)]
    areas = ("010", "021", "028", "0571", "0755")
    return found + [area + chance.choice("23456789") + "".join(chance.choices("0123456789", k=7)) for area in areas]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--no-recognition", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    groups = {"addresses": ADDRESSES.split(), "names": NAMES.split(), "numbers": numbers()}
    found: dict[str, object] = {}
    sounds: dict[str, list[tuple[str, bytes]]] = {}
    for threads in map(int, given.threads.split(",")):
        engine = KokoroEngine(threads=threads)
        engine.say("预热")
        for name, texts in groups.items():
            busy = time.process_time()
            spoken_as, times = zip(*(timed(engine, text) for text in texts), strict=True)
            found[f"{name}, {threads} threads"] = summary(times, time.process_time() - busy)
            sounds[name] = list(zip(map(written, texts), spoken_as, strict=True))
    sounds["numbers of prompts"] = [(written(number), prompts(number)) for number in numbers()]
    if not given.no_recognition:
        found |= {name: heard(VoskEngine(Path(os.environ["HOTLINE_ASR_MODEL"])), said) for name, said in sounds.items()}
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, figures in found.items():
        print(f"{name:24} {figures}")


def timed(engine: KokoroEngine, text: str) -> tuple[bytes, tuple[float, float, float]]:
    """The sound, and s to the first clause, to the last one, and of sound."""
    began = time.perf_counter()
    pieces = []
    first = 0.0
    for clause in clauses(text):
        pieces.append(engine.say(clause))
        first = first or time.perf_counter() - began
    whole = b"".join(pieces)
    return whole, (first, time.perf_counter() - began, len(whole) / 2 / RATE)


def summary(times: tuple[tuple[float, float, float], ...], busy: float) -> dict[str, float]:
    firsts = sorted(first for first, _, _ in times)
    sound = sum(sound for _, _, sound in times)
    return {
        "first clause, median s": round(statistics.median(firsts), 2),
        "first clause, 95 % s": round(firsts[int(0.95 * (len(firsts) - 1))], 2),
        "real-time factor": round(sum(took for _, took, _ in times) / sound, 2),
        "CPU s for a second": round(busy / sound, 2),
        "others' load": round(os.getloadavg()[0] - 1, 1),
    }


def written(text: str) -> str:
    return "".join(clauses(text)).replace("、", "")


def prompts(number: str) -> bytes:
    return b"".join(sound_of(SHIPPED / f"digit_{digit}.wav") for digit in number)


def heard(engine: VoskEngine, said: list[tuple[str, bytes]]) -> dict[str, str]:
    characters, syllables = [], []
    with TemporaryDirectory() as directory:
        for text, sound in said:
            got = recognised(engine, sound, Path(directory) / "call.wav")
            characters.append(compare(text, got))
            syllables.append(compare(by_sound(text), by_sound(got)))
    return {"wrong characters": f"{total(characters).rate:.1%}", "wrong syllables": f"{total(syllables).rate:.1%}"}


def recognised(engine: VoskEngine, sound: bytes, path: Path) -> str:
    """What is heard of it as 8 kHz A-law, with 0.3 s of quiet at both ends."""
    quiet = bytes(int(0.3 * RATE) * 2)
    wave = np.frombuffer(quiet + sound + quiet, dtype="<i2").astype(np.float32) / 32768
    with io.BytesIO() as file:
        soundfile.write(file, soxr.resample(wave, RATE, 8000), 8000, subtype="ALAW", format="WAV")
        path.write_bytes(file.getvalue())
    return spoken(" ".join(final.text for final in recognise_file(engine, path)))


LETTERS: defaultdict[str, str] = defaultdict(lambda: chr(0x4E00 + len(LETTERS)))  # one for each syllable


def by_sound(text: str) -> str:
    """One letter a syllable, so that syllables are compared as characters are."""
    told = text.replace("幺", "腰")
    return "".join(LETTERS[syllable] for syllable in lazy_pinyin(told, style=Style.TONE3, neutral_tone_with_five=True))


if __name__ == "__main__":
    main()
