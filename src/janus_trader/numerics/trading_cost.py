"""What a trade costs, as a fraction of the value traded: commission, spread and square-root impact."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)
def trading_cost_fraction(
    value: float,
    sigma: float,
    daily_value: float,
    commission: float,
    half_spread: float,
    spread_vol: float,
    impact: float,
) -> float:
    r"""Cost of one trade as a fraction of its value.

    .. math:: c = c_0 + h + s\,\sigma + y\,\sigma \sqrt{|v| / V}

    with commission :math:`c_0`, half spread :math:`h`, spread widening :math:`s` per unit of
    volatility, impact coefficient :math:`y`, traded value :math:`v` and the market's daily traded
    value :math:`V`. Compiled; O(1).

    Parameters
    ----------
    value : float
        Value traded, in currency; its sign is ignored.
    sigma : float
        Daily volatility of returns as a fraction, >= 0. NaN gives NaN: an unknown risk has no price.
    daily_value : float
        Value the market trades in a day. Not finite or not positive: volume is unknown and the
        impact term is 0.
    commission, half_spread, spread_vol, impact : float
        Coefficients >= 0, all fractions (1 basis point = 1e-4).

    Returns
    -------
    float
        Fraction of ``|value|``, >= 0.

    Examples
    --------
    >>> round(trading_cost_fraction(1e6, 0.02, 1e8, 1e-4, 2e-4, 0.02, 0.1), 6)
    0.0009
    >>> round(trading_cost_fraction(1e6, 0.02, float("nan"), 1e-4, 2e-4, 0.02, 0.1), 6)
    0.0007

    References
    ----------
    Almgren, Thum, Hauptmann, Li (2005), Direct estimation of equity market impact; Toth et al.
    (2011), Anomalous price impact and the critical nature of liquidity (square-root law).
    """
    cost = commission + half_spread + spread_vol * sigma
    if math.isfinite(daily_value) and daily_value > 0.0:
        cost += impact * sigma * math.sqrt(abs(value) / daily_value)
    return cost


@njit(cache=True)
def trading_cost_fractions(
    values: np.ndarray,
    sigmas: np.ndarray,
    daily_values: np.ndarray,
    commission: float,
    half_spread: float,
    spread_vol: float,
    impact: float,
) -> np.ndarray:
    """Cost fractions of ``n`` trades; entry ``i`` equals `trading_cost_fraction` of entry ``i``.

    ``values``, ``sigmas`` and ``daily_values`` are (n,); the result is (n,). Compiled; O(n).

    Examples
    --------
    >>> v, s, d = np.array([1e6, 0.0]), np.array([0.02, 0.02]), np.array([1e8, 1e8])
    >>> trading_cost_fractions(v, s, d, 1e-4, 2e-4, 0.02, 0.1).round(6).tolist()
    [0.0009, 0.0007]
    """
    out = np.empty(values.shape[0])
    for i in range(values.shape[0]):
        out[i] = trading_cost_fraction(
            values[i], sigmas[i], daily_values[i], commission, half_spread, spread_vol, impact
        )
    return out
