"""When a fractal dimension says trend or reversion: quantiles of the Sevcik dimension of random walks.

The statistic is ``H = 2 - D`` with D the published Sevcik dimension of a window. On short windows it is
far from the Hurst exponent: of random walks of 64 points, 90 % have H above .6 and none below .4. A
fixed threshold therefore calls noise a trend. The limits here are quantiles over simulated random
walks with independent normal steps, so that a random walk is called neutral at a stated rate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.sevcik import sevcik_kernel, terms_length

#: Probabilities of the columns of `QUANTILES`.
PROBABILITIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975, 0.99, 0.995)

#: Quantiles of H = 2 - D under a random walk by window: `quantile_row` with these draws and this seed.
DRAWS, SEED = 1_000_000, 1998
QUANTILES: dict[int, tuple[float, ...]] = {
    32: (0.52482, 0.53904, 0.56045, 0.57971, 0.60264, 0.68956, 0.77445, 0.79498, 0.81111, 0.82777, 0.83767),
    64: (0.53396, 0.54607, 0.5643, 0.58085, 0.60048, 0.67568, 0.7526, 0.77218, 0.78794, 0.80453, 0.81502),
    128: (0.53802, 0.54836, 0.56421, 0.57846, 0.5955, 0.66152, 0.73095, 0.74914, 0.76409, 0.78039, 0.79049),
    256: (0.53974, 0.5485, 0.56226, 0.57471, 0.58984, 0.64838, 0.71107, 0.72793, 0.7417, 0.75702, 0.76658),
}


class Thresholds(NamedTuple):
    """Limits of H: below ``reverting`` a window reverts, above ``trending`` it trends.

    ``level`` is the share of random walks that fall outside, half on either side.
    """

    reverting: float
    trending: float
    level: float


@njit(cache=True)
def _dimensions(paths, unit, terms, out):
    for k in range(paths.shape[0]):
        y = paths[k]
        high = low = y[0]
        for value in y:
            high = max(high, value)
            low = min(low, value)
        out[k] = sevcik_kernel(y, high, low, unit, terms)


def sevcik_dimensions(paths: np.ndarray) -> np.ndarray:
    """`sevcik_dimension` (published form) of every row of ``paths`` (k, n), n >= 3, finite. O(k n).

    >>> sevcik_dimensions(np.ones((2, 5))).tolist()
    [1.0, 1.0]
    """
    paths = np.ascontiguousarray(paths, dtype=np.float64)
    if paths.ndim != 2 or paths.shape[1] < 3 or not np.isfinite(paths).all():
        raise DataError("not a batch of curves", got=paths.shape, expected="(k, n), n >= 3, finite")
    out, n = np.empty(paths.shape[0]), paths.shape[1]
    _dimensions(paths, float(np.log(2.0 * (n - 1))), np.empty(terms_length(n)), out)
    return out


def random_walk_exponents(window: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """``H = 2 - D`` of ``n`` random walks of ``window`` points with normal steps, sorted. O(n window).

    >>> h = random_walk_exponents(64, 2000, np.random.default_rng(0))
    >>> round(float(h.mean()), 2), bool(np.mean(h > 0.6) > 0.85), bool((h > 0.4).all())
    (0.68, True, True)
    """
    window, n = checked_period("window", window, at_least=3), checked_period("n", n)
    found = []
    for done in range(0, n, 10_000):
        steps = rng.standard_normal((min(10_000, n - done), window - 1))
        paths = np.concatenate([np.zeros((steps.shape[0], 1)), np.cumsum(steps, axis=1)], axis=1)
        found.append(2.0 - sevcik_dimensions(paths))
    return np.sort(np.concatenate(found))


def quantile_row(window: int, n: int = DRAWS, seed: int = SEED) -> tuple[float, ...]:
    """One row of `QUANTILES`, simulated: H at every one of `PROBABILITIES`, five decimals. O(n window).

    >>> row = quantile_row(32, n=1000)
    >>> len(row) == len(PROBABILITIES) and list(row) == sorted(row)
    True
    """
    h = random_walk_exponents(window, n, np.random.default_rng([seed, window]))
    return tuple(round(float(q), 5) for q in np.quantile(h, PROBABILITIES))


def calibrate_thresholds(window: int, n: int, rng: np.random.Generator, level: float) -> Thresholds:
    """Limits of H outside which a share ``level`` of random walks of ``window`` points falls.

    Parameters
    ----------
    window : int
        Points in the window, at least 3.
    n : int
        Random walks to simulate, at least ``20 / level``. The share outside then has standard error
        ``sqrt(level (1 - level) / n)``.
    rng : numpy.random.Generator
        Source of the normal steps.
    level : float
        In (0, 1), half of it on either side. It is the rate of false alarms of one window; successive
        windows overlap, so alarms come in clusters.

    Returns
    -------
    Thresholds
        For the published form of the dimension. The scale of the steps does not matter; a drift counts
        as trend.

    Raises
    ------
    ConfigError
        A parameter out of range, or too few draws for the level.

    Notes
    -----
    O(n window).

    Examples
    --------
    >>> limits = calibrate_thresholds(64, 4000, np.random.default_rng(0), level=0.1)
    >>> bool(0.55 < limits.reverting < 0.62 < 0.72 < limits.trending < 0.8)
    True
    """
    if not 0.0 < level < 1.0 or n * level < 20:
        raise ConfigError(
            "thresholds cannot be calibrated",
            got=f"level={level}, n={n}",
            expected="0 < level < 1 and n >= 20 / level",
            remedy="simulate more random walks",
        )
    h = random_walk_exponents(window, n, rng)
    reverting, trending = np.quantile(h, (0.5 * level, 1.0 - 0.5 * level))
    return Thresholds(float(reverting), float(trending), float(level))


def standard_thresholds(window: int, level: float = 0.1) -> Thresholds:
    """Limits from `QUANTILES`, without simulation. O(1).

    Parameters
    ----------
    window : int
        32, 64, 128 or 256.
    level : float
        .01, .02, .05, .1 or .2: share of random walks called something else than neutral.

    Raises
    ------
    ConfigError
        The table has no such window or level.

    Examples
    --------
    >>> standard_thresholds(64).level
    0.1
    """
    levels = {round(2.0 * p, 6): i for i, p in enumerate(PROBABILITIES) if p < 0.5}
    if window not in QUANTILES or level not in levels:
        raise ConfigError(
            "no tabulated thresholds",
            got=f"window={window}, level={level}",
            expected=f"a window of {sorted(QUANTILES)} and a level of {sorted(levels)}",
            remedy="calibrate_thresholds(window, n, rng, level) computes them",
        )
    row, i = QUANTILES[window], levels[level]
    return Thresholds(row[i], row[-1 - i], float(level))
