from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.hypothalamus import AppetiteConfig, AppetiteModel, EnergyConfig, EnergyReserve
from janus_trader.contracts.decision import Appetite
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.regime import Regime, RegimeState

N = 3
COV = np.full((N, N), 0.3e-4) + 0.7e-4 * np.eye(N)


def regime(posterior: np.ndarray) -> RegimeState:
    p = tuple(float(x) for x in posterior)
    return RegimeState(
        posterior=p,
        dominant=Regime(int(np.argmax(posterior))),
        confidence=max(p),
        change_probability=0.0,
        turbulence=0.0,
        agreement=1.0,
        votes={},
        age=1,
        forecast=p,
    )


def book(
    ts: int = 0, equity: float = 100.0, peak: float | None = None, weight: float = 0.3
) -> PortfolioState:
    return PortfolioState(
        ts_event=ts,
        equity=equity,
        cash=equity * (1 - N * weight),
        peak_equity=max(equity, peak or equity),
        session_start_equity=equity,
        weights=(weight,) * N,
        quantities=(1.0,) * N,
    )


def model() -> AppetiteModel:
    return AppetiteModel(AppetiteConfig(), 252.0, 1.5)


def ask(posterior: np.ndarray, portfolio: PortfolioState) -> Appetite:
    return model().appetite(regime(posterior), portfolio, COV, True)


def run(
    returns: np.ndarray, weight: float = 0.3, m: AppetiteModel | None = None
) -> tuple[AppetiteModel, Appetite]:
    m = m or model()
    equity, out = 100.0, None
    for t, r in enumerate(returns):
        equity *= 1.0 + r
        out = m.appetite(regime(np.eye(7)[0]), book(t, equity, weight=weight), COV, True)
    assert out is not None
    return m, out


@pytest.mark.parametrize("k", list(Regime))
def test_a_certain_regime_gives_its_configured_factor(k: Regime) -> None:
    assert ask(np.eye(7)[k], book()).regime_factor == AppetiteConfig().regime[k]


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_appetite_falls_with_drawdown(a: float, b: float, seed: int) -> None:
    posterior = np.random.default_rng(seed).dirichlet(np.ones(7))
    low, high = sorted((a, b))
    calm, hurt = (ask(posterior, book(equity=100.0, peak=100.0 / (1 - min(d, 0.99)))) for d in (low, high))
    assert hurt.scalar <= calm.scalar + 1e-12
    assert 0.0 <= hurt.scalar <= 1.5


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_appetite_falls_as_crisis_mass_grows(a: float, b: float, seed: int) -> None:
    rest = np.random.default_rng(seed).dirichlet(np.ones(7))
    rest[Regime.CRISIS] = 0.0
    rest /= rest.sum()
    low, high = sorted((a, b))
    x, y = (ask((1 - c) * rest + c * np.eye(7)[Regime.CRISIS], book()).scalar for c in (low, high))
    assert y <= x + 1e-12


def test_the_ladder_hits_its_steps_and_ends_at_the_halt() -> None:
    m = model()
    c = m.config
    for d, a in list(zip(c.drawdown, c.drawdown_appetite, strict=True))[:-1]:
        assert np.isclose(m.drawdown_factor(d), a)
    assert m.drawdown_factor(0.0) == 1.0
    assert m.drawdown_factor(0.5) == m.drawdown_factor(1.0) == m.drawdown_factor(float("nan")) == 0.0


def test_the_scalar_is_the_product_and_scales_the_target() -> None:
    a = ask(np.full(7, 1 / 7), book(equity=100.0, peak=115.0))
    product = a.regime_factor * a.drawdown_factor * a.volatility_factor * a.kelly_factor * a.energy_factor
    assert np.isclose(a.scalar, product)
    assert np.isclose(a.target_volatility, 0.15 * a.scalar)


@pytest.mark.parametrize("equity", [float("nan"), float("inf"), 0.0, -1.0])
def test_an_unreadable_book_has_no_appetite(equity: float) -> None:
    portfolio = book()
    broken = PortfolioState(
        ts_event=1,
        equity=equity,
        cash=0.0,
        peak_equity=100.0,
        session_start_equity=100.0,
        weights=portfolio.weights,
        quantities=portfolio.quantities,
    )
    m = model()
    m.appetite(regime(np.eye(7)[0]), portfolio, COV, True)
    assert m.appetite(regime(np.eye(7)[0]), broken, COV, True).scalar == 0.0
    assert m.appetite(regime(np.eye(7)[0]), book(2), COV, True).scalar > 0.5


def test_volatility_factor_corrects_the_risk_model_by_its_error() -> None:
    rng = np.random.default_rng(1)
    w = np.full(N, 0.3)
    forecast = float(np.sqrt(w @ COV @ w))
    z = rng.standard_normal(800)
    _, right = run(forecast * z)
    _, worse = run(1.6 * forecast * z)
    _, calmer = run(0.5 * forecast * z)
    assert 0.8 < right.volatility_factor < 1.2
    assert worse.volatility_factor < 0.8
    assert calmer.volatility_factor == 1.25


def test_kelly_factor_reacts_to_the_books_own_edge_and_only_reduces() -> None:
    rng = np.random.default_rng(2)
    noise = 0.01 * rng.standard_normal(600)
    noise -= noise.mean()
    _, winning = run(noise + 0.001)
    _, losing = run(noise - 0.0015)
    assert winning.kelly_factor == 1.0
    assert losing.kelly_factor == 0.5
    assert run(noise[:20])[1].kelly_factor == 1.0  # below 30 observations nothing is believed


def test_a_flat_book_teaches_nothing() -> None:
    m, a = run(np.zeros(300), weight=0.0)
    assert a.kelly_factor == a.volatility_factor == 1.0
    assert m._book["n"][0] == 0


def test_a_bar_is_counted_once() -> None:
    m = model()
    for t in (0, 1, 1, 1, 0):
        m.appetite(regime(np.eye(7)[0]), book(t, 100.0 + t), COV, True)
    assert m._book["n"][0] == 1


def test_energy_drains_with_use_and_losses_and_recovers() -> None:
    e = EnergyReserve(EnergyConfig(), 1.5, 0.01)
    for _ in range(20):
        e.update(1.5, -0.5, -0.03, 1.0)
    drained = e.factor
    assert drained < 0.85
    for _ in range(100):
        e.update(0.5, 0.5, 0.0, 1.0)
    assert e.factor > 0.99
    assert EnergyConfig().floor <= drained


def test_energy_set_point_moves_with_the_regime() -> None:
    bull, crisis = EnergyReserve(EnergyConfig(), 1.5, 0.01), EnergyReserve(EnergyConfig(), 1.5, 0.01)
    for _ in range(50):
        bull.update(1.0, 0.0, 0.0, 1.0)
        crisis.update(1.0, 0.0, 0.0, 0.25)
    assert bull.factor == 1.0
    assert crisis.factor < bull.factor


def test_appetite_state_continues_identically() -> None:
    rng = np.random.default_rng(3)
    r = 0.01 * rng.standard_normal(120)
    a, _ = run(r[:60])
    b = model()
    b.put_state(a.state())
    equity = 100.0
    for t, x in enumerate(r[60:]):
        equity *= 1 + x
        one = a.appetite(regime(np.eye(7)[1]), book(60 + t, equity), COV, True)
        assert one == b.appetite(regime(np.eye(7)[1]), book(60 + t, equity), COV, True)


def test_contradictory_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="ladder"):
        AppetiteModel(AppetiteConfig(drawdown=(0.1, 0.05), drawdown_appetite=(1.0, 0.5)), 252.0, 1.5)
    with pytest.raises(ConfigError, match="range"):
        AppetiteModel(AppetiteConfig(regime=(2.0,) * 7), 252.0, 1.5)
