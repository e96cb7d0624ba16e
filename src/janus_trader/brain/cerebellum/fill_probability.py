"""How likely a resting order is to be filled in time: a survival model of limit orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.config import Config
from janus_trader.numerics.weibull_survival import WeibullSurvival, fit_weibull

if TYPE_CHECKING:
    from janus_trader.brain.cerebellum.cerebellum import Cerebellum

#: One resting order: when it left, how long it rested (s), whether it was filled, and what it met.
ORDER_DTYPE = np.dtype(
    [
        ("ts", "i8"),
        ("life_s", "f8"),
        ("filled", "i8"),
        ("queue", "f8"),
        ("distance", "f8"),
        ("volatility", "f8"),
    ],
    align=True,
)
_COVARIATES = 3

FillParameters = dict[str, Any]


class FillProbabilityConfig(Config, frozen=True):
    """Memory of resting orders and when they are enough for a fit."""

    capacity: Annotated[int, Meta(ge=64, le=1_000_000, description="orders remembered")] = 8192
    min_fills: Annotated[int, Meta(ge=10, description="fills before anything is said")] = 50
    ridge: Annotated[float, Meta(ge=0, le=1, description="pull of the coefficients to zero")] = 1e-4


def covariates(queue: Any, distance: Any, volatility: Any) -> np.ndarray:
    """Regressors of a lifetime: log of 1 + lots ahead, distance from the best price in ticks, log volatility."""
    queue, distance, volatility = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (queue, distance, volatility))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [np.log1p(np.maximum(queue, 0.0)), distance, np.log(np.maximum(volatility, 1e-12))], axis=-1
        )


class FillProbability:
    r"""Probability that a resting order is filled within a time.

    .. math:: P(T \le h \mid x) = 1 - \exp\!\big(-(h / e^{\beta_0 + x^\top\beta})^k\big)

    with x of `covariates`. Orders withdrawn or still resting are right-censored: they say that the order
    lived that long. NaN before the first fit, and for covariates that are no numbers: nothing is made up
    where a market has no quotes.

    Parameters
    ----------
    config : FillProbabilityConfig

    Examples
    --------
    >>> FillProbability(FillProbabilityConfig()).within(5.0, queue=10, distance=0, volatility=0.5)
    nan
    """

    def __init__(self, config: FillProbabilityConfig) -> None:
        self.config = config
        self._ring = np.zeros(config.capacity, ORDER_DTYPE)
        self.reset()

    def observe(
        self, ts: int, life_s: float, filled: bool, queue: float, distance: float, volatility: float
    ) -> None:
        """A resting order has left the book at ``ts``: filled (the first lot), or withdrawn after ``life_s``."""
        row = (ts, life_s, filled, queue, distance, volatility)
        usable = np.isfinite([life_s, queue, distance, volatility]).all()
        if usable and life_s > 0.0 and queue >= 0.0 and volatility > 0.0:
            self._ring[self.count % len(self._ring)] = row
            self.count += 1

    def orders(self, first: int, last: int) -> np.ndarray:
        """Orders that left in ``[first, last]``, oldest first."""
        rows = self._rows()
        return rows[(rows["ts"] >= first) & (rows["ts"] <= last)]

    def _rows(self) -> np.ndarray:
        size = len(self._ring)
        if self.count <= size:
            return self._ring[: self.count].copy()
        return np.roll(self._ring, -(self.count % size))

    def fit(self, orders: np.ndarray) -> FillParameters | None:
        """Parameters from rows of `ORDER_DTYPE`; None where they are too few or say nothing."""
        if int(orders["filled"].sum()) < self.config.min_fills:
            return None
        x = covariates(orders["queue"], orders["distance"], orders["volatility"])
        try:
            found = fit_weibull(orders["life_s"], orders["filled"], x, self.config.ridge)
        except (DataError, Infeasible):
            return None
        return {"coefficients": found.coefficients, "shape": found.shape, "covariance": found.covariance}

    def within(self, horizon_s: float, queue: float, distance: float, volatility: float) -> float:
        """Probability of a fill within ``horizon_s``; NaN where it is not known."""
        if not self.ready or not horizon_s >= 0.0:
            return float("nan")
        x = covariates(queue, distance, volatility)
        if not np.isfinite(x).all():
            return float("nan")
        return 1.0 - float(self._law.survival(horizon_s, x))

    @property
    def ready(self) -> bool:
        """Whether a fit is in force."""
        return bool(self._parameters["shape"] > 0.0)

    def log_likelihood(self, parameters: FillParameters, orders: np.ndarray) -> float:
        """Mean log-likelihood of orders, the score of a survival model."""
        x = np.column_stack(
            [np.ones(len(orders)), covariates(orders["queue"], orders["distance"], orders["volatility"])]
        )
        k, log_time = parameters["shape"], np.log(orders["life_s"])
        z = k * (log_time - x @ parameters["coefficients"])
        return float(np.mean(orders["filled"] * (np.log(k) + z - log_time) - np.exp(np.minimum(z, 700.0))))

    def parameters(self) -> FillParameters:
        """A copy of the parameters in force; shape 0: none."""
        return {name: np.copy(v) if isinstance(v, np.ndarray) else v for name, v in self._parameters.items()}

    def adopt(self, parameters: FillParameters) -> None:
        """Put parameters in force."""
        self._parameters: FillParameters = {
            "coefficients": np.array(parameters["coefficients"], float),
            "shape": float(parameters["shape"]),
            "covariance": np.array(parameters["covariance"], float),
        }
        p = self._parameters
        self._law = WeibullSurvival(p["coefficients"], p["shape"], p["covariance"])

    def reset(self) -> None:
        """Forget orders and fit."""
        self.count = 0
        size = _COVARIATES + 1
        self.adopt(
            {"coefficients": np.zeros(size), "shape": 0.0, "covariance": np.zeros((size + 1, size + 1))}
        )

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {"parameters": self._parameters, "orders": self._rows().tobytes()}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        rows = np.frombuffer(state["orders"], ORDER_DTYPE)
        self.count = len(rows)
        self._ring[: len(rows)] = rows
        self.adopt(state["parameters"])


class FillLearner:
    """Learner "fill_probability" (see `contracts.protocols.Learner`): deep nights only.

    Trains on the orders that had left by the last training episode; scores the mean log-likelihood of those
    that left within the held-back span, 0 where there are none. A model that is not fitted yet scores below
    any fit: silence is no forecast.
    """

    name = "fill_probability"
    deep_only = True

    def __init__(self, cerebellum: Cerebellum) -> None:
        self._model = cerebellum.fill_probability

    def parameters(self) -> FillParameters:
        """A copy of the parameters in force."""
        return self._model.parameters()

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> FillParameters | None:
        """A fit to the orders known by the last episode; None where they are too few."""
        if not len(train) or not self._model.count:
            return None
        return self._model.fit(self._model.orders(0, int(Episodes.of(train).ts_event.max())))

    def score(self, parameters: FillParameters | None, held_back: Sequence[Episode]) -> float:
        """Mean log-likelihood per order held back."""
        if not len(held_back):
            return 0.0
        times = Episodes.of(held_back).ts_event
        orders = self._model.orders(int(times.min()), int(times.max()))
        p = self.parameters() if parameters is None else parameters
        if not len(orders):
            return 0.0
        return self._model.log_likelihood(p, orders) if p["shape"] > 0.0 else -1e6

    def adopt(self, parameters: FillParameters) -> None:
        """Put a candidate in force."""
        self._model.adopt(parameters)
