"""Who goes: choosing, asking, and asking the next one. Every choice is kept with all that was weighed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import sla
from core import clock, outbox, settings
from core.errors import Conflict, Forbidden, InvalidInput
from dispatch.choice import best, rank
from dispatch.job import Ranked
from dispatch.jobs import job_of
from dispatch.roster import OPEN, contenders, engineer_of
from dispatch.settings import DispatchSettings
from dispatch.tables import Decision, Engineer, Visit
from dispatch.telling import tell, tell_customer
from ticketing import Event, Ticket, User, record, workflow

ACTOR = "dispatch"
ANSWER = "dispatch.answer"
RETRY = "dispatch.retry"
NEWS = ("ticket.confirmed", "ticket.reopened", "ticket.refused", "ticket.priority_changed")


def candidates(session: Session, ticket: Ticket) -> list[Ranked]:
    """All engineers for this ticket, best first, with reasons; changes nothing."""
    return rank(job_of(session, ticket), contenders(session, beside=ticket.id))


def _weigh_now(session: Session, ticket: Ticket) -> list[Ranked]:
    sla.bring_up_to_date(session, ticket)  # the promised arrival counts, and sla may not have heard of this yet
    return candidates(session, ticket)


def assign_automatically(session: Session, ticket: Ticket) -> Visit | None:
    """Asks the best engineer; None, with an event and notices, if nobody can be sent."""
    ranked = _weigh_now(session, ticket)
    chosen = best(ranked)
    decision = _keep(session, ticket, ranked, chosen)
    if chosen is None:
        _nobody(session, ticket, ranked)
        return None
    return _propose(session, ticket, session.get_one(Engineer, chosen.contender.id), ACTOR, chosen, decision)


def assign(session: Session, ticket: Ticket, engineer_id: int, actor: str) -> Visit:
    """A dispatcher's own choice; the reasons tell what the rules thought of it. Raises InvalidInput, Conflict."""
    engineer = session.get(Engineer, engineer_id)
    if engineer is None or not engineer.active:
        raise InvalidInput("There is no such engineer.", engineer=engineer_id)
    ranked = _weigh_now(session, ticket)
    chosen = next((r for r in ranked if r.contender.id == engineer_id), None)
    return _propose(session, ticket, engineer, actor, chosen, _keep(session, ticket, ranked, chosen))


def grab(session: Session, ticket: Ticket, user_id: int) -> Visit:
    """An engineer takes an open ticket. Raises Conflict if it is not open or somebody was first, Forbidden where the rules
    exclude this engineer."""
    engineer = engineer_of(session, user_id)
    if ticket.state != "open":
        raise Conflict("Somebody else was first.", state=ticket.state)
    ranked = _weigh_now(session, ticket)
    own = next((r for r in ranked if r.contender.id == engineer.id), None)
    if own is None or own.excluded:
        raise Forbidden("This ticket is not for you.", reasons=[text["en"] for text in own.excluded] if own else [])
    actor = f"user:{user_id}"
    visit = _propose(session, ticket, engineer, actor, own, _keep(session, ticket, ranked, own))
    return accept(session, ticket, user_id) if visit else visit


def accept(session: Session, ticket: Ticket, user_id: int) -> Visit:
    """The engineer takes it. Raises Conflict when the question has been withdrawn meanwhile."""
    visit = open_visit(session, ticket, user_id, "proposed")
    visit.state, visit.answered = "accepted", clock.now()
    workflow.move(session, ticket, "accept", f"user:{user_id}", visit=visit.id)
    name = visit.engineer.user.name
    tell_customer(
        session,
        ticket,
        "accepted",
        f"您的工单 {ticket.number} 已由{name}接单，将与您联系并上门服务。",
        f"Ticket {ticket.number}: {name} has taken it on and will come to you.",
    )
    return visit


def refuse(session: Session, ticket: Ticket, user_id: int, reason: str) -> Visit:
    """The engineer declines, also after having accepted; the next one is asked at once."""
    if not reason.strip():
        raise InvalidInput("A refusal needs its reason.")
    visit = open_visit(session, ticket, user_id, "proposed", "accepted")
    visit.state, visit.answered, visit.refusal = "refused", clock.now(), reason
    workflow.move(session, ticket, "refuse", f"user:{user_id}", visit=visit.id, reason=reason)
    return visit


def no_answer(session: Session, ticket: Ticket, visit: Visit) -> None:
    """The time to answer is over: the question is withdrawn, and the next engineer asked through ``ticket.refused``."""
    visit.state = "unanswered"
    record(session, ticket, "dispatch.no_answer", ACTOR, visit=visit.id, engineer=visit.engineer.user_id)
    workflow.move(session, ticket, "refuse", ACTOR, visit=visit.id, reason="no answer")


def withdraw(session: Session, ticket: Ticket, text_zh: str, text_en: str) -> None:
    """Takes open questions and visits back and tells their engineers."""
    for visit in session.scalars(select(Visit).where(Visit.ticket_id == ticket.id, Visit.state.in_(OPEN))):
        visit.state = "withdrawn"
        tell(session, ticket, visit.engineer.user, "withdrawn", text_zh, text_en)


def tell_new_time(session: Session, ticket: Ticket) -> None:
    """Tells the engineer who has the ticket that the customer is to be visited at another time."""
    if ticket.assignee is not None and ticket.state in ("assigned", "accepted", "waiting"):
        time = ticket.value("time")
        zh, en = f"工单 {ticket.number} 改期：{time}。", f"Ticket {ticket.number} is put off: {time}."
        tell(session, ticket, ticket.assignee, "rescheduled", zh, en)


def open_visit(session: Session, ticket: Ticket, user_id: int, *states: str) -> Visit:
    """The user's visit of the ticket in one of the states; raises Conflict."""
    visit = session.scalar(
        select(Visit)
        .join(Engineer)
        .where(Visit.ticket_id == ticket.id, Engineer.user_id == user_id, Visit.state.in_(states))
        .order_by(Visit.id.desc())
        .limit(1)
    )
    if visit is None:
        raise Conflict("This ticket is not in your hands.", state=ticket.state)
    return visit


def told(ranked: Ranked) -> list[dict[str, Any]]:
    """Reasons as the API shows them."""
    return [{"text": dict(v.text), "points": round(v.points, 1)} for v in ranked.reasons]


def _propose(
    session: Session, ticket: Ticket, engineer: Engineer, actor: str, chosen: Ranked | None, decision: Decision
) -> Visit:
    withdraw(session, ticket, f"工单 {ticket.number} 已改派。", f"Ticket {ticket.number} was given to somebody else.")
    workflow.move(
        session,
        ticket,
        "assign",
        actor,
        assignee=engineer.user_id,
        engineer=engineer.id,
        reasons=told(chosen) if chosen else [],
        score=chosen.score if chosen else None,
    )
    config = settings.get(DispatchSettings)
    moment = clock.now()
    minutes = config.answer_minutes_emergency if ticket.priority == 1 else config.answer_minutes
    visit = Visit(
        ticket_id=ticket.id,
        engineer_id=engineer.id,
        state="proposed",
        by=actor,
        reasons=told(chosen) if chosen else [],
        decision_id=decision.id,
        proposed=moment,
        answer_by=moment + timedelta(minutes=minutes),
    )
    session.add(visit)
    session.flush()
    record(session, ticket, "dispatch.proposed", actor, visit=visit.id, engineer=engineer.user_id)
    outbox.promise(session, ANSWER, {"visit": visit.id}, due=visit.answer_by, unique_key=str(visit.id))
    where, what = ticket.value("address"), f"{ticket.value('device')} {ticket.value('fault')}".strip()
    tell(
        session,
        ticket,
        engineer.user,
        "proposed",
        f"新工单 {ticket.number}：{what}，{where}。请在 {minutes:.0f} 分钟内接单。",
        f"New ticket {ticket.number}: {what}, {where}. Please answer within {minutes:.0f} min.",
    )
    return visit


def _keep(session: Session, ticket: Ticket, ranked: list[Ranked], chosen: Ranked | None) -> Decision:
    decision = Decision(
        ticket_id=ticket.id,
        at=clock.now(),
        engineer_id=chosen.contender.id if chosen else None,
        candidates=[
            {
                "engineer": r.contender.id,
                "score": r.score,
                "reasons": told(r),
                "excluded": [dict(text) for text in r.excluded],
            }
            for r in ranked
        ],
    )
    session.add(decision)
    session.flush()
    return decision


def _nobody(session: Session, ticket: Ticket, ranked: list[Ranked]) -> None:
    """Tells dispatchers once for each thing that happened to the ticket, then tries again now and then for as long as the ticket is open."""
    why = [{"engineer": r.contender.id, "excluded": [dict(text) for text in r.excluded]} for r in ranked]
    last = session.scalar(
        select(Event.kind)
        .where(Event.ticket_id == ticket.id, Event.kind.in_(("dispatch.unassignable", *NEWS)))
        .order_by(Event.id.desc())
        .limit(1)
    )
    if last != "dispatch.unassignable":
        record(session, ticket, "dispatch.unassignable", ACTOR, excluded=why)
        people = session.scalars(select(User).where(User.role == "dispatcher", User.active.is_(True)))
        for person in people:
            tell(
                session,
                ticket,
                person,
                "unassignable",
                f"工单 {ticket.number} 没有可派的工程师，请人工处理。",
                f"Nobody can be sent for ticket {ticket.number}; please see to it.",
            )
    minutes = settings.get(DispatchSettings).retry_minutes
    outbox.promise(
        session,
        RETRY,
        {"ticket": ticket.id},
        due=clock.now() + timedelta(minutes=minutes),
        unique_key=str(ticket.id),
    )
