"""Manager and worker as torch modules (extra ``ml``)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from janus_trader.learning.feudal.config import FeudalConfig


class DilatedLSTM(nn.Module):
    """An LSTM of ``groups`` states that take turns: at step t only group ``t % groups`` is updated.

    Each group remembers over ``groups`` times as many steps as a plain LSTM; the output is the mean of the
    groups' outputs, so that it still changes at every step (FuN, section 3.3). One set of weights.
    """

    def __init__(self, inputs: int, units: int, groups: int) -> None:
        super().__init__()
        self.cell, self.groups, self.units = nn.LSTMCell(inputs, units), groups, units

    def forward(
        self, xs: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs (T, B, units) of inputs (T, B, inputs), and the state (groups, B, units) twice.

        Group numbers count from the first step given: with a ``state`` pass a multiple of ``groups`` steps at a
        time, or one step after rolling the state.
        """
        batch = xs.shape[1]
        if state is None:
            zeros = xs.new_zeros(self.groups, batch, self.units)
            state = (zeros, zeros)
        hidden, memory = list(state[0]), list(state[1])
        outputs = []
        for t in range(xs.shape[0]):
            group = t % self.groups
            hidden[group], memory[group] = self.cell(xs[t], (hidden[group], memory[group]))
            outputs.append(torch.stack(hidden).mean(dim=0))
        return torch.stack(outputs), (torch.stack(hidden), torch.stack(memory))


class Manager(nn.Module):
    """Sets directions in latent space and values states.

    ``s`` is the latent state itself (an embedding that is not trained here); goals are unit vectors.
    """

    def __init__(self, latent: int, config: FeudalConfig) -> None:
        super().__init__()
        self.core = DilatedLSTM(latent, config.manager_units, config.dilation)
        self.goal = nn.Linear(config.manager_units, latent)
        self.value = nn.Linear(config.manager_units, 1)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Goals (M, B, d) of unit length and values (M, B) at the steps where goals are set, (M, B, d)."""
        hidden, _ = self.core(states)
        return functional.normalize(self.goal(hidden), dim=-1), self.value(hidden).squeeze(-1)


class Worker(nn.Module):
    """Acts towards the goal: logits are ``U(x) w`` with ``w = phi(g)`` a linear map without bias.

    Without a goal there is no preference: the worker can act only through what the manager asks. The goal is
    detached: no gradient of the worker reaches the manager.
    """

    def __init__(self, inputs: int, latent: int, actions: int, config: FeudalConfig) -> None:
        super().__init__()
        self.actions, self.width = actions, config.goal_units
        self.core = nn.LSTM(inputs, config.worker_units)
        self.table = nn.Linear(config.worker_units, actions * config.goal_units)
        self.project = nn.Linear(latent, config.goal_units, bias=False)
        self.value = nn.Linear(config.worker_units + config.goal_units, 1)

    def forward(
        self, xs: Tensor, goals: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Logits (T, B, actions), values (T, B) and the state, of observations (T, B, inputs) and goals (T, B, d)."""
        hidden, state = self.core(xs, state)
        w = self.project(goals.detach())
        table = self.table(hidden).unflatten(-1, (self.actions, self.width))
        logits = (table * w.unsqueeze(-2)).sum(dim=-1)
        return logits, self.value(torch.cat([hidden, w], dim=-1)).squeeze(-1), state


def manager_loss(goals: Tensor, values: Tensor, moves: Tensor, returns: Tensor, valid: Tensor) -> Tensor:
    """Transition policy gradient and value loss: ``-A cos(s_{t+c} - s_t, g_t)`` + ``(R - V)^2 / 2``.

    The gradient is ``A grad cos`` with the move held fixed: states are not pulled towards goals.
    """
    advantage = (returns - values).detach()
    aligned = functional.cosine_similarity(moves.detach(), goals, dim=-1)
    loss = -advantage * aligned + 0.5 * (returns - values) ** 2
    return (loss * valid).sum() / valid.sum().clamp(min=1.0)


def worker_loss(
    logits: Tensor, values: Tensor, actions: Tensor, returns: Tensor, valid: Tensor, entropy: float
) -> Tensor:
    """Advantage actor-critic on extrinsic plus weighted intrinsic reward."""
    advantage = (returns - values).detach()
    log = functional.log_softmax(logits, dim=-1)
    chosen = log.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    disorder = -(log.exp() * log).sum(dim=-1)
    loss = -advantage * chosen + 0.5 * (returns - values) ** 2 - entropy * disorder
    return (loss * valid).sum() / valid.sum().clamp(min=1.0)
