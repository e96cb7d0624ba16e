import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.bulk_vpin import BulkVPIN
from janus_trader.numerics.vpin import AggressorVPIN


def pieces(volume, size):
    """(bar, trade, amount) of every piece, the volume line cut at multiples of ``size``."""
    edge = 0.0
    for t, v in enumerate(volume):
        at = edge
        edge += v
        while v > 0.0 and at < edge:
            bar = math.floor(at / size + 1e-9)
            end = min(edge, (bar + 1) * size)
            yield bar, t, end - at
            at = end if end < edge else edge


def reference_bulk(price, volume, size, window, bars, sigma_window, law):
    """VPIN after each complete bucket, straight from the definition."""
    last = {}
    for bar, t, _ in pieces(volume, size / bars):
        last[bar] = t
    complete = math.floor(volume.sum() / (size / bars) + 1e-9)
    close = np.array([price[last[b]] for b in range(complete)])
    change = np.diff(close, prepend=np.nan)
    excess = np.full(complete, np.nan)
    for b in range(sigma_window + 1, complete):
        sigma = np.std(change[b - sigma_window : b])
        excess[b] = 2.0 * law(change[b] / sigma) - 1.0
    whole = complete // bars
    imbalance = np.abs(excess[: whole * bars].reshape(whole, bars).mean(axis=1))
    return np.array([imbalance[max(0, k - window + 1) : k + 1].mean() for k in range(whole)])


def reference_rank(vpin, window):
    out = np.full(vpin.size, np.nan)
    first = int(np.isfinite(vpin).argmax())
    for k in range(first + window - 1, vpin.size):
        out[k] = np.mean(vpin[k - window + 1 : k + 1] <= vpin[k])
    return out


@pytest.mark.parametrize(("bars", "degrees"), [(1, None), (4, 0.25)])
def test_bulk_classification_is_the_definition(rng, bars, degrees):
    price = 100.0 + np.cumsum(rng.normal(0, 0.01, 6000))
    volume = rng.integers(1, 40, 6000) / 4.0  # exact sums, so that both cut at the same trade
    kernel = BulkVPIN(64.0, 7, bars=bars, sigma_window=9, rank_window=20, degrees=degrees)
    got = kernel.buckets(price, volume)
    law = norm.cdf if degrees is None else (lambda z: student.cdf(z, degrees))
    wanted = reference_bulk(price, volume, 64.0, 7, bars, 9, law)
    assert got.vpin.size == wanted.size  # no trade is larger than a bucket
    first = kernel.warmup - 1
    assert np.isnan(got.vpin[:first]).all()
    np.testing.assert_allclose(got.vpin[first:], wanted[first:], rtol=1e-11)
    np.testing.assert_array_equal(got.rank, reference_rank(got.vpin, 20))


def reference_aggressor(flow, size, window):
    complete = math.floor(np.abs(flow).sum() / size + 1e-9)
    balance = np.zeros(complete + 1)
    for bucket, t, amount in pieces(np.abs(flow), size):
        balance[min(bucket, complete)] += math.copysign(amount, flow[t])
    imbalance = np.abs(balance[:complete]) / size
    return np.array([imbalance[k - window + 1 : k + 1].mean() for k in range(window - 1, complete)])


def test_known_aggressors_are_the_definition(rng):
    flow = rng.integers(-40, 41, 3000) / 4.0
    got = AggressorVPIN(64.0, 7, rank_window=20).buckets(flow)
    assert np.isnan(got.vpin[:6]).all()
    np.testing.assert_allclose(got.vpin[6:], reference_aggressor(flow, 64.0, 7), rtol=1e-11)
    np.testing.assert_array_equal(got.rank, reference_rank(got.vpin, 20))


def test_recorded_trades_agree_with_the_definition(shared_data):
    """Real trades with the venue's aggressor flag; quantities as whole units of 1e-3, so sums are exact."""
    table = pq.read_table(shared_data / "trades/binance_usdm_BTCUSDT_20240808_trades.parquet").to_pydict()
    volume = np.rint(np.array(table["qty"]) * 1000.0)
    flow = np.where(np.array(table["aggressor"]) == "buy", volume, -volume)
    price = np.array(table["price"])
    size = 4096.0
    last = {}
    for bucket, t, _ in pieces(volume, size):
        last[bucket] = t
    ends = [last[b] for b in range(int(volume.sum() // size))]
    wanted = reference_aggressor(flow, size, 50)
    kernel = AggressorVPIN(size, 50, rank_window=10)
    got = kernel.transform(flow)[ends[49:], 0]
    # A trade over several buckets shows only the last of them.
    shown = np.array([k == len(ends) - 1 or ends[k + 1] != ends[k] for k in range(49, len(ends))])
    np.testing.assert_allclose(got[shown], wanted[shown], rtol=1e-11)
    bulk = BulkVPIN(size, 50, sigma_window=50, rank_window=10)
    wanted = reference_bulk(price, volume, size, 50, 1, 50, norm.cdf)
    got = bulk.transform(np.column_stack((price, volume)))[ends, 0]
    shown = np.array([k == len(ends) - 1 or ends[k + 1] != ends[k] for k in range(len(ends))])
    shown[: bulk.warmup] = False
    np.testing.assert_allclose(got[shown], wanted[shown], rtol=1e-10)


def test_buckets_are_the_stream_at_their_ends(rng):
    price = 100.0 + np.cumsum(rng.normal(0, 0.01, 4000))
    volume = rng.exponential(3.0, 4000)
    volume[[5, 900]] = np.nan, 300.0
    price[17] = np.nan
    volume[40] = -1.0
    flow = volume * rng.choice([-1.0, 1.0], 4000)
    bulk = BulkVPIN(10.0, 5, sigma_window=4, rank_window=7)
    aggressor = AggressorVPIN(10.0, 5, rank_window=7)
    for kernel, got, xs in (
        (bulk, bulk.buckets(price, volume), np.column_stack((price, volume))),
        (aggressor, aggressor.buckets(flow), flow),
    ):
        stream = kernel.transform(xs)
        np.testing.assert_array_equal(stream[got.trade, 0], got.vpin)
        np.testing.assert_array_equal(stream[got.trade, 1], got.rank)
        changes = np.flatnonzero(np.any(np.diff(np.nan_to_num(stream, nan=-1.0), axis=0) != 0.0, axis=1)) + 1
        assert set(changes.tolist()) <= set(got.trade.tolist())
        assert (np.diff(got.trade) > 0).all()


def test_a_huge_trade_ends_in_the_state_of_its_last_buckets():
    """Beyond the windows one price and one side leave nothing to change; the phase must still be right."""
    trades = np.column_stack((100.0 + np.arange(40.0) % 3, np.full(40, 10.0)))
    for size in (1e4 + 5.0, 1e15 + 10.0):
        kernel = BulkVPIN(10.0, 3, bars=2, sigma_window=3, rank_window=2)
        for row in trades:
            kernel.update(row)
        assert kernel.update(np.array([99.0, size])).tolist() == [0.0, 1.0]
    flow = AggressorVPIN(10.0, 3, rank_window=2)
    assert flow.update(-1e15).tolist() == [1.0, 1.0]
    assert flow.ready


def test_bounds_and_one_sided_flow(rng):
    one_sided = AggressorVPIN(10.0, 5, rank_window=3).buckets(rng.exponential(2.0, 500))
    np.testing.assert_allclose(one_sided.vpin[4:], 1.0)
    alternating = AggressorVPIN(10.0, 5, rank_window=3).buckets(np.tile([5.0, -5.0], 100))
    np.testing.assert_array_equal(alternating.vpin[4:], 0.0)


def test_a_market_that_never_moved_counts_any_move_wholly():
    kernel = BulkVPIN(1.0, 1, sigma_window=2, rank_window=1)
    rows = [[5.0, 1.0]] * 4 + [[5.1, 1.0]]
    assert kernel.transform(np.array(rows))[:, 0].tolist()[3:] == [0.0, 1.0]


def test_scaling_price_and_volume_changes_nothing(rng):
    price = 100.0 + np.cumsum(rng.normal(0, 0.01, 2000))
    volume = rng.exponential(3.0, 2000)
    base = BulkVPIN(16.0, 5, sigma_window=8, rank_window=9).buckets(price, volume)
    scaled = BulkVPIN(64.0, 5, sigma_window=8, rank_window=9).buckets(8.0 * price, 4.0 * volume)
    for a, b in zip(base, scaled, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_trades_and_too_few_trades():
    assert BulkVPIN(5.0).buckets(np.zeros(0), np.zeros(0)).vpin.size == 0
    assert AggressorVPIN(5.0).buckets(np.ones(4)).trade.size == 0


@pytest.mark.parametrize(
    "options",
    [
        {"bucket_volume": 0.0},
        {"bucket_volume": math.nan},
        {"window": 0},
        {"bars": 0},
        {"sigma_window": 1},
        {"rank_window": 0},
        {"degrees": 0.0},
        {"degrees": math.inf},
    ],
)
def test_bad_parameters_are_refused(options):
    with pytest.raises(ConfigError):
        BulkVPIN(**{"bucket_volume": 1.0, **options})


def test_arrays_that_do_not_match_are_refused():
    with pytest.raises(DataError, match="length"):
        BulkVPIN(1.0).buckets(np.ones(3), np.ones(4))
    with pytest.raises(DataError, match="shape"):
        AggressorVPIN(1.0).buckets(np.ones((3, 1)))
