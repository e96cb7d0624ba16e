from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import Field
from janus_trader.data.features import panel_features
from janus_trader.data.panels import slice_panel
from janus_trader.data.sources import packaged
from janus_trader.data.sources.default_book import CREDIT_LAG_NS, load_default_book


@pytest.fixture(scope="module")
def book():
    return load_default_book()


def at(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def test_the_book_is_twenty_close_only_stocks_over_thirty_three_years(book):
    assert len(book) == 8313
    assert len(book.symbols) == 20
    assert book.fields == frozenset({Field.CLOSE})
    assert not book.fills_at_open
    assert str(book.ts[0].astype("M8[ns]"))[:10] == "1990-01-02"
    assert str(book.ts[-1].astype("M8[ns]"))[:10] == "2022-12-28"
    assert 251 < book.bars_per_year < 253
    assert book.survivorship_note
    assert all(i.price_decimals >= 6 for i in book.instruments)


def test_bars_close_at_four_in_new_york(book):
    assert at("1990-01-02T21:00") in book.ts  # winter
    assert at("2022-07-01T20:00") in book.ts  # summer


def test_prices_and_market_are_those_of_the_packages(book):
    column = book.symbols.index("AAPL")
    assert book.bars["close"][0, column] == 0.264
    assert book.bars["close"][-1, column] == 125.674
    assert book.market[0] == 359.69
    assert book.market[-1] == 3783.22
    assert np.isfinite(book.market).all()


def test_weeks_without_a_price_change_are_set_aside_and_counted(book):
    assert book.quarantined == {"stale": 242}
    absent = ~book.present
    assert absent.sum() == 242
    assert set(np.flatnonzero(absent.any(axis=0))) == {book.symbols.index("RRC")}


def test_market_volume_covers_the_span_of_its_source_only(book):
    known = book.ts[np.isfinite(book.market_volume)].astype("M8[ns]")
    assert str(known[0])[:10] == "1999-01-04"
    assert str(known[-1])[:10] == "2018-12-31"


def test_every_source_states_its_span_and_lag(book):
    spec = {s.name: s for s in book.schema.sources}
    assert set(spec) == {"book", "market", "market_volume", "vix", "credit_spread"}
    assert spec["credit_spread"].availability_lag_ns == CREDIT_LAG_NS
    assert spec["vix"].availability_lag_ns > 0
    for o in book.auxiliary:
        assert o.available_ns[0] == spec[o.source].start_ns + spec[o.source].availability_lag_ns


def test_the_spread_of_march_is_not_visible_before_the_sixth_of_april(book):
    spread = next(o for o in book.auxiliary if o.source == "credit_spread")
    month = (spread.available_ns - CREDIT_LAG_NS).astype("M8[ns]").astype("M8[M]")
    march = spread.value[month == np.datetime64("2008-03")][0]
    panel = slice_panel(book, at("2008-01-01"), at("2008-06-01"))
    for ts, vector in zip(panel.ts, panel_features(panel), strict=True):
        day = str(ts.astype("M8[ns]"))[:10]
        if day < "2008-04-06":
            assert vector.get("credit_spread") != march
        elif day < "2008-05-06":
            assert vector.get("credit_spread") == march


def test_a_bar_does_not_see_the_vix_that_settles_after_it(book):
    vix = next(o for o in book.auxiliary if o.source == "vix")
    day = vix.available_ns.astype("M8[ns]").astype("M8[D]")
    own = dict(zip(day.tolist(), vix.value.tolist(), strict=True))
    panel = slice_panel(book, at("2015-08-01"), at("2015-09-15"))
    previous = None
    for ts, vector in zip(panel.ts, panel_features(panel), strict=True):
        today = own[ts.astype("M8[ns]").astype("M8[D]").tolist()]
        if previous is not None:
            assert vector.get("vix") == previous
        previous = today


def test_a_feature_of_a_silent_source_is_absent(book):
    panel = slice_panel(book, at("2018-11-01"), at("2019-06-01"))
    last = list(panel_features(panel))[-1]
    for name in ("vix", "credit_spread", "yield_curve_slope", "relative_volume"):
        assert last.get(name) is None
    assert last.get("realised_vol") is not None


def test_loading_imports_neither_pandas_nor_the_packages():
    code = (
        "import sys; from janus_trader.data.sources.default_book import load_default_book as f; f();"
        "print([m for m in ('pandas', 'skfolio', 'arch', 'sklearn') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_a_remedy(monkeypatch):
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"skfolio.*not installed.*pip install skfolio"):
        load_default_book()


def test_a_package_without_the_file_is_named(monkeypatch, tmp_path):
    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(packaged, "find_spec", lambda name: Spec)
    with pytest.raises(DataError, match=r"lacks datasets/data/sp500_dataset"):
        load_default_book()


def test_a_damaged_packaged_file_is_refused(monkeypatch, tmp_path):
    class Spec:
        origin = str(tmp_path / "__init__.py")

    (tmp_path / "x.csv.gz").write_bytes(b"\x1f\x8bgarbage")
    monkeypatch.setattr(packaged, "find_spec", lambda name: Spec)
    with pytest.raises(DataError, match="not the expected table"):
        packaged.read_packaged("skfolio", "x.csv.gz")
