"""The WebSocket protocol of vosk-server, and what Hotline adds to it. docs/recognition.md is its description.

Client: ``{"config": {"sample_rate": 8000, "words": 1, "max_alternatives": 0}}`` (optional), binary audio, ``{"reset": 1}``,
``{"eof": 1}``. Server: for each audio message one ``{"partial": ...}`` or ``{"result": [...], "text": ...}``.

With ``"hotline": {...}`` inside ``config`` results are pushed as they come instead, partials in their own rhythm, with
times in ms beside them; ``{"config": {"hotline": {"endpointing": "digits"}}}`` may be sent again while speech goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from asr.audio import ENCODINGS
from asr.contract import RATE, Alternative, Final, Listening, Partial, Word
from asr.endpointing import strategy
from core.errors import HotlineError, InvalidInput, Malformed, Unavailable

MAX_TEXT = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """What a client asked for. ``pushed``: it speaks Hotline's extension."""

    rate: int = RATE
    encoding: str = "s16le"
    words: bool = True
    pushed: bool = False
    listening: Listening = field(default_factory=lambda: Listening(partial_ms=0))


@dataclass(frozen=True, kw_only=True)
class Control:
    """A text message: ``config`` as it stood, or ``eof``, or ``reset``."""

    config: dict[str, Any] | None = None
    eof: bool = False
    reset: bool = False


def read_control(text: str) -> Control:
    """Raises Malformed."""
    if len(text) > MAX_TEXT:
        raise Malformed("a text message is too long")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("a text message must be JSON") from None
    if not isinstance(message, dict):
        raise Malformed("a text message must be a JSON object")
    config = message.get("config")
    if config is not None and not isinstance(config, dict):
        raise Malformed("config must be an object")
    if config is None and not message.get("eof") and not message.get("reset"):
        raise Malformed("a text message must hold config, eof or reset")
    return Control(config=config, eof=bool(message.get("eof")), reset=bool(message.get("reset")))


def read_config(config: dict[str, Any], partial_ms: int) -> StreamConfig:
    """Raises InvalidInput naming the field. Unknown fields, ``model`` among them, are passed over as vosk clients expect."""
    ours = config.get("hotline")
    if ours is not None and not isinstance(ours, dict):
        raise InvalidInput("hotline must be an object", field="hotline")
    pushed = ours is not None
    ours = ours or {}
    encoding = ours.get("encoding", "s16le")
    if encoding not in ENCODINGS:
        raise InvalidInput(f"encoding must be one of {', '.join(ENCODINGS)}", field="encoding")
    leg = ours.get("leg", "")
    if not isinstance(leg, str) or len(leg) > 40:
        raise InvalidInput("leg must be a short text", field="leg")
    return StreamConfig(
        rate=_number(config, "sample_rate", RATE, 8_000, 48_000),
        encoding=encoding,
        words=bool(config.get("words", True)),
        pushed=pushed,
        listening=Listening(
            endpointing=strategy(str(ours.get("endpointing", "free"))).name,
            partial_ms=_number(ours, "partial_ms", partial_ms, 20, 10_000) if pushed else 0,
            alternatives=_number(config, "max_alternatives", 0, 0, 10),
            leg=leg,
        ),
    )


def write_config(rate: int, encoding: str, listening: Listening) -> str:
    return json.dumps(
        {
            "config": {
                "sample_rate": rate,
                "max_alternatives": listening.alternatives,
                "hotline": {
                    "encoding": encoding,
                    "endpointing": listening.endpointing,
                    "partial_ms": listening.partial_ms,
                    "leg": listening.leg,
                },
            }
        }
    )


def _number(fields: dict[str, Any], name: str, default: int, lowest: int, highest: int) -> int:
    value = fields.get(name, default)
    if isinstance(value, str):  # some clients send "8000"
        value = int(value) if value.isdecimal() and len(value) < 9 else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise InvalidInput(f"{name} must be a number from {lowest} to {highest}", field=name)
    return int(value)


def write_partial(partial: Partial, *, pushed: bool) -> str:
    body: dict[str, Any] = {"partial": partial.text}
    if pushed:
        body["at"] = partial.at
    return json.dumps(body, ensure_ascii=False)


def write_final(finals: list[Final], config: StreamConfig) -> str:
    """Several finals become one answer where vosk's protocol has room for one only; none: an empty text, as vosk's."""
    text = " ".join(final.text for final in finals)
    words = [_word(word) for final in finals for word in final.words] if config.words else []
    if config.listening.alternatives and not config.pushed:
        return json.dumps({"alternatives": _alternatives(finals, text, words, config)}, ensure_ascii=False)
    body: dict[str, Any] = {"result": words} if words else {}
    body["text"] = text
    if config.pushed and finals:
        body |= {"start": finals[0].start, "end": finals[-1].end, "at": finals[-1].at}
        body["alternatives"] = [{"text": one.text, "confidence": one.score} for one in finals[-1].alternatives]
    return json.dumps(body, ensure_ascii=False)


def _word(word: Word) -> dict[str, Any]:
    return {"conf": round(word.confidence, 6), "end": word.end / 1000, "start": word.start / 1000, "word": word.text}


def _alternatives(
    finals: list[Final], text: str, words: list[dict[str, Any]], config: StreamConfig
) -> list[dict[str, Any]]:
    """As vosk has it: the first reading is the best. Word times are known for that one; the others' are spread evenly."""
    first: dict[str, Any] = {
        "confidence": finals[0].alternatives[0].score if finals and finals[0].alternatives else 0.0
    }
    if config.words:
        first["result"] = [{name: word[name] for name in ("end", "start", "word")} for word in words]
    first["text"] = text
    found = [first]
    if len(finals) == 1:
        for one in finals[0].alternatives:
            if one.text == text or len(found) == config.listening.alternatives:
                continue
            other: dict[str, Any] = {"confidence": one.score}
            if config.words:
                other["result"] = _spread(one.text.split(), finals[0].start, finals[0].end)
            other["text"] = one.text
            found.append(other)
    return found


def _spread(words: list[str], start: int, end: int) -> list[dict[str, Any]]:
    step = (end - start) / max(1, len(words)) / 1000
    return [
        {"end": round(start / 1000 + (n + 1) * step, 3), "start": round(start / 1000 + n * step, 3), "word": word}
        for n, word in enumerate(words)
    ]


def write_error(error: HotlineError) -> str:
    return json.dumps({"error": {"code": error.code, "message": error.message, **error.details}}, ensure_ascii=False)


def read_result(text: str, leg: str) -> Partial | Final | None:
    """What a client of the extension gets; None for the empty answer to eof. Raises what the server reported, or Malformed."""
    try:
        body = json.loads(text)
        if "error" in body:
            raise _reported(body["error"])
        if "partial" in body:
            return Partial(text=str(body["partial"]), at=int(body.get("at", 0)), leg=leg)
        if not body["text"]:
            return None
        words = tuple(
            Word(
                text=str(word["word"]),
                start=round(word["start"] * 1000),
                end=round(word["end"] * 1000),
                confidence=float(word["conf"]),
            )
            for word in body.get("result", ())
        )
        return Final(
            text=str(body["text"]),
            words=words,
            start=int(body["start"]),
            end=int(body["end"]),
            at=int(body["at"]),
            leg=leg,
            alternatives=tuple(
                Alternative(text=str(one["text"]), score=float(one["confidence"]))
                for one in body.get("alternatives", ())
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed("the recogniser's answer is not what the protocol says") from error


def _reported(error: dict[str, Any]) -> HotlineError:
    kind = {InvalidInput.code: InvalidInput, Malformed.code: Malformed}.get(str(error.get("code")), Unavailable)
    return kind(str(error.get("message", "")) or None)
