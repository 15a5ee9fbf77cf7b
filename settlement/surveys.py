"""How was it? A link in a notice, one answer, and a follow-up ticket where the answer is bad."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, secrets, settings, text
from core.errors import Conflict, InvalidInput, NotFound
from dispatch import Visit, language_of
from settlement.settings import SettlementSettings
from settlement.tables import Survey
from sla import in_language, words
from ticketing import Event, NewEvent, Ticket, notify, record, workflow
from ticketing.drafts import Draft, DraftField, NewEntry, create_draft

ACTOR = "settlement"
PURPOSE = "survey"
CARRIED = ("contact_name", "phone", "address", "device", "brand", "model")


def send(session: Session, ticket: Ticket, visit: Visit) -> Survey:
    """Asks the customer; once a visit."""
    known = session.scalar(select(Survey).where(Survey.visit_id == visit.id))
    if known is not None:
        return known
    moment = clock.now()
    until = moment + timedelta(days=settings.get(SettlementSettings).survey_days)
    survey = Survey(ticket_id=ticket.id, visit_id=visit.id, sent=moment, until=until)
    session.add(survey)
    session.flush()
    link = settings.get(settings.CoreSettings).public_url.rstrip("/") + f"/survey/{token_of(survey)}"
    sentence = words(
        f"您的工单 {ticket.number} 已完成，请为本次服务评分：{link}",
        f"Ticket {ticket.number} is done. How was it? {link}",
    )
    notify(
        session,
        purpose=PURPOSE,
        subject=ticket.number,
        text=in_language(sentence, language_of(session, ticket)),
        ticket=ticket,
        extra={"link": link},
    )
    record(session, ticket, "survey.sent", ACTOR, survey=survey.id)
    return survey


def answered_since(session: Session, visit: Visit) -> bool:
    """Whether the customer has judged the visit unasked, on the page of the ticket."""
    query = select(Event.id).where(
        Event.ticket_id == visit.ticket_id,
        Event.kind == "survey.answered",
        Event.at >= (visit.completed or visit.proposed),
    )
    return session.scalar(query.limit(1)) is not None


def token_of(survey: Survey) -> str:
    """What the link carries: the survey's id and a signature of it."""
    return f"{survey.id}-{secrets.sign(PURPOSE, str(survey.id))}"


def find(session: Session, token: str) -> Survey:
    """Raises NotFound alike for a wrong signature and for a survey that there is not."""
    number, _, signature = token.partition("-")
    if number.isascii() and number.isdigit() and len(number) < 12 and secrets.check(PURPOSE, number, signature):
        found = session.get(Survey, int(number))
        if found is not None:
            return found
    raise NotFound("There is no such survey.")


def answer(session: Session, token: str, score: int, comment: str = "") -> Survey:
    """Keeps the customer's answer, the first one. Raises Conflict if it was answered or is too old, InvalidInput."""
    ticket = workflow.load(session, find(session, token).ticket_id)
    survey = session.get_one(Survey, find(session, token).id, populate_existing=True)
    if survey.answered is not None:
        raise Conflict("This has been answered already.")
    if clock.now() > survey.until:
        raise Conflict("The time to answer is over.")
    if not 1 <= score <= 5:
        raise InvalidInput("A score is 1 to 5.", score=score)
    survey.answered, survey.score, survey.comment = clock.now(), score, text.clean(comment, 1000)
    record(session, ticket, "survey.answered", "customer", survey=survey.id, score=score, comment=survey.comment)
    session.flush()
    return survey


def follow(session: Session, ticket: Ticket, event: NewEvent) -> None:
    """What an answer brings about, wherever it was given (the survey's page or the customer's own page of the ticket): a bad
    one opens a draft complaint that an agent sees in the inbox, with the place and the machine of the visit."""
    score, comment = int(event.details.get("score", 5)), str(event.details.get("comment", ""))
    survey = session.scalar(select(Survey).where(Survey.ticket_id == ticket.id).order_by(Survey.id.desc()).limit(1))
    if survey is not None and survey.answered is None:
        survey.answered, survey.score, survey.comment = event.at, score, comment
    if score > settings.get(SettlementSettings).bad_score:
        return
    carried = []
    for name in CARRIED:
        field = ticket.field(name)
        if field is not None and field.current:
            carried.append(DraftField(name=name, value=field.current, component="survey", resolved=field.resolved))
    said = f"：{comment}" if comment else ""
    draft = Draft(
        channel="survey",
        service="complaint",
        intents=[{"name": "complaint", "probability": 1.0}],
        urgency="high",
        sentiment="negative",
        summary=f"工单 {ticket.number} 评分 {score}{said}",
        customer_id=ticket.customer_id,
        asset_id=ticket.asset_id,
        parent_id=ticket.id,
        fields=carried,
        entry=NewEntry(
            message_id=f"survey-{event.id}",
            channel="survey",
            text=comment or f"{score}/5",
            at=event.at,
            reason="survey",
        ),
    )
    made = create_draft(session, draft, ACTOR)
    if survey is not None:
        survey.follow_up_id = made.id
    record(session, ticket, "survey.follow_up", ACTOR, follow_up=made.id, number=made.number)
