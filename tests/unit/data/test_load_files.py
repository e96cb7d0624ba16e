from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import Field
from janus_trader.data.features import panel_features
from janus_trader.data.panels import validate_panel
from janus_trader.data.quality import check_files
from janus_trader.data.sources.files import load_files

OHLCV = frozenset({Field.CLOSE, Field.OPEN, Field.HIGH_LOW, Field.VOLUME})


def bars(t: int = 60, seed: int = 0) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(g.standard_normal(t) * 0.01))
    open_ = np.r_[100.0, close[:-1]]
    return pd.DataFrame(
        {
            "open": open_,
            "high": np.maximum(open_, close) * 1.002,
            "low": np.minimum(open_, close) * 0.998,
            "close": close,
            "volume": g.integers(100, 1000, t).astype(float),
        }
    )


def dated(
    frame: pd.DataFrame, name: str = "date", start: str = "2020-01-06", freq: str = "B"
) -> pd.DataFrame:
    return pd.concat(
        [pd.Series(pd.date_range(start, periods=len(frame), freq=freq), name=name), frame], axis=1
    )


def write(path: Path, frame: pd.DataFrame, **options) -> Path:
    frame.to_csv(path, index=False, **options)
    return path


def utc(panel, row: int = 0) -> str:
    return str(panel.ts[row].astype("M8[ns]"))[:19]


def note(panel) -> str:
    return panel.schema.sources[0].note


def test_a_plain_daily_csv(tmp_path):
    frame = dated(bars())
    panel = load_files(write(tmp_path / "ABC.csv", frame))
    assert panel.symbols == ("ABC",)
    assert panel.fields == OHLCV
    assert panel.bar_seconds == 86_400.0
    assert utc(panel) == "2020-01-07T00:00:00"  # the end of the calendar date
    np.testing.assert_array_equal(panel.bars["close"][:, 0], frame["close"])
    np.testing.assert_array_equal(panel.session, np.arange(60))
    assert panel.quarantined == {}
    assert "assumed" in note(panel)
    assert sum(1 for _ in panel_features(panel)) == 60


def test_dates_in_a_declared_zone_close_at_its_midnight_whatever_the_clock(tmp_path):
    frame = dated(bars(), start="2020-03-02", freq="D")
    panel = load_files(write(tmp_path / "a.csv", frame), timezone="America/New_York")
    assert utc(panel, 0) == "2020-03-03T05:00:00"
    assert utc(panel, 20) == "2020-03-23T04:00:00"  # summer time
    assert panel.bar_seconds == 86_400.0


def test_semicolons_and_decimal_commas(tmp_path):
    frame = dated(bars())
    panel = load_files(write(tmp_path / "a.csv", frame, sep=";", decimal=","))
    np.testing.assert_allclose(panel.bars["close"][:, 0], frame["close"], rtol=1e-12)


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_other_separators_and_gzip(tmp_path, separator):
    path = tmp_path / "XY.csv.gz"
    with gzip.open(path, "wt") as handle:
        dated(bars()).to_csv(handle, index=False, sep=separator)
    assert load_files(path).symbols == ("XY",)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_epoch_numbers_of_any_unit_and_open_times(tmp_path, unit, factor):
    frame = bars()
    frame.insert(0, "open_time", (1_600_000_200 + 300 * np.arange(60)) * factor)
    panel = load_files(write(tmp_path / "a.csv", frame))
    assert panel.bar_seconds == 300.0
    assert utc(panel) == "2020-09-13T12:35:00"  # the stamp is the start: 12:30
    assert Field.INTRADAY in panel.fields
    assert f"epoch numbers read as {unit}" in note(panel)


def test_a_declared_bar_end_wins_over_the_assumption(tmp_path):
    path = write(tmp_path / "a.csv", dated(bars(), "timestamp", freq="h"))
    assert utc(load_files(path)) == "2020-01-06T01:00:00"
    assert "bar starts (assumed" in note(load_files(path))
    assert utc(load_files(path, bar_end=True)) == "2020-01-06T00:00:00"
    assert "bar ends (declared)" in note(load_files(path, bar_end=True))


def test_a_column_named_close_time_stamps_the_end(tmp_path):
    path = write(tmp_path / "a.csv", dated(bars(), "close_time", freq="h"))
    assert utc(load_files(path)) == "2020-01-06T00:00:00"


def test_zoned_times_are_absolute_and_the_declared_zone_numbers_the_sessions(tmp_path):
    frame = dated(bars(48), "time", freq="h")
    frame["time"] = frame["time"].dt.tz_localize("America/New_York").map(lambda x: x.isoformat())
    path = write(tmp_path / "a.csv", frame)
    panel = load_files(path, timezone="America/New_York", bar_end=False)
    assert utc(panel) == "2020-01-06T06:00:00"
    assert list(np.bincount(panel.session)) == [24, 24]
    assert list(panel.bars["bar_of_session"][:3, 0]) == [0, 1, 2]
    assert list(np.bincount(load_files(path).session)) == [19, 24, 5]


def test_date_and_time_in_two_columns(tmp_path):
    frame = dated(bars(), "stamp", freq="15min")
    frame.insert(0, "<DATE>", frame["stamp"].dt.strftime("%Y.%m.%d"))
    frame.insert(1, "<TIME>", frame["stamp"].dt.strftime("%H:%M"))
    panel = load_files(write(tmp_path / "a.csv", frame.drop(columns="stamp")), bar_end=True)
    assert utc(panel, 1) == "2020-01-06T00:15:00"
    assert panel.bar_seconds == 900.0


def test_compact_dates_and_day_first_dates(tmp_path):
    for form in ("%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%b %d, %Y"):
        frame = dated(bars())
        frame["date"] = frame["date"].dt.strftime(form)
        assert utc(load_files(write(tmp_path / "a.csv", frame))) == "2020-01-07T00:00:00", form


def test_several_instruments_in_one_file_align_on_the_union_of_times(tmp_path):
    a, b = dated(bars(60, 1)), dated(bars(50, 2), start="2020-01-20").drop(index=[7])
    frame = pd.concat([a.assign(ticker="A"), b.assign(ticker="B")])
    panel = load_files(write(tmp_path / "book.csv", frame.sample(frac=1.0, random_state=1)))
    assert panel.symbols == ("A", "B")
    assert panel.present.sum(axis=0).tolist() == [60, 49]
    column = panel.bars[:, 1]
    first = int(np.flatnonzero(panel.present[:, 1])[0])
    assert np.isnan(column["close"][:first]).all()
    gap = first + 7
    assert not panel.present[gap, 1]
    for name in ("open", "high", "low", "close"):
        assert column[name][gap] == column["close"][gap - 1]
    assert column["volume"][gap] == 0.0
    assert panel.survivorship_note
    assert "out of order" in note(panel)


def test_a_wide_table_of_closes(tmp_path):
    frame = dated(pd.DataFrame({"AAA": bars(60, 1)["close"], "BBB": bars(60, 2)["close"]}))
    frame.loc[5, "BBB"] = np.nan
    panel = load_files(write(tmp_path / "a.csv", frame))
    assert panel.symbols == ("AAA", "BBB")
    assert panel.fields == frozenset({Field.CLOSE})
    assert not panel.present[5, 1]
    assert panel.quarantined == {}  # an empty cell of a wide table is an absent bar


def test_several_files_are_one_book_and_two_files_of_one_instrument_are_joined(tmp_path):
    one = write(tmp_path / "A.csv", dated(bars(60, 1)))
    two = write(tmp_path / "B.csv", dated(bars(60, 2)))
    assert load_files([one, str(two)]).symbols == ("A", "B")
    (tmp_path / "later").mkdir()
    later = write(tmp_path / "later" / "A.csv", dated(bars(30, 3), start="2020-03-30"))
    assert len(load_files([one, later])) == 90


def test_bid_and_ask_become_their_mid_and_crossed_quotes_are_set_aside(tmp_path):
    frame = bars()[["open", "high", "low", "close"]]
    wide = pd.DataFrame({f"bid_{c}": frame[c] for c in frame} | {f"ask_{c}": frame[c] * 1.001 for c in frame})
    wide.loc[9, "ask_close"] = wide.loc[9, "bid_close"] * 0.999
    panel = load_files(write(tmp_path / "EURUSD.csv", dated(wide, "ts_open", freq="h")))
    assert panel.quarantined == {"crossed_quote": 1}
    np.testing.assert_allclose(panel.bars["close"][0, 0], frame["close"][0] * 1.0005)
    assert "mid of bid and ask" in note(panel)
    assert Field.VOLUME not in panel.fields


def test_an_adjusted_close_scales_all_prices_and_keeps_traded_value(tmp_path):
    frame = bars()
    factor = np.linspace(0.5, 1.0, 60)
    frame["Adj Close"] = frame["close"] * factor
    panel = load_files(write(tmp_path / "a.csv", dated(frame, "Date")))
    b = panel.bars[:, 0]
    np.testing.assert_allclose(b["close"], frame["Adj Close"])
    np.testing.assert_allclose(b["open"], frame["open"] * factor)
    np.testing.assert_allclose(b["close"] * b["volume"], frame["close"] * frame["volume"])


def test_declared_columns_win(tmp_path):
    frame = dated(bars(), "when").rename(
        columns={"close": "px", "open": "a", "high": "b", "low": "c", "volume": "d"}
    )
    frame["close"] = 1.0 + np.arange(60)
    path = write(tmp_path / "a.csv", frame)
    panel = load_files(path, columns={"time": "when", "close": "px"})
    np.testing.assert_array_equal(panel.bars["close"][:, 0], frame["px"])
    with pytest.raises(DataError, match=r"no column pxx"):
        load_files(path, columns={"close": "pxx"})
    with pytest.raises(DataError, match=r"role: clos.*did you mean close"):
        load_files(path, columns={"clos": "px"})


def test_bad_rows_are_set_aside_by_reason_and_nothing_else_is_lost(tmp_path):
    frame = dated(bars(120)).astype({"open": object, "date": str})
    frame.loc[3, "close"] = np.nan
    frame.loc[5, "close"] = -4.0
    frame.loc[7, "open"] = "n.a.?"
    frame.loc[9, ["high", "low"]] = [1.0, 300.0]
    frame.loc[11, "date"] = "soon"
    frame.loc[13, "close"] = float(frame.loc[13, "close"]) * 10  # close beyond the bar's high
    frame.loc[60, ["open", "high", "low", "close"]] = [9000.0, 9100.0, 8900.0, 9050.0]  # spike
    doubled = pd.concat([frame, frame.iloc[[20, 21]]])
    doubled.iloc[-1, doubled.columns.get_loc("volume")] = 1.0
    conflict = frame.iloc[[30]].assign(close=frame.loc[30, "low"])
    report = check_files(write(tmp_path / "a.csv", pd.concat([doubled, conflict])))
    assert report.quarantined == {
        "bad_time": 1,
        "conflicting_duplicate": 1,
        "duplicate": 2,
        "high_below_low": 1,
        "nan_price": 1,
        "non_positive_price": 1,
        "not_a_number": 1,
        "outside_range": 1,
        "unconfirmed_jump": 1,
    }
    one = report.instruments[0]
    assert one.rows == one.clean + sum(one.quarantined.values()) == 123
    assert (one.duplicates, one.negative, one.outliers) == (3, 1, 1)
    tree = report.to_dict()
    assert tree["quarantined"]["duplicate"] == 2
    assert tree["instruments"][0]["symbol"] == "a"
    assert load_files(tmp_path / "a.csv").quarantined == report.quarantined


def test_lines_with_too_many_cells_are_counted(tmp_path):
    path = write(tmp_path / "a.csv", dated(bars()))
    with open(path, "a") as handle:
        handle.write("2020-09-01,1,2,3,4,5,6,7,8\n")
    assert load_files(path).quarantined == {"malformed_row": 1}


def test_a_separator_at_the_end_of_each_line_is_no_column(tmp_path):
    path = tmp_path / "a.csv"
    lines = dated(bars()).to_csv(index=False).splitlines()
    path.write_text("\n".join([lines[0]] + [line + "," for line in lines[1:]]))
    panel = load_files(path)
    np.testing.assert_array_equal(panel.bars["close"][:, 0], bars()["close"])


def test_an_unsorted_file_is_sorted_and_says_so(tmp_path):
    frame = dated(bars())
    panel = load_files(write(tmp_path / "a.csv", frame.iloc[::-1]))
    np.testing.assert_array_equal(panel.bars["close"][:, 0], frame["close"])
    assert "59 rows out of order were sorted" in note(panel)


def test_quoted_thousands_and_currency_signs(tmp_path):
    frame = dated(bars())
    frame["volume"] = [f"{v * 1000:,.0f}" for v in frame["volume"]]
    frame["close"] = [f"${c:.4f}" for c in frame["close"]]
    frame = frame.drop(columns=["open", "high", "low"])
    panel = load_files(write(tmp_path / "a.csv", frame))
    assert panel.quarantined == {}
    assert panel.bars["volume"][0, 0] == bars()["volume"][0] * 1000


REFUSED = {
    "one column": ("close\n1\n2\n3\n", "only one column"),
    "empty": ("", "is empty"),
    "header only": ("date,close\n", "has no rows"),
    "no header": ("2020-01-01,1,2\n2020-01-02,1,2\n2020-01-03,1,3\n", "no header"),
    "no time": ("a,close\n1,2\n2,3\n", "no time column"),
    "row numbers for time": ("time,close\n1,2\n2,3\n3,4\n", "time column cannot be read"),
    "no close": ("date,open,high,low\n2020-01-01,1,1,1\n2020-01-02,1,1,1\n", "no close column"),
    "no price": ("date,remark\n2020-01-01,a\n2020-01-02,b\n", "no close column"),
    "one row": ("date,close\n2020-01-01,5\n", "too few bars"),
    "seconds": (
        "time,close\n2020-01-01T00:00:01,5\n2020-01-01T00:00:02,5\n2020-01-01T00:00:03,6\n",
        "one minute",
    ),
    "months": ("date,close\n2020-01-01,5\n2020-02-01,5\n2020-03-01,6\n", "one minute to one day"),
    "nothing usable": ("date,close\n2020-01-01,-5\n2020-01-02,-5\n2020-01-03,-5\n", "no usable rows"),
    "text prices": ("date,close\n2020-01-01,x\n2020-01-02,y\n2020-01-03,z\n", "no usable rows"),
    "prose": ("Dear reader,\nthis is a letter, not a table.\nGoodbye.\n", "no time column"),
    "mixture": (
        "date,close\n" + "2020-01-01,5\n2020-01-01,9\n2020-01-02,5\n2020-01-02,9\n" * 1,
        "several different",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_bar_data_is_refused_with_a_reason(tmp_path, name):
    text, reason = REFUSED[name]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason) as error:
        load_files(path)
    assert error.value.expected


def test_missing_files_directories_and_binaries_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_files(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="a directory"):
        load_files(tmp_path)
    (tmp_path / "a.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="not text"):
        load_files(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(b"\x1f\x8b\x08 broken")
    with pytest.raises(DataError, match="damaged"):
        load_files(tmp_path / "a.csv.gz")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(DataError, match="damaged"):
        load_files(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no data file"):
        load_files([])
    with pytest.raises(DataError, match="no such time zone"):
        load_files(write(tmp_path / "b.csv", dated(bars())), timezone="Mars/Olympus")


def test_instruments_with_bars_of_different_length_are_refused(tmp_path):
    hourly = write(tmp_path / "a.csv", dated(bars(), "time", freq="h"))
    daily = write(tmp_path / "b.csv", dated(bars()))
    with pytest.raises(DataError, match="different length"):
        load_files([hourly, daily])


def test_parquet_with_a_time_index(tmp_path):
    frame = dated(bars(), "when").set_index("when")
    frame.to_parquet(tmp_path / "Q.parquet")
    assert load_files(tmp_path / "Q.parquet").symbols == ("Q",)


def test_reading_is_deterministic(tmp_path):
    path = write(tmp_path / "a.csv", dated(bars()))
    one, two = load_files(path), load_files(path)
    assert one.bars.tobytes() == two.bars.tobytes()
    assert one.schema.hash == two.schema.hash


SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
RECORDED = {
    "crypto/binance_spot_1h_BTC_ETH_SOL_20200920_20231231.parquet": (3600.0, 3, OHLCV | {Field.INTRADAY}, {}),
    "crypto/btc_perp_1m_20211231_20220201.parquet": (60.0, 1, OHLCV | {Field.INTRADAY}, {}),
    "fx/oanda_1h_bidask_EURUSD_20070101_20181231.parquet": (
        3600.0,
        1,
        OHLCV - {Field.VOLUME} | {Field.INTRADAY},
        {},
    ),
    "fx/oanda_1h_bidask_XAUUSD_20060320_20190225.parquet": (
        3600.0,
        1,
        OHLCV - {Field.VOLUME} | {Field.INTRADAY},
        {},
    ),
    "fx/fxcm_1m_bidask_USDJPY_201302_GBPUSD_201202.parquet": (
        60.0,
        2,
        OHLCV - {Field.VOLUME} | {Field.INTRADAY},
        {"crossed_quote": 2020},
    ),
    "equities/us_58stocks_daily_ohlcv_20120904_20161230.parquet": (
        86400.0,
        58,
        OHLCV,
        {"nan_price": 3, "unconfirmed_jump": 1},
    ),
    "equities/us_20stocks_daily_adjclose_19900102_20191231.parquet": (
        86400.0,
        20,
        {Field.CLOSE},
        {"stale": 242, "unconfirmed_jump": 1},
    ),
    "equities/spx_daily_ohlcv_19500103_20191231.parquet": (86400.0, 1, OHLCV, {}),
    "equities/us_indices_daily_ohlcv_19990104_20181231.parquet": (86400.0, 2, OHLCV, {}),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_files_load_with_what_is_known_of_them(name):
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"recorded data {name} is not on this machine")
    seconds, n, fields, quarantined = RECORDED[name]
    panel = validate_panel(load_files(path))
    assert panel.bar_seconds == seconds
    assert len(panel.symbols) == n
    assert panel.fields == fields
    assert panel.quarantined == quarantined


def test_missing_hours_of_recorded_outages_are_counted():
    path = SHARED / "crypto/binance_spot_1h_BTC_ETH_SOL_20200920_20231231.parquet"
    if not path.is_file():
        pytest.skip("recorded crypto data is not on this machine")
    assert [q.missing_bars for q in check_files(path).instruments] == [20, 20, 20]
