import numpy as np
import pytest

from janus_trader.brain.hippocampus import PatternSeparation, SeparationConfig
from janus_trader.contracts.errors import ConfigError


def dense(code, units):
    out = np.zeros(units)
    out[code[0]] = code[1]
    return out


def test_winners_are_the_largest_of_the_projection():
    code = PatternSeparation(SeparationConfig(units=64, winners=8), 10)
    context = np.random.default_rng(0).uniform(-1, 1, 10)
    index, value = code.encode(context)
    response = np.tanh(code._weights @ context)
    largest = np.argsort(-np.abs(response))[:8]
    assert set(index.tolist()) == set(largest.tolist())
    np.testing.assert_allclose(value, response[index] / np.linalg.norm(response[index]))


def test_codes_are_further_apart_than_contexts():
    code = PatternSeparation(SeparationConfig(), 24)
    rng = np.random.default_rng(1)
    base = rng.uniform(-1, 1, 24)
    inside, outside = [], []
    for _ in range(200):
        other = base + 0.6 * rng.standard_normal(24)
        inside.append(base @ other / np.linalg.norm(base) / np.linalg.norm(other))
        outside.append(dense(code.encode(base), 128) @ dense(code.encode(other), 128))
    assert np.mean(outside) < np.mean(inside) - 0.1


def test_same_seed_same_code_and_bad_size_refused():
    a, b = (PatternSeparation(SeparationConfig(), 5).encode(np.ones(5)) for _ in range(2))
    assert a[1].tobytes() == b[1].tobytes()
    with pytest.raises(ConfigError):
        PatternSeparation(SeparationConfig(units=8, winners=9), 5)
