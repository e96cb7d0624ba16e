"""Winner takes all: short, flat and long inhibit one another until one is left."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def compete(drive, policy, gain, inhibition, winner, margin):
    r"""Signed drive of the winning choice of every instrument, and its lead over the next. O(n).

    The choices gather from both pathways and inhibit one another laterally,

    .. math:: x_{long} = d^+ + g\,\pi_{long}, \quad x_{short} = d^- + g\,\pi_{short}, \quad x_{flat} = g\,\pi_{flat}
        \qquad u_c = \max\big(0,\ x_c - \kappa \textstyle\sum_{b \ne c} x_b\big)

    with d the drive of the signals, π (n, 3) the policy's probabilities of short, flat, long and g its gain.
    ``winner`` receives ±u of the strongest (0 for flat and for a tie), ``margin`` the same with the strongest
    rival taken off. κ = ½ makes an undecided policy (⅓ each) change nothing, and with g = 0 both are the drive
    itself. This is the selection circuit of the basal ganglia in its feed-forward form.

    Examples
    --------
    >>> winner, margin = np.empty(2), np.empty(2)
    >>> policy = np.array([[1 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 1.0]])
    >>> compete(np.array([0.05, -0.02]), policy, 0.06, 0.5, winner, margin)
    >>> winner.round(3).tolist(), margin.round(3).tolist()
    ([0.05, 0.05], [0.05, 0.05])

    References
    ----------
    Gurney, Prescott & Redgrave (2001). A computational model of action selection in the basal ganglia.
    """
    for i in range(drive.size):
        if gain <= 0.0:
            winner[i], margin[i] = drive[i], drive[i]
            continue
        d = drive[i]
        short = max(-d, 0.0) + gain * policy[i, 0]
        flat = gain * policy[i, 1]
        long = max(d, 0.0) + gain * policy[i, 2]
        total = short + flat + long
        u_short = max(0.0, short - inhibition * (total - short))
        u_flat = max(0.0, flat - inhibition * (total - flat))
        u_long = max(0.0, long - inhibition * (total - long))
        if u_long > u_short and u_long > u_flat:
            winner[i] = u_long
            margin[i] = u_long - max(u_short, u_flat)
        elif u_short > u_long and u_short > u_flat:
            winner[i] = -u_short
            margin[i] = -(u_short - max(u_long, u_flat))
        else:
            winner[i] = 0.0
            margin[i] = 0.0


@njit(cache=True)
def confidence_of(margin, unit, out):
    """How sure each winner is: lead / (lead + unit), in [0, 1). O(n).

    >>> out = np.empty(2)
    >>> confidence_of(np.array([-0.03, 0.0]), 0.03, out)
    >>> out.tolist()
    [0.5, 0.0]
    """
    for i in range(margin.size):
        lead = np.abs(margin[i])
        out[i] = lead / (lead + unit)
