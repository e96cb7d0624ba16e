"""Feudal reinforcement learning in an environment (extra ``ml``)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.feudal.config import FeudalConfig
from janus_trader.learning.feudal.networks import Manager, Worker, manager_loss, worker_loss
from janus_trader.learning.feudal.reward import intrinsic_reward


class BatchEnvironment(Protocol):
    """``batch`` copies of one task, stepped together; a copy that is done stays where it is and pays nothing."""

    batch: int
    latent: int
    observation: int
    actions: int
    steps: int

    def reset(self) -> tuple[np.ndarray, np.ndarray]:
        """Observations (batch, observation) and latent states (batch, latent)."""
        ...

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Observations, latent states, rewards (batch,) and whether each copy is done (batch,)."""
        ...


class FeudalLearner:
    """Manager and worker learned from episodes of an environment.

    Every ``horizon`` steps the manager sets a goal, some of them at random; the worker acts towards it for
    as long and is paid the extrinsic reward plus ``intrinsic_weight`` times FuN's intrinsic reward. Both
    learn from whole episodes by advantage actor-critic, the manager by the transition policy gradient, each
    through its own optimiser. Randomness comes from ``generator`` alone, initial weights included.

    Departures from FuN: a goal is held for its whole horizon instead of being pooled over the last ones; the
    latent space is the environment's and not learned.

    Parameters
    ----------
    environment : BatchEnvironment
    config : FeudalConfig
    generator : numpy Generator
    """

    def __init__(
        self, environment: BatchEnvironment, config: FeudalConfig, generator: np.random.Generator
    ) -> None:
        if environment.steps % config.horizon:
            raise ConfigError(
                "episode is not a whole number of goals",
                got=f"{environment.steps} steps of horizon {config.horizon}",
                expected="a multiple",
            )
        self.environment, self.config, self._generator = environment, config, generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(generator.integers(2**31)))
            self.manager = Manager(environment.latent, config)
            self.worker = Worker(environment.observation, environment.latent, environment.actions, config)
        self._optimisers = [
            torch.optim.Adam(module.parameters(), config.learning_rate)
            for module in (self.manager, self.worker)
        ]

    def episode(self, explore: float) -> dict[str, np.ndarray]:
        """Play one episode in every copy: columns (T, batch, ...) and the latent states (T + 1, batch, d)."""
        env, c = self.environment, self.config
        seen, latent = env.reset()
        columns: dict[str, list[np.ndarray]] = {
            name: [] for name in ("seen", "goal", "action", "reward", "alive")
        }
        latents, done = [latent], np.zeros(env.batch, np.bool_)
        manager_inputs: list[Tensor] = []
        state: tuple[Tensor, Tensor] | None = None
        goal = np.zeros((env.batch, env.latent))
        with torch.no_grad():
            for t in range(env.steps):
                if t % c.horizon == 0:
                    manager_inputs.append(_tensor(latent))
                    goal = self._goal(manager_inputs, explore)
                logits, _, state = self.worker(_tensor(seen)[None], _tensor(goal)[None], state)
                action = self._drawn(logits[0].double().numpy())
                for name, value in (("seen", seen), ("goal", goal), ("action", action), ("alive", ~done)):
                    columns[name].append(np.array(value))
                seen, latent, reward, ended = env.step(action)
                columns["reward"].append(np.where(done, 0.0, reward))
                done = done | ended
                latents.append(latent)
        return {**{name: np.stack(rows) for name, rows in columns.items()}, "latent": np.stack(latents)}

    def _goal(self, inputs: list[Tensor], explore: float) -> np.ndarray:
        goals, _ = self.manager(torch.stack(inputs))
        goal = goals[-1].double().numpy()
        random = self._generator.standard_normal(goal.shape)
        random /= np.linalg.norm(random, axis=-1, keepdims=True)
        return np.where(self._generator.random((len(goal), 1)) < explore, random, goal)

    def _drawn(self, logits: np.ndarray) -> np.ndarray:
        noise = self._generator.gumbel(size=logits.shape)
        return (logits + noise).argmax(axis=-1)

    def update(self) -> float:
        """One episode in every copy and one step of both networks; the mean extrinsic return."""
        c, e = self.config, self.episode(self.config.explore)
        alive = e["alive"].astype(np.float64)
        goals = np.concatenate([e["goal"], e["goal"][-1:]])
        intrinsic = intrinsic_reward(e["latent"], goals, c.horizon)[1:]
        pay = (e["reward"] + c.intrinsic_weight * intrinsic) * alive
        logits, values, _ = self.worker(_tensor(e["seen"]), _tensor(e["goal"]))
        self._descend(
            1,
            worker_loss(
                logits,
                values,
                torch.from_numpy(e["action"]),
                _tensor(discounted(pay, c.worker_discount)),
                _tensor(alive),
                c.entropy,
            ),
        )
        at = np.arange(0, self.environment.steps, c.horizon)
        moves = e["latent"][at + c.horizon] - e["latent"][at]
        returns = discounted(e["reward"] * alive, c.manager_discount)[at]
        set_goals, worth = self.manager(_tensor(e["latent"][at]))
        self._descend(0, manager_loss(set_goals, worth, _tensor(moves), _tensor(returns), _tensor(alive[at])))
        return float(e["reward"].sum(axis=0).mean())

    def _descend(self, which: int, loss: Tensor) -> None:
        module = (self.manager, self.worker)[which]
        self._optimisers[which].zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), self.config.clip_norm)
        self._optimisers[which].step()


def discounted(reward: np.ndarray, discount: float) -> np.ndarray:
    """Discounted sums of rewards (T, ...) from each step to the end.

    >>> discounted(np.array([0.0, 0.0, 1.0]), 0.5).tolist()
    [0.25, 0.5, 1.0]
    """
    out = np.zeros_like(reward, dtype=np.float64)
    total = np.zeros(reward.shape[1:])
    for t in range(len(reward) - 1, -1, -1):
        total = reward[t] + discount * total
        out[t] = total
    return out


def _tensor(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
