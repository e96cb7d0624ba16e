import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.numerics.transition_ring import TransitionRing


def filled(capacity, width, rows):
    ring = TransitionRing(capacity, width)
    for first in range(0, len(rows), 3):
        ring.append(rows[first : first + 3])
    return ring


def test_keeps_the_last_rows_in_their_slots(rng):
    rows = rng.standard_normal((50, 37)).astype(np.float32)
    ring = filled(16, 37, rows)
    assert len(ring) == 16
    for k in range(34, 50):
        np.testing.assert_array_equal(ring.gather(np.array([k % 16]))[0], rows[k])


@pytest.mark.parametrize("k", [0, 1, 5, 12, 40])
def test_gathers_what_indexing_gathers(rng, k):
    rows = rng.standard_normal((30, 20)).astype(np.float32)
    slots = rng.integers(0, 30, k)
    np.testing.assert_array_equal(filled(30, 20, rows).gather(slots), rows[slots])


def test_gathered_rows_are_copies(rng):
    ring = filled(4, 2, np.ones((4, 2)))
    ring.gather(np.array([1]))[:] = 9.0
    assert ring.gather(np.array([1])).tolist() == [[1.0, 1.0]]


def test_continues_identically_after_a_restore(rng):
    for count in (5, 20):
        ring = filled(8, 3, rng.standard_normal((count, 3)))
        other = TransitionRing(8, 3)
        other.restore(ring.snapshot())
        more = rng.standard_normal((2, 3))
        assert ring.append(more).tolist() == other.append(more).tolist()
        assert ring.snapshot() == other.snapshot()
    ring.reset()
    assert ring.snapshot() == TransitionRing(8, 3).snapshot()


def test_what_does_not_fit_is_refused():
    ring = filled(4, 2, np.ones((3, 2)))
    for bad in (np.ones((2, 3)), np.ones(2), np.ones((5, 2))):
        with pytest.raises(DataError):
            ring.append(bad)
    for bad in ([3], [-1], [[0]]):
        with pytest.raises(DataError, match="slot"):
            ring.gather(np.array(bad))
    with pytest.raises(IntegrityError):
        TransitionRing(2, 2).restore(ring.snapshot())
    with pytest.raises(IntegrityError):
        ring.restore(b"\xc1")
    with pytest.raises(ConfigError):
        TransitionRing(0, 2)
