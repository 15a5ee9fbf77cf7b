"""Speed and size of understanding: python -m benchmarks.nlu_speed FILE.jsonl [MODEL]. Times are process time on one core."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

import nlu
from core import clock
from nlu.contract import Context, Turn
from nlu.corpus import read_examples


def main() -> None:
    begin = time.perf_counter()
    understander = nlu.load(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    context = Context(now=clock.now())
    understander.understand([Turn(text="空调不制冷")], context)
    print(f"load and first request {time.perf_counter() - begin:.2f} s")
    spent = []
    for example in read_examples(Path(sys.argv[1])):
        begin = time.process_time()
        understander.understand([Turn(text=example.text)], context)
        spent.append(time.process_time() - begin)
    print(
        f"{len(spent)} requests: {len(spent) / sum(spent):.0f} a second, p50 {np.percentile(spent, 50) * 1e3:.1f} ms, p99 {np.percentile(spent, 99) * 1e3:.1f} ms"
    )
    for name, text in (
        ("100 kB mail", "您好，空调不制冷，地址是建设路8号，请来修。\n" * 2_200),
        ("1 MB without a break", "一" * 1_000_000),
    ):
        begin = time.process_time()
        understander.understand([Turn(text=text, channel="email")], context)
        print(f"{name}: {time.process_time() - begin:.2f} s")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
