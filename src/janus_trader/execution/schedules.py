"""Execution schedules: how a parent order is cut into slices that sum to it exactly.

Quantities are cut in whole lots (10^-size_decimals units) by rounding *cumulated* quantities, so every
slice is within one lot of its ideal and nothing is lost or invented.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config
from janus_trader.numerics.almgren_chriss import trajectory

_MAX_LOTS = 2**53  # beyond this a float no longer counts whole lots


class Schedule(NamedTuple):
    """Slices of a parent order, in time order.

    ``lots`` (k,) int64 are whole lots, of one sign, and sum exactly to the parent; ``lot`` is the size of
    one in units.
    """

    lots: np.ndarray
    lot: float

    @property
    def quantities(self) -> np.ndarray:
        """The slices in units, (k,)."""
        return self.lots / round(1.0 / self.lot)


class ImpactConfig(Config, frozen=True):
    """Market parameters of the Almgren–Chriss schedule, in units of price, size and days."""

    sigma: Annotated[float, Meta(ge=0, description="absolute volatility, price per √day")] = 0.95
    eta: Annotated[float, Meta(gt=0, description="temporary impact, price per (unit per day)")] = 2.5e-6
    gamma: Annotated[float, Meta(ge=0, description="permanent impact, price per unit")] = 2.5e-7
    risk_aversion: Annotated[float, Meta(ge=0, description="λ, per currency")] = 1e-6


def _whole_lots(quantity: float, size_decimals: int) -> int:
    scaled = quantity * 10.0**size_decimals
    lots = round(scaled) if np.isfinite(scaled) else 0
    if not np.isfinite(scaled) or abs(lots) > _MAX_LOTS or abs(scaled - lots) > 1e-6 * max(1.0, abs(scaled)):
        raise DataError(
            "a parent order is a whole number of lots",
            got=quantity,
            expected=f"a multiple of 1e-{size_decimals}",
            remedy="round it with the order planner first",
        )
    return lots


def _cut(total: int, shares: np.ndarray) -> np.ndarray:
    """Cut ``total`` lots in proportion to ``shares`` >= 0 by rounding the cumulated ideal."""
    cumulated = np.cumsum(shares)
    marks = np.rint(total * (cumulated / cumulated[-1])).astype(np.int64)
    marks[-1] = total
    return np.diff(marks, prepend=0)


def _shares(values: np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all() or (array < 0.0).any():
        raise DataError(f"unusable {what}", got=array, expected="finite numbers >= 0, at least one")
    return array


def twap(quantity: float, n_slices: int, *, size_decimals: int = 6) -> Schedule:
    """Equal slices at equal intervals (time-weighted average price).

    Parameters
    ----------
    quantity : float
        Parent order in units, signed; a whole number of lots.
    n_slices : int
        At least 1.
    size_decimals : int
        Decimals of a quantity.

    Returns
    -------
    Schedule
        (n_slices,) lots, each within one lot of ``quantity / n_slices``.

    Notes
    -----
    Pure; NaN is refused; cost O(n_slices).

    Raises
    ------
    DataError
        Not a whole number of lots, or no slices.

    Examples
    --------
    >>> twap(10.0, 3, size_decimals=0).quantities.tolist()
    [3.0, 4.0, 3.0]

    References
    ----------
    Bertsimas & Lo (1998): optimal for a risk-neutral trader with linear impact.
    """
    if n_slices < 1:
        raise DataError("a schedule has slices", got=n_slices, expected="n_slices >= 1")
    return vwap(quantity, np.ones(n_slices), size_decimals=size_decimals)


def vwap(quantity: float, volume_profile: np.ndarray, *, size_decimals: int = 6) -> Schedule:
    """Slices in proportion to an expected volume profile (volume-weighted average price).

    Parameters
    ----------
    quantity : float
        Parent order in units, signed; a whole number of lots.
    volume_profile : (k,)
        Expected volume of each interval, >= 0 in any unit, not all 0.
    size_decimals : int

    Returns
    -------
    Schedule
        (k,) lots.

    Notes
    -----
    Pure; NaN is refused; cost O(k).

    Raises
    ------
    DataError
        As `twap`, or a profile that cannot be used.

    Examples
    --------
    >>> vwap(-100.0, [3, 1, 1], size_decimals=0).quantities.tolist()
    [-60.0, -20.0, -20.0]

    References
    ----------
    Konishi (2002), Optimal slice of a VWAP trade.
    """
    profile = _shares(volume_profile, "volume profile")
    if profile.sum() <= 0.0:
        raise DataError("a volume profile without volume", got=profile, expected="some positive volume")
    total = _whole_lots(quantity, size_decimals)
    return Schedule(_cut(total, profile / profile.max()), 10.0**-size_decimals)


def pov(quantity: float, volumes: np.ndarray, rate: float, *, size_decimals: int = 6) -> Schedule:
    """A fixed share of the volume of each interval until done (percentage of volume).

    What is still open after the last interval is added to it: the parent is always completed, at the
    price of a higher participation there.

    Parameters
    ----------
    quantity : float
        Parent order in units, signed; a whole number of lots.
    volumes : (k,)
        Volume of each interval in units, >= 0.
    rate : float
        Share of the volume, in (0, 1].
    size_decimals : int

    Returns
    -------
    Schedule
        (k,) lots.

    Notes
    -----
    Pure; NaN is refused; cost O(k). Slice j needs only the volumes up to j, but for the last one.

    Raises
    ------
    DataError
        As `twap`, volumes that cannot be used, or a rate out of range.

    Examples
    --------
    >>> pov(100.0, [400, 600, 900], 0.1, size_decimals=0).quantities.tolist()
    [40.0, 60.0, 0.0]

    References
    ----------
    Almgren, Thum, Hauptmann, Li (2005) on participation as the driver of impact.
    """
    volume = _shares(volumes, "volumes")
    if not 0.0 < rate <= 1.0:
        raise DataError("a participation rate is a share", got=rate, expected="in (0, 1]")
    total = _whole_lots(quantity, size_decimals)
    wanted = np.minimum(np.floor(rate * np.cumsum(volume) * 10.0**size_decimals), abs(total))
    marks = wanted.astype(np.int64)
    marks[-1] = abs(total)
    lots = np.diff(marks, prepend=0)
    return Schedule(lots if total >= 0 else -lots, 10.0**-size_decimals)


def implementation_shortfall(
    quantity: float, horizon_days: float, n_slices: int, config: ImpactConfig, *, size_decimals: int = 6
) -> Schedule:
    r"""The Almgren–Chriss schedule: front-loaded the more the trader fears risk.

    .. math:: x_j = X \frac{\sinh \kappa (T - t_j)}{\sinh \kappa T}

    Parameters
    ----------
    quantity : float
        Parent order in units, signed; a whole number of lots.
    horizon_days : float
        T > 0.
    n_slices : int
        At least 1.
    config : ImpactConfig
    size_decimals : int

    Returns
    -------
    Schedule
        (n_slices,) lots, never increasing in size by more than the rounding.

    Notes
    -----
    Pure; NaN is refused; cost O(n_slices). λ = 0 gives `twap`.

    Raises
    ------
    DataError
        As `twap`, or parameters that `trajectory` refuses.

    Examples
    --------
    >>> out = implementation_shortfall(1e6, 5.0, 5, ImpactConfig(risk_aversion=2e-6), size_decimals=0)
    >>> out.lots.tolist()
    [571401, 245666, 106637, 48653, 27643]

    References
    ----------
    Almgren & Chriss (2000), Optimal execution of portfolio transactions.
    """
    if n_slices < 1:
        raise DataError("a schedule has slices", got=n_slices, expected="n_slices >= 1")
    total = _whole_lots(quantity, size_decimals)
    held = trajectory(
        1.0, horizon_days, n_slices, config.sigma, config.eta, config.gamma, config.risk_aversion
    )
    shares = np.maximum(-np.diff(held), 0.0)
    return Schedule(_cut(total, shares), 10.0**-size_decimals)
