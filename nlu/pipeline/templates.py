"""Features as numbers: a template combines symbols of a character and its neighbours, and its number stands for the combination.

Words would do as well, but fifty of them for each character take longer to make than to use. The numbers are the same on every
machine: CRC-32 of the symbols, mixed by fixed odd multipliers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Part = tuple[str, int]  # column, offset -2..2
_REACH = 2
_KEPT = 300_000  # symbols whose number is remembered
_MASK = (1 << 64) - 1


class _Numbers(dict[str, int]):
    """The number of each symbol; 0 of the empty one."""

    def __missing__(self, symbol: str) -> int:
        if len(self) >= _KEPT:
            self.clear()
        number = self[symbol] = zlib.crc32(symbol.encode("utf-8", "surrogatepass"))
        return number


_numbers = _Numbers()


class Templates:
    """``spec`` are the templates, each up to four parts. One whose first symbol is empty says nothing: its number is 0."""

    def __init__(self, spec: Sequence[Sequence[Part]]) -> None:
        self.columns = sorted({column for parts in spec for column, _ in parts})
        widest = max(map(len, spec))
        rows = {column: number + 1 for number, column in enumerate(self.columns)}
        self._rows = np.zeros((len(spec), widest, 1), dtype=np.int64)
        self._offsets = np.zeros((len(spec), widest, 1), dtype=np.int64)
        self._factors = np.zeros((len(spec), widest, 1), dtype=np.uint64)
        self._seeds = np.zeros((len(spec), 1), dtype=np.uint64)
        for t, parts in enumerate(spec):
            self._seeds[t] = _mixed(f"{t}:{parts}")
            for p, (column, offset) in enumerate(parts):
                self._rows[t, p] = rows[column]
                self._offsets[t, p] = offset
                self._factors[t, p] = _mixed(f"{t}:{p}:{parts}") | 1

    def __call__(self, columns: Mapping[str, Sequence[str]]) -> NDArray[np.uint32]:
        """One row a character, one number a template. Every column has one symbol a character."""
        n = len(columns[self.columns[0]])
        wide = n + 2 * _REACH
        table = np.zeros((len(self.columns) + 1, wide), dtype=np.uint64)
        table[1:, :_REACH] = (_mixed("<<") & 0xFFFFFFFF, _mixed("<") & 0xFFFFFFFF)
        table[1:, wide - _REACH :] = (_mixed(">") & 0xFFFFFFFF, _mixed(">>") & 0xFFFFFFFF)
        number = _numbers.__getitem__
        for row, column in enumerate(self.columns, 1):
            table[row, _REACH : _REACH + n] = list(map(number, columns[column]))
        at = self._rows * wide + self._offsets + _REACH + np.arange(n)
        symbols = table.ravel()[at]  # (templates, parts, characters)
        mixed = (symbols * self._factors).sum(axis=1, dtype=np.uint64) + self._seeds
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        out = (mixed >> np.uint64(32)).astype(np.uint32)
        out[symbols[:, 0, :] == 0] = 0
        turned: NDArray[np.uint32] = out.T
        return turned


def _mixed(words: str) -> int:
    data = words.encode()
    return ((zlib.crc32(data) << 32 | zlib.crc32(data[::-1] + b"/")) * 0x9E3779B97F4A7C15) & _MASK
