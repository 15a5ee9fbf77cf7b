"""What makes a page's form ours: a signed token with its time, a proof of work, and signed follow links.

Nothing is kept: a token is ``nonce.time.signature``, bound to what the form is for. Its nonce is also the identity of the
report, so sending a form twice gives one message.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass

from core import clock, secrets
from core.errors import Forbidden


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A valid token's content."""

    nonce: str
    age: float


def issue(purpose: str) -> str:
    """A token for a form that is opened now."""
    content = f"{random.token_hex(12)}.{int(clock.now().timestamp())}"
    return f"{content}.{secrets.sign('webform.' + purpose, content, 32)}"


def read(token: str, purpose: str, hours: float) -> Opened:
    """Raises Forbidden for a token that is not ours, is for another form, or is too old."""
    nonce, _, rest = token.partition(".")
    issued, _, signature = rest.partition(".")
    if len(token) > 200 or not secrets.check("webform." + purpose, f"{nonce}.{issued}", signature):
        raise Forbidden("The form cannot be sent like this; please open it again.")
    age = clock.now().timestamp() - int(issued)
    if not -60 <= age <= hours * 3600:
        raise Forbidden("The form was opened too long ago; please open it again.")
    return Opened(nonce=nonce, age=age)


def proves(token: str, answer: str, bits: int) -> bool:
    """Whether SHA-256 of ``token:answer`` begins with ``bits`` zero bits."""
    if bits == 0:
        return True
    if not answer.isascii() or not answer.isdigit() or len(answer) > 12:
        return False
    digest = hashlib.sha256(f"{token}:{answer}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - bits) == 0


def prove(token: str, bits: int) -> str:
    """Finds the answer, as the page's script does; for clients that are programs."""
    answer = 0
    while not proves(token, str(answer), bits):
        answer += 1
    return str(answer)


def follow_key(subject: str, days: float) -> str:
    """A key that opens the story of ``subject`` (a ticket's or receipt's number) for some days."""
    until = int(clock.now().timestamp() + days * 86400)
    return f"{until}.{secrets.sign('webform.follow', f'{subject}.{until}', 32)}"


def check_follow(subject: str, key: str) -> None:
    """Raises Forbidden for a key that does not fit or is over."""
    until, _, signature = key.partition(".")
    if not secrets.check("webform.follow", f"{subject}.{until}", signature):
        raise Forbidden("This link is not valid.")
    if clock.now().timestamp() > int(until):
        raise Forbidden("This link is no longer valid; please enter number and code again.")
