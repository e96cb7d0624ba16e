from __future__ import annotations

import numpy as np

from janus_trader.portfolio.proximal import prox_two_abs, prox_two_abs_box


def brute(z, kappa, tau, c, lo, hi):
    """Minimum over a fine grid that holds every kink and stationary point."""
    points = [0.0, c, lo, hi, *(z + a * kappa + b * tau for a in (-1, 0, 1) for b in (-1, 0, 1))]
    grid = np.clip(np.concatenate([np.linspace(lo, hi, 2001), points]), lo, hi)
    value = 0.5 * (grid - z) ** 2 + kappa * np.abs(grid) + tau * np.abs(grid - c)
    return grid[np.argmin(value)], value.min()


def test_prox_with_box_matches_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        z, c = rng.normal(0, 2, 2)
        kappa, tau = rng.exponential(1.0, 2) * rng.integers(0, 2, 2)
        lo, hi = np.sort(rng.normal(0, 3, 2))
        w = prox_two_abs_box(z, kappa, tau, c, lo, hi)
        _, best = brute(z, kappa, tau, c, lo, hi)
        assert lo <= w <= hi
        assert 0.5 * (w - z) ** 2 + kappa * abs(w) + tau * abs(w - c) <= best + 1e-12


def test_prox_is_the_median_of_five():
    rng = np.random.default_rng(1)
    for _ in range(1000):
        z, c = rng.normal(0, 2, 2)
        kappa, tau = rng.exponential(1.0, 2)
        (c1, w1), (c2, w2) = sorted([(0.0, kappa), (c, tau)])
        five = [c1, c2, z + w1 + w2, z - w1 + w2, z - w1 - w2]
        assert prox_two_abs(z, kappa, tau, c) == np.median(five) or np.isclose(
            prox_two_abs(z, kappa, tau, c), np.median(five), atol=1e-14
        )


def test_two_soft_thresholds_are_not_the_prox():
    def soft(v, t):
        return np.sign(v) * max(abs(v) - t, 0.0)

    z, kappa, tau, c = 0.3, 0.5, 0.5, 1.0
    sequential = c + soft(soft(z, kappa) - c, tau)
    exact = prox_two_abs(z, kappa, tau, c)

    def value(w):
        return 0.5 * (w - z) ** 2 + kappa * abs(w) + tau * abs(w - c)

    assert value(exact) < value(sequential)


def test_prox_is_nonexpansive():
    z = np.linspace(-4, 4, 401)
    w = np.array([prox_two_abs(x, 0.3, 0.7, 1.0) for x in z])
    steps = np.diff(w)
    assert (steps >= 0).all()
    assert (steps <= np.diff(z) + 1e-12).all()


def test_nan_stays_nan():
    assert np.isnan(prox_two_abs(float("nan"), 0.1, 0.1, 0.5))
