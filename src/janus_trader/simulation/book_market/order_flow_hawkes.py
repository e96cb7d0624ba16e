"""Fit of a Hawkes order flow: events of twelve types that make each other more likely."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.optimize import minimize

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market.flow import FlowModel, quantile_table, rows
from janus_trader.simulation.book_market.flow_draw import (
    H_AT,
    H_CANCEL_AT,
    H_CANCEL_DEEP,
    H_DEEP,
    H_INSIDE,
    H_MARKET,
)
from janus_trader.simulation.book_market.flow_events import CANCEL, LIMIT, MARKET, flow_events
from janus_trader.stores.book_recordings import BookRecording

TYPES = 12
_LEAST_LOG, _MOST_LOG = -16.0, 10.0
#: A fitted flow that would explode is held at this branching ratio, so that it can be simulated.
MOST_BRANCHING = 0.98


def event_types(events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Type 0 … 11 of each event (``6 side + class``) and its distance from its side's best price in ticks.

    The distance is positive away from the market, 0 at the best, negative for an improvement; an order on
    an empty side is at the best.
    """
    buy = events["side"] == 0
    best = np.where(buy, events["bid"], events["ask"])
    behind = np.where(buy, best - events["price"], events["price"] - best)
    behind = np.where(best < 0, 0, behind)
    limit = np.select([behind < 0, behind == 0], [H_INSIDE, H_AT], H_DEEP)
    cancel = np.where(behind <= 0, H_CANCEL_AT, H_CANCEL_DEEP)
    action = events["action"]
    kind = np.select([action == MARKET, action == LIMIT, action == CANCEL], [H_MARKET, limit, cancel])
    return 6 * events["side"].astype(np.int64) + kind, behind


@njit(cache=True)
def tied_score(times, marks, horizon, mu, alpha, beta, gradient):
    """Log-likelihood with one decay for all pairs, and its gradient (mu, alpha, beta) into ``gradient``.

    What `janus_trader.numerics.hawkes.hawkes_score` gives for equal decays, in O(n d) instead of O(n d^2).
    """
    d = mu.shape[0]
    gradient[:] = 0.0
    state, slope = np.zeros(d), np.zeros(d)  # sums of exp(-beta age), and of age exp(-beta age)
    gone, drift = np.zeros(d), np.zeros(d)  # integral of the kernel after each event of a source; by beta
    total, last = 0.0, 0.0
    for k in range(times.shape[0]):
        gap, i = times[k] - last, marks[k]
        last = times[k]
        fade = math.exp(-beta * gap)
        intensity = mu[i]
        for j in range(d):
            slope[j] = fade * (slope[j] + gap * state[j])
            state[j] *= fade
            intensity += alpha[i, j] * state[j]
        total += math.log(intensity)
        gradient[i] += 1.0 / intensity
        for j in range(d):
            gradient[d + i * d + j] += state[j] / intensity
            gradient[d + d * d] -= alpha[i, j] * slope[j] / intensity
        state[i] += 1.0
        left = horizon - times[k]
        whole = -math.expm1(-beta * left) / beta
        gone[i] += whole
        drift[i] += (left * math.exp(-beta * left) - whole) / beta
    for i in range(d):
        total -= mu[i] * horizon
        gradient[i] -= horizon
        for j in range(d):
            total -= alpha[i, j] * gone[j]
            gradient[d + i * d + j] -= gone[j]
            gradient[d + d * d] -= alpha[i, j] * drift[j]
    return total


def fit_tied(
    times: np.ndarray, marks: np.ndarray, horizon: float, types: int
) -> tuple[np.ndarray, np.ndarray, float]:
    r"""Base rates (d,), jumps (d, d) and the one decay of largest likelihood.

    .. math:: \lambda_i(t) = \mu_i + \sum_j \alpha_{ij} \sum_{t_k^j < t} e^{-\beta (t - t_k^j)}

    One decay for all pairs makes a simulated event cost O(d) instead of O(d^2). L-BFGS over logarithms with
    the exact gradient, from two decays, the rate of all events and a tenth of it, because the
    likelihood may have several maxima in the decay. O(n d) an evaluation. Every type needs an event.
    """
    d, square = types, types * types
    rate = np.bincount(marks, minlength=d) / horizon
    gradient = np.zeros(d + square + 1)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        v = np.exp(theta)
        score = tied_score(times, marks, horizon, v[:d], v[d:-1].reshape(d, d), v[-1], gradient)
        return -score / len(times), -gradient * v / len(times)

    found = []
    for factor in (0.1, 1.0):
        decay = factor * rate.sum()
        guess = np.log(np.concatenate([0.5 * rate, np.full(square, 0.5 / d * decay), [decay]]))
        end = minimize(
            loss, np.clip(guess, _LEAST_LOG, _MOST_LOG), jac=True, method="L-BFGS-B",
            bounds=[(_LEAST_LOG, _MOST_LOG)] * len(guess), options={"maxiter": 120, "ftol": 1e-9, "gtol": 1e-6},
        )  # fmt: skip
        found.append(end)
    v = np.exp(min(found, key=lambda end: end.fun).x)
    return v[:d], v[d:-1].reshape(d, d), float(v[-1])


def fit_hawkes_flow(recording: BookRecording, *, most_events: int = 50_000) -> FlowModel:
    """A Hawkes flow over market orders, limit orders and cancellations by side and distance class.

    Fitted on the first ``most_events`` events after the opening by the likelihood in `fit_tied`; the model
    says how long they took. Types that never occur get no intensity. A branching ratio above 0.98 is
    scaled down to it, and ``fitted_on`` says so.

    Raises
    ------
    DataError
        Fewer than 100 events.
    ConfigError
        ``most_events`` below 100.

    References
    ----------
    Large, J. (2007). Measuring the resiliency of an electronic limit order book. Journal of Financial
    Markets 10. Bacry, E., Mastromatteo, I. and Muzy, J.-F. (2015). Hawkes processes in finance.
    """
    if most_events < 100:
        raise ConfigError("Hawkes flow: a window too short", got=most_events, expected=">= 100 events")
    every, live = flow_events(recording)
    events = every[:most_events]
    marks, behind = event_types(events)
    times = (events["ts"] - events["ts"][0]) / 1e9
    horizon = max(float(times[-1]), 1e-9)
    used = np.unique(marks)
    base, jumps, decay = fit_tied(times, np.searchsorted(used, marks), horizon, len(used))
    ratio = float(np.abs(np.linalg.eigvals(jumps / decay)).max())
    note = f"; branching ratio {ratio:.3f} scaled to {MOST_BRANCHING}" if ratio > MOST_BRANCHING else ""
    jumps = jumps * min(1.0, MOST_BRANCHING / ratio)
    mu, alpha = np.zeros(TYPES), np.zeros((TYPES, TYPES))
    mu[used], alpha[np.ix_(used, used)] = base, jumps
    kinds, h = marks % 6, recording.header

    def table(values: np.ndarray, most: int = 2**31 - 1) -> tuple[int, ...]:
        return quantile_table(np.minimum(values, most) if len(values) else np.ones(1))

    two = (events["bid"] > 0) & (events["ask"] > 0)
    spread = float((events["ask"] - events["bid"])[two].mean()) if two.any() else 1.0
    return FlowModel(
        kind="hawkes",
        fitted_on=f"{h.symbol} ({h.source}){note}",
        limit_size=table(events["quantity"][events["action"] == LIMIT]),
        market_size=table(events["quantity"][events["action"] == MARKET]),
        deep=table(behind[kinds == H_DEEP], h.n_ticks // 8),
        inside=table(-behind[kinds == H_INSIDE], h.n_ticks // 8),
        base=tuple(mu.tolist()),
        jumps=rows(alpha),
        decay=decay,
        target=max(live, 1.0),
        spread=max(spread, 1.0),
        window_s=horizon,
        events=len(events),
    )
