"""Both learners reach the optimal policy of small worlds that value iteration solves."""

import numpy as np
import pytest

from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic, ActorCriticConfig, policy_slopes
from janus_trader.brain.basal_ganglia.double_dqn import DoubleDqn, DoubleDqnConfig
from janus_trader.brain.basal_ganglia.network import OptimiserConfig
from janus_trader.numerics.dense_network import softmax_rows

GAMMA = 0.9
FAST = OptimiserConfig(rate=0.01, decay=0.0, clip=10.0)


class World:
    """Deterministic world: ``step[s, a]``, ``reward[s, a]``, ``over[s, a]``; states are seen one-hot."""

    def __init__(self, step, reward, over):
        self.step, self.reward, self.over = map(np.array, (step, reward, over))
        self.states, self.actions = self.reward.shape
        self.seen = np.eye(self.states)

    def optimal(self, gamma=GAMMA):
        q = np.zeros_like(self.reward, float)
        for _ in range(1000):
            q = self.reward + gamma * np.where(self.over, 0.0, q.max(axis=1)[self.step])
        return q


def chain(length=6):
    """Left pays a little at once and leads nowhere, right pays 1 at the end: patience is optimal."""
    step, reward, over = np.zeros((3, length, 2))
    for s in range(length):
        step[s] = max(s - 1, 0), min(s + 1, length - 1)
        reward[s, 0] = 0.05
    reward[-1, 1], over[-1, 1] = 1.0, 1.0
    return World(step.astype(int), reward, over.astype(bool))


def grid(side=4):
    """Goal in one corner (+1), a pit beside the short way (-1), each step costs 0.02."""
    step, over = np.zeros((2, side * side, 4), int)
    reward = np.full((side * side, 4), -0.02)
    goal, pit = side * side - 1, side + 1
    for s in range(side * side):
        y, x = divmod(s, side)
        for a, (dy, dx) in enumerate(((-1, 0), (1, 0), (0, -1), (0, 1))):
            to = min(max(y + dy, 0), side - 1) * side + min(max(x + dx, 0), side - 1)
            step[s, a] = to
            if to in (goal, pit):
                reward[s, a], over[s, a] = (1.0 if to == goal else -1.0), 1
    return World(step, reward, over.astype(bool))


def endless():
    """Two states for ever: 1 stays at 0.1 a step, 0 pays 0 and leads to 1, whose action 0 pays 1 and leads back."""
    return World([[1, 0], [0, 1]], [[0.0, 0.1], [1.0, 0.1]], np.zeros((2, 2), bool))


def reached(world):
    """States worth asking about: those from which the optimal policy has something to choose."""
    q = world.optimal()
    return np.flatnonzero(q.max(axis=1) - q.min(axis=1) > 1e-9)


def is_optimal(world, choices, tolerance=1e-9):
    q, rows = world.optimal(), reached(world)
    return bool((q[rows, choices[rows]] >= q[rows].max(axis=1) - tolerance).all())


WORLDS = {"chain": chain, "grid": grid, "endless": endless}


@pytest.mark.parametrize("name", WORLDS)
def test_double_dqn_finds_the_optimal_policy_and_its_values(name):
    world, rng = WORLDS[name](), np.random.default_rng(0)
    config = DoubleDqnConfig(gamma=GAMMA, soft_update=0.05, optimiser=FAST)
    dqn = DoubleDqn((world.states, 32, world.actions), config, rng)
    for _ in range(2500):
        s, a = rng.integers(0, world.states, 64), rng.integers(0, world.actions, 64)
        dqn.learn(world.seen[s], a, world.reward[s, a], world.seen[world.step[s, a]], world.over[s, a])
    values = dqn.values(world.seen)
    assert is_optimal(world, values.argmax(axis=1))
    assert np.abs(values - world.optimal()).max() < 0.1


def rollouts(world, ac, rng, pieces, length):
    """Pieces of experience from random starts; a piece that is cut off is not over."""
    rows = []
    for _ in range(pieces):
        s = int(rng.integers(world.states))
        for t in range(length):
            a = ac.act(world.seen[s], rng)
            to, over = int(world.step[s, a]), bool(world.over[s, a])
            rows.append((s, a, world.reward[s, a], to, over, over or t == length - 1))
            if over:
                break
            s = to
    s, a, r, to, over, last = (np.array(x) for x in zip(*rows, strict=True))
    return world.seen[s], a, r.astype(float), world.seen[to], over, last


@pytest.mark.parametrize("name", WORLDS)
def test_actor_critic_with_advantages_finds_the_optimal_policy(name):
    world, rng = WORLDS[name](), np.random.default_rng(1)
    config = ActorCriticConfig(gamma=GAMMA, lam=0.8, entropy=0.003, optimiser=FAST)
    ac = ActorCritic((world.states, 32, world.actions + 1), config, rng, silent=True)
    for _ in range(400):
        ac.learn(*rollouts(world, ac, rng, 8, 6))
    assert is_optimal(world, ac.probabilities(world.seen).argmax(axis=1))


@pytest.mark.parametrize("name", ["chain", "endless"])
def test_actor_critic_with_traces_finds_the_optimal_policy(name):
    world, rng = WORLDS[name](), np.random.default_rng(2)
    config = ActorCriticConfig(gamma=GAMMA, lam=0.8, trace_rate=0.05)
    ac = ActorCritic((world.states, world.actions + 1), config, rng, silent=True)
    for _ in range(1500):
        s, over, t = int(rng.integers(world.states)), False, 0
        ac.begin()
        while not over and t < 8:
            a = ac.act(world.seen[s], rng)
            to, over = int(world.step[s, a]), bool(world.over[s, a])
            ac.follow(world.seen[s], a, float(world.reward[s, a]), world.seen[to], terminated=over)
            s, t = to, t + 1
    assert is_optimal(world, ac.probabilities(world.seen).argmax(axis=1))


def test_taking_a_cut_for_an_end_gives_other_values():
    """Pieces of one step of an endless reward: the right target is r/(1-γ), the wrong one r."""
    config = DoubleDqnConfig(gamma=GAMMA, soft_update=0.1, optimiser=FAST)
    values = []
    for over in (False, True):
        dqn = DoubleDqn((1, 8, 1), config, np.random.default_rng(0))
        for _ in range(3000):
            one = np.ones((8, 1))
            dqn.learn(one, np.zeros(8, int), np.ones(8), one, np.full(8, over))
        values.append(dqn.values(np.ones((1, 1)))[0, 0])
    assert values[0] == pytest.approx(10.0, rel=0.05)
    assert values[1] == pytest.approx(1.0, rel=0.05)


def test_slopes_are_those_of_the_loss():
    import torch

    rng = np.random.default_rng(0)
    outputs, advantages, returns = (
        rng.standard_normal((9, 4)),
        rng.standard_normal((9, 3)),
        rng.standard_normal(9),
    )
    weights, entropy, critic = rng.random(9), 0.07, 0.3
    probabilities, slopes = np.empty((9, 3)), np.empty((9, 4))
    softmax_rows(outputs[:, :3], 1.0, probabilities)
    policy_slopes(outputs, probabilities, advantages, returns, weights, entropy, critic, slopes)
    z = torch.tensor(outputs, requires_grad=True)
    log_p = torch.log_softmax(z[:, :3], dim=1)
    p = log_p.exp()
    each = -(p * torch.from_numpy(advantages)).sum(1) + entropy * (p * log_p).sum(1)
    each = each + critic * (z[:, 3] - torch.from_numpy(returns)) ** 2
    (each * torch.from_numpy(weights)).mean().backward()
    np.testing.assert_allclose(slopes, z.grad.numpy(), atol=1e-12)


def test_huber_slopes_are_torchs():
    import torch

    from janus_trader.brain.basal_ganglia.double_dqn import value_slopes

    rng = np.random.default_rng(1)
    values, targets, weights = 2 * rng.standard_normal((9, 3)), 2 * rng.standard_normal(9), rng.random(9)
    actions, slopes, errors = rng.integers(0, 3, 9), np.empty((9, 3)), np.empty(9)
    value_slopes(values, actions, targets, weights, 1.0, slopes, errors)
    z = torch.tensor(values, requires_grad=True)
    chosen = z[torch.arange(9), torch.from_numpy(actions)]
    loss = torch.nn.functional.huber_loss(chosen, torch.from_numpy(targets), reduction="none")
    (loss * torch.from_numpy(weights)).mean().backward()
    np.testing.assert_allclose(slopes, z.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(errors, targets - values[np.arange(9), actions])


def test_state_put_back_learns_on_as_if_nothing_had_happened():
    world, config = chain(), DoubleDqnConfig(gamma=GAMMA, optimiser=FAST)

    def some(dqn, seed):
        rng = np.random.default_rng(seed)
        for _ in range(30):
            s, a = rng.integers(0, 6, 16), rng.integers(0, 2, 16)
            dqn.learn(world.seen[s], a, world.reward[s, a], world.seen[world.step[s, a]], world.over[s, a])

    one, other = (DoubleDqn((6, 8, 2), config, np.random.default_rng(seed)) for seed in (0, 1))
    some(one, 0)
    other.load(one.state())
    some(one, 1)
    some(other, 1)
    assert one.online.theta.tobytes() == other.online.theta.tobytes()
    assert one.target.tobytes() == other.target.tobytes()
