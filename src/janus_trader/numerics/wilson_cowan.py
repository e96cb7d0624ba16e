"""Wilson–Cowan oscillator: an excitatory and an inhibitory population, integrated step by step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.streaming import StreamingKernel

WILSON_COWAN_DTYPE = np.dtype([("n", "i8"), ("e", "f8"), ("i", "f8")], align=True)


class WilsonCowanParameters(NamedTuple):
    """Weights, slopes, thresholds and time constants; the defaults are those of a limit cycle.

    ``w_ei`` is from inhibition to excitation, ``w_ie`` from excitation to inhibition; times in
    milliseconds; ``r_e`` and ``r_i`` are the refractory shares; ``q`` drives the inhibitory population (the
    drive P of the excitatory one is the input).
    """

    w_ee: float = 16.0
    w_ei: float = 12.0
    w_ie: float = 15.0
    w_ii: float = 3.0
    a_e: float = 1.3
    a_i: float = 2.0
    theta_e: float = 4.0
    theta_i: float = 3.7
    tau_e: float = 8.0
    tau_i: float = 8.0
    r_e: float = 1.0
    r_i: float = 1.0
    q: float = 0.0


#: Drive P of the limit cycle of Wilson and Cowan (1972), figure 11.
CYCLE_DRIVE = 1.25
#: The defaults printed with the specification's implementation, which settle to a fixed point, and their drive.
PRINTED = WilsonCowanParameters(w_ee=12.0, w_ei=13.0, w_ie=10.0, w_ii=3.0, tau_i=12.0, q=0.5)
PRINTED_DRIVE = 1.0


@njit(cache=True)
def response(x: float, a: float, theta: float) -> float:
    """Sigmoid response of a population, 0 without input: ``1/(1+e^{-a(x-theta)}) - 1/(1+e^{a theta})``. O(1).

    >>> response(0.0, 1.3, 4.0), round(response(100.0, 1.3, 4.0), 4)
    (0.0, 0.9945)
    """
    return 1.0 / (1.0 + math.exp(-a * (x - theta))) - 1.0 / (1.0 + math.exp(a * theta))


@njit(cache=True)
def wilson_cowan_slope(e: float, i: float, p: float, w: Any) -> tuple[float, float]:
    """Time derivatives of both activities at drive ``p``; ``w`` is a `WilsonCowanParameters`. O(1)."""
    s_e = response(w.w_ee * e - w.w_ei * i + p, w.a_e, w.theta_e)
    s_i = response(w.w_ie * e - w.w_ii * i + w.q, w.a_i, w.theta_i)
    return (-e + (1.0 - w.r_e * e) * s_e) / w.tau_e, (-i + (1.0 - w.r_i * i) * s_i) / w.tau_i


@njit(cache=True)
def wilson_cowan_step(s: Any, p: float, w: Any, dt: float, substeps: int) -> None:
    """Advance a record of `WILSON_COWAN_DTYPE` by ``substeps`` Runge–Kutta steps of ``dt``. O(substeps)."""
    e, i = s.e, s.i
    for _ in range(substeps):
        e1, i1 = wilson_cowan_slope(e, i, p, w)
        e2, i2 = wilson_cowan_slope(e + 0.5 * dt * e1, i + 0.5 * dt * i1, p, w)
        e3, i3 = wilson_cowan_slope(e + 0.5 * dt * e2, i + 0.5 * dt * i2, p, w)
        e4, i4 = wilson_cowan_slope(e + dt * e3, i + dt * i3, p, w)
        e += dt * (e1 + 2.0 * e2 + 2.0 * e3 + e4) / 6.0
        i += dt * (i1 + 2.0 * i2 + 2.0 * i3 + i4) / 6.0
    s.e, s.i = e, i
    s.n += 1


@njit(cache=True)
def _update(states: Any, x: float, w: Any, dt: float, substeps: int) -> np.ndarray:
    s = states[0]
    if math.isfinite(x):
        wilson_cowan_step(s, x, w, dt, substeps)
    out = np.empty(2)
    out[0] = s.e if s.n else math.nan
    out[1] = s.i if s.n else math.nan
    return out


@njit(cache=True)
def _scan(states: Any, xs: np.ndarray, w: Any, dt: float, substeps: int) -> np.ndarray:
    ys = np.empty((xs.shape[0], 2))
    for t in range(xs.shape[0]):
        ys[t] = _update(states, xs[t], w, dt, substeps)
    return ys


class WilsonCowan(StreamingKernel):
    r"""Activities of an excitatory and an inhibitory population under a drive.

    .. math:: \tau_e \dot E = -E + (1 - r_e E)\, S_e(w_{ee} E - w_{ei} I + P), \qquad
              \tau_i \dot I = -I + (1 - r_i I)\, S_i(w_{ie} E - w_{ii} I + Q)

    with :math:`S(x) = 1/(1+e^{-a(x-\theta)}) - 1/(1+e^{a\theta})` (specification Part VI section 1).

    Parameters
    ----------
    parameters : WilsonCowanParameters
        The defaults oscillate at P = `CYCLE_DRIVE`; `PRINTED` does not oscillate at its own drive.
    dt : float
        Step of the fourth-order Runge–Kutta method in milliseconds, positive.
    substeps : int
        Steps for each input, at least 1.

    Notes
    -----
    Input: the drive P during the next ``substeps * dt`` milliseconds. Output: a row (E, I), each in [0, 1/2)
    for refractory shares of 1. Starts at rest; a drive that is not finite moves nothing. Warm-up: one input.
    O(substeps).

    Raises
    ------
    ConfigError
        A step or time constant that is not positive.

    Examples
    --------
    >>> path = WilsonCowan().transform(np.full(500, CYCLE_DRIVE))[250:, 0]
    >>> bool(np.ptp(path) > 0.1)
    True

    References
    ----------
    Wilson & Cowan (1972), Excitatory and inhibitory interactions in localized populations of model neurons.
    """

    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        parameters: WilsonCowanParameters | None = None,
        dt: float = 0.5,
        substeps: int = 4,
    ) -> None:
        w = WilsonCowanParameters() if parameters is None else WilsonCowanParameters(*map(float, parameters))
        if not (0.0 < dt < math.inf and w.tau_e > 0.0 and w.tau_i > 0.0 and np.isfinite(w).all()):
            raise ConfigError(
                "Wilson-Cowan: the equations cannot be integrated",
                got=f"dt={dt}, tau={w.tau_e}, {w.tau_i}",
                expected="positive finite dt and time constants, finite weights",
            )
        self._init(WILSON_COWAN_DTYPE, (w, float(dt), checked_period("substeps", substeps)), warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """The limit cycle, and the printed defaults."""
        return [cls(), cls(PRINTED, 1.0, 1)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Drives around that of the cycle."""
        return CYCLE_DRIVE + 0.1 * rng.standard_normal(n)


def cycle_centre(
    w: WilsonCowanParameters, p: float, dt: float = 0.5, steps: int = 4000
) -> tuple[float, float]:
    """Mean activities (E, I) over the second half of a run at constant drive: what phases turn round. O(steps).

    >>> e, i = cycle_centre(WilsonCowanParameters(), CYCLE_DRIVE)
    >>> 0.1 < e < 0.35 and 0.05 < i < 0.3
    True
    """
    path = WilsonCowan(w, dt, 1).transform(np.full(steps, float(p)))[steps // 2 :]
    return float(path[:, 0].mean()), float(path[:, 1].mean())
