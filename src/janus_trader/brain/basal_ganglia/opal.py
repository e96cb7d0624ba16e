"""Opponent actor learning: the update, the two stances of a source, and a night of replay."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive

#: Contexts of the actors: the seven regimes and, last, any regime.
N_CONTEXTS = N_REGIMES + 1
ANY = N_REGIMES
FOLLOW, FADE = 0, 1


class OpalConfig(Config, frozen=True):
    """Rates of opponent actor learning.

    ``alpha / leak`` is the log-odds a source gains per unit of its information ratio per episode once it
    is well known; ``prior_episodes`` is how much evidence makes half of that.
    """

    beta: Annotated[Positive, Meta(description="inverse temperature of Act")] = 1.0
    prior_strength: Annotated[NonNegative, Meta(description="head start of following a known source")] = 0.3
    alpha_actor: Annotated[Fraction, Meta(description="rate of G and N")] = 0.005
    alpha_critic: Annotated[Fraction, Meta(description="rate of V")] = 0.05
    leak: Annotated[Fraction, Meta(description="return to the start values per update")] = 0.0008
    prior_episodes: Annotated[NonNegative, Meta(description="episodes worth of doubt")] = 1000.0
    context_prior: Annotated[
        NonNegative, Meta(description="episodes at which a regime's own weights count half")
    ] = 500.0
    memory: Annotated[Positive, Meta(description="most episodes of evidence ever counted")] = 5000.0
    lowest: Annotated[Positive, Meta(description="clamp of G and N")] = 0.05
    highest: Annotated[Positive, Meta(description="clamp of G and N")] = 5.0
    payoff_clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0
    scale_rate: Annotated[Fraction, Meta(description="rate of the reward's running mean square")] = 0.01
    scale_floor: Annotated[Positive, Meta(description="least root mean square of a payoff")] = 0.1
    cost_scale: Annotated[NonNegative, Meta(description="cost as a fraction of equity to payoff units")] = (
        60.0
    )
    score_saturation: Annotated[Positive, Meta(description="drive at which a judged position is tanh(1)")] = (
        0.25
    )
    score_risk: Annotated[NonNegative, Meta(description="aversion to the variance of a judged book")] = 0.2


@njit(cache=True)
def opal_update(g, n, v, reward, alpha_g, alpha_n, alpha_c, lowest, highest):
    r"""One step of opponent actor learning for the action chosen.

    .. math:: \delta = r - V, \quad G \leftarrow G + \alpha_G G \delta, \quad
        N \leftarrow N - \alpha_N N \delta, \quad V \leftarrow V + \alpha_C \delta

    with δ from the old V and G, N clamped to [lowest, highest]. Returns (G, N, V). O(1).

    Source: Collins & Frank 2014.

    Examples
    --------
    >>> opal_update(1.0, 1.0, 0.0, 1.0, 0.1, 0.1, 0.5, 0.01, 10.0)
    (1.1, 0.9, 0.5)
    """
    delta = reward - v
    g = min(max(g + alpha_g * g * delta, lowest), highest)
    n = min(max(n - alpha_n * n * delta, lowest), highest)
    return g, n, v + alpha_c * delta


@njit(cache=True)
def opal_act(g, n, beta, rho):
    """Act = β(1 + ρ) G − β(1 − ρ) N: dopamine ρ in [-1, 1] weighs the pathways. O(1).

    >>> opal_act(2.0, 1.0, 1.0, 0.0)
    1.0
    """
    return beta * (1.0 + rho) * g - beta * (1.0 - rho) * n


@njit(cache=True)
def stance_weight(act_follow, act_fade):
    """p(follow) − p(fade) under a softmax over follow, fade and abstain (Act 0), in (-1, 1).

    >>> stance_weight(0.7, 0.7)
    0.0
    """
    top = max(act_follow, act_fade, 0.0)
    follow, fade, abstain = np.exp(act_follow - top), np.exp(act_fade - top), np.exp(-top)
    return (follow - fade) / (follow + fade + abstain)


@njit(cache=True)
def source_weights(g, n, own, posterior, beta, rho, out):
    """Weight of each source, soft over the regime posterior. O(7·k).

    ``g`` and ``n`` are (8, k, 2); ``own`` (7, k) in [0, 1] is how far a regime's own weights count against
    those of any regime; ``out`` (k,) receives Σ_c P(c)·(p(follow | c) − p(fade | c)).
    """
    for k in range(out.size):
        total = 0.0
        for c in range(posterior.size):
            p = posterior[c]
            if p <= 0.0:
                continue
            a, b = own[c, k], 1.0 - own[c, k]
            follow = opal_act(
                a * g[c, k, FOLLOW] + b * g[ANY, k, FOLLOW],
                a * n[c, k, FOLLOW] + b * n[ANY, k, FOLLOW],
                beta,
                rho,
            )
            fade = opal_act(
                a * g[c, k, FADE] + b * g[ANY, k, FADE],
                a * n[c, k, FADE] + b * n[ANY, k, FADE],
                beta,
                rho,
            )
            total += p * stance_weight(follow, fade)
        out[k] = total


@njit(cache=True)
def replay_episodes(
    g,
    n,
    v,
    square,
    count,
    start,
    rewards,
    spoke,
    posterior,
    weight,
    cost,
    alpha,
    alpha_critic,
    leak,
    prior_episodes,
    scale_rate,
    scale_floor,
    lowest,
    highest,
):
    """Replay episodes in order; in each, both stances of every source that spoke are chosen in turn.

    Follow is paid +reward − cost, fade −reward − cost, in units of the source's running root mean square.
    In context c all rates are multiplied by the posterior P(c) (1 for any regime) and by the episode's
    weight. The leak towards ``start`` is raised by 1 + prior / count: little evidence moves the weights little.
    In place; O(E·k·8).
    """
    for e in range(rewards.shape[0]):
        for k in range(rewards.shape[1]):
            if not spoke[e, k]:
                continue
            r = rewards[e, k]
            square[k] += scale_rate * (r * r - square[k])
            unit = max(np.sqrt(square[k]), scale_floor)
            for c in range(g.shape[0]):
                share = (posterior[e, c] if c < ANY else 1.0) * weight[e]
                if share < 1e-3:
                    continue
                back = min(0.5, leak * (1.0 + prior_episodes / max(count[c, k], 1.0)) * share)
                for stance in range(2):
                    pay = (r if stance == FOLLOW else -r) / unit - cost[e]
                    a = alpha * share
                    new_g, new_n, new_v = opal_update(
                        g[c, k, stance],
                        n[c, k, stance],
                        v[c, k],
                        pay,
                        a,
                        a,
                        alpha_critic * share,
                        lowest,
                        highest,
                    )
                    g[c, k, stance] = new_g + back * (start[k, stance] - new_g)
                    n[c, k, stance] = new_n + back * (1.0 - new_n)
                    v[c, k] = new_v
