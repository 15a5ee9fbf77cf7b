"""Address parts on a labelled set (BIO lines as in Li et al., NAACL 2019): python benchmarks/nlu_address.py LABELLED.txt [MODEL]

Prints precision, recall and F1 of each part by exact span, and micro. With --peers PYTHON, the interpreter of an environment that
has jionlp, cpca and addressparser (`make bench-address` makes one), it also prints how often each finds the province, city and
district that are labelled, beside our resolver, in the same run. The set is for measuring only.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from nlu.location import model_path
from nlu.resolve.address import AddressResolver
from nlu.understander import load_pipeline

SAME = {"devzone": "devZone", "subroad": "subRoad"}
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
_SUFFIX = re.compile(
    r"(?:特别行政区|(?:维吾尔|壮族|回族)?自治区|(?:[一-龥]{1,4}族)*自治[州县旗]|地区|林区|省|市|盟|区|县|旗)$"
)


def same(wanted: str, said: str) -> bool:
    """Whether two names mean the same division, 杭州 and 杭州市."""
    a, b = (_SUFFIX.sub("", name) if len(name) > 2 else name for name in (wanted, said))
    return bool(a and b) and (a == b or wanted == said)


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
                right[level] += any(same(text[start:end], name) for name in said)
        print(f"{peer:18}" + "".join(f"{right[level] / max(1, wanted[level]):12.3f}" for level in LEVELS))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("labelled", type=Path)
    options.add_argument("model", type=Path, nargs="?")
    options.add_argument("--peers", default="", help="Python of the peers' environment")
    given = options.parse_args()
    parser = load_pipeline(model_path(given.model)).get_pipe("hotline_address")
    right, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    examples = labelled(given.labelled)
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
    if given.peers:
        beside_peers(examples, given.peers)


if __name__ == "__main__":
    main()
