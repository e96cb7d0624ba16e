"""Model weights against conjugate evidence, and what forgetting is for."""

import numpy as np
import pytest
from scipy.stats import norm

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.bayesian_model_averaging import (
    BayesianModelAverage,
    mixture_moments,
    model_weights,
)


def test_streaming_weights_are_the_posterior_of_all_the_evidence(rng):
    y = rng.normal(0.3, 1.0, 80)
    densities = np.column_stack([norm(m, 1.0).logpdf(y) for m in (0.0, 0.3, 1.0)])
    got = BayesianModelAverage(3).transform(densities)
    for t in (0, 10, 79):
        np.testing.assert_allclose(got[t], model_weights(densities[: t + 1].sum(axis=0)), rtol=1e-9)
    assert got[-1].argmax() == 1


def test_evidence_of_a_conjugate_model_gives_the_known_odds(rng):
    """Point null against a normal prior on the mean: the Bayes factor has a closed form."""
    y = rng.normal(0.2, 1.0, 25)
    null = norm(0, 1).logpdf(y).sum()
    cov = np.eye(25) + 0.5
    alternative = -0.5 * (y @ np.linalg.solve(cov, y) + np.linalg.slogdet(2 * np.pi * cov)[1])
    factor = np.sqrt(1 / (1 + 12.5)) * np.exp(0.5 * y.sum() ** 2 * 0.5 / (1 + 12.5))
    w = model_weights(np.array([null, alternative]), np.array([2.0, 1.0]))
    assert w[1] / w[0] == pytest.approx(0.5 * factor, rel=1e-9)


def test_forgetting_and_sharing_follow_their_definition(rng):
    x = rng.standard_normal((40, 3))
    w = np.full(3, 1 / 3)
    got = BayesianModelAverage(3, 0.9, 0.05).transform(x)
    for t in range(40):
        tempered = w**0.9 / np.sum(w**0.9)
        w = (0.95 * tempered + 0.05 / 3) * np.exp(x[t])
        w /= w.sum()
        np.testing.assert_allclose(got[t], w, rtol=1e-10)


def test_a_model_that_was_bad_can_return():
    good = np.array([0.0, -3.0])
    rows = np.vstack([np.tile(good, (300, 1)), np.tile(good[::-1], (20, 1))])
    assert BayesianModelAverage(2).transform(rows)[-1, 1] < 1e-6
    assert BayesianModelAverage(2, share=0.01).transform(rows)[-1, 1] > 0.99
    assert BayesianModelAverage(2, forgetting=0.9).transform(rows)[-1, 1] > 0.9


def test_impossible_outcomes():
    average = BayesianModelAverage(2)
    assert average.update(np.array([-np.inf, 0.0])).tolist() == [0.0, 1.0]
    before = average.snapshot()
    for row in ([-np.inf, -np.inf], [0.0, -np.inf], [np.inf, 0.0], [np.nan, 0.0]):
        assert average.update(np.array(row)).tolist() == [0.0, 1.0]
    assert average.snapshot() == before
    assert model_weights(np.array([-np.inf, -1e308])).tolist() == [0.0, 1.0]


def test_moments_of_a_mixture_against_draws(rng):
    w, m, v = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.0, 4.0]), np.array([1.0, 0.25, 2.0])
    which = rng.choice(3, 400_000, p=w)
    draws = m[which] + np.sqrt(v[which]) * rng.standard_normal(400_000)
    mean, variance = mixture_moments(w, m, v)
    assert mean == pytest.approx(draws.mean(), abs=0.02)
    assert variance == pytest.approx(draws.var(), rel=0.02)


def test_bad_input_is_refused():
    one = np.ones(2)
    for evidence, prior in (
        ([], None), ([np.nan], None), ([np.inf, 0.0], None), ([-np.inf], None), ([0.0], [0.0]),
        ([0.0], [-1.0]), ([0.0, 1.0], [1.0]),
    ):  # fmt: skip
        with pytest.raises(DataError):
            model_weights(np.array(evidence), None if prior is None else np.array(prior))
    for w, m, v in (
        (one, one, one),
        (one / 2, one, -one),
        (one / 2, one, np.ones(3)),
        (one / 2, one * np.nan, one),
    ):
        with pytest.raises(DataError):
            mixture_moments(w, m, v)
    for bad in ({"models": 0}, {"forgetting": 0.0}, {"share": 1.0}):
        with pytest.raises(ConfigError):
            BayesianModelAverage(**{"models": 2, **bad})
