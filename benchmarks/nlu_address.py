"""Address parts on a labelled set (BIO lines as in Li et al., NAACL 2019): python benchmarks/nlu_address.py LABELLED.txt [MODEL]

Prints precision, recall and F1 of each part by exact span, and micro. The set is for measuring only.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from nlu.location import model_path
from nlu.understander import load_pipeline

SAME = {"devzone": "devZone", "subroad": "subRoad"}
Span = tuple[int, int, str]


def labelled(path: Path) -> list[tuple[str, set[Span]]]:
    out = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        text, spans, open_span = "", set(), None
        for line in block.splitlines():
            token, _, label = line.rpartition(" ")
            if not token:
                continue
            if label[0] != "I" and open_span:
                spans.add(tuple(open_span))
                open_span = None
            if label[0] == "B":
                open_span = [len(text), len(text) + len(token), SAME.get(label[2:], label[2:])]
            elif label[0] == "I" and open_span:
                open_span[1] = len(text) + len(token)
            text += token
        if open_span:
            spans.add(tuple(open_span))
        if text:
            out.append((text, spans))
    return out


def main() -> None:
    parser = load_pipeline(model_path(Path(sys.argv[2]) if len(sys.argv) > 2 else None)).get_pipe("hotline_address")
    right, found, wanted = Counter(), Counter(), Counter()
    examples = labelled(Path(sys.argv[1]))
    for text, gold in examples:
        mine = set(parser.parts(text))
        right.update(name for *_, name in mine & gold)
        found.update(name for *_, name in mine)
        wanted.update(name for *_, name in gold)
    print(f"{len(examples)} addresses")
    for name, n in wanted.most_common():
        p, r = right[name] / max(1, found[name]), right[name] / n
        print(f"{name:12} n={n:5} P {p:.3f} R {r:.3f} F1 {2 * p * r / max(1e-9, p + r):.3f}")
    print(f"micro F1 {2 * right.total() / (found.total() + wanted.total()):.3f}")


if __name__ == "__main__":
    main()
