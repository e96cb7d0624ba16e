"""The compiled step of the feature engine: one bar of a market and its book, O(n + windows)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: Features the kernel writes, in the order of its output.
KERNEL_FEATURES = (
    "trailing_return",
    "realised_vol",
    "average_correlation",
    "max_drawdown",
    "vol_rate_of_change",
    "momentum",
    "mean_reversion",
    "relative_volume",
    "market_return",
    "market_zscore",
    "dispersion",
    "cross_skew",
)
#: After the features the kernel writes the normalised return, for the statistics on top of it.
NORMALISED_RETURN = len(KERNEL_FEATURES)

PARAMETERS_DTYPE = np.dtype(
    [
        ("slow_decay", "f8"),
        ("fast_decay", "f8"),
        ("instrument_decay", "f8"),
        ("correlation_decay", "f8"),
        ("cross_decay", "f8"),
        ("unit_volatility", "f8"),
        ("annual", "f8"),
        ("return_clip", "f8"),
        ("sigma_clip", "f8"),
        ("min_obs", "i8"),
        ("short_window", "i8"),
        ("long_window", "i8"),
        ("roc_bars", "i8"),
        ("volume_window", "i8"),
    ],
    align=True,
)


#: State of one instrument: EWMA of squared returns, its weight, bars seen (the first has no return).
#: An array of its own, so that the compiled step is the same for books of any size.
INSTRUMENT_DTYPE = np.dtype([("s", "f8"), ("w", "f8"), ("n", "i8")], align=True)


def market_state_dtype(long_window: int, roc_bars: int, volume_window: int, history: int) -> Any:
    """State of the market path; sums ``*_s`` and weights ``*_w`` are EWMAs.

    ``history`` normalised returns are kept for the statistics that are computed on top.
    """
    return np.dtype(
        [
            ("n", "i8"),  # market returns seen
            ("k", "i8"),  # normalised returns seen
            ("volatilities", "i8"),
            ("volumes", "i8"),
            ("pairs", "i8"),
            ("skews", "i8"),
            ("price", "f8"),  # 0: no previous price
            ("slow_s", "f8"),
            ("slow_w", "f8"),
            ("fast_s", "f8"),
            ("fast_w", "f8"),
            ("pair_s", "f8"),
            ("own_s", "f8"),
            ("dispersion_s", "f8"),
            ("dispersion_w", "f8"),
            ("skew_s", "f8"),
            ("skew_w", "f8"),
            ("level", "f8", (long_window + 1,)),
            ("unit", "f8", (history,)),
            ("volatility", "f8", (roc_bars + 1,)),
            ("volume", "f8", (volume_window,)),
        ],
        align=True,
    )


@njit(cache=True)
def _market_return(s, instruments, price, returns, present):
    """Return of the market, else of the equal-weight present book, else NaN."""
    previous = s.price
    s.price = price if price > 0.0 else 0.0
    if price > 0.0 and previous > 0.0:
        return price / previous - 1.0
    total, count = 0.0, 0
    for i in range(returns.shape[0]):
        if present[i] and instruments[i].n > 0:
            total += returns[i]
            count += 1
    return max(total / count, -0.999999) if count > 0 else np.nan


@njit(cache=True)
def _normalise(s, r, p, out):
    """Z-score and normalised return from strictly earlier volatility, then take the return in."""
    unit = np.nan
    if s.n >= p.min_obs:
        fast = np.sqrt(s.fast_s / s.fast_w)
        slow = np.sqrt(s.slow_s / s.slow_w)
        if fast > 0.0:
            out[9] = min(max(r / fast, -p.sigma_clip), p.sigma_clip)
        unit = 0.0
        if slow > 0.0:
            unit = min(max(p.unit_volatility * r / slow, -p.return_clip), p.return_clip)
        size = s.level.shape[0]
        s.level[(s.k + 1) % size] = s.level[s.k % size] + np.log1p(unit)
        s.unit[s.k % s.unit.shape[0]] = unit
        s.k += 1
    s.fast_s = p.fast_decay * s.fast_s + r * r
    s.fast_w = p.fast_decay * s.fast_w + 1.0
    s.slow_s = p.slow_decay * s.slow_s + r * r
    s.slow_w = p.slow_decay * s.slow_w + 1.0
    s.n += 1
    return unit


@njit(cache=True)
def _book(s, instruments, returns, present, p):
    """Take in one cross-section of returns, each in units of its own earlier volatility."""
    m, s1, s2, s3 = 0, 0.0, 0.0, 0.0
    for i in range(returns.shape[0]):
        if not present[i]:
            continue
        one = instruments[i]
        one.n += 1
        if one.n == 1:
            continue
        r = returns[i]
        if one.n > p.min_obs and one.s > 0.0:
            x = r / np.sqrt(one.s / one.w)
            x = min(max(x, -p.sigma_clip), p.sigma_clip)
            m += 1
            s1 += x
            s2 += x * x
            s3 += x * x * x
        one.s = p.instrument_decay * one.s + r * r
        one.w = p.instrument_decay * one.w + 1.0
    if m < 2:
        return
    s.pair_s = p.correlation_decay * s.pair_s + (s1 * s1 - s2)
    s.own_s = p.correlation_decay * s.own_s + (m - 1) * s2
    s.pairs += 1
    mean = s1 / m
    variance = max(s2 / m - mean * mean, 0.0)
    deviation = np.sqrt(variance)
    s.dispersion_s = p.cross_decay * s.dispersion_s + deviation
    s.dispersion_w = p.cross_decay * s.dispersion_w + 1.0
    if m >= 3 and deviation > 0.0:
        third = s3 / m - 3.0 * mean * s2 / m + 2.0 * mean * mean * mean
        s.skew_s = p.cross_decay * s.skew_s + third / (variance * deviation)
        s.skew_w = p.cross_decay * s.skew_w + 1.0
        s.skews += 1


@njit(cache=True)
def _path_features(s, p, out, fresh):
    """Features of the normalised path once ``short_window`` normalised returns are known."""
    k, short, size = s.k, p.short_window, s.level.shape[0]
    if k < short:
        return
    level = s.level[k % size]
    out[0] = np.exp(level - s.level[(k - short) % size]) - 1.0
    history = s.unit.shape[0]
    mean = 0.0
    for j in range(k - short, k):
        mean += s.unit[j % history]
    mean /= short
    variance = 0.0
    for j in range(k - short, k):
        variance += (s.unit[j % history] - mean) ** 2
    volatility = np.sqrt(variance / short) * p.annual
    out[1] = volatility
    span = min(k, p.long_window)
    peak, deepest = -np.inf, 0.0
    for j in range(k - span, k + 1):
        peak = max(peak, s.level[j % size])
        deepest = max(deepest, peak - s.level[j % size])
    out[3] = 1.0 - np.exp(-deepest)
    drift = (level - s.level[(k - span) % size]) / (p.unit_volatility * np.sqrt(span))
    out[5] = np.tanh(0.5 * drift)
    out[6] = -np.tanh(0.5 * _zscore(s, k, short, level))
    lags = s.volatility.shape[0]
    if fresh:
        s.volatility[s.volatilities % lags] = volatility
        s.volatilities += 1
    if s.volatilities >= lags:
        before = s.volatility[s.volatilities % lags]
        if before > 0.0:
            out[4] = volatility / before - 1.0


@njit(cache=True)
def _zscore(s, k, window, level):
    size = s.level.shape[0]
    mean = 0.0
    for j in range(k - window + 1, k + 1):
        mean += s.level[j % size]
    mean /= window
    variance = 0.0
    for j in range(k - window + 1, k + 1):
        variance += (s.level[j % size] - mean) ** 2
    deviation = np.sqrt(variance / window)
    return (level - mean) / deviation if deviation > 1e-12 else 0.0


@njit(cache=True)
def _relative_volume(s, volume, p, out):
    if not (volume > 0.0 and volume < np.inf):
        return
    window = s.volume.shape[0]
    count = min(s.volumes, window)
    if count >= p.min_obs:
        total = 0.0
        for j in range(count):
            total += s.volume[j]
        out[7] = volume / (total / count)
    s.volume[s.volumes % window] = volume
    s.volumes += 1


@njit(cache=True)
def feature_step(states, instruments, params, price, volume, returns, present, out):
    """Take in one bar; ``out`` gets the features of `KERNEL_FEATURES` and the normalised return.

    A feature that is not known is NaN in ``out``; the caller leaves it away.
    """
    s, p = states[0], params[0]
    for j in range(out.shape[0]):
        out[j] = np.nan
    r = _market_return(s, instruments, price, returns, present)
    if not np.isnan(r):
        out[8] = r
        out[12] = _normalise(s, r, p, out)
    _path_features(s, p, out, not np.isnan(out[12]))
    _book(s, instruments, returns, present, p)
    if s.pairs >= p.min_obs:
        if s.own_s > 0.0:
            out[2] = min(max(s.pair_s / s.own_s, -1.0), 1.0)
        out[10] = s.dispersion_s / s.dispersion_w
        if s.skews >= p.min_obs:
            out[11] = s.skew_s / s.skew_w
    _relative_volume(s, volume, p, out)
