"""Panels as values: check one, cut it in time, choose its instruments, read its returns."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.contracts.panel import MarketPanel, Observations


def common_fields(fields: Sequence[frozenset[Field]]) -> frozenset[Field]:
    """What every instrument of a book delivers.

    >>> sorted(common_fields([frozenset({Field.CLOSE, Field.OPEN}), frozenset({Field.CLOSE})]))
    [<Field.CLOSE: 'close'>]
    """
    return frozenset.intersection(*fields)


def panel_returns(panel: MarketPanel) -> np.ndarray:
    """Simple close-to-close return of each instrument since its own previous bar.

    ``r[t, i] = close[t, i] / close[t-1, i] - 1`` (an absent bar repeats the last close, so the row
    before always holds the instrument's own previous close).

    Returns
    -------
    (T, n) float64, in (-1, inf); 0 where the instrument is absent and at its first bar. O(T n).
    """
    close = panel.bars["close"]
    out = np.zeros(close.shape)
    with np.errstate(invalid="ignore"):
        out[1:] = close[1:] / close[:-1] - 1.0
    out[~np.isfinite(out) | ~panel.present] = 0.0
    return out


def slice_panel(panel: MarketPanel, start_ns: int, end_ns: int) -> MarketPanel:
    """The bars with ``start_ns <= ts < end_ns``, as a panel of its own.

    Sessions are numbered from 0 again. Auxiliary observations that were available before the last
    bar are kept (those from before the start are known at the start); later ones are cut off.

    Raises
    ------
    DataError
        No bar lies in the interval.
    """
    keep = np.flatnonzero((panel.ts >= start_ns) & (panel.ts < end_ns))
    if keep.size == 0:
        raise DataError(
            f"no bar of {panel.name} lies in the interval",
            got=f"[{_iso(start_ns)}, {_iso(end_ns)})",
            expected=f"an interval within [{_iso(panel.ts[0])}, {_iso(panel.ts[-1])}]",
            remedy="choose other dates",
        )
    return _rows(panel, keep)


def select_symbols(panel: MarketPanel, symbols: Sequence[str]) -> MarketPanel:
    """The same history with fewer instruments, in the order given; bars of nobody are dropped.

    The market series stays the one of the whole panel.

    Raises
    ------
    DataError
        A symbol is not in the panel, is given twice, or none is given.
    """
    known = list(panel.symbols)
    if not symbols or len(set(symbols)) != len(symbols):
        raise DataError("symbols must be given once each", got=list(symbols), expected="at least one")
    for symbol in symbols:
        if symbol not in known:
            near = difflib.get_close_matches(symbol, known, n=1)
            raise DataError(
                f"no instrument {symbol} in {panel.name}",
                got=symbol,
                expected="one of " + ", ".join(known),
                remedy=f"did you mean {near[0]}?" if near else None,
            )
    columns = [known.index(s) for s in symbols]
    instruments = tuple(panel.instruments[c] for c in columns)
    chosen = dataclasses.replace(
        panel,
        instruments=instruments,
        bars=np.ascontiguousarray(panel.bars[:, columns]),
        present=np.ascontiguousarray(panel.present[:, columns]),
        external=np.ascontiguousarray(panel.external[:, :, columns]),
        fields=common_fields([i.fields for i in instruments]),
    )
    keep = np.flatnonzero(chosen.present.any(axis=1))
    return chosen if keep.size == len(chosen) else _rows(chosen, keep)


def _rows(panel: MarketPanel, keep: np.ndarray) -> MarketPanel:
    _, session = np.unique(panel.session[keep], return_inverse=True)
    bars = panel.bars[keep].copy()
    bars["session"] = session[:, None]
    bars["bar_of_session"] = bar_of_session(session)[:, None]
    last = panel.ts[keep[-1]]
    auxiliary = tuple(
        Observations(o.source, o.available_ns[o.available_ns <= last], o.value[o.available_ns <= last])
        for o in panel.auxiliary
    )
    return dataclasses.replace(
        panel,
        ts=panel.ts[keep].copy(),
        session=session.astype(np.int64),
        bars=bars,
        present=panel.present[keep].copy(),
        market=panel.market[keep].copy(),
        market_volume=panel.market_volume[keep].copy(),
        external=panel.external[keep].copy(),
        auxiliary=auxiliary,
    )


def bar_of_session(session: np.ndarray) -> np.ndarray:
    """Number of each bar within its session, from 0; ``session`` (T,) is non-decreasing.

    >>> bar_of_session(np.array([0, 0, 1, 1, 1]))
    array([0, 1, 0, 1, 2])
    """
    position = np.arange(len(session))
    starts = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
    return position - starts[np.searchsorted(starts, position, side="right") - 1]


def _iso(ts_ns: int) -> str:
    return str(np.datetime64(int(ts_ns), "ns"))[:19]


def validate_panel(panel: MarketPanel) -> MarketPanel:
    """Return the panel if it keeps the contract of `MarketPanel`, else say what does not.

    Checked: shapes and types, strictly increasing time, non-decreasing sessions, positive finite
    prices with ``low <= open, close <= high`` wherever present, NaN only before the first bar,
    sorted finite auxiliary observations, finite external signals. O(T n).

    Raises
    ------
    DataError
    """
    t, n = len(panel.ts), len(panel.instruments)
    shapes = {
        "session": (panel.session.shape, (t,)),
        "bars": (panel.bars.shape, (t, n)),
        "present": (panel.present.shape, (t, n)),
        "market": (panel.market.shape, (t,)),
        "market_volume": (panel.market_volume.shape, (t,)),
        "external": (panel.external.shape[::2], (t, n)),
    }
    for what, (got, expected) in shapes.items():
        if got != expected:
            raise DataError(f"{panel.name}: {what} has the wrong shape", got=got, expected=str(expected))
    _require(panel, panel.bars.dtype == BAR_DTYPE, "bars must be of BAR_DTYPE")
    _require(panel, t > 0 and n > 0, "a panel needs bars and instruments")
    _require(panel, len(set(panel.symbols)) == n, "symbols must be distinct")
    _require(panel, bool((np.diff(panel.ts) > 0).all()), "bar times must strictly increase")
    _require(panel, bool((np.diff(panel.session) >= 0).all()), "sessions must not decrease")
    _check_prices(panel)
    for o in panel.auxiliary:
        sane = bool(np.isfinite(o.value).all() and (np.diff(o.available_ns) >= 0).all())
        _require(panel, sane, f"observations of {o.source} must be finite and sorted by availability")
    _require(panel, bool(np.isfinite(panel.external).all()), "external signals must be finite")
    return panel


def _check_prices(panel: MarketPanel) -> None:
    bars = panel.bars
    started = np.maximum.accumulate(panel.present, axis=0)
    for name in ("open", "high", "low", "close"):
        value = bars[name]
        fine = np.isfinite(value) & (value > 0.0)
        _require(panel, bool(fine[started].all()), f"{name} must be positive from the first bar on")
        _require(panel, not fine[~started].any(), f"{name} must be NaN before the first bar")
    inside = (bars["low"] <= np.minimum(bars["open"], bars["close"])) & (
        bars["high"] >= np.maximum(bars["open"], bars["close"])
    )
    _require(panel, bool(inside[started].all()), "open and close must lie within [low, high]")


def _require(panel: MarketPanel, condition: bool, sentence: str) -> None:
    if not condition:
        raise DataError(f"{panel.name}: {sentence}", remedy="`janus data check` lists the rows at fault")
