"""PID controller: filtered derivative on the measurement, clamped output, back-calculated integral."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.streaming import StreamingKernel

PID_DTYPE = np.dtype(
    [("n", "i8"), ("integral", "f8"), ("measurement", "f8"), ("slope", "f8"), ("output", "f8")], align=True
)


@njit(cache=True)
def pid_step(s, setpoint, measurement, dt, kp, ki, kd, tau, low, high, back):
    """One step on a record of `PID_DTYPE`; returns the output in [low, high].

    A row with a non-finite value is ignored: the last output comes back, NaN when there is none. O(1).

    >>> state = np.zeros(1, PID_DTYPE)
    >>> pid_step(state[0], 1.0, 0.0, 1.0, 2.0, 0.5, 0.0, 0.0, -9.0, 9.0, 1.0)
    2.5
    """
    if not (math.isfinite(setpoint) and math.isfinite(measurement)):
        return s.output if s.n > 0 else math.nan
    error = setpoint - measurement
    if s.n > 0:
        s.slope += dt / (tau + dt) * ((measurement - s.measurement) / dt - s.slope)
    s.measurement = measurement
    s.integral += ki * error * dt
    wanted = kp * error + s.integral - kd * s.slope
    s.output = min(high, max(low, wanted))
    s.integral += back * dt * (s.output - wanted)
    s.n += 1
    return s.output


@njit(cache=True)
def _update(states, x, dt, kp, ki, kd, tau, low, high, back):
    return pid_step(states[0], x[0], x[1], dt, kp, ki, kd, tau, low, high, back)


@njit(cache=True)
def _scan(states, xs, dt, kp, ki, kd, tau, low, high, back):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], dt, kp, ki, kd, tau, low, high, back)
    return ys


class PID(StreamingKernel):
    r"""Discrete PID controller (specification eq. 36).

    .. math::

        I_t = I_{t-1} + k_i e_t\,dt, \quad
        v_t = k_p e_t + I_t - k_d \dot y_t, \quad
        u_t = \mathrm{clip}(v_t), \quad
        I_t \leftarrow I_t + b\,(u_t - v_t)\,dt

    with :math:`e = r - y`. The derivative is that of the measurement, through a first-order filter of
    time constant ``tau``, so that a step of the setpoint does not kick; ``back`` is the back-calculation
    gain that keeps the integral from winding up while the output is clamped. P, PI and PD controllers
    are the same with the other gains at 0; gains from a relay test come from
    `janus_trader.numerics.relay_tuning`.

    Parameters
    ----------
    kp, ki, kd : float
        Gains, finite.
    dt : float
        Time step, > 0.
    tau : float
        Time constant of the derivative filter, >= 0.
    low, high : float
        Range of the output, low < high; infinities allowed.
    back : float
        In [0, 1/dt].

    Notes
    -----
    Input: rows (setpoint, measurement). Output: one float in [low, high]. Warm-up: 1. A row with a
    non-finite value repeats the last output and leaves the state alone. O(1).

    Raises
    ------
    ConfigError
        A parameter out of its range.

    Examples
    --------
    >>> pid = PID(kp=1.0, ki=0.5, kd=0.0)
    >>> [pid.update(np.array([1.0, y])) for y in (0.0, 0.5)]
    [1.5, 1.25]

    References
    ----------
    Åström, K. J., Hägglund, T. (2006). Advanced PID Control, chapter 3.
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        kp: float = 1.0,
        ki: float = 0.1,
        kd: float = 0.05,
        *,
        dt: float = 1.0,
        tau: float = 0.0,
        low: float = -math.inf,
        high: float = math.inf,
        back: float = 1.0,
    ) -> None:
        finite = all(math.isfinite(x) for x in (kp, ki, kd, dt, tau, back))
        if not (finite and dt > 0.0 and tau >= 0.0 and low < high and 0.0 <= back * dt <= 1.0):
            raise ConfigError(
                "PID parameters are not usable",
                got=f"gains {kp}, {ki}, {kd}; dt {dt}; tau {tau}; range [{low}, {high}]; back {back}",
                expected="finite gains, dt > 0, tau >= 0, low < high, 0 <= back * dt <= 1",
            )
        args = tuple(float(x) for x in (dt, kp, ki, kd, tau, low, high, back))
        self._init(PID_DTYPE, args, warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """One free, one clamped."""
        return [cls(), cls(2.0, 0.3, 0.1, dt=0.5, tau=1.0, low=-1.0, high=1.0)]
