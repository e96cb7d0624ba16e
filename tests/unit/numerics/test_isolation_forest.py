import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest as SklearnForest
from sklearn.metrics import roc_auc_score

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.isolation_forest import (
    expected_path,
    fit_isolation_forest,
    isolation_scores,
    isolation_uniforms,
)


def grown(x, seed=0, trees=100, sample=256):
    uniforms = np.random.default_rng(seed).random(isolation_uniforms(trees, sample))
    return fit_isolation_forest(x, uniforms, sample=sample)


def planted(rng, n=1500, anomalies=40, d=5):
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    x[:anomalies] += rng.choice([-1.0, 1.0], (anomalies, d)) * 6.0
    return x, np.arange(n) < anomalies


def test_agrees_with_scikit_learn_on_planted_anomalies(rng):
    x, label = planted(rng)
    ours = isolation_scores(grown(x, trees=300), x)
    theirs = -SklearnForest(n_estimators=300, max_samples=256, random_state=0).fit(x).score_samples(x)
    assert spearmanr(ours, theirs).statistic > 0.97
    assert np.abs(ours - theirs).max() < 0.05
    auc = roc_auc_score(label, ours)
    assert auc > 0.9
    assert auc == pytest.approx(roc_auc_score(label, theirs), abs=0.02)


def test_a_tree_isolates_its_rows_as_a_slow_reader_of_it_finds(rng):
    """Walk a tree node by node: leaves hold disjoint rows, all of the sample, at the depth written there."""
    x = rng.standard_normal((64, 3))
    forest = grown(x, trees=1, sample=64)
    feature, threshold, child, path = (a[0] for a in forest[:4])
    found, todo = [], [(0, np.arange(64), 0)]
    while todo:
        node, rows, depth = todo.pop()
        if feature[node] < 0:
            found += rows.tolist()
            assert path[node] == depth + expected_path(rows.size)
            assert depth == 6 or rows.size == 1
            continue
        left = x[rows, feature[node]] <= threshold[node]
        assert left.any()
        assert not left.all()
        todo += [(child[node], rows[left], depth + 1), (child[node] + 1, rows[~left], depth + 1)]
    assert sorted(found) == list(range(64))


def test_scores_of_a_pair_follow_from_the_formula():
    forest = grown(np.array([[0.0], [1.0]]), trees=3, sample=2)
    np.testing.assert_allclose(isolation_scores(forest, np.array([[0.0], [1.0]])), [0.5, 0.5])


def test_constant_columns_are_never_cut_and_constant_data_is_usual(rng):
    x = np.column_stack((np.full(100, 3.0), rng.standard_normal(100)))
    assert set(np.unique(grown(x, sample=50).feature)) == {-1, 1}
    same = np.full((100, 2), 7.0)
    np.testing.assert_allclose(isolation_scores(grown(same, sample=50), same), 0.5)


def test_extreme_ranges_stay_finite():
    x = np.array([[-1.7e308], [1.7e308], [0.0], [1e-308]])
    scores = isolation_scores(grown(x, sample=4), x)
    assert np.isfinite(scores).all()
    tight = np.array([[1.0], [np.nextafter(1.0, 2.0)]])
    assert isolation_scores(grown(tight, sample=2), tight).tolist() == [0.5, 0.5]


def test_the_uniforms_alone_decide_and_inputs_stay(rng):
    x, _ = planted(rng, 300)
    kept = x.copy()
    a, b, c = grown(x, 1), grown(x, 1), grown(x, 2)
    np.testing.assert_array_equal(a.threshold, b.threshold)
    assert (a.threshold != c.threshold).any()
    np.testing.assert_array_equal(x, kept)


def test_scaling_a_column_changes_no_score(rng):
    x, _ = planted(rng, 300)
    scaled = x * [4.0, 0.25, 1.0, 2.0, 1024.0]
    np.testing.assert_array_equal(isolation_scores(grown(x), x), isolation_scores(grown(scaled), scaled))


def test_nan_rows_score_nan_and_cannot_be_learned(rng):
    x, _ = planted(rng, 300)
    forest = grown(x)
    rows = x[:3].copy()
    rows[1, 2] = math.nan
    assert np.isnan(isolation_scores(forest, rows)).tolist() == [False, True, False]
    x[5, 0] = math.nan
    with pytest.raises(DataError, match="finite"):
        grown(x)


def test_bad_input_is_refused(rng):
    x = rng.standard_normal((20, 2))
    with pytest.raises(ConfigError, match="larger"):
        grown(x, sample=21)
    with pytest.raises(ConfigError):
        isolation_uniforms(0, 5)
    for bad in (np.zeros((4, 5)), np.ones((2, 13)), np.zeros((0, 13)), np.full((2, 13), math.nan)):
        with pytest.raises(DataError, match="uniforms"):
            fit_isolation_forest(x, bad, sample=5)
    for bad in (np.zeros((1, 2)), np.zeros(5), np.zeros((5, 0))):
        with pytest.raises(DataError):
            fit_isolation_forest(bad, np.zeros((2, 13)), sample=5)
    with pytest.raises(DataError, match="fit the forest"):
        isolation_scores(grown(x, sample=5), np.zeros((3, 3)))
    assert isolation_scores(grown(x, sample=5), np.zeros((0, 2))).size == 0
