"""Parameters that one process holds: in lock step equal to one process, otherwise ahead by a bound."""

import multiprocessing
import time
from functools import partial

import numpy as np
import pytest

from janus_trader.learning.distributed import train_together
from support.distributed_training import (
    LINE,
    dying_member,
    lines_member,
    refused_member,
    served_member,
    train,
)

BOUNDS = (1, 3)
SETTINGS = ({"sharding": "contiguous"}, {"sharding": "random"}, {"sharding": "stratified"})


@pytest.fixture(scope="module")
def alone():
    return train()


@pytest.fixture(scope="module", params=[2, 3], ids=["one worker", "two workers"])
def served(request, tmp_path_factory):
    meeting = tmp_path_factory.mktemp("group") / "meeting"
    return train_together(partial(served_member, SETTINGS), request.param, meeting)


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=[s["sharding"] for s in SETTINGS])
def test_a_server_in_lock_step_has_the_loss_curve_of_one_process(number, alone, served):
    curve, weights, _ = alone
    for trainings, _ in served:
        theirs, their_weights, _ = trainings[number]
        assert np.array(theirs) == pytest.approx(np.array(curve), rel=1e-10)
        assert their_weights == pytest.approx(weights, rel=1e-8, abs=1e-10)
        assert np.array_equal(their_weights, served[0][0][number][1])  # equal to the byte among themselves


def test_the_servers_checkpoint_is_resumed_by_one_process(alone, served):
    curve, weights, _ = alone
    resumed_curve, resumed_weights, _ = train(resume=served[0][1])
    assert np.array(resumed_curve) == pytest.approx(np.array(curve), rel=1e-10)
    assert resumed_weights == pytest.approx(weights, rel=1e-8, abs=1e-10)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    return train_together(
        partial(lines_member, BOUNDS, 0.01), 3, tmp_path_factory.mktemp("group") / "meeting"
    )


@pytest.mark.parametrize("number", range(len(BOUNDS)), ids=[f"staleness {s}" for s in BOUNDS])
def test_workers_run_ahead_up_to_the_bound_and_the_line_is_found(number, lines):
    staleness, found = BOUNDS[number], [trainings[number] for trainings in lines]
    report = found[0][0]
    batches = LINE.epochs * 300 // LINE.batch_size
    assert report.steps == 2 * batches
    assert report.ahead == staleness  # the bound is reached by the fast worker and never passed
    assert 0 < report.stale <= 2 * staleness + 1  # one other worker, from s behind to s + 1 ahead
    assert report.losses[-1] < 1e-3 * report.losses[0]
    for told, weights in found:
        assert weights == pytest.approx([1.0, -1.0, 0.5, 0.2, 0.3], abs=0.02)
        assert np.array_equal(weights, found[0][1])
        assert told is None or told is report


@pytest.mark.parametrize("staleness", [0, 2], ids=["lock step", "asynchronous"])
@pytest.mark.parametrize("how", ["killed", "silent"])
def test_a_worker_that_dies_ends_the_others_with_a_clear_error_in_time(how, staleness, tmp_path):
    context = multiprocessing.get_context("spawn")
    told, address = context.Queue(), f"file://{tmp_path}/meeting"
    processes = [
        context.Process(target=dying_member, args=(address, how, staleness, rank, 3, told), daemon=True)
        for rank in range(3)
    ]
    for process in processes:
        process.start()
    try:
        answers = {rank: answer for rank, *answer in (told.get(timeout=90) for _ in range(2))}
        assert set(answers) == {0, 1}
        for kind, text, seconds in answers.values():
            assert kind == "PeerLost"
            assert "resume all processes from the last checkpoint" in text
            assert seconds < 45.0  # limits of 2 and 4 s, and imports on a busy machine
        ended = time.monotonic() + 30
        for process in processes[:2]:
            process.join(max(0.0, ended - time.monotonic()))
            assert process.exitcode is not None
    finally:
        for process in processes:
            process.kill()


def test_settings_that_cannot_be_are_refused(tmp_path):
    told = train_together(refused_member, 2, tmp_path / "meeting")
    expected = ("train_asynchronously", "not an asynchronous", "not an asynchronous", "batch normalisation")
    for each in told:
        for text, part in zip(each, expected, strict=False):
            assert part in text
            assert text.startswith("ConfigError")
    assert "callbacks=reducer.callbacks" in told[0][-1]
    assert "not a group" in train_together(refused_member, 1, tmp_path / "alone")[0][0]
