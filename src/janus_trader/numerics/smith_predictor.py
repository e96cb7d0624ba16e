"""Smith predictor: what a plant with dead time would have measured without it."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.streaming import StreamingKernel


def smith_dtype(delay: int) -> np.dtype:
    """State: ``n`` rows seen, the undelayed model's output, its last ``delay`` outputs, the last answer.

    >>> smith_dtype(3)["ring"].shape
    (3,)
    """
    return np.dtype(
        [("n", "i8"), ("model", "f8"), ("answer", "f8"), ("ring", "f8", (max(1, delay),))], align=True
    )


@njit(cache=True)
def smith_step(s, control, measurement, gain, pole, delay):
    """One step on a record of `smith_dtype`; returns the measurement freed of its dead time.

    ``control`` is the one applied since the last step, ``measurement`` what the plant shows now. A row
    with a non-finite value is ignored: the last answer comes back, NaN when there is none. O(1).
    """
    if not (math.isfinite(control) and math.isfinite(measurement)):
        return s.answer if s.n > 0 else math.nan
    s.model = pole * s.model + (1.0 - pole) * gain * control
    delayed = s.model
    if delay > 0:
        k = s.n % delay
        delayed = s.ring[k]
        s.ring[k] = s.model
    s.n += 1
    s.answer = measurement + s.model - delayed
    return s.answer


@njit(cache=True)
def _update(states, x, gain, pole, delay):
    return smith_step(states[0], x[0], x[1], gain, pole, delay)


@njit(cache=True)
def _scan(states, xs, gain, pole, delay):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], gain, pole, delay)
    return ys


class SmithPredictor(StreamingKernel):
    r"""Feedback signal for the control of a first-order plant with dead time.

    .. math::

        m_t = \phi\, m_{t-1} + (1-\phi)\, K u_{t-1}, \qquad f_t = y_t + m_t - m_{t-d}

    With an exact model :math:`f` is what the plant would show without its delay, so that the loop can be
    tuned as if there were none; the true output then follows ``d`` steps later. Model errors still come
    through :math:`y_t - m_{t-d}`. Only for stable open loops.

    A delay that is really :math:`d + \delta` leaves :math:`m_{t-d-\delta} - m_{t-d}` in the feedback. It
    vanishes at rest, so that integral action still reaches the setpoint exactly, but in motion it is a
    disturbance that the loop itself excites: gains tuned for the delay-free plant tolerate about
    :math:`|\delta|` of one closed-loop time constant and oscillate beyond. Where the delay is uncertain,
    detune the controller; a delay assumed too long is no safer than one too short.

    Parameters
    ----------
    gain : float
        Static gain K of the plant.
    pole : float
        :math:`\phi = e^{-dt/\tau}` in [0, 1).
    delay : int
        Dead time d in steps, >= 0.

    Notes
    -----
    Input: rows (control applied since the last step, measurement). Output: one float. Warm-up: 1; the
    model starts at rest. A row with a non-finite value repeats the last answer. O(1).

    Raises
    ------
    ConfigError
        A parameter out of its range.

    Examples
    --------
    >>> smith = SmithPredictor(gain=2.0, pole=0.5, delay=1)
    >>> [smith.update(np.array([1.0, y])) for y in (0.0, 1.0)]
    [1.0, 1.5]

    References
    ----------
    Smith, O. J. M. (1957). Closer control of loops with dead time. Chemical Engineering Progress 53.
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, gain: float = 1.0, pole: float = 0.9, delay: int = 1) -> None:
        if not (math.isfinite(gain) and 0.0 <= pole < 1.0 and delay == int(delay) and delay >= 0):
            raise ConfigError(
                "Smith predictor parameters are not usable",
                got=f"gain {gain}, pole {pole}, delay {delay}",
                expected="a finite gain, 0 <= pole < 1, a whole delay >= 0",
                remedy="an unstable plant (pole >= 1) needs another scheme",
            )
        self._init(smith_dtype(int(delay)), (float(gain), float(pole), int(delay)), warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Without and with dead time."""
        return [cls(delay=0), cls(gain=1.5, pole=0.8, delay=5)]
