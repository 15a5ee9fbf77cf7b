"""vosk-server's protocol and our extension, read and written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr import Alternative, Final, Listening, Partial, Word
from asr.protocol import StreamConfig, read_config, read_control, read_result, write_config, write_error, write_final
from core.errors import InvalidInput, Malformed, TooMany, Unavailable

WORDS = (Word(text="你好", start=540, end=900, confidence=0.98), Word(text="我", start=900, end=1000, confidence=1.0))
FINAL = Final(text="你好 我", words=WORDS, start=540, end=1000, at=1700)


def test_a_final_reads_as_vosks_own() -> None:
    body = json.loads(write_final([FINAL], StreamConfig()))
    assert body == {
        "result": [
            {"conf": 0.98, "end": 0.9, "start": 0.54, "word": "你好"},
            {"conf": 1.0, "end": 1.0, "start": 0.9, "word": "我"},
        ],
        "text": "你好 我",
    }
    assert json.loads(write_final([FINAL], read_config({"words": 0}, 200))) == {"text": "你好 我"}
    assert json.loads(write_final([], StreamConfig())) == {"text": ""}


def test_two_finals_in_one_answer_lose_nothing() -> None:
    body = json.loads(write_final([FINAL, FINAL], StreamConfig()))
    assert body["text"] == "你好 我 你好 我"
    assert len(body["result"]) == 4


def test_alternatives_read_as_vosks_own() -> None:
    final = Final(
        text="你好 我",
        words=WORDS,
        start=540,
        end=1000,
        alternatives=(Alternative(text="你好 我", score=9.5), Alternative(text="你 好 窝", score=9.1)),
    )
    body = json.loads(write_final([final], read_config({"max_alternatives": 2}, 200)))
    assert [one["text"] for one in body["alternatives"]] == ["你好 我", "你 好 窝"]
    assert [one["confidence"] for one in body["alternatives"]] == [9.5, 9.1]
    assert body["alternatives"][0]["result"][0] == {"end": 0.9, "start": 0.54, "word": "你好"}
    assert body["alternatives"][1]["result"][-1]["end"] == 1.0


def test_what_we_push_our_client_reads_back() -> None:
    config = read_config(
        json.loads(write_config(8000, "alaw", Listening(endpointing="digits", leg="caller")))["config"], 50
    )
    assert (config.rate, config.encoding, config.pushed) == (8000, "alaw", True)
    assert config.listening == Listening(endpointing="digits", leg="caller")
    said = Final(**{**FINAL.__dict__, "alternatives": (Alternative(text="你好", score=1.0),), "leg": "caller"})
    assert read_result(write_final([said], config), "caller") == said
    assert read_result('{"partial": "你", "at": 300}', "caller") == Partial(text="你", at=300, leg="caller")
    assert read_result('{"text": ""}', "") is None


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"sample_rate": 1e12}, "sample_rate"),
        ({"sample_rate": "loud"}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"sample_rate": float("nan")}, "sample_rate"),
        ({"max_alternatives": 1000}, "max_alternatives"),
        ({"hotline": []}, "hotline"),
        ({"hotline": {"encoding": "opus"}}, "encoding"),
        ({"hotline": {"encoding": ["alaw"]}}, "encoding"),
        ({"hotline": {"endpointing": {"a": 1}}}, "endpointing"),
        ({"hotline": {"partial_ms": 0}}, "partial_ms"),
        ({"hotline": {"leg": "x" * 41}}, "leg"),
    ],
)
def test_a_wrong_option_is_named(config: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_config(config, 200)
    assert refused.value.details["field"] == field


def test_what_other_vosk_clients_send_is_taken() -> None:
    config = read_config({"sample_rate": 8000.0, "phrase_list": ["a"], "model": "/etc", "words": True}, 200)
    assert (config.rate, config.words, config.pushed) == (8000, True, False)
    assert read_config({"sample_rate": "8000"}, 200).rate == 8000
    assert read_control('{"eof" : 1}').eof
    assert read_control('{"reset" : 1}').reset


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "1", "{}", '{"config": 1}', '{"eof": 0}', "[" * 20_000, '{"config": "' + "x" * 70_000 + '"}'],
)
def test_garbage_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        read_control(text)


@given(st.text(max_size=200))
def test_no_text_breaks_either_reader(text: str) -> None:
    for reader in (read_control, lambda given: read_result(given, "")):
        try:
            reader(text)
        except Malformed:
            continue


def test_the_servers_errors_come_back_as_errors() -> None:
    with pytest.raises(InvalidInput, match="endpointing must be"):
        read_result(write_error(InvalidInput("endpointing must be known", field="endpointing")), "")
    with pytest.raises(Unavailable, match="taken"):
        read_result(write_error(TooMany("all are taken")), "")
