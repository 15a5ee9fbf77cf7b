"""What was kept goes after its days, not before its ticket has ended, never while it is held; the ticket keeps the text."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import wiring
from core import blobs, clock, db, settings
from core.blobs import DirectoryBlobs
from core.db import Database
from core.errors import NotFound
from core.outbox import PromiseRow
from dispatch import Visit, save_engineer
from intake import Attachment, MessageRow, accept_now, pipeline, retention, understand
from intake.retention import RetentionSettings
from settlement import Bill
from tests.support.desk import desk, person
from tests.support.messages import message
from tests.support.promises import keep_promises
from tests.support.understanding import Told
from ticketing import AuditEntry, Customer, Entry, Event, Ticket
from ticketing.tables import TicketHold

pytestmark = pytest.mark.usefixtures("understood")
assert understand  # keeps the promise to understand a message
DAYS = timedelta(days=1)


@pytest.fixture
def understood(turnable: clock.TurnableClock) -> Any:
    pipeline.use(Told())
    yield
    pipeline.use(None)


@pytest.fixture(autouse=True)
def policy() -> None:
    settings.use(RetentionSettings(recordings_days=30, originals_days=60, attachments_days=90))


def arrived(**more: Any) -> tuple[str, int]:
    """A message with everything, and its draft."""
    store = blobs.store()
    number = os.urandom(4).hex()
    picture = more.pop("picture", f"picture {number}".encode())
    accepted = accept_now(
        message(
            text="请看照片",
            channel="generic",
            recording=store.put(f"sound {number}".encode()),
            original=store.put(f"original {number}".encode()),
            attachments=[Attachment(name="a.png", type="image/png", size=9, blob=store.put(picture))],
            sender=f"caller {number}",
            **more,
        )
    )
    keep_promises("intake.understand")
    with db.read() as session:
        row = session.get_one(MessageRow, accepted.message_id)
        assert row.ticket_id is not None
    aged(row)
    return row.id, row.ticket_id


def aged(row: MessageRow) -> None:
    """Contents lie on a real disk: they were put at the turned clock's time."""
    for reference in {row.content["recording"], row.content["original"], row.content["attachments"][0]["blob"]}:
        path = blobs.store().root / reference[:2] / reference[2:4] / reference
        os.utime(path, (clock.now().timestamp(),) * 2)


def end(ticket_id: int, state: str = "closed") -> None:
    with db.write() as session:
        session.get_one(Ticket, ticket_id).state = state


def kept(message_id: str) -> set[str]:
    """Which contents can still be read."""
    with db.read() as session:
        content = session.get_one(MessageRow, message_id).content
    found = set()
    for kind, reference in (
        ("recording", content["recording"]),
        ("original", content["original"]),
        ("attachments", content["attachments"][0]["blob"]),
    ):
        try:
            blobs.store().get(reference or "0" * 64)
            found.add(kind)
        except NotFound:
            pass
    return found


def next_night(turnable: clock.TurnableClock, days: int) -> None:
    turnable.turn(by=DAYS * days)
    keep_promises("intake.retention")


EVERYTHING = {"recording", "original", "attachments"}


def test_each_kind_goes_after_its_days(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    retention.begin()
    message_id, ticket_id = arrived()
    end(ticket_id)
    next_night(turnable, 29)
    assert kept(message_id) == EVERYTHING
    next_night(turnable, 2)
    assert kept(message_id) == {"original", "attachments"}
    next_night(turnable, 30)
    assert kept(message_id) == {"attachments"}
    next_night(turnable, 30)
    assert kept(message_id) == set()
    with db.read() as session:
        entry = session.scalars(select(Entry).where(Entry.message_id == message_id)).one()
        assert entry.text == "请看照片"
        assert (entry.recording, entry.attachments[0]["blob"], entry.attachments[0]["name"]) == (None, "", "a.png")
        assert set(entry.deleted or {}) == EVERYTHING
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "content.deleted")).all()
        assert [(row.subject, row.details["kinds"]) for row in audited] == [
            (f"ticket:{ticket_id}", ["recording"]),
            (f"ticket:{ticket_id}", ["original"]),
            (f"ticket:{ticket_id}", ["attachments"]),
        ]
        assert len(session.scalars(select(Event).where(Event.kind == "content.deleted")).all()) == 3
        row = session.get_one(MessageRow, message_id)
        assert set(row.content["extra"]["deleted"]) == EVERYTHING
    assert list(blob_store) == []


def test_a_ticket_under_way_keeps_its_evidence(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    retention.begin()
    message_id, ticket_id = arrived()
    next_night(turnable, 200)
    assert kept(message_id) == EVERYTHING
    assert [one.stays for one in retention.due(retention.days())] == ["under way"]
    end(ticket_id, "cancelled")
    next_night(turnable, 1)
    assert kept(message_id) == set()


async def test_a_hold_stops_it_and_only_a_manager_may_set_one(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    retention.begin()
    message_id, ticket_id = arrived()
    _, other = arrived()
    end(ticket_id)
    end(other)
    person("lin", "manager")
    person("wang", "agent")
    async with desk("lin") as lin, desk("wang") as wang:
        assert (await wang.send(f"/tickets/{ticket_id}/hold", {"reason": "x"}, method="PUT"))[0] == 403
        assert (await lin.send(f"/tickets/{ticket_id}/hold", {"reason": ""}, method="PUT"))[0] == 422
        status, seen = await lin.send(f"/tickets/{ticket_id}/hold", {"reason": "诉讼 2026-17"}, method="PUT")
        assert (status, seen["held"]) == (200, "诉讼 2026-17")
    next_night(turnable, 100)
    assert kept(message_id) == EVERYTHING
    async with desk("lin") as lin:
        status, seen = await lin.send(f"/tickets/{ticket_id}/hold", method="DELETE")
        assert (status, seen["held"]) == (200, None)
    next_night(turnable, 1)
    assert kept(message_id) == set()
    with db.read() as session:
        query = select(AuditEntry.action).where(AuditEntry.action.in_(("ticket.held", "ticket.released")))
        assert session.scalars(query.order_by(AuditEntry.id)).all() == ["ticket.held", "ticket.released"]


def test_what_a_held_ticket_was_merged_from_is_held_too(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    message_id, merged = arrived()
    _, into = arrived()
    with db.write() as session:
        session.get_one(Ticket, merged).merged_into_id = into
        session.add(TicketHold(ticket_id=into, reason="law", actor="user:1", at=clock.now()))
    end(merged, "merged")
    end(into)
    turnable.turn(by=100 * DAYS)
    assert {one.message_id: one.stays for one in retention.due(retention.days())}[message_id] == "held"


def test_what_another_message_needs_stays_for_it(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    retention.begin()
    first, ticket_id = arrived(picture=b"the same picture")
    turnable.turn(by=50 * DAYS)
    second, other = arrived(picture=b"the same picture")
    end(ticket_id)
    end(other)
    next_night(turnable, 50)
    assert kept(first) == set()
    assert "attachments" in kept(second)
    next_night(turnable, 50)
    assert kept(second) == set()


def test_a_content_that_came_again_just_now_waits(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    message_id, ticket_id = arrived(picture=b"a logo")
    end(ticket_id)
    turnable.turn(by=100 * DAYS)
    reference = blob_store.put(b"a logo")  # its message is still on its way into the inbox
    path = blob_store.root / reference[:2] / reference[2:4] / reference
    os.utime(path, (clock.now().timestamp(),) * 2)
    assert retention.delete(list(retention.due(retention.days())), "test", "test") == 0
    assert kept(message_id) == EVERYTHING
    turnable.turn(by=timedelta(hours=2))
    assert retention.delete(list(retention.due(retention.days())), "test", "test") == 1


def test_for_ever_is_for_ever_and_the_run_is_promised_once_a_day(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    settings.use(RetentionSettings())
    retention.begin()
    retention.begin()
    message_id, ticket_id = arrived()
    end(ticket_id)
    for _ in range(3):
        next_night(turnable, 400)
    assert kept(message_id) == EVERYTHING
    with db.read() as session:
        runs = session.scalars(select(PromiseRow).where(PromiseRow.kind == retention.KIND)).all()
    assert [row.state for row in runs] == ["waiting"]
    # Three in the morning in Shanghai is 19:00 in UTC.
    assert runs[0].due > clock.now()
    assert runs[0].due.astimezone(UTC).hour == 19
    assert runs[0].due - clock.now() <= DAYS


async def test_the_api_says_when_a_recording_was_deleted(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    _, ticket_id = arrived()
    end(ticket_id)
    turnable.turn(by=31 * DAYS)
    assert retention.delete(list(retention.due(retention.days())), "intake", "recording 30 days") == 1
    person("wang", "agent")
    async with desk("wang") as wang:
        _, seen = await wang.get(f"/tickets/{ticket_id}")
        entry = seen["entries"][0]
        assert (entry["recording_url"], set(entry["deleted"])) == (None, {"recording"})
        status, problem = await wang.get(f"/tickets/{ticket_id}/recording")
        assert status == 404
        assert datetime.fromisoformat(problem["details"]["deleted"]) == clock.now()


def test_a_customers_contents_are_erased_whatever_their_age(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    message_id, ticket_id = arrived()
    open_id, _ = arrived()
    with db.write() as session:
        customer = session.get_one(Ticket, ticket_id).customer_id
        assert customer is not None
        session.get_one(MessageRow, open_id).customer_id = customer
    end(ticket_id)
    turnable.turn(by=timedelta(hours=2))
    copies = {path.name: path.read_bytes() for path in blob_store.root.glob("??/??/*") if path.suffix != ".key"}
    assert retention.erase_customer(customer, "user:1", "he asked for it") == (1, 1)
    assert kept(message_id) == set()
    assert kept(open_id) == EVERYTHING
    for name, content in copies.items():  # a copy that was made of the contents before
        path = blob_store.root / name[:2] / name[2:4] / name
        if not path.exists():
            path.write_bytes(content)
            with pytest.raises(NotFound, match="erased"):
                blob_store.get(name)
    with pytest.raises(NotFound):
        retention.erase_customer(999, "user:1", "nobody")


def test_what_came_just_now_stays_and_is_said(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    message_id, ticket_id = arrived()
    end(ticket_id)
    customer = customer_of(ticket_id)
    assert retention.erase_customer(customer, "user:1", "he asked for it") == (0, 1)
    assert kept(message_id) == EVERYTHING
    turnable.turn(by=timedelta(hours=2))
    assert retention.erase_customer(customer, "user:1", "he asked for it") == (1, 0)
    assert kept(message_id) == set()


def test_contents_of_joined_customers_are_erased_with_theirs(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    (first, one), (second, other), (third, stranger) = arrived(), arrived(), arrived()
    for ticket_id in (one, other, stranger):
        end(ticket_id)
    with db.write() as session:
        session.get_one(Customer, customer_of(other)).joined_into = customer_of(one)
    turnable.turn(by=timedelta(hours=2))
    assert retention.erase_customer(customer_of(one), "user:1", "he asked for it") == (2, 0)
    assert (kept(first), kept(second), kept(third)) == (set(), set(), EVERYTHING)


def customer_of(ticket_id: int) -> int:
    with db.read() as session:
        found = session.get_one(Ticket, ticket_id).customer_id
    assert found is not None
    return found


@pytest.mark.parametrize("where", ["photo", "signature", "bill"])
def test_the_proof_of_service_stays_though_a_customer_sent_the_same(
    any_database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock, where: str
) -> None:
    """Contents are named by what they hold: the engineer's picture and the customer's are one file."""
    wiring.guard_contents()
    message_id, ticket_id = arrived(picture=b"a picture of the plate")
    end(ticket_id)
    reference = blob_store.put(b"a picture of the plate")
    engineer_id = person("wei", "engineer")
    with db.write() as session:
        if where == "bill":
            agreed = {"name": "x", "at": "", "by": "", "signature": reference}
            session.add(
                Bill(
                    ticket_id=ticket_id,
                    number="B1",
                    state="agreed",
                    book="1",
                    total=0,
                    because={},
                    created=clock.now(),
                    consent=agreed,
                )
            )
        else:
            engineer = save_engineer(session, engineer_id)
            photo = {"name": "p", "type": "image/png", "size": 1, "blob": reference}
            session.add(
                Visit(
                    ticket_id=ticket_id,
                    engineer_id=engineer.id,
                    state="done",
                    by="dispatch",
                    proposed=clock.now(),
                    photos=[photo] if where == "photo" else [],
                    signature=reference if where == "signature" else None,
                )
            )
    turnable.turn(by=100 * DAYS)
    assert retention.delete(list(retention.due(retention.days())), "test", "test") == 1
    with db.read() as session:
        assert session.get_one(MessageRow, message_id).content["attachments"][0]["blob"] == ""
    assert blob_store.get(reference) == b"a picture of the plate"


def test_what_a_dead_process_was_writing_goes_after_a_day(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    retention.begin()
    reference = blob_store.put(b"a content")
    left, lately = blob_store.root / f".{'0' * 24}", blob_store.root / f".{'1' * 24}"
    for path in (left, lately, blob_store.root / ".lock"):
        path.write_bytes(b"half of it")
        os.utime(path, (clock.now().timestamp(),) * 2)
    os.utime(lately, ((clock.now() + 2 * DAYS).timestamp(),) * 2)
    next_night(turnable, 2)
    assert [path.exists() for path in (left, lately, blob_store.root / ".lock")] == [False, True, True]
    assert blob_store.get(reference) == b"a content"
