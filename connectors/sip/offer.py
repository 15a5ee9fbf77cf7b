"""The order of codecs in a caller's SDP offer. pjsip answers with the caller's first; the settings' first is wanted."""

from __future__ import annotations

from collections.abc import Sequence

_STATIC = {"0": "pcmu", "3": "gsm", "8": "pcma", "9": "g722"}  # RFC 3551 §6


def prefer(sdp: bytes, codecs: Sequence[str]) -> bytes:
    """The same offer with our codecs first, in our order; formats that are none of them keep theirs behind. An answer may
    choose any format that is offered (RFC 3264 §6.1)."""
    wanted = [codec.lower() for codec in codecs]
    lines = sdp.split(b"\r\n")
    starts = [at for at, line in enumerate(lines) if line.startswith(b"m=")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        words = lines[start].decode("ascii", "replace").split(" ")
        if words[0] != "m=audio" or len(words) < 5:
            continue
        names = _names(lines[start:end])
        ranks = {each: wanted.index(names[each]) for each in words[3:] if names.get(each) in wanted}
        formats = sorted(words[3:], key=lambda each: ranks.get(each, len(wanted)))
        lines[start] = " ".join([*words[:3], *formats]).encode("ascii", "replace")
    return b"\r\n".join(lines)


def _names(section: Sequence[bytes]) -> dict[str, str]:
    """Codecs by format; a dynamic format's is in its rtpmap."""
    found = dict(_STATIC)
    for line in section:
        if line.startswith(b"a=rtpmap:"):
            number, _, codec = line[9:].decode("ascii", "replace").partition(" ")
            found[number] = codec.partition("/")[0].strip().lower()
    return found
