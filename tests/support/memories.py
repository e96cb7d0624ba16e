"""Markets, decisions and lives for tests of the hippocampus."""

import numpy as np

from janus_trader.contracts.decision import (
    Action,
    Appetite,
    Decision,
    Forecast,
    Percept,
    Posture,
    Severity,
    SignalPanel,
    Target,
    Threat,
    Verdict,
)
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import BAR_DTYPE, Field, Moment, PortfolioState
from janus_trader.contracts.regime import Regime, RegimeState

K, N, D = 3, 2, 24


def moment_at(t, prices, equity=100.0, costs=0.0, present=None):
    n = len(prices)
    bars = np.zeros(n, BAR_DTYPE)
    bars["open"] = np.asarray(prices) - 1.0
    bars["close"] = prices
    portfolio = PortfolioState(
        ts_event=t,
        equity=equity,
        cash=equity,
        peak_equity=equity,
        session_start_equity=equity,
        weights=(0.0,) * n,
        quantities=(0.0,) * n,
        realised_costs=costs,
    )
    return Moment(
        ts_event=t * 10**12,
        step=t,
        session=t,
        symbols=tuple(f"S{i}" for i in range(n)),
        bars=bars,
        present=np.ones(n, bool) if present is None else present,
        returns=np.zeros(n),
        features=FeatureVector(ts_event=t, values={}),
        portfolio=portfolio,
        external=np.zeros((0, n)),
        fields=frozenset({Field.CLOSE, Field.OPEN}),
    )


def decision_at(t, rng, n=N, k=K, d=D, dominant=Regime.BULL, severity=Severity.NONE):
    posterior = rng.dirichlet(np.ones(7))
    regime = RegimeState(
        posterior=tuple(posterior),
        dominant=dominant,
        confidence=float(posterior[dominant]),
        change_probability=0.1,
        turbulence=0.3,
        agreement=0.5,
        votes={},
        age=1,
        forecast=tuple(posterior),
    )
    zeros = np.zeros(n)
    return Decision(
        ts_event=t * 10**12,
        step=t,
        regime=regime,
        appetite=Appetite(
            scalar=1.0,
            regime_factor=1.0,
            drawdown_factor=1.0,
            volatility_factor=1.0,
            kelly_factor=1.0,
            energy_factor=1.0,
            target_volatility=0.1,
        ),
        threat=Threat(score=0.1, severity=severity, posture=Posture.NORMAL, fear=0.2, detectors={}),
        percept=Percept(
            regime=regime,
            gates={"price": 0.5},
            context=rng.uniform(-1, 1, d),
            evidence=zeros,
            source_gates=np.ones(k),
        ),
        signals=SignalPanel(
            names=tuple(f"s{i}" for i in range(k)),
            values=rng.uniform(-1, 1, (k, n)),
            active=np.ones(k, bool),
        ),
        correlation_average=0.3,
        action=Action(
            score=zeros,
            go=zeros,
            no_go=zeros,
            source_weights=np.zeros(k),
            released=np.zeros(n, bool),
            no_go_reasons={},
            vetoes=(),
            dopamine=0.0,
        ),
        target=Target(weights=zeros, method="none", expected_volatility=0.1),
        verdict=Verdict(allowed=np.full(n, 0.25), rules=(), changed=False),
        forecast=Forecast(cost_bps=np.full(n, 5.0), total=1.0, correction=0.0),
        portfolio_equity=100.0,
        parameters="x",
    )


def live(memory, rng, steps, start=0, n=N, k=K, dominant=None):
    """A random market lived through; returns the episodes it completed."""
    out = []
    for t in range(start, start + steps):
        local = np.random.default_rng(10_000 + t)
        prices = 100 + 10 * local.random(n)
        moment = moment_at(t, prices, equity=100 + local.standard_normal(), costs=0.01 * t)
        out += memory.observe(decision_at(t, local, n, k), moment, True, np.full(n, 0.01))
    return out


def fill(memory, rng, count=None, like=None):
    """Fill a hippocampus with ``count`` invented episodes, all but their steps drawn from ``like`` if given."""
    ring, count = memory._ring, memory.config.capacity if count is None else count
    records = np.zeros(count, ring.dtype)
    if like is None:
        state = np.zeros(memory.config.context_size)
        for row in records:
            state = 0.97 * state + 0.25 * rng.standard_normal(state.size)
            row["context"] = np.tanh(state)
        records["payoff"] = rng.standard_normal(records["payoff"].shape)
        records["reward"] = 0.01 * rng.standard_normal(count)
        records["features"] = rng.standard_normal(records["features"].shape)
        records["features"][..., -1] = 1.0
    else:
        slots = ring.slots_of(like.step)
        records[:] = ring.records[slots[np.arange(count) % slots.size]]
    records["step"] = np.arange(count) if like is not None else np.arange(count) - count
    records["consolidated"] = 0
    ring.reset()
    memory._replay.reset()
    for record in records:
        memory._replay.add(ring.append(record))
    memory._search.rebuild()
