"""How far the best of many trials may be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.numerics.overfitting import overfitting_of_blocks
from janus_trader.numerics.sharpe import (
    deflated_sharpe_probability,
    max_sharpe_expected,
    return_moments,
)
from janus_trader.research.sweep.engine import Trials

#: Most trials that take part in the cross-validation; of more, evenly spaced ones and the best do.
MOST_VALIDATED = 20_000
_LOGIT_EDGES = np.array([-np.inf, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.inf])


@dataclass
class Spread:
    """Mean and scatter of the Sharpe ratios of all trials, taken in block by block."""

    count: int = 0
    mean: float = 0.0
    scatter: float = 0.0

    def add(self, values: np.ndarray) -> None:
        """Take in one block; values that are not finite are left out."""
        known = values[np.isfinite(values)]
        if not known.size:
            return
        total = self.count + known.size
        shift = float(known.mean()) - self.mean
        self.scatter += float(((known - known.mean()) ** 2).sum())
        self.scatter += shift * shift * self.count * known.size / total
        self.mean += shift * known.size / total
        self.count = total

    @property
    def std(self) -> float:
        """Standard deviation (ddof 1); 0 for fewer than two."""
        return math.sqrt(self.scatter / (self.count - 1)) if self.count > 1 else 0.0


@dataclass
class Sample:
    """Block sums of at most `MOST_VALIDATED` trials: every ``stride``-th one."""

    stride: int
    means: list[np.ndarray]
    sums: list[np.ndarray]
    squares: list[np.ndarray]
    seen: int = 0

    def add(self, trials: Trials) -> None:
        """Take in one block of trials."""
        first = -self.seen % self.stride
        part = slice(first, None, self.stride)
        self.means.append(trials.mean[part])
        self.sums.append(trials.sums[part])
        self.squares.append(trials.squares[part])
        self.seen += len(trials)


def deflation(
    equity: np.ndarray, trials: int, earlier: int, spread: Spread, bars_per_year: float
) -> dict[str, Any]:
    """The deflated Sharpe ratio of the best, and what luck alone would have made of so many trials.

    Parameters
    ----------
    equity : (T,) array
        Of the best trial.
    trials, earlier : int
        Trials of this sweep, and those recorded before it on the same data.
    spread : Spread
        Of the annualised Sharpe ratios of this sweep.
    bars_per_year : float

    Returns
    -------
    dict
        ``sharpe``, ``deflated_probability`` and the two benchmarks a year: ``luck_observed`` with the spread
        of these trials, ``luck_independent`` for independent trials without skill on as many bars.
    """
    returns = equity[1:] / equity[:-1] - 1.0
    moments = return_moments(returns)
    scale, n = math.sqrt(bars_per_year), trials + earlier
    if moments.std == 0.0:
        return {"trials": trials, "earlier_trials": earlier, "sharpe": None, "deflated_probability": None}
    per_period = moments.mean / moments.std
    probability = deflated_sharpe_probability(
        per_period, moments.n, moments.skew, moments.kurtosis_raw, n, spread.std / scale
    )
    return {
        "trials": trials,
        "earlier_trials": earlier,
        "sharpe": scale * per_period,
        "sharpe_spread": spread.std,
        "deflated_probability": probability,
        "luck_observed": max_sharpe_expected(n, spread.std),
        "luck_independent": max_sharpe_expected(n, scale / math.sqrt(moments.n)),
    }


def overfitting(sample: Sample, edges: np.ndarray, best: Trials | None) -> dict[str, Any] | None:
    """Probability of backtest overfitting over the sampled trials and the best; None for fewer than two."""
    means, sums, squares = list(sample.means), list(sample.sums), list(sample.squares)
    if best is not None and sample.stride > 1:
        means, sums, squares = [best.mean, *means], [best.sums, *sums], [best.squares, *squares]
    mean = np.concatenate(means) if means else np.empty(0)
    if mean.size < 2:
        return None
    total = np.ascontiguousarray(np.concatenate(sums).T)
    square = np.ascontiguousarray(np.concatenate(squares).T)
    out = overfitting_of_blocks(edges, total, square, mean)
    counts, _ = np.histogram(out.logits, _LOGIT_EDGES)
    return {
        "probability": out.probability,
        "probability_of_loss": out.probability_of_loss,
        "slope": out.slope if math.isfinite(out.slope) else None,
        "blocks": len(edges) - 1,
        "splits": len(out.logits),
        "trials": int(mean.size),
        "logit_counts": counts.tolist(),
    }


def histogram(counts: list[int], width: int = 40) -> list[str]:
    """The logits as lines of text: negative ones are splits in which the chosen was below the median.

    >>> histogram([0, 0, 0, 1, 0, 2, 0, 0, 0, 0], 4)[3:6]
    ['  -2 to -1 ## 1', '  -1 to  0  0', '   0 to  1 #### 2']
    """
    top = max(max(counts), 1)
    lines = []
    for low, high, count in zip(_LOGIT_EDGES[:-1], _LOGIT_EDGES[1:], counts, strict=True):
        name = (
            f"below {high:2.0f}"
            if np.isinf(low)
            else f"above {low:2.0f}"
            if np.isinf(high)
            else f"{low:2.0f} to {high:2.0f}"
        )
        lines.append(f"{name:>10} {'#' * round(width * count / top)} {count}".replace("  0", " 0", 0))
    return lines


def sentences(evidence: dict[str, Any], validation: dict[str, Any] | None, metric: str) -> list[str]:
    """What a reader must know before believing the best by ``metric``, in plain words."""
    by = "" if metric == "sharpe" else f" by {metric.replace('_', ' ')}"
    lines = []
    count = evidence["trials"] + evidence["earlier_trials"]
    counted = f"{count:,} trial{'' if count == 1 else 's'}"
    if evidence["sharpe"] is not None:
        lines.append(
            f"The best of {counted} without any skill, independent of each other, would have shown a Sharpe "
            f"ratio of about {evidence['luck_independent']:.2f} on as many bars; with the spread of these trials "
            f"({evidence['sharpe_spread']:.2f}), {evidence['luck_observed']:.2f}. The best here{by} has "
            f"{evidence['sharpe']:.2f}."
        )
        lines.append(
            f"Probability that it has skill after {counted} (deflated Sharpe ratio): "
            f"{evidence['deflated_probability']:.1%}."
            + (f" It was chosen{by}, so that less was gained by luck than this assumes." if by else "")
        )
    if validation is not None:
        lines.append(
            f"Probability of overfitting (PBO, {validation['splits']:,} splits of {validation['blocks']} blocks, "
            f"{validation['trials']:,} trials): {validation['probability']:.1%}; chosen in one half of the data, "
            f"the best loses in the other in {validation['probability_of_loss']:.1%} of the splits."
            + (f" This is of a choice by Sharpe ratio; a choice{by} may overfit more or less." if by else "")
        )
    return lines
