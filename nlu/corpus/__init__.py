"""The training corpus: hand-written banks, invented names and numbers, real divisions, composed by seed."""

from nlu.corpus.examples import Example, generate, read_examples

__all__ = ["Example", "generate", "read_examples"]
