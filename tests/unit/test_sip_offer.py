"""The settings' codecs come first in what a process is offered."""

from __future__ import annotations

import pytest

from connectors.sip.offer import prefer

MAPS = "a=rtpmap:0 PCMU/8000\r\na=rtpmap:96 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"


def offer(formats: str, rest: str = MAPS) -> bytes:
    return f"v=0\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP {formats}\r\n{rest}".encode()


@pytest.mark.parametrize(
    ("formats", "codecs", "wanted"),
    [
        ("0 8 101", ("PCMA", "PCMU"), "8 0 101"),
        ("0 8 9 101", ("G722", "PCMA"), "9 8 0 101"),
        ("101 0 8", ("PCMA", "PCMU"), "8 0 101"),
        ("0 96 101", ("PCMA", "PCMU"), "96 0 101"),  # a dynamic number for what has a static one
        ("18 4 101", ("PCMA",), "18 4 101"),
        ("0", (), "0"),
    ],
)
def test_order(formats: str, codecs: tuple[str, ...], wanted: str) -> None:
    assert prefer(offer(formats), codecs) == offer(wanted)


def test_only_voice_is_put_in_order() -> None:
    video = offer("8 0") + b"m=video 5000 RTP/AVP 0 8\r\na=rtpmap:8 H264/90000\r\n"
    assert prefer(video, ("PCMU", "PCMA")) == video.replace(b"AVP 8 0", b"AVP 0 8", 1)


@pytest.mark.parametrize(
    "body", [b"", b"m=audio", b"m=audio 1 2", b"m=audio \xff RTP/AVP \xfe 8", b"\r\n\r\nm=audio 1 x 8 0"]
)
def test_what_is_no_offer_passes(body: bytes) -> None:
    assert len(prefer(body, ("PCMU",)).splitlines()) == len(body.splitlines())
