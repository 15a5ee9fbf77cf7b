"""Measuring: what evaluate prints and compare decides."""

from nlu.evaluation.compare import Comparison, compare
from nlu.evaluation.scoring import Scores, score

__all__ = ["Comparison", "Scores", "compare", "score"]
