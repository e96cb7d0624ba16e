"""What a forecaster says: a distribution, as numbers, with its likelihood, quantiles and score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from janus_trader.contracts.errors import ConfigError


@dataclass(frozen=True)
class Gaussian:
    """Normal forecasts; ``mean`` and ``scale`` are (B,), scale > 0.

    >>> Gaussian(np.zeros(1), np.ones(1)).quantile(0.975).round(3).tolist()
    [1.96]
    """

    mean: np.ndarray
    scale: np.ndarray

    def log_density(self, y: np.ndarray) -> np.ndarray:
        """Log density of what came, (B,)."""
        return stats.norm.logpdf(y, self.mean, self.scale)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Probability of at most ``y``, (B,): uniform where the forecast is calibrated."""
        return stats.norm.cdf(y, self.mean, self.scale)

    def quantile(self, level: float) -> np.ndarray:
        """Quantile at a level in (0, 1), (B,)."""
        return stats.norm.ppf(level, self.mean, self.scale)


@dataclass(frozen=True)
class StudentT:
    """Heavy-tailed forecasts; ``mean``, ``scale``, ``freedom`` are (B,), freedom > 2."""

    mean: np.ndarray
    scale: np.ndarray
    freedom: np.ndarray

    def log_density(self, y: np.ndarray) -> np.ndarray:
        """Log density of what came, (B,)."""
        return stats.t.logpdf(y, self.freedom, self.mean, self.scale)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Probability of at most ``y``, (B,)."""
        return stats.t.cdf(y, self.freedom, self.mean, self.scale)

    def quantile(self, level: float) -> np.ndarray:
        """Quantile at a level in (0, 1), (B,)."""
        return stats.t.ppf(level, self.freedom, self.mean, self.scale)


@dataclass(frozen=True)
class Quantiles:
    """Forecast quantiles (B, q) at rising ``levels`` (q,); never crossing."""

    levels: np.ndarray
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The median, (B,)."""
        return self.quantile(0.5)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Level of ``y`` by linear interpolation, clipped to the outer levels, (B,)."""
        return np.array([np.interp(v, row, self.levels) for v, row in zip(y, self.values, strict=True)])

    def quantile(self, level: float) -> np.ndarray:
        """Quantile by linear interpolation between levels, (B,).

        Raises
        ------
        ConfigError
            The level lies outside the forecast ones.
        """
        rounding = 1e-9
        if not self.levels[0] - rounding <= level <= self.levels[-1] + rounding:
            raise ConfigError("a quantile nobody forecast", got=level, expected=self.levels.tolist())
        return np.array([np.interp(level, self.levels, row) for row in self.values])


Distribution = Gaussian | StudentT | Quantiles


def crps(forecast: Distribution, y: np.ndarray, levels: int = 199) -> np.ndarray:
    r"""Continuous ranked probability score of each forecast, (B,), lower is better, in the units of ``y``.

    .. math:: CRPS = \int_0^1 2\,\rho_u(y - F^{-1}(u))\,du, \qquad \rho_u(e) = e(u - 1_{e<0})

    by the midpoint rule over ``levels`` quantiles (error about 1 % at 199; closed forms differ by family).

    Examples
    --------
    >>> float(crps(Gaussian(np.zeros(1), np.ones(1)), np.zeros(1)).round(2)[0])  # (sqrt(2) - 1)/sqrt(pi)
    0.23

    Source: Gneiting & Raftery 2007.
    """
    grid = (np.arange(levels) + 0.5) / levels
    if isinstance(forecast, Quantiles):
        grid = forecast.levels
    total = np.zeros(len(y))
    for u in grid:
        error = y - forecast.quantile(float(u))
        total += 2.0 * error * (u - (error < 0.0))
    return total / len(grid)


def interval_coverage(forecast: Distribution, y: np.ndarray, level: float) -> float:
    """Share of what came inside the central interval of a level, in [0, 1]; the level itself if calibrated.

    >>> interval_coverage(Gaussian(np.zeros(3), np.ones(3)), np.array([0.0, 1.0, 5.0]), 0.9)
    0.6666666666666666
    """
    low, high = forecast.quantile(0.5 * (1.0 - level)), forecast.quantile(0.5 * (1.0 + level))
    return float(np.mean((y >= low) & (y <= high)))
