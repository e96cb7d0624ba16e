"""The correction of a forecast by what came true, also where the truth arrives late."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from janus_trader.numerics.pid import PID
from janus_trader.numerics.smith_predictor import SmithPredictor


class CostCorrection:
    r"""PID correction of a cost forecast (specification eq. 36) behind a Smith predictor.

    A batch of fills reports the error of the forecast that was issued for it, ``dead_time`` batches ago:
    :math:`e_t = r_t - u_{t-d}`, with the residual r of the uncorrected model. Fed back as it is, every
    correction still on its way is asked for again, and the loop rings. What the correction does to a later
    forecast is known exactly (it is added to it), so the Smith predictor is exact too:

    .. math:: f_t = u_{t-d} + (u_t - u_{t-d}) = u_t, \qquad u_{t+1} = \mathrm{PID}(r_t - f_t)

    and the loop is that without dead time, ``d`` batches later. Without dead time it changes nothing.

    Parameters
    ----------
    kp, ki, kd : float
        Gains per batch.
    derivative_filter : float
        Time constant of the derivative, in batches.
    most : float
        Bound of the correction, in basis points; the integral is back-calculated at it.
    dead_time : int
        Batches between a forecast and the report of its fills.
    smith : bool
        False feeds back the reported error as it comes.

    Notes
    -----
    A residual that is not finite changes nothing. O(1).

    Examples
    --------
    >>> c = CostCorrection(0.2, 0.1, 0.0, 3.0, 15.0)
    >>> [round(c.update(5.0), 3) for _ in range(3)]
    [1.5, 1.55, 1.885]
    """

    _value: float
    _issued: deque[float]

    def __init__(
        self,
        kp: float,
        ki: float,
        kd: float,
        derivative_filter: float,
        most: float,
        dead_time: int = 0,
        smith: bool = True,
    ) -> None:
        self._pid = PID(kp, ki, kd, tau=derivative_filter, low=-most, high=most)
        self._predictor = SmithPredictor(gain=1.0, pole=0.0, delay=dead_time)
        self._smith, self._dead_time = smith, dead_time
        self.reset()

    @property
    def value(self) -> float:
        """Correction in force, added to every forecast."""
        return self._value

    def update(self, residual: float) -> float:
        """Take in the residual (realised cost less the uncorrected forecast) of a batch; the new correction."""
        if not np.isfinite(residual):
            return self._value
        self._issued.append(self._value)
        late = self._issued[0] if len(self._issued) > self._dead_time else 0.0
        seen = float(self._predictor.update(np.array([self._value, late]))) if self._smith else late
        self._value = float(self._pid.update(np.array([residual, seen])))
        return self._value

    def reset(self) -> None:
        """No correction, nothing on its way."""
        self._pid.reset()
        self._predictor.reset()
        self._issued = deque(maxlen=self._dead_time + 1)
        self._value = 0.0

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {
            "value": self._value,
            "issued": list(self._issued),
            "pid": self._pid.snapshot(),
            "predictor": self._predictor.snapshot(),
        }

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._value = float(state["value"])
        self._issued = deque((float(x) for x in state["issued"]), maxlen=self._dead_time + 1)
        self._pid.restore(state["pid"])
        self._predictor.restore(state["predictor"])
