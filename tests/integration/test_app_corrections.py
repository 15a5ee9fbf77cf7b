"""An agent's correction becomes a training example in the labelling guidelines' format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.commands import corrections
from core import db
from core.db import Database
from intake import accept_now, understand
from tests.support import keep_promises
from tests.support.messages import message
from tests.support.understanding import usual
from ticketing import Ticket, User, create_user, review
from ticketing.access import actor_of


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    understand.use(usual())
    yield
    understand.use(None)


def test_what_an_agent_corrected_is_exported(database: Database, tmp_path: Path) -> None:
    text = "我家空调不制冷，住在枫林路7号，找周敏"
    accept_now(message(text))
    keep_promises("intake.understand")
    with db.write() as session:
        create_user(session, login="agent", name="小周", role="agent")
        agent = actor_of(session.scalars(select(User)).one())
        ticket = session.scalars(select(Ticket)).one()
        review.change(session, ticket, agent, fields={"contact_name": "周敏", "address": None})
        review.confirm(session, ticket, agent, incomplete=True)
    out = tmp_path / "reviewed.jsonl"
    corrections.export(out=out, every=False)
    [example] = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    found = {(f["name"], f["text"], f["value"]) for f in example["fields"]}
    assert found == {("device", "空调", "空调"), ("fault", "不制冷", "不制冷"), ("contact_name", "周敏", "周敏")}
    assert all(text[f["start"] : f["end"]] == f["text"] for f in example["fields"])
    assert (example["channel"], example["intents"]) == ("wechat", ["repair"])
    assert out.stat().st_mode & 0o077 == 0
