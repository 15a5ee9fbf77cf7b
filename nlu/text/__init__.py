"""Spoken and written form of one text with maps between their offsets, and correction by sound."""

from nlu.text.correct import Corrected, Correction, corrected
from nlu.text.digits import number, spoken_digits
from nlu.text.written import Written, written_form

__all__ = ["Corrected", "Correction", "Written", "corrected", "number", "spoken_digits", "written_form"]
