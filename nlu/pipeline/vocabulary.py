"""The known words that the features refer to: devices and brands of the catalogue, names of divisions."""

from __future__ import annotations

from functools import lru_cache

from nlu.catalogue import shipped
from nlu.pipeline.characters import SYMBOLS
from nlu.pipeline.features import FeatureMaker
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.sounds import SoundLexicon
from nlu.pipeline.words import words as everyday_words
from nlu.places import divisions


def reading_form(word: str) -> str:
    """A word as the reading shows it: spaces dropped, lower case, half width."""
    return "".join(word.split()).translate(SYMBOLS)


@lru_cache(maxsize=4)
def feature_maker(learned: tuple[tuple[str, str], ...] = ()) -> FeatureMaker:
    """``learned`` are (word, "dev" or "brand") that a model met in its training material, in reading form."""
    catalogue = shipped()
    words = [(reading_form(w), "dev") for device in catalogue.devices for w in device.names]
    words += [(reading_form(w), "brand") for w in catalogue.brands]
    known = {word for word, _ in words}
    words += [entry for entry in learned if entry[0] not in known]
    sounds = SoundLexicon((reading_form(w), "dev") for device in catalogue.devices for w in device.names)
    return FeatureMaker(Lexicon(words), Lexicon(divisions().lexicon()), sounds, everyday_words())
