"""One pass over the trials of a sweep: the best, the spread, the map, and what they say together."""

from __future__ import annotations

import heapq
import math
from typing import Any, NamedTuple

import numpy as np

from janus_trader.research.sweep.engine import SweepEngine, Trials
from janus_trader.research.sweep.evidence import (
    MOST_VALIDATED,
    Sample,
    Spread,
    deflation,
    overfitting,
    sentences,
)
from janus_trader.research.sweep.heatmap import HeatMap
from janus_trader.research.sweep.space import Space
from janus_trader.research.sweep.statistics import FIGURES, METRICS

_NOTHING = "No trial has a {metric}: none ever traded, or none had a return that varied."


class Row(NamedTuple):
    """One of the best: its rank, its point with the sign turned, and the trial."""

    key: float
    minus_number: int
    values: dict[str, float]
    trial: Trials


class Weighing:
    """Takes in the trials block by block. Memory O(top + cells of the map + trials of the validation).

    Parameters
    ----------
    space : Space
    metric : str
        What the best is chosen by; a trial where it is not finite is never among the best.
    top : int
        How many of the best are kept.
    names : tuple of one or two str
        Parameters of the map.
    expected : int
        Trials that will come: what is left of the space by the constraint and by the strategy.
    """

    def __init__(self, space: Space, metric: str, top: int, names: tuple[str, ...], expected: int) -> None:
        self.metric, self._top, self._more = metric, top, METRICS[metric]
        self._points = space.points
        self.chart = HeatMap(space, names, metric, self._more)
        self.trials = self.refused = self.undefined = 0
        self.reason = ""
        self._heap: list[Row] = []
        self._spread = Spread()
        self._sample = Sample(max(1, -(-expected // MOST_VALIDATED)), [], [], [])

    def add(self, part: Trials) -> None:
        """Take in one block of trials."""
        values = part.figures[:, FIGURES.index(self.metric)]
        self.trials += len(part)
        self.refused += part.refused
        self.reason = self.reason or part.reason
        self.undefined += int((~np.isfinite(values)).sum())
        self._spread.add(part.figures[:, FIGURES.index("sharpe")])
        self._sample.add(part)
        self.chart.add(part, values)
        keys = np.where(np.isfinite(values), values if self._more else -values, -np.inf)
        for k in np.argsort(-keys, kind="stable")[: self._top]:
            if math.isinf(keys[k]):
                break
            row = Row(float(keys[k]), -int(part.numbers[k]), _point(part, int(k)), _single(part, int(k)))
            if len(self._heap) < self._top:
                heapq.heappush(self._heap, row)
            elif row[:2] > self._heap[0][:2]:
                heapq.heapreplace(self._heap, row)

    def rows(self) -> list[Row]:
        """Best first; of equals the one with the smaller number."""
        return sorted(self._heap, key=lambda row: row[:2], reverse=True)

    def told(self, engine: SweepEngine, earlier: int) -> dict[str, Any]:
        """Counts, the best, and the evidence for the first of them."""
        rows = self.rows()
        evidence: dict[str, Any] | None = None
        validation: dict[str, Any] | None = None
        words = [_NOTHING.format(metric=self.metric)]
        if rows:
            equity = engine.equity(rows[0].values)
            evidence = deflation(equity, self.trials, earlier, self._spread, engine.book.bars_per_year)
            validation = overfitting(self._sample, engine.edges, rows[0].trial)
            words = sentences(evidence, validation, self.metric)
        return {
            "metric": self.metric,
            "points": self._points,
            "trials": self.trials,
            "excluded": self._points - self.trials - self.refused,
            "refused": self.refused,
            "refused_reason": self.reason,
            "undefined": self.undefined,
            "best": [
                {"trial": -row.minus_number, "parameters": row.values, **_figures(row.trial.figures[0])}
                for row in rows
            ],
            "evidence": evidence,
            "overfitting": validation,
            "sentences": words,
        }


def _point(part: Trials, k: int) -> dict[str, float]:
    return {name: float(column[k]) for name, column in part.values.items()}


def _single(part: Trials, k: int) -> Trials:
    """One trial, copied out of its block."""
    at = slice(k, k + 1)
    return Trials(
        part.numbers[at].copy(),
        {name: values[at].copy() for name, values in part.values.items()},
        part.figures[at].copy(),
        part.mean[at].copy(),
        part.sums[at].copy(),
        part.squares[at].copy(),
    )


def _figures(figures: np.ndarray) -> dict[str, float | None]:
    return {name: float(x) if math.isfinite(x) else None for name, x in zip(FIGURES, figures, strict=True)}
