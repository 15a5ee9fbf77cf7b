"""A speech model that knows your words: rebuilds the decoding graph of a character-CTC Vosk model from your own texts.

    python rebuild_graph.py --model OLD --tokens tokens.txt --text texts.txt --out NEW
    python rebuild_graph.py --model OLD --tokens tokens.txt --arpa lm.arpa --out NEW

``texts.txt``: one utterance a line, words separated by spaces, as they are spoken (digits in characters). ``lm.arpa``: a language
model made elsewhere (SRILM, KenLM); its unigrams are the vocabulary. ``tokens.txt``: the acoustic model's outputs, line k
is output k, line 0 the blank. Needs ``pip install kaldilm pynini pypinyin`` (in an environment of its own).

graph = CTC topology x lexicon x language model. Transition ids as in Kaldi for one state per output: token k leaves its state
by 2k + 2. A character that is no token, or sounds alike, is reached by the tokens of the same syllable and tone at a cost.
"""

from __future__ import annotations

import argparse
import math
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import kaldilm
import pywrapfst as fst
from pypinyin import Style, lazy_pinyin

HOMOPHONE_COST = 1.0
DISCOUNT = 0.75
ORDER = 3
BACKOFF = "#0"


def arpa(lines: list[list[str]]) -> str:
    """An interpolated trigram with absolute discounting (Ney, Essen and Kneser 1994), as ARPA text."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(ORDER)]
    for words in lines:
        padded = ["<s>", *words, "</s>"]
        for size in range(1, ORDER + 1):
            counts[size - 1].update(tuple(padded[at : at + size]) for at in range(len(padded) - size + 1))
    counts[0].pop(("<s>",), None)
    followers: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])  # total, kinds
    for level in counts:
        for gram, count in level.items():
            followers[gram[:-1]][0] += count
            followers[gram[:-1]][1] += 1
    total, kinds = followers[()]

    def probability(gram: tuple[str, ...]) -> float:
        if len(gram) == 1:
            return (max(counts[0][gram] - DISCOUNT, 0) + DISCOUNT) / total if gram in counts[0] else 0.0
        seen, different = followers[gram[:-1]]
        if not seen:
            return probability(gram[1:])
        own = max(counts[len(gram) - 1][gram] - DISCOUNT, 0) / seen
        return own + DISCOUNT * different / seen * probability(gram[1:])

    out = ["\\data\\", f"ngram 1={kinds + 1}", *(f"ngram {n}={len(counts[n - 1])}" for n in range(2, ORDER + 1)), ""]
    for size in range(1, ORDER + 1):
        out.append(f"\\{size}-grams:")
        grams = sorted(counts[size - 1]) if size > 1 else [("<s>",), *sorted(counts[0])]
        for gram in grams:
            cost = -99.0 if gram == ("<s>",) else math.log10(probability(gram))
            line = f"{cost:.5f}\t{' '.join(gram)}"
            if size < ORDER and gram in followers:
                seen, different = followers[gram]
                line += f"\t{math.log10(DISCOUNT * different / seen):.5f}"
            out.append(line)
        out.append("")
    return "\n".join([*out, "\\end\\", ""])


def vocabulary(arpa_text: str) -> list[str]:
    section = arpa_text.split("\\1-grams:", 1)[1].split("\\2-grams:", 1)[0]
    words = [line.split("\t")[1] for line in section.splitlines() if "\t" in line]
    return [word for word in words if word not in ("<s>", "</s>", "<unk>", "[unk]")]


def spellings(tokens: list[str]) -> dict[str, dict[int, float]]:
    """For a character: the tokens it may be heard as, with costs."""
    sound = {token: lazy_pinyin(token, style=Style.TONE3)[0] for token in tokens if len(token) == 1 and not token.isascii()}
    alike: dict[str, list[int]] = defaultdict(list)
    for number, token in enumerate(tokens):
        if token in sound:
            alike[sound[token]].append(number)
    own = {token: number for number, token in enumerate(tokens)}

    class Spelling(dict[str, dict[int, float]]):
        def __missing__(self, character: str) -> dict[int, float]:
            syllable = lazy_pinyin(character, style=Style.TONE3)[0]
            found = {number: HOMOPHONE_COST for number in alike.get(syllable, ())}
            if character in own:
                found[own[character]] = 0.0
            self[character] = found
            return found

    return Spelling()


def lexicon(words: list[str], tokens: list[str], ids: dict[str, int]) -> tuple[fst.VectorFst, list[str]]:
    """Tokens (label k + 1) to words; each word ends with a label of its own, which makes the graph determinizable."""
    spelled = spellings(tokens)
    graph = fst.VectorFst()
    start = graph.add_state()
    graph.set_start(start)
    graph.set_final(start)
    first_mark = len(tokens) + 2
    graph.add_arc(start, fst.Arc(len(tokens) + 1, ids[BACKOFF], fst.Weight.one("tropical"), start))
    unspoken = []
    for number, word in enumerate(words):
        ways = [spelled[character] for character in word.lower()]
        if not all(ways):
            unspoken.append(word)
            continue
        state = start
        for at, way in enumerate(ways):
            following = graph.add_state()
            for token, cost in way.items():
                graph.add_arc(state, fst.Arc(token + 1, ids[word] if at == 0 else 0, cost, following))
            state = following
        graph.add_arc(state, fst.Arc(first_mark + number, 0, fst.Weight.one("tropical"), start))
    return graph.arcsort("olabel"), unspoken


def topology(used: set[int]) -> fst.VectorFst:
    """CTC: blanks anywhere, a token lasts one frame or more, a blank must stand between two equal ones."""
    graph = fst.VectorFst()
    one = fst.Weight.one("tropical")
    blank = graph.add_state()
    graph.set_start(blank)
    states = {token: graph.add_state() for token in used}
    graph.add_arc(blank, fst.Arc(2, 0, one, blank))
    for token, state in states.items():
        graph.add_arc(blank, fst.Arc(2 * token + 2, token + 1, one, state))
        graph.add_arc(state, fst.Arc(2 * token + 2, 0, one, state))
        graph.add_arc(state, fst.Arc(2, 0, one, blank))
        for other, target in states.items():
            if other != token:
                graph.add_arc(state, fst.Arc(2 * other + 2, other + 1, one, target))
    for state in graph.states():
        graph.set_final(state)
    return graph.arcsort("olabel")


def grammar(arpa_text: str, words_file: Path, scratch: Path) -> fst.VectorFst:
    source = scratch / "lm.arpa"
    source.write_text(arpa_text, "utf-8")
    text = kaldilm.arpa2fst(
        input_arpa=str(source), disambig_symbol=BACKOFF, read_symbol_table=str(words_file), max_order=ORDER
    )
    compiler = fst.Compiler(keep_state_numbering=False)
    compiler.write(text)
    return compiler.compile().arcsort("ilabel")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "tokens", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--text", type=Path)
    given.add_argument("--arpa", type=Path)
    options = parser.parse_args()

    tokens = options.tokens.read_text("utf-8").splitlines()
    if options.arpa:
        arpa_text = options.arpa.read_text("utf-8")
    else:
        arpa_text = arpa([line.split() for line in options.text.read_text("utf-8").splitlines() if line.split()])
    words = vocabulary(arpa_text)
    ids = {word: number for number, word in enumerate(["<eps>", *words, "[unk]", BACKOFF, "<s>", "</s>"])}
    graph_dir = options.out / "graph"
    graph_dir.mkdir(parents=True)
    for part in ("am", "conf"):
        shutil.copytree(options.model / part, options.out / part)
    words_file = graph_dir / "words.txt"
    words_file.write_text("".join(f"{word} {number}\n" for word, number in ids.items()), "utf-8")

    print(f"{len(words)} words")
    lexicon_graph, unspoken = lexicon(words, tokens, ids)
    if unspoken:
        print(f"no token sounds like: {' '.join(unspoken[:20])}{' ...' if len(unspoken) > 20 else ''}")
    composed = fst.compose(lexicon_graph, grammar(arpa_text, words_file, graph_dir))
    composed = fst.determinize(composed)
    composed.minimize(allow_nondet=True)
    marks = range(len(tokens) + 1, len(tokens) + 2 + len(words))
    composed.relabel_pairs(ipairs=[(mark, 0) for mark in marks])
    used = {arc.ilabel - 1 for state in composed.states() for arc in composed.arcs(state) if arc.ilabel}
    print(f"{composed.num_states()} states before the topology, {len(used)} tokens in use")
    whole = fst.compose(topology(used), composed.arcsort("ilabel"))
    whole.connect()
    fst.convert(whole, "const").write(str(graph_dir / "HCLG.fst"))
    (graph_dir / "lm.arpa").unlink()
    print(f"{whole.num_states()} states in {graph_dir / 'HCLG.fst'}")


if __name__ == "__main__":
    main()
