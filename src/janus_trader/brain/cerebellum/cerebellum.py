"""The cost forecast and its correction by realised fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cerebellum.adverse_selection import AdverseSelection, AdverseSelectionConfig
from janus_trader.brain.cerebellum.correction import CostCorrection
from janus_trader.brain.cerebellum.fill_memory import (
    FILL_DTYPE,
    FillMemory,
    absorb_fills,
    mean_known,
    model_bps,
)
from janus_trader.brain.cerebellum.fill_probability import (
    FillLearner,
    FillProbability,
    FillProbabilityConfig,
)
from janus_trader.brain.cerebellum.impact_learner import ImpactLearner, ImpactParameters
from janus_trader.brain.cerebellum.latency import LatencyConfig, LatencyModel
from janus_trader.brain.cerebellum.permanent_impact import PermanentImpact, PermanentImpactConfig
from janus_trader.contracts.decision import Forecast
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.orders import Fill, Side
from janus_trader.contracts.protocols import Learner
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config


class CerebellumConfig(Config, frozen=True):
    """Prior of the cost model, gains of its correction, and how the night fits it."""

    prior_bps: Annotated[float, Meta(ge=0, le=200, description="flat cost assumed before any fill")] = 10.0
    kp: Annotated[float, Meta(ge=0, lt=1, description="proportional gain per batch of fills")] = 0.2
    ki: Annotated[float, Meta(ge=0, le=0.5, description="integral gain per batch of fills")] = 0.1
    kd: Annotated[float, Meta(ge=0, le=0.5, description="derivative gain per batch of fills")] = 0.05
    derivative_filter: Annotated[
        float, Meta(ge=0, le=100, description="time constant of the derivative, batches of fills")
    ] = 3.0
    max_correction_bps: Annotated[float, Meta(gt=0, le=200, description="bound of the correction")] = 15.0
    max_realised_bps: Annotated[
        float, Meta(gt=0, le=10_000, description="realised costs are clipped here before they teach")
    ] = 300.0
    reference_value: Annotated[
        float, Meta(gt=0, description="value at which square-root impact is quoted, in currency")
    ] = 1_000_000.0
    capacity: Annotated[int, Meta(ge=16, le=1_000_000, description="fills remembered")] = 4096
    min_fills: Annotated[int, Meta(ge=3, description="fewest fills the night fits on")] = 40
    ridge: Annotated[float, Meta(gt=0, le=10, description="pull of the fit to the flat prior")] = 1e-3
    dead_time: Annotated[
        int, Meta(ge=0, le=1000, description="batches between a forecast and the report of its fills")
    ] = 0
    smith: Annotated[
        bool, Meta(description="free the correction from its dead time by a Smith predictor")
    ] = True
    permanent: PermanentImpactConfig = PermanentImpactConfig()
    adverse_selection: AdverseSelectionConfig = AdverseSelectionConfig()
    fill_probability: FillProbabilityConfig = FillProbabilityConfig()
    latency: LatencyConfig = LatencyConfig()


@njit(cache=True)
def forecast_costs(allowed, weights, sigma, equity, base, per_sigma, per_impact, correction, reference, cost):
    """Fill ``cost`` (n,) in bps; return the expected cost of the whole trade in currency. O(n).

    A volatility that is not finite or negative counts as the mean of the others (0 when there is none),
    a weight that is not finite as no trade.
    """
    mean = mean_known(sigma)
    total = 0.0
    for i in range(sigma.size):
        s = sigma[i] if np.isfinite(sigma[i]) and sigma[i] >= 0.0 else mean
        value = abs(allowed[i] - weights[i]) * max(equity, 0.0)
        if not np.isfinite(value):
            value = 0.0
        cost[i] = max(0.0, model_bps(base, per_sigma, per_impact, s, value, reference) + correction)
        total += 1e-4 * cost[i] * value
    return total


class Cerebellum:
    r"""Forecast of trading costs, corrected by what fills really cost.

    .. math::

        \hat c_i = \max\!\Big(0,\; a + b\,s_i + c\,s_i\sqrt{v_i / v_0} + u\Big)\ \text{bps},
        \qquad s_i = 10^4\sigma_i

    with one-bar volatility :math:`\sigma_i`, traded value :math:`v_i = |w_i - w_i^{held}|E`, learned
    :math:`a, b, c \ge 0` (before any night: ``prior_bps``, 0, 0) and the correction :math:`u` (`CostCorrection`)
    by the value-weighted error of each batch of fills, clamped to ``max_correction_bps``.

    Beside the cost stand, each silent (NaN, or no effect) where a market does not deliver what it needs:
    what a trade does to the price itself (``predict_prices``; needs prices after the fills), whether flow is
    toxic (``adverse_selection``; needs prices within its horizon), the probability that a resting order is
    filled (``fill_probability``; needs quotes and resting orders) and the latency of orders (``latency``).

    Parameters
    ----------
    config : CerebellumConfig
    n : int
        Number of instruments, at least 1.
    symbols : sequence of str, optional
        Their names in column order; without them a fill is taken to have the book's mean volatility.

    Notes
    -----
    No warm-up: the prior answers first. NaN policy: see `forecast_costs`; a forecast is always finite.
    `forecast` is O(n), `observe` O(n + number of fills).

    Raises
    ------
    ConfigError
        ``n < 1``, or symbols that are not n distinct names.

    Examples
    --------
    >>> cerebellum = Cerebellum(CerebellumConfig(), 2)
    >>> book = PortfolioState(ts_event=0, equity=1e6, cash=1e6, peak_equity=1e6, session_start_equity=1e6,
    ...                       weights=(0.0, 0.0), quantities=(0.0, 0.0))
    >>> forecast = cerebellum.forecast(np.array([0.1, -0.1]), book, np.array([0.01, 0.02]))
    >>> forecast.cost_bps.tolist(), round(forecast.total, 6)
    ([10.0, 10.0], 200.0)

    References
    ----------
    Wolpert, D., Miall, R. C., Kawato, M. (1998). Internal models in the cerebellum. Almgren, R. et al.
    (2005). Direct estimation of equity market impact (square-root form).
    """

    def __init__(self, config: CerebellumConfig, n: int, symbols: Sequence[str] = ()) -> None:
        if n < 1 or (symbols and len(set(symbols)) != n):
            raise ConfigError(
                "the book does not fit", got=f"n={n}, {len(symbols)} symbols", expected="n names"
            )
        self.config, self.n = config, int(n)
        self.memory = FillMemory(config.capacity)
        self._index = {name: i for i, name in enumerate(symbols)}
        self._symbols = tuple(symbols)
        self._correction = CostCorrection(
            config.kp,
            config.ki,
            config.kd,
            config.derivative_filter,
            config.max_correction_bps,
            config.dead_time,
            config.smith,
        )
        self.permanent = PermanentImpact(config.permanent)
        self.adverse_selection = AdverseSelection(config.adverse_selection)
        self.fill_probability = FillProbability(config.fill_probability)
        self.latency = LatencyModel(config.latency)
        self._zeros = np.zeros(self.n)
        self._parameters: ImpactParameters = {}
        self.reset()

    @property
    def correction(self) -> float:
        """Correction in force, in basis points."""
        return self._correction.value

    @property
    def parameters_in_force(self) -> ImpactParameters:
        """Coefficients of the forward model (a copy)."""
        return self._parameters.copy()

    def forecast(self, allowed: np.ndarray, portfolio: PortfolioState, sigma: np.ndarray) -> Forecast:
        """Expected cost of moving the book to the weights ``allowed`` (n,), given one-bar ``sigma`` (n,).

        ``cost_bps`` of an instrument that is not traded is that of a vanishing trade.
        """
        held = np.array(portfolio.weights, dtype=np.float64)
        if not (allowed.shape == sigma.shape == held.shape == (self.n,)):
            raise DataError(
                "weights do not fit the cerebellum",
                got=f"{allowed.shape}, {held.shape}, sigma {sigma.shape}",
                expected=f"({self.n},)",
            )
        cost = np.empty(self.n)
        total = forecast_costs(allowed, held, sigma, portfolio.equity, *self._coefficients(), cost)
        return Forecast(cost_bps=cost, total=total, correction=self._correction.value)

    def cost_bps(self, sigma: np.ndarray) -> np.ndarray:
        """Cost of a vanishing trade in each instrument, (n,) in basis points, for the allocator."""
        if sigma.shape != (self.n,):
            raise DataError(
                "volatilities do not fit the cerebellum", got=sigma.shape, expected=f"({self.n},)"
            )
        cost = np.empty(self.n)
        forecast_costs(self._zeros, self._zeros, sigma, 0.0, *self._coefficients(), cost)
        return cost

    def predict_prices(
        self, prices: np.ndarray, allowed: np.ndarray, portfolio: PortfolioState, sigma: np.ndarray
    ) -> np.ndarray:
        """Prices (n,) expected once the book has moved to ``allowed`` (n,) (specification eq. 35).

        Only permanent impact moves them, and only where fills have shown that there is one; otherwise they
        are the prices given.
        """
        held = np.array(portfolio.weights, dtype=np.float64)
        value = (allowed - held) * max(portfolio.equity, 0.0)
        return self.permanent.next_prices(prices, value, sigma, self.config.reference_value)

    def observe(
        self,
        fills: Sequence[Fill],
        sigma: np.ndarray,
        ts: int,
        prices: np.ndarray | None = None,
        latency_ns: Sequence[float] = (),
    ) -> None:
        """Learn from the fills of one bar time.

        Parameters
        ----------
        fills : sequence of Fill
        sigma : (n,) array
            One-bar volatilities known when the orders were decided (not those after the fills).
        ts : int
            Time of the fills, ns UTC.
        prices : (n,) array, optional
            Mid prices now, NaN where unknown: they settle markouts and permanent impact of earlier fills.
            Without them (or without symbols) both stay silent.
        latency_ns : sequence of float, optional
            From decision to the venue's word, of each order that has one.

        A fill without a positive value or a finite cost says nothing and is left out.
        """
        if fills:
            self._absorb(fills, sigma, ts)
        for x in latency_ns:
            self.latency.observe(float(x))
        if prices is not None and self._symbols:
            self._after_fills(fills, sigma, ts, prices)

    def _absorb(self, fills: Sequence[Fill], sigma: np.ndarray, ts: int) -> None:
        """Remember the fills and correct the forecast by their error."""
        index = np.array([self._index.get(x.symbol, -1) for x in fills], dtype=np.int64)
        value = np.array([x.quantity * x.price for x in fills])
        cost = np.array([x.cost for x in fills])
        base, per_sigma, per_impact, _, reference = self._coefficients()
        taken, residual = absorb_fills(
            self.memory.ring,
            self.memory.count,
            ts,
            index,
            value,
            cost,
            sigma,
            self.config.max_realised_bps,
            base,
            per_sigma,
            per_impact,
            reference,
        )
        self.memory.count += taken
        if taken:
            self._correction.update(residual)

    def _after_fills(self, fills: Sequence[Fill], sigma: np.ndarray, ts: int, prices: np.ndarray) -> None:
        if prices.shape != (self.n,):
            raise DataError("prices do not fit the cerebellum", got=prices.shape, expected=f"({self.n},)")
        known = dict(zip(self._symbols, prices.tolist(), strict=True))
        self.adverse_selection.prices(ts, known)
        self.permanent.prices(ts, known)
        for fill in fills:
            i = self._index.get(fill.symbol, -1)
            side = 1.0 if fill.side is Side.BUY else -1.0
            self.adverse_selection.fill(ts, fill.symbol, side, fill.price)
            if i >= 0:
                size = fill.quantity * fill.price / self.config.reference_value
                self.permanent.fill(ts, fill.symbol, side, fill.decision_price, 1e4 * float(sigma[i]), size)

    def learners(self) -> list[Learner]:
        """The night's view: the coefficients of the cost, in deep nights the fills of resting orders."""
        return [ImpactLearner(self), FillLearner(self)]

    def adopt(self, parameters: ImpactParameters) -> None:
        """Put coefficients in force; the correction, which belonged to the old ones, starts afresh."""
        self._parameters = parameters.copy()
        self._correction.reset()

    def reset(self) -> None:
        """Back to the prior, with no fills remembered."""
        self.memory.clear()
        for part in (self.permanent, self.adverse_selection, self.fill_probability, self.latency):
            part.reset()
        self.adopt({"base_bps": self.config.prior_bps, "per_sigma": 0.0, "per_impact": 0.0})

    def snapshot(self) -> bytes:
        """Coefficients, controller and fills as bytes."""
        return pack(
            {
                "parameters": self._parameters,
                "correction": self._correction.state(),
                "fills": self.memory.rows(),
                "permanent": self.permanent.state(),
                "adverse_selection": self.adverse_selection.state(),
                "fill_probability": self.fill_probability.state(),
                "latency": self.latency.state(),
                "config": self.config.fingerprint,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        tree = unpack(raw)
        if not isinstance(tree, dict) or tree.get("config") != self.config.fingerprint:
            raise IntegrityError(
                "snapshot of another cerebellum",
                expected=self.config.fingerprint,
                remedy="restore with the configuration it was taken with",
            )
        self._parameters = {key: float(value) for key, value in tree["parameters"].items()}
        self._correction.put_state(tree["correction"])
        self.permanent.put_state(tree["permanent"])
        self.adverse_selection.put_state(tree["adverse_selection"])
        self.fill_probability.put_state(tree["fill_probability"])
        self.latency.put_state(tree["latency"])
        self.memory.load(tree["fills"].astype(FILL_DTYPE))

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        p = self._parameters
        return (
            p["base_bps"],
            p["per_sigma"],
            p["per_impact"],
            self._correction.value,
            self.config.reference_value,
        )
