"""From an accepted message to a draft or an addition, with evidence, reasons and a last resort."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import db
from core.clock import TurnableClock
from core.db import Database
from core.errors import Conflict, InvalidInput
from core.outbox import PromiseRow
from intake import HeardWord, Message, MessageRow, Place, Sender, accept_now, understand
from tests.support import keep_promises
from tests.support.messages import message
from tests.support.understanding import usual
from ticketing import Asset, Customer, Entry, Event, Identity, Ticket, joining, workflow


@pytest.fixture(autouse=True)
def told(turnable: TurnableClock) -> Iterator[None]:
    understand.use(usual())
    yield
    understand.use(None)


def receive(sent: Message) -> Ticket:
    """Takes a message in, understands it, and returns the ticket it led to."""
    acceptance = accept_now(sent)
    keep_promises("intake.understand")
    with db.read() as session:
        row = session.get_one(MessageRow, acceptance.message_id)
        ticket = session.get_one(Ticket, row.ticket_id)
        session.refresh(ticket)
        _ = (ticket.fields, ticket.customer)
        return ticket


def tickets() -> list[Ticket]:
    with db.read() as session:
        return list(session.scalars(select(Ticket)))


def test_a_message_becomes_a_draft_with_evidence(any_database: Database) -> None:
    ticket = receive(message("家里空调不制冷，电话13800138000"))
    assert (ticket.state, ticket.service, ticket.number) == ("draft", "repair", "HT261120-0001")
    device = ticket.field("device")
    assert device is not None
    assert (device.value, device.start, device.end, device.component) == ("空调", 2, 4, "told")
    assert ticket.missing == ["address"]
    with db.read() as session:
        assert [e.kind for e in session.scalars(select(Event))] == ["ticket.drafted"]
        kinds = {(i.kind, i.value) for i in session.scalars(select(Identity))}
    assert kinds == {("openid", "o-anna")}, "a number that is merely written is nobody's identity"


def test_understanding_twice_drafts_once(any_database: Database) -> None:
    accept_now(message(channel_id="same"))
    accept_now(message(channel_id="same"))
    keep_promises()
    with db.write() as session:
        row = session.scalars(select(PromiseRow).where(PromiseRow.kind == "intake.understand")).one()
        row.state = "waiting"
    keep_promises()
    assert len(tickets()) == 1


def test_a_call_s_field_leads_to_its_audio(database: Database) -> None:
    text = "空调 不制冷"
    words = [
        HeardWord(text="空调", offset=0, start=500, end=900, confidence=0.8),
        HeardWord(text="不", offset=3, start=1000, end=1100, confidence=0.8),
        HeardWord(text="制冷", offset=4, start=1100, end=1700, confidence=0.8),
    ]
    ticket = receive(message(text, channel="sip", sender="+8613911112222", words=words))
    fault = ticket.field("fault")
    assert fault is not None
    assert (fault.audio_start, fault.audio_end) == (1000, 1700)
    phone = ticket.field("phone")
    assert phone is not None
    assert (phone.value, phone.component) == ("13911112222", "caller id")


@pytest.mark.parametrize(
    ("heard", "counts"),
    [
        ("139111112222", "13911112222"),  # a digit too many
        ("1391111222", "13911112222"),  # one too few
        ("13911112223", "13911112222"),  # a whole number, one digit beside the caller's
        ("13755556666", "13755556666"),  # another number altogether: the customer wants to be called there
    ],
)
def test_a_slip_in_a_heard_number_is_mended_by_the_caller_s(database: Database, heard: str, counts: str) -> None:
    told = usual()
    told.fields = {heard: ("phone", heard)}
    understand.use(told)
    ticket = receive(message(f"电话{heard}", channel="sip", sender="+8613911112222"))
    phone = ticket.field("phone")
    assert phone is not None
    assert (phone.value, phone.surface, phone.start) == (counts, heard, 2)
    if counts != heard:
        assert heard in [candidate["value"] for candidate in phone.candidates]
        assert phone.component == "caller id"


def test_a_form_s_inputs_count_for_certain(database: Database) -> None:
    ticket = receive(message("漏水", channel="webform", fields={"device": "洗衣机", "phone": "138 0013 8000"}))
    device, phone = ticket.field("device"), ticket.field("phone")
    assert device is not None
    assert phone is not None
    assert (device.value, device.component, device.confidence) == ("洗衣机", "form", 1.0)
    assert ticket.value("fault") == "漏水"


def test_a_scanned_label_tells_the_device(database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        session.add(Asset(code="A-77", device="空调", brand="美的", address="枫林路7号", created=turnable.now()))
    ticket = receive(message("漏水", asset_code="A-77"))
    assert (ticket.value("brand"), ticket.value("address"), ticket.asset_id is not None) == ("美的", "枫林路7号", True)


def test_a_chase_joins_and_raises_the_open_ticket(any_database: Database, turnable: TurnableClock) -> None:
    first = receive(message())
    turnable.turn(by=timedelta(days=2))
    again = receive(message("怎么还没来人"))
    assert again.id == first.id
    assert (first.priority, again.priority) == (3, 2)
    with db.read() as session:
        kinds = [e.kind for e in session.scalars(select(Event).order_by(Event.id))]
        entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
    assert kinds == ["ticket.drafted", "ticket.chased", "ticket.priority_changed"]
    assert entry is not None
    assert "chase" in entry.reason


def test_a_chase_about_a_device_nobody_reported_is_its_own_draft(database: Database, turnable: TurnableClock) -> None:
    first = receive(message())
    turnable.turn(by=timedelta(days=2))
    assert receive(message("洗衣机怎么还没来人")).id != first.id


def test_danger_in_a_later_message_raises_to_the_top(database: Database) -> None:
    receive(message())
    assert receive(message("有煤气味")).priority == 1


def test_a_chat_goes_on_for_an_hour_unless_the_device_changes(database: Database, turnable: TurnableClock) -> None:
    first = receive(message())
    turnable.turn(by=timedelta(minutes=30))
    assert receive(message("地址枫林路7号")).id == first.id
    assert receive(message("洗衣机也漏水")).id != first.id
    turnable.turn(by=timedelta(hours=3))
    assert receive(message("你好")).id not in (first.id,)


def test_what_the_next_message_adds_is_no_longer_missing(database: Database) -> None:
    assert "address" in receive(message()).missing
    ticket = receive(message("枫林路7号 13800138000"))
    assert ticket.missing == []


def test_a_place_gives_the_address_its_coordinates(database: Database) -> None:
    receive(message("空调不制冷 枫林路7号"))
    told = usual()
    told.fields = {"小区北门": ("address", "小区北门")}
    understand.use(told)
    ticket = receive(message("小区北门", place=Place(latitude=31.2, longitude=121.4, label="小区北门")))
    assert len([f for f in ticket.fields if f.name == "address"]) == 1
    address = next(f for f in ticket.fields if f.component == "told" and f.name == "address")
    assert address.resolved is not None
    assert address.resolved["details"]["latitude"] == 31.2


def test_another_customer_s_number_opens_nothing(any_database: Database) -> None:
    first = receive(message())
    stranger = receive(message(f"{first.number} 怎么还没来", sender="o-eve"))
    assert stranger.id != first.id


def test_one_s_own_number_is_enough(database: Database, turnable: TurnableClock) -> None:
    first = receive(message())
    turnable.turn(by=timedelta(days=5))
    assert receive(message(f"关于{first.number.lower()}", channel="wechat")).id == first.id


def test_a_mail_thread_joins_only_for_the_same_customer(database: Database, turnable: TurnableClock) -> None:
    first = receive(message(channel="email", sender="anna@example.com", thread=["<1@example.com>"]))
    turnable.turn(by=timedelta(days=3))
    reply = receive(message("好的", channel="email", sender="anna@example.com", thread=["<2@x>", "<1@example.com>"]))
    foreign = receive(message("好的", channel="email", sender="eve@example.com", thread=["<1@example.com>"]))
    assert (reply.id == first.id, foreign.id == first.id) == (True, False)


def test_thanks_reach_a_ticket_that_has_ended(database: Database, turnable: TurnableClock) -> None:
    told = usual()
    told.intents = {**told.intents, "谢谢": "praise"}
    understand.use(told)
    first = receive(message(channel="email", sender="anna@example.com"))
    with db.write() as session:
        workflow.move(session, session.get_one(Ticket, first.id), "discard", "user:1", reason="test")
    assert (
        receive(message("谢谢", channel="email", sender="anna@home.example", ticket_number=first.number)).id == first.id
    )


def test_one_person_on_two_channels_is_proposed_and_joined_by_an_agent(any_database: Database) -> None:
    call = receive(message("洗衣机漏水", channel="sip", sender="+8613800138000"))
    chat = receive(message("空调不制冷 13800138000"))
    assert chat.customer_id != call.customer_id, "anybody can write a number"
    with db.write() as session:
        mine, other = session.get_one(Customer, chat.customer_id), session.get_one(Customer, call.customer_id)
        assert joining.proposals(session, mine.id) == [(other.id, "the same telephone number")]
        joining.join(session, mine, other, "user:1")
    chase = receive(message("空调怎么还没来", sender="+8613800138000", channel="sip"))
    assert chase.id == chat.id, "joined customers are one person"
    with db.write() as session:
        joining.take_apart(session, session.get_one(Customer, chat.customer_id), "user:1")
        assert len(joining.proposals(session, chat.customer_id or 0)) == 1


def test_joins_refuse_circles(database: Database) -> None:
    first, second = receive(message()), receive(message(sender="o-bob"))
    with db.write() as session:
        one, two = session.get_one(Customer, first.customer_id), session.get_one(Customer, second.customer_id)
        joining.join(session, one, two, "user:1")
        with pytest.raises(InvalidInput):
            joining.join(session, two, one, "user:1")
        with pytest.raises(Conflict):
            joining.join(session, one, two, "user:1")


def test_a_number_written_by_a_stranger_opens_nothing_of_its_owner(any_database: Database) -> None:
    call = receive(message("空调不制冷 枫林路7号", channel="sip", sender="+8613800138000"))
    eve = receive(message("我的电话13800138000 催一下 怎么还没来", sender="o-eve"))
    form = receive(
        message(
            "催一下，怎么还没来",
            channel="webform",
            sender=Sender(kind="phone", value="+8613800138000", verified=False),
            fields={"phone": "13800138000"},
        )
    )
    assert len({call.id, eve.id, form.id}) == 3
    assert eve.customer_id != call.customer_id
    with db.read() as session:
        owners = {i.customer_id for i in session.scalars(select(Identity).where(Identity.value == "o-eve"))}
    assert owners == {eve.customer_id}


def test_a_mail_without_proof_of_its_sender_touches_mails_only(database: Database, turnable: TurnableClock) -> None:
    unproved = Sender(kind="mail", value="anna@example.com", verified=False)
    proved = Sender(kind="mail", value="anna@example.com")
    chat = receive(message("洗衣机漏水", channel="generic", sender=proved))
    first = receive(message(channel="email", sender=unproved))
    turnable.turn(by=timedelta(days=2))
    assert receive(message("空调怎么还没来", channel="email", sender=unproved)).id == first.id
    assert receive(message("洗衣机怎么还没来", channel="email", sender=unproved)).id != chat.id


def test_a_wish_to_a_ticket_that_has_ended_is_a_draft_that_follows_it(
    database: Database, turnable: TurnableClock
) -> None:
    first = receive(message(channel="email", sender="anna@example.com", thread=["<1@example.com>"]))
    with db.write() as session:
        workflow.move(session, session.get_one(Ticket, first.id), "discard", "user:1", reason="test")
    turnable.turn(by=timedelta(days=30))
    wish = receive(message("洗衣机漏水", channel="email", sender="anna@example.com", thread=["<1@example.com>"]))
    assert (wish.id != first.id, wish.state, wish.parent_id) == (True, "draft", first.id)


def test_a_name_that_no_database_can_hold_is_cleaned(any_database: Database) -> None:
    sender = Sender(kind="openid", value="o-x\x00y", name="小王\ud83d")
    ticket = receive(message(sender=sender, fields={"contact_name": "王\x00"}))
    assert ticket.value("contact_name") == "王"


def test_what_cannot_even_be_written_is_a_bare_draft(
    any_database: Database, turnable: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no customer can be found")

    monkeypatch.setattr("intake.identity.find_customer", breaks)
    accept_now(message("空调不制冷"))
    for _ in range(6):
        keep_promises("intake.understand")
        turnable.turn(by=timedelta(minutes=2))
    [ticket] = tickets()
    assert (ticket.state, ticket.customer_id) == ("draft", None)
    with db.read() as session:
        assert session.scalars(select(Entry)).one().text == "空调不制冷"
        assert session.scalars(select(MessageRow)).one().state == "understood"


def test_a_text_that_breaks_understanding_becomes_a_draft_for_a_human(
    any_database: Database, turnable: TurnableClock
) -> None:
    told = usual()
    told.breaks_on = "💥"
    understand.use(told)
    accept_now(message("💥 修一下"))
    for _ in range(5):
        keep_promises("intake.understand")
        turnable.turn(by=timedelta(minutes=1))
    ticket = tickets()[0]
    assert (ticket.state, ticket.service) == ("draft", "enquiry")
    assert "人工" in ticket.summary
    with db.read() as session:
        assert session.scalars(select(Entry)).one().text == "💥 修一下"


def test_an_event_is_recorded_and_drafts_nothing(database: Database) -> None:
    acceptance = accept_now(message("", event="subscribed"))
    keep_promises()
    assert tickets() == []
    with db.read() as session:
        assert session.get_one(MessageRow, acceptance.message_id).state == "recorded"


def test_a_recording_that_waits_is_a_draft_now_and_complete_later(any_database: Database) -> None:
    waiting = receive(
        message(
            "", channel="sip", sender="+8613911112222", waits="recognition", problem="录音等待识别", recording="a" * 64
        )
    )
    assert waiting.state == "draft"
    assert "录音等待识别" in waiting.summary
    with db.write() as session:
        row = session.scalars(select(MessageRow)).one()
        words = [{"text": "空调", "offset": 0, "start": 0, "end": 300, "confidence": 1.0, "leg": "customer"}]
        understand.recognised(session, row.id, "空调不制冷", words)
    keep_promises("intake.understand")
    assert len(tickets()) == 1
    with db.read() as session:
        ticket = session.scalars(select(Ticket)).one()
        assert (ticket.value("device"), ticket.value("fault"), ticket.summary) == ("空调", "不制冷", "空调不制冷")
        assert session.scalars(select(Entry)).one().text == "空调不制冷"


UNSURE = "听得不清，请核对：地址 (heard badly, please check: address)"


def test_what_a_further_call_heard_badly_is_told_in_the_draft_and_in_a_ticket_under_way(database: Database) -> None:
    first = receive(message("空调不制冷，电话13800138000", channel="sip", sender="+8613911112222"))
    for number in (1, 2):  # again and again is once enough
        sent = message(
            "空调怎么还没来", channel="sip", sender="+8613911112222", problem=UNSURE, channel_id=f"again {number}"
        )
        joined = receive(sent)
        assert joined.id == first.id
        assert joined.summary == f"{UNSURE} · {first.summary}"
    with db.write() as session:
        session.get_one(Ticket, first.id).state = "open"
    joined = receive(
        message("空调怎么还没来", channel="sip", sender="+8613911112222", problem=UNSURE, channel_id="later")
    )
    assert joined.id == first.id
    with db.read() as session:
        [_, *later] = session.scalars(select(Entry).order_by(Entry.id))
        assert len(later) == 3
        assert [entry.reason == UNSURE for entry in later] == [False, False, True]


def test_what_was_heard_badly_stays_told_when_the_recording_is_recognised(database: Database) -> None:
    sender = "+8613911112222"
    receive(message("", channel="sip", sender=sender, waits="recognition", problem=f"录音等待识别 · {UNSURE}"))
    with db.write() as session:
        row = session.scalars(select(MessageRow)).one()
        understand.recognised(session, row.id, "空调不制冷", [], UNSURE)
    keep_promises("intake.understand")
    [ticket] = tickets()
    assert ticket.summary == f"{UNSURE} · 空调不制冷"


def test_a_mail_without_a_name_in_it_is_from_its_sender(database: Database) -> None:
    sender = Sender(kind="mail", value="li@example.com", name="李工")
    assert receive(message(channel="email", sender=sender)).value("contact_name") == "李工"


def test_a_corrected_value_gets_its_meaning(database: Database) -> None:
    assert understand.meaning("device", "洗衣机") == {"value": "洗衣机", "score": 0.9, "details": {}}
    assert understand.meaning("device", "不知道是什么") is None
    told = usual()
    told.breaks_on = "💥"
    understand.use(told)
    assert understand.meaning("device", "💥") is None
