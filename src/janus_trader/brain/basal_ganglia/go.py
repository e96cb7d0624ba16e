"""The direct pathway: when a score is strong enough to be released."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive


class GoConfig(Config, frozen=True):
    """Activation and thresholds of the Go side.

    A drive of ``activation_unit`` activates to ½; entry at .65 needs 1.86 units. With source weights of
    about .10 (a followed source before any learning), gates of .7 and signals of .6 in a regime that suits
    them (.7), one strategy drives .03 and stays below, two that agree drive .06 and pass.
    """

    activation_unit: Annotated[Positive, Meta(description="drive whose activation is ½")] = 0.03
    entry: Annotated[Fraction, Meta(description="threshold of a new release")] = 0.65
    exit: Annotated[Fraction, Meta(description="threshold of one in force, in its direction")] = 0.55
    scale_in: Annotated[Fraction, Meta(description="threshold where the position is already large")] = 0.70
    large_position: Annotated[Fraction, Meta(description="|weight| that counts as large")] = 0.10
    dopamine_sensitivity: Annotated[Fraction, Meta(description="effect of ρ on activation")] = 0.2
    facilitation: Annotated[Fraction, Meta(description="effect of recent releases that way")] = 0.3
    urgency: Annotated[Fraction, Meta(description="effect of a drive that keeps waiting")] = 0.2
    base: Annotated[Fraction, Meta(description="activation from which a drive waits")] = 0.5
    decay: Annotated[Fraction, Meta(description="of facilitation, urgency and adaptation per bar")] = 0.95
    adaptation: Annotated[Fraction, Meta(description="threshold shift when everything is released")] = 0.1
    usual_share: Annotated[Fraction, Meta(description="share of the book usually released")] = 0.5
    inhibition: Annotated[Fraction, Meta(description="threshold shift of full inhibition (λ of eq. 32)")] = (
        0.3
    )
    appetite_sensitivity: Annotated[
        NonNegative, Meta(description="threshold shift as appetite falls to 0")
    ] = 0.05


@njit(cache=True)
def go_step(
    drive,
    previous,
    no_go,
    blocked,
    engaged,
    trace,
    urgency,
    rho,
    shift,
    unit,
    entry,
    exit_,
    scale_in,
    large,
    sensitivity,
    facilitation,
    urge,
    base,
    decay,
    inhibition,
    go,
    released,
):
    """Activation and release of every instrument; updates engaged, trace and urgency. O(n).

    Returns the share of the instruments released.
    """
    count = 0
    for i in range(drive.size):
        strength = abs(drive[i])
        side = 1.0 if drive[i] > 0.0 else (-1.0 if drive[i] < 0.0 else 0.0)
        a = strength / (strength + unit)
        boost = sensitivity * rho + facilitation * max(0.0, trace[i] * side) + urge * urgency[i]
        boost = min(max(boost, -1.0), 1.0)
        # a + a(1 − a)·boost stays in [0, 1], is 0 without a drive and rises with it.
        go[i] = a + a * (1.0 - a) * boost
        held = side != 0.0 and engaged[i] == side
        threshold = exit_ if held else entry
        if previous[i] * side >= large and not held:
            threshold = max(threshold, scale_in)
        threshold = min(max(threshold + shift + inhibition * no_go[i], 0.0), 1.0)
        passed = side != 0.0 and go[i] >= threshold
        released[i] = passed and not blocked[i]
        if released[i]:
            count += 1
            engaged[i] = side
            urgency[i] = 0.0
        else:
            engaged[i] = 0.0
            waits = 1.0 if a >= base else 0.0
            urgency[i] = (decay * urgency[i] + 1.0 - decay) * waits
        trace[i] = decay * trace[i] + (1.0 - decay) * engaged[i]
    return count / drive.size


class GoPathway:
    """Releases scores with hysteresis, against inhibition.

    A score is released when go − λ·no_go reaches its threshold, so that the pathways compete below the
    No-Go threshold as well (specification eq. 32), and never where it is blocked.

    Hysteresis is against the direction released at the bar before, not against the held weight: a book
    with a long anchor holds weights that no signal asked for. Warm-up: none. Cost O(n).

    Parameters
    ----------
    config : GoConfig
    n : int

    Examples
    --------
    >>> go = GoPathway(GoConfig(), 2)
    >>> activation, released = go.step(
    ...     np.array([0.03, -0.06]), np.zeros(2), np.zeros(2), np.zeros(2, bool), 0.0, 1.0
    ... )
    >>> activation.round(2).tolist(), released.tolist()
    ([0.5, 0.67], [False, True])
    """

    def __init__(self, config: GoConfig, n: int) -> None:
        self.config, self.n = config, n
        c = config
        self._settings = (
            c.activation_unit,
            c.entry,
            c.exit,
            c.scale_in,
            c.large_position,
            c.dopamine_sensitivity,
            c.facilitation,
            c.urgency,
            c.base,
            c.decay,
            c.inhibition,
        )
        self.settings = np.array(self._settings)
        self.reset()

    def reset(self) -> None:
        """Nothing is released."""
        self.traces = np.zeros((3, self.n))  # engaged, trace, urgency
        self._offset = 0.0

    @property
    def engaged(self) -> np.ndarray:
        """Direction released at the last bar, (n,) in {-1, 0, 1}."""
        return np.asarray(self.traces[0])

    def shift(self, appetite: float) -> float:
        """Shift of every threshold at this appetite."""
        return self._offset + self.config.appetite_sensitivity * (1.0 - min(max(appetite, 0.0), 1.0))

    def adapt(self, share: float) -> None:
        """Move the thresholds towards the usual share of releases."""
        config = self.config
        push = config.adaptation * (share - config.usual_share)
        self._offset = config.decay * self._offset + (1.0 - config.decay) * push

    def step(
        self,
        drive: np.ndarray,
        previous: np.ndarray,
        no_go: np.ndarray,
        blocked: np.ndarray,
        rho: float,
        appetite: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Go activation (n,) in [0, 1] and what is released, (n,) bool; nothing ``blocked`` is."""
        engaged, trace, urgency = self.traces
        go, released = np.empty(self.n), np.empty(self.n, np.bool_)
        share = go_step(
            drive,
            previous,
            no_go,
            blocked,
            engaged,
            trace,
            urgency,
            rho,
            self.shift(appetite),
            *self._settings,
            go,
            released,
        )
        self.adapt(share)
        return go, released

    def state(self) -> dict[str, Any]:
        """Traces and offset."""
        engaged, trace, urgency = self.traces
        return {"engaged": engaged, "trace": trace, "urgency": urgency, "offset": self._offset}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.traces = np.array([state["engaged"], state["trace"], state["urgency"]])
        self._offset = float(state["offset"])
