"""The panel: shapes, order, activity, absence, external signals, snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.strategies import StrategyPanel, default_strategies
from janus_trader.strategies.python_strategy import PythonStrategy

DAILY = {"fields": frozenset({Field.CLOSE}), "bar_seconds": 86_400.0}
INTRADAY = {"fields": frozenset(Field), "bar_seconds": 900.0}


def history(rng, steps, n):
    """Random bars with volume and sessions of 30 bars, (steps, n)."""
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (steps, n)), axis=0))
    bars = np.zeros((steps, n), BAR_DTYPE)
    bars["open"], bars["close"] = np.vstack((close[:1], close[:-1])), close
    bars["high"] = np.maximum(bars["open"], close) * 1.002
    bars["low"] = np.minimum(bars["open"], close) * 0.998
    bars["volume"] = rng.lognormal(0, 1, (steps, n))
    bars["session"] = (np.arange(steps) // 30)[:, None]
    bars["bar_of_session"] = (np.arange(steps) % 30)[:, None]
    return bars


def test_rows_are_the_strategies_own_outputs(rng):
    strategies = default_strategies()
    panel = StrategyPanel(strategies, 3, n_external=0, **INTRADAY)
    bars = history(rng, 400, 3)
    present, none = np.ones(3, bool), np.zeros((0, 3))
    values = np.array([panel(row, present, none).values for row in bars])
    assert panel.active.all()
    for k, strategy in enumerate(strategies):
        for i in range(3):
            expected = strategy.scan(np.ascontiguousarray(bars[:, i]))
            assert values[:, k, i].tobytes() == expected.tobytes()


def test_inactive_strategies_are_visible_and_silent(rng):
    panel = StrategyPanel(default_strategies(), 2, n_external=0, **DAILY)
    assert panel.active.sum() == 5
    for row in history(rng, 300, 2):
        signals = panel(row, np.ones(2, bool), np.zeros((0, 2)))
    assert not signals.values[~panel.active].any()
    assert signals.active.tolist() == panel.active.tolist()
    slow = StrategyPanel(default_strategies(), 2, fields=frozenset(Field), bar_seconds=1e9, n_external=0)
    assert not slow.active.any()


def test_descriptions_line_up():
    panel = StrategyPanel(default_strategies(), 2, n_external=2, **DAILY)
    assert panel.names[-2:] == ("external.0", "external.1")
    assert panel.families[-1] == "external"
    assert set(panel.families[:-2]) == {"trend", "reversion"}
    assert panel.priors.tolist() == [1.0] * 9 + [0.0] * 2
    assert panel.regime_weights.shape == (11, 7)
    assert (panel.regime_weights[-2:] == 1.0).all()
    assert panel.active[-2:].all()


def test_external_signals_are_clipped_and_kept(rng):
    panel = StrategyPanel((), 3, n_external=1, **DAILY)
    bars = history(rng, 1, 3)[0]
    here = np.ones(3, bool)
    assert panel(bars, here, np.array([[1.5, -9.0, np.nan]])).values.tolist() == [[0.5, -1.0, 0.0]]
    absent = np.array([False, True, True])
    assert panel(bars, absent, np.array([[3.0, 0.0, np.nan]])).values.tolist() == [[0.5, 0.0, 0.0]]


def test_absent_instruments_keep_their_last_value(rng):
    panel = StrategyPanel(default_strategies(), 2, n_external=0, **INTRADAY)
    bars = history(rng, 200, 2)
    never = np.array([True, False])
    none = np.zeros((0, 2))
    for row in bars[:150]:
        before = panel(row, never, none).values
    assert before[:, 0].any()
    assert not before[:, 1].any()
    after = panel(bars[150], np.zeros(2, bool), none).values
    assert after.tobytes() == before.tobytes()


def test_a_panel_gives_a_fresh_array_each_time(rng):
    panel = StrategyPanel(default_strategies(), 2, n_external=1, **DAILY)
    bars = history(rng, 2, 2)
    first = panel(bars[0], np.ones(2, bool), np.ones((1, 2)))
    kept = first.values.copy()
    panel(bars[1], np.ones(2, bool), np.zeros((1, 2)))
    assert (first.values == kept).all()
    with pytest.raises(ValueError):
        first.active[0] = False


def counter(state, bar):
    state["seen"] = [*state.get("seen", []), bar.close][-3:]
    return 0.5 if state["seen"][-1] > state["seen"][0] else -0.5


def test_snapshot_and_reset_continue_identically(rng):
    plain = PythonStrategy(
        "plain",
        default_strategies()[0].family,
        frozenset({Field.CLOSE}),
        (0.0, 1e9),
        (1.0,) * 7,
        step=counter,
    )
    strategies = (*default_strategies(), plain)
    bars = history(rng, 260, 4)
    external = rng.normal(size=(260, 1, 4))
    present = rng.random((260, 4)) > 0.1

    def run(panel, start, stop):
        return [panel(bars[t], present[t], external[t]).values.tobytes() for t in range(start, stop)]

    whole = StrategyPanel(strategies, 4, n_external=1, **INTRADAY)
    expected = run(whole, 0, 260)
    first = StrategyPanel(strategies, 4, n_external=1, **INTRADAY)
    run(first, 0, 131)
    raw = first.snapshot()
    second = StrategyPanel(strategies, 4, n_external=1, **INTRADAY)
    second.restore(raw)
    assert second.snapshot() == raw
    assert run(second, 131, 260) == expected[131:]
    second.reset()
    assert run(second, 0, 260) == expected


def test_a_foreign_snapshot_is_refused():
    raw = StrategyPanel(default_strategies(), 3, n_external=0, **DAILY).snapshot()
    for other in (
        StrategyPanel(default_strategies(), 4, n_external=0, **DAILY),
        StrategyPanel(default_strategies()[:4], 3, n_external=0, **DAILY),
        StrategyPanel(default_strategies(), 3, n_external=0, **INTRADAY),
    ):
        with pytest.raises(IntegrityError):
            other.restore(raw)


def test_wrong_shapes_and_equal_names_are_refused(rng):
    panel = StrategyPanel(default_strategies(), 2, n_external=1, **DAILY)
    bars = history(rng, 1, 2)[0]
    for wrong in (
        (bars[:1], np.ones(2, bool), np.zeros((1, 2))),
        (bars, np.ones(3, bool), np.zeros((1, 2))),
        (bars, np.ones(2, bool), np.zeros((2, 2))),
    ):
        with pytest.raises(DataError, match="wrong shapes"):
            panel(*wrong)
    with pytest.raises(ConfigError, match="share a name"):
        StrategyPanel(default_strategies() * 2, 2, n_external=0, **DAILY)


def test_read_only_and_strided_inputs_give_the_same(rng):
    wide = history(rng, 300, 6)
    narrow = np.ascontiguousarray(wide[:, ::2])
    results = []
    for bars in (narrow, wide[:, ::2]):
        bars.setflags(write=False)
        present, none = np.ones(3, bool), np.zeros((0, 3))
        present.setflags(write=False)
        panel = StrategyPanel(default_strategies(), 3, n_external=0, **INTRADAY)
        results.append([panel(row, present, none).values.tobytes() for row in bars])
    assert results[0] == results[1]
