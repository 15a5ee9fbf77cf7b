"""Address parts on a labelled set (BIO lines as in Li et al., NAACL 2019): python benchmarks/nlu_address.py LABELLED.txt [MODEL]

Prints precision, recall and F1 of each part by exact span, and micro. With --peers PYTHON, the interpreter of an environment that
has jionlp, cpca and addressparser (`make bench-address` makes one), it also prints how often each finds the province, city and
district that are labelled, beside our resolver, in the same run. The set is for measuring only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from nlu.location import model_path
from nlu.pipeline.address_parts import AddressParser
from nlu.places import short_names
from nlu.resolve.address import AddressResolver

SAME = {"devZone": "devzone", "subRoad": "subroad"}
Span = tuple[int, int, str]


def labelled(path: Path) -> list[tuple[str, set[Span]]]:
    out = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        text, spans = "", set[Span]()
        open_span: list[Any] | None = None
        for line in block.splitlines():
            token, _, label = line.rpartition(" ")
            if not token:
                continue
            if label[0] != "I" and open_span:
                spans.add((open_span[0], open_span[1], open_span[2]))
                open_span = None
            if label[0] == "B":
                open_span = [len(text), len(text) + len(token), SAME.get(label[2:], label[2:])]
            elif label[0] == "I" and open_span:
                open_span[1] = len(text) + len(token)
            text += token
        if open_span:
            spans.add((open_span[0], open_span[1], open_span[2]))
        if text:
            out.append((text, spans))
    return out


LEVELS = ("prov", "city", "district")
_KINDS = {"prov": ("province",), "city": ("city", "province"), "district": ("district", "city")}


def same(wanted: str, said: str, level: str) -> bool:
    """Whether two names mean the same division: 杭州 and 杭州市, 凉山州 and 凉山彝族自治州."""
    return any(set(short_names(wanted, kind)) & set(short_names(said, kind)) for kind in _KINDS[level])


def divisions_found(texts: list[str]) -> list[list[str]]:
    """Province, city and district of each first candidate; a former name that was said stands for today's, as peers give it."""
    resolver = AddressResolver()
    out = []
    for text in texts:
        found = resolver.candidates(text, "")
        details = found[0].details if found else {}
        levels = ("province", "city", "district")
        out.append([str(details.get(f"former_{level}") or details.get(level, "")) for level in levels])
    return out


def beside_peers(examples: list[tuple[str, set[Span]]], python: str) -> None:
    texts = [text for text, _ in examples]
    ran = subprocess.run(
        [python, str(Path(__file__).parent / "peers" / "address.py")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = {"hotline": divisions_found(texts), **json.loads(ran.stdout[ran.stdout.index("{") :])}
    print(f"{'found as labelled':18}" + "".join(f"{level:>12}" for level in LEVELS))
    for peer, found in answers.items():
        right, wanted = Counter[str](), Counter[str]()
        for (text, spans), (province, city, district) in zip(examples, found, strict=True):
            for start, end, level in spans:
                if level not in LEVELS:
                    continue
                wanted[level] += 1
                said = {"prov": [province], "city": [city, province], "district": [district, city]}[level]
                right[level] += any(same(text[start:end], name, level) for name in said)
        print(f"{peer:18}" + "".join(f"{right[level] / max(1, wanted[level]):12.3f}" for level in LEVELS))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("labelled", type=Path)
    options.add_argument("model", type=Path, nargs="?")
    options.add_argument("--peers", default="", help="Python of the peers' environment")
    given = options.parse_args()
    parser = AddressParser().from_disk(model_path(given.model) / "hotline_address")
    right, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    examples = labelled(given.labelled)
    for text, gold in examples:
        mine = {(start, end, SAME.get(name, name)) for start, end, name in parser.parts(text)}
        right.update(name for *_, name in mine & gold)
        found.update(name for *_, name in mine)
        wanted.update(name for *_, name in gold)
    print(f"{len(examples)} addresses")
    for name, n in wanted.most_common():
        p, r = right[name] / max(1, found[name]), right[name] / n
        print(f"{name:12} n={n:5} P {p:.3f} R {r:.3f} F1 {2 * p * r / max(1e-9, p + r):.3f}")
    print(f"micro F1 {2 * right.total() / (found.total() + wanted.total()):.3f}")
    if given.peers:
        beside_peers(examples, given.peers)


if __name__ == "__main__":
    main()
