"""General linear constraints on weights, and which of them contradict each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.portfolio.programme import FEASIBLE

_LEAST_PRICE = 1e-9  # a constraint whose price in the feasibility programme is below this is no part of it


class LinearRows(NamedTuple):
    """Constraints ``lower ≤ A w ≤ upper``: ``A w ≤ b`` has lower −∞, ``A w = b`` has lower equal to upper.

    Attributes
    ----------
    matrix : (k, n)
    lower, upper : (k,) or a number
    names : k names for messages, optional

    Examples
    --------
    >>> LinearRows(np.ones((1, 3)), 1.0, 1.0, ("budget",)).names
    ('budget',)
    """

    matrix: np.ndarray
    lower: float | np.ndarray
    upper: float | np.ndarray
    names: tuple[str, ...] = ()

    def name(self, row: int) -> str:
        """Name of a row for a message."""
        return self.names[row] if row < len(self.names) else f"row {row}"


def with_net_row(rows: LinearRows | None, n: int, net: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (1 + k, n) and limits (1 + k, 2) of the net row and the given rows.

    Raises DataError for rows of another width, a coefficient that is not finite or a limit that is NaN.

    Examples
    --------
    >>> with_net_row(None, 2, (0.0, 1.0))[1].tolist()
    [[0.0, 1.0]]
    """
    count = 0 if rows is None else len(rows.matrix)
    matrix, limits = np.ones((1 + count, n)), np.empty((1 + count, 2))
    limits[0] = net
    if rows is None:
        return matrix, limits
    given = np.asarray(rows.matrix, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != n or not np.isfinite(given).all():
        raise DataError("unusable rows", got=f"shape {given.shape}", expected=f"(k, {n}) finite numbers")
    for side, value in enumerate((rows.lower, rows.upper)):
        if np.ndim(value) and np.shape(value) != (count,):
            raise DataError(
                "limits do not fit the rows", got=np.shape(value), expected=f"a number or ({count},) of them"
            )
        limits[1:, side] = value
    if np.isnan(limits[1:]).any():
        raise DataError("a row's limit is NaN", expected="numbers; infinite where a side is open")
    matrix[1:] = given
    return matrix, limits


def conflicting_constraints(
    lower: np.ndarray, upper: np.ndarray, gross: float, matrix: np.ndarray, limits: np.ndarray
) -> tuple[float, list[int]]:
    """The least total violation of rows and gross cap within the bounds, and which constraints it takes.

    A linear programme with one slack for each side of each constraint; where its optimum is positive,
    the constraints with a price form a contradiction (Farkas). Runs only after a solver has failed.

    Parameters
    ----------
    lower, upper : (n,) finite, lower <= upper
    gross : float, infinite for none
    matrix, limits : (k, n), (k, 2)

    Returns
    -------
    (float, list)
        0 and an empty list where the constraints have a solution (to 1e-9 of their size); otherwise
        indices of rows, −1 for the gross cap.

    Examples
    --------
    >>> one = np.ones(2)
    >>> rows = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> limits = np.array([[1.0, 1.0], [-np.inf, 0.3], [-np.inf, 0.4]])
    >>> short, which = conflicting_constraints(0 * one, one, np.inf, rows, limits)
    >>> round(short, 9), which
    (0.3, [0, 1, 2])
    """
    from scipy.optimize import linprog

    n = lower.size
    sides: list[np.ndarray] = []
    limit: list[float] = []
    source: list[int] = []
    for r, row in enumerate(matrix):
        for sign, bound in ((-1.0, -limits[r, 0]), (1.0, limits[r, 1])):
            if np.isfinite(bound):
                sides.append(np.concatenate([sign * row, -sign * row]))
                limit.append(bound)
                source.append(r)
    if np.isfinite(gross):
        sides.append(np.ones(2 * n))
        limit.append(gross)
        source.append(-1)
    if not sides:
        return 0.0, []
    slack = -np.eye(len(sides))
    cost = np.concatenate([np.zeros(2 * n), np.ones(len(sides))])
    least = np.concatenate([np.maximum(lower, 0.0), np.maximum(-upper, 0.0), np.zeros(len(sides))])
    most = np.concatenate([np.maximum(upper, 0.0), np.maximum(-lower, 0.0), np.full(len(sides), np.inf)])
    out = linprog(
        cost, A_ub=np.hstack([np.array(sides), slack]), b_ub=limit, bounds=np.stack([least, most], axis=1)
    )
    scale = 1.0 + max(abs(b) for b in limit)
    if out.status != 0 or out.fun <= 10.0 * FEASIBLE * scale:
        return 0.0, []
    priced = {s for s, price in zip(source, out.ineqlin.marginals, strict=True) if price < -_LEAST_PRICE}
    return float(out.fun), sorted(priced)
