"""Hansen's and White's tests against arch, a slow reference, and what they are for."""

import numpy as np
import pytest
from arch.bootstrap import SPA

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.stationary_bootstrap import stationary_indices
from janus_trader.numerics.superior_predictive_ability import (
    bootstrap_variance,
    reality_check,
    superior_predictive_ability,
)

BLOCK, SAMPLES = 5, 400


def models(rng, n=200, k=8):
    """Autocorrelated loss differences, from much worse to a little better than the benchmark."""
    noise = rng.standard_normal((n, k)) * np.linspace(0.5, 2.0, k)
    noise[1:] += 0.4 * noise[:-1]
    return noise + np.linspace(-1.0, 0.12, k)


def arch_test(d, **settings):
    spa = SPA(np.zeros(len(d)), -d, block_size=BLOCK, reps=SAMPLES, **settings)
    return spa


def slow_spa(d, means, omega):
    """The definition, written out; ``means`` (B, K)."""
    n, mean = len(d), d.mean(axis=0)
    statistic = max(0.0, np.max(np.sqrt(n) * mean / omega))
    valid = np.sqrt(n) * mean >= -omega * np.sqrt(2 * np.log(np.log(n)))
    out = []
    for centre in (np.maximum(mean, 0.0), mean * valid, mean):
        simulated = np.maximum(0.0, (np.sqrt(n) * (means - centre) / omega).max(axis=1))
        out.append(np.mean(simulated >= statistic))
    return statistic, out


def resampled_means(d, seed):
    rows = stationary_indices(np.random.default_rng(seed).random((SAMPLES, len(d))), BLOCK)
    return rows, d[rows].mean(axis=1)


def test_variance_is_that_of_arch_and_of_the_bootstrap_itself(rng):
    d = models(rng)
    reference = arch_test(d)
    reference._compute_variance()
    np.testing.assert_allclose(bootstrap_variance(d, BLOCK), reference._loss_diff_var, rtol=1e-10)
    rows = stationary_indices(rng.random((20_000, len(d))), BLOCK)
    np.testing.assert_allclose(
        bootstrap_variance(d[:, :1], BLOCK)[0], len(d) * d[rows, 0].mean(axis=1).var(), rtol=0.05
    )


def test_unstudentised_p_values_are_those_of_arch_on_the_same_resamples(rng):
    d = models(rng)
    rows, _ = resampled_means(d, 3)
    reference, draws = arch_test(d), iter(rows)
    reference.bootstrap.update_indices = lambda: next(draws)  # our rows, arch's own p-values
    reference.compute()
    got = superior_predictive_ability(d, SAMPLES, BLOCK, np.random.default_rng(3), studentize=False)
    assert (got.lower, got.consistent, got.upper) == pytest.approx(
        tuple(reference.pvalues[["lower", "consistent", "upper"]]), abs=1e-12
    )
    assert got.statistic == pytest.approx(np.sqrt(len(d)) * d.mean(axis=0).max(), rel=1e-12)


def test_unstudentised_p_values_are_those_of_arch_on_its_own_resamples(rng):
    d = models(rng)
    reference = arch_test(d, seed=4)
    reference.compute()
    got = superior_predictive_ability(d, 4000, BLOCK, np.random.default_rng(5), studentize=False)
    for name in ("lower", "consistent", "upper"):
        p = float(reference.pvalues[name])
        error = np.sqrt(max(p * (1 - p), 0.01) * (1 / SAMPLES + 1 / 4000))
        assert getattr(got, name) == pytest.approx(p, abs=4 * error)


def test_studentised_p_values_follow_the_definition(rng):
    d = models(rng)
    _, means = resampled_means(d, 8)
    statistic, wanted = slow_spa(d, means, np.sqrt(bootstrap_variance(d, BLOCK)))
    got = superior_predictive_ability(d, SAMPLES, BLOCK, np.random.default_rng(8))
    assert got.statistic == pytest.approx(statistic, rel=1e-10)
    assert [got.lower, got.consistent, got.upper] == pytest.approx(wanted, abs=1e-12)
    assert got.lower <= got.consistent <= got.upper
    assert superior_predictive_ability(d * 1e3, SAMPLES, BLOCK, np.random.default_rng(8))[1:] == got[1:]


def test_reality_check_follows_the_definition_and_suffers_from_poor_models(rng):
    d = models(rng)
    _, means = resampled_means(d, 9)
    mean = d.mean(axis=0)
    wanted = np.mean((means - mean).max(axis=1) >= mean.max())
    got = reality_check(d, SAMPLES, BLOCK, np.random.default_rng(9))
    assert got.p_value == wanted
    assert got.best == mean.argmax()
    good = np.column_stack([rng.normal(0.25, 1.0, 200), rng.normal(-5.0, 60.0, (200, 5))])
    hidden = reality_check(good, SAMPLES, 1.0, np.random.default_rng(1)).p_value
    seen = superior_predictive_ability(good, SAMPLES, 1.0, np.random.default_rng(1)).consistent
    assert seen < 0.05 < hidden


def test_size_without_skill_and_power_with_it():
    rejected = 0
    for seed in range(60):
        g = np.random.default_rng(seed)
        d = g.standard_normal((120, 15))
        rejected += superior_predictive_ability(d, 200, 1.0, g).consistent < 0.1
    assert 1 <= rejected <= 14  # expected 6
    g = np.random.default_rng(0)
    d = g.standard_normal((250, 15))
    d[:, 6] += 0.4
    out = superior_predictive_ability(d, 500, 1.0, g)
    assert out.best == 6
    assert out.consistent < 0.01


def test_no_better_model_and_a_model_equal_to_the_benchmark(rng):
    worse = rng.standard_normal((100, 3)) - 3.0
    out = superior_predictive_ability(worse, 100, 2.0, rng)
    assert out[:4] == (0.0, 1.0, 1.0, 1.0)
    d = np.column_stack([np.zeros(100), rng.standard_normal(100) + 0.5])
    alone = superior_predictive_ability(d[:, 1:], 300, 2.0, np.random.default_rng(0))
    both = superior_predictive_ability(d, 300, 2.0, np.random.default_rng(0))
    assert both[:4] == pytest.approx(alone[:4], rel=1e-12)


def test_bad_input_is_refused(rng):
    d = rng.standard_normal((50, 2))
    for bad in (d[:, 0], d[:2], d[:, :0], np.where(d > 1, np.nan, d)):
        for test in (superior_predictive_ability, reality_check):
            with pytest.raises(DataError, match="loss differences"):
                test(bad, 100, 2.0, rng)
    with pytest.raises(DataError, match="without dispersion"):
        superior_predictive_ability(np.column_stack([d, np.full(50, 0.1)]), 100, 2.0, rng)
    with pytest.raises(DataError, match="bootstrap"):
        superior_predictive_ability(d, 100, 0.0, rng)
