"""Keys lead to their rows, and what is no key to none."""

from __future__ import annotations

import numpy as np
import pytest

from nlu.pipeline.keys import KeyRows


@pytest.mark.parametrize("count", [0, 1, 7, 5_000])
@pytest.mark.parametrize("mixed", [True, False])
def test_each_key_has_its_row(count: int, mixed: bool) -> None:
    rng = np.random.default_rng(count)
    kind = np.uint32 if mixed else np.uint64
    drawn = np.unique(rng.integers(1, np.iinfo(kind).max, size=2 * count, dtype=kind))
    rng.shuffle(drawn)
    keys, others = drawn[:count], drawn[count:]
    rows = KeyRows(keys, mixed=mixed)
    assert rows.find(keys).tolist() == list(range(count))
    assert (rows.find(others) == rows.none).all()
    both = np.concatenate([others, keys, np.zeros(3, dtype=kind)])
    assert rows.find(both).tolist() == [rows.none] * len(others) + list(range(count)) + [rows.none] * 3


def test_keys_that_want_the_same_place_are_all_found() -> None:
    for first in (1, 2**32 - 300):  # at the table's beginning and behind its end
        keys = np.arange(first, first + 299, dtype=np.uint32)
        rows = KeyRows(keys, mixed=True)
        assert rows.find(keys).tolist() == list(range(299))
        assert rows.find(np.array([first - 1, first + 299], dtype=np.uint32)).tolist() == [299, 299]


def test_neighbouring_numbers_are_spread() -> None:
    keys = np.arange(1, 3_000, dtype=np.uint64)
    assert KeyRows(keys).find(keys[::-1]).tolist() == list(range(2_999))[::-1]
