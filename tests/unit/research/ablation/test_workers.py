"""Work on all cores: the same results however many, and an end that leaves nothing behind."""

import time

import pytest

from janus_trader.contracts.errors import ConfigError, DataError, JanusError
from janus_trader.research.ablation.workers import Stopped, each_result
from unit.research.ablation import planted


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_gives_its_result(jobs):
    shares = []
    found = dict(each_result(planted.square, [3, 1, 2], jobs=jobs, progress=shares.append, first=7))
    assert found == {0: 9, 1: 1, 2: 4}
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_nothing_to_do_is_done():
    assert list(each_result(planted.square, [], jobs=2)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_keeps_what_it_says(jobs):
    with pytest.raises(DataError) as failed:
        list(each_result(planted.fails_at_two, [1, 2, 3], jobs=jobs))
    assert (failed.value.what, failed.value.remedy) == ("two is no number", "take another")


@pytest.mark.parametrize("jobs", [1, 2])
def test_work_can_be_stopped(jobs):
    deadline = time.monotonic() + 0.5
    with pytest.raises(Stopped):
        list(each_result(planted.endless, [1, 2], jobs=jobs, stop=lambda: time.monotonic() > deadline))


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_process_has_one_thread(jobs):
    for _, counts in each_result(planted.threads, [1, 2], jobs=jobs):
        assert set(counts) <= {1}


def test_a_process_that_dies_is_told():
    with pytest.raises(JanusError, match="died"):
        list(each_result(planted.dies, [1, 2], jobs=2))


def test_no_process_is_refused():
    with pytest.raises(ConfigError):
        list(each_result(planted.square, [1], jobs=0))
