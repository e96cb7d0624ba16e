import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.hippocampus.code_index import CodeIndex, best_memories

UNITS, WINNERS = 64, 8


def codes_of(m, seed=0):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(m):
        value = rng.standard_normal(WINNERS)
        out.append((rng.permutation(UNITS)[:WINNERS].astype(np.int16), value / np.linalg.norm(value)))
    return out


def dense_of(codes):
    out = np.zeros((len(codes), UNITS))
    for row, (index, value) in enumerate(codes):
        out[row, index] = value
    return out


def index_of(codes, capacity=64):
    index = CodeIndex(capacity, UNITS)
    for slot, code in enumerate(codes):
        index.put(slot, code)
    return index


def test_cosines_are_those_of_the_dense_codes():
    codes = codes_of(50)
    full, index = dense_of(codes), index_of(codes)
    np.testing.assert_allclose(index.cosines(codes[7], 50), full @ full[7], atol=1e-6)
    np.testing.assert_allclose(index.dense(np.array([3, 9])), full[[3, 9]], atol=1e-7)


def test_a_slot_written_again_holds_only_the_new_code():
    codes = codes_of(10)
    index = index_of(codes)
    index.put(4, codes[9])
    np.testing.assert_allclose(index.dense(np.array([4])), dense_of(codes[9:]), atol=1e-7)
    index.reset()
    assert not index.dense(np.arange(10)).any()


def brute_force(similarity, steps, floor, apart, k):
    """A memory counts where none within apart - 1 bars is more similar; the earlier of equals."""
    kept = []
    for e in range(len(similarity)):
        if not similarity[e] >= floor:
            continue
        close = [o for o in range(len(similarity)) if o != e and abs(steps[o] - steps[e]) < apart]
        if not any((similarity[o], -steps[o]) > (similarity[e], -steps[e]) for o in close):
            kept.append(e)
    return sorted(kept, key=lambda e: (-similarity[e], steps[e]))[:k]


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6), st.integers(1, 12), st.integers(0, 39))
def test_the_best_memories_are_found_exactly_wherever_the_seam_lies(seed, m, apart, k, seam):
    rng = np.random.default_rng(seed)
    steps = np.roll(np.cumsum(rng.integers(1, 3, m)), seam)
    similarity = (rng.integers(-4, 10, m) / 10).astype(np.float32)  # ties are common
    index, score = np.empty(k, np.int64), np.empty(k)
    found = best_memories(similarity, steps, 0.2, apart, index, score)
    assert index[:found].tolist() == brute_force(similarity, steps, np.float32(0.2), apart, k)
    np.testing.assert_array_equal(score[:found], similarity[index[:found]])


def test_nan_is_like_nothing_and_nothing_gives_nothing():
    index, score = np.empty(3, np.int64), np.empty(3)
    assert best_memories(np.full(4, np.nan, np.float32), np.arange(4), -1.0, 1, index, score) == 0
    assert best_memories(np.empty(0, np.float32), np.empty(0, np.int64), -1.0, 1, index, score) == 0


@pytest.mark.parametrize("apart", [1, 5])
def test_nearest_others_are_another_stretch_and_before_the_limit(apart):
    codes = codes_of(40, 3)
    full, index, steps = dense_of(codes), index_of(codes), np.arange(40)
    slots = np.array([2, 20, 39])
    similarity, which = index.nearest_others(slots, steps, apart, 30)
    for i, s in enumerate(slots):
        allowed = [e for e in range(30) if abs(e - s) >= apart]
        best = max(allowed, key=lambda e: full[e] @ full[s])
        assert which[i] == best
        assert similarity[i] == pytest.approx(full[best] @ full[s], abs=1e-6)
    none, nobody = index.nearest_others(slots, steps, 100, 30)
    assert (none.tolist(), nobody.tolist()) == ([-1.0] * 3, [-1] * 3)
