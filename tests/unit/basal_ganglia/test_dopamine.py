import numpy as np

from janus_trader.brain.basal_ganglia import Dopamine, DopamineConfig
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.regime import Regime, RegimeState


def regime(which, confidence=1.0):
    posterior = tuple(np.eye(7)[which] * confidence + (1 - confidence) / 7)
    return RegimeState(
        posterior=posterior,
        dominant=which,
        confidence=confidence,
        change_probability=0.0,
        turbulence=0.0,
        agreement=1.0,
        votes={},
        age=1,
        forecast=posterior,
    )


def book(equity):
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=0.0,
        peak_equity=equity,
        session_start_equity=equity,
        weights=(),
        quantities=(),
    )


def test_follows_the_regime_and_its_confidence():
    rho = {r: Dopamine(DopamineConfig()).update(regime(r), book(1.0)) for r in Regime}
    assert rho[Regime.BULL] == 0.5
    assert rho[Regime.CRISIS] == -0.5
    assert rho[Regime.RANGING] == 0.0
    unsure = Dopamine(DopamineConfig()).update(regime(Regime.BULL, 0.4), book(1.0))
    assert 0.0 < unsure < 0.2


def test_better_than_expected_raises_and_expected_leaves_it():
    rng = np.random.default_rng(0)
    dopamine, equity = Dopamine(DopamineConfig()), 1.0
    for r in 0.001 + 0.01 * rng.standard_normal(300):
        equity *= 1 + r
        rho = dopamine.update(regime(Regime.RANGING), book(equity))
    usual = rho
    for _ in range(5):
        equity *= 1.03
        rho = dopamine.update(regime(Regime.RANGING), book(equity))
    assert abs(usual) < 0.25
    assert rho > usual + 0.1


def test_bounded_and_restorable():
    rng = np.random.default_rng(1)
    a = Dopamine(DopamineConfig(regime_gain=3.0, reward_gain=5.0))
    for e in np.exp(rng.standard_cauchy(50)):
        assert -1.0 <= a.update(regime(Regime.BULL), book(float(e))) <= 1.0
    b = Dopamine(DopamineConfig(regime_gain=3.0, reward_gain=5.0))
    b.load(a.state())
    assert a.update(regime(Regime.BEAR), book(2.0)) == b.update(regime(Regime.BEAR), book(2.0))
