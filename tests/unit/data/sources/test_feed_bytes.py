"""Cells of a feed: each damaged row is refused by the number it has in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.data.sources.feed_bytes import table
from janus_trader.data.sources.lobster import read_lobster

PATH = Path("feed.csv")


@pytest.mark.parametrize("junk_row", [1, 2, 3])
def test_a_cell_too_many_is_refused_in_every_row(junk_row):
    rows = ["a,b,c"] + [f"1,2,{k}" + (",junk" if k == junk_row else "") for k in (1, 2, 3)]
    with pytest.raises(DataError, match="damaged"):
        table(PATH, "\n".join(rows).encode(), header=True, columns=3)


def test_a_blank_line_does_not_shift_the_numbers():
    with pytest.raises(DataError, match="row 3 is damaged"):
        table(PATH, b"a,b\n1,2\n\n3,4\n", header=True, columns=2)


def test_a_line_end_at_the_end_is_no_row():
    cells = table(PATH, b"a,b\n1,2\n3,4\n\n", header=True, columns=2)
    assert [column.tolist() for column in cells] == [["1", "3"], ["2", "4"]]


@pytest.mark.parametrize(("time", "row"), [("-5", 1), ("86400", 2), ("1e12", 2)])
def test_a_time_outside_the_day_is_refused(tmp_path, time, row):
    lines = ["34200.1,1,1,10,1000000,1", "34200.2,1,2,10,1000100,-1"]
    lines[row - 1] = ",".join([time, *lines[row - 1].split(",")[1:]])
    path = tmp_path / "AAPL_2012-06-21_34200000_57600000_message_1.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=f"row {row} is damaged"):
        read_lobster(path, ())
