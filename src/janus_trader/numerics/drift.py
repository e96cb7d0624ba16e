"""Has a distribution changed? Population stability index and the two-sample Kolmogorov-Smirnov test."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit
from scipy.special import kolmogorov

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.streaming import StreamingKernel

_EXACT_CELLS = 1_000_000  # m n up to which the exact p-value is the default: some milliseconds


class ReferenceBins(NamedTuple):
    """Fixed bins of a reference sample: inner ``edges`` (n - 1,), rising, and the ``fractions`` (n,) in them.

    A value x belongs to the bin after the last edge that is below it; the outer bins are unbounded.
    """

    edges: np.ndarray
    fractions: np.ndarray


class KSTest(NamedTuple):
    """Largest distance of two distribution functions, its two-sided p-value, and how that was computed."""

    statistic: float
    p_value: float
    method: str


def _finite(x: np.ndarray, name: str) -> np.ndarray:
    out = np.ascontiguousarray(x, dtype=np.float64)
    if out.ndim != 1 or out.size == 0 or not np.isfinite(out).all():
        raise DataError(
            f"{name} is not a sample",
            got=f"shape {out.shape}, {int(np.isnan(out).sum())} NaN",
            expected="a non-empty 1-D array of finite numbers",
            remedy="drop missing values first",
        )
    return out


def reference_bins(reference: np.ndarray, n_bins: int = 10) -> ReferenceBins:
    """Bins at the quantiles of a reference sample (T,), each with about the same share of it.

    Equal quantiles (a sample with many ties) are merged, so that there may be fewer than ``n_bins``.
    O(T log T).

    Raises
    ------
    DataError
        ``reference`` is empty, not finite or has one value only.
    ConfigError
        ``n_bins`` < 2.

    Examples
    --------
    >>> bins = reference_bins(np.arange(8.0), 4)
    >>> bins.edges.tolist(), bins.fractions.tolist()
    ([1.0, 3.0, 5.0], [0.25, 0.25, 0.25, 0.25])
    """
    if n_bins < 2:
        raise ConfigError("too few bins", got=n_bins, expected="n_bins >= 2")
    x = _finite(reference, "the reference")
    edges = np.unique(np.quantile(x, np.arange(1, n_bins) / n_bins, method="inverted_cdf"))
    edges = edges[edges < x.max()]  # else the last bin would be empty by construction
    if edges.size == 0:
        raise DataError(
            "the reference has no two bins", got="one value holds it all", expected="a sample that varies"
        )
    counts = np.bincount(np.searchsorted(edges, x, side="left"), minlength=edges.size + 1)
    return ReferenceBins(edges, counts / x.size)


@njit(cache=True)
def psi_kernel(counts: np.ndarray, n: int, expected: np.ndarray, floor: float) -> float:
    """Stability index of bin ``counts`` (sum ``n``) against the shares ``expected``. O(bins)."""
    total = 0.0
    for i in range(counts.shape[0]):
        a = max(counts[i] / n, floor)
        e = max(expected[i], floor)
        total += (a - e) * math.log(a / e)
    return total


def population_stability_index(bins: ReferenceBins, sample: np.ndarray, floor: float = 1e-4) -> float:
    r"""How far a sample has moved from the reference whose bins are given.

    .. math:: \mathrm{PSI} = \sum_i (a_i - e_i) \ln \frac{a_i}{e_i}, \qquad a_i, e_i \ge \varepsilon

    Shares of the sample (a) and of the reference (e) below ``floor`` are set to it, so that an empty bin
    counts much but not without bound. Custom reads 0.1 as a shift to watch and 0.25 as a large one; a
    sample of T from the reference itself gives about (bins - 1) (1/T + 1/T_ref).

    Parameters
    ----------
    bins : ReferenceBins
        Of the reference; never recomputed from the sample.
    sample : (T,) array
        Finite.
    floor : float
        ε in (0, 0.1].

    Returns
    -------
    float
        >= 0.

    Notes
    -----
    O(T log bins).

    Raises
    ------
    DataError
        An empty sample or one that is not finite.
    ConfigError
        ``floor`` out of range.

    Examples
    --------
    >>> bins = reference_bins(np.arange(100.0), 2)
    >>> population_stability_index(bins, np.arange(100.0))
    0.0
    >>> round(population_stability_index(bins, np.arange(100.0) + 25.0), 4)
    0.2747

    References
    ----------
    Yurdakul & Naranjo (2020), Statistical properties of the population stability index, Journal of Risk
    Model Validation 14.
    """
    _check_floor(floor)
    x = _finite(sample, "the sample")
    counts = np.bincount(np.searchsorted(bins.edges, x, side="left"), minlength=bins.fractions.size)
    return float(psi_kernel(counts, x.size, bins.fractions, floor))


def _check_floor(floor: float) -> None:
    if not 0.0 < floor <= 0.1:
        raise ConfigError("the floor under a share is not usable", got=floor, expected="in (0, 0.1]")


def rolling_psi_dtype(window: int, n_bins: int) -> np.dtype:
    """State of `RollingPSI`: the bins of the last ``window`` values and their counts.

    >>> rolling_psi_dtype(50, 4)["counts"].shape
    (4,)
    """
    return np.dtype([("n", "i8"), ("last", "f8"), ("ring", "i8", (window,)), ("counts", "i8", (n_bins,))])


@njit(cache=True)
def rolling_psi_step(
    s: Any, x: float, edges: np.ndarray, expected: np.ndarray, window: int, floor: float
) -> float:
    """One value into a record of `rolling_psi_dtype`; the index, NaN before ``window`` values. O(bins)."""
    if not math.isfinite(x):
        return s.last if s.n > 0 else math.nan
    where = np.searchsorted(edges, x)
    k = s.n % window
    if s.n >= window:
        s.counts[s.ring[k]] -= 1
    s.ring[k] = where
    s.counts[where] += 1
    s.n += 1
    s.last = psi_kernel(s.counts, window, expected, floor) if s.n >= window else math.nan
    return s.last


@njit(cache=True)
def _update(
    states: np.ndarray, x: float, edges: np.ndarray, expected: np.ndarray, window: int, floor: float
) -> float:
    return rolling_psi_step(states[0], x, edges, expected, window, floor)


@njit(cache=True)
def _scan(
    states: np.ndarray, xs: np.ndarray, edges: np.ndarray, expected: np.ndarray, window: int, floor: float
) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = rolling_psi_step(states[0], xs[t], edges, expected, window, floor)
    return out


class RollingPSI(StreamingKernel):
    """`population_stability_index` of the last ``window`` values against a fixed reference.

    Output >= 0; NaN until ``window`` finite values were seen. A value that is not finite is ignored and
    repeats the last output. O(bins) a step.

    Parameters
    ----------
    bins : ReferenceBins
        From `reference_bins`; only its numbers are kept.
    window : int
        >= 1; far above the number of bins, or the index is mostly noise.
    floor : float
        In (0, 0.1].

    Raises
    ------
    ConfigError
        ``window`` or ``floor`` out of range.

    Examples
    --------
    >>> psi = RollingPSI(reference_bins(np.arange(100.0), 2), window=4)
    >>> [round(float(psi.update(x)), 3) for x in (10.0, 20.0, 60.0, 70.0, 80.0)]
    [nan, nan, nan, 0.0, 0.275]

    References
    ----------
    As `population_stability_index`.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, bins: ReferenceBins, window: int = 500, floor: float = 1e-4) -> None:
        _check_floor(floor)
        if window < 1:
            raise ConfigError("the window is not usable", got=window, expected="window >= 1")
        edges, expected = (np.array(v, dtype=np.float64) for v in bins)
        dtype = rolling_psi_dtype(int(window), expected.size)
        self._init(dtype, (edges, expected, int(window), float(floor)), int(window))

    @classmethod
    def examples(cls) -> list[Self]:
        """A short and a longer window."""
        bins = reference_bins(np.linspace(90.0, 110.0, 200), 5)
        return [cls(bins, window=20), cls(bins, window=60, floor=0.01)]


@njit(cache=True)
def _largest_gap(a: np.ndarray, b: np.ndarray) -> int:
    """max |i n - j m| over the points of two sorted samples: m n times the statistic, without rounding."""
    m, n = a.shape[0], b.shape[0]
    i, j, gap = 0, 0, 0
    while i < m and j < n:
        x = min(a[i], b[j])
        while i < m and a[i] == x:
            i += 1
        while j < n and b[j] == x:
            j += 1
        gap = max(gap, abs(i * n - j * m))
    return gap


@njit(cache=True)
def _exact_tail(m: int, n: int, gap: int) -> float:
    """Share of the lattice paths from (0, 0) to (m, n) that reach |i n - j m| >= gap. O(m n).

    ``u[j]`` is that share among the paths to (i, j); the last step of a random path to (i, j) comes from
    (i - 1, j) with probability i / (i + j). All terms are positive: small tails keep their digits.
    """
    u = np.zeros(n + 1)
    for i in range(m + 1):
        for j in range(n + 1):
            if abs(i * n - j * m) >= gap:
                u[j] = 1.0
            elif i + j > 0:
                left = u[j - 1] * j if j > 0 else 0.0
                u[j] = ((u[j] * i if i > 0 else 0.0) + left) / (i + j)
    return u[n]


def ks_two_sample(a: np.ndarray, b: np.ndarray, method: str = "auto") -> KSTest:
    r"""Two-sided Kolmogorov-Smirnov test that two samples have one distribution.

    .. math:: D = \sup_x |F_a(x) - F_b(x)|, \qquad
              p_\text{asymptotic} = 2 \sum_{k\ge1} (-1)^{k-1} e^{-2 k^2 \lambda^2},
              \quad \lambda = D \sqrt{\tfrac{mn}{m+n}}

    Parameters
    ----------
    a, b : (m,) and (n,) arrays
        Finite, independent draws: dependence makes p too small.
    method : {"auto", "exact", "asymptotic"}
        ``exact`` counts lattice paths, O(m n); ``auto`` does so for m n <= 1e6.

    Returns
    -------
    KSTest
        With ties p is an upper bound under both methods.

    Notes
    -----
    O(m log m + n log n) besides the exact p-value; no warm-up.

    Raises
    ------
    DataError
        An empty sample or a value that is not finite.
    ConfigError
        An unknown method.

    Examples
    --------
    >>> test = ks_two_sample(np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6]))
    >>> test.statistic, round(test.p_value, 6), test.method
    (1.0, 0.1, 'exact')

    References
    ----------
    Hodges (1957), The significance probability of the Smirnov two-sample test, Arkiv for Matematik 3;
    Smirnov (1948), Table for estimating the goodness of fit of empirical distributions.
    """
    if method not in ("auto", "exact", "asymptotic"):
        raise ConfigError("no such method", got=repr(method), expected="auto, exact or asymptotic")
    x, y = np.sort(_finite(a, "sample a")), np.sort(_finite(b, "sample b"))
    m, n = x.size, y.size
    gap = _largest_gap(x, y)
    if method == "auto":
        method = "exact" if m * n <= _EXACT_CELLS else "asymptotic"
    statistic = gap / (m * n)
    if method == "exact":
        p = float(_exact_tail(m, n, gap))
    else:
        p = float(kolmogorov(statistic * math.sqrt(m * n / (m + n))))
    return KSTest(statistic, min(1.0, p), method)
