"""Training of gates on what following each channel paid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from janus_trader.contracts.errors import DataError
from janus_trader.learning.attention.gate_network import GateNetwork


class GateExamples(NamedTuple):
    """E decisions over M modalities and Q channels.

    ``tokens`` (E, M, F) with ``present`` (E, M) bool, ``state`` (E, S), ``base`` (E, Q) the gates without attention,
    ``payoff`` (E, Q) what each channel paid per unit of gate where it ``spoke`` (E, Q) bool.
    """

    tokens: np.ndarray
    present: np.ndarray
    state: np.ndarray
    base: np.ndarray
    payoff: np.ndarray
    spoke: np.ndarray


class GateTraining(NamedTuple):
    """How the network is trained: full batches of AdamW, seeded."""

    width: int = 16
    heads: int = 2
    limit: float = 1.5
    steps: int = 150
    learning_rate: float = 0.02
    weight_decay: float = 0.05
    penalty: float = 0.02  # on squared logits: a gate moves only for evidence


def opened(base: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Gates with logits added: a gate of 0 stays 0.

    >>> opened(np.array([0.5, 0.0]), np.array([0.0, 9.0])).tolist()
    [0.5, 0.0]
    """
    odds = base * np.exp(logits)
    return odds / (1.0 - base + odds)


def train_gates(examples: GateExamples, training: GateTraining, seed: int) -> dict[str, np.ndarray]:
    r"""Weights of a `GateNetwork` that raise the gate-weighted mean payoff.

    .. math:: \max_\theta\; \frac1E\sum_e \frac{\sum_q g_{eq}\,\pi_{eq}}{\sum_q \bar g_{eq}}
              - \lambda\,\overline{\ell^2}, \qquad g = \sigma(\operatorname{logit}\bar g + \ell_\theta)

    over channels that spoke, with :math:`\bar g` the gate without attention and π the payoff.

    Parameters
    ----------
    examples : GateExamples
    training : GateTraining
    seed : int
        Of the initial weights.

    Returns
    -------
    dict
        `GateNetwork.tree`; the global random state of torch is left as it was.

    Raises
    ------
    DataError
        No example, or numbers that are not finite.

    Notes
    -----
    O(steps · E · (Q + M) d²) on one thread's order of operations: same input and seed, same weights.
    """
    numbers = (examples.tokens[examples.present], examples.state, examples.base, examples.payoff)
    if examples.tokens.shape[0] == 0 or not all(np.isfinite(x).all() for x in numbers):
        raise DataError(
            "attention: examples cannot be learned from",
            got=f"{examples.tokens.shape[0]} examples",
            expected="at least one, with finite numbers",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = GateNetwork(
            examples.tokens.shape[1],
            examples.tokens.shape[2],
            examples.base.shape[1],
            examples.state.shape[1],
            training.width,
            training.heads,
            training.limit,
        )
    present = torch.from_numpy(np.ascontiguousarray(examples.present))
    tokens = torch.from_numpy(np.where(examples.present[..., None], examples.tokens, 0.0))
    state, base, payoff, spoke = (
        torch.from_numpy(np.ascontiguousarray(x, dtype=np.float64))
        for x in (examples.state, examples.base, examples.payoff, examples.spoke)
    )
    total = (base * spoke).sum(1).clamp_min(1e-6)
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    for _ in range(training.steps):
        logits = net(tokens, present, state)
        odds = base * torch.exp(logits)
        gate = odds / (1.0 - base + odds)
        gain = ((gate * payoff * spoke).sum(1) / total).mean()
        loss = training.penalty * (logits * logits).mean() - gain
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net.tree()
