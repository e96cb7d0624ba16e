"""Risk appetite: one scalar as the product of five factors."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.hypothalamus.energy import EnergyConfig, EnergyReserve
from janus_trader.brain.hypothalamus.homeostasis import Homeostasis, HomeostasisConfig, Vitals
from janus_trader.contracts.decision import Appetite
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.config import Config, Fraction, Positive
from janus_trader.portfolio import KellyConfig, kelly_fraction

#: Largest value of the scalar and of any factor (see `contracts.decision.Appetite`).
LARGEST = 1.5


class AppetiteConfig(Config, frozen=True):
    """Factors of the appetite; the ladder and Kelly's half are those of mechanisms C.9."""

    #: Appetite in each regime, in the order of `Regime`.
    regime: tuple[float, float, float, float, float, float, float] = (1.0, 0.5, 0.8, 0.25, 0.8, 0.7, 0.4)
    #: Drawdowns at which `drawdown_appetite` is reached; the factor is linear in between.
    drawdown: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
    drawdown_appetite: tuple[float, ...] = (1.0, 0.85, 0.65, 0.45, 0.25, 0.1)
    drawdown_halt: Annotated[float, Meta(gt=0, le=1, description="no appetite from here on")] = 0.5
    volatility_target: Annotated[Positive, Meta(description="annual, at appetite 1")] = 0.15
    volatility_halflife: Annotated[Positive, Meta(description="bars, realised against forecast risk")] = 42.0
    volatility_range: tuple[float, float] = (0.5, 1.25)
    kelly: KellyConfig = KellyConfig(floor=0.0, cap=1.0)
    kelly_floor: Annotated[Fraction, Meta(description="factor where the book's edge is gone")] = 0.5
    kelly_halflife: Annotated[Positive, Meta(description="bars of the book's mean and variance")] = 126.0
    prior_sharpe: Annotated[float, Meta(ge=-2, le=3, description="annual Sharpe believed before data")] = 0.5
    prior_years: Annotated[Positive, Meta(description="weight of that belief, in years of data")] = 1.0
    min_exposure: Annotated[Fraction, Meta(description="gross below which a bar says nothing")] = 0.05
    energy: EnergyConfig = EnergyConfig()
    homeostasis: HomeostasisConfig = HomeostasisConfig()


#: Running statistics of the book: counts, mean and variance of its returns (Kelly), realised and
#: forecast variance (volatility), the last forecast, exposure, equity and time seen.
BOOK_DTYPE = np.dtype(
    [
        ("n", "i8"),
        ("mean", "f8"),
        ("variance", "f8"),
        ("pairs", "i8"),
        ("realised", "f8"),
        ("forecast", "f8"),
        ("next_forecast", "f8"),
        ("exposure", "f8"),
        ("equity", "f8"),
        ("ts", "i8"),
    ],
    align=True,
)
_N, _MEAN, _VARIANCE, _PAIRS, _REALISED, _FORECAST = range(6)


@njit(cache=True)
def _observe(
    states: np.ndarray,
    ts: int,
    equity: float,
    weights: np.ndarray,
    covariance: np.ndarray,
    ready: bool,
    c: np.ndarray,
) -> tuple[float, float, float]:
    # c: gain of Kelly's moments, gain of the volatilities, least exposure
    # returns the book's return, its gross exposure and its forecast variance
    s = states[0]
    r = equity / s["equity"] - 1.0 if s["equity"] > 0.0 else np.nan
    s["equity"], s["ts"] = equity, ts
    if np.isfinite(r) and s["exposure"] >= c[2]:
        s["n"] += 1
        gain = max(c[0], 1.0 / s["n"])
        deviation = r - s["mean"]
        s["mean"] += gain * deviation
        s["variance"] = (1.0 - gain) * (s["variance"] + gain * deviation * deviation)
        if s["next_forecast"] > 0.0:
            s["pairs"] += 1
            gain = max(c[1], 1.0 / s["pairs"])
            s["realised"] += gain * (r * r - s["realised"])
            s["forecast"] += gain * (s["next_forecast"] - s["forecast"])
    gross, variance = 0.0, 0.0
    n = weights.shape[0]
    for i in range(n):
        gross += abs(weights[i])
        if ready:
            for j in range(n):
                variance += weights[i] * covariance[i, j] * weights[j]
    s["exposure"] = gross
    s["next_forecast"] = variance
    return r, gross, variance


class AppetiteModel:
    """Risk appetite in [0, 1.5] and its factors.

    ``scalar = regime * drawdown * volatility * kelly * energy`` with

    * regime: posterior times `AppetiteConfig.regime`;
    * drawdown: the ladder, linear between its steps, 0 from the halt on;
    * volatility: square root of forecast over realised variance of the book's own returns: a
      correction of the risk model by its error, not a second volatility target;
    * kelly: ``clip(f, kelly_floor, 1)`` with f the tempered Kelly leverage of the book as it is
      held (mean shrunk to a prior Sharpe); 1 while there are fewer than 30 exposed bars;
    * energy: the reserve (`EnergyReserve`) times what keeps the vital signs in range (`Homeostasis`); the
      set points of both follow the regime's appetite ahead of time, seen and forecast regime mixed.

    ``target_volatility`` of the answer is the annual target times the scalar. An equity that is not a
    positive number gives appetite 0. Each bar (``portfolio.ts_event``) is counted once. O(n^2).

    Parameters
    ----------
    config : AppetiteConfig
    bars_per_year : float
    gross_limit : float
        Gross exposure that is full utilisation.

    Raises
    ------
    ConfigError
        The drawdown ladder does not fit or does not fall.

    Examples
    --------
    >>> model = AppetiteModel(AppetiteConfig(), bars_per_year=252.0, gross_limit=1.5)
    >>> [round(model.drawdown_factor(d), 3) for d in (0.0, 0.075, 0.25, 0.5, 0.9)]
    [1.0, 0.75, 0.35, 0.0, 0.0]
    """

    def __init__(self, config: AppetiteConfig, bars_per_year: float, gross_limit: float) -> None:
        c = config
        steps = list(zip(c.drawdown, c.drawdown_appetite, strict=False))
        falls = all(a[0] < b[0] and a[1] >= b[1] for a, b in pairwise(steps))
        if len(c.drawdown) != len(c.drawdown_appetite) or not steps or not falls:
            raise ConfigError(
                "the drawdown ladder does not fit",
                got=f"{c.drawdown} -> {c.drawdown_appetite}",
                expected="as many increasing drawdowns as non-increasing appetites",
            )
        if not (
            all(0.0 <= a <= LARGEST for a in c.regime)
            and 0 < c.volatility_range[0] <= 1 <= c.volatility_range[1]
        ):
            raise ConfigError(
                "appetite factors are out of range",
                got=f"regime {c.regime}, volatility {c.volatility_range}",
                expected="regime factors in [0, 1.5] and a volatility range around 1",
            )
        self.config, self.bars_per_year = config, float(bars_per_year)
        self._gross_limit = float(gross_limit)
        self.homeostasis = Homeostasis(c.homeostasis)
        self._annual = math.sqrt(bars_per_year)
        self.energy = EnergyReserve(c.energy, gross_limit, c.volatility_target / math.sqrt(bars_per_year))
        halflives = (c.kelly_halflife, c.volatility_halflife)
        self._c = np.array([*(1.0 - 0.5 ** (1.0 / h) for h in halflives), c.min_exposure])
        self._kelly_memory = 1.0 / float(self._c[0])
        self._book = np.zeros(1, BOOK_DTYPE)
        self.reset()

    def appetite(
        self,
        regime: RegimeState,
        portfolio: PortfolioState,
        covariance: np.ndarray,
        ready: bool,
        average_correlation: float = math.nan,
    ) -> Appetite:
        """Appetite of this bar; ``covariance`` (n, n) is the last one known, used where ``ready``."""
        wanted, coming = 0.0, 0.0
        for p, q, a in zip(regime.posterior, regime.forecast, self.config.regime, strict=True):
            wanted += p * a
            coming += q * a
        ahead = wanted + self.config.homeostasis.anticipation * (coming - wanted)
        healthy = math.isfinite(portfolio.equity) and portfolio.equity > 0.0
        if healthy:
            self._count(portfolio, covariance, ready, ahead, average_correlation)
        s = self._book[0].item()  # the record as a plain tuple: fields of it are numbers of Python
        volatility, kelly = self._volatility_factor(s), self._kelly_factor(s)
        drawdown = self.drawdown_factor(portfolio.drawdown) if healthy else 0.0
        energy = self.energy.factor * self.homeostasis.factor
        scalar = min(LARGEST, max(0.0, wanted * drawdown * volatility * kelly * energy))
        return Appetite(
            scalar=scalar,
            regime_factor=wanted,
            drawdown_factor=drawdown,
            volatility_factor=volatility,
            kelly_factor=kelly,
            energy_factor=energy,
            target_volatility=self.config.volatility_target * scalar,
        )

    def drawdown_factor(self, drawdown: float) -> float:
        """The ladder at a drawdown in [0, 1]; 0 at the halt, beyond it and for NaN."""
        at, appetite = self.config.drawdown, self.config.drawdown_appetite
        if not drawdown < self.config.drawdown_halt:
            return 0.0
        j = bisect_right(at, drawdown)
        if j == 0 or j == len(at):
            return appetite[max(j - 1, 0)]
        slope = (appetite[j] - appetite[j - 1]) / (at[j] - at[j - 1])
        return slope * (drawdown - at[j - 1]) + appetite[j - 1]

    def _count(
        self,
        portfolio: PortfolioState,
        covariance: np.ndarray,
        ready: bool,
        ahead: float,
        average_correlation: float,
    ) -> None:
        ts, equity = portfolio.ts_event, portfolio.equity
        if ts <= self._book["ts"][0]:
            return
        weights = np.array(portfolio.weights, dtype=np.float64)
        usable = ready and len(weights) == len(covariance)
        r, exposure, variance = _observe(self._book, ts, equity, weights, covariance, usable, self._c)
        drawdown = portfolio.drawdown
        self.energy.update(exposure, portfolio.cash / equity, r, ahead, drawdown)
        heat = self._annual * math.sqrt(max(0.0, variance)) / self.config.volatility_target
        vitals = Vitals(
            exposure=exposure / self._gross_limit,
            heat=heat if usable else math.nan,
            drawdown=drawdown,
            correlation=average_correlation,
        )
        self.homeostasis.update(vitals, ahead)

    def _volatility_factor(self, book: tuple[Any, ...]) -> float:
        low, high = self.config.volatility_range
        pairs, realised, forecast = book[_PAIRS], book[_REALISED], book[_FORECAST]
        if pairs < self.config.kelly.min_observations or not realised > 0.0:
            return 1.0
        return min(high, max(low, math.sqrt(forecast / realised)))

    def _kelly_factor(self, book: tuple[Any, ...]) -> float:
        c = self.config
        n, variance = book[_N], book[_VARIANCE]
        if n < c.kelly.min_observations or not variance > 0.0:
            return 1.0
        prior_mean = c.prior_sharpe * math.sqrt(variance / self.bars_per_year)
        prior_weight = c.prior_years * self.bars_per_year
        weight = min(n, self._kelly_memory)
        mean = (weight * book[_MEAN] + prior_weight * prior_mean) / (weight + prior_weight)
        leverage = kelly_fraction(mean, variance, n, c.kelly)
        return min(1.0, max(c.kelly_floor, leverage))

    def reset(self) -> None:
        """Back to a fresh book."""
        self._book[:] = np.zeros(1, BOOK_DTYPE)
        self._book["ts"] = np.iinfo(np.int64).min
        self.energy.reset()
        self.homeostasis.reset()

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {
            "book": self._book,
            "energy": self.energy.reserve,
            "homeostasis": self.homeostasis.state(),
        }

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._book[:] = state["book"]
        self.energy.reserve = float(state["energy"])
        self.homeostasis.put_state(state["homeostasis"])
