r"""What the nights of a run were worth, learner by learner.

Two views of every night. *On the held-back days*: the score before the night and after it (that of the
candidate where it was adopted, else the same). A candidate is adopted because it scored no worse there, so
this view is biased upwards by selection; it is the night's own evidence, not a judgement of it. *On later
days*: scores of the parameters before and after the night on days lived after it, which nothing was trained
or chosen on (``SleepReport.curves``); its mean is unbiased.

Intervals of a mean change are 95 % percentile, from a stationary bootstrap over nights with an automatic
block: nights next to each other are judged on days that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.memory import SleepReport
from janus_trader.foundation.rng import Rng
from janus_trader.numerics.stationary_bootstrap import optimal_block_length, stationary_bootstrap_means
from janus_trader.runs.ledger import read_nights
from janus_trader.stores.run_directory import RunDirectory

SAMPLES = 2000
#: Fewest nights with an interval.
FEWEST = 8


@dataclass(frozen=True)
class Curve:
    """One learner over the nights in which it was judged: arrays (N,).

    ``held_back`` is True for the biased view.
    """

    learner: str
    held_back: bool
    night: np.ndarray
    before: np.ndarray
    after: np.ndarray
    adopted: np.ndarray

    @property
    def change(self) -> np.ndarray:
        """After less before, (N,)."""
        return self.after - self.before


def curves_of(nights: Sequence[SleepReport]) -> list[Curve]:
    """Every learner's curves, the biased view first; learners in the order in which they appear."""
    held: dict[str, list[tuple[int, float, float, bool]]] = {}
    later: dict[str, list[tuple[int, float, float, bool]]] = {}
    adopted: dict[tuple[str, int], bool] = {}
    for report in nights:
        for c in report.candidates:
            after = c.candidate if c.accepted else c.incumbent
            held.setdefault(c.learner, []).append((report.night, c.incumbent, after, c.accepted))
            adopted[c.learner, report.night] = c.accepted
    for report in nights:  # what a night was worth is known, and told, some nights later
        for p in getattr(report, "curves", ()):
            row = (
                int(p.night),
                float(p.before),
                float(p.after),
                adopted.get((p.learner, int(p.night)), True),
            )
            later.setdefault(p.learner, []).append(row)
    return [
        _curve(name, biased, sorted(rows))
        for biased, found in ((True, held), (False, later))
        for name, rows in found.items()
    ]


def _curve(name: str, biased: bool, rows: list[tuple[int, float, float, bool]]) -> Curve:
    night, before, after, adopted = zip(*rows, strict=True)
    return Curve(
        name, biased, np.array(night), np.array(before), np.array(after), np.array(adopted, dtype=np.bool_)
    )


def mean_change(change: np.ndarray, generator: np.random.Generator) -> dict[str, float | None]:
    """Mean change a night with its 95 % interval; no interval for fewer than `FEWEST` nights.

    >>> mean_change(np.zeros(20), np.random.default_rng(0))
    {'value': 0.0, 'low': 0.0, 'high': 0.0}
    """
    value = float(change.mean())
    if len(change) < FEWEST:
        return {"value": value, "low": None, "high": None}
    if np.ptp(change) == 0.0:
        return {"value": value, "low": value, "high": value}
    block = optimal_block_length(change).stationary if len(change) >= 16 else 2.0
    means = stationary_bootstrap_means(change[:, None], SAMPLES, block, generator)[:, 0]
    low, high = np.percentile(means, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


def cumulative_means(change: np.ndarray, generator: np.random.Generator, points: int = 60) -> dict[str, Any]:
    """The mean change over the nights so far, with its interval, at about ``points`` nights."""
    at = np.unique(np.linspace(min(FEWEST, len(change)), len(change), points).astype(np.int64))
    cells = [mean_change(change[:n], generator) for n in at]
    return {"nights": at.tolist(), **{key: [c[key] for c in cells] for key in ("value", "low", "high")}}


def nights_study(path: str) -> dict[str, Any]:
    """The learning curves of a run's directory.

    Raises
    ------
    DataError
        The path is no run, or no night of it judged anything.
    """
    directory = RunDirectory(path)
    manifest = directory.read_json(directory.manifest)
    nights = read_nights(directory.nights) if directory.nights.exists() else []
    curves = curves_of(nights)
    if not curves:
        raise DataError(
            f"no night of {directory.run_id} judged a candidate",
            got=f"{len(nights)} nights",
            remedy="a longer run, with sleep.enabled=true",
        )
    return {
        "run": directory.run_id,
        "nights": len(nights),
        "config_fingerprint": manifest["config_fingerprint"],
        "curves": [_told(curve) for curve in curves],
    }


def _told(curve: Curve) -> dict[str, Any]:
    view = "held_back" if curve.held_back else "later"
    rng = Rng(0).child("research.learning_curves").child(f"{curve.learner}.{view}")
    return {
        "learner": curve.learner,
        "view": view,
        "biased": curve.held_back,
        "nights": len(curve.night),
        "adopted": int(curve.adopted.sum()),
        "before": float(curve.before.mean()),
        "after": float(curve.after.mean()),
        "change": mean_change(curve.change, rng.generator(0)),
        "night": curve.night.tolist(),
        "changes": curve.change.tolist(),
        "cumulative": cumulative_means(curve.change, rng.generator(1)),
    }
