"""Stylised facts of order books and trades: estimators with block-bootstrap intervals.

Every function takes plain arrays and a generator and returns an `Estimate`, of (k,) where it takes k lags or
scales. Prices may be in any unit;
where a result has the unit of a price or a time its docstring says so.
"""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.block_estimates import Estimate, estimate_by_resampling, estimate_from_means
from janus_trader.numerics.tail_index import hill

_FEWEST_POINTS = 3  # of a line in logarithms
_SPARE_ROWS = 32
_FEWEST_LARGEST = 10


def _series(x: np.ndarray, name: str, longest: int = 0) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or len(x) < longest + _SPARE_ROWS or not np.isfinite(x).all():
        raise DataError(
            f"{name}: a series that cannot be measured",
            got=f"shape {x.shape}, {int(np.sum(~np.isfinite(x)))} not finite",
            expected=f"a 1-D array of at least {longest + _SPARE_ROWS} finite numbers",
        )
    return x


def _steps(values: np.ndarray, name: str) -> np.ndarray:
    steps = np.asarray(values, dtype=np.int64)
    if steps.ndim != 1 or not len(steps) or steps[0] < 1 or np.any(np.diff(steps) <= 0):
        raise DataError(f"{name} must increase from 1 on", got=np.asarray(values)[:8].tolist())
    return steps


def _varies(x: np.ndarray, name: str) -> None:
    if np.ptp(x) == 0.0:
        raise DataError(f"{name}: a constant has no autocorrelation, no tail and no shape", got=float(x[0]))


def _lagged(x: np.ndarray, y: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Columns ``x_t y_{t+l}`` over the rows at which every lag exists."""
    n = len(x) - int(lags[-1])
    return np.stack([x[:n] * y[lag : lag + n] for lag in lags.tolist()], axis=1)


def _correlation_rows(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    n = len(x) - int(lags[-1])
    centred = x - x.mean()
    return np.column_stack((centred[:n], centred[:n] ** 2, _lagged(centred, centred, lags)))


def _correlations(means: np.ndarray) -> np.ndarray:
    square = means[..., :1] ** 2
    return (means[..., 2:] - square) / (means[..., 1:2] - square)


def autocorrelation(x: np.ndarray, lags: np.ndarray, generator: np.random.Generator) -> Estimate:
    r"""Autocorrelation of a series at chosen lags, :math:`\rho_l = \mathrm{cov}(x_t, x_{t+l}) / \mathrm{var}(x_t)`.

    Parameters
    ----------
    x : (T,) array
        Finite, not constant, at least 32 longer than the largest lag.
    lags : (k,) int array
        Increasing, >= 1.
    generator : numpy Generator

    Notes
    -----
    Blocks are at least twice the largest lag. O(T k + B T).

    Raises
    ------
    DataError
        Too short, constant, or not finite.

    Examples
    --------
    >>> x = np.tile([1.0, -1.0], 50)
    >>> autocorrelation(x, [1, 2], np.random.default_rng(0)).value.round(6).tolist()
    [-1.0, 1.0]
    """
    lags = _steps(lags, "lags")
    x = _series(x, "autocorrelation", int(lags[-1]))
    _varies(x, "autocorrelation")
    return estimate_from_means(_correlation_rows(x, lags), _correlations, generator, at_least=2.0 * lags[-1])


def power_law_exponent(lags: np.ndarray, values: np.ndarray) -> np.ndarray:
    r"""Exponent :math:`\gamma` of :math:`\rho_l \propto l^{-\gamma}`, by least squares of logarithms.

    ``values`` (..., k) at ``lags`` (k,); values that are not positive are left out. Returns (...,), NaN where
    fewer than three are left. O(size).

    >>> round(float(power_law_exponent([1, 2, 4, 8], 0.5 * np.array([1, 2, 4, 8]) ** -0.6)), 6)
    0.6
    """
    values = np.asarray(values, dtype=np.float64)
    keep = values > 0.0
    x = np.broadcast_to(np.log(np.asarray(lags, dtype=np.float64)), values.shape)
    y = np.log(np.where(keep, values, 1.0))
    n = keep.sum(axis=-1)
    some = np.maximum(n, 1)
    mean_x, mean_y = (np.sum(v * keep, axis=-1) / some for v in (x, y))
    dx = (x - mean_x[..., None]) * keep
    sxx = np.sum(dx * dx, axis=-1)
    slope = np.sum(dx * (y - mean_y[..., None]), axis=-1) / np.where(sxx > 0.0, sxx, 1.0)
    return np.where((n >= _FEWEST_POINTS) & (sxx > 0.0), -slope, np.nan)


def memory_exponent(x: np.ndarray, lags: np.ndarray, generator: np.random.Generator) -> Estimate:
    r"""Exponent of the power law by which autocorrelations decay: 0.5 or so for signs of trades.

    `power_law_exponent` of `autocorrelation`, fitted anew in every resample; below 1 the memory is long.
    Parameters, cost and errors as there.

    Returns
    -------
    Estimate of (1,)
        NaN where fewer than three autocorrelations are positive.

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(1).standard_normal(2000))
    >>> bool(memory_exponent(walk, [1, 2, 4, 8], np.random.default_rng(0)).value[0] < 0.1)
    True

    References
    ----------
    Lillo & Farmer (2004), The long memory of the efficient market, Studies in Nonlinear Dynamics 8.
    """
    lags = _steps(lags, "lags")
    x = _series(x, "memory exponent", int(lags[-1]))
    _varies(x, "memory exponent")

    def exponent(means: np.ndarray) -> np.ndarray:
        return power_law_exponent(lags, _correlations(means))[..., None]

    return estimate_from_means(_correlation_rows(x, lags), exponent, generator, at_least=2.0 * lags[-1])


def _increments(prices: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Overlapping, centred changes over each scale, (T - longest, k)."""
    n = len(prices) - int(scales[-1])
    changes = np.stack([prices[s : s + n] - prices[:n] for s in scales.tolist()], axis=1)
    return changes - changes.mean(axis=0)


def kurtosis_by_scale(prices: np.ndarray, scales: np.ndarray, generator: np.random.Generator) -> Estimate:
    r"""Excess kurtosis :math:`E[r_s^4] / E[r_s^2]^2 - 3` of changes over ``s`` steps.

    Positive: fat tails. Its fall towards 0 with the scale is aggregational Gaussianity.

    Parameters
    ----------
    prices : (T,) array
        Finite; changes overlap, so T must exceed the largest scale by 32.
    scales : (k,) int array
        Increasing, >= 1.
    generator : numpy Generator

    Notes
    -----
    Blocks are at least twice the largest scale. O(T k + B T).

    Raises
    ------
    DataError
        Too short, constant, or not finite.

    Examples
    --------
    >>> walk = np.cumsum(np.tile([1.0, -1.0, -1.0, 1.0], 50))
    >>> kurtosis_by_scale(walk, [1], np.random.default_rng(0)).value.round(1).tolist()
    [-2.0]
    """
    scales = _steps(scales, "scales")
    prices = _series(prices, "kurtosis by scale", int(scales[-1]))
    _varies(prices, "kurtosis by scale")
    squares = _increments(prices, scales) ** 2
    k = len(scales)

    def excess(means: np.ndarray) -> np.ndarray:
        return means[..., k:] / means[..., :k] ** 2 - 3.0

    rows = np.concatenate((squares, squares**2), axis=1)
    return estimate_from_means(rows, excess, generator, at_least=2.0 * scales[-1])


def signature(prices: np.ndarray, scales: np.ndarray, generator: np.random.Generator) -> Estimate:
    r"""Signature plot :math:`V_s / V_{s_k}`, :math:`V_s = E[r_s^2] / s`: variance per step by sampling interval.

    1 for a random walk; above 1 at small scales where prices bounce, below 1 where they trend. Relative to the
    largest scale. Parameters, cost and errors as in `kurtosis_by_scale`; ``prices`` on an even grid of time.

    >>> walk = np.cumsum(np.random.default_rng(0).standard_normal(5000))
    >>> bool(abs(signature(walk, [1, 10], np.random.default_rng(0)).value[0] - 1) < 0.1)
    True
    """
    scales = _steps(scales, "scales")
    prices = _series(prices, "signature", int(scales[-1]))
    _varies(prices, "signature")
    rows = _increments(prices, scales) ** 2 / scales

    def relative(means: np.ndarray) -> np.ndarray:
        return means / means[..., -1:]

    return estimate_from_means(rows, relative, generator, at_least=2.0 * scales[-1])


def tail_exponent(x: np.ndarray, generator: np.random.Generator, share: float = 0.05) -> Estimate:
    r"""Tail index of :math:`|x|` by Hill's estimator over the largest ``share`` of the values.

    About 3 for returns. Values on a coarse grid have ties that bias it; a jitter of half a step removes them.

    Parameters
    ----------
    x : (T,) array
        Finite, not constant.
    generator : numpy Generator
    share : float
        In (0, 0.5]; of so many values that it is 10 at least.

    Returns
    -------
    Estimate of (1,)
        NaN where `hill` is.

    Raises
    ------
    DataError
        Too short, constant, not finite, or a share out of range.

    Examples
    --------
    >>> pareto = (1 - np.random.default_rng(0).random(5000)) ** (-1 / 3)
    >>> bool(abs(tail_exponent(pareto, np.random.default_rng(0)).value[0] - 3) < 0.5)
    True
    """
    x = _series(x, "tail exponent")
    _varies(x, "tail exponent")
    if not 0.0 < share <= 0.5 or int(share * len(x)) < _FEWEST_LARGEST:
        raise DataError(
            "tail exponent: too few of the largest values",
            got=f"{share} of {len(x)}",
            expected=f"a share in (0, 0.5] that is {_FEWEST_LARGEST} values or more",
        )
    k = int(share * len(x))
    return estimate_by_resampling(x, lambda values: np.array([hill(values, k)]), generator)


def response(
    prices: np.ndarray, signs: np.ndarray, lags: np.ndarray, generator: np.random.Generator
) -> Estimate:
    r"""Response function :math:`R(l) = E[\epsilon_n (m_{n+l} - m_n)]`, in the unit of the price.

    Parameters
    ----------
    prices : (T,) array
        Mid just before each trade, finite.
    signs : (T,) array
        +1 where the buyer was the aggressor, -1 where the seller was.
    lags : (k,) int array
        Trades; increasing, >= 1.
    generator : numpy Generator

    Notes
    -----
    O(T k + B T).

    Raises
    ------
    DataError
        Too short, not finite, lengths that differ, or signs other than -1 and 1.

    Examples
    --------
    >>> signs = np.tile([1.0, 1.0, -1.0, -1.0], 40)
    >>> mids = np.append(0.0, np.cumsum(signs))[:-1]
    >>> response(mids, signs, [1], np.random.default_rng(0)).value.tolist()
    [1.0]

    References
    ----------
    Bouchaud, Gefen, Potters & Wyart (2004), Fluctuations and response in financial markets, Quantitative Finance 4.
    """
    lags = _steps(lags, "lags")
    prices, signs = (_series(x, "response", int(lags[-1])) for x in (prices, signs))
    if prices.shape != signs.shape or np.any(np.abs(signs) != 1.0):
        raise DataError("response: a sign of -1 or 1 for each price", got=f"{prices.shape}, {signs.shape}")
    n = len(prices) - int(lags[-1])
    rows = np.stack([signs[:n] * (prices[lag : lag + n] - prices[:n]) for lag in lags.tolist()], axis=1)
    return estimate_from_means(rows, lambda means: means, generator, at_least=2.0 * lags[-1])


def dispersion(x: np.ndarray, generator: np.random.Generator) -> Estimate:
    """Standard deviation over mean of positive quantities: 1 for times between events of a Poisson process.

    ``x`` (T,) finite and >= 0 with a mean above 0, T >= 32; returns an Estimate of (1,). O(B T).
    Raises DataError for anything else.

    >>> dispersion(np.tile([1.0, 3.0], 50), np.random.default_rng(0)).value.tolist()
    [0.5]
    """
    x = _series(x, "dispersion")
    if np.any(x < 0.0) or not x.any():
        raise DataError("dispersion: quantities below zero, or all zero", got=float(x.min()))

    def ratio(means: np.ndarray) -> np.ndarray:
        variance = means[..., 1:] - means[..., :1] ** 2
        return np.sqrt(np.maximum(variance, 0.0)) / means[..., :1]

    return estimate_from_means(np.column_stack((x, x * x)), ratio, generator)


def mean_ratios(rows: np.ndarray, below: np.ndarray, generator: np.random.Generator) -> Estimate:
    """Ratios of means: of each column of ``rows`` (T, k) to that of ``below`` (T,) or (T, k).

    Shares of a distribution (one-hot columns over ones), profiles relative to their sum, rates. An Estimate of
    (k,), NaN where the lower mean is 0. O(B T). Raises DataError where lengths differ or numbers are not finite.

    >>> spreads = np.tile([1, 2, 1, 1], 30)
    >>> mean_ratios(spreads[:, None] == [1, 2], np.ones(120), np.random.default_rng(0)).value.tolist()
    [0.75, 0.25]
    """
    rows, below = np.asarray(rows, np.float64), np.asarray(below, np.float64)
    below = below[:, None] if below.ndim == 1 else below
    if rows.ndim != 2 or len(below) != len(rows) or below.shape[1] not in (1, rows.shape[1]):
        raise DataError("ratios of means: parts do not fit", got=f"{rows.shape} over {below.shape}")
    k = rows.shape[1]

    def ratio(means: np.ndarray) -> np.ndarray:
        lower = means[..., k:]
        return means[..., :k] / np.where(lower != 0.0, lower, np.nan)

    return estimate_from_means(np.concatenate((rows, below), axis=1), ratio, generator)


def transition_matrix(kinds: np.ndarray, n_kinds: int, generator: np.random.Generator) -> Estimate:
    """Probability that an event of kind j follows one of kind i; (n_kinds²,), row by row.

    ``kinds`` (T,) integers in 0 … n_kinds - 1, T >= 33. NaN in the row of a kind that never comes. O(B T).
    Raises DataError for other kinds or too few events.

    >>> transition_matrix(np.tile([0, 1], 50), 2, np.random.default_rng(0)).value.tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    kinds = np.asarray(kinds)
    if kinds.ndim != 1 or not len(kinds) or kinds.min() < 0 or kinds.max() >= n_kinds:
        raise DataError("transition matrix: unknown kinds", got=str(kinds[:8]), expected=f"0 … {n_kinds - 1}")
    pair = kinds[:-1].astype(np.int64) * n_kinds + kinds[1:]
    rows = (pair[:, None] == np.arange(n_kinds * n_kinds)).astype(np.float64)
    before = kinds[:-1, None] == np.repeat(np.arange(n_kinds), n_kinds)
    return mean_ratios(rows, before, generator)


def activity_shape(
    times: np.ndarray, start: float, end: float, bins: int, generator: np.random.Generator, parts: int = 32
) -> Estimate:
    """Events in each of ``bins`` equal spans between ``start`` and ``end``, over the mean of all spans.

    1 everywhere for a flow without an intraday shape. Intervals come from ``parts`` pieces of each span,
    resampled in blocks alike in all spans.

    Parameters
    ----------
    times : (n,) array
        Within [start, end]; others are left out.
    start, end : float
    bins, parts : int
        At least 2 spans of at least 32 parts.
    generator : numpy Generator

    Returns
    -------
    Estimate of (bins,)

    Raises
    ------
    DataError
        No events, an empty span of time, or too few bins or parts.

    Examples
    --------
    >>> activity_shape(np.linspace(0, 1, 6401), 0.0, 1.0, 2, np.random.default_rng(0)).value.round(2).tolist()
    [1.0, 1.0]
    """
    counts, _ = np.histogram(
        np.asarray(times, np.float64), bins=max(1, bins * parts), range=(start, max(end, start))
    )
    if bins < 2 or parts < _SPARE_ROWS or not end > start or not counts.any():
        raise DataError(
            "activity shape: nothing to measure",
            got=f"{int(counts.sum())} events, {bins} bins of {parts}, from {start} to {end}",
            expected="events in at least 2 bins of at least 32 parts",
        )

    def shape(means: np.ndarray) -> np.ndarray:
        return means / means.mean(axis=-1, keepdims=True)

    return estimate_from_means(counts.reshape(bins, parts).T.astype(np.float64), shape, generator)
