"""Columns read from records on demand are those of columns made at once, whatever is done with them."""

from dataclasses import fields

import numpy as np
import pytest

from janus_trader.brain.hippocampus.episodes import EpisodeRing, record_dtype
from janus_trader.contracts.memory import Episodes


@pytest.fixture
def ring():
    generator = np.random.default_rng(0)
    ring = EpisodeRing(8, record_dtype(3, 2, 4))
    for step in (0, 1, 2, 4, 5, 6, 7, 9, 10, 11):
        record = np.zeros((), ring.dtype)
        for name in ring.dtype.names:
            record[name] = generator.uniform(0.0, 4.0, record[name].shape)
        record["step"] = step
        ring.append(record)
    return ring


def plain(episodes):
    """The same, every column at once."""
    columns = {f.name: getattr(episodes, f.name) for f in fields(Episodes)}
    if columns["after"] is not None:
        columns["after"] = plain(columns["after"])
    return Episodes(**columns)


def assert_same(recorded, expected):
    for f in fields(Episodes):
        mine, theirs = getattr(recorded, f.name), getattr(expected, f.name)
        if f.name == "after" and theirs is not None:
            assert_same(mine, theirs)
        else:
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.taken(np.array([3, 0, 3])),
        lambda e: e.taken(np.array([True, False] * 4)),
        lambda e: e.taken(slice(2, 5)),
        lambda e: e.taken(slice(0, 0)),
        lambda e: e.before(7),
        lambda e: e.before(9),
        lambda e: e.weighted(np.arange(8.0)),
        lambda e: e.with_after(e.taken(np.arange(8)[::-1]), np.ones(8, bool)),
        lambda e: e.joined(e.taken(np.array([5, 1])), e.before(6)),
        lambda e: Episodes.of([]).joined(e),
    ],
)
def test_columns_on_demand_are_those_made_at_once(ring, change):
    recorded = ring.followed(ring.order())
    assert_same(change(recorded), change(plain(recorded)))


def test_recorded_and_plain_episodes_join(ring):
    recorded = ring.followed(ring.order())
    assert_same(recorded.joined(plain(recorded)), plain(recorded).joined(plain(recorded)))


def test_what_was_taken_out_does_not_change_with_the_ring(ring):
    episodes = ring.episodes(ring.order())
    before = plain(ring.episodes(ring.order()))
    ring.append(np.zeros((), ring.dtype))
    assert_same(episodes, before)
