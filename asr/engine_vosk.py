"""The engine on Vosk 0.3.45 (Kaldi).

What this adds to a KaldiRecognizer: endpointing that the caller's expected answer decides (Vosk's own is fixed in the
model), nothing lost between utterances, times from the start of the stream, memory that doesn't grow.

How Vosk lets us: ``AcceptWaveform`` returning true obliges nobody to call ``Result``; decoding goes on, so an endpoint
can be declined. ``Result`` may be called at any time: frames that are not decoded yet stay for the next utterance.
``FinalResult`` decodes them at once and starts the feature pipeline anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vosk

from asr.contract import BYTES_PER_MS, RATE, Alternative, Final, Listening, Partial, Word
from asr.endpointing import Heard, strategy
from asr.level import LevelMeter
from core.errors import ConfigurationError, InvalidInput, Unavailable

STEP_MS = 100  # audio is decoded in steps of exactly this, so that results don't depend on how it was cut into packets
LOOK_MS = 200  # audio between two looks at the partial
SILENT_MS = 300  # from here on the partial is looked at in each step
LONG_MS = 20_000  # an utterance so long ends at the next breath
BREATH_MS = 200
LONGEST_MS = 30_000  # and so long in any case: keeps lattices, hence memory and the cost of a partial, bounded
LOUD_MS = 100  # less is a click and no word
PULSE_MS = 1_000  # a partial comes so often even if nothing changed: it tells a listener how far decoding is
PAD_MS = 400  # silence after the last sample, so that a word cut off by the end of the stream is decoded to its end
MARGIN_MS = 300  # audio around an utterance's words in the second pass
MOST_ALTERNATIVES = 10


class VoskEngine:
    """One model in memory, shared by all streams. Raises ConfigurationError when the directory holds no model."""

    def __init__(self, directory: Path) -> None:
        if not any((directory / place).is_file() for place in ("am/final.mdl", "final.mdl")):
            raise ConfigurationError(f"{directory} holds no Vosk model (am/final.mdl is missing)")
        vosk.SetLogLevel(-1)
        try:
            self.model = vosk.Model(str(directory))
        except Exception as error:  # Vosk raises nothing narrower
            raise ConfigurationError(f"{directory}: Vosk can't load this model") from error
        self.name = directory.name

    def open(self, listening: Listening | None = None) -> VoskRecognizer:
        return VoskRecognizer(self.model, listening or Listening())


class VoskRecognizer:
    """One stream; see ``asr.contract.Recognizer``."""

    def __init__(self, model: Any, listening: Listening) -> None:
        if not 0 <= listening.alternatives <= MOST_ALTERNATIVES:
            raise InvalidInput(f"alternatives must be 0 to {MOST_ALTERNATIVES}", field="alternatives")
        self._model = model
        self._listening = listening
        self._strategy = strategy(listening.endpointing)
        self._kaldi: Any = vosk.KaldiRecognizer(model, float(RATE))
        self._kaldi.SetWords(True)
        self._meter = LevelMeter()
        self._held = b""  # audio short of a step
        self._bytes = 0  # of the caller's audio that was decoded
        self._padded = 0  # ms of our silence that Vosk's times count too
        self._utterance: bytearray | None = bytearray() if listening.alternatives else None
        self._from = 0
        self._begin()
        self._shown = ""
        self._shown_at = 0

    @property
    def at(self) -> int:
        return self._bytes // BYTES_PER_MS

    def expect(self, endpointing: str) -> None:
        self._strategy = strategy(endpointing)

    def accept(self, pcm: bytes) -> Sequence[Partial | Final]:
        said: list[Partial | Final] = []
        pcm = self._held + pcm
        whole = len(pcm) - len(pcm) % (STEP_MS * BYTES_PER_MS)
        self._held = pcm[whole:]
        for start in range(0, whole, STEP_MS * BYTES_PER_MS):
            said += self._step(pcm[start : start + STEP_MS * BYTES_PER_MS])
        if self._listening.partial_ms == 0 and not (said and isinstance(said[-1], Partial)):
            self._look()
            said.append(self._partial())
        return said

    def finish(self) -> Sequence[Final]:
        rest, self._held = self._held, b""
        finals = [said for said in self._step(rest) if isinstance(said, Final)] if rest else []
        self._feed(bytes(PAD_MS * BYTES_PER_MS))
        finals += self._end(flush=True)
        self._padded += PAD_MS  # only now: the words just returned lie before the pad, or were cut off by the end
        return finals

    def close(self) -> None:
        self._kaldi = None

    def _step(self, pcm: bytes) -> list[Partial | Final]:
        model_ends = self._feed(pcm)
        self._bytes += len(pcm)
        self._meter.accept(pcm)
        if self._utterance is not None:
            self._utterance += pcm
        rhythm = self._listening.partial_ms or STEP_MS
        due = self.at - self._looked_at >= min(rhythm, LOOK_MS)
        if model_ends or due or self._meter.silence >= SILENT_MS:
            self._look()
        said: list[Partial | Final] = []
        how = self._ending(model_ends)
        if how is not None:
            said += self._end(flush=how == "flush")
        elif self._listening.partial_ms:
            since = self.at - self._shown_at
            if (self._text != self._shown and since >= rhythm) or since >= PULSE_MS:
                said.append(self._partial())
        return said

    def _ending(self, model_ends: bool) -> str | None:
        length = self.at - self._begun
        if length >= LONGEST_MS:
            return "split"
        voiced = self._meter.loud - self._loud_before
        if not self._text and (model_ends or voiced < LOUD_MS):
            # Nothing said: let Vosk drop the silence it has collected.
            return "split" if model_ends else None
        silence = min(self._meter.silence, length)
        if length >= LONG_MS and silence >= BREATH_MS:
            return "split"
        heard = Heard(
            text=self._text,
            silence=silence,
            quiet=self.at - self._changed_at,
            length=self.at - (self._first_at or self.at),
            model=model_ends,
            voiced=voiced,
        )
        if not self._strategy.ends(heard):
            return None
        # In a pause that our strategy found, the last word may still be in the pipeline.
        return "split" if model_ends else "flush"

    def _end(self, *, flush: bool) -> list[Final]:
        result = json.loads(self._kaldi.FinalResult() if flush else self._kaldi.Result())
        final = self._final(result)
        self._begin()
        if final is None:
            return []
        self._shown, self._shown_at = "", self.at
        return [final]

    def _final(self, result: dict[str, Any]) -> Final | None:
        words = [
            Word(
                text=word["word"],
                start=min(self._ms(word["start"]), self.at),
                end=min(self._ms(word["end"]), self.at),
                confidence=min(1.0, max(0.0, float(word.get("conf", 0.0)))),
            )
            for word in result.get("result", ())
        ]
        text = str(result.get("text", ""))
        if not text:
            return None
        start, end = (words[0].start, words[-1].end) if words else (self._begun, self.at)
        return Final(
            text=text,
            words=tuple(words),
            start=start,
            end=end,
            alternatives=self._alternatives(start, end),
            leg=self._listening.leg,
            at=self.at,
        )

    def _alternatives(self, start: int, end: int) -> tuple[Alternative, ...]:
        """A second pass over the utterance: with alternatives switched on Vosk gives no confidences, so not in the first."""
        if self._utterance is None:
            return ()
        first = max(0, start - MARGIN_MS - self._from) * BYTES_PER_MS
        last = max(0, end + MARGIN_MS - self._from) * BYTES_PER_MS
        kaldi = vosk.KaldiRecognizer(self._model, float(RATE))
        kaldi.SetMaxAlternatives(self._listening.alternatives)
        kaldi.AcceptWaveform(bytes(self._utterance[first:last]) + bytes(PAD_MS * BYTES_PER_MS))
        found = json.loads(kaldi.FinalResult()).get("alternatives", ())
        return tuple(Alternative(text=str(one["text"]).strip(), score=float(one["confidence"])) for one in found)

    def _begin(self) -> None:
        self._begun = self.at
        self._text = ""
        self._loud_before = self._meter.loud
        self._first_at: int | None = None
        self._changed_at = self._looked_at = self.at
        if self._utterance is not None:
            # The next utterance's first frames may lie before this moment: Vosk decodes behind the audio.
            kept = min(len(self._utterance), 2_000 * BYTES_PER_MS)
            del self._utterance[: len(self._utterance) - kept]
            self._from = (self._bytes - kept) // BYTES_PER_MS

    def _look(self) -> None:
        self._looked_at = self.at
        # Right after a final Vosk answers {"text": ""} instead.
        text = str(json.loads(self._kaldi.PartialResult()).get("partial", ""))
        if text != self._text:
            self._text, self._changed_at = text, self.at
            if self._first_at is None:
                self._first_at = self.at

    def _partial(self) -> Partial:
        self._shown, self._shown_at = self._text, self.at
        return Partial(text=self._text, at=self.at, leg=self._listening.leg)

    def _feed(self, pcm: bytes) -> bool:
        if self._kaldi is None:
            raise Unavailable("the stream is closed")
        try:
            return bool(self._kaldi.AcceptWaveform(pcm))
        except Exception as error:  # Vosk raises nothing narrower
            raise Unavailable("the recogniser failed on this audio") from error

    def _ms(self, seconds: float) -> int:
        return max(0, round(seconds * 1000) - self._padded)
