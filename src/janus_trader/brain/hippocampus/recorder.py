"""From decisions and bars to finished records: what was decided, and what became of it."""

from __future__ import annotations

from math import exp, log, tanh
from typing import Any, NamedTuple

import numpy as np

from janus_trader.brain.hippocampus.outcome import Pending, Usual, outcome
from janus_trader.brain.hippocampus.ripples import RippleConfig, RippleType
from janus_trader.contracts.decision import Decision, Posture, Severity
from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import Moment


class Finished(NamedTuple):
    """A record whose outcome is known, and its ripple statistics over their thresholds."""

    record: np.ndarray
    ratios: dict[RippleType, float]


class Recorder:
    """Keeps decisions until their outcome is known, two bars later.

    Parameters
    ----------
    dtype : numpy.dtype
        Of a record (`janus_trader.brain.hippocampus.episodes.record_dtype`).
    ripples : RippleConfig
        Thresholds.
    payoff_clip, surprise_scale, halflife : float
    warmup : int
        Episodes before a return can surprise.
    """

    def __init__(
        self,
        dtype: np.dtype,
        ripples: RippleConfig,
        payoff_clip: float,
        surprise_scale: float,
        halflife: float,
        warmup: int,
    ) -> None:
        self._dtype, self._thresholds = dtype, ripples
        self._clip, self._scale, self._warmup = payoff_clip, surprise_scale, warmup
        self._rate = 1.0 - exp(-log(2.0) / halflife)
        self._k, self._n = dtype["signals"].shape
        self.reset()

    def reset(self) -> None:
        """Nothing is pending and nothing is usual yet."""
        self._pending: list[Pending] = []
        self._reward, self._correlation, self._cost = Usual(), Usual(), Usual()
        self._dominant = -1
        self.latest = -1
        self._last: dict[str, Any] | None = None

    @property
    def usual_reward(self) -> tuple[float, float]:
        """Mean and deviation of the book's return; deviation 0 while not enough is known."""
        known = self._reward.count >= self._warmup
        return self._reward.mean, self._reward.deviation if known else 0.0

    def observe(
        self, decision: Decision | None, moment: Moment, fills_at_open: bool, sigma: np.ndarray
    ) -> list[Finished]:
        """Take in a bar and the latest decision; returns the records that this bar finishes, oldest first."""
        lag = 0 if decision is None else self._lag(decision, moment)
        if decision is not None and lag == 1:
            self._pending.append(self._begin(decision, sigma, self._held_before()))
        price = np.array(moment.bars["open"] if fills_at_open else moment.bars["close"])
        worth, charged = self._value_before_fills(price, moment)
        done: list[Finished] = []
        for item in self._pending:
            item.age += 1
            if item.age == 1:
                item.price, item.present = price, np.array(moment.present)
                item.equity, item.costs = worth, charged
            else:
                done.append(self._finish(item, price, moment, worth))
        if done:
            self._pending = [item for item in self._pending if item.age < 2]
        if decision is not None and lag == 0:
            self._pending.append(self._begin(decision, sigma, np.array(moment.portfolio.weights)))
        return done

    def _value_before_fills(self, price: np.ndarray, moment: Moment) -> tuple[float, float]:
        """What the book was worth at this bar's fill prices before the fills, and what the fills cost.

        From one such value to the next is what a decision earned: its own costs are in it, the next
        decision's are not.
        """
        portfolio, last = moment.portfolio, self._last
        worth, charged = portfolio.equity, 0.0
        if last is not None:
            move = np.where(moment.present & np.isfinite(last["close"]), price - last["close"], 0.0)
            held = last["quantity"] != 0.0
            worth = last["equity"] + float(np.sum(last["quantity"][held] * move[held]))
            charged = portfolio.realised_costs - last["costs"]
        self._last = {
            "equity": portfolio.equity,
            "costs": portfolio.realised_costs,
            "quantity": np.array(portfolio.quantities),
            "close": np.array(moment.bars["close"]),
        }
        return worth, charged

    def _lag(self, decision: Decision, moment: Moment) -> int:
        """Bars from the decision to the moment: 0 or 1."""
        lag = moment.step - decision.step
        if lag not in (0, 1) or decision.step <= self.latest:
            raise DataError(
                "hippocampus: decision out of order",
                got=f"step {decision.step} at bar {moment.step} after step {self.latest}",
                expected="each decision once, at its own bar or the next",
            )
        self.latest = decision.step
        return lag

    def _held_before(self) -> np.ndarray:
        """Weights held at the close of the bar before, (n,); zeros where it is not known."""
        last = self._last
        if last is None or not last["equity"] > 0.0:
            return np.zeros(self._n)
        quantity, close = np.asarray(last["quantity"]), np.asarray(last["close"])
        return np.where(quantity != 0.0, quantity * close, 0.0) / last["equity"]

    def _begin(self, decision: Decision, sigma: np.ndarray, held: np.ndarray) -> Pending:
        values, context = decision.signals.values, decision.percept.context
        size = self._dtype["context"].shape
        if values.shape != (self._k, self._n) or context.shape != size:
            raise DataError(
                "hippocampus: decision of another book",
                got=(values.shape, context.shape),
                expected=f"signals ({self._k}, {self._n}) and context {size}",
                remedy="set hippocampus.context_size to the length of the thalamus's context",
            )
        record = np.zeros((), self._dtype)
        record["step"], record["ts_event"] = decision.step, decision.ts_event
        record["fear"] = min(max(decision.threat.fear, 0.0), 1.0)
        record["confidence"] = decision.regime.confidence
        record["posterior"] = decision.regime.posterior
        record["context"], record["signals"] = context, values
        record["weights"], record["held"] = decision.weights, held
        if decision.percept.features.size:
            record["features"] = decision.percept.features
        if decision.logic is not None:
            record["violation"] = min(max(1.0 - decision.logic.satisfaction, 0.0), 1.0)
        kept = record["signals"].astype(np.float64)
        return Pending(record, np.array(sigma, np.float64), kept, self._ratios_of(decision))

    def _ratios_of(self, decision: Decision) -> dict[RippleType, float]:
        """Ripple statistics over their thresholds that are known when the decision is made."""
        config, regime = self._thresholds, decision.regime
        out = {RippleType.MARKET_ANOMALY: regime.turbulence / config.turbulence}
        threat = decision.threat
        if threat.severity >= Severity.HIGH or threat.posture >= Posture.FREEZE:
            out[RippleType.RISK_EVENT] = 1.5 if threat.severity >= Severity.CRITICAL else 1.0
        if self._dominant not in (-1, int(regime.dominant)):
            out[RippleType.REGIME_CHANGE] = 1.0
        self._dominant = int(regime.dominant)
        average = decision.correlation_average
        if self._correlation.count:
            moved = abs(average - self._correlation.mean)
            out[RippleType.CORRELATION_BREAKDOWN] = moved / config.correlation
        self._correlation.push(average, self._rate)
        cost = float(np.add.reduce(decision.forecast.cost_bps)) / self._n
        if self._cost.count and self._cost.mean > 0.0:
            out[RippleType.LIQUIDITY_EVENT] = cost / self._cost.mean / config.liquidity
        self._cost.push(cost, self._rate)
        return out

    def _finish(self, item: Pending, price: np.ndarray, moment: Moment, worth: float) -> Finished:
        record, config = item.record, self._thresholds
        payoff = np.empty(self._n)
        size, best = outcome(
            item.price, price, item.present, moment.present, item.sigma, item.signals, self._clip, payoff
        )
        equity = item.equity
        reward = worth / equity - 1.0 if equity > 0 else 0.0
        cost = item.costs / equity if equity > 0 else 0.0
        mean, deviation = self.usual_reward
        scaled = (reward - mean) / deviation if deviation > 0.0 else 0.0
        self._reward.push(reward, self._rate)
        record["payoff"], record["reward"], record["cost"] = payoff, reward, cost
        record["surprise"] = tanh(abs(scaled) / self._scale)
        record["error"] = min(abs(scaled), self._clip)
        ratios = {
            **item.ratios,
            RippleType.LARGE_LOSS: -scaled / config.profit,
            RippleType.LARGE_PROFIT: scaled / config.profit,
            RippleType.VOLATILITY_SPIKE: size / config.volatility,
            RippleType.STRATEGY_BREAKTHROUGH: best / config.breakthrough,
        }
        return Finished(record, ratios)

    def state(self) -> dict[str, Any]:
        """What is pending and what is usual."""
        pending = [
            {**vars(p), "record": p.record.tobytes(), "ratios": {k.value: v for k, v in p.ratios.items()}}
            for p in self._pending
        ]
        usual = [[u.count, u.mean, u.variance] for u in (self._reward, self._correlation, self._cost)]
        return {
            "pending": pending,
            "usual": usual,
            "dominant": self._dominant,
            "latest": self.latest,
            "last": self._last,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.reset()
        self._pending = [self._load_pending(p) for p in state["pending"]]
        for usual, (count, mean, variance) in zip(
            (self._reward, self._correlation, self._cost), state["usual"], strict=True
        ):
            usual.count, usual.mean, usual.variance = int(count), float(mean), float(variance)
        self._last = state["last"]
        self._dominant, self.latest = int(state["dominant"]), int(state["latest"])

    def _load_pending(self, state: dict[str, Any]) -> Pending:
        record = np.frombuffer(state["record"], self._dtype).copy().reshape(())
        ratios = {RippleType(name): float(value) for name, value in state["ratios"].items()}
        return Pending(**{**state, "record": record, "ratios": ratios})
