"""Declarative memory: statements about what follows what, with their support, revised and forgotten.

A statement reads "in BEAR with rising correlation: next return of the book -0.4 % ± 0.2 % (31 bars)". It is
learned by night from decisions whose outcome is known, weighted by how far the regime was believed in, and
asked by day for what to expect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.cortex.feature_row import COLUMN
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.message import Message
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.config import Config, Fraction, Positive

#: Circumstances a statement may name besides the regime. Each holds, does not hold or is unknown.
CONDITIONS: tuple[str, ...] = (
    "",
    "rising correlation",
    "falling correlation",
    "rising volatility",
    "falling volatility",
    "positive momentum",
    "negative momentum",
)
_CORRELATION, _ROC, _MOMENTUM = (
    COLUMN[name] for name in ("average_correlation", "vol_rate_of_change", "momentum")
)
_RELATION = "next return of the book"
_FIELDS = ("weight", "sum", "sum2", "first", "last", "sign", "revisions")
_WEIGHT, _SUM, _SUM2, _FIRST, _LAST, _SIGN, _REVISIONS = range(len(_FIELDS))


class KnowledgeConfig(Config, frozen=True):
    """How fast statements fade and how much they need."""

    halflife: Annotated[Positive, Meta(description="decisions after which an outcome counts half")] = 504.0
    prior_support: Annotated[
        Positive, Meta(description="decisions' worth of belief that nothing is to be expected")
    ] = 63.0
    min_support: Annotated[Positive, Meta(description="effective decisions before a statement is made")] = (
        21.0
    )
    min_weight: Annotated[Fraction, Meta(description="belief in a regime from which an outcome counts")] = 0.1


class Statement(Message, frozen=True):
    """One thing known: ``subject`` (a regime), ``condition`` ("" for any), ``relation``, ``value`` ± ``error``.

    ``value`` is shrunk towards 0 by the prior; ``error`` is one standard error; ``support`` the decisions
    behind it, each counted by belief in the regime and by age; ``confidence`` in [0, 1] how sure its sign is;
    ``first_ts`` and ``last_ts`` when it was first and last observed; ``revisions`` how often its sign changed.
    """

    subject: str
    condition: str
    relation: str
    value: float
    error: float
    support: float
    confidence: float
    first_ts: int
    last_ts: int
    revisions: int

    def __str__(self) -> str:
        given = f" with {self.condition}" if self.condition else ""
        return (
            f"in {self.subject}{given}: {self.relation} {self.value:+.2%} ± {self.error:.2%} "
            f"({self.support:.0f} decisions, confidence {self.confidence:.2f})"
        )


class Expectation(Message, frozen=True):
    """What is to be expected of the next bar: the book's return, in [-1, 1] over its usual deviation
    (``outlook``), how sure that is, and the statements it rests on, weightiest first."""

    reward: float
    outlook: float
    confidence: float
    statements: tuple[Statement, ...]


def conditions_of(rows: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Which of `CONDITIONS` hold, (m, 7) bool, given feature rows (m, 15) and those some bars before.

    What is unknown (NaN) neither holds nor fails.

    >>> from janus_trader.brain.cortex.feature_row import ROW
    >>> now, before = np.full((1, ROW), np.nan), np.full((1, ROW), np.nan)
    >>> now[0, COLUMN["average_correlation"]], before[0, COLUMN["average_correlation"]] = 0.6, 0.4
    >>> [name for name, holds in zip(CONDITIONS, conditions_of(now, before)[0]) if holds]
    ['', 'rising correlation']
    """
    moved = rows[:, _CORRELATION] - earlier[:, _CORRELATION]
    roc, momentum = rows[:, _ROC], rows[:, _MOMENTUM]
    always = np.ones(len(rows), np.bool_)
    return np.stack([always, moved > 0, moved < 0, roc > 0, roc < 0, momentum > 0, momentum < 0], axis=1)


class KnowledgeBase:
    """Statements for every regime and condition, as decaying moments of outcomes.

    With weights :math:`w_i = p_i 2^{-age_i / halflife}` the support is :math:`n = \\sum w`, the value
    :math:`\\sum w r / (n + n_0)` with prior support :math:`n_0`, and the confidence
    :math:`2 \\Phi(|value| / error) - 1`. Each decision counts once. A statement whose sign changes is revised
    and says so; one that is no longer observed fades below ``min_support`` and is not made any more.
    O(49) an outcome.

    Parameters
    ----------
    config : KnowledgeConfig

    Examples
    --------
    >>> base, bear = KnowledgeBase(), np.eye(7)[[Regime.BEAR] * 200]
    >>> rewards = np.random.default_rng(0).normal(-0.004, 0.01, 200)
    >>> base.learn(np.arange(200), np.arange(200), bear, rewards, np.eye(7, dtype=bool)[[0] * 200])
    200
    >>> statement = base.statements()[0]
    >>> statement.subject, statement.value < -0.002, statement.confidence > 0.9
    ('BEAR', True, True)
    """

    def __init__(self, config: KnowledgeConfig | None = None) -> None:
        self.config = config or KnowledgeConfig()
        self.reset()

    def reset(self) -> None:
        """Know nothing."""
        self._table = np.zeros((N_REGIMES, len(CONDITIONS), len(_FIELDS)))
        self._usual = np.zeros(3)  # weight, sum and sum of squares of all outcomes
        self._latest = -1  # the last decision that counted
        self._known: list[list[Statement | None]] | None = None  # made when asked for, dropped when learning

    def learn(
        self,
        step: np.ndarray,
        ts_event: np.ndarray,
        posterior: np.ndarray,
        reward: np.ndarray,
        conditions: np.ndarray,
    ) -> int:
        """Take in outcomes (m,), (m,), (m, 7), (m,), (m, 7) bool; how many were new and whole.

        Decisions up to the last one that counted are passed over, so that handing a day over twice teaches
        nothing twice; rows with NaN are left out.

        Raises
        ------
        DataError
            The columns do not fit each other.
        """
        step, reward = np.asarray(step, dtype=np.int64), np.asarray(reward, dtype=np.float64)
        p, holds = np.asarray(posterior, dtype=np.float64), np.asarray(conditions, dtype=np.bool_)
        m = len(step)
        if not m:
            return 0
        if reward.shape != (m,) or p.shape != (m, N_REGIMES) or holds.shape != (m, len(CONDITIONS)):
            raise DataError(
                "outcomes do not fit",
                got=f"{step.shape}, {p.shape}, {reward.shape}, {holds.shape}",
                expected=f"(m,), (m, 7), (m,), (m, {len(CONDITIONS)})",
            )
        learned, self._known = 0, None
        for i in np.argsort(step, kind="stable"):
            if step[i] > self._latest and np.isfinite(reward[i]) and np.isfinite(p[i]).all():
                self._observe(int(step[i]), int(ts_event[i]), p[i], float(reward[i]), holds[i])
                learned += 1
        return learned

    def _observe(self, step: int, ts: int, p: np.ndarray, reward: float, holds: np.ndarray) -> None:
        passed = step - self._latest if self._latest >= 0 else 1
        self._latest = step
        fade = 0.5 ** (passed / self.config.halflife)
        t, self._usual = self._table, self._usual * fade + [1.0, reward, reward * reward]
        t[:, :, [_WEIGHT, _SUM, _SUM2]] *= fade
        weight = np.where(p >= self.config.min_weight, p, 0.0)[:, None] * holds
        seen = weight > 0.0
        t[:, :, _FIRST] = np.where(seen & (t[:, :, _WEIGHT] == 0.0), ts, t[:, :, _FIRST])
        t[:, :, _LAST] = np.where(seen, ts, t[:, :, _LAST])
        t[:, :, _WEIGHT] += weight
        t[:, :, _SUM] += weight * reward
        t[:, :, _SUM2] += weight * reward * reward
        stated = seen & (t[:, :, _WEIGHT] >= self.config.min_support)
        sign = np.where(stated, np.sign(t[:, :, _SUM]), t[:, :, _SIGN])
        t[:, :, _REVISIONS] += stated & (t[:, :, _SIGN] != 0.0) & (sign * t[:, :, _SIGN] < 0.0)
        t[:, :, _SIGN] = sign

    def _all(self) -> list[list[Statement | None]]:
        """Statements by regime and condition. They change by night only, so that a day asks for little."""
        if self._known is None:
            self._known = [[self._statement(k, j) for j in range(len(CONDITIONS))] for k in range(N_REGIMES)]
        return self._known

    def _statement(self, regime: int, condition: int) -> Statement | None:
        row, c = self._table[regime, condition], self.config
        support = float(row[_WEIGHT])
        if support < c.min_support:
            return None
        mean = float(row[_SUM] / row[_WEIGHT])
        variance = max(float(row[_SUM2] / row[_WEIGHT]) - mean * mean, 0.0)
        usual = self._usual_variance()
        # the spread, too, is shrunk to the usual one: few outcomes agree by chance
        spread = (support * variance + c.prior_support * usual) / (support + c.prior_support)
        value = mean * support / (support + c.prior_support)
        error = math.sqrt(spread / (support + c.prior_support))
        confidence = math.erf(abs(value) / error / math.sqrt(2.0)) if error > 0.0 else 0.0
        return Statement(
            subject=Regime(regime).name,
            condition=CONDITIONS[condition],
            relation=_RELATION,
            value=value,
            error=error,
            support=support,
            confidence=confidence,
            first_ts=int(row[_FIRST]),
            last_ts=int(row[_LAST]),
            revisions=int(row[_REVISIONS]),
        )

    def _usual_variance(self) -> float:
        weight, total, squares = self._usual
        return max(float(squares / weight - (total / weight) ** 2), 0.0) if weight > 0.0 else 0.0

    def statements(
        self, subject: Regime | None = None, condition: str | None = None, min_confidence: float = 0.0
    ) -> tuple[Statement, ...]:
        """What is known, surest first; optionally about one regime or condition only."""
        found = [
            statement
            for k, row in enumerate(self._all())
            for j, statement in enumerate(row)
            if (subject is None or k == subject) and (condition is None or CONDITIONS[j] == condition)
        ]
        kept = [s for s in found if s is not None and s.confidence >= min_confidence]
        return tuple(sorted(kept, key=lambda s: (-s.confidence, s.subject, s.condition)))

    def expect(self, posterior: Sequence[float], holds: np.ndarray | None = None) -> Expectation:
        """What to expect of the next bar, given the regime's posterior (7,) and which conditions hold (7,) bool.

        Of each regime the mean of the statements that apply, weighted by confidence; regimes weighted by their
        probability. Nothing known: 0, confidence 0. O(49).
        """
        applies = [False] * len(CONDITIONS) if holds is None else np.asarray(holds, np.bool_).tolist()
        applies[0], table = True, self._all()
        reward, confidence = 0.0, 0.0
        used: list[tuple[float, Statement]] = []
        for k, p in enumerate(posterior):
            if not p >= self.config.min_weight:
                continue
            known = [s for s, holding in zip(table[k], applies, strict=True) if holding and s is not None]
            total = sum(s.confidence for s in known)
            if total <= 0.0:
                continue
            reward += p * sum(s.confidence * s.value for s in known) / total
            confidence += p * total / len(known)
            used += [(p * s.confidence, s) for s in known]
        usual = math.sqrt(self._usual_variance())
        outlook = math.tanh(reward / usual) if usual > 0.0 else 0.0
        order = sorted(range(len(used)), key=lambda i: (-used[i][0], i))
        return Expectation(
            reward=reward,
            outlook=outlook,
            confidence=min(confidence, 1.0),
            statements=tuple(used[i][1] for i in order),
        )

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {"table": self._table, "usual": self._usual, "latest": self._latest}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for a tree of another shape."""
        table = np.array(state["table"], dtype=np.float64)
        if table.shape != self._table.shape:
            raise IntegrityError("knowledge does not fit", got=table.shape, expected=str(self._table.shape))
        self._table, self._usual = table, np.array(state["usual"], dtype=np.float64)
        self._latest, self._known = int(state["latest"]), None
