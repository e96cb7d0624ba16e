"""VPIN in vectorised numpy and pandas, the usual recipes; no maintained library has it."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Peer


def _numpy(inputs):
    from scipy.special import ndtr

    price, volume = inputs["price"], inputs["volume"]
    size, n, w = inputs["bucket_volume"], inputs["window"], inputs["sigma_window"]

    def vpin():
        total = np.cumsum(volume)
        edges = size * np.arange(1, int(total[-1] / size) + 1)
        close = price[np.searchsorted(total, edges)]
        change = np.diff(close)
        windows = np.lib.stride_tricks.sliding_window_view(change, w)[:-1]
        imbalance = np.abs(2.0 * ndtr(change[w:] / windows.std(axis=1)) - 1.0)
        return np.lib.stride_tricks.sliding_window_view(imbalance, n).mean(axis=1)

    return vpin


def _reduceat(inputs):
    import pandas as pd
    from scipy.special import ndtr

    price, volume = inputs["price"], inputs["volume"]
    size, n, w = inputs["bucket_volume"], inputs["window"], inputs["sigma_window"]

    def vpin():
        bucket = ((np.cumsum(volume) - 1e-9) / size).astype(np.int64)
        starts = np.flatnonzero(np.diff(bucket)) + 1
        amount = np.add.reduceat(volume, np.r_[0, starts])
        change = pd.Series(np.diff(price[np.r_[starts - 1, price.size - 1]], prepend=np.nan))
        sigma = change.rolling(w).std(ddof=0).shift(1)
        imbalance = np.abs(2.0 * ndtr((change / sigma).to_numpy()) - 1.0) * amount
        return (pd.Series(imbalance).rolling(n).sum() / pd.Series(amount).rolling(n).sum()).to_numpy()

    return vpin


def _pandas(inputs):
    import pandas as pd
    from scipy.special import ndtr

    frame = pd.DataFrame({"price": inputs["price"], "volume": inputs["volume"]})
    size, n, w = inputs["bucket_volume"], inputs["window"], inputs["sigma_window"]

    def vpin():
        bucket = ((frame["volume"].cumsum() - 1e-9) / size).astype(np.int64)
        bars = frame.groupby(bucket).agg(close=("price", "last"), volume=("volume", "sum"))
        change = bars["close"].diff()
        share = ndtr(change / change.rolling(w).std(ddof=0).shift(1))
        imbalance = (2.0 * share - 1.0).abs() * bars["volume"]
        return (imbalance.rolling(n).sum() / bars["volume"].rolling(n).sum()).to_numpy()

    return vpin


def _signed_numpy(inputs):
    flow, size, n = inputs["flow"], inputs["bucket_volume"], inputs["window"]

    def vpin():
        volume = np.abs(flow)
        total, signed = np.cumsum(volume), np.cumsum(flow)
        edges = size * np.arange(1, int(total[-1] / size) + 1)
        at = np.searchsorted(total, edges)
        split = signed[at] - np.sign(flow[at]) * (total[at] - edges)
        imbalance = np.abs(np.diff(split, prepend=0.0)) / size
        return np.lib.stride_tricks.sliding_window_view(imbalance, n).mean(axis=1)

    return vpin


def _tail_difference(ours, theirs) -> float:
    """Largest difference over the values both have."""
    ours, theirs = ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]
    count = min(ours.size, theirs.size)
    return float(np.abs(ours[-count:] - theirs[-count:]).max())


def _head_difference(ours, theirs) -> float:
    """Largest difference over the values both have; the last, incomplete bucket of theirs left out."""
    ours, theirs = ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]
    count = min(ours.size, theirs.size)
    return float(np.abs(ours[:count] - theirs[:count]).max())


PEERS: tuple[Peer, ...] = (
    Peer(
        work="microstructure.vpin.kernel",
        name="numpy",
        package="numpy",
        prepare=_numpy,
        agreement=_tail_difference,
        settings="cumsum, searchsorted of the bucket edges, sliding windows; no rank in its past (ours has it)",
    ),
    Peer(
        work="microstructure.vpin.kernel",
        name="numpy reduceat",
        package="numpy",
        prepare=_reduceat,
        agreement=_head_difference,
        settings="whole trades to a bucket, not split: volumes of buckets and so values differ; no rank",
    ),
    Peer(
        work="microstructure.vpin.kernel",
        name="pandas groupby",
        package="pandas",
        prepare=_pandas,
        agreement=_head_difference,
        settings="whole trades to a bucket, not split: volumes of buckets and so values differ; no rank",
    ),
    Peer(
        work="microstructure.vpin_aggressor.kernel",
        name="numpy",
        package="numpy",
        prepare=_signed_numpy,
        agreement=_tail_difference,
        settings="two cumulative sums, searchsorted of the bucket edges; no rank in its past (ours has it)",
    ),
)
