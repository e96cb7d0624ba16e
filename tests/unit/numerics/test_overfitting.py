"""Cross-validated probability of overfitting against a slow reference and known cases."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import rankdata

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.overfitting import backtest_overfitting


def reference(x, n_blocks, metric):
    """Every split from the rows themselves, in order: (logit, in-sample, out-of-sample, selected)."""
    blocks = np.array_split(np.arange(len(x)), n_blocks)

    def score(rows):
        r = x[rows]
        if metric == "mean":
            return r.mean(axis=0)
        std = r.std(axis=0, ddof=1)
        return np.divide(r.mean(axis=0), std, out=np.zeros(x.shape[1]), where=std > 1e-15)

    out = []
    for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
        rows = np.concatenate([blocks[b] for b in chosen])
        rest = np.concatenate([blocks[b] for b in range(n_blocks) if b not in chosen])
        inside, outside = score(rows), score(rest)
        best = int(np.argmax(inside))
        omega = rankdata(outside)[best] / (x.shape[1] + 1)
        out.append((math.log(omega / (1 - omega)), inside[best], outside[best], best))
    return np.array(out).T


@pytest.mark.parametrize(("t", "n", "blocks"), [(40, 2, 2), (123, 7, 6), (100, 5, 8), (37, 12, 10)])
@pytest.mark.parametrize("metric", ["sharpe", "mean"])
def test_equals_the_slow_reference(rng, t, n, blocks, metric):
    x = 0.01 * rng.standard_t(4, (t, n)) + 0.001
    got = backtest_overfitting(x, blocks, metric)
    logits, inside, outside, selected = reference(x, blocks, metric)
    np.testing.assert_allclose(got.logits, logits, atol=1e-12)
    np.testing.assert_allclose(got.in_sample, inside, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(got.out_of_sample, outside, rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(got.selected, selected)
    assert got.probability == np.mean(logits <= 0)
    assert got.probability_of_loss == np.mean(outside < 0)
    if inside.std() > 0:
        slope, intercept = np.polyfit(inside, outside, 1)
        assert (got.slope, got.intercept) == pytest.approx((slope, intercept), rel=1e-6)


def test_noise_gives_about_a_half_and_skill_about_none():
    found = []
    for seed in range(40):
        x = np.random.default_rng(seed).standard_normal((160, 20))
        found.append(backtest_overfitting(x, 8).probability)
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)
    x = np.random.default_rng(0).standard_normal((400, 20))
    x[:, 3] += 0.5
    out = backtest_overfitting(x, 10)
    assert out.probability == 0.0
    assert out.probability_of_loss == 0.0
    assert (out.selected == 3).all()


def test_order_of_the_columns_and_scale_do_not_matter(rng):
    x = rng.standard_normal((120, 6))
    p = rng.permutation(6)
    a, b = backtest_overfitting(x, 6), backtest_overfitting(1e-4 * x[:, p], 6)
    np.testing.assert_array_equal(a.logits, b.logits)
    np.testing.assert_array_equal(a.selected, p[b.selected])


def test_equal_strategies_share_their_rank_and_a_flat_one_scores_nothing(rng):
    r = rng.standard_normal(60)
    same = backtest_overfitting(np.column_stack([r, r, r]), 4)
    np.testing.assert_allclose(same.logits, 0.0, atol=1e-12)
    assert same.probability == 1.0
    flat = backtest_overfitting(np.column_stack([np.full(60, 0.1), -np.abs(r) - 0.1]), 4)
    assert (flat.selected == 0).all()
    np.testing.assert_array_equal(flat.in_sample, 0.0)
    assert math.isnan(flat.slope)


def test_a_strategy_that_trades_in_some_blocks_only_has_no_rounding_score(rng):
    r = np.zeros((80, 2))
    r[:40, 0] = 0.01 * rng.standard_normal(40)
    r[:, 1] = -1.0 - rng.random(80)
    out = backtest_overfitting(r, 8)
    idle = backtest_overfitting(r[:, ::-1], 8)
    assert np.abs(out.in_sample).max() < 10.0
    np.testing.assert_allclose(np.sort(out.in_sample), np.sort(idle.in_sample))


def test_bad_input_is_refused(rng):
    x = rng.standard_normal((40, 3))
    for bad in (x[:, 0], x[:, :1], x[:15], np.where(x > 1, np.nan, x)):
        with pytest.raises(DataError, match="overfitting"):
            backtest_overfitting(bad, 8)
    for blocks, metric in ((7, "sharpe"), (0, "sharpe"), (26, "sharpe"), (8, "sortino")):
        with pytest.raises(ConfigError):
            backtest_overfitting(x, blocks, metric)
