"""What the models see of a text: known words, likely words, clauses, all as numbers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nlu.pipeline.characters import read
from nlu.pipeline.columns import likely_words, tag_numbers, tags
from nlu.pipeline.features import _CUE_NAMES, _TELLING, TEMPLATES
from nlu.pipeline.lexicon import Lexica, Lexicon
from nlu.pipeline.shapes import shapes
from nlu.pipeline.symbols import column, grams, number, points
from nlu.pipeline.vocabulary import feature_maker
from nlu.pipeline.words import Words

WORDS = [("空调", "n", -5.0), ("不", "d", -3.0), ("制冷", "v", -6.0), ("调不制", "x", -30.0), ("不", "z", -9.0)]


def test_several_lexica_find_together_what_each_finds_alone() -> None:
    rng = random.Random(1)
    letters = "abcd"

    def some(count: int) -> Lexicon:
        words = {"".join(rng.choices(letters, k=rng.randrange(1, 5))) for _ in range(count)}
        return Lexicon((word, word.upper()) for word in sorted(words))

    lexica = {"few": some(4), "many": some(40), "none": Lexicon()}
    together = Lexica(lexica)
    for _ in range(200):
        text = "".join(rng.choices(letters, k=rng.randrange(0, 20)))
        hidden = frozenset(rng.choices(["a", "ab", "abc", "d"], k=2))
        assert together.matches(text) == {name: list(lexicon.matches(text)) for name, lexicon in lexica.items()}
        assert together.matches(text, hidden, {"many"}) == {
            name: list(lexicon.matches(text, hidden if name == "many" else frozenset()))
            for name, lexicon in lexica.items()
        }


def test_the_likeliest_words_cover_the_text() -> None:
    lengths, kinds = Words(WORDS).cut("空调不制冷x\0😀")
    assert lengths.tolist() == [2, 1, 2, 1, 1, 1]
    assert kinds.tolist() == [number(kind) for kind in "ndv???"]


def test_columns_of_likely_words_tell_neighbours_and_places() -> None:
    made = likely_words("空调不制冷", Words(WORDS), edges=True)
    assert made["word"].tolist() == column(["空调", "空调", "不", "制冷", "制冷"]).tolist()
    assert made["word_left"].tolist() == column(["<", "<", "空调", "不", "不"]).tolist()
    assert made["kind_right2"].tolist() == column(["v", "v", ">", ">", ">"]).tolist()
    assert made["in_word"].tolist() == column("BESBE").tolist()
    assert made["edge"].tolist() == column(["B空调", "E空调", "S不", "B制冷", "E制冷"]).tolist()


def test_stretches_over_the_end_are_no_words() -> None:
    found = grams(points("ab"), 3)
    assert found[1].tolist() == [ord("a") | ord("b") << 16, ord("b") | 0xFFFF << 16]
    assert (found[2] >> np.uint64(32) == 0xFFFF).all()
    assert grams(points("a\0"), 2)[1, 0] != grams(points("a"), 1)[0, 0]


def test_tags_and_their_numbers_agree() -> None:
    matches = [(1, 2, "x"), (3, 6, "y")]
    assert tag_numbers(7, matches).tolist() == column(tags(7, matches)).tolist()


def test_shapes_do_not_overlap() -> None:
    assert shapes("明天下午3点打13900000000或8栋2单元x9")[0] == (7, 18, "-mobile")
    for text in ("明天下午3点", "一三九零零零零零零零零明天", "8栋12号ab-12", ""):
        ends = 0
        for start, end, _ in sorted(shapes(text)):
            assert ends <= start < end
            ends = end


@pytest.mark.parametrize(
    "text", ["门打不开,灯一直闪", "冰箱 不冷 了", "不", ",,", "一二。不通", "开机没反应、一直响 又停了"]
)
def test_clauses_tell_the_nearest_word_before(text: str) -> None:
    """Against the plain way: going along the text, forgetting at each mark and space."""
    reading = read(text)
    found = feature_maker().columns(reading)
    telling = dict(zip(column(_CUE_NAMES[:_TELLING]).tolist(), _CUE_NAMES, strict=False))
    word, words = "<", []
    for mark, gap, cue in zip(found["mark"] != number("-"), reading.gap, found["cue"].tolist(), strict=True):
        if mark or gap:
            word = "<"
        words.append(word)
        word = telling.get(cue, word)
    assert found["near_left"].tolist() == column(words).tolist()


def test_clauses_tell_how_far_it_is() -> None:
    found = feature_maker().columns(read("门,打不开"))
    assert found["left"].tolist() == column(["0<0", "0<0", "1<1", "2<2", "3cannot0"]).tolist()
    assert found["near_right"].tolist()[-1] == number(">0")


def test_a_row_has_a_number_for_each_template() -> None:
    numbers = feature_maker()(read("空调不制冷"))
    assert numbers.shape == (5, len(TEMPLATES(feature_maker().columns(read("空")))[0]))
