import hashlib

import numpy as np

from janus_trader.foundation.rng import Rng


def test_a_stream_is_the_philox_of_the_hash_of_its_name():
    key = int.from_bytes(hashlib.sha256(b"7:/sleep/opal:3,1").digest()[:16], "little")
    expected = np.random.Generator(np.random.Philox(key=key))
    got = Rng(7).child("sleep").child("opal").generator(3, 1)
    assert str(got.bit_generator.state) == str(expected.bit_generator.state)
    np.testing.assert_array_equal(got.standard_normal(100), expected.standard_normal(100))
    np.testing.assert_array_equal(got.integers(0, 9, 101), expected.integers(0, 9, 101))
