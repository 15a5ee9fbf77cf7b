"""Clocks of a ticket as they are kept: brought in line with its story, warned and breached in time.

Everything is derived from the ticket's events and the replies to its customer by ``bring_up_to_date``, which may be called at any time and any number of
times. Each running clock has one promise ``sla.tick`` at the next percentage at which something happens; it moves with
the clock, and a tick that comes too early or twice finds nothing to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox, settings
from core.outbox import PromiseRow
from sla import escalation
from sla.documents import InForce, in_force
from sla.history import Happening, Run, runs
from sla.policy import Rule
from sla.reckoning import Reading, Stretch, reached, used
from sla.settings import SlaSettings
from sla.tables import SlaClock, SlaNote
from sla.words import Words, moment_words, span_words, words
from ticketing import Customer, Entry, Event, Ticket, record

TICK = "sla.tick"
RECHECK = "sla.recheck"
ACTOR = "sla"
Said = set[tuple[int, str]]  # clock and key of each line that is written already


def bring_up_to_date(session: Session, ticket: Ticket) -> list[SlaClock]:
    """Makes the ticket's clocks what its events, the policy and the calendars say; returns them all."""
    force = in_force(session)
    story = _story(session, ticket)
    known = {(row.name, row.round): row for row in clocks_of(session, ticket.id)}
    said = _said(session, ticket.id)
    rule = _rule(session, ticket, force)
    for run in runs(story, force.policy.pause):
        row = known.get((run.name, run.round))
        if row is None:
            if rule is None or run.name not in rule.targets:
                continue
            row = _new(session, ticket, run, rule, said)
            known[run.name, run.round] = row
        _follow(session, ticket, row, run, rule, force, said)
    return list(known.values())


def _story(session: Session, ticket: Ticket) -> list[Happening]:
    """The ticket's events, and the replies to the customer in their places between them."""
    events = session.scalars(
        select(Event).where(Event.ticket_id == ticket.id, Event.kind.startswith("ticket.")).order_by(Event.id)
    ).all()
    replies = session.execute(
        select(Entry.id, Entry.at).where(Entry.ticket_id == ticket.id, Entry.kind == "reply").order_by(Entry.id)
    ).all()
    story = [Happening(id=e.id, kind=e.kind, at=e.at, details=e.details) for e in events]
    for reply_id, at in replies:
        before = max((e.id for e in events if e.at <= at), default=0)
        story.append(Happening(id=before, reply=reply_id, kind="reply", at=at))
    return story


def clocks_of(session: Session, ticket_id: int) -> list[SlaClock]:
    return list(
        session.scalars(
            select(SlaClock)
            .where(SlaClock.ticket_id == ticket_id)
            .order_by(SlaClock.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def behind(session: Session, ticket_id: int) -> bool:
    """Whether the customer was answered since a clock started that an answer stops. A reply is no event; a tick would notice it
    in time, a reader earlier."""
    answered = select(Entry.id).where(Entry.ticket_id == ticket_id, Entry.kind == "reply", Entry.at > SlaClock.started)
    waiting = select(SlaClock.id).where(
        SlaClock.ticket_id == ticket_id,
        SlaClock.name.in_(("first_response", "next_update")),
        SlaClock.stopped.is_(None),
        answered.exists(),
    )
    return session.scalar(waiting.limit(1)) is not None


def due(session: Session, ticket_id: int, name: str) -> datetime | None:
    """When the latest clock of that name must be met; None where there is none or it stands."""
    return session.scalar(
        select(SlaClock.due)
        .where(SlaClock.ticket_id == ticket_id, SlaClock.name == name, SlaClock.stopped.is_(None))
        .order_by(SlaClock.round.desc())
        .limit(1)
    )


def used_by(row: SlaClock, force: InForce, now: datetime) -> timedelta:
    """Business time that a clock has run by ``now``."""
    calendar = force.calendars.get(row.calendar)
    return used(calendar, stretches_of(row), now) if calendar else timedelta()


def stretches_of(row: SlaClock) -> list[Stretch]:
    return [
        Stretch(start=datetime.fromisoformat(a), end=datetime.fromisoformat(b) if b else None) for a, b in row.stretches
    ]


def _rule(session: Session, ticket: Ticket, force: InForce) -> Rule | None:
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id else None
    return force.policy.rule_for(
        priority=ticket.priority, service=ticket.service, level=customer.level if customer else ""
    )


def _new(session: Session, ticket: Ticket, run: Run, rule: Rule, said: Said) -> SlaClock:
    row = SlaClock(
        ticket_id=ticket.id,
        name=run.name,
        round=run.round,
        state="running",
        rule=rule.name,
        calendar=rule.calendar,
        target=int(rule.targets[run.name].total_seconds()),
        stretches=[],
        started=run.stretches[0].start,
        warned=0,
    )
    session.add(row)
    session.flush()
    length = span_words(timedelta(seconds=row.target))
    note(
        session,
        said,
        row,
        "rule",
        row.started,
        words(
            f"按规则“{rule.title['zh']}”，时限为 {length['zh']}（日历：{rule.calendar}）",
            f'by the rule "{rule.title["en"]}" the target is {length["en"]} (calendar {rule.calendar})',
        ),
    )
    record(session, ticket, "sla.started", ACTOR, clock=row.name, round=row.round, rule=rule.name, target=row.target)
    return row


def _follow(
    session: Session, ticket: Ticket, row: SlaClock, run: Run, rule: Rule | None, force: InForce, said: Said
) -> None:
    stretches = [[x.start.isoformat(), x.end.isoformat() if x.end else None] for x in run.stretches]
    if row.stopped is not None and (row.stopped, row.stretches) == (run.stopped, stretches):
        return  # it stopped before and nothing has happened to it since
    before = (row.rule, row.calendar, row.target, row.due)
    was_over = row.stopped is not None
    if not run.outcome and rule is not None and run.name in rule.targets:
        row.rule, row.calendar = rule.name, rule.calendar
        row.target = int(rule.targets[run.name].total_seconds())
    row.stretches = stretches
    row.stopped = run.stopped
    for key, at, text in run.because:
        note(session, said, row, f"event:{key}:{text['en'].partition(':')[0]}", at, text)
    reading = _due(row, run, force)
    row.due = reading.moment if not run.paused else None
    _tell_uncertain(session, said, row, reading)
    if not was_over or row.stopped is None:
        _settle(session, ticket, row, run, said)
    after = (row.rule, row.calendar, row.target, row.due)
    if before[3] is not None and before != after and row.due is not None and not run.outcome:
        _tell_moved(session, ticket, row, before, said)
    schedule(session, row, force)


def _due(row: SlaClock, run: Run, force: InForce) -> Reading:
    calendar = force.calendars.get(row.calendar)
    if calendar is None:  # the calendar was removed after the clock had stopped: what was known stays
        return Reading(moment=row.due, uncertain=row.uncertain)
    # A run that has ended is measured as if it went on: a clock met early keeps the time it had to meet.
    last = run.stretches[-1]
    going_on = [*run.stretches[:-1], Stretch(start=last.start)] if run.outcome else run.stretches
    return reached(calendar, going_on, timedelta(seconds=row.target))


def _settle(session: Session, ticket: Ticket, row: SlaClock, run: Run, said: Said) -> None:
    """Sets the state that follows from the run; a breach is told by the tick, or here if the clock stopped late."""
    late = row.due is not None and (run.stopped or clock.now()) > row.due
    if run.outcome == "dropped":
        row.state = "dropped"
    elif run.outcome == "done" and not late:
        if row.state == "breached":
            note(
                session,
                said,
                row,
                "taken back",
                run.stopped or row.started,
                words("按时完成，超时记录撤销", "it was met in time; the breach is taken back"),
            )
        row.state, row.breached = "met", None
        record(session, ticket, "sla.met", ACTOR, clock=row.name, round=row.round)
    elif run.outcome == "done":
        if row.breached is None:
            escalation.breach(session, ticket, row)
        row.state = "breached"
    elif row.breached is not None and (run.paused or not late):
        # More time was given after the breach, or the clock stands before its target: then it is not breached any more.
        row.breached, row.warned = None, min(row.warned, 99)
        row.state = "paused" if run.paused else "running"
    elif row.breached is None:
        row.state = "paused" if run.paused else "running"


def _tell_uncertain(session: Session, said: Said, row: SlaClock, reading: Reading) -> None:
    if reading.uncertain is not None and row.stopped is None:
        year = reading.uncertain
        note(
            session,
            said,
            row,
            f"uncertain:{year}",
            clock.now(),
            words(
                f"{year} 年放假安排尚未公布，暂按平常工作日计算",
                f"calendar not announced: the public holidays of {year} are not known yet, plain weekdays were taken",
            ),
        )
    row.uncertain = reading.uncertain


def _tell_moved(
    session: Session, ticket: Ticket, row: SlaClock, before: tuple[str, str, int, datetime | None], said: Said
) -> None:
    zone = ZoneInfo(settings.get(settings.CoreSettings).zone)
    due_zh = moment_words(row.due, zone) if row.due else "—"
    old = moment_words(before[3], zone) if before[3] else "—"
    length = span_words(timedelta(seconds=row.target))
    reason = words("日历变更", "the calendar changed")
    if before[0] != row.rule:
        reason = words(f"规则由 {before[0]} 变为 {row.rule}", f"the rule changed from {before[0]} to {row.rule}")
    elif before[2] != row.target or before[1] != row.calendar:
        reason = words("服务时限规则修改", "the policy changed")
    elif any(s[1] for s in row.stretches):
        reason = words("曾暂停计时", "it had been paused")
    moment = clock.now()
    note(
        session,
        said,
        row,
        f"moved:{moment.isoformat()}:{due_zh}",
        moment,
        words(
            f"{reason['zh']}，时限 {length['zh']}，到期由 {old} 改为 {due_zh}",
            f"{reason['en']}; target {length['en']}, due moved from {old} to {due_zh}",
        ),
    )
    record(
        session,
        ticket,
        "sla.recalculated",
        ACTOR,
        clock=row.name,
        round=row.round,
        rule=row.rule,
        before=before[3].isoformat() if before[3] else None,
        due=row.due.isoformat() if row.due else None,
    )


def _said(session: Session, ticket_id: int) -> Said:
    return {
        (row[0], row[1])
        for row in session.execute(
            select(SlaNote.clock_id, SlaNote.key)
            .join(SlaClock, SlaClock.id == SlaNote.clock_id)
            .where(SlaClock.ticket_id == ticket_id)
        )
    }


def note(session: Session, said: Said, row: SlaClock, key: str, at: datetime, text: Words) -> None:
    """Adds a line to the explanation unless it is there."""
    if (row.id, key) not in said:
        said.add((row.id, key))
        session.add(SlaNote(clock_id=row.id, key=key, at=at, text=dict(text)))


def schedule(session: Session, row: SlaClock, force: InForce) -> None:
    """Moves, makes or withdraws the clock's promise so that it comes at the next percentage that was not told."""
    moment = None
    calendar = force.calendars.get(row.calendar)
    if row.stopped is None and row.state in ("running", "breached") and calendar is not None:
        level = next((level for level in force.policy.levels() if level > row.warned), None)
        if level is not None:
            amount = timedelta(seconds=row.target * level / 100)
            moment = reached(calendar, stretches_of(row), amount).moment
    _promise_at(session, TICK, row, moment)
    if row.stopped is None and row.uncertain is not None:
        soon = clock.now() + timedelta(hours=settings.get(SlaSettings).recheck_hours)
        outbox.promise(session, RECHECK, {"clock": row.id}, due=soon, unique_key=str(row.id))


def _promise_at(session: Session, kind: str, row: SlaClock, moment: datetime | None) -> None:
    key = str(row.id)
    standing = session.execute(
        select(PromiseRow.id, PromiseRow.due).where(
            PromiseRow.kind == kind, PromiseRow.unique_key == key, PromiseRow.state.in_(("waiting", "queued"))
        )
    ).one_or_none()
    if standing is not None and moment is None:
        outbox.withdraw(session, standing.id)
    elif standing is not None and moment is not None:
        if standing.due != moment:
            outbox.postpone(session, standing.id, moment)
    elif moment is not None:
        outbox.promise(session, kind, {"clock": row.id}, due=moment, unique_key=key)
