"""Symbols and stretches of text as numbers, which numpy compares and looks up by the hundred."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.uint64]  # the number of one symbol for each character of a text

_KEPT = 50_000  # symbols whose number is remembered
_BEYOND = 0xFFFF  # for characters of more than 16 bits, and for NUL: no word has it


def number(symbol: str) -> int:
    """CRC-32, the same on every machine; 0 of the empty one."""
    return zlib.crc32(symbol.encode("utf-8", "surrogatepass"))


class _Numbers(dict[str, int]):
    def __missing__(self, symbol: str) -> int:
        if len(self) >= _KEPT:
            self.clear()
        found = self[symbol] = number(symbol)
        return found


NUMBERS = _Numbers()  # of symbols that come again and again


def column(symbols: Iterable[str]) -> Column:
    """The number of each symbol."""
    return np.array(list(map(NUMBERS.__getitem__, symbols)), dtype=np.uint64)


def points(text: str) -> NDArray[np.uint32]:
    """The code point of each character."""
    found: NDArray[np.uint32] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return found


def grams(points_: NDArray[np.uint32], longest: int) -> NDArray[np.uint64]:
    """Shape (``longest``, characters): what begins at each character, one to ``longest`` (4) characters, 16 bits for each.

    What would reach over the end has a character that no word has.
    """
    n = len(points_)
    padded = np.full(n + longest, _BEYOND, dtype=np.uint64)
    padded[:n] = points_
    padded[(padded > _BEYOND) | (padded == 0)] = _BEYOND
    found = np.empty((longest, n), dtype=np.uint64)
    found[0] = padded[:n]
    for length in range(1, longest):
        np.left_shift(padded[length : length + n], np.uint64(16 * length), found[length])
        found[length] |= found[length - 1]
    return found
