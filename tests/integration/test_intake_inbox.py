"""The inbox on both databases: kept before it answers, once however often it comes."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from core import db
from core.db import Database
from core.errors import InvalidInput, TooLarge
from core.outbox import PromiseRow
from core.text import clean
from intake import Attachment, HeardWord, MessageRow, Place, Sender, accept, accept_now, message_of
from tests.support.messages import message


def count(table: type) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_message_is_kept_whole_with_the_promise_to_understand_it(any_database: Database) -> None:
    sent = message(
        subject="报修",
        attachments=[Attachment(name="图.jpg", type="image/jpeg", size=12, blob="0" * 64)],
        place=Place(latitude=39.9, longitude=116.4, label="门口"),
        words=[HeardWord(text="空调", offset=0, start=100, end=400, confidence=0.9)],
        thread=["<a@b>"],
        fields={"phone": "13800138000"},
        extra={"k": 1},
    )
    acceptance = accept_now(sent)
    assert not acceptance.known
    with db.read() as session:
        kept = message_of(session.get_one(MessageRow, acceptance.message_id))
        promise = session.scalars(select(PromiseRow)).one()
    assert kept == dataclasses.replace(
        sent, attachments=tuple(sent.attachments), words=tuple(sent.words), thread=("<a@b>",)
    )
    assert promise.payload == {"message": acceptance.message_id}


def test_a_burst_with_every_message_three_times_gives_each_once(any_database: Database) -> None:
    burst = [message(channel_id=f"b{n % 100}", sender=f"o{n % 7}") for n in range(300)]
    with ThreadPoolExecutor(12) as pool:
        acceptances = list(pool.map(accept_now, burst))
    assert count(MessageRow) == count(PromiseRow) == 100
    assert sum(not a.known for a in acceptances) == 100
    ids: dict[str, set[str]] = {}
    for sent, acceptance in zip(burst, acceptances, strict=True):
        ids.setdefault(sent.channel_id, set()).add(acceptance.message_id)
    assert all(len(found) == 1 for found in ids.values())


async def test_the_asynchronous_door_is_the_same(database: Database) -> None:
    first = await accept(message(channel_id="x"))
    again = await accept(message(channel_id="x"))
    assert (first.known, again.known, again.message_id) == (False, True, first.message_id)


def test_the_same_identity_on_another_channel_is_another_message(any_database: Database) -> None:
    accept_now(message(channel_id="1", channel="wechat"))
    accept_now(message(channel_id="1", channel="email"))
    assert count(MessageRow) == 2


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"channel_id": ""}, InvalidInput),
        ({"channel_id": "x" * 256}, InvalidInput),
        ({"attachments": [Attachment(name="a", type="b", size=1)] * 51}, TooLarge),
        ({"sent_at": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001  # that is the point
        ({"words": [HeardWord(text="x", offset=-1, start=0, end=1, confidence=1)]}, InvalidInput),
    ],
)
def test_what_cannot_be_kept_is_refused(database: Database, wrong: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        accept_now(message(**wrong))  # type: ignore[arg-type]
    assert count(MessageRow) == 0


def test_an_endless_text_is_cut_and_says_so(database: Database) -> None:
    acceptance = accept_now(message("长" * 300_000))
    with db.read() as session:
        row = session.get_one(MessageRow, acceptance.message_id)
    assert len(row.text) == 200_000
    assert "cut" in row.problem


def test_text_that_databases_refuse_is_cleaned(any_database: Database) -> None:
    acceptance = accept_now(message("空\x00调\ud800\r\n好", sender="o\x7f"))
    with db.read() as session:
        assert session.get_one(MessageRow, acceptance.message_id).text == "空调?\n好"


def test_one_bad_message_does_not_refuse_its_neighbours(any_database: Database) -> None:
    bad = message(extra={"cannot": object()})
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(accept_now, m) for m in [message(), bad, message(), message()]]
    assert [f.exception() is None for f in futures] == [True, False, True, True]
    assert count(MessageRow) == 3


@given(st.text(max_size=200))
def test_clean_text_is_stable_and_fit_for_every_database(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert "\x00" not in once
    assert "\r" not in once
    once.encode()


def test_a_sender_may_have_several_identities() -> None:
    sender = Sender(kind="openid", value="o1", others={"unionid": "u1"})
    assert sender.others["unionid"] == "u1"
