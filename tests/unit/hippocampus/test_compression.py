import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.hippocampus import Compression, CompressionConfig
from janus_trader.brain.hippocampus.compression import compress, reconstruction_error

RATIOS = (Compression.LIGHT, Compression.MEDIUM, Compression.STRONG, Compression.EXTREME)
CONFIG = CompressionConfig()


def walk(m, seed=0, size=0.15):
    return np.cumsum(np.random.default_rng(seed).standard_normal((m, 6)) * size, axis=0) + 1.0


def told(contexts, ratio, weights=None, pinned=None):
    m = len(contexts)
    weights = np.ones(m) if weights is None else weights
    pinned = np.zeros(m, bool) if pinned is None else pinned
    return compress(contexts, weights, ratio, CONFIG.similarity(ratio), pinned)


@pytest.mark.parametrize(
    ("ratio", "times", "level"), zip(RATIOS, (3, 8, 15, 25), (0.95, 0.85, 0.70, 0.50), strict=True)
)
def test_a_redundant_sequence_is_told_at_the_stated_ratio(ratio, times, level):
    assert (int(ratio), CONFIG.similarity(ratio)) == (times, level)
    chosen, mass, group = told(np.ones((600, 4)), ratio)
    assert 600 / chosen.size == times
    assert (mass == times).all()
    assert reconstruction_error(np.ones((600, 4)), chosen, group) == 0.0


def test_nothing_is_merged_without_compression_or_likeness():
    assert told(np.ones((9, 3)), Compression.NONE)[0].tolist() == list(range(9))
    turns = np.tile([[1.0, 0.0], [-1.0, 0.0]], (5, 1))
    for ratio in RATIOS:
        assert told(turns, ratio)[0].tolist() == list(range(10))


def test_stronger_compression_tells_less_and_errs_more():
    sizes, errors = [], []
    for ratio in RATIOS:
        runs = [(walk(200, seed), *told(walk(200, seed), ratio)) for seed in range(20)]
        sizes.append(np.mean([chosen.size for _, chosen, *_ in runs]))
        errors.append(np.mean([reconstruction_error(c, chosen, group) for c, chosen, _, group in runs]))
    assert (np.diff(sizes) < 0).all()
    assert (np.diff(errors) > 0).all()


@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from(RATIOS))
def test_weights_are_kept_groups_are_stretches_and_pinned_episodes_tell_themselves(seed, m, ratio):
    rng = np.random.default_rng(seed)
    contexts, weights, pinned = walk(m, seed, 0.3), rng.uniform(0.1, 2.0, m), rng.random(m) < 0.1
    chosen, mass, group = told(contexts, ratio, weights, pinned)
    assert mass.sum() == pytest.approx(weights.sum())
    np.testing.assert_allclose(mass, np.bincount(group, weights))
    assert group[0] == 0
    assert set(np.diff(group)) <= {0, 1}
    assert (group[chosen] == np.arange(chosen.size)).all()
    assert (np.diff(chosen) > 0).all()
    assert set(np.flatnonzero(pinned)) <= set(chosen)
    assert np.bincount(group).max() <= int(ratio)
    first = np.flatnonzero(np.append(True, np.diff(group) > 0))[group]
    norm = np.linalg.norm(contexts, axis=1)
    cosine = np.einsum("td,td->t", contexts, contexts[first]) / (norm * norm[first])
    assert (cosine >= CONFIG.similarity(ratio) - 1e-9).all()


def test_the_member_nearest_to_the_mean_tells_its_group():
    contexts = np.array([[1.0, 0.02], [1.0, 0.1], [1.0, 0.07]])
    chosen, _, _ = told(contexts, Compression.LIGHT)
    assert chosen.tolist() == [2]  # the mean is (1, 0.063)


def test_an_empty_sequence_and_one_without_length():
    chosen, mass, group = told(np.empty((0, 3)), Compression.LIGHT)
    assert chosen.size == mass.size == group.size == 0
    assert reconstruction_error(np.empty((0, 3)), chosen, group) == 0.0
    chosen, _, group = told(np.zeros((6, 3)), Compression.LIGHT)
    assert chosen.tolist() == [0, 3]
    assert reconstruction_error(np.zeros((6, 3)), chosen, group) == 0.0


def test_a_context_that_is_no_number_is_told_alone():
    contexts = np.ones((5, 2))
    contexts[2] = np.nan
    chosen, mass, _ = told(contexts, Compression.MEDIUM)
    assert chosen.tolist() == [0, 2, 3]
    assert mass.tolist() == [2.0, 1.0, 2.0]
