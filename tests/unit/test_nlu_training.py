"""What training does besides learning: the words that a model may know."""

from __future__ import annotations

from nlu.corpus.examples import Example, Label
from nlu.training import learned_words


def test_learned_words_are_those_mostly_meant() -> None:
    def example(text: str, *labels: tuple[str, str]) -> Example:
        fields = tuple(
            Label(name=name, start=text.index(words), end=text.index(words) + len(words), text=words)
            for name, words in labels
        )
        return Example(
            id="x",
            channel="form",
            text=text,
            intents=("repair",),
            urgency="normal",
            sentiment="neutral",
            fields=fields,
        )

    given = [
        example("双喜高压锅漏气", ("brand", "双喜"), ("device", "高压锅")),
        example("高压锅坏了", ("device", "高压锅")),
        example("双喜临门"),
        example("双喜双喜"),
    ]
    assert learned_words(given) == (("高压锅", "dev"),)
