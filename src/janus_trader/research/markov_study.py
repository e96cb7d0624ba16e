"""Does the Markov forecast of the regime help? Judged in simulated markets, where the truth is known.

The cortex alone reads the features of each market, nights left out, once for every share of the forecast in
the belief a bar starts from (``cortex.ensemble.forecast_weight``). Figures are differences to a share of 0
over the same markets, with 95 % bootstrap intervals over markets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from janus_trader.brain.cortex import Cortex, CortexConfig, EnsembleConfig
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.data.features import panel_features
from janus_trader.foundation.rng import Rng
from janus_trader.research.detector_study import REGIME_WARMUP, truth_of
from janus_trader.runs.history import HistoryRequest, load_history

WEIGHTS = (0.0, 0.5, 1.0)
#: What is measured, by bar: log probability of the true regime and Brier score of the belief; whether the
#: regime of largest probability is the true one; moves of that regime a year; log probability of the next
#: bar's true regime by the forecast and by the belief itself.
MEASURES = ("log_probability", "brier", "accuracy", "moves_a_year", "forecast_next", "belief_next")
COLUMNS = (
    "forecast weight",
    "log probability",
    "Brier",
    "accuracy",
    "moves a year",
    "forecast of the next bar",
)


def _measured(belief: np.ndarray, forecast: np.ndarray, truth: np.ndarray, per_year: float) -> list[float]:
    rows, best = np.arange(len(truth)), belief.argmax(axis=1)
    return [
        float(np.log(belief[rows, truth]).mean()),
        float(((belief - np.eye(N_REGIMES)[truth]) ** 2).sum(axis=1).mean()),
        float((best == truth).mean()),
        float((np.diff(best) != 0).mean() * per_year),
        float(np.log(forecast[rows[:-1], truth[1:]]).mean()),
        float(np.log(belief[rows[:-1], truth[1:]]).mean()),
    ]


def _interval(values: np.ndarray, generator: np.random.Generator) -> dict[str, float]:
    draws = values[generator.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}


def markov_study(
    markets: int = 8, weights: Sequence[float] = WEIGHTS, display: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Measure beliefs and forecasts in ``markets`` simulated markets (seeds 0 to markets - 1)."""
    found = np.empty((markets, len(weights), len(MEASURES)))
    for seed in range(markets):
        history = load_history(HistoryRequest(world="simulated:regime_switching", seed=seed))
        _, truth = truth_of(history)
        features = list(panel_features(history.panel))
        for i, weight in enumerate(weights):
            cortex = Cortex(CortexConfig(ensemble=EnsembleConfig(forecast_weight=weight)))
            states = [cortex.update(f) for f in features][REGIME_WARMUP:]
            belief, forecast = (
                np.array([getattr(s, name) for s in states]) for name in ("posterior", "forecast")
            )
            found[seed, i] = _measured(belief, forecast, truth[REGIME_WARMUP:], history.panel.bars_per_year)
        if display is not None:
            display(seed + 1)
    generator = Rng(0).child("markov_study").generator()
    gain = found[:, 0, MEASURES.index("forecast_next")] - found[:, 0, MEASURES.index("belief_next")]
    return {
        "markets": markets,
        "bars": len(truth) - REGIME_WARMUP,
        "base": dict(zip(MEASURES, found[:, 0].mean(axis=0).tolist(), strict=True)),
        "differences": {
            str(weight): {
                name: _interval(found[:, i, m] - found[:, 0, m], generator) for m, name in enumerate(MEASURES)
            }
            for i, weight in enumerate(weights)
            if i > 0
        },
        "forecast_over_belief": _interval(gain, generator),
    }


def rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `COLUMNS`: the base, then differences to it."""
    shown = [name for name in MEASURES if name != "belief_next"]
    out = [["0", *(f"{study['base'][name]:.3f}" for name in shown)]]
    for weight, by_name in study["differences"].items():
        cells = (by_name[name] for name in shown)
        out.append([weight, *(f"{c['value']:+.3f} ({c['low']:+.3f} to {c['high']:+.3f})" for c in cells)])
    return out


def in_words(study: dict[str, Any]) -> list[str]:
    """What the figures mean, for people."""
    gain = study["forecast_over_belief"]
    return [
        f"{study['markets']} simulated markets of {study['bars']} bars. First row as it is, below it differences.",
        f"Log probability of the next bar's regime, forecast less the belief itself: {gain['value']:+.4f} "
        f"({gain['low']:+.4f} to {gain['high']:+.4f}).",
    ]
