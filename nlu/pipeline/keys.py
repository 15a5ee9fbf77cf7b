"""Keys and their rows: thousands of keys are looked up at once, by numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[Any]  # unsigned whole numbers of one width; 0 is no key

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_NEAR, _FURTHER = 4, 16  # places looked at at once where the first is another key's: of many, of few
_MANY = 256


class KeyRows:
    """Rows of ``keys``, which are all different and in any order: the row of ``keys[i]`` is i.

    A table with open addressing. ``mixed`` keys are as good as random numbers, so that their first bits say where to look.
    """

    def __init__(self, keys: Keys, *, mixed: bool = False) -> None:
        self.none = len(keys)  # the row of what is no key
        bits = max(4, (2 * len(keys)).bit_length())
        self._mixed = mixed
        self._shift = (keys.dtype if mixed else np.dtype(np.uint64)).type((keys.itemsize if mixed else 8) * 8 - bits)
        home = self._home(keys).astype(np.int64)
        order = np.argsort(home, kind="stable")
        at = np.arange(len(keys))
        places = np.maximum.accumulate(home[order] - at) + at  # the first free one from its home on
        self._farthest = int((places - home[order]).max(initial=0))
        # Key and row stand side by side, for looking at either takes as long as looking at both.
        size = max(1 << bits, int(places.max(initial=0)) + 1) + _FURTHER
        self._slots = np.zeros((size, 2), dtype=keys.dtype)
        self._slots[:, 1] = self.none
        self._slots[places, 0] = keys[order]
        self._slots[places, 1] = order

    def _home(self, keys: Keys) -> Keys:
        found: Keys = (keys if self._mixed else keys * _SPREAD) >> self._shift
        return found

    def find(self, wanted: Keys) -> NDArray[np.int64]:
        """Of each of ``wanted`` (one dimension) its row, ``none`` where it is no key."""
        home = self._home(wanted)
        seen = self._slots.take(home, axis=0)
        rows = seen[:, 1].astype(np.int64)
        waiting = (seen[:, 0] != wanted).nonzero()[0]
        rows[waiting] = self.none
        waiting = waiting[seen[waiting, 0] != 0]
        first = 1
        while len(waiting) and first <= self._farthest:
            width = min(self._farthest, _NEAR if len(waiting) > _MANY else _FURTHER)
            near = home.take(waiting)[:, None] + np.arange(first, first + width, dtype=home.dtype)
            seen = self._slots.take(near, axis=0, mode="clip")
            hits = (seen[:, :, 0] == wanted.take(waiting)[:, None]).ravel().nonzero()[0]
            found = hits // width
            rows[waiting.take(found)] = seen.reshape(-1, 2)[hits, 1]
            first += width
            if first <= self._farthest:
                going_on = seen[:, -1, 0] != 0
                going_on[found] = False
                waiting = waiting[going_on]
        return rows
