"""``janus book replay`` as a user types it."""

import json

import pytest

from janus_trader.data.sources.bitstamp_l3 import HEADER
from janus_trader.stores.book_recordings import is_recording, read_recording
from support import command
from support.book_feeds import Exchange, bitstamp_rows, lobster_depth, lobster_rows, lobster_tops, write

NAME = "XYZ_2012-06-21_34200000_37800000"


def janus(*arguments, cwd, code=0):
    return command.janus(*arguments, cwd=cwd, code=code)


@pytest.fixture
def messages(rng, tmp_path):
    exchange = Exchange(rng).live(300)
    exchange.log.clear()
    exchange.send(0, 9_000, 7)
    depth = [lobster_depth(exchange, 12)]
    log = exchange.live(250).log
    write(tmp_path / f"{NAME}_orderbook_12.csv", depth)
    write(tmp_path / f"{NAME}_orderbook_1of12.csv.gz", lobster_tops(log))
    return write(tmp_path / f"{NAME}_message_12.csv.gz", lobster_rows(log))


def test_it_prints_the_agreement_and_writes_recording_and_picture(messages, tmp_path):
    said = janus(
        "book", "replay", messages.name, "--out", "x.parquet", "--html", "x.html", cwd=tmp_path
    ).stdout
    assert "best levels as recorded" in said
    assert "(100.00%)" in said
    assert "executed first of the queue" in said
    assert is_recording(tmp_path / "x.parquet")
    assert read_recording(tmp_path / "x.parquet").header.symbol == "XYZ"
    assert "the book over time" in (tmp_path / "x.html").read_text()
    again = json.loads(janus("book", "replay", "x.parquet", "--json", cwd=tmp_path).stdout)
    first = json.loads(janus("book", "replay", messages.name, "--json", cwd=tmp_path).stdout)
    assert (first["format"], again["format"]) == ("lobster", "recording")
    for name in (
        "messages",
        "trades",
        "traded",
        "spread_mean",
        "agreement",
        "priority",
        "matched",
        "crossed",
    ):
        assert first[name] == again[name]
    assert first["agreement"]["equal"] == first["agreement"]["told"] > 200
    assert first["depth_agreement"]["levels"] == 10


def test_a_damaged_file_is_one_clear_message(rng, tmp_path):
    rows = [HEADER.decode(), *bitstamp_rows(Exchange(rng).live(30, partial=False).log)]
    cells = rows[5].split(",")
    cells[3] = "nan"
    write(tmp_path / "bad.csv", [*rows[:5], ",".join(cells), *rows[6:]])
    done = janus("book", "replay", "bad.csv", cwd=tmp_path, code=2)
    assert "row 6 is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    (tmp_path / "other.csv").write_text("date,close\n2020-01-01,3\n")
    assert "no feed of a book" in janus("book", "replay", "other.csv", cwd=tmp_path, code=2).stderr
    assert "no such file" in janus("book", "replay", "nowhere", cwd=tmp_path, code=2).stderr
