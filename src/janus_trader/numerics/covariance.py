"""Covariance of returns: Ledoit-Wolf shrinkage, a streaming exponentially weighted one, nearest PSD."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.streaming import StreamingKernel


@njit(cache=True)
def _ledoit_wolf(x: np.ndarray, cov: np.ndarray) -> float:
    n_obs, n = x.shape
    mean = np.zeros(n)
    for t in range(n_obs):
        for i in range(n):
            mean[i] += x[t, i]
    for i in range(n):
        mean[i] /= n_obs
    fourth = 0.0  # sum over t of |z_t|^4, which is sum_t ||z_t z_t'||_F^2
    z = np.empty(n)
    for t in range(n_obs):
        norm = 0.0
        for i in range(n):
            z[i] = x[t, i] - mean[i]
            norm += z[i] * z[i]
        fourth += norm * norm
        for i in range(n):
            for j in range(i + 1):
                cov[i, j] += z[i] * z[j]
    trace = 0.0
    frobenius = 0.0
    for i in range(n):
        for j in range(i + 1):
            cov[i, j] /= n_obs
            cov[j, i] = cov[i, j]
            frobenius += (1.0 if i == j else 2.0) * cov[i, j] ** 2
        trace += cov[i, i]
    target = trace / n
    spread = frobenius - n * target * target  # d^2 n
    noise = (fourth / n_obs - frobenius) / n_obs  # b^2 n before the cap
    shrinkage = min(max(noise / spread, 0.0), 1.0) if spread > 0.0 else 0.0
    for i in range(n):
        for j in range(n):
            cov[i, j] *= 1.0 - shrinkage
        cov[i, i] += shrinkage * target
    return shrinkage


def ledoit_wolf(x: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Covariance shrunk towards a scaled identity by the Ledoit-Wolf rule.

    .. math:: \Sigma = (1-\delta) S + \delta\, \tfrac{\mathrm{tr} S}{n} I, \qquad
              \delta = \min(b^2 / d^2, 1)

    with :math:`d^2 = \lVert S - \tfrac{\mathrm{tr}S}{n} I \rVert^2` and :math:`b^2` the estimated
    error of the sample covariance :math:`S` (demeaned, divided by T).

    Parameters
    ----------
    x : (T, n) array
        Returns, finite, T >= 2.

    Returns
    -------
    covariance : (n, n) array
        Positive semi-definite; positive definite whenever the shrinkage is positive.
    shrinkage : float
        In [0, 1]; 0 where the sample covariance already is the target (n = 1, say).

    Raises
    ------
    DataError
        ``x`` has fewer than two rows, no column, or a value that is not finite.

    Notes
    -----
    O(T n^2), loops only: bit-equal on every run.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> cov, shrinkage = ledoit_wolf(g.standard_normal((50, 4)))
    >>> cov.shape, bool(0 < shrinkage <= 1)
    ((4, 4), True)

    References
    ----------
    Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1 or not np.isfinite(x).all():
        raise DataError(
            "covariance needs a table of returns",
            got=f"shape {x.shape}, {int(np.isnan(x).sum())} NaN",
            expected="(T, n) finite numbers, T >= 2, n >= 1",
            remedy="drop rows with missing returns, or use EwmaCovariance, which skips them",
        )
    cov = np.zeros((x.shape[1], x.shape[1]))
    return cov, float(_ledoit_wolf(x, cov))


def nearest_psd(matrix: np.ndarray, min_eigenvalue: float = 0.0) -> np.ndarray:
    r"""The symmetric matrix nearest in Frobenius norm whose eigenvalues are >= ``min_eigenvalue``.

    .. math:: X = \sum_i \max(\lambda_i, \lambda_{\min})\, q_i q_i^\top, \qquad
              \tfrac12 (A + A^\top) = \sum_i \lambda_i q_i q_i^\top

    ``matrix`` is (n, n), finite; a matrix that qualifies already comes back symmetrised and otherwise
    unchanged. Rests on LAPACK: equal to rounding (about 1e-14 of the norm) between machines, and an
    eigenvalue at the floor may come out below it by as much. O(n^3).

    Raises
    ------
    DataError
        Not a square matrix of finite numbers.

    Examples
    --------
    >>> nearest_psd(np.array([[1.0, 2.0], [2.0, 1.0]])).round(12).tolist()
    [[1.5, 1.5], [1.5, 1.5]]

    References
    ----------
    Higham (1988), Computing a nearest symmetric positive semidefinite matrix.
    """
    a = np.asarray(matrix, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.isfinite(a).all():
        raise DataError("not a covariance matrix", got=f"shape {a.shape}", expected="(n, n) finite numbers")
    a = 0.5 * (a + a.T)
    values, vectors = np.linalg.eigh(a)
    if values.size == 0 or values[0] >= min_eigenvalue:
        return a
    repaired = (vectors * np.maximum(values, min_eigenvalue)) @ vectors.T
    return 0.5 * (repaired + repaired.T)


def ewma_covariance_dtype(n: int) -> np.dtype:
    """State of `EwmaCovariance`: decayed sums of products, decayed counts, rows seen."""
    return np.dtype([("sums", "f8", (n, n)), ("weight", "f8", (n,)), ("n", "i8")], align=True)


@njit(cache=True)
def _accumulate(sums: np.ndarray, weight: np.ndarray, r: np.ndarray, decay: float, root: float) -> bool:
    """Decay and add in the rows and columns that are present; returns whether anything was."""
    n = weight.shape[0]
    some = False
    for i in range(n):
        if not np.isfinite(r[i]):
            for j in range(i):
                if np.isfinite(r[j]):
                    sums[i, j] *= root
            continue
        some = True
        for j in range(i):
            if not np.isfinite(r[j]):
                sums[i, j] *= root
            else:
                sums[i, j] = decay * sums[i, j] + r[i] * r[j]
        sums[i, i] = decay * sums[i, i] + r[i] * r[i]
        weight[i] = decay * weight[i] + 1.0
    return some


@njit(cache=True)
def _shrunk(sums: np.ndarray, weight: np.ndarray, shrinkage: float, out: np.ndarray) -> None:
    """Write the normalised, shrunk covariance of the lower triangle ``sums`` to ``out``."""
    n = weight.shape[0]
    inverse = np.empty(n)
    total = 0.0
    seen = 0
    for i in range(n):
        if weight[i] > 0.0:
            inverse[i] = 1.0 / np.sqrt(weight[i])
            total += sums[i, i] / weight[i]
            seen += 1
        else:
            inverse[i] = 0.0
    keep = 1.0 - shrinkage
    for i in range(n):
        for j in range(i):
            out[i, j] = keep * sums[i, j] * inverse[i] * inverse[j]
            out[j, i] = out[i, j]
        out[i, i] = sums[i, i] / weight[i] if weight[i] > 0.0 else total / max(seen, 1)


@njit(cache=True)
def ewma_covariance_step(s: Any, r: np.ndarray, decay: float, root: float, shrinkage: float) -> np.ndarray:
    """One row of returns into the record ``s``; returns a fresh (n, n) covariance. O(n^2)."""
    n = s.weight.shape[0]
    if _accumulate(s.sums, s.weight, r, decay, root):
        s.n += 1
    out = np.empty((n, n))
    if s.n == 0:
        out[:] = np.nan
    else:
        _shrunk(s.sums, s.weight, shrinkage, out)
    return out


@njit(cache=True)
def _update(states: np.ndarray, r: np.ndarray, decay: float, root: float, shrinkage: float) -> np.ndarray:
    return ewma_covariance_step(states[0], r, decay, root, shrinkage)


@njit(cache=True)
def _scan(states: np.ndarray, xs: np.ndarray, decay: float, root: float, shrinkage: float) -> np.ndarray:
    n = xs.shape[1]
    out = np.empty((xs.shape[0], n, n))
    for t in range(xs.shape[0]):
        out[t] = ewma_covariance_step(states[0], xs[t], decay, root, shrinkage)
    return out


class EwmaCovariance(StreamingKernel):
    r"""Exponentially weighted covariance of returns about zero, shrunk towards its own diagonal.

    .. math:: S_t = D_t S_{t-1} D_t + \tilde r_t \tilde r_t^\top, \qquad
              w_t = D_t^2 w_{t-1} + p_t, \qquad
              C_{ij} = S_{ij} / \sqrt{w_i w_j}, \qquad
              \Sigma = (1-\delta) C + \delta\,\mathrm{diag}(C)

    with :math:`\lambda = 2^{-1/h}` for half-life :math:`h`; :math:`p_i` is 1 where instrument
    :math:`i` has a return and 0 where it is NaN, :math:`\tilde r` has 0 for NaN and :math:`D` is
    diagonal with :math:`\sqrt\lambda` where present, 1 where absent. Every step is a congruence plus a
    Gram matrix, so :math:`\Sigma` is positive semi-definite by construction, whatever is missing; with
    nothing missing :math:`C` is the usual bias-corrected weighted mean of products. An absent
    instrument keeps its variance; its correlation with the others fades while it is away. The mean is
    taken as zero: over one bar it is far below its own standard error.

    Parameters
    ----------
    n : int
        Instruments, >= 1.
    halflife : float
        In bars, > 0.
    shrinkage : float
        delta in [0, 1]; 0 keeps the estimate, 1 keeps only the variances.
    min_obs : int, optional
        Rows before ``ready``; by default the half-life, rounded up.

    Notes
    -----
    Input (n,): one-bar returns as fractions, NaN where absent (not 0: zero is a return). Output
    (n, n), finite from the first row that holds any number; an instrument never seen has the mean
    variance of those seen and no covariance. A row of only NaN changes nothing. O(n^2) a step.

    Raises
    ------
    DataError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> e = EwmaCovariance(2, halflife=10.0, shrinkage=0.0)
    >>> e.update(np.array([0.01, -0.02])).round(6).tolist()
    [[0.0001, -0.0002], [-0.0002, 0.0004]]
    >>> e.update(np.array([0.01, np.nan]))[1, 1].round(6).item()
    0.0004

    References
    ----------
    J.P. Morgan/Reuters (1996), RiskMetrics technical document.
    """

    WIDTH: ClassVar[int | None] = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, n: int, halflife: float, shrinkage: float = 0.1, min_obs: int | None = None) -> None:
        if n < 1 or not halflife > 0.0 or not 0.0 <= shrinkage <= 1.0:
            raise DataError(
                "EwmaCovariance: parameter out of range",
                got=f"n={n}, halflife={halflife}, shrinkage={shrinkage}",
                expected="n >= 1, halflife > 0, 0 <= shrinkage <= 1",
            )
        self.__dict__["WIDTH"] = int(n)  # the class attribute is the width of the examples
        decay = 0.5 ** (1.0 / halflife)
        warmup = int(np.ceil(halflife)) if min_obs is None else int(min_obs)
        self._init(ewma_covariance_dtype(int(n)), (decay, float(np.sqrt(decay)), float(shrinkage)), warmup)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(3, halflife=20.0, shrinkage=0.1), cls(3, halflife=2.5, shrinkage=0.0, min_obs=1)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Returns with a few single gaps."""
        r = 0.01 * rng.standard_normal((n, 3))
        r[rng.random((n, 3)) < 0.05] = np.nan
        return r

    @property
    def effective_observations(self) -> np.ndarray:
        """Decayed count of returns per instrument, (n,): 0 for one never seen."""
        return self._state["weight"][0].copy()
