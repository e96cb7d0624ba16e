"""How soon, and how truly, the product sees regimes and crashes in markets whose truth is known.

Whole lives are lived through simulated markets, nights and all, with the defaults: the regime ensemble in
``simulated:regime_switching``, the amygdala's posture in crashes and in calm. The truth is compared
afterwards and enters nothing. Nothing is tuned on what comes out.

- *delay*: bars from the first bar of a true regime until it has the largest probability; a regime that
  ends before counts as missed.
- *false alarm*: the largest probability moves to a regime that is not the true one.
- *interval*: 95 % percentile bootstrap over lives, which are independent of each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.rng import Rng
from janus_trader.runs.driver import Life, Progress
from janus_trader.runs.history import History, HistoryRequest, load_history
from janus_trader.runs.records import StepRecord
from janus_trader.runs.settings import LifeConfig
from janus_trader.stores.run_directory import RunDirectory

#: Bars at the start that are not judged: features and detectors warm up.
REGIME_WARMUP, POSTURE_WARMUP = 252, 100
SAMPLES = 2000
#: Worlds in which the posture is judged: the phase that is to be seen (None: there is nothing to see).
CRASH_WORLDS: tuple[tuple[str, str | None], ...] = (
    ("simulated:flash_crash:days=4", "crash"),
    ("simulated:slow_bear", "bear"),
    ("simulated:calm:days=756", None),
)

Display = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Observed:
    """One life beside the truth: arrays over its ``T`` bars.

    ``phase`` numbers the known phases, ``truth`` is the regime of each; ``believed`` the regime of largest
    probability, ``in_force`` the one after hysteresis; ``posture`` what the amygdala allowed.
    """

    phases: tuple[str, ...]
    phase: np.ndarray
    truth: np.ndarray
    believed: np.ndarray
    in_force: np.ndarray
    posture: np.ndarray
    bars_per_year: float


def truth_of(history: History) -> tuple[np.ndarray, np.ndarray]:
    """Number of the phase, and its regime, of each bar of a simulated history."""
    ends = np.array([p.end_ns for p in history.phases])
    phase = np.searchsorted(ends, history.panel.ts)
    return phase, np.array([int(p.regime) for p in history.phases])[phase]


def observe_life(
    world: str, seed: int, config: LifeConfig | None = None, display: Display | None = None
) -> Observed:
    """Live once through a simulated world.

    Raises
    ------
    ConfigError
        The world is not a simulated one.
    """
    from janus_trader.strategies.catalogue import default_strategies
    from janus_trader.strategies.panel import StrategyPanel

    config = config or LifeConfig()
    history = load_history(HistoryRequest(world=world, seed=seed))
    if not history.phases:
        raise ConfigError(
            "the truth of a real market is not known", got=world, expected="simulated:<scenario>"
        )
    panel = history.panel
    strategies = StrategyPanel(
        default_strategies(config.strategies),
        len(panel.symbols),
        fields=panel.fields,
        bar_seconds=panel.bar_seconds,
        n_external=panel.external.shape[1],
    )
    rows: list[tuple[int, int, int]] = []
    with tempfile.TemporaryDirectory(prefix="janus-study-") as scratch:
        life = Life(history, config, strategies, RunDirectory(Path(scratch) / "life").create(), seed)
        life.bus.subscribe(StepRecord, lambda record: rows.append(_seen(record)))
        try:
            life.run((lambda progress: display(world, progress)) if display else None)
        finally:
            life.venue.close()
    believed, in_force, posture = np.array(rows, np.int64).T
    phase, truth = truth_of(history)
    names = tuple(p.name for p in history.phases)
    return Observed(names, phase, truth, believed, in_force, posture, panel.bars_per_year)


def _seen(record: StepRecord) -> tuple[int, int, int]:
    regime = record.decision.regime
    return int(np.argmax(regime.posterior)), int(regime.dominant), int(record.decision.threat.posture)


def detection_delays(
    truth: np.ndarray, believed: np.ndarray, warmup: int = REGIME_WARMUP
) -> list[tuple[int, int]]:
    """Regime and delay in bars of every true switch after the warm-up; -1 where it was missed.

    >>> detection_delays(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 1]), warmup=1)
    [(1, 1), (2, -1)]
    """
    starts = np.flatnonzero(truth[1:] != truth[:-1]) + 1
    found = []
    for start, end in zip(starts, [*starts[1:], len(truth)], strict=True):
        if start >= warmup:
            hit = np.flatnonzero(believed[start:end] == truth[start])
            found.append((int(truth[start]), int(hit[0]) if len(hit) else -1))
    return found


def false_alarms(truth: np.ndarray, believed: np.ndarray) -> np.ndarray:
    """How often the belief moved to each regime while another one was true: (7,).

    >>> int(false_alarms(np.array([0, 0, 0, 0]), np.array([0, 1, 1, 0])).sum())
    1
    """
    moved = believed[1:] != believed[:-1]
    wrong = moved & (believed[1:] != truth[1:])
    return np.bincount(believed[1:][wrong], minlength=N_REGIMES)


def confusion(truth: np.ndarray, believed: np.ndarray) -> np.ndarray:
    """Bars by true (row) and believed (column) regime: (7, 7)."""
    out = np.zeros((N_REGIMES, N_REGIMES), np.int64)
    np.add.at(out, (truth, believed), 1)
    return out


def first_alarm(posture: np.ndarray, level: int) -> int:
    """Bars until a posture of ``level`` or stricter; -1 where there is none.

    >>> first_alarm(np.array([0, 1, 2]), 2), first_alarm(np.array([0, 1]), 3)
    (2, -1)
    """
    hit = np.flatnonzero(posture >= level)
    return int(hit[0]) if len(hit) else -1


def detector_study(
    lives: int = 10, days: int = 2016, config: LifeConfig | None = None, display: Display | None = None
) -> dict[str, Any]:
    """Live, compare, and sum up; the seeds are 0 .. lives - 1.

    Parameters
    ----------
    lives : lives in each world, 2 or more
    days : trading days of the regime-switching lives, more than the year of warm-up
    config : LifeConfig, optional
    display : called after every bar with the world and the progress of the life

    Raises
    ------
    ConfigError
        Too few lives for an interval, or too few days to judge.
    """
    if lives < 2 or days <= 2 * REGIME_WARMUP:
        raise ConfigError(
            "too little to judge a detector by",
            got=f"{lives} lives of {days} days",
            expected=f"2 lives or more, of more than {2 * REGIME_WARMUP} days",
        )
    world = f"simulated:regime_switching:days={days}"
    observed = [observe_life(world, seed, config, display) for seed in range(lives)]
    generator = Rng(0).child("research.detector_study").generator()
    crashes = {}
    for name, phase in CRASH_WORLDS:
        seen = [observe_life(name, seed, config, display) for seed in range(lives)]
        crashes[name] = posture_figures(seen, phase, generator)
    return {
        "lives": lives,
        "days": days,
        "regimes": regime_figures(observed, generator),
        "postures": crashes,
    }


def interval(
    values: Sequence[Any], statistic: Callable[[list[Any]], float], generator: np.random.Generator
) -> dict[str, float | None]:
    """A statistic of lives with its 95 % bootstrap interval; None where it is not defined."""
    draws = generator.integers(0, len(values), (SAMPLES, len(values)))
    sampled = np.array([statistic([values[i] for i in row]) for row in draws.tolist()])
    sampled, value = sampled[np.isfinite(sampled)], statistic(list(values))
    if not len(sampled) or not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(sampled, [2.5, 97.5])
    return {"value": float(value), "low": float(low), "high": float(high)}


def regime_figures(observed: Sequence[Observed], generator: np.random.Generator) -> dict[str, Any]:
    """Delays, misses, false alarms, hit rates and confusion over lives in the regime-switching world."""
    w = REGIME_WARMUP
    tables = [confusion(o.truth[w:], o.believed[w:]) for o in observed]
    delays = [detection_delays(o.truth, o.believed) for o in observed]
    alarms = [
        false_alarms(o.truth[w:], o.believed[w:]) * o.bars_per_year / (len(o.truth) - w) for o in observed
    ]
    rows = {}
    for regime in Regime:
        own = [[d for r, d in life if r == regime] for life in delays]
        rows[regime.name.lower()] = {
            "switches": sum(map(len, own)),
            "detected": interval(own, lambda x: _mean([d >= 0 for life in x for d in life]), generator),
            "delay": interval(own, lambda x: _median([d for life in x for d in life if d >= 0]), generator),
            "false_alarms": interval([a[regime] for a in alarms], _mean, generator),
            "recall": interval(tables, partial(_recall, regime=regime), generator),
            "precision": interval(tables, partial(_precision, regime=regime), generator),
        }
    whole = _together(tables)
    return {
        "by_regime": rows,
        "accuracy": interval(tables, _accuracy, generator),
        "accuracy_in_force": interval(
            [confusion(o.truth[w:], o.in_force[w:]) for o in observed],
            _accuracy,
            generator,
        ),
        "balanced_accuracy": interval(tables, _balanced, generator),
        "largest_class": float(whole.sum(axis=1).max() / whole.sum()),
        "false_alarms": interval([float(a.sum()) for a in alarms], _mean, generator),
        "confusion": whole.tolist(),
    }


def posture_figures(
    observed: Sequence[Observed], phase: str | None, generator: np.random.Generator
) -> dict[str, Any]:
    """Of each posture: delay and share of lives that reached it in the phase, and alarms a year outside.

    An alarm is a rise to the posture; before the phase (or anywhere, where there is none) it is false.
    """
    rows, years = {}, observed[0].bars_per_year
    for level in (Posture.REDUCE, Posture.FREEZE, Posture.SAFE, Posture.HALT):
        hits, alarms = [], []
        for o in observed:
            start = len(o.posture)
            if phase is not None:
                here = np.flatnonzero(o.phase == o.phases.index(phase))
                start = int(here[0])
                hits.append(first_alarm(o.posture[here], level))
            quiet = o.posture[POSTURE_WARMUP:start] >= level
            rises = int((quiet[1:] & ~quiet[:-1]).sum()) + int(quiet[:1].sum())
            alarms.append((rises, max(1, len(quiet)), float(quiet.mean()) if len(quiet) else 0.0))
        rows[level.name.lower()] = {
            "detected": interval(hits, lambda x: _mean([d >= 0 for d in x]), generator) if hits else None,
            "delay": interval(hits, lambda x: _median([d for d in x if d >= 0]), generator) if hits else None,
            "false_alarms": interval(alarms, partial(_rate, per=years), generator),
            "time_in_alarm": interval([a[2] for a in alarms], _mean, generator),
        }
    return {"phase": phase, "bars_per_year": years, "by_posture": rows}


def _mean(values: Sequence[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _median(values: Sequence[int]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _together(tables: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.sum(tables, axis=0))


def _share(counts: np.ndarray, regime: int) -> float:
    total = counts.sum()
    return float(counts[regime] / total) if total else float("nan")


def _recall(tables: list[np.ndarray], regime: int) -> float:
    return _share(_together(tables)[regime], regime)


def _precision(tables: list[np.ndarray], regime: int) -> float:
    return _share(_together(tables)[:, regime], regime)


def _accuracy(tables: list[np.ndarray]) -> float:
    table = _together(tables)
    return float(np.trace(table) / table.sum())


def _rate(alarms: list[tuple[int, int, float]], per: float) -> float:
    return per * sum(a[0] for a in alarms) / sum(a[1] for a in alarms)


def _balanced(tables: list[np.ndarray]) -> float:
    table = _together(tables)
    total = table.sum(axis=1)
    known = total > 0
    return float((np.diag(table)[known] / total[known]).mean())
