import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import DataError
from janus_trader.learning.attention import GateExamples, GateTraining, gate_weights, train_gates
from janus_trader.learning.attention.training import opened
from janus_trader.numerics.cross_attention import gate_logits

STEPS = GateTraining(width=8, heads=2, steps=60)


def world(rng, n=400):
    """Channel 0 pays when modality 1 says so, channel 1 never; modality 2 is often missing."""
    tokens = rng.standard_normal((n, 3, 2))
    present = np.ones((n, 3), bool)
    present[:, 2] = rng.random(n) > 0.5
    payoff = rng.standard_normal((n, 2)) * 0.3
    payoff[:, 0] += np.sign(tokens[:, 1, 0])
    return GateExamples(
        tokens, present, rng.standard_normal((n, 4)), np.full((n, 2), 0.6), payoff, np.ones((n, 2), bool)
    )


def mean_payoff(examples, tree):
    weights = gate_weights(tree)
    rows = zip(examples.tokens, examples.present, examples.state, strict=True)
    logits = np.array([gate_logits(*row, weights, STEPS.heads, STEPS.limit) for row in rows])
    gate = opened(examples.base, logits)
    return float(((gate * examples.payoff).sum(1) / examples.base.sum(1)).mean())


def test_learns_when_a_channel_pays_and_generalises(rng):
    tree = train_gates(world(rng), STEPS, seed=3)
    fresh = world(np.random.default_rng(99), 300)
    untrained = float((fresh.base * fresh.payoff).sum(1).mean() / fresh.base.sum(1).mean())
    assert mean_payoff(fresh, tree) > untrained + 0.08


def test_same_seed_same_weights_and_torch_is_left_alone(rng):
    examples = world(rng, 50)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    a, b = (train_gates(examples, STEPS._replace(steps=5), seed=4) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(np.array_equal(a[name], b[name]) for name in a)
    c = train_gates(examples, STEPS._replace(steps=5), seed=5)
    assert not np.array_equal(a["query_e"], c["query_e"])


def test_a_shut_gate_stays_shut():
    assert opened(np.array([0.0, 1.0]), np.array([1.5, -1.5])).tolist() == [0.0, 1.0]


def test_what_cannot_be_learned_from_is_refused(rng):
    examples = world(rng, 10)
    with pytest.raises(DataError):
        train_gates(GateExamples(*(x[:0] for x in examples)), STEPS, 0)
    hurt = examples.payoff.copy()
    hurt[0, 0] = np.nan
    with pytest.raises(DataError):
        train_gates(examples._replace(payoff=hurt), STEPS, 0)
    tokens = examples.tokens.copy()
    tokens[~examples.present] = np.nan  # what is missing may be anything
    train_gates(examples._replace(tokens=tokens), STEPS._replace(steps=2), 0)
