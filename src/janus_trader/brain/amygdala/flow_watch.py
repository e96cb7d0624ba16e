"""What order flow and quotes say, where there are any: toxicity, a fall within minutes, the spread.

Daily bars without quotes have none of this: the watch is then silent, which is neither healthy nor an alarm,
and the other detectors go on. A sense that has spoken and falls silent is counted as lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.amygdala.detector_config import DetectorConfig
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.senses import BookLevels
from janus_trader.foundation.codec import pack, unpack
from janus_trader.numerics.bulk_vpin import bulk_vpin_dtype, bulk_vpin_step

#: Buckets of VPIN, price changes of its sigma, and values it is ranked among.
VPIN_WINDOW, SIGMA_WINDOW, RANK_WINDOW = 50, 50, 250
#: Buckets in an average day (mechanisms: V = ADV / 50).
BUCKETS_A_DAY = 50.0

_VPIN_DTYPE = bulk_vpin_dtype(VPIN_WINDOW, SIGMA_WINDOW, RANK_WINDOW)
assert _VPIN_DTYPE.fields is not None
#: Bytes of VPIN's counters and open bar: all zero before its first trade, and never again after it.
_VPIN_HEAD = _VPIN_DTYPE.fields["changes"][1]


def flow_dtype(bars: int) -> np.dtype:
    """State of one instrument: session volume, its average, VPIN, the last closes of the session."""
    return np.dtype(
        [
            ("session", "i8"),
            ("sessions", "i8"),
            ("traded", "f8"),
            ("daily", "f8"),
            ("seen", "i8"),
            ("closes", "f8", (bars,)),
            ("vpin", _VPIN_DTYPE),
        ],
        align=True,
    )


@njit(cache=True)
def _new_session(s: Any, session: int) -> None:
    if s["traded"] > 0.0:
        gain = max(0.05, 1.0 / (s["sessions"] + 1.0))
        s["daily"] += gain * (s["traded"] - s["daily"])
        s["sessions"] += 1
    s["session"], s["traded"], s["seen"] = session, 0.0, 0


@njit(cache=True)
def watch_bars(states: np.ndarray, bars: np.ndarray, present: np.ndarray, out: np.ndarray) -> None:
    """One bar of every instrument: mean VPIN, mean rank and mean fall since the highest close into ``out``.

    Only bars within a session say anything; NaN where none does. The bucket of an instrument is a fiftieth
    of the mean volume of its earlier sessions: VPIN is silent in the first one. O(n) plus the kernel.
    """
    total, spoke, ranks, ranked, fall, fell = 0.0, 0, 0.0, 0, 0.0, 0
    for i in range(states.shape[0]):
        s, bar = states[i], bars[i]
        if not present[i]:
            continue
        if s["session"] != bar["session"]:
            _new_session(s, bar["session"])
        close, volume = bar["close"], bar["volume"]
        if math.isfinite(close) and close > 0.0:
            window = s["closes"].shape[0]
            highest = close
            for k in range(min(s["seen"], window)):
                highest = max(highest, s["closes"][k])
            s["closes"][s["seen"] % window] = close
            s["seen"] += 1
            if s["seen"] > 1:
                fall += 1.0 - close / highest
                fell += 1
        if not (math.isfinite(volume) and volume >= 0.0):
            continue
        s["traded"] += volume
        if bar["bar_of_session"] > 0 and s["daily"] > 0.0:
            bucket = s["daily"] / BUCKETS_A_DAY
            bulk_vpin_step(s["vpin"], close, volume, bucket, 1, VPIN_WINDOW, SIGMA_WINDOW, RANK_WINDOW, 0.0)
            toxicity = s["vpin"]["toxicity"]
            if toxicity["imbalances"]["n"] >= VPIN_WINDOW:
                total += toxicity["vpin"]
                spoke += 1
            if toxicity["past"]["n"] >= RANK_WINDOW:
                ranks += toxicity["rank"]
                ranked += 1
    out[0] = total / spoke if spoke > 0 else np.nan
    out[1] = ranks / ranked if ranked > 0 else np.nan
    out[2] = fall / fell if fell > 0 else np.nan


class FlowWatch:
    """VPIN and fall of the book's instruments from their bars, and the spread from their order books.

    `update` gives ``(vpin, rank, fall, spread_ratio, lost)``. VPIN and fall are means over the instruments
    with bars within a session (and volume). The spread ratio is the median over the instruments quoted of
    the best spread over all venues, relative to the mid, over its normal: the exponential mean of the
    logarithm of strictly earlier spreads. Where a side is empty on every venue the spread is infinite; where
    venues are locked or crossed against each other it is 0.
    ``lost`` is 1 where quotes or flow were there and stayed away for ``stale_bars`` bars. NaN: no data.
    O(n) and O(levels of the books).

    Parameters
    ----------
    config : DetectorConfig

    Examples
    --------
    >>> FlowWatch(DetectorConfig()).update(None, None, ())
    (nan, nan, nan, nan, 0.0)
    """

    _states: np.ndarray

    def __init__(self, config: DetectorConfig) -> None:
        self.config = config
        self._dtype = flow_dtype(config.flash_bars)
        assert self._dtype.fields is not None
        self._vpin_at = self._dtype.fields["vpin"][1]
        self._gain = 1.0 - 0.5 ** (1.0 / config.spread_halflife)
        self._out = np.empty(3)
        self.reset()

    def update(
        self, bars: np.ndarray | None, present: np.ndarray | None, books: Sequence[BookLevels]
    ) -> tuple[float, float, float, float, float]:
        """Take in one bar's data; whatever is absent is None or empty."""
        vpin = rank = fall = math.nan
        if bars is not None and present is not None and len(bars):
            if len(self._states) != len(bars):
                self._states = np.zeros(len(bars), self._dtype)
                self._states["session"] = -1
            watch_bars(self._states, bars, present, self._out)
            vpin, rank, fall = self._out.tolist()
        spread = self._spread(books) if books or self._normal else math.nan
        return vpin, rank, fall, spread, self._lost(vpin, spread)

    def _spread(self, books: Sequence[BookLevels]) -> float:
        ratios = []
        for symbol, spread in _best_spreads(books).items():
            mean, count = self._normal.get(symbol, (0.0, 0))
            if count >= self.config.spread_warmup:
                ratios.append(spread / math.exp(mean))
            if math.isfinite(spread) and spread > 0.0:
                gain = max(self._gain, 1.0 / (count + 1))
                self._normal[symbol] = (mean + gain * (math.log(spread) - mean), count + 1)
        return float(np.median(ratios)) if ratios else math.nan

    def _lost(self, *senses: float) -> float:
        lost = 0.0
        for k, value in enumerate(senses):
            if not math.isnan(value):
                self._silent[k] = 0
            elif self._silent[k] >= 0:
                self._silent[k] += 1
                lost = max(lost, float(self._silent[k] > self.config.stale_bars))
        return lost

    def reset(self) -> None:
        """Forget everything."""
        self._states = np.zeros(0, self._dtype)
        self._normal: dict[str, tuple[float, int]] = {}
        self._silent = [-1, -1]  # -1: never spoke

    def snapshot(self) -> bytes:
        """State as bytes; VPIN, most of it, only of the instruments that have any."""
        normal = {k: list(v) for k, v in self._normal.items()}
        rows, at = self._rows(self._states), self._vpin_at
        flowing = rows[:, at : at + _VPIN_HEAD].any(axis=1)
        return pack(
            {
                "heads": rows[:, :at],
                "flowing": flowing,
                "vpin": rows[flowing, at:],
                "normal": normal,
                "silent": self._silent,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        tree = unpack(raw)
        heads, flowing, vpin, at = tree["heads"], tree["flowing"], tree["vpin"], self._vpin_at
        width = self._dtype.itemsize - at
        if heads.shape[1:] != (at,) or vpin.shape != (flowing.sum(), width) or len(flowing) != len(heads):
            raise IntegrityError(
                "flow snapshot does not fit",
                got=(heads.shape, vpin.shape),
                expected=f"rows of {at} and {width} bytes",
            )
        self._states = np.zeros(len(heads), self._dtype)
        rows = self._rows(self._states)
        rows[:, :at], rows[flowing, at:] = heads, vpin
        self._normal = {str(k): (float(v[0]), int(v[1])) for k, v in tree["normal"].items()}
        self._silent = [int(x) for x in tree["silent"]]

    def _rows(self, states: np.ndarray) -> np.ndarray:
        """The bytes of states, a row an instrument."""
        return states.view(np.uint8).reshape(len(states), self._dtype.itemsize)


def _best_spreads(books: Sequence[BookLevels]) -> dict[str, float]:
    """Relative spread of each symbol over all venues; infinite where a side is empty."""
    best: dict[str, list[float]] = {}
    for book in books:
        sides = best.setdefault(book.symbol, [-math.inf, math.inf])
        if len(book.bid_price) and math.isfinite(book.bid_price[0]):
            sides[0] = max(sides[0], float(book.bid_price[0]))
        if len(book.ask_price) and math.isfinite(book.ask_price[0]):
            sides[1] = min(sides[1], float(book.ask_price[0]))
    spreads = {}
    for symbol, (bid, ask) in best.items():
        there = bid > 0.0 and ask < math.inf
        spreads[symbol] = max(0.0, 2.0 * (ask - bid) / (ask + bid)) if there else math.inf
    return spreads
