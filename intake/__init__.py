"""Intake: keeps what came, knows what it has seen, and finds the customer, the conversation and the ticket it belongs to."""

from intake.inbox import accept, accept_in, accept_now, message_of
from intake.message import Acceptance, Attachment, HeardWord, Message, Place, Sender
from intake.sessions import (
    HeardTurn,
    append_turn,
    drop_session,
    end_orphans,
    end_session,
    known_session,
    mask_turn,
    on_end,
    open_session,
    sign_of_life,
    stage,
    transcript,
)
from intake.tables import MessageRow, SessionRow, TurnRow, WaitingRow

__all__ = [
    "Acceptance",
    "Attachment",
    "HeardTurn",
    "HeardWord",
    "Message",
    "MessageRow",
    "Place",
    "Sender",
    "SessionRow",
    "TurnRow",
    "WaitingRow",
    "accept",
    "accept_in",
    "accept_now",
    "append_turn",
    "drop_session",
    "end_orphans",
    "end_session",
    "known_session",
    "mask_turn",
    "message_of",
    "on_end",
    "open_session",
    "sign_of_life",
    "stage",
    "transcript",
]
