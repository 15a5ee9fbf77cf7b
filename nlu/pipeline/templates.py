"""Features as numbers: a template combines symbols of a character and its neighbours, and its number stands for the combination.

Words would do as well, but fifty of them for each character take longer to make than to use. The numbers are the same on every
machine: CRC-32 of the symbols, mixed by fixed odd multipliers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.symbols import NUMBERS, Column

Part = tuple[str, int]  # column, offset -2..2
_REACH = 2
_MASK = (1 << 64) - 1


class Templates:
    """``spec`` are the templates. One whose first symbol is empty says nothing: its number is 0."""

    def __init__(self, spec: Sequence[Sequence[Part]]) -> None:
        self.columns = sorted({name for parts in spec for name, _ in parts})
        rows = {name: row for row, name in enumerate(self.columns)}
        every = [(t, p, parts) for t, parts in enumerate(spec) for p in range(len(parts))]
        self._rows = np.array([rows[parts[p][0]] for _, p, parts in every], dtype=np.int64)[:, None]
        self._offsets = np.array([parts[p][1] + _REACH for _, p, parts in every], dtype=np.int64)[:, None]
        self._factors = np.array([_mixed(f"{t}:{p}:{parts}") | 1 for t, p, parts in every], dtype=np.uint64)[:, None]
        self._firsts = np.array([at for at, (_, p, _) in enumerate(every) if p == 0], dtype=np.int64)
        self._seeds = np.array([_mixed(f"{t}:{parts}") for t, parts in enumerate(spec)], dtype=np.uint64)[:, None]
        self._before = np.array([_mixed("<<") & 0xFFFFFFFF, _mixed("<") & 0xFFFFFFFF], dtype=np.uint64)
        self._behind = np.array([_mixed(">") & 0xFFFFFFFF, _mixed(">>") & 0xFFFFFFFF], dtype=np.uint64)

    def __call__(self, columns: Mapping[str, Sequence[str] | Column]) -> NDArray[np.uint32]:
        """One row a character, one number a template. Every column has one symbol a character, or its number."""
        n = len(columns[self.columns[0]])
        wide = n + 2 * _REACH
        table = np.empty((len(self.columns), wide), dtype=np.uint64)
        table[:, :_REACH] = self._before
        table[:, wide - _REACH :] = self._behind
        given = [columns[name] for name in self.columns]
        told = [row for row, symbols in enumerate(given) if not isinstance(symbols, np.ndarray)]
        numbers = map(NUMBERS.__getitem__, chain.from_iterable(given[row] for row in told))
        inside = table[:, _REACH : _REACH + n]
        inside[told] = np.fromiter(numbers, dtype=np.uint64, count=len(told) * n).reshape(len(told), n)
        for row, made in enumerate(given):
            if isinstance(made, np.ndarray):
                inside[row] = made
        symbols = table.ravel().take(self._rows * wide + self._offsets + np.arange(n))  # (parts, characters)
        mixed = np.add.reduceat(symbols * self._factors, self._firsts, axis=0)
        mixed += self._seeds
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        out = (mixed >> np.uint64(32)).astype(np.uint32)
        out[symbols.take(self._firsts, axis=0) == 0] = 0
        turned: NDArray[np.uint32] = out.T
        return turned


def _mixed(words: str) -> int:
    data = words.encode()
    return ((zlib.crc32(data) << 32 | zlib.crc32(data[::-1] + b"/")) * 0x9E3779B97F4A7C15) & _MASK
