"""Learning curves over the nights of a run."""

from janus_trader.research.learning_curves.curves import Curve, curves_of, mean_change, nights_study

__all__ = ["Curve", "curves_of", "mean_change", "nights_study"]
