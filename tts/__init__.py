"""Speech: text in, 16 kHz sound out, clause by clause; for what no recorded prompt can know."""

from tts.client import ServiceSpeaker
from tts.contract import RATE, Engine, NotSpoken
from tts.installation import installed
from tts.settings import LONGEST_TEXT, SpeakerSettings

__all__ = ["LONGEST_TEXT", "RATE", "Engine", "NotSpoken", "ServiceSpeaker", "SpeakerSettings", "installed"]
