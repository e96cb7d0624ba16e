"""Covariance from a few factors: found in the returns themselves, or given."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError

_LEAST_SHARE = 1e-8  # of an instrument's own variance that stays idiosyncratic, so that Σ is invertible


class FactorModel(NamedTuple):
    r"""Returns explained by k factors: :math:`r = B f + \varepsilon`.

    Attributes
    ----------
    loadings : (n, k)
        B.
    factor_covariance : (k, k)
        F, of the factors, per period.
    idiosyncratic : (n,)
        D, variances of ε, positive.

    Examples
    --------
    >>> model = FactorModel(np.ones((2, 1)), np.array([[0.04]]), np.array([0.01, 0.02]))
    >>> model.covariance().round(2).tolist()
    [[0.05, 0.04], [0.04, 0.06]]
    """

    loadings: np.ndarray
    factor_covariance: np.ndarray
    idiosyncratic: np.ndarray

    def covariance(self) -> np.ndarray:
        """``B F Bᵀ + diag(D)`` (n, n), symmetric, positive definite. O(n² k)."""
        common = self.loadings @ self.factor_covariance @ self.loadings.T
        return 0.5 * (common + common.T) + np.diag(self.idiosyncratic)


def _checked(x: np.ndarray, least: int, name: str) -> np.ndarray:
    table = np.asarray(x, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < least or table.shape[1] < 1 or not np.isfinite(table).all():
        raise DataError(
            f"{name} are not usable",
            got=f"shape {table.shape}, {int(np.isnan(table).sum())} NaN",
            expected=f"(T, n) finite numbers, T >= {least}, n >= 1",
            remedy="drop rows with missing values, take a longer window, or use fewer factors",
        )
    return table


def statistical_factor_model(returns: np.ndarray, factors: int) -> FactorModel:
    r"""The first principal components as factors, the rest as idiosyncratic variance.

    .. math:: \Sigma = V_k \Lambda_k V_k^\top + \mathrm{diag}(S - V_k \Lambda_k V_k^\top),
              \qquad S = V \Lambda V^\top

    with S the sample covariance (demeaned, divided by T − 1), eigenvalues in descending order. Every
    variance is that of the sample; only covariances change.

    Parameters
    ----------
    returns : (T, n) array
        Finite, T >= 2.
    factors : int
        k in [1, n].

    Returns
    -------
    FactorModel
        Loadings are unit eigenvectors, signed so that they sum to a non-negative number.

    Notes
    -----
    NaN is refused. An instrument that does not move keeps variance 0. O(T n² + n³), by LAPACK: equal to
    rounding between machines.

    Raises
    ------
    DataError
        Returns that are not such a table, or a number of factors out of range.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> x = g.normal(size=(400, 1)) @ np.ones((1, 5)) + 0.1 * g.normal(size=(400, 5))
    >>> model = statistical_factor_model(x, 1)
    >>> np.allclose(np.diag(model.covariance()), np.cov(x.T).diagonal())
    True

    References
    ----------
    Connor & Korajczyk (1988), Risk and return in an equilibrium APT.
    """
    x = _checked(returns, 2, "returns")
    n = x.shape[1]
    if isinstance(factors, bool) or not 1 <= factors <= n:
        raise DataError("number of factors out of range", got=factors, expected=f"1 to {n}")
    centred = x - x.mean(axis=0)
    sample = centred.T @ centred / (len(x) - 1)
    values, vectors = np.linalg.eigh(sample)
    values, vectors = np.maximum(values[::-1][:factors], 0.0), vectors[:, ::-1][:, :factors]
    vectors = vectors * np.where(vectors.sum(axis=0) < 0.0, -1.0, 1.0)
    common = (vectors * vectors * values).sum(axis=1)
    variance = np.diag(sample)
    return FactorModel(
        np.ascontiguousarray(vectors), np.diag(values), np.maximum(variance - common, _LEAST_SHARE * variance)
    )


def given_factor_model(returns: np.ndarray, factors: np.ndarray) -> FactorModel:
    r"""Loadings on given factor returns by least squares, and what they leave.

    .. math:: r_t = a + B f_t + \varepsilon_t, \qquad
              D_i = \frac{1}{T - k - 1} \sum_t \varepsilon_{it}^2

    Parameters
    ----------
    returns : (T, n) array
        Finite, T >= k + 2.
    factors : (T, k) array
        Factor returns at the same times, finite, linearly independent.

    Returns
    -------
    FactorModel
        ``factor_covariance`` is the sample covariance of the factors (divided by T − 1).

    Notes
    -----
    NaN is refused. Residuals are taken as uncorrelated between instruments. O(T k (n + k)), by LAPACK.

    Raises
    ------
    DataError
        Tables that do not fit each other, too few rows, or factors that are linearly dependent.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> f = g.normal(size=(300, 1))
    >>> given_factor_model(f @ np.array([[1.0, 2.0]]) + 0.01 * g.normal(size=(300, 2)), f).loadings.round(1)
    array([[1.],
           [2.]])

    References
    ----------
    Sharpe (1963), A simplified model for portfolio analysis; Fama & French (1993).
    """
    f = _checked(factors, 3, "factors")
    t, k = f.shape
    x = _checked(returns, k + 2, "returns")
    if len(x) != t:
        raise DataError("returns and factors do not fit", got=f"{len(x)} and {t} rows", expected="as many")
    centred = f - f.mean(axis=0)
    coefficients, _, rank, _ = np.linalg.lstsq(centred, x - x.mean(axis=0), rcond=None)
    if rank < k:
        raise DataError("factors are linearly dependent", got=f"rank {rank} of {k}", remedy="leave some out")
    residual = x - x.mean(axis=0) - centred @ coefficients
    variance = x.var(axis=0, ddof=1)
    own = (residual**2).sum(axis=0) / (t - k - 1)
    return FactorModel(
        np.ascontiguousarray(coefficients.T),
        centred.T @ centred / (t - 1),
        np.maximum(own, _LEAST_SHARE * variance),
    )
