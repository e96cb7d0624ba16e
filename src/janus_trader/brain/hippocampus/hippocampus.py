"""The hippocampus: decisions become episodes, episodes are kept, recalled and replayed."""

from __future__ import annotations

from math import exp, log, tanh
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.hippocampus.episodes import EpisodeRing, record_dtype
from janus_trader.brain.hippocampus.outcome import Pending, Usual, outcome
from janus_trader.brain.hippocampus.replay import PrioritisedReplay, ReplayConfig
from janus_trader.brain.hippocampus.ripples import RIPPLES, RippleConfig, RippleDetector, RippleType
from janus_trader.brain.hippocampus.separation import PatternSeparation, SeparationConfig
from janus_trader.contracts.decision import Decision, Posture, Severity
from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.market import Moment
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Positive


class HippocampusConfig(Config, frozen=True):
    """Size of the memory and how it tags what it keeps."""

    capacity: Annotated[int, Meta(ge=16, le=1_000_000, description="episodes kept")] = 2048
    context_size: Annotated[Count, Meta(description="length of a percept's context")] = 24
    replay: ReplayConfig = ReplayConfig()
    ripples: RippleConfig = RippleConfig()
    separation: SeparationConfig = SeparationConfig()
    payoff_clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 5.0
    statistics_halflife: Annotated[Positive, Meta(description="bars, for the usual size of a reward")] = 63.0
    statistics_warmup: Annotated[Count, Meta(description="episodes before a reward can surprise")] = 20
    surprise_scale: Annotated[Positive, Meta(description="deviations at which surprise is tanh(1)")] = 3.0


class Hippocampus:
    r"""Memory of single experiences.

    The episode of the decision at bar t is complete at bar t+2. With P the open where orders fill at the
    open, else the close,

    .. math:: payoff_i = \mathrm{clip}\big((P_{t+2,i} / P_{t+1,i} - 1) / \sigma_{t,i}\big), \qquad
        reward = E_{t+2} / E_{t+1} - 1

    where E is equity; payoff is 0 for an instrument absent at either bar or without a volatility, and cost
    is the growth of realised costs over the same interval as a fraction of :math:`E_{t+1}`.

    Parameters
    ----------
    config : HippocampusConfig
    n, k : int
        Instruments and sources of signals.

    Notes
    -----
    Half precision of signals, contexts and weights makes a full memory of 2048 episodes of 20 instruments
    and 10 sources 2.4 MB. `observe` costs O(n + k·n + capacity) with a small constant (recall of the
    nearest memory), about 100 µs; `snapshot` is one copy.

    Examples
    --------
    >>> memory = Hippocampus(HippocampusConfig(), 20, 10)
    >>> len(memory), memory.recall(np.zeros(24)), len(memory.recent(5))
    (0, (0.0, 0.0, 0), 0)
    """

    def __init__(self, config: HippocampusConfig, n: int, k: int) -> None:
        if n < 1 or k < 0:
            raise ConfigError("hippocampus: nothing to remember", got=(n, k), expected="n >= 1, k >= 0")
        self.config, self.n, self.k = config, int(n), int(k)
        self._dtype = record_dtype(config.context_size, self.n, self.k)
        self._ring = EpisodeRing(config.capacity, self._dtype)
        self._replay = PrioritisedReplay(config.replay, config.capacity)
        self._ripples = RippleDetector(config.ripples)
        self._separation = PatternSeparation(config.separation, config.context_size)
        self._rate = 1.0 - exp(-log(2.0) / config.statistics_halflife)
        self.reset()

    def reset(self) -> None:
        """Remember nothing."""
        self._ring.reset()
        self._replay.reset()
        self._ripples.reset()
        self._pending: list[Pending] = []
        self._reward, self._correlation, self._cost = Usual(), Usual(), Usual()
        self._dominant = -1
        self._latest = -1
        self._raised: dict[str, int] = {}
        self._last: dict[str, Any] | None = None
        self._code_index = np.zeros((self.config.capacity, self.config.separation.winners), np.int16)
        self._code_value = np.zeros((self.config.capacity, self.config.separation.winners))

    def __len__(self) -> int:
        return len(self._ring)

    # --- by day ---------------------------------------------------------------------------------------

    def observe(
        self, decision: Decision | None, moment: Moment, fills_at_open: bool, sigma: np.ndarray
    ) -> list[Episode]:
        """Take in a bar and the latest decision; returns the episodes that this bar completes.

        Parameters
        ----------
        decision : Decision or None
            Made at ``moment`` or at the bar before it; every decision is passed once, in order. None where
            there is none.
        moment : Moment
        fills_at_open : bool
            Whether orders fill at the next open, else at the next close.
        sigma : (n,) float array
            Volatility of one-bar returns known at the decision; an instrument without one (0, NaN) pays 0.

        Raises
        ------
        DataError
            The decision is not of this book, not of this bar or the one before, or was seen already.
        """
        lag = 0 if decision is None else self._lag(decision, moment)
        if decision is not None and lag == 1:
            self._pending.append(self._begin(decision, sigma, self._held_before()))
        price = np.array(moment.bars["open"] if fills_at_open else moment.bars["close"])
        worth, charged = self._value_before_fills(price, moment)
        done: list[Episode] = []
        for item in self._pending:
            item.age += 1
            if item.age == 1:
                item.price, item.present = price, np.array(moment.present)
                item.equity, item.costs = worth, charged
            else:
                done.append(self._complete(item, price, moment, worth))
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
        if lag not in (0, 1) or decision.step <= self._latest:
            raise DataError(
                "hippocampus: decision out of order",
                got=f"step {decision.step} at bar {moment.step} after step {self._latest}",
                expected="each decision once, at its own bar or the next",
            )
        self._latest = decision.step
        return lag

    def _held_before(self) -> np.ndarray:
        """Weights held at the close of the bar before, (n,); zeros where it is not known."""
        last = self._last
        if last is None or not last["equity"] > 0.0:
            return np.zeros(self.n)
        quantity, close = np.asarray(last["quantity"]), np.asarray(last["close"])
        return np.where(quantity != 0.0, quantity * close, 0.0) / last["equity"]

    def _begin(self, decision: Decision, sigma: np.ndarray, held: np.ndarray) -> Pending:
        values, context = decision.signals.values, decision.percept.context
        if values.shape != (self.k, self.n) or context.shape != (self.config.context_size,):
            raise DataError(
                "hippocampus: decision of another book",
                got=(values.shape, context.shape),
                expected=f"signals ({self.k}, {self.n}) and context ({self.config.context_size},)",
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
        kept = record["signals"].astype(np.float64)
        return Pending(record, np.array(sigma, np.float64), kept, self._ratios_of(decision))

    def _ratios_of(self, decision: Decision) -> dict[RippleType, float]:
        """Ripple statistics over their thresholds that are known when the decision is made."""
        config, regime = self.config.ripples, decision.regime
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
        cost = float(np.add.reduce(decision.forecast.cost_bps)) / self.n
        if self._cost.count and self._cost.mean > 0.0:
            out[RippleType.LIQUIDITY_EVENT] = cost / self._cost.mean / config.liquidity
        self._cost.push(cost, self._rate)
        return out

    def _complete(self, item: Pending, price: np.ndarray, moment: Moment, worth: float) -> Episode:
        record, config = item.record, self.config
        payoff = np.empty(self.n)
        size, best = outcome(
            item.price,
            price,
            item.present,
            moment.present,
            item.sigma,
            item.signals,
            config.payoff_clip,
            payoff,
        )
        equity = item.equity
        reward = worth / equity - 1.0 if equity > 0 else 0.0
        cost = item.costs / equity if equity > 0 else 0.0
        deviation = self._reward.deviation if self._reward.count >= config.statistics_warmup else 0.0
        scaled = (reward - self._reward.mean) / deviation if deviation > 0.0 else 0.0
        self._reward.push(reward, self._rate)
        code = self._separation.encode(record["context"])
        record["payoff"], record["reward"], record["cost"] = payoff, reward, cost
        record["surprise"] = tanh(abs(scaled) / config.surprise_scale)
        record["error"] = min(abs(scaled), config.payoff_clip)
        self._mark(record, item.ratios, scaled, size, best, code)
        slot = self._ring.append(record)
        self._code_index[slot], self._code_value[slot] = code
        self._replay.add(slot)
        return self._ring.episode(self._ring.records[slot])

    def _mark(
        self,
        record: np.ndarray,
        ratios: dict[RippleType, float],
        scaled: float,
        size: float,
        best: float,
        code: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Add what the outcome says to the ripple statistics and note the strongest ripple."""
        config = self.config.ripples
        found = {
            **ratios,
            RippleType.LARGE_LOSS: -scaled / config.profit,
            RippleType.LARGE_PROFIT: scaled / config.profit,
            RippleType.VOLATILITY_SPIKE: size / config.volatility,
            RippleType.STRATEGY_BREAKTHROUGH: best / config.breakthrough,
        }
        if len(self._ring) >= self.config.statistics_warmup:
            near = self._separation.nearest(code, self._code_index, self._code_value, len(self._ring))
            found[RippleType.NOVEL_PATTERN] = (1.0 - near) / config.novelty
        kind, strength = self._ripples.detect(int(record["ts_event"]), int(record["step"]), found)
        record["ripple"] = 0 if kind is None else RIPPLES.index(kind) + 1
        if kind is not None:
            self._raised[kind.value] = self._raised.get(kind.value, 0) + 1
        record["strength"] = strength

    def recall(self, context: np.ndarray, k: int = 16) -> tuple[float, float, int]:
        """Nearest experiences: mean cosine of the ``k`` nearest, their mean reward, and how many there are.

        Their codes, not the contexts themselves, are compared. (0, 0, 0) when nothing is remembered.
        O(capacity·winners).
        """
        count = len(self._ring)
        if count == 0 or k < 1:
            return 0.0, 0.0, 0
        code = self._separation.encode(context)
        near = self._separation.similarities(code, self._code_index, self._code_value, count)
        top = np.argsort(-near, kind="stable")[:k]
        return float(near[top].mean()), float(self._ring.records["reward"][top].mean()), int(top.size)

    # --- by night -------------------------------------------------------------------------------------

    def replay(
        self, n_samples: int, before_step: int, generator: np.random.Generator
    ) -> tuple[Episodes, np.ndarray]:
        """Draw episodes whose decision lies before ``before_step``, by priority.

        What has been replayed falls from the entry priority to that of its own error and emotion.

        Returns
        -------
        episodes : Episodes
            ``n_samples`` of them in order of time, repeats included; empty when none is eligible.
        weights : (n_samples,) float array
            Importance weights in (0, 1], eq. 41.
        """
        held = self._ring.since(before_step)
        eligible = len(self._ring) - held.size
        slots, weights = self._replay.sample(int(n_samples), held, eligible, generator)
        if slots.size:
            self._replay.update(slots, self._priority(slots))
        order = np.argsort(self._ring.records["step"][slots], kind="stable")
        return self._ring.episodes(slots[order]), weights[order]

    def _priority(self, slots: np.ndarray, errors: np.ndarray | None = None) -> np.ndarray:
        config, rows = self.config.replay, self._ring.records[slots]
        error = rows["error"].astype(np.float64) if errors is None else np.abs(errors)
        emotion = 0.5 * (rows["fear"].astype(np.float64) + rows["surprise"])
        return error + config.emotion * emotion + config.ripple * rows["strength"]

    def update_priorities(self, steps: np.ndarray, errors: np.ndarray) -> None:
        """Replace the errors of the episodes of some decisions; forgotten ones are passed over.

        Raises
        ------
        DataError
            The lengths differ or an error is not finite.
        """
        steps, errors = np.asarray(steps), np.asarray(errors, np.float64)
        if steps.shape != errors.shape or not np.isfinite(errors).all():
            raise DataError(
                "hippocampus: errors do not fit the steps",
                got=errors,
                expected=f"{steps.shape} finite numbers",
            )
        found = [(self._ring.slot_of(int(step)), error) for step, error in zip(steps, errors, strict=True)]
        known = [(slot, error) for slot, error in found if slot is not None]
        slots = np.array([slot for slot, _ in known], np.int64)
        values = np.array([error for _, error in known])
        self._ring.records["error"][slots] = np.abs(values)
        self._replay.update(slots, self._priority(slots, values))

    def take_ripples(self) -> dict[str, int]:
        """Ripples of the episodes completed since the last call, by kind, in alphabetical order.

        Counted when an episode is complete: the last decisions of a day are not, before its night.
        """
        raised, self._raised = dict(sorted(self._raised.items())), {}
        return raised

    def held_back(self, since_step: int) -> Episodes:
        """The episodes at or after a step, oldest first."""
        return self._ring.episodes(self._ring.since(since_step))

    def recent(self, n: int) -> Episodes:
        """The last ``n`` episodes, oldest first."""
        return self._ring.episodes(self._ring.order()[-n:] if n > 0 else np.empty(0, np.int64))

    # --- state ----------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything remembered as bytes. O(size), one copy."""
        pending = [
            {**vars(p), "record": p.record.tobytes(), "ratios": {k.value: v for k, v in p.ratios.items()}}
            for p in self._pending
        ]
        usual = [[u.count, u.mean, u.variance] for u in (self._reward, self._correlation, self._cost)]
        return pack(
            {
                "ring": self._ring.state(),
                "replay": self._replay.state(),
                "ripples": self._ripples.state(),
                "pending": pending,
                "usual": usual,
                "dominant": self._dominant,
                "latest": self._latest,
                "raised": self._raised,
                "last": self._last,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back; the codes for recall are computed anew from the contexts.

        Raises
        ------
        IntegrityError
            It was taken with another book or configuration.
        """
        tree: dict[str, Any] = unpack(raw)
        self.reset()
        self._ring.load(tree["ring"])
        self._replay.load(tree["replay"])
        self._ripples.load(tree["ripples"])
        self._pending = [self._load_pending(p) for p in tree["pending"]]
        for usual, (count, mean, variance) in zip(
            (self._reward, self._correlation, self._cost), tree["usual"], strict=True
        ):
            usual.count, usual.mean, usual.variance = int(count), float(mean), float(variance)
        self._raised = {str(k): int(v) for k, v in tree["raised"].items()}
        self._last = tree["last"]
        self._dominant, self._latest = int(tree["dominant"]), int(tree["latest"])
        for slot in range(len(self._ring)):
            code = self._separation.encode(self._ring.records[slot]["context"])
            self._code_index[slot], self._code_value[slot] = code

    def _load_pending(self, state: dict[str, Any]) -> Pending:
        record = np.frombuffer(state["record"], self._dtype).copy().reshape(())
        ratios = {RippleType(name): float(value) for name, value in state["ratios"].items()}
        return Pending(**{**state, "record": record, "ratios": ratios})
