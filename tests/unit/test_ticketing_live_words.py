"""What a screen hears of a call depends on whether its user may see personal data."""

from __future__ import annotations

from ticketing.access import Actor
from ticketing.live_feed import Listener
from ticketing.roles import ROLES

ITEM = {
    "topic": "call:abc",
    "number": 7,
    "kind": "partial",
    "session": "abc",
    "text": "我住在枫林路七号",
    "fields": {"a": 1},
}


def heard_by(role: str) -> dict[str, object]:
    listener = Listener(Actor(id=1, login=role, name=role, role=role, permissions=ROLES[role]))
    listener.give(dict(ITEM))
    item = listener.items.get_nowait()
    assert item is not None
    return item


async def test_an_agent_hears_the_words() -> None:
    assert heard_by("agent")["text"] == ITEM["text"]


async def test_a_manager_hears_that_somebody_speaks_and_nothing_personal() -> None:
    assert heard_by("manager") == {"topic": "call:abc", "number": 1, "kind": "partial", "session": "abc"}
