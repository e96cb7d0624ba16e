"""Recordings of books survive the disk, and refuse what cannot be replayed."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_replay import BEST_DTYPE, replay
from janus_trader.numerics.order_book import OrderBook
from janus_trader.stores.book_recordings import (
    BookHeader,
    BookRecording,
    is_recording,
    read_recording,
    write_recording,
)
from support.order_books import PlainBook, random_messages

HEADER = BookHeader(
    symbol="X", tick=0.01, lot=1.0, base=1_000, n_ticks=128, capacity=40, labels={"seed": "1"}
)


def recording(rng, n=300, **changes) -> BookRecording:
    times = np.cumsum(rng.integers(0, 5, n)).astype(np.int64)
    given = {"header": HEADER, "ts_event": times, "ts_init": times + 3}
    given["messages"] = random_messages(rng, n, n_ticks=128, capacity=40)
    return BookRecording(**{**given, **changes})


def test_the_best_levels_are_those_of_the_plain_book_after_every_message(rng):
    batch = random_messages(rng, 600, n_ticks=128, capacity=40)
    got = replay(OrderBook(128, 40), batch)
    plain = PlainBook(128, 40)
    for k, message in enumerate(batch.tolist()):
        assert plain.apply(k, message) == got.outcomes[k]
        bid, ask = ((plain.depth(side) or [[-1, 0]])[0] for side in (0, 1))
        assert got.best[k].tolist() == (*bid, *ask)
    assert got.fills.tolist() == plain.fills


def test_a_recording_survives_the_disk(rng, tmp_path):
    first = recording(rng)
    first = recording(rng, reference=first.replay().best)
    write_recording(tmp_path / "x.parquet", first)
    assert is_recording(tmp_path / "x.parquet")
    again = read_recording(tmp_path / "x.parquet")
    assert again.header == first.header
    for name in ("ts_event", "ts_init", "messages", "reference"):
        assert np.array_equal(getattr(again, name), getattr(first, name))
    assert again.fresh_book().capacity == 40
    assert np.array_equal(again.replay().fills, first.replay().fills)


def test_prices_are_in_quote_currency(rng):
    assert recording(rng).price(np.array([-1, 0, 5])).tolist()[1:] == pytest.approx([10.0, 10.05])
    assert np.isnan(recording(rng).price(-1))


def test_times_that_go_back_are_refused(rng):
    times = np.arange(300)
    times[7] = 3
    with pytest.raises(DataError, match="time goes back"):
        recording(rng, ts_event=times, ts_init=times + 9)


def test_seen_before_it_happened_is_refused(rng):
    times = np.arange(300)
    with pytest.raises(DataError, match="seen before it happened"):
        recording(rng, ts_event=times, ts_init=times - 1)


def test_parts_that_do_not_fit_are_refused(rng):
    with pytest.raises(DataError, match="parts do not fit"):
        recording(rng, ts_event=np.arange(5), ts_init=np.arange(5))
    with pytest.raises(DataError, match="reference levels"):
        recording(rng, reference=np.zeros(3, BEST_DTYPE))


def test_other_files_are_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"close": [1.0]}), tmp_path / "bars.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    assert not is_recording(tmp_path / "bars.parquet")
    assert not is_recording(tmp_path / "torn.parquet")
    with pytest.raises(DataError, match="no recording of a book"):
        read_recording(tmp_path / "bars.parquet")
    for name in ("torn.parquet", "absent.parquet"):
        with pytest.raises(DataError, match="not a readable recording"):
            read_recording(tmp_path / name)


def _damage(path, change):
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    pq.write_table(change(table), path)


def _with_price(table, values):
    import pyarrow as pa

    at = table.column_names.index("price")
    return table.set_column(at, "price", pa.array(values))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop_columns(["peak"]), "a column is missing"),
        (lambda t: t.replace_schema_metadata({b"janus.book_recording": b'{"sym'}), "damaged header"),
        (lambda t: _with_price(t, [None] + [20] * (t.num_rows - 1)), "column price is damaged"),
        (lambda t: _with_price(t, [10 + 2**32] + [20] * (t.num_rows - 1)), "column price is damaged"),
        (lambda t: _with_price(t, [20.5] * t.num_rows), "column price is damaged"),
    ],
)
def test_a_damaged_recording_is_refused(rng, tmp_path, change, words):
    path = tmp_path / "x.parquet"
    write_recording(path, recording(rng))
    _damage(path, change)
    with pytest.raises(DataError, match=words):
        read_recording(path)
