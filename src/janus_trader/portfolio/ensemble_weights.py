"""Weights that combine forecasts so that the error of the combination varies least."""

from __future__ import annotations

import math

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.numerics.capped_simplex import checked_bounds
from janus_trader.portfolio.mean_variance import solve_mean_variance


def ensemble_weights(
    errors: np.ndarray,
    *,
    shrinkage: float = 0.0,
    lower: float | np.ndarray = 0.0,
    upper: float | np.ndarray = 1.0,
    centred: bool = False,
) -> np.ndarray:
    r"""Constrained weights of least forecast error, drawn towards equal weights.

    .. math:: \min_w\; w^\top \big[(1 - \delta) S\big] w + \delta\, \bar s\, \lVert w - \tfrac1K \mathbf 1 \rVert^2
              \quad\text{s.t.}\quad \textstyle\sum w = 1,\; \text{lower} \le w \le \text{upper}

    with :math:`S = \tfrac1T E^\top E` the mean squares and products of the errors and :math:`\bar s` the
    mean of its diagonal. δ = 0 is Bates and Granger's optimum, δ = 1 equal weights (within the bounds).

    Parameters
    ----------
    errors : (T, K) array
        Forecast less outcome of K models over the same periods, finite, T >= 2.
    shrinkage : float
        δ in [0, 1]; with T not far above K the optimum fits noise and loses to equal weights.
    lower, upper : float or (K,) array
        Bounds; below 0 allows a model to be sold.
    centred : bool
        Take the mean of each model's errors out first: bias is then corrected elsewhere.

    Returns
    -------
    (K,) array
        Sum 1 to 1e-9, within the bounds.

    Notes
    -----
    O(T K² + K³). Models that are equal (or without any error) share what the others leave by the ridge of
    `solve_mean_variance`.

    Raises
    ------
    DataError
        Errors that are not such an array, or bounds that are no numbers.
    ConfigError
        ``shrinkage`` out of range.
    Infeasible
        Bounds that admit no weights of sum 1, or a programme that does not converge.

    Examples
    --------
    >>> e = np.array([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]])
    >>> ensemble_weights(e).round(6).tolist(), ensemble_weights(e, shrinkage=1.0).round(6).tolist()
    ([0.8, 0.2], [0.5, 0.5])

    References
    ----------
    Bates & Granger (1969), The combination of forecasts; Granger & Ramanathan (1984); Diebold & Pauly
    (1990), The use of prior information in forecast combination (shrinkage).
    """
    e = np.asarray(errors, dtype=np.float64)
    if e.ndim != 2 or e.shape[0] < 2 or e.shape[1] < 1 or not np.isfinite(e).all():
        raise DataError(
            "weights need the errors of every model",
            got=f"shape {e.shape}, {int(np.isnan(e).sum())} NaN",
            expected="a (T, K) array of finite numbers with T >= 2",
            remedy="keep the periods for which all models made a forecast",
        )
    if not 0.0 <= shrinkage <= 1.0:
        raise ConfigError("no such shrinkage", got=shrinkage, expected="0 <= shrinkage <= 1")
    models = e.shape[1]
    low, high = checked_bounds(models, lower, upper)
    square = e.T @ e / len(e) if not centred else np.cov(e.T, bias=True).reshape(models, models)
    size = float(np.trace(square)) / models
    square = square / size if size > 0.0 else np.eye(models)  # no error anywhere: all are equal
    matrix = (1.0 - shrinkage) * square + shrinkage * np.eye(models)  # as sum(w) = 1, |w - 1/K|² is |w|²
    none = np.zeros(models)
    out = solve_mean_variance(
        none, matrix, none, risk_aversion=1.0, lower=low, upper=high, gross=math.inf, net=(1.0, 1.0)
    )
    if not out.converged:
        raise Infeasible(
            "the forecast combination did not converge",
            got=f"residual {out.residual:.3g}",
            expected="at most 1e-8",
            remedy="use some shrinkage",
        )
    return out.weights
