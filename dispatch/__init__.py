"""Dispatch: engineers with skills, certificates, regions and shifts; who goes, and why; visits on site."""

from dispatch.assignment import accept, assign, assign_automatically, candidates, grab, refuse
from dispatch.jobs import device_category, job_of, place_of
from dispatch.places import Place, between, metres
from dispatch.promises import wire
from dispatch.roster import add_leave, engineer_of, save_engineer
from dispatch.tables import Engineer, Visit
from dispatch.telling import language_of, tell_customer
from dispatch.visits import Completion, Consent, Photo, UsedPart, check_in, checklist_for, complete, contents

__all__ = [
    "Completion",
    "Consent",
    "Engineer",
    "Photo",
    "Place",
    "UsedPart",
    "Visit",
    "accept",
    "add_leave",
    "assign",
    "assign_automatically",
    "between",
    "candidates",
    "check_in",
    "checklist_for",
    "complete",
    "contents",
    "device_category",
    "engineer_of",
    "grab",
    "job_of",
    "language_of",
    "metres",
    "place_of",
    "refuse",
    "save_engineer",
    "tell_customer",
    "wire",
]
