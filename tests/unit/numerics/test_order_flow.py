import math

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.order_flow import OrderFlowImbalance, order_flow_event, queue_imbalance


def naive(quotes, window):
    """The definition, with indicator arrays."""
    b, qb, a, qa = quotes.T
    e = (
        (b[1:] >= b[:-1]) * qb[1:]
        - (b[1:] <= b[:-1]) * qb[:-1]
        - (a[1:] <= a[:-1]) * qa[1:]
        + (a[1:] >= a[:-1]) * qa[:-1]
    )
    return np.array([e[k - window + 1 : k + 1].sum() for k in range(window - 1, e.size)])


@pytest.mark.parametrize("window", [1, 13])
def test_is_the_definition(rng, window):
    quotes = OrderFlowImbalance.example_input(rng, 500)
    got = OrderFlowImbalance(window).transform(quotes)
    assert np.isnan(got[:window]).all()
    np.testing.assert_array_equal(got[window:], naive(quotes, window))


def test_unchanged_quotes_contribute_the_change_of_size_only():
    assert order_flow_event(99.0, 5.0, 101.0, 7.0, 99.0, 5.0, 101.0, 7.0) == 0.0
    assert order_flow_event(99.0, 5.0, 101.0, 7.0, 99.0, 9.0, 101.0, 7.0) == 4.0


def test_a_quote_that_moves_counts_whole_queues():
    assert order_flow_event(99.0, 5.0, 101.0, 7.0, 100.0, 3.0, 101.0, 7.0) == 3.0  # better bid
    assert order_flow_event(99.0, 5.0, 101.0, 7.0, 99.0, 5.0, 102.0, 4.0) == 7.0  # ask eaten up
    assert order_flow_event(99.0, 5.0, 101.0, 7.0, 98.0, 3.0, 101.0, 7.0) == -5.0  # bid eaten up


def test_mirrored_quotes_give_the_opposite_sign(rng):
    quotes = OrderFlowImbalance.example_input(rng, 200)
    mirrored = np.column_stack((-quotes[:, 2], quotes[:, 3], -quotes[:, 0], quotes[:, 1]))
    got = OrderFlowImbalance(5).transform(quotes)[5:]
    np.testing.assert_array_equal(OrderFlowImbalance(5).transform(mirrored)[5:], -got)


def test_queue_imbalance():
    assert queue_imbalance(1.0, 0.0) == 1.0
    assert queue_imbalance(2.0, 6.0) == -0.5
    assert math.isnan(queue_imbalance(0.0, 0.0))
    assert math.isnan(queue_imbalance(math.nan, 1.0))


def test_a_bad_window_is_refused():
    with pytest.raises(ConfigError):
        OrderFlowImbalance(0)
