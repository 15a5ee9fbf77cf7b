"""The second stage of an address: its parts, by a CRF over characters that was trained on generated and hand-labelled addresses.

Labels are those of the labelled sets (Li et al., NAACL 2019): prov city district devzone town community road subroad roadno
subroadno poi subpoi houseno cellno floorno roomno assist redundant ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from nlu.pipeline.address_features import address_features
from nlu.pipeline.chain import Chain
from nlu.pipeline.characters import read
from nlu.pipeline.entities import spans_of

CHAIN = "chain.npz"


class AddressParser:
    def __init__(self) -> None:
        self.chain: Chain | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Nothing of the text as a whole: the parser is asked for one address at a time."""
        return doc

    @property
    def ready(self) -> bool:
        return self.chain is not None

    def parts(self, address: str) -> list[tuple[int, int, str]]:
        """(start, end, label) of each part, in order; offsets of ``address``."""
        reading = read(address[:300])
        if self.chain is None or not reading.text:
            return []
        labels = self.chain.labels_of(address_features()(reading))
        return [(reading.at[a], reading.at[b - 1] + 1, name) for a, b, name in spans_of(labels)]

    def to_disk(self, path: Path, **_: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self.chain is not None:
            self.chain.save(path / CHAIN)

    def from_disk(self, path: Path, **_: Any) -> AddressParser:
        self.chain = Chain.load(Path(path) / CHAIN)
        return self


def make_parser(nlp: Language, name: str) -> AddressParser:
    return AddressParser()


Language.factory("hotline_address", default_config={}, func=make_parser)
