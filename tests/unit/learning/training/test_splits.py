import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.model_selection import WalkForward

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.learning.training.splits import SplitConfig, time_split, walk_forward


@given(
    st.integers(20, 200),
    st.integers(0, 5),
    st.integers(0, 3),
    st.floats(0.1, 0.4),
    st.floats(0.1, 0.4),
    st.randoms(use_true_random=False),
)
def test_no_label_reaches_into_the_next_part(n, longest, embargo, validation, test, random):
    starts = np.cumsum([random.randint(0, 3) for _ in range(n)])
    ends = starts + np.array([random.randint(0, longest) for _ in range(n)])
    config = SplitConfig(validation_frac=validation, test_frac=test, embargo=embargo)
    try:
        split = time_split(starts, ends, config)
    except DataError:
        return
    assert ends[split.train].max() < starts[split.validation].min()
    assert ends[split.validation].max() < starts[split.test].min()
    assert split.train.max() < split.validation.min() - embargo
    # what is dropped is only what had to be dropped
    first = n - round(test * n) - round(validation * n)
    for row in set(range(first)) - set(split.train.tolist()):
        assert ends[row] >= starts[first] or row >= first - embargo


def test_walk_forward_agrees_with_skfolio_where_labels_have_one_length():
    n, horizon = 60, 3
    starts = np.arange(n)
    ours = list(walk_forward(starts, starts + horizon, folds=4, min_train=20, window=20))
    theirs = list(
        WalkForward(train_size=20 - horizon, test_size=10, purged_size=horizon).split(np.zeros((n, 1)))
    )
    for (train, test), (other_train, other_test) in zip(ours, theirs, strict=True):
        assert test.tolist() == other_test.tolist()
        assert train.tolist() == other_train.tolist()


def test_walk_forward_never_trains_on_what_comes():
    starts = np.arange(50)
    for train, test in walk_forward(starts, starts + 4, folds=5, min_train=10, embargo=2):
        assert train.max() + 4 < test.min()
        assert train.max() < test.min() - 2


def test_bad_times_are_refused():
    t = np.arange(10)
    with pytest.raises(DataError, match="do not rise"):
        time_split(t[::-1], t[::-1] + 1, SplitConfig())
    with pytest.raises(DataError, match="do not rise"):
        time_split(t, t - 1, SplitConfig())
    with pytest.raises(DataError, match="has no row"):
        time_split(t, t + 100, SplitConfig())
    with pytest.raises(DataError, match="times of a split"):
        time_split(t[:0], t[:0], SplitConfig())
    with pytest.raises(ConfigError, match="no room"):
        list(walk_forward(t, t, folds=20, min_train=5))
