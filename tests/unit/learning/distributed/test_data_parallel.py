"""Two processes of this machine are one training."""

from functools import partial

import numpy as np
import pytest

from janus_trader.contracts.errors import IntegrityError
from janus_trader.learning.distributed import join_shards, split_shards, train_together
from support.distributed_training import SIZES, failing_member, member, ring_member, train

SETTINGS = (
    {"method": "all_reduce", "sharding": "contiguous"},
    {"method": "ring", "sharding": "round_robin"},
    {"method": "ring", "sharding": "random"},
    {"method": "all_reduce", "sharding": "stratified"},
)


@pytest.fixture(scope="module")
def alone():
    return train()


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return train_together(partial(member, SETTINGS), 2, tmp_path_factory.mktemp("group") / "meeting")


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=["-".join(s.values()) for s in SETTINGS])
def test_two_processes_have_the_loss_curve_of_one(number, alone, together):
    curve, weights, _ = alone
    members = [trainings[number] for trainings, _, _ in together]
    for theirs, their_weights, _ in members:
        # sums in another order: rounding, and nothing else
        assert np.array(theirs) == pytest.approx(np.array(curve), rel=1e-10)
        assert their_weights == pytest.approx(weights, rel=1e-8, abs=1e-10)
    assert np.array_equal(members[0][1], members[1][1])  # the processes themselves are equal to the byte
    whole = join_shards([part for _, _, part in members])
    assert train(resume=whole)[1] == pytest.approx(weights, rel=1e-8, abs=1e-10)


def test_a_training_of_two_is_resumed_by_one(alone, together):
    curve, weights, _ = alone
    stopped = [raw for _, raw, _ in together]
    assert stopped[0] == stopped[1]
    resumed_curve, resumed_weights, _ = train(resume=stopped[0])
    assert np.array(resumed_curve) == pytest.approx(np.array(curve), rel=1e-10)
    assert resumed_weights == pytest.approx(weights, rel=1e-8, abs=1e-10)


def test_the_ring_sums_like_a_plain_sum(together, tmp_path):
    three = train_together(ring_member, 3, tmp_path / "meeting")
    for world, found in ((2, [sums for _, _, sums in together]), (3, three)):
        for i, size in enumerate(SIZES):
            plain = sum(np.arange(size) * (r + 1.0) + r for r in range(world))
            for rank in range(world):
                assert np.array_equal(found[rank][i], plain)


def test_a_failing_process_stops_the_others(tmp_path):
    with pytest.raises(RuntimeError, match="planted"):
        train_together(failing_member, 2, tmp_path / "meeting")


def test_parts_that_are_not_one_checkpoint_are_refused():
    first, second = train(stop_after=2)[2], train(stop_after=3)[2]
    a, b = split_shards(first, 2), split_shards(second, 2)
    assert join_shards([a[1], a[0]]) == first
    for wrong in ([a[0]], [a[0], a[0]], [a[0], b[1]], []):
        with pytest.raises(IntegrityError):
            join_shards(wrong)
