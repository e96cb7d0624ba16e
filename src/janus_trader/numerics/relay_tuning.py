"""Relay feedback: find a loop's ultimate gain and period, and from them the gains of a PID controller."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError, NotReady
from janus_trader.numerics.streaming import StreamingKernel

RELAY_DTYPE = np.dtype(
    [
        ("n", "i8"), ("output", "f8"), ("last", "f8"), ("switches", "i8"), ("rise", "f8"),
        ("high", "f8"), ("low", "f8"), ("amplitude", "f8"), ("period", "f8"),
    ],
    align=True,
)  # fmt: skip


class UltimatePoint(NamedTuple):
    """Gain at which a proportional loop just oscillates, and the period with which it does."""

    gain: float
    period: float


class PIDGains(NamedTuple):
    """Parallel gains, as `janus_trader.numerics.pid.PID` takes them."""

    kp: float
    ki: float
    kd: float


@njit(cache=True)
def relay_step(s: Any, error: float, amplitude: float, hysteresis: float, dt: float) -> float:
    """One error into a record of `RELAY_DTYPE`; returns plus or minus ``amplitude``. O(1).

    A cycle ends where the relay switches up; its moment is interpolated between the two errors around the
    threshold, and extremes are kept per cycle.
    """
    if not math.isfinite(error):
        return s.output if s.n > 0 else math.nan
    if s.n == 0:
        s.output = amplitude if error >= 0.0 else -amplitude
        s.high, s.low = error, error
    s.high, s.low = max(s.high, error), min(s.low, error)
    if s.output > 0.0 and error < -hysteresis:
        s.output = -amplitude
    elif s.output < 0.0 and error > hysteresis:
        s.output = amplitude
        part = (error - hysteresis) / (error - s.last) if error > s.last else 0.0
        moment = (s.n - part) * dt
        if s.switches > 0:
            s.period = moment - s.rise
            s.amplitude = 0.5 * (s.high - s.low)
        s.rise = moment
        s.switches += 1
        s.high, s.low = error, error
    s.last = error
    s.n += 1
    return s.output


@njit(cache=True)
def _update(states: np.ndarray, x: float, amplitude: float, hysteresis: float, dt: float) -> float:
    return relay_step(states[0], x, amplitude, hysteresis, dt)


@njit(cache=True)
def _scan(states: np.ndarray, xs: np.ndarray, amplitude: float, hysteresis: float, dt: float) -> np.ndarray:
    out = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        out[t] = relay_step(states[0], xs[t], amplitude, hysteresis, dt)
    return out


def ultimate_gain(relay: float, amplitude: float, hysteresis: float = 0.0) -> float:
    r"""Gain of the proportional loop that would oscillate as the relay did.

    .. math:: K_u = \frac{4 d}{\pi \sqrt{a^2 - \epsilon^2}}

    ``relay`` d > 0 is the relay's half-height, ``amplitude`` a the half-range of the error, ``hysteresis``
    ε in [0, a). The describing function keeps the first harmonic only: some per cent for plants of order
    two and more, more for a first-order lag with dead time. O(1).

    Raises
    ------
    DataError
        A number out of range.

    Examples
    --------
    >>> round(ultimate_gain(1.0, 0.5), 4)
    2.5465

    References
    ----------
    Astrom & Hagglund (1984), Automatic tuning of simple regulators, Automatica 20.
    """
    if not (0.0 < relay < math.inf and 0.0 <= hysteresis < amplitude < math.inf):
        raise DataError(
            "no oscillation to read a gain from",
            got=f"relay {relay}, amplitude {amplitude}, hysteresis {hysteresis}",
            expected="relay > 0 and amplitude > hysteresis >= 0",
        )
    return 4.0 * relay / (math.pi * math.sqrt(amplitude**2 - hysteresis**2))


class RelayTest(StreamingKernel):
    r"""On-off feedback that makes a loop oscillate, and reads its ultimate gain and period.

    .. math:: u_t = \begin{cases} +d & e_t > \epsilon \\ -d & e_t < -\epsilon \\ u_{t-1} & \text{else}
              \end{cases}

    Parameters
    ----------
    amplitude : float
        d > 0.
    hysteresis : float
        ε >= 0, above the noise of the error.
    dt : float
        Time step, > 0.

    Notes
    -----
    Input: the error (setpoint less measurement). Output: the control to apply next, -d or +d. Warm-up: 1.
    A value that is not finite repeats the last output and is not counted as time. O(1). A market loop has
    no sustained oscillation to be found: tune on a simulated plant, never live.

    Raises
    ------
    ConfigError
        A parameter out of its range.

    Examples
    --------
    >>> relay, y, pipe = RelayTest(), 0.0, [0.0] * 5
    >>> for _ in range(200):
    ...     y = 0.9 * y + 0.1 * pipe.pop(0)
    ...     pipe.append(relay.update(-y))
    >>> point = relay.ultimate()
    >>> round(point.gain, 2), round(point.period, 1)
    (3.2, 16.0)

    References
    ----------
    Astrom & Hagglund (1984), Automatic tuning of simple regulators, Automatica 20.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, amplitude: float = 1.0, hysteresis: float = 0.0, dt: float = 1.0) -> None:
        if not (0.0 < amplitude < math.inf and 0.0 <= hysteresis < math.inf and 0.0 < dt < math.inf):
            raise ConfigError(
                "relay parameters are not usable",
                got=f"amplitude {amplitude}, hysteresis {hysteresis}, dt {dt}",
                expected="amplitude > 0, hysteresis >= 0, dt > 0",
            )
        self._init(RELAY_DTYPE, (float(amplitude), float(hysteresis), float(dt)), warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Without and with hysteresis."""
        return [cls(), cls(2.0, 0.3, 0.5)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """An error that oscillates, with noise."""
        return np.sin(np.arange(n) / 5.0) + 0.2 * rng.standard_normal(n)

    @property
    def cycles(self) -> int:
        """Whole cycles seen; the first few are still a transient."""
        return max(0, int(self._state["switches"][0]) - 1)

    def ultimate(self) -> UltimatePoint:
        """Ultimate gain and period of the last whole cycle. O(1).

        Raises
        ------
        NotReady
            No cycle has been completed.
        """
        if self.cycles == 0:
            raise NotReady(
                "the relay has completed no cycle",
                got=f"{int(self._state['switches'][0])} upward switches",
                expected="at least 2",
                remedy="run the loop longer, or lower the hysteresis",
            )
        relay, hysteresis, _ = self._args
        amplitude = float(self._state["amplitude"][0])
        return UltimatePoint(ultimate_gain(relay, amplitude, hysteresis), float(self._state["period"][0]))


# controller: (K_p / K_u, T_i / T_u, T_d / T_u)
_ZIEGLER_NICHOLS = {
    "P": (0.5, math.inf, 0.0),
    "PI": (0.45, 1.0 / 1.2, 0.0),
    "PD": (0.8, math.inf, 0.125),
    "PID": (0.6, 0.5, 0.125),
}
_TYREUS_LUYBEN = {"PI": (1.0 / 3.2, 2.2, 0.0), "PID": (1.0 / 2.2, 2.2, 1.0 / 6.3)}


def _gains(rule: dict[str, tuple[float, float, float]], point: UltimatePoint, kind: str) -> PIDGains:
    if kind not in rule:
        raise ConfigError("the rule has no such controller", got=repr(kind), expected=" or ".join(rule))
    if not (0.0 < point.gain < math.inf and 0.0 < point.period < math.inf):
        raise DataError("no ultimate point", got=point, expected="a positive gain and period")
    p, i, d = rule[kind]
    kp = p * point.gain
    return PIDGains(kp, kp / (i * point.period), kp * d * point.period)


def ziegler_nichols(point: UltimatePoint, kind: str = "PID") -> PIDGains:
    r"""Gains by Ziegler and Nichols' ultimate-cycle rule: fast, with about a quarter of decay per cycle.

    P: :math:`K_p = .5 K_u`; PI: :math:`.45 K_u,\; T_i = T_u/1.2`; PD: :math:`.8 K_u,\; T_d = T_u/8`;
    PID: :math:`.6 K_u,\; T_i = T_u/2,\; T_d = T_u/8`, with :math:`k_i = K_p/T_i` and :math:`k_d = K_p T_d`.
    O(1).

    Raises
    ------
    ConfigError
        ``kind`` is not P, PI, PD or PID.
    DataError
        ``point`` is not positive.

    Examples
    --------
    >>> ziegler_nichols(UltimatePoint(10.0, 4.0))
    PIDGains(kp=6.0, ki=3.0, kd=3.0)

    References
    ----------
    Ziegler & Nichols (1942), Optimum settings for automatic controllers, Transactions of the ASME 64.
    """
    return _gains(_ZIEGLER_NICHOLS, point, kind)


def tyreus_luyben(point: UltimatePoint, kind: str = "PI") -> PIDGains:
    r"""Gains by Tyreus and Luyben's rule: slower and better damped than Ziegler and Nichols'.

    PI: :math:`K_p = K_u/3.2,\; T_i = 2.2 T_u`; PID: :math:`K_u/2.2,\; T_i = 2.2 T_u,\; T_d = T_u/6.3`. O(1).

    Raises
    ------
    ConfigError
        ``kind`` is not PI or PID.
    DataError
        ``point`` is not positive.

    Examples
    --------
    >>> tuple(round(g, 4) for g in tyreus_luyben(UltimatePoint(3.2, 1.0)))
    (1.0, 0.4545, 0.0)

    References
    ----------
    Tyreus & Luyben (1992), Tuning PI controllers for integrator/dead time processes, IECR 31.
    """
    return _gains(_TYREUS_LUYBEN, point, kind)
