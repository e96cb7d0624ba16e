"""Ten market axioms in the rule language, and how far a choice between short, flat and long satisfies them."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES
from janus_trader.foundation.config import Config, NonNegative, Positive
from janus_trader.learning.logic import CompiledTheory, Logic, PSchedule, Theory, Workspace, parse
from janus_trader.learning.logic.kernel import forward
from janus_trader.numerics.dsp_thresholds import standard_thresholds

CHOICES = ("short", "flat", "long")
KNOWN = INSTRUMENT_FEATURES.index("known")

#: Axiom 7 sets a trend measured on its own against the side of the average that the price is on; as first
#: written (a trending market below its average is contradictory) it had the premise of axiom 2 and voted
#: against it. Noise is a statistic of its own, because "noisy" by H alone means "mean-reverting".
AXIOMS = """
sort bar({fields})

predicate trending(m in bar) = above(m.hurst, {trending}, {regime_sharpness})
predicate reverting(m in bar) = below(m.hurst, {reverting}, {regime_sharpness})
predicate stretched_up(m in bar) = above(m.divergence_score, 0, {divergence_sharpness})
predicate stretched_down(m in bar) = below(m.divergence_score, 0, {divergence_sharpness})
predicate rising(m in bar) = above(m.trend_slope, {least_slope}, {slope_sharpness})
predicate falling(m in bar) = below(m.trend_slope, -{least_slope}, {slope_sharpness})
predicate confident(m in bar) = above(m.regime_confidence, {least_confidence}, {confidence_sharpness})
predicate noisy(m in bar) = above(m.noise, {most_noise}, {noise_sharpness})
predicate extreme(m in bar) = above(abs(m.alpha_excess), {most_alpha}, {alpha_sharpness})
predicate short(m in bar) = truth(m.short)
predicate flat(m in bar) = truth(m.flat)
predicate long(m in bar) = truth(m.long)
predicate convinced(m in bar) = above(abs(m.long - m.short), {least_conviction}, {conviction_sharpness})
predicate whole(m in bar) = truth(1 - abs(m.short + m.flat + m.long - 1))

rule trend_up weight {w0}: forall m in bar: trending(m) and stretched_up(m) -> long(m)
rule trend_down weight {w1}: forall m in bar: trending(m) and stretched_down(m) -> short(m)
rule revert_down weight {w2}: forall m in bar: reverting(m) and stretched_up(m) -> short(m)
rule revert_up weight {w3}: forall m in bar: reverting(m) and stretched_down(m) -> long(m)
rule unsure weight {w4}: forall m in bar: not confident(m) -> flat(m)
rule noise weight {w5}: forall m in bar: noisy(m) -> flat(m) or not convinced(m)
rule contradiction weight {w6}:
    forall m in bar: rising(m) and stretched_down(m) or falling(m) and stretched_up(m) -> flat(m)
rule extremes weight {w7}: forall m in bar: extreme(m) -> flat(m)
rule probabilities weight {w8}: forall m in bar: whole(m)
rule conviction weight {w9}: forall m in bar: confident(m) -> convinced(m)
"""

#: Weights in the order of the rules; the other two sets put risk before return.
BALANCED = (2.0, 2.0, 1.5, 1.5, 3.0, 2.5, 2.0, 1.0, 5.0, 1.0)
RISK_FOCUSED = (1.0, 1.0, 0.5, 0.5, 5.0, 4.0, 3.0, 2.0, 5.0, 0.5)
RISK_ONLY = (0.0, 0.0, 0.0, 0.0, 5.0, 3.0, 3.0, 2.0, 5.0, 0.0)


class MarketLogicConfig(Config, frozen=True):
    """Weights, thresholds and semantics of the market axioms.

    The limits of H are quantiles over random walks (`janus_trader.numerics.dsp_thresholds`): fixed limits of
    0.6 and 0.4 would call nine in ten random walks a trend.
    """

    weights: tuple[NonNegative, ...] = BALANCED
    hurst_window: Annotated[int, Meta(description="window of the dimension: 32, 64, 128 or 256")] = 64
    hurst_level: Annotated[float, Meta(description="share of random walks called trend or reversion")] = 0.1
    regime_sharpness: Positive = 40.0
    divergence_sharpness: Positive = 5.0
    least_slope: Annotated[NonNegative, Meta(description="slope, in its deviations, that is a trend")] = 0.5
    slope_sharpness: Positive = 5.0
    least_confidence: Annotated[NonNegative, Meta(description="distance of H past its limit")] = 0.03
    confidence_sharpness: Positive = 60.0
    most_noise: Annotated[float, Meta(ge=0, le=1, description="noise from which a market is noisy")] = 0.7
    noise_sharpness: Positive = 10.0
    most_alpha: NonNegative = 0.15
    alpha_sharpness: Positive = 10.0
    least_conviction: Annotated[float, Meta(ge=0, le=1, description="|long - short| that is conviction")] = (
        0.6
    )
    conviction_sharpness: Positive = 10.0
    logic: Logic = Logic(p_sat=1.0)
    p_schedule: PSchedule = PSchedule()

    def __post_init__(self) -> None:
        if len(self.weights) != len(BALANCED) or not math.fsum(self.weights) > 0.0:
            raise ConfigError(
                "the axioms need ten weights, not all zero", got=self.weights, expected=str(BALANCED)
            )


def market_theory(config: MarketLogicConfig) -> Theory:
    """The axioms under these thresholds and weights, parsed.

    >>> print(market_theory(MarketLogicConfig()).rules[4])
    rule unsure weight 3: forall m in bar: not confident(m) -> flat(m)
    """
    limits = standard_thresholds(config.hurst_window, config.hurst_level)
    names: dict[str, Any] = {
        name: value for name in config.__struct_fields__ if isinstance(value := getattr(config, name), float)
    }
    names |= {f"w{i}": w for i, w in enumerate(config.weights)}
    fields = ", ".join((*INSTRUMENT_FEATURES, *CHOICES))
    return parse(AXIOMS.format(fields=fields, trending=limits.trending, reverting=limits.reverting, **names))


@njit(cache=True)
def _fill(facts, probabilities, columns, values, weights):  # type: ignore[no-untyped-def]
    """Write the columns of a program and which rows count; (how many do, whether every choice is finite)."""
    n, width = facts.shape
    counted, finite = 0, True
    for i in range(n):
        known = facts[i, KNOWN] > 0.0
        for j in range(width):
            known = known and math.isfinite(facts[i, j])
        weights[i] = 1.0 if known else 0.0
        counted += known
        for j in range(3):
            finite = finite and (not known or math.isfinite(probabilities[i, j]))
    for c in range(columns.size):
        j = columns[c]
        if j < width:
            for i in range(n):
                values[c * n + i] = facts[i, j]
        else:
            for i in range(n):
                values[c * n + i] = probabilities[i, j - width]
    return counted, finite


@njit(cache=True)
def _mean_truths(rows, weights, counted, out):  # type: ignore[no-untyped-def]
    """Mean over the rows that count, in [0, 1] whatever rounding does."""
    for r in range(rows.shape[0]):
        total = 0.0
        for i in range(rows.shape[1]):
            total += weights[i] * rows[r, i]
        out[r] = min(max(total / counted, 0.0), 1.0)


@njit(cache=True)
def _summarise(  # type: ignore[no-untyped-def]
    facts, probabilities, columns, rows, out, stages, outputs, code, k, leaves, offsets, rules, values, weights,
    importance, p, quantum, means, work,
):  # fmt: skip
    """Fill in, run and average in one call: satisfaction, and how many rows count. ``out`` (R,) is written."""
    counted, finite = _fill(facts, probabilities, columns, values, weights)
    if counted == 0 or not finite:
        out[:] = 1.0 if counted == 0 else 0.0
        return out[0], counted
    satisfaction = forward(
        stages, outputs, code, k, leaves, offsets, rules, values, weights, importance, p, quantum, means,
        work, rows,
    )  # fmt: skip
    _mean_truths(rows, weights, counted, out)
    return satisfaction, counted


class MarketLogic:
    r"""How far choices satisfy the market axioms: a `janus_trader.contracts.protocols.LogicLoss`.

    .. math:: L = 1 - \mathrm{SAT}, \qquad \mathrm{SAT} = \frac{\sum_k w_k s_k}{\sum_k w_k}, \qquad
              s_k = \forall_i\, \phi_k(x_i, p_i)

    Specification eq. 56 (a rule and its weight), 57 and 60 (divided by the sum of the weights, so that SAT lies
    in [0, 1]; as printed they do not), 26 and 27. ``logic.p_sat`` other than 1 aggregates by the p-mean of errors.

    Parameters
    ----------
    config : MarketLogicConfig
    theory : Theory, optional
        Other rules over a sort ``bar`` with the fields of the facts and the three choices, each rule
        ``forall m in bar: ...``; then ``config`` gives only the semantics.

    Attributes
    ----------
    names : tuple of str
        The rules.

    Raises
    ------
    ConfigError
        A theory over other things than bars.

    Notes
    -----
    A row whose ``known`` is 0, or with a fact that is not finite, does not count. No row counting: loss 0
    without gradient (∀ over nothing). numpy and numba only. O(B) with about 100 instructions a row; memory is kept for
    the last few batch sizes.

    Examples
    --------
    >>> rules = MarketLogic(MarketLogicConfig())
    >>> facts = np.zeros((1, N_INSTRUMENT_FEATURES)); facts[0, [0, 3, 7, 8, 11]] = 2.0, 0.95, 0.18, 2.0, 1.0
    >>> [round(rules.loss(np.eye(3)[[i]], facts)[0], 2) for i in range(3)]
    [0.1, 0.14, 0.01]

    References
    ----------
    Badreddine et al. (2022), Logic tensor networks.
    """

    def __init__(self, config: MarketLogicConfig, theory: Theory | None = None) -> None:
        self.config, self.theory = config, theory or market_theory(config)
        self.names = tuple(rule.name for rule in self.theory.rules)
        fields = (*INSTRUMENT_FEATURES, *CHOICES)
        sorts = {s.name: s.fields for s in self.theory.sorts}
        self._compiled = CompiledTheory(
            self.theory, config.logic, ("bar",), lambda column: column.name in CHOICES
        )
        if sorts != {"bar": fields} or not self._compiled.by_row:
            raise ConfigError(
                "not a theory about bars",
                got=sorts,
                expected=f"one sort bar({', '.join(fields)}) and rules 'forall m in bar: ...'",
            )
        self._columns = np.array([fields.index(c.name) for c in self._compiled.columns], dtype=np.int64)
        self._choices = [
            (i, fields.index(c.name) - N_INSTRUMENT_FEATURES) for i, c in enumerate(self._compiled.columns)
        ]
        self._choices = [(i, j) for i, j in self._choices if j >= 0]
        self._workspaces: dict[int, tuple[Workspace, np.ndarray]] = {}

    def loss(
        self, probabilities: np.ndarray, facts: np.ndarray, epoch: int | None = None
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """``1 − SAT``, its gradient by ``probabilities`` (B, 3), and the satisfaction of each rule (R,).

        With an ``epoch`` ∀ has the power of ``config.p_schedule`` at that epoch.

        Raises
        ------
        DataError
            Shapes that do not fit, or a choice that is not finite in a row that counts.
        """
        work, _, counted = self._prepared(probabilities, facts)
        gradient = np.zeros(probabilities.shape)
        if counted == 0:
            return 0.0, gradient, np.ones(len(self.names))
        logic = self.config.logic
        if epoch is not None:
            logic = self._at(epoch)
        satisfaction = work.run(gradient=True, logic=logic)
        for column, choice in self._choices:
            gradient[:, choice] = -work.gradients[column]
        return 1.0 - satisfaction, gradient, work.truths.copy()

    def truths(self, probabilities: np.ndarray, facts: np.ndarray) -> np.ndarray:
        """Truth of each rule for each row, (B, R) in [0, 1]; 1 for a row that does not count. Raises as `loss`."""
        work, rows, counted = self._prepared(probabilities, facts)
        if counted == 0:
            return np.ones((len(probabilities), len(self.names)))
        work.run(rows=rows)
        return rows.T.copy()

    def summary(self, probabilities: np.ndarray, facts: np.ndarray) -> tuple[float, np.ndarray, int]:
        """SAT, mean truth of each rule over the rows that count (R,), and how many those are.

        Choices that are not numbers satisfy nothing. Raises DataError for shapes that do not fit.
        """
        n, means = self._rows(probabilities, facts), np.ones(len(self.names))
        if n == 0:
            return 1.0, means, 0
        work, rows = self._room(n)
        satisfaction, counted = _summarise(
            facts, probabilities, self._columns, rows, means, *work.forward_arguments
        )
        return satisfaction, means, counted

    def _at(self, epoch: int) -> Logic:
        logic = self.config.logic
        return Logic(
            family=logic.family, implication_kind=logic.implication_kind, stable=logic.stable,
            p_forall=self.config.p_schedule.at(epoch), p_exists=logic.p_exists, p_sat=logic.p_sat,
        )  # fmt: skip

    def _rows(self, probabilities: np.ndarray, facts: np.ndarray) -> int:
        """How many rows there are. Raises DataError where choices and facts do not fit."""
        n = facts.shape[0] if facts.ndim == 2 else -1
        if facts.shape != (n, N_INSTRUMENT_FEATURES) or probabilities.shape != (n, 3):
            raise DataError(
                "choices and facts do not fit",
                got=f"probabilities {probabilities.shape}, facts {facts.shape}",
                expected=f"(B, 3) and (B, {N_INSTRUMENT_FEATURES})",
            )
        return n

    def _prepared(self, probabilities: np.ndarray, facts: np.ndarray) -> tuple[Workspace, np.ndarray, int]:
        """The inputs filled in, and how many rows count. Raises DataError where a choice of them is not finite."""
        n = self._rows(probabilities, facts)
        if n == 0:
            return self._room(1)[0], np.empty((0, 0)), 0
        work, rows = self._room(n)
        counted, finite = _fill(facts, probabilities, self._columns, work.values, work.weights)
        if not finite:
            raise DataError("a choice is not a number", got="NaN or infinity in probabilities")
        return work, rows, counted

    def _room(self, n: int) -> tuple[Workspace, np.ndarray]:
        room = self._workspaces.get(n)
        if room is None:
            if len(self._workspaces) >= 8:
                self._workspaces.pop(next(iter(self._workspaces)))
            room = self._compiled.workspace({"bar": n}), np.empty((len(self.names), n))
            self._workspaces[n] = room
        return room


def choices_of(scores: np.ndarray) -> np.ndarray:
    """Choices (n, 3) that scores (n,) in [-1, 1] stand for: |score| on its side, the rest flat.

    A score that is not finite stays NaN, so that it cannot pass for flat.

    >>> choices_of(np.array([0.5, -1.0])).tolist()
    [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]
    """
    s = np.clip(scores, -1.0, 1.0)
    return np.stack([np.maximum(-s, 0.0), 1.0 - np.abs(s), np.maximum(s, 0.0)], axis=1)
