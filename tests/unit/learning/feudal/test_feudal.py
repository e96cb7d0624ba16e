import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.feudal import FeudalConfig, intrinsic_reward
from janus_trader.learning.feudal.learner import FeudalLearner, discounted
from janus_trader.learning.feudal.networks import DilatedLSTM, Manager, Worker, manager_loss, worker_loss

RADIUS, STEPS = 8, 40


class Corridor:
    """Touch the left end first, then the right end: only then 1 is paid. A random walk hardly ever does."""

    latent, observation, actions, steps = 2, 2, 2, STEPS

    def __init__(self, batch):
        self.batch = batch

    def _seen(self):
        s = np.stack([self.at / RADIUS, self.key.astype(float)], axis=1)
        return s, s.copy()

    def reset(self):
        self.at, self.key = np.zeros(self.batch, int), np.zeros(self.batch, bool)
        self.done = np.zeros(self.batch, bool)
        return self._seen()

    def step(self, action):
        self.at = np.where(self.done, self.at, np.clip(self.at + 2 * action - 1, -RADIUS, RADIUS))
        self.key |= self.at == -RADIUS
        reached = self.key & (self.at == RADIUS) & ~self.done
        self.done |= reached
        return (*self._seen(), reached.astype(float), self.done.copy())


def train(config, updates, seed=0, batch=32):
    torch.set_num_threads(1)
    learner = FeudalLearner(Corridor(batch), config, np.random.default_rng(seed))
    return learner, [learner.update() for _ in range(updates)]


def test_it_learns_two_goals_in_a_row_where_a_flat_learner_never_meets_the_reward():
    learner, feudal = train(FeudalConfig(), 0)
    while len(feudal) < 150 and (len(feudal) < 10 or np.mean(feudal[-10:]) < 0.5):
        feudal.append(learner.update())
    assert np.mean(feudal[-10:]) >= 0.5
    # the flat learner: the same worker, budget and seed, paid the extrinsic reward only, without a manager's goal
    flat = FeudalLearner(Corridor(32), FeudalConfig(intrinsic_weight=0.0), np.random.default_rng(0))
    flat._goal = lambda inputs, explore: np.full((32, 2), 1.0 / np.sqrt(2.0))
    reached = [flat.update() for _ in feudal]
    assert np.mean(reached[-10:]) < 0.05


def test_the_worker_sends_no_gradient_to_the_manager():
    torch.manual_seed(0)
    config = FeudalConfig()
    manager, worker = Manager(3, config), Worker(4, 3, 2, config)
    goals, _ = manager(torch.randn(5, 6, 3))
    logits, values, _ = worker(torch.randn(5, 6, 4), goals)
    loss = worker_loss(
        logits, values, torch.zeros(5, 6, dtype=torch.int64), torch.randn(5, 6), torch.ones(5, 6), 0.01
    )
    loss.backward()
    assert all(p.grad is None for p in manager.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in worker.parameters())


def test_the_manager_s_gradient_is_the_advantage_times_that_of_the_cosine():
    """The move is held fixed, the advantage sends no gradient to the goal."""
    goals = torch.tensor([[[0.6, 0.8]]], dtype=torch.float64, requires_grad=True)
    moves = torch.tensor([[[2.0, 0.5]]], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([[0.3]], dtype=torch.float64, requires_grad=True)
    returns, one = torch.tensor([[1.0]], dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    manager_loss(goals, values, moves, returns, one).backward()

    def cos(g):
        return g @ np.array([2.0, 0.5]) / np.linalg.norm(g) / np.linalg.norm([2.0, 0.5])

    g, h = np.array([0.6, 0.8]), 1e-6
    gradient = [(cos(g + h * e) - cos(g - h * e)) / (2 * h) for e in np.eye(2)]
    assert np.allclose(-goals.grad[0, 0].numpy(), 0.7 * np.array(gradient), atol=1e-8)
    assert moves.grad is None
    assert values.grad.item() == pytest.approx(-(1.0 - 0.3))


def test_intrinsic_reward_by_hand():
    rng = np.random.default_rng(0)
    s, g, c = rng.standard_normal((9, 4, 3)), rng.standard_normal((9, 4, 3)), 3
    got = intrinsic_reward(s, g, c)
    for t in range(9):
        for b in range(4):
            terms = [
                (s[t, b] - s[t - i, b])
                @ g[t - i, b]
                / np.linalg.norm(s[t, b] - s[t - i, b])
                / np.linalg.norm(g[t - i, b])
                for i in range(1, min(c, t) + 1)
            ]
            assert got[t, b] == pytest.approx(np.mean(terms) if terms else 0.0)
    assert np.abs(got).max() <= 1.0
    assert not intrinsic_reward(np.zeros((5, 2)), np.ones((5, 2)), 2).any()


def test_groups_of_the_dilated_lstm_take_turns():
    torch.manual_seed(1)
    core = DilatedLSTM(2, 4, groups=3)
    xs = torch.randn(7, 1, 2)
    outputs, (hidden, _) = core(xs)
    zeros = torch.zeros(1, 4)
    for group in range(3):  # each group is a plain LSTM over every third input
        h, m = zeros, zeros
        for t in range(group, 7, 3):
            h, m = core.cell(xs[t], (h, m))
        assert torch.allclose(hidden[group], h)
    assert torch.allclose(outputs[-1], hidden.mean(dim=0))
    whole, _ = core(xs[:6])
    first, state = core(xs[:3])
    second, _ = core(xs[3:6], state)
    assert torch.allclose(torch.cat([first, second]), whole)


def test_without_a_goal_the_worker_prefers_nothing():
    torch.manual_seed(2)
    worker = Worker(4, 3, 2, FeudalConfig())
    logits, _, _ = worker(torch.randn(5, 1, 4), torch.zeros(5, 1, 3))
    assert not logits.any()


def test_returns_by_hand():
    assert discounted(np.array([[1.0], [2.0], [4.0]]), 0.5)[:, 0].tolist() == [3.0, 4.0, 4.0]


def test_the_generator_decides_alone():
    _, one = train(FeudalConfig(), 3, seed=4, batch=8)
    torch.manual_seed(99)
    learner, two = train(FeudalConfig(), 3, seed=4, batch=8)
    assert one == two
    assert learner.episode(0.0)["latent"].shape == (STEPS + 1, 8, 2)


def test_goals_that_do_not_fill_the_episode_are_refused():
    with pytest.raises(ConfigError):
        FeudalLearner(Corridor(2), FeudalConfig(horizon=7), np.random.default_rng(0))
