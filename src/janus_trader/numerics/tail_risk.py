"""Historical value at risk and expected shortfall."""

from __future__ import annotations

import math

import numpy as np

from janus_trader.contracts.errors import DataError


def _losses(returns: np.ndarray, level: float) -> np.ndarray:
    """Losses in descending order."""
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1 or r.size == 0 or not np.isfinite(r).all() or not 0.0 < level < 1.0:
        raise DataError(
            "tail risk needs portfolio returns and a level",
            got=f"shape {r.shape}, level={level}, {int(np.isnan(r).sum())} NaN",
            expected="a non-empty 1-D array of finite returns and 0 < level < 1",
            remedy="drop missing rows; a level of 0.95 leaves the worst 5 %",
        )
    return -np.sort(r)


def _tail_count(n: int, level: float) -> float:
    """(1 - level) n, free of the rounding that would turn 5.000000000000004 into 6 whole losses."""
    count = (1.0 - level) * n
    whole = round(count)
    return float(whole) if abs(count - whole) < 1e-9 * n else count


def value_at_risk(returns: np.ndarray, level: float = 0.95) -> float:
    r"""Historical value at risk: the loss that is exceeded with probability at most ``1 - level``.

    .. math:: \mathrm{VaR} = L_{(\lfloor m \rfloor + 1)}, \quad m = (1 - \text{level})\, T

    with losses :math:`L = -r` in descending order (the lower quantile of the loss distribution).

    Parameters
    ----------
    returns : (T,) array
        Returns of the whole portfolio, as fractions, finite.
    level : float
        In (0, 1).

    Returns
    -------
    float
        A loss as a positive number; negative where even the tail gains.

    Raises
    ------
    DataError
        No returns, one that is not finite, or a level out of range.

    Notes
    -----
    O(T log T).

    Examples
    --------
    >>> value_at_risk(np.array([-0.05, -0.02, 0.0, 0.01, 0.03]), 0.8)
    0.02

    References
    ----------
    Rockafellar & Uryasev (2002), Conditional value-at-risk for general loss distributions.
    """
    losses = _losses(returns, level)
    return float(losses[min(math.floor(_tail_count(losses.size, level)), losses.size - 1)])


def expected_shortfall(returns: np.ndarray, level: float = 0.95) -> float:
    r"""Historical expected shortfall: the mean of the worst ``1 - level`` share of outcomes.

    .. math:: \mathrm{ES} = \frac1m \Big( \sum_{i \le \lfloor m \rfloor} L_{(i)}
              + (m - \lfloor m \rfloor) L_{(\lfloor m \rfloor + 1)} \Big), \quad m = (1-\text{level})\, T

    with losses :math:`L = -r` in descending order; the fractional last loss makes it coherent
    (subadditive) for every T. Never below `value_at_risk`. Parameters, NaN policy and errors as there;
    O(T log T).

    Raises
    ------
    DataError
        As in `value_at_risk`.

    Examples
    --------
    >>> round(expected_shortfall(np.array([-0.05, -0.02, 0.0, 0.01, 0.03]), 0.6), 4)
    0.035

    References
    ----------
    Acerbi & Tasche (2002), On the coherence of expected shortfall.
    """
    losses = _losses(returns, level)
    count = _tail_count(losses.size, level)
    whole = math.floor(count)
    partial = (count - whole) * losses[whole] if count > whole else 0.0
    return float((losses[:whole].sum() + partial) / count)
