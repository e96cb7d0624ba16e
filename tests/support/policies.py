"""A small basal ganglia with a trained policy, what it sees, and what it is taught."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from janus_trader.brain.basal_ganglia import BasalGanglia, BasalGangliaConfig
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.contracts.decision import (
    Appetite,
    Correlation,
    Percept,
    Posture,
    Severity,
    SignalPanel,
    Threat,
)
from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.memory import Episodes
from janus_trader.contracts.regime import Regime, RegimeState

SLOPE = INSTRUMENT_FEATURES.index("trend_slope")


def percept(which=Regime.BULL, evidence=None, context=None, sources=4):
    posterior = tuple(0.7 * np.eye(7)[which] + 0.3 / 7)
    regime = RegimeState(
        posterior=posterior,
        dominant=which,
        confidence=posterior[which],
        change_probability=0.0,
        turbulence=0.0,
        agreement=1.0,
        votes={},
        age=3,
        forecast=posterior,
    )
    return Percept(
        regime=regime,
        gates={"price": 0.7, "volume": 0.7},
        context=np.zeros(24) if context is None else context,
        evidence=np.zeros(3) if evidence is None else evidence,
        source_gates=np.full(sources, 0.7),
    )


APPETITE = Appetite(
    scalar=1.0,
    regime_factor=1.0,
    drawdown_factor=1.0,
    volatility_factor=1.0,
    kelly_factor=1.0,
    energy_factor=1.0,
    target_volatility=0.1,
)
CORRELATION = Correlation(covariance=np.eye(3) * 1e-4, average=0.3, breakdown=0.0, ready=True)


def threat(posture=Posture.NORMAL):
    return Threat(score=0.1, severity=Severity.NONE, posture=posture, fear=0.0, detectors={})


def book(equity=100.0):
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=100.0,
        session_start_equity=equity,
        weights=(0.0,) * 3,
        quantities=(0.0,) * 3,
    )


def lesson(n=3, k=4, d=24, *, count=80, edge=0.5, seed=0, after=True):
    """Payoff = edge · sign of the trend + noise; known features, nothing held."""
    rng = np.random.default_rng(seed)
    total = count + 1
    features = rng.standard_normal((total, n, N_INSTRUMENT_FEATURES))
    features[..., -1] = 1.0
    payoff = edge * np.sign(features[..., SLOPE]) + 0.5 * rng.standard_normal((total, n))
    columns = Episodes(
        step=np.arange(total),
        ts_event=np.arange(total),
        context=np.tanh(rng.standard_normal((total, d))),
        posterior=rng.dirichlet(np.ones(7), total),
        signals=rng.uniform(-1, 1, (total, k, n)),
        payoff=np.broadcast_to(payoff[:, None, :], (total, k, n)),
        weights=np.zeros((total, n)),
        reward=np.zeros(total),
        cost=np.zeros(total),
        fear=np.zeros(total),
        surprise=np.zeros(total),
        confidence=np.zeros(total),
        ripple=("",) * total,
        weight=np.ones(total),
        features=features,
        held=np.zeros((total, n)),
    )
    now = columns.taken(slice(0, count))
    if not after:
        return now
    return replace(now, after=columns.taken(slice(1, total)), continues=np.ones(count, bool))


def trained(kind="actor_critic", n=3, k=4, d=24, data=None, **changes):
    config = BasalGangliaConfig(policy=PolicyConfig(kind=kind, share=1.0), **changes)
    bg = BasalGanglia(
        config,
        tuple(f"S{i}" for i in range(n)),
        tuple(f"s{i}" for i in range(k)),
        ("trend",) * k,
        np.ones((k, 7)),
        np.ones(k),
    )
    data = lesson(n, k, d) if data is None else data
    for _ in range(3):
        for learner in bg.learners():
            learner.adopt(learner.propose(data, np.random.default_rng(0)))
    return bg


def seen(n=3, **changes):
    features = np.random.default_rng(0).standard_normal((n, 12))
    features[:, -1] = 1.0
    base = percept(evidence=np.zeros(n))
    return msgspec.structs.replace(base, **{"features": features, **changes})


def acts(bg, percept, values=None, held=None, correlation=CORRELATION, **more):
    values = np.full((bg.k, bg.n), 0.6) if values is None else values
    panel = SignalPanel(names=bg.names, values=values, active=np.ones(bg.k, bool))
    portfolio = msgspec.structs.replace(book(), weights=(0.0,) * bg.n, quantities=(0.0,) * bg.n)
    held = np.zeros(bg.n) if held is None else held
    return bg.select(
        percept, panel, APPETITE, correlation, threat(), portfolio, held, **more
    )  # fmt: skip
