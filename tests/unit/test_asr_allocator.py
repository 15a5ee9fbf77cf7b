"""The recogniser starts anew with another malloc, once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from asr.allocator import TRIED, environment, library

PROGRAM = "from asr.allocator import replace_malloc; replace_malloc(); import sys; print(open('/proc/self/maps').read(), sys.argv)"


def test_a_library_is_loaded_before_what_was() -> None:
    changed = environment({"LD_PRELOAD": "libother.so", "LANG": "C"}, "libjemalloc.so.2")
    assert changed == {"LD_PRELOAD": "libjemalloc.so.2 libother.so", "LANG": "C", TRIED: "1"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ""),
        ({TRIED: "1"}, "libjemalloc.so.2"),
        ({"LD_PRELOAD": "/usr/lib/libtcmalloc.so.4"}, "libjemalloc.so.2"),
    ],
)
def test_nothing_happens_where_nothing_is_gained(given: dict[str, str], found: str) -> None:
    assert environment(given, found) is None


def test_the_process_runs_with_it_and_its_arguments() -> None:
    if not library():
        pytest.skip("no other malloc is installed: apt install libjemalloc2")
    plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", TRIED)}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, "an argument"], env=plain, capture_output=True, text=True, check=True
    ).stdout
    assert library().partition(".")[0] in told
    assert "an argument" in told
