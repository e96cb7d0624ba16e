import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from janus_trader.brain.hippocampus import PlaceMap, PlaceMapConfig
from janus_trader.contracts.errors import ConfigError, IntegrityError

D = 35


def market(m, seed=0):
    """States on a bent sheet of two hidden dimensions in 35."""
    rng = np.random.default_rng(seed)
    hidden = rng.uniform(-1, 1, (m, 2))
    mix = np.random.default_rng(99).standard_normal((4, D)) * 0.6
    features = np.column_stack([hidden, hidden[:, 0] * hidden[:, 1], hidden[:, 0] ** 2])
    return np.tanh(features @ mix + 0.02 * rng.standard_normal((m, D))), hidden


def learned(config=None, m=1500, seed=0):
    places = PlaceMap(config or PlaceMapConfig(), D)
    for state in market(m, seed)[0]:
        places.visit(state)
    return places


def positions(places, states):
    return np.stack([places.position(state) for state in states])


@pytest.fixture(scope="module")
def places():
    return learned()


def test_states_near_each_other_lie_near_each_other(places):
    states, _ = market(400, 7)  # never visited
    before = trustworthiness(states, positions(PlaceMap(PlaceMapConfig(), D), states), n_neighbors=8)
    after = trustworthiness(states, positions(places, states), n_neighbors=8)
    shuffled = trustworthiness(
        states, np.random.default_rng(0).permutation(positions(places, states)), n_neighbors=8
    )
    assert after > 0.93
    assert after > before
    assert abs(shuffled - 0.5) < 0.1


def test_a_cell_fires_in_one_field_and_its_neighbours_fire_with_it(places):
    state = market(1, 11)[0][0]
    activity = places.activity(state).reshape(10, 10)
    assert activity.max() == 1.0
    assert places.cell(state) == activity.argmax() == places.ranked(state)[0]
    row, column = np.unravel_index(activity.argmax(), (10, 10))
    far = np.hypot(*np.indices((10, 10)) - np.array([row, column])[:, None, None])
    assert activity[far <= 1.5].mean() > 5 * activity[far > 4].mean()
    distance = ((places.cells - state) ** 2).sum(axis=1)
    expected = np.exp(-(distance - distance.min()) / (2 * places.width))
    np.testing.assert_allclose(activity.ravel(), expected, rtol=1e-9)


def test_the_nearest_experience_lies_in_the_nearest_places(places):
    """Exact neighbours of a state are found among those who live in a tenth of the cells."""
    states, _ = market(1000, 3)
    home = np.array([places.cell(state) for state in states])
    found = 0
    for query in market(50, 4)[0]:
        near = set(places.ranked(query)[:10])
        best = int(np.argmin(((states - query) ** 2).sum(axis=1)))
        found += home[best] in near
    assert found >= 48


def test_another_world_is_mapped_anew_and_the_first_map_comes_back_on_reset(places):
    states, _ = market(300, 8)
    here = positions(places, states)
    again = learned()
    np.testing.assert_array_equal(positions(again, states), here)
    again.remap()
    for state in market(1500)[0]:
        again.visit(state)
    there = positions(again, states)
    assert np.linalg.norm(here - there, axis=1).mean() > 1.0  # fields moved
    assert trustworthiness(states, there, n_neighbors=8) > 0.93  # and the topology is kept
    first, fresh = PlaceMap(PlaceMapConfig(), D), PlaceMap(PlaceMapConfig(), D)
    first.remap()
    assert not np.array_equal(first.cells, fresh.cells)
    first.reset()
    np.testing.assert_array_equal(first.cells, fresh.cells)
    assert first.number == first.visits == 0


def test_snapshot_goes_on_identically(places):
    again = PlaceMap(PlaceMapConfig(), D)
    again.load(places.state())
    copy = learned()
    for state in market(20, 5)[0]:
        assert again.visit(state) == copy.visit(state)
    np.testing.assert_array_equal(again.cells, copy.cells)
    assert again.width == copy.width
    with pytest.raises(IntegrityError):
        PlaceMap(PlaceMapConfig(side=4), D).load(places.state())


def test_one_state_for_ever_is_no_trouble():
    places = PlaceMap(PlaceMapConfig(side=3), 2)
    for _ in range(500):
        places.visit(np.ones(2))
    assert np.isfinite(places.position(np.ones(2))).all()
    assert np.isfinite(places.activity(np.full(2, 1e3))).all()


def test_a_rate_that_grows_is_refused():
    with pytest.raises(ConfigError):
        PlaceMap(PlaceMapConfig(rate_start=0.1, rate_end=0.2), D)
