"""The datasheet: where each part of the training material comes from, its licence, and how much there is of it."""

from __future__ import annotations

import json
from pathlib import Path

from nlu.catalogue import shipped
from nlu.corpus import grammar as grammars
from nlu.corpus.written import load as load_written
from nlu.evaluation import Scores
from nlu.location import model_path
from nlu.places import divisions

_PARTS = (
    (
        "nlu/corpus/banks/*.txt",
        "carriers, symptoms, stories, letters, name stock",
        "written for this project",
        "Apache-2.0",
    ),
    (
        "nlu/corpus/written/*.txt",
        "whole requests with their labels; variants exchange people, places, numbers and times",
        "written for this project",
        "Apache-2.0",
    ),
    (
        "nlu/corpus/written/*.lines",
        "addresses with their parts labelled",
        "written for this project",
        "Apache-2.0",
    ),
    ("nlu/former.py", "former divisions and what they are today", "written for this project", "Apache-2.0"),
    (
        "nlu/corpus/banks/places.txt",
        "names of places and roads for the address parser",
        "github.com/thu-coai/CrossWOZ df82c9f",
        "Apache-2.0",
    ),
    ("nlu/catalogue/*.yaml", "device categories, brands, fault classes", "written for this project", "Apache-2.0"),
    (
        "nlu/corpus/*.py",
        "rules that invent people, numbers, codes, times, addresses",
        "written for this project",
        "Apache-2.0",
    ),
    (
        "models/nlu/divisions.json.xz",
        "administrative divisions with codes",
        "github.com/modood/Administrative-divisions-of-China 57a0aa9",
        "WTFPL",
    ),
    (
        "models/nlu/words.json.xz",
        "everyday words with their kinds, a feature of the entity model",
        "dictionary of github.com/fxsjy/jieba 0.42.1",
        "MIT",
    ),
    (
        "nlu/text/confusions.json",
        "which syllables a small recogniser took for which, counted on 55 requests of ours read by synthetic voices",
        "counted for this project",
        "Apache-2.0",
    ),
    ("pypinyin", "pronunciations for homophone noise", "PyPI", "MIT"),
)


def datasheet(model: Path | None = None) -> str:
    """Markdown. ``model``: a pipeline directory, by default the newest shipped one."""
    path = model_path(model)
    meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
    banks = grammars.load().banks
    requests = load_written()
    catalogue = shipped()
    lines = [
        f"# Datasheet of {meta['name']} {meta['version']}",
        "",
        f"{meta['description']}. No request of a real person is in it; every name, number and address is invented.",
        "",
        "| part | what | source | licence |",
        "| --- | --- | --- | --- |",
        *(f"| {part} | {what} | {source} | {licence} |" for part, what, source, licence in _PARTS),
        "",
        f"- {len(banks)} banks with {sum(map(len, banks.values()))} hand-written lines, "
        f"{sum(len(lines) for name, lines in banks.items() if name.startswith('fault.'))} of them symptoms, "
        f"{sum(len(lines) for name, lines in banks.items() if name.startswith(('story.', 'letter.')))} whole stories and letters",
        f"- {len(requests)} whole requests in {len({r.where.split(':')[0] for r in requests})} files of as many authors, with "
        f"{sum(bool(name) for r in requests for _, name in r.pieces)} labels",
        f"- {len(catalogue.devices)} device categories with {sum(len(d.names) for d in catalogue.devices)} names, {len(catalogue.brands)} brands, "
        f"{len(catalogue.faults)} fault classes",
        f"- {len(divisions().by_code)} divisions",
        "- reviewed tickets: none in the shipped model; `hotline nlu train --extra FILE` adds them",
        "- measuring sets (hand-written requests, labelled addresses, recorded calls) are in no part of it; a test looks for overlaps",
    ]
    return "\n".join(lines)


def card(scores: Scores, name: str) -> str:
    """The model's card: what it is for and the figures of ``scores`` with n and 95 % intervals, as ``evaluate`` prints them."""
    lines = [
        f"# {name}",
        "",
        "Reads service requests in Chinese: fields (a linear-chain CRF and a convolutional network over characters), intents, urgency and sentiment (logistic regression and the same network), address parts (CRF), likely words of what a recogniser misheard (n-grams).",
        f"Figures on {scores.examples} hand-written requests of authors whose words are in no part of the training material; 95 % bootstrap intervals "
        "(fields) and Wilson intervals (shares). `hotline nlu evaluate FILE --model DIR` reproduces them. Totals on these requests were looked at while the model "
        "was made, so expect somewhat less on strangers.",
        "",
        "| field | n | value F1 | 95 % | exact F1 | overlap F1 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for field, kinds in scores.fields.items():
        value = kinds["value"].f1
        lines.append(
            f"| {field} | {value.n} | {value.value:.3f} | {value.low:.3f}-{value.high:.3f} | {kinds['exact'].f1.value:.3f} | {kinds['overlap'].f1.value:.3f} |"
        )
    lines += ["", "| measure | n | share | 95 % |", "| --- | --- | --- | --- |"]
    for measure in ("intent_main", "intents_exact", "urgency", "sentiment", "emergency_recall", "emergency_false"):
        ratio = getattr(scores, measure)
        lines.append(f"| {measure} | {ratio.n} | {ratio.value:.3f} | {ratio.low:.3f}-{ratio.high:.3f} |")
    lines += [
        "",
        f"Calibration error {scores.calibration_error:.3f}; confidence, share right, count: "
        + ", ".join(f"{c:.2f} {r:.2f} {n}" for c, r, n in scores.reliability),
        "",
        "Not for: other languages, medical or legal judgement, deciding about danger alone. Figures on recogniser output are lower.",
    ]
    return "\n".join(lines) + "\n"
