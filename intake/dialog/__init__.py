"""The dialog that leads a call: what to ask for when it is missing, how to read back, when to hand over. Pure: the state is a
fold over the turns, the next move follows from it; the channel gives it ears, a voice and a clock."""

from intake.dialog.answers import yes_or_no
from intake.dialog.moves import Move, next_move
from intake.dialog.people import KnownCaller, known_caller
from intake.dialog.script import Script, load_script
from intake.dialog.state import Heard, State, fold
from intake.dialog.understanding import Understood, ready, understood

__all__ = [
    "Heard",
    "KnownCaller",
    "Move",
    "Script",
    "State",
    "Understood",
    "fold",
    "known_caller",
    "load_script",
    "next_move",
    "ready",
    "understood",
    "yes_or_no",
]
