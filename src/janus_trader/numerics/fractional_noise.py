"""Fractional Gaussian noise with a known Hurst exponent."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import DataError


def fractional_noise(n: int, hurst: float, rng: np.random.Generator, series: int = 1) -> np.ndarray:
    r"""Exact stationary Gaussian increments of a fractional Brownian motion, by circulant embedding.

    .. math:: \operatorname{E} x_t x_{t+k} = \tfrac12\big(|k+1|^{2H} - 2|k|^{2H} + |k-1|^{2H}\big)

    Parameters
    ----------
    n : int
        Values in a series, at least 2.
    hurst : float
        H in (0, 1): .5 is white noise, above it increments persist, below they revert.
    rng : numpy.random.Generator
        Source of the normal values.
    series : int
        Independent series, at least 1.

    Returns
    -------
    (series, n) array
        Mean 0, variance 1.

    Raises
    ------
    DataError
        A parameter out of range.

    Notes
    -----
    O(series n log n).

    Examples
    --------
    >>> fractional_noise(8, 0.7, np.random.default_rng(0), series=2).shape
    (2, 8)

    References
    ----------
    Davies & Harte (1987), Tests for Hurst effect, Biometrika 74.
    """
    if n < 2 or series < 1 or not 0.0 < hurst < 1.0:
        raise DataError(
            "fractional noise is not defined",
            got=f"n={n}, hurst={hurst}, series={series}",
            expected="n >= 2, 0 < hurst < 1 and series >= 1",
        )
    k = np.arange(n + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + np.abs(k - 1) ** (2 * hurst))
    # The circulant of this covariance is non-negative for every H; rounding alone may go below 0.
    power = np.maximum(np.fft.fft(np.concatenate([covariance, covariance[-2:0:-1]])).real, 0.0)
    z = rng.standard_normal((2, series, power.size))
    return np.ascontiguousarray(np.fft.fft(np.sqrt(power / power.size) * (z[0] + 1j * z[1]))[:, :n].real)
