"""Bayesian online change-point detection for a scalar series."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numba import njit
from scipy.special import gammaln

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.streaming import StreamingKernel


def bocpd_dtype(max_run: int) -> np.dtype:
    """State of `BOCPD`: run-length probabilities and the posterior mean and scale of every run."""
    size = max_run + 1
    return np.dtype(
        [("p", "f8", (size,)), ("mean", "f8", (size,)), ("beta", "f8", (size,)), ("last", "f8"), ("n", "i8")],
        align=True,
    )


@njit(cache=True)
def _weigh(s: Any, x: float, table: np.ndarray, joint: np.ndarray) -> None:
    """Probability of each run times its Student-t predictive density at ``x``, up to one factor."""
    last = min(s.n, joint.shape[0] - 1)
    top = -np.inf
    for r in range(last + 1):
        z = x - s.mean[r]
        scale = s.beta[r] * table[1, r]  # beta (kappa + 1) / (alpha kappa), the squared t scale
        joint[r] = (
            table[2, r] - 0.5 * math.log(scale) - table[3, r] * math.log1p(z * z / (table[4, r] * scale))
        )
        joint[r] = joint[r] + math.log(s.p[r]) if s.p[r] > 0.0 else -np.inf
        top = max(top, joint[r])
    total = 0.0
    for r in range(last + 1):
        joint[r] = math.exp(joint[r] - top)
        total += joint[r]
    for r in range(last + 1):
        joint[r] /= total


@njit(cache=True)
def _learn(s: Any, x: float, table: np.ndarray, decay: float) -> None:
    """Posterior mean and beta of every run after ``x``, still at the run's old index."""
    size = table.shape[1]
    for r in range(min(s.n, size - 1) + 1):
        kappa = table[0, r]
        z = x - s.mean[r]
        gain = 0.5 * kappa * z * z / (kappa + 1.0)
        s.mean[r] += z / (kappa + 1.0)
        # The last entry stands for every run at least that long: its evidence is held constant by decay.
        s.beta[r] = (s.beta[r] + gain) * (decay if r == size - 1 else 1.0)


@njit(cache=True)
def _grow(s: Any, joint: np.ndarray, hazard: float, prior_mean: float, prior_beta: float) -> None:
    """Every run grows by one with probability 1 - hazard; what is left starts anew at length 0."""
    last = joint.shape[0] - 1
    if s.n >= last:
        # Two lengths meet in the last entry: their probabilities add, their statistics are averaged.
        old, new = joint[last], joint[last - 1]
        share = new / (old + new) if old + new > 0.0 else 0.5
        s.mean[last] += share * (s.mean[last - 1] - s.mean[last])
        s.beta[last] += share * (s.beta[last - 1] - s.beta[last])
        s.p[last] = (1.0 - hazard) * (old + new)
        top = last - 1
    else:
        top = s.n + 1
    for r in range(top, 0, -1):
        s.p[r] = (1.0 - hazard) * joint[r - 1]
        s.mean[r] = s.mean[r - 1]
        s.beta[r] = s.beta[r - 1]
    s.p[0] = hazard
    s.mean[0] = prior_mean
    s.beta[0] = prior_beta


@njit(cache=True)
def bocpd_step(
    s: Any,
    x: float,
    table: np.ndarray,
    joint: np.ndarray,
    hazard: float,
    prior_mean: float,
    prior_beta: float,
    decay: float,
    recent: int,
) -> float:
    """One number into the record ``s``; returns P(run length <= recent), NaN in warm-up. O(max_run)."""
    if not np.isfinite(x):
        return s.last if s.n > 0 else np.nan
    if s.n == 0:
        s.p[0] = 1.0
        s.mean[0] = prior_mean
        s.beta[0] = prior_beta
    _weigh(s, x, table, joint)
    _learn(s, x, table, decay)
    _grow(s, joint, hazard, prior_mean, prior_beta)
    s.n += 1
    s.last = np.nan
    if s.n > recent:
        s.last = 0.0
        for r in range(recent + 1):
            s.last += s.p[r]
    return s.last


@njit(cache=True)
def _update(
    states: np.ndarray,
    x: float,
    table: np.ndarray,
    hazard: float,
    prior_mean: float,
    prior_beta: float,
    decay: float,
    recent: int,
) -> float:
    joint = np.empty(table.shape[1])
    return bocpd_step(states[0], x, table, joint, hazard, prior_mean, prior_beta, decay, recent)


@njit(cache=True)
def _scan(
    states: np.ndarray,
    xs: np.ndarray,
    table: np.ndarray,
    hazard: float,
    prior_mean: float,
    prior_beta: float,
    decay: float,
    recent: int,
) -> np.ndarray:
    joint = np.empty(table.shape[1])
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = bocpd_step(states[0], xs[t], table, joint, hazard, prior_mean, prior_beta, decay, recent)
    return out


def _student_table(max_run: int, kappa: float, alpha: float) -> np.ndarray:
    """Per run length: kappa, (kappa+1)/(alpha kappa), log normaliser, (nu+1)/2, nu with nu = 2 alpha."""
    run = np.arange(max_run + 1, dtype=np.float64)
    k, a = kappa + run, alpha + 0.5 * run
    normaliser = gammaln(a + 0.5) - gammaln(a) - 0.5 * np.log(2.0 * np.pi * a)
    return np.ascontiguousarray([k, (k + 1.0) / (a * k), normaliser, a + 0.5, 2.0 * a])


class BOCPD(StreamingKernel):
    r"""Bayesian online change-point detection with a Student-t predictive.

    .. math:: p_t(r+1) \propto p_{t-1}(r)\, \pi_r(x_t)\, (1-H), \qquad
              p_t(0) \propto \sum_r p_{t-1}(r)\, \pi_r(x_t)\, H

    :math:`r` is the number of values since the last change; within a run the values are normal with
    unknown mean and variance under a normal-inverse-gamma prior, so :math:`\pi_r` is a Student t. The
    output is :math:`P(r_t \le k)`: with a constant hazard :math:`P(r_t = 0)` equals H at every step and
    must never be an alarm.

    Parameters
    ----------
    hazard : float
        H in (0, 1): one over the expected run length.
    max_run : int
        Longest run told apart, > ``recent``. The last entry stands for every longer run; its evidence
        is held at that of ``max_run`` values by forgetting, so a long calm never falls off the end.
    recent : int
        k >= 1: how recent a change counts.
    prior_mean, prior_kappa, prior_alpha, prior_beta : float
        Prior of a new run: mean, its weight in observations, and shape and scale of the inverse gamma
        law of the variance. In units of the input: the defaults suit values standardised to about unit
        variance; for returns of deviation s use ``prior_beta = prior_alpha * s**2``.

    Notes
    -----
    Output in [0, 1]; NaN for the first k values, where a run cannot be longer than k anyway. NaN input
    is ignored and repeats the last output. Works in logarithms, so no outlier underflows it. O(max_run)
    a step.

    Raises
    ------
    DataError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> b, g = BOCPD(hazard=0.01), np.random.default_rng(0)
    >>> calm = [b.update(x) for x in g.normal(0.0, 1.0, 200)][-1]
    >>> shift = [b.update(x) for x in g.normal(6.0, 1.0, 4)][-1]
    >>> bool(calm < 0.2), bool(shift > 0.9)
    (True, True)

    References
    ----------
    Adams & MacKay (2007), Bayesian online changepoint detection; Murphy (2007), Conjugate Bayesian
    analysis of the Gaussian distribution.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        hazard: float = 1.0 / 250.0,
        max_run: int = 250,
        recent: int = 5,
        prior_mean: float = 0.0,
        prior_kappa: float = 1.0,
        prior_alpha: float = 1.0,
        prior_beta: float = 1.0,
    ) -> None:
        positive = min(prior_kappa, prior_alpha, prior_beta) > 0.0 and math.isfinite(prior_mean)
        if not (0.0 < hazard < 1.0 and 1 <= recent < max_run and positive):
            raise DataError(
                "BOCPD: parameter out of range",
                got=f"hazard={hazard}, max_run={max_run}, recent={recent}, prior=({prior_mean}, "
                f"{prior_kappa}, {prior_alpha}, {prior_beta})",
                expected="0 < hazard < 1, 1 <= recent < max_run, positive kappa, alpha and beta",
            )
        table = _student_table(int(max_run), float(prior_kappa), float(prior_alpha))
        alpha = prior_alpha + 0.5 * max_run
        decay = alpha / (alpha + 0.5)
        args = (table, float(hazard), float(prior_mean), float(prior_beta), decay, int(recent))
        self._init(bocpd_dtype(int(max_run)), args, int(recent) + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(max_run=40, recent=5), cls(hazard=0.1, max_run=12, recent=2, prior_mean=100.0)]

    @property
    def run_length(self) -> np.ndarray:
        """P(run length = r) for r = 0 … max_run, (max_run + 1,); all mass at 0 before the first value."""
        if self._state["n"][0] == 0:
            return np.eye(1, self._state["p"].shape[1])[0]
        return self._state["p"][0].copy()

    @property
    def most_likely_run(self) -> int:
        """Run length with the largest probability (the smallest one on a tie)."""
        return int(np.argmax(self.run_length))
