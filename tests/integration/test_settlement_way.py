"""The whole way of a confirmed ticket, on both databases: clocks, engineer, visit, bill, survey, closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

import dispatch
import settlement
import sla
from core import blobs, db
from core.clock import TurnableClock
from core.db import Database
from core.errors import Conflict, NotFound
from dispatch import Completion, Consent, Photo, UsedPart, Visit
from settlement import Plan, billing, ledger, stock, surveys
from settlement.tables import Bill, Survey
from tests.support import keep_promises
from tests.support.service import confirmed, user
from ticketing import Asset, Event, Notice, Ticket, events, workflow

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82"
)
HOURS = {"weekdays": {"mon-sun": ["08:00-20:00"]}}


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    before = dict(events._subscriptions)
    events._subscriptions.clear()
    for room in (sla, dispatch, settlement):
        room.wire()
    yield
    events._subscriptions.clear()
    events._subscriptions.update(before)


def engineer(session: Any, login: str, **options: Any) -> int:
    person = user(session, login, "engineer", options.pop("name", login))
    given = {
        "skills": ["air_conditioner"],
        "certificates": [{"name": "refrigeration", "until": "2027-12-31"}],
        "regions": ["3401"],
        "latitude": 31.86,
        "longitude": 117.27,
        "shifts": HOURS,
        **options,
    }
    return dispatch.save_engineer(session, person.id, **given).user_id


def state(ticket_id: int) -> str:
    with db.read() as session:
        return session.get_one(Ticket, ticket_id).state


def kinds(ticket_id: int) -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Event.kind).where(Event.ticket_id == ticket_id).order_by(Event.id)))


def finish(ticket_id: int, who: int, done: Completion | None = None) -> None:
    """Accepts, drives there, does it."""
    with db.write() as session:
        dispatch.accept(session, workflow.load(session, ticket_id), who)
    with db.write() as session:
        dispatch.check_in(session, workflow.load(session, ticket_id), who, 31.8512, 117.2612)
    with db.write() as session:
        dispatch.complete(session, workflow.load(session, ticket_id), who, done or Completion(signature=PNG))
    keep_promises()


def new_ticket(**options: Any) -> int:
    with db.write() as session:
        ticket_id = confirmed(session, **options).id
    keep_promises()
    return ticket_id


def test_from_confirmed_to_closed(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        near = engineer(session, "near", name="周师傅")
        engineer(session, "far", latitude=31.75, longitude=117.6)
        bag = stock.location_of(session, dispatch.engineer_of(session, near))
        stock.receive(session, bag, "P-CAP-35", 3, "user:1")
    ticket = new_ticket()
    with db.read() as session:
        visit = session.scalars(select(Visit).where(Visit.ticket_id == ticket)).one()
        assert (visit.state, visit.engineer.user_id) == ("proposed", near)
        assert {"zh": "距离 1.3 公里", "en": "1.3 km away"} in [r["text"] for r in visit.reasons]
        assert session.get_one(Ticket, ticket).assignee_id == near
    done = Completion(
        parts=[UsedPart(code="6900000000015", count=1)],
        note="更换启动电容",
        signature=PNG,
        photos=[Photo(name="现场.png", content=PNG)],
    )
    finish(ticket, near, done)
    assert state(ticket) == "billed"
    with db.read() as session:
        visit = session.scalars(select(Visit).where(Visit.ticket_id == ticket)).one()
        assert visit.distance == pytest.approx(29, abs=3)
        assert not visit.outside
        assert blobs.store().get(visit.signature or "") == PNG
        bill = settlement.bill_of(session, ticket)
        assert [(line.code, line.amount, line.payer) for line in bill.lines] == [
            ("L-AC-REPAIR", 12000, "customer"),
            ("P-CAP-35", 6000, "customer"),
        ]
        assert (bill.total, bill.state) == (18000, "billed")
        assert ledger.balance(session, "receivable:customer") == 18000
        assert ledger.balance(session, "payable:engineer:") == -6000
        assert stock.free(session, bag, "P-CAP-35") == 2
        assert session.scalars(select(sla.SlaClock.state).where(sla.SlaClock.name == "solution")).all() == ["met"]
        assert settlement.reconcile(session) == []
    turnable.turn(by=timedelta(hours=1, minutes=59))
    keep_promises()
    assert "survey.sent" not in kinds(ticket)
    turnable.turn(by=timedelta(minutes=1))
    keep_promises()
    with db.read() as session:
        survey = session.scalars(select(Survey)).one()
        notice = session.scalars(select(Notice).where(Notice.purpose == "survey")).one()
        assert settlement.token_of(survey) in notice.text
        told = session.scalars(select(Notice.text).where(Notice.customer_id.is_not(None)).order_by(Notice.id)).all()
        number = session.get_one(Ticket, ticket).number
        assert told[:2] == [
            f"您的工单 {number} 已由周师傅接单，将与您联系并上门服务。",
            f"您的工单 {number} 已完成。应付 ¥180.00。",
        ]
    with db.write() as session:
        billing.pay(session, settlement.bill_of(session, ticket), 18000, "wechat", "4200001", "user:1")
        settlement.answer(session, settlement.token_of(survey), 5, "很好")
    keep_promises()
    assert state(ticket) == "closed"
    with db.read() as session:
        assert ledger.balance(session, "receivable:customer") == 0
        assert sum(ledger.balances(session).values()) == 0
        assert settlement.reconcile(session) == []
    turnable.turn(by=timedelta(days=9))
    keep_promises()  # the promise to close by time finds nothing to do
    assert kinds(ticket).count("ticket.closed") == 1


def test_nobody_answers_and_the_next_one_is_asked(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        first, second = engineer(session, "a"), engineer(session, "b", latitude=31.9)
        user(session, "disp", "dispatcher")
    ticket = new_ticket()
    turnable.turn(by=timedelta(minutes=15))
    keep_promises()
    with db.read() as session:
        assert session.get_one(Ticket, ticket).assignee_id == second
    with db.write() as session, pytest.raises(Conflict):
        dispatch.accept(session, workflow.load(session, ticket), first)
    with db.write() as session:
        dispatch.refuse(session, workflow.load(session, ticket), second, "在外地")
    keep_promises()
    assert state(ticket) == "open"
    assert [k for k in kinds(ticket) if k.startswith("dispatch.")] == [
        "dispatch.proposed",
        "dispatch.no_answer",
        "dispatch.proposed",
        "dispatch.unassignable",
    ]
    with db.read() as session:
        told = session.scalars(select(Notice).where(Notice.purpose == "unassignable")).all()
        assert len(told) == 1
    with db.write() as session:
        third = engineer(session, "c")
    turnable.turn(by=timedelta(minutes=10))
    keep_promises()
    with db.read() as session:
        assert session.get_one(Ticket, ticket).assignee_id == third
        assert len(session.scalars(select(Notice).where(Notice.purpose == "unassignable")).all()) == 1


def test_emergencies_go_first_and_past_full_days(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        only = engineer(session, "only", capacity=1)
    busy = new_ticket()
    normal = new_ticket()
    assert (state(busy), state(normal)) == ("assigned", "open")
    emergency = new_ticket(urgency="emergency")
    assert state(emergency) == "assigned"
    with db.read() as session:
        visit = session.scalars(select(Visit).where(Visit.ticket_id == emergency)).one()
        assert visit.engineer.user_id == only
        assert (visit.answer_by or turnable.now()) - visit.proposed == timedelta(minutes=3)


def test_two_engineers_grab_and_one_gets_it(any_database: Database, turnable: TurnableClock) -> None:
    from core import settings
    from dispatch.settings import DispatchSettings

    settings.use(DispatchSettings(automatic=False))
    with db.write() as session:
        first, second = engineer(session, "a"), engineer(session, "b")
        stranger = engineer(session, "c", regions=["1101"])
    ticket = new_ticket()
    assert state(ticket) == "open"
    from core.errors import Forbidden

    with db.write() as session, pytest.raises(Forbidden):
        dispatch.grab(session, workflow.load(session, ticket), stranger)
    with db.write() as session:
        dispatch.grab(session, workflow.load(session, ticket), first)
    with db.write() as session, pytest.raises(Conflict):
        dispatch.grab(session, workflow.load(session, ticket), second)
    assert state(ticket) == "accepted"


def test_a_check_in_far_away_is_flagged_and_a_cancelled_visit_withdrawn(
    any_database: Database, turnable: TurnableClock
) -> None:
    with db.write() as session:
        who = engineer(session, "a")
    ticket, other = new_ticket(), new_ticket()
    with db.write() as session:
        dispatch.accept(session, workflow.load(session, ticket), who)
        visit = dispatch.check_in(session, workflow.load(session, ticket), who, 31.86, 117.27)
        assert visit.outside
        assert visit.distance == pytest.approx(1315, abs=30)
    with db.write() as session:
        workflow.move(session, workflow.load(session, other), "cancel", "user:1", reason="客户已自行解决")
    keep_promises()
    with db.read() as session:
        assert session.scalars(select(Visit.state).where(Visit.ticket_id == other)).one() == "withdrawn"
        assert (
            session.scalars(select(Notice.text).where(Notice.purpose == "withdrawn"))
            .one()
            .endswith("已取消，无需上门。")
        )


def test_estimate_consent_and_a_bill_that_is_more(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        who = engineer(session, "a")
    ticket = new_ticket()
    with db.write() as session:
        row = workflow.load(session, ticket)
        with pytest.raises(Conflict):
            billing.consent(session, row, "陈静", "user:1")
        made = billing.estimate(session, row, Plan(parts=[("P-CAP-35", 1)]), "user:1")
        assert made.total == 18000
        again = billing.estimate(session, row, Plan(parts=[("P-R32-500", 1)]), "user:1")
        assert (made.state, again.total) == ("replaced", 24000)
        billing.consent(session, row, "陈静", "user:1")
    done = Completion(
        parts=[UsedPart(code="P-R32-500"), UsedPart(code="P-NONE")],
        extra_fee=5000,
        extra_fee_for="高空作业",
        consent=Consent(name="陈静", amount=5000),
    )
    finish(ticket, who, done)
    with db.read() as session:
        bill = settlement.bill_of(session, ticket)
        assert (bill.total, (bill.consent or {})["name"]) == (29000, "陈静")
        remarks = [remark["zh"] for remark in bill.remarks]
        assert remarks == ["价目表中没有配件 P-NONE × 1", "比客户同意的报价多 ¥50.00", "工程师库存缺少 P-R32-500 × 1"]
        assert settlement.reconcile(session) == []


def test_warranty_pays_and_a_ticket_closes_by_itself(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        who = engineer(session, "a")
        asset = Asset(
            code="A1", device="air_conditioner", warranty_until=datetime(2027, 1, 1, tzinfo=UTC), created=turnable.now()
        )
        session.add(asset)
        session.flush()
    ticket = new_ticket(asset_id=asset.id)
    finish(ticket, who, Completion(parts=[UsedPart(code="P-CAP-35")], cause="defect"))
    with db.read() as session:
        bill = settlement.bill_of(session, ticket)
        assert (bill.total, bill.covered, bill.state) == (0, 18000, "paid")
        assert bill.because["zh"] == "在保修期内（至 2027-01-01）"
        assert ledger.balance(session, "receivable:manufacturer") == 18000
    turnable.turn(by=timedelta(days=3))
    keep_promises()
    assert state(ticket) == "closed"


def test_a_bad_score_opens_a_follow_up_and_a_token_cannot_be_made_up(
    any_database: Database, turnable: TurnableClock
) -> None:
    with db.write() as session:
        who = engineer(session, "a")
    ticket = new_ticket()
    finish(ticket, who)
    turnable.turn(by=timedelta(hours=2))
    keep_promises()
    with db.write() as session:
        survey = session.scalars(select(Survey)).one()
        for wrong in (f"{survey.id}-{'0' * 20}", "1", "", "x-y", f"{survey.id}-", "9" * 400, "１-２"):
            with pytest.raises(NotFound):
                surveys.find(session, wrong)
        surveys.answer(session, settlement.token_of(survey), 1, "没修好")
        with pytest.raises(Conflict):
            surveys.answer(session, settlement.token_of(survey), 5)
    keep_promises()
    with db.read() as session:
        follow_up = session.get_one(Ticket, session.scalars(select(Survey)).one().follow_up_id)
        assert (follow_up.state, follow_up.service, follow_up.parent_id) == ("draft", "complaint", ticket)
        assert follow_up.value("phone") == "13900001111"
        assert session.scalars(select(Bill.state)).all() == ["billed"]
    assert state(ticket) == "closed"
    assert "survey.follow_up" in kinds(ticket)
