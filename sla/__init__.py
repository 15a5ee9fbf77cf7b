"""Promised times: business calendars, policies, clocks that explain themselves, warnings and escalation."""

from sla.calendar import Calendar, Shift
from sla.clocks import bring_up_to_date, due
from sla.documents import announced, in_force
from sla.errors import NoBusinessTime, UnannouncedYear
from sla.promises import wire
from sla.reading import read_calendars, shifts
from sla.sentence import Sentence
from sla.tables import SlaClock
from sla.words import Words, in_language, moment_words, span_words, words

__all__ = [
    "Calendar",
    "NoBusinessTime",
    "Sentence",
    "Shift",
    "SlaClock",
    "UnannouncedYear",
    "Words",
    "announced",
    "bring_up_to_date",
    "due",
    "in_force",
    "in_language",
    "moment_words",
    "read_calendars",
    "shifts",
    "span_words",
    "wire",
    "words",
]
