"""Another malloc for the recogniser's process.

A decoder makes and drops millions of small objects, and its threads take turns with the streams, so that one thread frees
what another one made: the worst case of glibc's malloc. With jemalloc the same machine decodes about half as much again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ctypes.util import find_library

KNOWN = ("jemalloc", "mimalloc", "tcmalloc_minimal", "tcmalloc")  # Debian: libjemalloc2; in this order
TRIED = "HOTLINE_ASR_MALLOC_TRIED"


def library() -> str:
    """What the loader calls the first one that is installed; empty if there is none."""
    return next((found for name in KNOWN if (found := find_library(name))), "")


def environment(given: Mapping[str, str], found: str) -> dict[str, str] | None:
    """The environment to start anew with; None if there is nothing to gain, or it has been tried."""
    preloaded = given.get("LD_PRELOAD", "")
    if not found or TRIED in given or any(name in preloaded for name in KNOWN):
        return None
    return {**given, "LD_PRELOAD": " ".join([found, *preloaded.split()]), TRIED: "1"}


def replace_malloc() -> None:
    """Starts this program anew in the same process where that helps; then it does not return. To be called before anything else
    is done, and before there are threads."""
    if not sys.platform.startswith("linux"):
        return
    changed = environment(os.environ, library())
    if changed is not None:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], changed)  # noqa: S606  (itself)
