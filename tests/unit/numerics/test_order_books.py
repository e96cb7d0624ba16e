"""Many books at once do what each book alone does; the GPU's code does what the processor's does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.order_book import Kind, OrderBook, SelfTrade, messages
from janus_trader.numerics.order_book_cuda import cuda_available
from janus_trader.numerics.order_books import OrderBooks
from support.order_books import random_messages

TESTS = Path(__file__).resolve().parents[2]


def test_each_book_lives_its_own_life(rng):
    batch = np.stack([random_messages(rng, 400, n_ticks=128, capacity=40) for _ in range(5)])
    books = OrderBooks(5, 128, 40, SelfTrade.CANCEL_RESTING)
    for part in (batch[:, :170], batch[:, 170:]):
        done = books.run(part)
    ends = np.cumsum(done.counts)
    for b in range(5):
        alone = OrderBook(128, 40, SelfTrade.CANCEL_RESTING)
        alone.run(batch[b, :170])
        wanted = alone.run(batch[b, 170:])
        assert np.array_equal(done.outcomes[b], wanted.outcomes)
        assert np.array_equal(done.fills[ends[b] - done.counts[b] : ends[b]], wanted.fills)
        assert np.array_equal(books.arrays()[b], alone.array)


def test_books_go_on_when_the_room_for_fills_runs_out():
    rows = [
        row for _ in range(4) for row in ((Kind.ICEBERG, 1, 0, 30, 900, 0, 1), (Kind.MARKET, 0, 1, 0, 900))
    ]
    batch = messages(rows)
    done = OrderBooks(2, 64, 4).run(np.stack([batch, batch]))
    assert done.counts.tolist() == [3_600, 3_600]


PROGRAM = """
import sys
import numpy as np
from janus_trader.numerics.order_book import SelfTrade
from janus_trader.numerics.order_books import OrderBooks
from support.order_books import random_messages

n_books, n = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(5)
for policy in SelfTrade:
    batch = np.stack([random_messages(rng, n, n_ticks=128, capacity=40) for _ in range(n_books)])
    ours, theirs = (OrderBooks(n_books, 128, 40, policy, device) for device in ("cpu", "cuda"))
    for part in np.array_split(batch, 2, axis=1):
        a, b = ours.run(part), theirs.run(part)
        assert np.array_equal(a.outcomes, b.outcomes)
        assert np.array_equal(a.counts, b.counts)
        assert np.array_equal(a.fills, b.fills), "fills differ"
    assert np.array_equal(ours.arrays(), theirs.arrays())
    print(policy.name, len(b.fills))
"""


def _agree(n_books: int, n: int, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(TESTS), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(n_books), str(n)],
        capture_output=True, text=True, env=env, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def test_the_simulated_gpu_gives_every_fill_of_the_processor():
    out = _agree(3, 600, NUMBA_ENABLE_CUDASIM="1")
    assert out.split()[::2] == [p.name for p in SelfTrade]
    assert min(int(x) for x in out.split()[1::2]) > 50


def test_a_real_gpu_gives_every_fill_of_the_processor():
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" or not cuda_available():
        pytest.skip("no CUDA device on this machine")
    _agree(256, 2_000)


def test_bad_requests_are_refused():
    with pytest.raises(ConfigError, match="order books"):
        OrderBooks(0, 64, 4)
    with pytest.raises(ConfigError, match="order books"):
        OrderBooks(2, 64, 4, device="tpu")
    with pytest.raises(DataError, match="not a batch"):
        OrderBooks(2, 64, 4).run(messages([(Kind.CANCEL, 0, 0, 0, 0)])[None])
    if not cuda_available():
        with pytest.raises(ConfigError, match="no GPU"):
            OrderBooks(2, 64, 4, device="cuda")
