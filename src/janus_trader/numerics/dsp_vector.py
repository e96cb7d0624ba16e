"""Eight features of a price stream from one fractal dimension: the input of the regime rules."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.dsp_thresholds import Thresholds, standard_thresholds
from janus_trader.numerics.ema import checked_period, ema_next
from janus_trader.numerics.frama import checked_weights, sevcik_average_dtype, sevcik_average_step
from janus_trader.numerics.sevcik import finite_length_offset
from janus_trader.numerics.streaming import StreamingKernel

DSP_NAMES = (
    "divergence_score",
    "alpha_score",
    "dimension",
    "hurst",
    "regime",
    "divergence_sign",
    "alpha_excess",
    "regime_confidence",
)
N_DSP = len(DSP_NAMES)
ALPHA_CENTRE = 0.25
EW_SCORE_DTYPE = np.dtype([("n", "i8"), ("mean", "f8"), ("variance", "f8")], align=True)

# A deviation below this share of the numbers it was computed from is rounding, not movement.
_ROUNDING = 1e-12


@njit(cache=True)
def ew_score_step(s, x, decay, scale):
    """Score of a finite ``x`` by exponentially weighted mean and deviation, itself included. O(1).

    ``m += decay (x - m)``, ``v = (1 - decay)(v + decay (x - m_old)^2)``, score ``(x - m)/sqrt(v)`` on a
    record of `EW_SCORE_DTYPE`; the first value seeds the mean, with v = 0. Because ``x`` counts before
    it is scored, no score exceeds ``sqrt((1 - decay)/decay)``. The score is 0 where the deviation is at
    most 1e-12 of ``scale``, the size of the numbers behind ``x``.

    Examples
    --------
    >>> state = np.zeros(1, EW_SCORE_DTYPE)
    >>> [round(ew_score_step(state[0], x, 0.2, 1.0), 12) for x in (3.0, 3.0, 8.0)]
    [0.0, 0.0, 2.0]
    """
    s.n += 1
    if s.n == 1:
        s.mean = x
        return 0.0
    delta = x - s.mean
    s.mean = ema_next(s.mean, x, decay)
    s.variance = (1.0 - decay) * (s.variance + decay * delta * delta)
    deviation = math.sqrt(s.variance)
    return (x - s.mean) / deviation if deviation > _ROUNDING * scale else 0.0


def dsp_vector_dtype(window: int) -> np.dtype:
    """State of `dsp_vector_step`: the adaptive average, two scores, the output row.

    >>> dsp_vector_dtype(64)["row"].shape
    (8,)
    """
    return np.dtype(
        [
            ("n", "i8"),
            ("average", sevcik_average_dtype(window)),
            ("divergence", EW_SCORE_DTYPE),
            ("alpha", EW_SCORE_DTYPE),
            ("row", "f8", (N_DSP,)),
        ],
        align=True,
    )


@njit(cache=True)
def dsp_vector_step(s, x, slowest, fastest, offset, decay, clip, reverting, trending):
    """One finite price into a record of `dsp_vector_dtype`; the features are in ``s.row``. O(window).

    ``offset`` is taken off the published dimension; the limits of H belong to the dimension so found.
    The row is written from the full window on; the scores need some more prices to settle.
    """
    s.n += 1
    average = sevcik_average_step(s.average, x, slowest, fastest, offset)
    if s.n < s.average.curve.points.ring.shape[0] // 2:
        return
    raw = s.average.curve.dimension
    dimension = min(max(raw if raw <= 1.0 else raw - offset, 1.0), 2.0)
    h = 2.0 - dimension
    divergence, alpha = x - average, s.average.alpha
    score = ew_score_step(s.divergence, divergence, decay, max(abs(x), abs(average)))
    s.row[0] = min(max(score, -clip), clip)
    s.row[1] = ew_score_step(s.alpha, alpha, decay, 1.0)
    s.row[2] = dimension
    s.row[3] = h
    s.row[4] = 1.0 if h > trending else (-1.0 if h < reverting else 0.0)
    s.row[5] = 1.0 if divergence > 0.0 else (-1.0 if divergence < 0.0 else 0.0)
    s.row[6] = alpha - ALPHA_CENTRE
    s.row[7] = max(h - trending, reverting - h, 0.0)


@njit(cache=True)
def _update(states, x, slowest, fastest, offset, decay, clip, reverting, trending, warmup):
    s = states[0]
    if math.isfinite(x):
        dsp_vector_step(s, x, slowest, fastest, offset, decay, clip, reverting, trending)
    if s.n < warmup:
        s.row[:] = math.nan


@njit(cache=True)
def _scan(states, xs, slowest, fastest, offset, decay, clip, reverting, trending, warmup):
    ys = np.empty((xs.shape[0], N_DSP))
    for t in range(xs.shape[0]):
        _update(states, xs[t], slowest, fastest, offset, decay, clip, reverting, trending, warmup)
        ys[t] = states[0].row
    return ys


def _checked_limits(limits: Thresholds) -> Thresholds:
    """Raises ConfigError unless ``0 < reverting <= trending < 1``."""
    if not 0.0 < limits.reverting <= limits.trending < 1.0:
        raise ConfigError(
            "regime thresholds are not usable",
            got=f"reverting={limits.reverting}, trending={limits.trending}",
            expected="0 < reverting <= trending < 1",
            remedy="use standard_thresholds or calibrate_thresholds",
        )
    return limits


class DSPVector(StreamingKernel):
    r"""Eight fractal features of a price stream.

    With D the Sevcik dimension of the last ``window`` prices p, :math:`H = 2 - D`,
    :math:`\alpha = \min(\max(e^{-4.6(D-1)}, \text{slowest}), \text{fastest})` and the adaptive average
    :math:`y_t = y_{t-1} + \alpha_t (p_t - y_{t-1})`:

    ==  =================  ===========================================================================
    0   divergence_score   score of p - y (price units, not divided by price), within +-``clip``
    1   alpha_score        score of alpha, within :math:`\pm\sqrt{(1-d)/d}`, d the ``decay``
    2   dimension          D, in [1, 2]
    3   hurst              H, in [0, 1]
    4   regime             1 where H is above ``trending``, -1 where it is below ``reverting``, else 0
    5   divergence_sign    sign of p - y
    6   alpha_excess       alpha - 0.25
    7   regime_confidence  distance past the limit: max(H - trending, reverting - H, 0)
    ==  =================  ===========================================================================

    Parameters
    ----------
    window : int
        At least 3.
    slowest, fastest : float
        Limits of alpha, ``0 < slowest <= fastest <= 1``.
    decay : float
        Weight of the newest value in the scores (`ew_score_step`), in (0, 1).
    score_warmup : int
        Values a score needs before anything is given out, at least 2.
    clip : float
        Bound of the divergence score, positive.
    thresholds : Thresholds, optional
        Limits of H for the published form of D; default `standard_thresholds` of the window, outside
        which 10 % of random walks fall. Fixed limits of .4 and .6 would call 90 % of them trends.
    finite_length : bool
        Take D with - ln 2 (`sevcik_dimension`); the limits move with it, the regime stays the same
        while D is above 1. A random walk of 64 points then has alpha about .43 in place of .22.

    Notes
    -----
    Input: one price. Output: a row in the order of `DSP_NAMES`; it belongs to the instance and the next
    call writes into it. Warm-up: ``window + score_warmup - 1`` finite prices, NaN before; a price that is
    not finite repeats the last row. A constant price gives scores and sign 0, D = 1 and a trend of full
    confidence; on a straight line the divergence settles and its score goes to 0. O(window).

    Raises
    ------
    ConfigError
        A parameter out of range, or a window without tabulated thresholds and none given.

    Examples
    --------
    >>> dsp = DSPVector()
    >>> rising = np.linspace(100.0, 110.0, dsp.warmup)
    >>> row = [dsp.update(x) for x in rising][-1]
    >>> dict(zip(DSP_NAMES, row.round(3).tolist()))["regime"], row[5]
    (1.0, np.float64(1.0))

    References
    ----------
    Specification of JANUS, DSP pipeline; Ehlers (2005); Sevcik (1998), arXiv 1003.5266. The form of D
    and the calibrated limits depart from the specification, whose limits call noise a trend.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        window: int = 64,
        slowest: float = 0.01,
        fastest: float = 0.5,
        decay: float = 0.05,
        score_warmup: int = 50,
        clip: float = 3.0,
        thresholds: Thresholds | None = None,
        finite_length: bool = False,
    ) -> None:
        window = checked_period("window", window, at_least=3)
        score_warmup = checked_period("score_warmup", score_warmup, at_least=2)
        if not (0.0 < decay < 1.0 and 0.0 < clip < math.inf):
            raise ConfigError(
                "scores cannot be computed",
                got=f"decay={decay}, clip={clip}",
                expected="0 < decay < 1 and clip positive",
                remedy="set decay=0.05, clip=3.0, say",
            )
        self.thresholds = _checked_limits(standard_thresholds(window) if thresholds is None else thresholds)
        offset = finite_length_offset(window) if finite_length else 0.0
        limits = (self.thresholds.reverting + offset, self.thresholds.trending + offset)
        warmup = window + score_warmup - 1
        args = (*checked_weights(slowest, fastest), offset, float(decay), float(clip), *limits, warmup)
        self._init(dsp_vector_dtype(window), args, warmup=warmup)
        self._row = self._state["row"][0]

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual window, and a short one in the other form with limits of its own."""
        own = Thresholds(0.5, 0.8, 0.1)
        return [cls(), cls(11, score_warmup=5, clip=1.0, thresholds=own, finite_length=True)]

    def update(self, x: float) -> np.ndarray:
        """Take in one price and return the row (8,), which the next call overwrites. O(window)."""
        self._update(self._state, x, *self._args)
        return self._row

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        super().restore(raw)
        self._row = self._state["row"][0]
