"""A forecaster trained and judged walking forward: is it better than volatility alone?

Every fold trains on what was known (labels that reach into the test block are purged, with an embargo),
stops early on the last part of its training span, and forecasts the next block. The baseline is a Student t
(the tails of its training span) with the exponentially weighted volatility, which is hard to beat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.rng import Rng
from janus_trader.learning.forecasting import (
    ForecasterConfig,
    StudentT,
    build_forecaster,
    crps,
    forecast_loss,
    interval_coverage,
    predict,
)
from janus_trader.learning.forecasting.distributions import Distribution
from janus_trader.learning.training import (
    Callback,
    OptimiserConfig,
    ScheduleConfig,
    StoppingConfig,
    Trainer,
    TrainerConfig,
)
from janus_trader.learning.training.splits import SplitConfig, time_split, walk_forward
from janus_trader.numerics.stationary_bootstrap import optimal_block_length, stationary_bootstrap_means
from janus_trader.research.forecasts.rows import ForecastRows, forecast_rows
from janus_trader.runs.history import SELECTION_END, HistoryRequest, day_ns, load_history

SAMPLES = 2000
BATCH = 256
LEVELS = (0.5, 0.9)

#: What a display is told: fold, folds, epoch, epochs.
Display = Callable[[int, int, int, int], None]


@dataclass(frozen=True)
class ForecastRequest:
    """What to learn from, with which network, and how to judge it."""

    history: HistoryRequest
    network: ForecasterConfig
    window: int = 32
    folds: int = 4
    epochs: int = 15
    seed: int = 0


@dataclass(frozen=True)
class _Fold:
    forecast: Distribution
    baseline: StudentT
    rows: np.ndarray
    epochs: int


def forecast_study(request: ForecastRequest, display: Display | None = None) -> dict[str, Any]:
    """Scores of the forecaster and of the baseline on every block it had not seen.

    Raises
    ------
    ConfigError
        The default book is asked for beyond the selection period.
    DataError
        There are too few bars.
    """
    history = request.history
    if not history.files and not history.simulated:
        limit = day_ns(SELECTION_END, end=True)
        if history.end is None or day_ns(history.end, end=True) > limit:
            raise ConfigError(
                "a forecaster is chosen on the selection period",
                got=f"to {history.end or 'the last day'}",
                expected=f"to {SELECTION_END}",
                remedy=f"--to {SELECTION_END}",
            )
    panel = load_history(history).panel
    rows = forecast_rows(panel, request.window)
    folds = list(_folds(rows, request, display))
    y = np.concatenate([rows.y[f.rows] for f in folds])
    when = np.concatenate([rows.starts[f.rows] for f in folds])
    ours = np.concatenate([crps(f.forecast, rows.y[f.rows]) for f in folds])
    theirs = np.concatenate([crps(f.baseline, rows.y[f.rows]) for f in folds])
    weights = [len(f.rows) for f in folds]
    levels = np.concatenate([np.asarray(f.forecast.cdf(rows.y[f.rows])) for f in folds])
    middle = np.concatenate([f.forecast.quantile(0.5) for f in folds])
    rng = Rng(request.seed).child("research.forecasts").generator()
    return {
        "data": panel.name,
        "symbols": list(panel.symbols),
        "survivorship": panel.survivorship_note,
        "network": request.network.kind,
        "output": request.network.output,
        "window": request.window,
        "rows": len(rows.y),
        "judged": len(y),
        "epochs": [f.epochs for f in folds],
        "crps": float(ours.mean()),
        "crps_baseline": float(theirs.mean()),
        "gain": _interval((theirs - ours) / theirs.mean(), when, rng),
        "direction": _interval(np.sign(middle) * np.sign(y), when, rng),
        "coverage": {
            str(level): float(np.average([_covered(f, rows, level) for f in folds], weights=weights))
            for level in LEVELS
        },
        "calibration": np.histogram(levels, bins=10, range=(0.0, 1.0))[0].tolist(),
    }


def _covered(fold: _Fold, rows: ForecastRows, level: float) -> float:
    return interval_coverage(fold.forecast, rows.y[fold.rows], level)


def _folds(rows: ForecastRows, request: ForecastRequest, display: Display | None) -> Any:
    """Each fold trained and asked."""
    n = len(rows.y)
    cuts = walk_forward(rows.starts, rows.ends, folds=request.folds, min_train=n // 2, embargo=1)
    for number, (train, test) in enumerate(cuts):
        net, epochs = _train(rows, train, request, number, display)
        freedom, _, scale = stats.t.fit(rows.y[train], floc=0.0)
        flat = np.ones(len(test))
        yield _Fold(
            forecast=predict(request.network, net, _tensor(rows.x[test])),
            baseline=StudentT(0.0 * flat, scale * flat, max(freedom, 2.1) * flat),
            rows=test,
            epochs=epochs,
        )


def _train(
    rows: ForecastRows, train: np.ndarray, request: ForecastRequest, fold: int, display: Display | None
) -> tuple[Any, int]:
    split = time_split(
        rows.starts[train], rows.ends[train], SplitConfig(validation_frac=0.15, test_frac=0.0, embargo=1)
    )
    fit, held = train[split.train], train[split.validation]
    seed = request.seed + fold
    steps = request.epochs * -(-len(fit) // BATCH)
    net = build_forecaster(request.network, rows.x.shape[2], request.window, seed)
    config = TrainerConfig(
        epochs=request.epochs,
        batch_size=BATCH,
        seed=seed,
        optimiser=OptimiserConfig(learning_rate=3e-3),
        schedule=ScheduleConfig(kind="cosine", warmup_steps=min(10, steps // 10)),
        stopping=StoppingConfig(patience=4),
    )

    class Show(Callback):
        """Tells the display of every pass."""

        def on_epoch(self, trainer: Trainer, record: Any) -> None:
            if display is not None:
                display(fold, request.folds, record.epoch + 1, request.epochs)

    trainer = Trainer(
        config, net, lambda m, b: forecast_loss(request.network, m(b[0]), b[1]), callbacks=[Show()]
    )
    report = trainer.fit(
        (_tensor(rows.x[fit]), _tensor(rows.y[fit])), (_tensor(rows.x[held]), _tensor(rows.y[held]))
    )
    return net, len(report.epochs)


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _interval(values: np.ndarray, when: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Mean with a 95 % stationary-bootstrap interval over bars: instruments of one bar are one observation."""
    bars, at = np.unique(when, return_inverse=True)
    count = np.bincount(at)
    mean = np.bincount(at, weights=values) / count
    block = optimal_block_length(mean).stationary if len(bars) >= 16 and np.ptp(mean) > 0.0 else 1.0
    drawn = stationary_bootstrap_means(mean[:, None], SAMPLES, max(1.0, block), rng)[:, 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": float(mean.mean()), "low": float(low), "high": float(high)}
