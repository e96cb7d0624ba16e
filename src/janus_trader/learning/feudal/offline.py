"""A manager learned from remembered transitions instead of an environment (extra ``ml``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from janus_trader.learning.feudal.config import FeudalConfig
from janus_trader.learning.feudal.networks import Manager, manager_loss


def train_manager(
    stretches: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    weights: dict[str, np.ndarray] | None,
    *,
    units: int,
    dilation: int,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """Weights of a `Manager` after ``epochs`` passes over stretches of states (M, d), moves (M, d), returns (M,).

    Returns are brought to mean 0 and deviation 1. Stretches are padded to one batch. Starts from ``weights``
    or from fresh ones drawn by ``seed``; the global generator is left alone.
    """
    config = FeudalConfig(manager_units=units, dilation=dilation)
    d, longest, count = stretches[0][0].shape[1], max(len(s) for s, _, _ in stretches), len(stretches)
    states, moves = np.zeros((longest, count, d)), np.zeros((longest, count, d))
    returns, valid = np.zeros((longest, count)), np.zeros((longest, count))
    for i, (s, m, r) in enumerate(stretches):
        states[: len(s), i], moves[: len(s), i], returns[: len(s), i] = s, m, r
        valid[: len(s), i] = 1.0
    seen = returns[valid > 0.0]
    returns = np.where(valid > 0.0, (returns - seen.mean()) / max(float(seen.std()), 1e-12), 0.0)
    tensors = [torch.from_numpy(x.astype(np.float32)) for x in (states, moves, returns, valid)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        manager = Manager(d, config)
    if weights is not None:
        manager.load_state_dict({k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in weights.items()})
    optimiser = torch.optim.Adam(manager.parameters(), learning_rate)
    for _ in range(epochs):
        goals, values = manager(tensors[0])
        optimiser.zero_grad()
        manager_loss(goals, values, *tensors[1:]).backward()
        torch.nn.utils.clip_grad_norm_(manager.parameters(), config.clip_norm)
        optimiser.step()
    return {k: v.double().numpy() for k, v in manager.state_dict().items()}
