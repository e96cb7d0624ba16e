"""Paired differences: exact where they must be, and intervals that cover."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.multitest import multipletests

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.drawdown import max_drawdown
from janus_trader.numerics.sharpe import sharpe, stationary_bootstrap_sharpe_difference
from janus_trader.research.ablation.statistics import (
    FIGURES,
    block_length,
    figures_of,
    holm,
    paired_differences,
    two_sided,
)
from unit.research.ablation.planted import series


def generator(seed=0):
    return np.random.default_rng(seed)


def test_figures_are_those_of_the_library_and_of_the_definition():
    r = generator().normal(0.0004, 0.01, 700)
    costs, turnover = generator(1).random(700) * 1e-4, generator(2).random(700)
    told = figures_of(series(r, costs, turnover), cash_rate=0.02)
    assert told[0] == pytest.approx(sharpe(r - 0.02 / 252, 252.0), rel=1e-12)
    assert told[1] == pytest.approx(max_drawdown(np.r_[1.0, np.cumprod(1.0 + r)]), rel=1e-12)
    assert told[2] == pytest.approx(1e4 * 252 * costs.mean(), rel=1e-12)
    assert told[3] == pytest.approx(252 * r.mean(), rel=1e-12)
    assert told[4] == pytest.approx(252 * turnover.mean(), rel=1e-12)


def test_identical_configurations_differ_by_nothing():
    lives = [series(generator(s).normal(0.0, 0.01, 300)) for s in range(3)]
    for difference in paired_differences(lives, lives, generator(9)).values():
        assert (difference.gained, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)


def test_positive_means_that_having_it_helps_in_every_figure():
    r = generator().normal(0.0005, 0.01, 800)
    good = [series(r, np.full(800, 1e-5), np.full(800, 0.01))]
    bad = [series(r - 0.001, np.full(800, 3e-5), np.full(800, 0.03))]
    for name, difference in paired_differences(good, bad, generator(1)).items():
        assert difference.gained > 0.0, name
        assert difference.low > 0.0, name
        assert difference.p < 0.01, name
    turned = paired_differences(bad, good, generator(1))
    assert all(turned[name].high < 0.0 for name in FIGURES)


def test_swapping_the_sides_turns_the_signs():
    a = [series(generator(s).normal(0.0004, 0.01, 300)) for s in range(2)]
    b = [series(generator(s + 9).normal(0.0, 0.01, 300)) for s in range(2)]
    one, other = (paired_differences(*pair, generator(3)) for pair in ((a, b), (b, a)))
    for name in FIGURES:
        assert one[name].gained == pytest.approx(-other[name].gained, abs=1e-12)
        assert one[name].low == pytest.approx(-other[name].high, abs=1e-9)


def test_one_seed_agrees_with_the_bootstrap_of_two_books():
    common = generator().normal(0.0004, 0.01, 1500)
    a, b = common + generator(1).normal(0.0003, 0.004, 1500), common
    block = block_length([series(a)], [series(b)])
    found = paired_differences([series(a)], [series(b)], generator(2))["sharpe"]
    _, low, high = stationary_bootstrap_sharpe_difference(a, b, 252.0, 4000, block, generator(3))
    assert found.low == pytest.approx(low, abs=0.12 * (high - low))
    assert found.high == pytest.approx(high, abs=0.12 * (high - low))


def autoregression(rng, n, rho=0.2):
    x = rng.normal(0.0, 0.01, n + 50)
    for t in range(1, n + 50):
        x[t] += rho * x[t - 1]
    return x[50:]


def coverage(names, spread, trials=150, days=300, seeds=3):
    """Share of intervals that hold the truth (0) where the lives of each seed differ by chance of their own."""
    hits = np.zeros(len(names))
    for trial in range(trials):
        rng = generator(trial)
        common = autoregression(rng, days)
        with_it = [series(common + rng.normal(0.0, 0.004, days)) for _ in range(seeds)]
        without = [
            series(common + rng.normal(0.0, 0.004, days) + rng.normal(0.0, spread)) for _ in range(seeds)
        ]
        found = paired_differences(with_it, without, generator(trial + 10_000), samples=250)
        hits += [found[name].low <= 0.0 <= found[name].high for name in names]
    return hits / trials


def test_intervals_cover_where_only_days_differ():
    assert (coverage(("sharpe", "annual_return", "max_drawdown"), 0.0) >= 0.90).all()


@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_cover_where_seeds_differ_as_well(seeds):
    assert coverage(("sharpe",), 0.0006, trials=100, seeds=seeds)[0] >= 0.90


def test_a_known_difference_of_cost_is_covered():
    hits = 0
    for trial in range(100):
        rng = generator(trial)
        r = rng.normal(0.0, 0.01, 400)
        cheap, dear = (1e-5 * (k + np.abs(autoregression(rng, 400)) * 100) for k in (1.0, 2.0))
        d = paired_differences([series(r, cheap)], [series(r, dear)], generator(trial + 500), samples=300)
        hits += d["costs_bps"].low <= 1e4 * 252 * 1e-5 <= d["costs_bps"].high
    assert hits >= 88


@given(arrays(np.float64, st.integers(1, 12), elements=st.floats(0.0, 1.0)))
@settings(deadline=None, max_examples=40)
def test_holm_is_that_of_statsmodels(p):
    with mock.patch(
        "gc.collect"
    ):  # it collects garbage in every call: half a second among all that was imported
        expected = multipletests(p, method="holm")[1]
    np.testing.assert_allclose(holm(p.tolist()), expected, atol=1e-12)


@given(arrays(np.float64, 50, elements=st.floats(-1.0, 1.0)))
def test_probabilities_are_probabilities(x):
    assert 0.0 < two_sided(x) <= 1.0
    assert two_sided(x) == two_sided(-x)


@pytest.mark.parametrize("bad", ["seeds", "days", "nan", "short"])
def test_what_is_no_pair_is_refused(bad):
    a = [series(np.full(100, 0.01)), series(np.full(100, 0.02))]
    b = {
        "seeds": a[:1],
        "days": [series(np.full(100, 0.01), first=3)] * 2,
        "nan": [series(np.full(100, np.nan))] * 2,
        "short": [series(np.full(1, 0.01))] * 2,
    }[bad]
    with pytest.raises(DataError):
        paired_differences(a, b, generator())


def test_a_life_without_variance_is_judged_all_the_same():
    flat = [series(np.zeros(100))]
    found = paired_differences([series(generator().normal(0.001, 0.01, 100))], flat, generator(1))
    assert np.isfinite([found[n].gained for n in FIGURES]).all()
    assert found["sharpe"].without == 0.0
