"""Streaming speech recognition: audio in, words with times and confidences out, exactly as they were said."""

from asr.contract import RATE, Alternative, Engine, Final, Listening, Partial, Recognizer, Word
from asr.settings import AsrSettings

__all__ = ["RATE", "Alternative", "AsrSettings", "Engine", "Final", "Listening", "Partial", "Recognizer", "Word"]
