"""The identity of a mail is its content. A Message-ID may be missing, repeated, or made anew at every fetch."""

from __future__ import annotations

import hashlib
import re

# Lines that each station adds: the same mail that comes by two ways, or is fetched again, differs only in these.
_TRACE = re.compile(
    rb"(?:received|return-path|delivered-to|envelope-to|x-original-to|x-envelope-(?:to|from)|authentication-results|"
    rb"arc-(?:seal|message-signature|authentication-results)|received-spf|x-received|x-spam-[a-z-]+|x-uidl?|x-mozilla-[a-z0-9-]+|"
    rb"status|x-status|x-keywords|lines|content-length):",
    re.IGNORECASE,
)


def of(raw: bytes) -> str:
    """SHA-256 in hex over the header without trace lines and the body, line ends as \\n."""
    head, separator, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    digest = hashlib.sha256()
    skipping = False
    for line in head.split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            skipping = bool(_TRACE.match(line)) or line.startswith((b"From ", b">From "))
        if not skipping:
            digest.update(line + b"\n")
    digest.update(separator)
    digest.update(body.rstrip(b"\n"))
    return digest.hexdigest()
