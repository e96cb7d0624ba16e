"""Scenarios of one order book: the book market, driven through phases that are known.

The market's flow and agents trade through the real order book; a phase moves the value that the informed
know, and turns the flow: how much happens (``activity``) and how many limit orders come (``supply``). The
price follows because of what is traded, so a move of the value is not the move of the price. A gap is run
through within a minute rather than jumped over: resting orders stand in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import NS_PER_DAY
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.rng import Rng
from janus_trader.simulation.book_market import (
    BookMarket,
    MarketConfig,
    default_flow,
    informed,
    market_maker,
    momentum,
    noise,
)
from janus_trader.simulation.scenarios.bar_kernel import CELL_DTYPE
from janus_trader.simulation.scenarios.catalogue import SCENARIOS, scenario_named
from janus_trader.simulation.scenarios.market import FIRST_DAY, PhaseSpan, SimulatedMarket
from janus_trader.simulation.scenarios.phases import (
    SESSION_MINUTES,
    SESSION_OPEN_MINUTE,
    Phase,
    phase_lengths,
    scaled_phase,
)
from janus_trader.stores.book_recordings import BookRecording

MINUTE_NS = 60 * 10**9
TICK = 0.01
_HALT_S = 60.0
#: Length of a simulated book market where none is asked for.
DEFAULT_MINUTES = 60


@dataclass(frozen=True)
class BookPhase(Phase):
    """A phase of a book market.

    ``move`` and ``jump`` are those of the known value; ``activity`` multiplies everything the flow does,
    ``supply`` its limit orders. Volatility, volume, spread and correlation come out by themselves.
    """

    activity: float = 1.0
    supply: float = 1.0
    factors: ClassVar[tuple[str, ...]] = ("activity", "supply")


def _of(minutes: float, name: str, regime: Regime, **what: Any) -> BookPhase:
    return BookPhase(name, regime, days=minutes / SESSION_MINUTES, **what)


def _calm(name: str = "calm") -> BookPhase:
    return BookPhase(name, Regime.RANGING, share=0.5)


_RUSH: dict[str, Any] = {"activity": 10.0, "supply": 0.3}

BOOK_PHASES: dict[str, tuple[BookPhase, ...]] = {
    "calm": (_calm(),),
    "flash_crash": (
        _calm(),
        _of(2, "crash", Regime.CRISIS, move=-0.09, bend=1.8, **_RUSH),
        _of(5, "rebound", Regime.RECOVERY, move=0.085, bend=0.6, **_RUSH),
        _of(10, "aftermath", Regime.RANGING, activity=2.0, supply=0.8),
        _calm("calm again"),
    ),
    "liquidity_drought": (
        _calm(),
        _of(15, "drought", Regime.RANGING, activity=0.3, supply=0.4),
        _of(5, "refill", Regime.RANGING, supply=0.7),
        _calm("calm again"),
    ),
    "price_gap": (
        _calm(),
        _of(2, "closed", Regime.RANGING, absent=True),
        _of(2, "gap", Regime.CRISIS, jump=-0.07, activity=20.0, supply=0.2),
        _of(10, "digestion", Regime.BEAR, activity=2.0, supply=0.7),
        _calm("calm again"),
    ),
    "limit_moves": (
        _calm(),
        _of(12, "limit down", Regime.CRISIS, move=-0.12, band=0.05, **_RUSH),
        _of(6, "between", Regime.BEAR, activity=2.0, supply=0.7, band=0.05),
        _of(10, "limit up", Regime.RECOVERY, move=0.10, band=0.05, **_RUSH),
        _calm("calm again"),
    ),
    "exchange_outage": (
        _calm(),
        _of(10, "outage", Regime.RANGING, move=-0.02, absent=True),
        _of(5, "reopening", Regime.RANGING, activity=5.0, supply=0.4),
        _calm("calm again"),
    ),
}


@dataclass(frozen=True)
class SimulatedBook:
    """A book market that was driven: its messages, its trades (ticks and lots), and its minute bars."""

    recording: BookRecording
    trades: np.ndarray
    bars: SimulatedMarket

    @property
    def start_ns(self) -> int:
        """Opening of the market, ns UTC; the trades count from here."""
        return self.bars.spans[0].start_ns


def simulate_book(
    name: str,
    seed: int,
    *,
    minutes: int = DEFAULT_MINUTES,
    severity: float = 1.0,
    display: Callable[[int, int], None] | None = None,
) -> SimulatedBook:
    """Drive a book market through a scenario; the same arguments give the same bytes.

    Parameters
    ----------
    name : a scenario of `BOOK_PHASES`
    seed : of every random stream
    minutes : length of the market, at most one session
    severity : factor on moves, and power of what the phases turn; 0 is calm
    display : called with the seconds simulated so far and in all

    Raises
    ------
    ConfigError
        The scenario is unknown or makes no sense for one book, the market is longer than a session or
        shorter than its phases, or a fall is larger than the price.
    """
    if name not in BOOK_PHASES:
        known = scenario_named(name) if name in SCENARIOS or name != "regime_switching" else None
        raise ConfigError(
            f"{known.name if known else name} is no scenario of one order book",
            got=name,
            expected="one of " + ", ".join(BOOK_PHASES),
            remedy="--level bars",
        )
    if not 1 <= minutes <= SESSION_MINUTES:
        raise ConfigError("a length that is not allowed", got=f"{minutes} minutes", expected="1 to 480")
    phases = [scaled_phase(p, severity) for p in BOOK_PHASES[name]]
    lengths = phase_lengths(phases, minutes / SESSION_MINUTES, 1)
    market = _new_market(name, seed, config := MarketConfig())
    total, done = 60 * minutes, 0
    for phase, count in zip(phases, lengths, strict=True):
        for _ in _drive(market, phase, 60 * count, float(config.start_price)):
            done += 1
            if display is not None:
                display(done, total)
    spans = _spans(phases, lengths)
    labels = {"scenario": name, "seed": str(seed), "phases": msgspec.json.encode(_told(spans)).decode()}
    start = _start_ns()
    recording = market.recording(symbol="SIM", tick=TICK, lot=1.0, start_ns=start, labels=labels)
    trades = market.trades()
    trades = trades[trades["ts"] >= 0]  # the warm-up before the opening is no part of the market
    return SimulatedBook(recording, trades, _bars(name, trades, recording, spans, minutes))


def _new_market(name: str, seed: int, config: MarketConfig) -> BookMarket:
    generator = Rng(seed).child("simulation.book").child(name).generator()
    agents = [market_maker(), market_maker(half_spread=2.0, size=20), informed(), momentum(), noise()]
    return BookMarket(default_flow("queue_reactive"), agents, generator, config)


def _drive(market: BookMarket, phase: BookPhase, seconds: int, start_price: float):  # type: ignore[no-untyped-def]
    """Turn the market through one phase, a second at a time."""
    head = market.head
    head["activity"], head["supply"] = phase.activity, phase.supply
    head["fundamental"] += start_price * phase.jump
    path = start_price * phase.move * np.linspace(0.0, 1.0, seconds + 1) ** phase.bend
    reference, halted = _mid(market), 0.0
    for moved in np.diff(path):
        head["fundamental"] += moved
        if phase.absent or halted > 0.0:
            market.halt(1.0)
            halted -= 1.0
            reference = _mid(market)
        else:
            market.run(seconds=1.0)
            if phase.band > 0.0 and abs(_mid(market) / reference - 1.0) >= phase.band:
                halted = _HALT_S
        yield


def _mid(market: BookMarket) -> float:
    bid, ask = market.best()
    return 0.5 * (bid + ask) if bid > 0 and ask > 0 else float(max(bid, ask))


def _start_ns() -> int:
    return FIRST_DAY * NS_PER_DAY + SESSION_OPEN_MINUTE * MINUTE_NS


def _spans(phases: list[BookPhase], lengths: list[int]) -> tuple[PhaseSpan, ...]:
    ends = _start_ns() + MINUTE_NS * np.cumsum(lengths)
    return tuple(
        PhaseSpan(p.name, p.regime, int(end) - MINUTE_NS * count, int(end))
        for p, count, end in zip(phases, lengths, ends, strict=True)
    )


def _told(spans: tuple[PhaseSpan, ...]) -> list[dict[str, object]]:
    return [
        {"phase": s.name, "regime": s.regime.name.lower(), "start_ns": s.start_ns, "end_ns": s.end_ns}
        for s in spans
    ]


def _bars(
    name: str, trades: np.ndarray, recording: BookRecording, spans: tuple[PhaseSpan, ...], minutes: int
) -> SimulatedMarket:
    """Minute bars of what was traded, with the mean spread after the minute's messages in bps."""
    cells = np.zeros((minutes, 1), CELL_DTYPE)
    rows = np.minimum(trades["ts"] // MINUTE_NS, minutes - 1)
    best = recording.replay().best
    seen = np.minimum((recording.ts_event - _start_ns()) // MINUTE_NS, minutes - 1)
    known = (best["bid"] > 0) & (best["ask"] > best["bid"])
    bps = np.where(known, 2e4 * (best["ask"] - best["bid"]) / np.maximum(best["ask"] + best["bid"], 1), 0.0)
    spread = np.bincount(seen, bps, minutes) / np.maximum(np.bincount(seen, known, minutes), 1)
    for row in range(minutes):
        price = TICK * trades["price"][rows == row]
        if len(price):
            volume = float(trades["quantity"][rows == row].sum())
            figures = (price[0], price.max(), price.min(), price[-1], volume, spread[row], len(price))
            cells[row, 0] = tuple(round(x, 6) for x in figures)
    present = cells["steps"] > 0
    for price_name in ("open", "high", "low", "close"):
        cells[price_name][~present] = np.nan
    ts = _start_ns() + MINUTE_NS * (1 + np.arange(minutes))
    phase = np.searchsorted(np.array([s.end_ns for s in spans]), ts)
    regimes = np.array([int(s.regime) for s in spans])
    return SimulatedMarket(
        name=f"simulated:{name}",
        symbols=("SIM",),
        ts=ts.astype(np.int64),
        session=np.zeros(minutes, np.int64),
        bars=cells,
        present=present,
        phase=phase.astype(np.int64),
        regime=regimes[phase],
        spans=spans,
        bar_minutes=1,
    )
