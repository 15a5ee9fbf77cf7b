"""The known words that the features refer to: devices and brands of the catalogue, names of divisions."""

from __future__ import annotations

from functools import lru_cache

from nlu.catalogue import shipped
from nlu.pipeline.characters import symbol
from nlu.pipeline.features import FeatureMaker
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.sounds import SoundLexicon
from nlu.places import divisions


def reading_form(word: str) -> str:
    """A word as the reading shows it: spaces dropped, lower case, half width."""
    return "".join(symbol(c) for c in word if not c.isspace())


@lru_cache(maxsize=1)
def feature_maker() -> FeatureMaker:
    catalogue = shipped()
    words = [(reading_form(w), "dev") for device in catalogue.devices for w in device.names]
    words += [(reading_form(w), "brand") for w in catalogue.brands]
    sounds = SoundLexicon((reading_form(w), "dev") for device in catalogue.devices for w in device.names)
    return FeatureMaker(Lexicon(words), Lexicon(divisions().lexicon()), sounds)
