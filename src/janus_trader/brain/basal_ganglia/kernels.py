"""The pathways of one bar as a few compiled calls.

At twenty instruments crossing into compiled code costs as much as what is done there, so the kernels of
the parts are strung together here; what each does is said where it stands.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.brain.basal_ganglia.competition import compete, confidence_of
from janus_trader.brain.basal_ganglia.go import go_step
from janus_trader.brain.basal_ganglia.no_go import combine, volatility_ratio
from janus_trader.brain.basal_ganglia.opal import source_weights
from janus_trader.brain.basal_ganglia.patterns import cell_of
from janus_trader.brain.basal_ganglia.strategy_gate import gated_drive


@njit(cache=True)
def drive_step(  # type: ignore[no-untyped-def]
    values, active, posterior, opal_g, opal_n, own, beta, rho, source_gates, regime_weights, listed, affinity,
    evidence, context, planes, centre, scale, weights, drive,
):  # fmt: skip
    """Source weights (0 where inactive) and the drive they make; returns the cell of the context."""
    source_weights(opal_g, opal_n, own, posterior, beta, rho, weights)
    for k in range(weights.shape[0]):
        if not active[k]:
            weights[k] = 0.0
    gated_drive(
        values, active, weights, source_gates, regime_weights, posterior, listed, affinity, evidence, drive
    )
    return cell_of(planes, centre, scale, context)


@njit(cache=True)
def add_outlook(drive, outlook, strength):  # type: ignore[no-untyped-def]
    """Add ``strength * outlook`` to the drive (n,), in place; an outlook of another length, or not finite, says
    nothing."""
    if not math.isfinite(strength) or outlook.size != drive.size:
        return
    for i in range(outlook.size):
        if not math.isfinite(outlook[i]):
            return
    for i in range(outlook.size):
        drive[i] += strength * outlook[i]


@njit(cache=True)
def release_step(  # type: ignore[no-untyped-def]
    strengths, drive, previous, covariance, ready, rate, slow, custom, reason_weights, limits, threshold,
    vetoed, traces, rho, shift, c, no_go, bits, go, released, waiting,
):  # fmt: skip
    """Inhibition, activation and release; ``waiting`` marks what inhibition alone holds back.

    Returns the share of the instruments that is released and how many wait.
    """
    n = drive.shape[0]
    ratio, blocked = np.zeros(n), np.empty(n, np.bool_)
    if ready:
        volatility_ratio(covariance, slow, rate, ratio)
    combine(strengths, drive, previous, ratio, custom, reason_weights, limits, no_go, bits)
    for i in range(n):
        blocked[i] = vetoed or no_go[i] >= threshold
    share = go_step(
        drive, previous, no_go, blocked, traces[0], traces[1], traces[2], rho, shift,
        c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], go, released,
    )  # fmt: skip
    held = 0
    for i in range(n):
        waiting[i] = not released[i] and go[i] >= c[2] and no_go[i] >= threshold
        held += waiting[i]
    return share, held


@njit(cache=True)
def winner_step(  # type: ignore[no-untyped-def]
    drive, memory, recalled, eye, seen, worker, wanted, preference, gain, lateral, unit, strengths, previous,
    covariance, ready, rate, slow, custom, reason_weights, limits, threshold, vetoed, traces, rho, shift, c,
    winner, confidence, no_go, bits, go, released, waiting,
):  # fmt: skip
    """What memory, eye and worker add to the drive (`add_outlook`, each with its strength), competition,
    confidence and `release_step` of the winner's lead."""
    add_outlook(drive, memory, recalled)
    add_outlook(drive, eye, seen)
    add_outlook(drive, worker, wanted)
    lead = np.empty(drive.size)
    compete(drive, preference, gain, lateral, winner, lead)
    confidence_of(lead, unit, confidence)
    return release_step(
        strengths, lead, previous, covariance, ready, rate, slow, custom, reason_weights, limits, threshold,
        vetoed, traces, rho, shift, c, no_go, bits, go, released, waiting,
    )  # fmt: skip
