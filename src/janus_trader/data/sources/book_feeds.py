"""Any recorded feed of a book, recognised from its content, as a recording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.binance_feed import read_binance
from janus_trader.data.sources.bitstamp_l3 import HEADER, read_bitstamp
from janus_trader.data.sources.book_feed import Events, Feed, FeedConfig, assemble
from janus_trader.data.sources.databento_mbo import MAGIC, read_databento
from janus_trader.data.sources.feed_bytes import feed_head
from janus_trader.data.sources.lobster import books_beside, read_lobster
from janus_trader.stores.book_recordings import is_recording, read_recording

FORMATS = ("recording", "lobster", "bitstamp", "databento", "binance")
_NUMBER = rb"-?\d+(\.\d+)?"
_LOBSTER = re.compile(rb"%b(,%b){5}\r?\n" % (_NUMBER, _NUMBER))
_BINANCE = re.compile(rb"\d{16,20} \{")


def feed_format(path: Path) -> str:
    """Which of `FORMATS` a file has, by its first bytes.

    Raises
    ------
    DataError
        The file cannot be read, or looks like none of them.
    """
    if path.is_file() and is_recording(path):
        return "recording"
    head = feed_head(path)
    if head.startswith(MAGIC):
        return "databento"
    if head.replace(b'"', b"").startswith(HEADER):
        return "bitstamp"
    if _BINANCE.match(head):
        return "binance"
    if _LOBSTER.match(head):
        return "lobster"
    raise DataError(
        f"{path}: no feed of a book that is known here",
        got=repr(head[:60]) if path.is_file() else "no such file",
        expected=f"one of {', '.join(FORMATS)}",
        remedy="name the format with --format to see what is wrong with it",
    )


def read_feed(
    paths: Sequence[Path],
    *,
    form: str = "auto",
    books: Sequence[Path] | None = None,
    symbol: str | None = None,
    day: str | None = None,
    config: FeedConfig | None = None,
) -> Feed:
    """Read a feed into a recording that follows it.

    Parameters
    ----------
    paths : sequence of Path
        One file; consecutive ones of Databento or Binance.
    form : str
        One of `FORMATS`, or ``auto``.
    books : sequence of Path, optional
        LOBSTER's order book files; default: those beside the messages.
    symbol, day : str, optional
        Where the file does not say.
    config : FeedConfig, optional

    Raises
    ------
    DataError
        What the readers refuse.
    ConfigError
        An unknown format, or several files of a format that has one.
    """
    if form not in ("auto", *FORMATS):
        raise ConfigError("no such format of a feed", got=form, expected=", ".join(("auto", *FORMATS)))
    if not paths:
        raise ConfigError("no file to replay", expected="at least one")
    form = feed_format(paths[0]) if form == "auto" else form
    if len(paths) > 1 and form not in ("databento", "binance"):
        raise ConfigError(
            f"{form}: several files", got=len(paths), expected="one", remedy="replay one at a time"
        )
    if form == "recording":
        recording = read_recording(paths[0])
        return Feed(recording, np.arange(1, len(recording.messages) + 1), {}, {})
    return assemble(_events(paths, form, books, symbol, day), config)


def _events(
    paths: Sequence[Path], form: str, books: Sequence[Path] | None, symbol: str | None, day: str | None
) -> Events:
    if form == "lobster":
        beside = books_beside(paths[0]) if books is None else books
        return read_lobster(paths[0], beside, day=day, symbol=symbol)
    if form == "bitstamp":
        return read_bitstamp(paths[0], symbol=symbol)
    if form == "databento":
        return read_databento(paths, symbol=symbol)
    return read_binance(paths, symbol=symbol)
