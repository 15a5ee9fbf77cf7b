"""What a draft's fields are sure of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import nlu
from intake.fields import HEARD_BADLY, fields_of
from intake.message import Message, Sender
from nlu.contract import Context, Turn
from ticketing.drafts import DraftField

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
TEXT = "空调不制冷 地址是杭州市西湖区文三路八号 电话幺三九零零零零幺二三四"


def fields(extra: dict[str, Any]) -> dict[str, DraftField]:
    message = Message(
        channel="sip",
        channel_id="1",
        sender=Sender(kind="phone", value=""),
        text=TEXT,
        sent_at=NOW,
        style="call",
        extra=extra,
    )
    understanding = nlu.load().understand([Turn(text=TEXT, channel="call")], Context(now=NOW))
    session: Any = None  # nothing is looked up: no label was scanned
    return {f.name: f for f in fields_of(session, message, [], 1, understanding)}


def test_what_the_dialog_heard_badly_is_not_sure_enough_to_be_confirmed_without_a_look() -> None:
    plain, marked = fields({}), fields({"dialog": {"unsure": ["address"]}})
    assert plain["address"].confidence > HEARD_BADLY
    assert marked["address"].confidence == HEARD_BADLY
    assert marked["address"].value == plain["address"].value
    assert marked["phone"] == plain["phone"]
