"""Calls that we make to customers. An agent is taken first, then the customer is called, then, when he has answered, the agent's
telephone rings while he hears who calls: so no customer is called whom nobody could speak with, and no agent listens to
a telephone that nobody picks up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connectors.sip.call import CHANNEL, Call
from connectors.sip.crew import Crewman
from connectors.sip.leg import first_of
from connectors.sip.recording import Recording
from connectors.sip.settings import PeopleSettings, SipSettings
from connectors.sip.switchboard import Switchboard
from connectors.sip.targets import number_uri
from core import clock, db, log, outbox, settings
from core.errors import ConfigurationError, Conflict, HotlineError, Unavailable
from intake import MessageRow, Sender, drop_session, known_session, open_session, waiting
from intake.asking import ask
from intake.calling import CALL_OUT, OVER, has_talked, is_promised, promise_call, standing
from intake.dialog import load_script
from intake.waiting import Agent
from ticketing import record

CALL_BACK = "sip.call_back"
RING_SECONDS = 45.0
BUSY_PAUSE = timedelta(minutes=1)  # until an agent may be free
CLOSED_PAUSE = timedelta(minutes=10)  # until we may be open
LONGEST = timedelta(days=3)  # that a promised call waits for an agent
PROMPTS: dict[str, str] = {"call back": "we_call_back", "appointment": "we_call_appointment"}
logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A call that is to be made. ``key`` is the same for the same attempt."""

    key: str
    number: str
    uri: str
    purpose: str
    ticket: int
    ticket_number: str
    attempt: int
    made: str


class OutCall(Call):
    """A customer whom we call; from his answer on a call like any other, with a person."""

    def __init__(
        self,
        line: Crewman,
        number: int,
        config: SipSettings,
        board: Switchboard,
        wanted: Wanted,
        session_id: str,
        agent: Agent,
    ) -> None:
        super().__init__(line, number, "", "", config, "", board)
        self.session_id = session_id
        self._agent = agent
        self._wanted, self._board = wanted, board
        self._number = wanted.number

    async def _open(self) -> bool:
        self._recording = await db.run(Recording, self.config.recordings, self.session_id)
        return True

    async def _answer(self) -> bool:
        shown = self._board.from_of("")
        self.line.tell({"event": "dial", "call": self.number, "uri": self._wanted.uri, "from": shown})
        await first_of(RING_SECONDS, self.up, self.ended)
        if not self.up.is_set():
            self.hang_up()
            await first_of(5, self.ended)
            self.outcome = {486: "busy", 600: "busy", 603: "declined"}.get(self.status, "not answered")
            return False
        self._early.clear()  # what was heard before he answered came from the network
        self._listen()
        self.people.call_out(self._agent, PROMPTS.get(self._wanted.purpose, "we_call_back"))
        return True


async def begin(
    line: Crewman, given: dict[str, Any], config: SipSettings, board: Switchboard, owner: str
) -> OutCall | None:
    """Opens the session and takes an agent; None if this attempt was made before. Raises Conflict if no agent is free, and
    what ``number_uri`` raises."""
    wanted = Wanted(uri=number_uri(str(given["number"]), board.sip, board.people), **given)
    if await db.run(known_session, CHANNEL, wanted.key):
        return None
    sender = Sender(kind="phone", value=wanted.number, verified=True)
    facts = {
        "direction": "out",
        "number": wanted.number,
        "purpose": wanted.purpose,
        "ticket": wanted.ticket,
        "ticket_number": wanted.ticket_number,
        "attempt": wanted.attempt,
        **({"made": wanted.made} if wanted.made else {}),
        "people": {"stage": "dialing"},
    }
    session_id = await db.run(open_session, CHANNEL, wanted.key, sender, owner=owner, facts=facts)
    agent = await db.run(waiting.take_free_agent, session_id)
    if agent is None:
        await db.run(drop_session, session_id)
        raise Conflict("No agent is free.")
    return OutCall(line, board.next_number(), config, board, wanted, session_id, agent)


def _never(promise: outbox.Promise, error: str) -> outbox.Effect:
    """No telephone process took the call, as often as it was tried: a person has to see to it."""
    because = error[:200]
    return lambda session: _told(session, promise.payload["ticket"], "call.given_up", because=because)


@outbox.handler(CALL_OUT, queue="outbound", lease=60, attempts=12, backoff=10.0, last_resort=_never)
def call_out(promise: outbox.Promise) -> outbox.Effect | None:
    """Has a telephone process make the call; raises Unavailable while there is none."""
    given = promise.payload
    with db.read() as session:
        ticket = standing(session, given["ticket"])
        if ticket is None or ticket.state in OVER:
            return None
        number = ticket.number
        if given["purpose"] == "call back" and "made" in given and has_talked(session, ticket, given["made"]):
            return lambda session: _told(session, given["ticket"], "call.withdrawn", because="they have talked")
    if not _open():
        return _later(promise, CLOSED_PAUSE)
    first = str(given.get("key") or promise.key)
    wanted = {name: given[name] for name in ("number", "ticket", "purpose", "attempt")}
    wanted |= {"ticket": ticket.id, "made": given.get("made", "")}
    try:
        ask("", "dial", **wanted, key=f"{first}-{given['attempt']}", ticket_number=number)
    except Conflict:
        return _later(promise, BUSY_PAUSE)
    except Unavailable:
        raise
    except HotlineError as error:
        reason = error.message
        return lambda session: _told(session, given["ticket"], "call.given_up", because=reason)
    return None


@outbox.handler(CALL_BACK, queue="outbound", lease=60, attempts=12, backoff=5.0)
def call_back(promise: outbox.Promise) -> outbox.Effect | None:
    """A caller whom nobody could speak with is called back, as soon as his ticket is there."""
    with db.read() as session:
        row = session.get(MessageRow, promise.payload["message"])
        if row is None or row.state == "recorded":
            return None
        if row.ticket_id is None:
            raise Unavailable("The call has no ticket yet.")
        number, ticket_id = str(row.content["sender"]["value"]), row.ticket_id

    def write(session: Session) -> None:
        if is_promised(session, number):  # he has called twice
            return
        if (ticket := standing(session, ticket_id)) is not None and ticket.state not in OVER:
            promise_call(session, ticket, number, purpose="call back", actor="sip")

    return write


def can_be_called(number: str) -> bool:
    """Whether settings let us call this number."""
    try:
        number_uri(number, settings.get(SipSettings), settings.get(PeopleSettings))
    except (HotlineError, ConfigurationError):
        return False
    return settings.get(PeopleSettings).call_back


def _open() -> bool:
    name = settings.get(SipSettings).dialog
    if name == "none":
        return True
    return load_script(name).is_open(clock.now(), settings.get(settings.CoreSettings).zone)


def _later(promise: outbox.Promise, pause: timedelta) -> outbox.Effect:
    """The same again after a pause, unless it has waited for days."""
    given = {"since": promise.due.isoformat(), "key": promise.key, **promise.payload}

    def write(session: Session) -> None:
        if clock.now() - datetime.fromisoformat(str(given["since"])) > LONGEST:
            _told(session, given["ticket"], "call.given_up", because="no agent was free")
        else:
            outbox.promise(session, CALL_OUT, given, due=clock.now() + pause, queue="outbound")

    return write


def _told(session: Session, ticket_id: int, kind: str, **details: Any) -> None:
    if (ticket := standing(session, ticket_id)) is not None:
        record(session, ticket, kind, "sip", **details)
