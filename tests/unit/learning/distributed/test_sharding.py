import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.distributed import Sharding, shard


@given(st.integers(0, 60), st.integers(1, 7), st.sampled_from(list(Sharding)), st.integers(0, 5))
def test_shards_are_the_rows_each_once(m, world, strategy, seed):
    rows = np.arange(100, 100 + m)
    labels = rows % 3
    shards = [shard(rows, r, world, strategy, labels=labels, seed=seed) for r in range(world)]
    assert sorted(np.concatenate(shards).tolist()) == rows.tolist()
    lengths = [len(s) for s in shards]
    assert max(lengths) - min(lengths) <= 1
    if strategy == Sharding.STRATIFIED:
        for label in range(3):
            held = [int((s % 3 == label).sum()) for s in shards]
            assert max(held) - min(held) <= 1


def test_contiguous_shards_are_blocks_and_random_ones_are_not():
    rows = np.arange(40)
    assert shard(rows, 1, 2).tolist() == list(range(20, 40))
    drawn = shard(rows, 0, 2, Sharding.RANDOM, seed=1)
    assert sorted(drawn.tolist()) != list(range(20))
    assert shard(rows, 0, 2, Sharding.RANDOM, seed=1).tolist() == drawn.tolist()
    assert shard(rows, 0, 2, Sharding.RANDOM, seed=2).tolist() != drawn.tolist()


def test_what_cannot_be_dealt_out_is_refused():
    with pytest.raises(ConfigError, match="no such process"):
        shard(np.arange(3), 2, 2)
    with pytest.raises(ConfigError, match="label of every row"):
        shard(np.arange(3), 0, 2, Sharding.STRATIFIED)
