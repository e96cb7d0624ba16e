"""Permanent and temporary impact, each estimated from what identifies it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError


class ImpactEstimate(NamedTuple):
    """Coefficients with robust standard errors, and the number of executions they rest on."""

    permanent: float
    permanent_error: float
    temporary: float
    temporary_error: float
    half_spread: float
    half_spread_error: float
    executions: int


def robust_least_squares(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with heteroskedasticity-robust standard errors (HC1): coefficients and errors (d,).

    Raises DataError for fewer rows than columns + 1 or columns that do not tell themselves apart.

    >>> x = np.column_stack([np.ones(4), np.arange(4.0)])
    >>> [a.round(6).tolist() for a in robust_least_squares(x, 1.0 + 2.0 * np.arange(4.0))]
    [[1.0, 2.0], [0.0, 0.0]]
    """
    n, d = x.shape
    if n <= d or np.linalg.matrix_rank(x) < d:
        raise DataError(
            "these executions do not identify the coefficients",
            got=f"{n} rows of rank {np.linalg.matrix_rank(x) if n else 0}",
            expected=f"more than {d} rows of rank {d}",
            remedy="trade in different sizes",
        )
    inverse = np.linalg.inv(x.T @ x)
    theta = inverse @ (x.T @ y)
    residual = y - x @ theta
    scores = x * residual[:, None]
    covariance = inverse @ (scores.T @ scores) @ inverse * n / (n - d)
    return theta, np.sqrt(np.maximum(np.diag(covariance), 0.0))


def estimate_impact(
    size: np.ndarray,
    rate: np.ndarray,
    drift: np.ndarray,
    concession: np.ndarray,
    permanent_share: float = 0.0,
) -> ImpactEstimate:
    r"""Separate what a trade leaves behind from what it pays while it lasts.

    .. math:: \text{drift}_i = \gamma\, q_i + \text{noise}, \qquad
              \text{concession}_i - \theta \gamma q_i = h + \eta\, r_i + \text{noise}

    The first regression has no constant: without a trade the price has no expected move. It sees only the
    move of the price from before the trade to well after it, so that temporary impact is gone; the second
    sees only the price paid against the price before.

    Parameters
    ----------
    size : (n,) array
        q, size of each execution, >= 0.
    rate : (n,) array
        r, its rate (size over the time it took), or another regressor of temporary impact.
    drift : (n,) array
        Move of the price in the direction of the trade, from before to after; NaN where not known yet.
    concession : (n,) array
        Price paid over the price before, in the direction of the trade; NaN where not known.
    permanent_share : float
        Share of the permanent move already in the price paid: 0 where a trade meets the price before it
        (Almgren & Chriss), 1/2 where it moves evenly while the trade lasts (Almgren et al.).

    Returns
    -------
    ImpactEstimate
        In the units of the inputs. O(n).

    Raises
    ------
    DataError
        Shapes that do not fit, or too few executions.

    Examples
    --------
    >>> q = np.array([1.0, 2.0, 3.0, 4.0])
    >>> e = estimate_impact(q, q / 2.0, 0.5 * q, 1.0 + 2.0 * q / 2.0)
    >>> round(e.permanent, 6), round(e.temporary, 6), round(e.half_spread, 6)
    (0.5, 2.0, 1.0)

    References
    ----------
    Almgren, R., Thum, C., Hauptmann, E. & Li, H. (2005). Direct estimation of equity market impact.
    """
    columns = [np.asarray(a, dtype=np.float64) for a in (size, rate, drift, concession)]
    if len({a.shape for a in columns}) != 1 or columns[0].ndim != 1:
        raise DataError("executions are not columns of one length", got=[a.shape for a in columns])
    q, r, move, paid = columns
    if not math.isfinite(permanent_share):
        raise DataError("permanent_share must be finite", got=permanent_share)
    known = np.isfinite(q) & np.isfinite(move)
    gamma, gamma_error = robust_least_squares(q[known, None], move[known])
    known = np.isfinite(q) & np.isfinite(r) & np.isfinite(paid)
    design = np.column_stack([np.ones(int(known.sum())), r[known]])
    theta, error = robust_least_squares(design, paid[known] - permanent_share * gamma[0] * q[known])
    return ImpactEstimate(
        float(gamma[0]), float(gamma_error[0]), float(theta[1]), float(error[1]), float(theta[0]),
        float(error[0]), int(known.sum()),
    )  # fmt: skip
