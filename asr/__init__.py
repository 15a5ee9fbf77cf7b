"""Streaming speech recognition: audio in, words with times and confidences out, exactly as they were said."""

from asr.contract import RATE, Engine, Final, Partial, Recognizer, Word

__all__ = ["RATE", "Engine", "Final", "Partial", "Recognizer", "Word"]
