"""Messages for tests; every person in them is invented."""

from __future__ import annotations

import itertools
from typing import Any

from core import clock
from intake import Message, Sender

_numbers = itertools.count(1)


def message(
    text: str = "空调不制冷", *, channel: str = "wechat", sender: str | Sender = "o-anna", **more: Any
) -> Message:
    """A message of the WeChat customer o-anna, unless told otherwise."""
    kind = {"wechat": "openid", "email": "mail", "sip": "phone"}.get(channel, "account")
    person = sender if isinstance(sender, Sender) else Sender(kind=kind, value=sender)
    more.setdefault("channel_id", f"m{next(_numbers)}")
    more.setdefault("sent_at", clock.now())
    more.setdefault("conversation", person.value if channel == "wechat" else "")
    more.setdefault("style", {"sip": "call", "email": "email", "wechat": "wechat"}.get(channel, "form"))
    return Message(channel=channel, sender=person, text=text, **more)
