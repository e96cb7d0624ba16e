"""The cerebellum with input that is missing, constant or no number."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.cerebellum.test_cerebellum import SYMBOLS, book, episode, fill, live

from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.contracts.errors import DataError


def make(n: int = 3) -> Cerebellum:
    return Cerebellum(CerebellumConfig(), n, SYMBOLS[:n])


@pytest.mark.parametrize("sigma", [np.full(3, np.nan), np.full(3, np.inf), np.zeros(3), -np.ones(3)])
def test_volatilities_without_sense_give_a_finite_forecast(sigma: np.ndarray) -> None:
    cerebellum = make()
    cerebellum.adopt({"base_bps": 2.0, "per_sigma": 0.05, "per_impact": 0.1})
    cerebellum.observe([fill("A", 1e5, 4.0)], sigma, 1, np.array([50.0, np.nan, -1.0]))
    cerebellum.observe([], sigma, 10**12, np.array([51.0, np.nan, 0.0]))
    forecast = cerebellum.forecast(np.array([0.1, np.nan, -0.1]), book(), sigma)
    assert np.isfinite(forecast.cost_bps).all()
    assert np.isfinite(forecast.total)


def test_on_daily_bars_what_needs_quotes_is_silent() -> None:
    cerebellum = make()
    live(cerebellum, np.random.default_rng(0), 0, 200)
    assert np.isnan(cerebellum.fill_probability.within(1.0, 1, 0, 0.5))
    assert np.isnan(cerebellum.adverse_selection.markout().mean_bps)
    assert np.isnan(cerebellum.latency.quantile(0.5))
    assert not cerebellum.permanent.estimate().known
    prices = np.array([10.0, 20.0, 30.0])
    sigma = np.full(3, 0.01)
    np.testing.assert_array_equal(cerebellum.predict_prices(prices, np.full(3, 0.1), book(), sigma), prices)


def test_no_fills_ever_leave_the_prior_and_propose_nothing() -> None:
    cerebellum = make()
    for ts in range(50):
        cerebellum.observe([], np.full(3, 0.01), ts, np.full(3, 50.0))
    assert cerebellum.correction == 0.0
    rng = np.random.default_rng(0)
    assert [x.propose([episode(10)], rng) for x in cerebellum.learners()] == [None, None]


def test_constant_fills_fit_the_constant() -> None:
    cerebellum = make()
    for ts in range(100):
        cerebellum.observe([fill("A", 1e5, 6.0)], np.full(3, 0.01), ts)
    candidate = cerebellum.learners()[0].propose([episode(99)], np.random.default_rng(0))
    cerebellum.adopt(candidate)
    sigma = np.full(3, 0.01)
    allowed = np.array([0.1, 0.0, 0.0])
    assert cerebellum.forecast(allowed, book(), sigma).cost_bps[0] == pytest.approx(6.0, abs=0.3)


def test_one_instrument() -> None:
    cerebellum = make(1)
    cerebellum.observe(
        [fill("A", 1e5, 7.0), fill("unknown", 1e5, 7.0)], np.array([0.01]), 1, np.array([50.0])
    )
    assert len(cerebellum.memory) == 2
    assert np.isfinite(cerebellum.cost_bps(np.array([0.01]))).all()


def test_prices_of_another_book_are_refused() -> None:
    with pytest.raises(DataError):
        make().observe([], np.full(3, 0.01), 1, np.array([1.0]))


def test_prices_a_day_after_the_fills_are_no_markouts() -> None:
    cerebellum, day = make(), 86_400_000_000_000
    for t in range(100):
        cerebellum.observe([fill("A", 1e5, 6.0)], np.full(3, 0.01), t * day, np.full(3, 50.0 + t))
    assert cerebellum.adverse_selection.count == cerebellum.permanent.count == 0
    assert len(cerebellum.adverse_selection.state()[0]) == 1  # what is too old is not kept either
