"""From what a user asked for to the panel a life runs through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.message import Message
from janus_trader.contracts.panel import MarketPanel
from janus_trader.foundation.rng import Rng

if TYPE_CHECKING:
    from janus_trader.contracts.senses import Reading
    from janus_trader.data.sources.news import NewsSense
    from janus_trader.simulation.scenarios import PhaseSpan, SimulatedMarket

#: Last day of the selection period; everything after it is the holdout of the default book.
SELECTION_END = "2017-12-31"
#: Two years that lie inside the selection period.
QUICK_START, QUICK_END = "2016-01-01", "2017-12-31"


class HistoryRequest(Message, frozen=True):
    """Which history to live through. Empty ``files`` means the default book, or the simulated market
    that the world names (``simulated:<scenario>``)."""

    files: tuple[str, ...] = ()
    timezone: str | None = None
    bar_end: bool | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    start: str | None = None
    end: str | None = None
    symbols: tuple[str, ...] = ()
    world: str = "real"
    warmup_bars: int = 252
    seed: int = 0
    news: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether no real market is behind it."""
        return self.world.startswith("simulated:")


@dataclass(frozen=True)
class History:
    """A panel and how many of its first bars are only observed (they precede the asked start).

    ``phases`` are the known truth of a simulated market, for the report alone; ``news`` are recorded
    headlines, and ``news_digest`` the SHA-256 over their files.
    """

    panel: MarketPanel
    observe: int
    phases: tuple[PhaseSpan, ...] = ()
    news: NewsSense | None = None
    news_digest: str = ""

    def senses(self, ts_event: int) -> dict[str, Reading]:
        """What outside senses had said by then."""
        reading = self.news.reading(ts_event) if self.news is not None else None
        return {} if reading is None else {"news": reading}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over times, prices, presence and external signals."""
        body = hashlib.sha256()
        panel = self.panel
        arrays = (panel.ts, panel.session, panel.bars, panel.present, panel.external, panel.market)
        for array in (*arrays, panel.market_volume):
            body.update(np.ascontiguousarray(array).tobytes())
        for source in panel.auxiliary:
            body.update(source.available_ns.tobytes() + source.value.tobytes())
        facts = (
            panel.symbols,
            sorted(panel.fields),
            panel.bar_seconds,
            panel.bars_per_year,
            panel.schema.hash,
        )
        body.update(repr(facts).encode() + self.news_digest.encode())
        return body.hexdigest()


def day_ns(text: str, *, end: bool = False) -> int:
    """Nanoseconds of a day's first (or, with ``end``, last) instant in UTC.

    Raises
    ------
    ConfigError
        The text is no ISO date.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a date", got=text, expected="YYYY-MM-DD") from error
    has_time = "T" in text or ":" in text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if end and not has_time:
        moment += timedelta(days=1)
        return round(moment.timestamp()) * 10**9 - 1
    return round(moment.timestamp() * 1000) * 10**6


def load_history(request: HistoryRequest) -> History:
    """Load, cut, and place into the asked world.

    Raises
    ------
    ConfigError
        Unknown world or symbol, or a start after the end.
    DataError
        The data cannot be loaded, or nothing is left after cutting.
    """
    from janus_trader.data.panels import select_symbols, slice_panel
    from janus_trader.simulation.worlds import WORLDS, apply_world

    if request.world not in WORLDS and not request.simulated:
        raise ConfigError(
            f"no world {request.world!r}",
            got=request.world,
            expected="one of " + ", ".join(WORLDS) + ", simulated:<scenario>",
            remedy="`janus simulate --list` names the scenarios",
        )
    market = _simulated(request) if request.simulated else None
    panel = _load(request, market)
    if request.symbols:
        panel = select_symbols(panel, request.symbols)
    start = day_ns(request.start) if request.start else int(panel.ts[0])
    end = day_ns(request.end, end=True) if request.end else int(panel.ts[-1])
    if request.start and request.end and start > end:
        raise ConfigError("the start lies after the end", got=f"{request.start} > {request.end}")
    first = int(np.searchsorted(panel.ts, start))
    last = int(np.searchsorted(panel.ts, end, side="right"))
    if last - first < 3:
        raise DataError(
            "too little history in the asked span",
            got=f"{max(0, last - first)} bars between {request.start or 'the first'} and {request.end or 'the last'}",
            expected="at least 3 bars",
            remedy=f"the data runs from {iso(int(panel.ts[0]))} to {iso(int(panel.ts[-1]))}",
        )
    begin = max(0, first - request.warmup_bars)
    panel = slice_panel(panel, int(panel.ts[begin]), int(panel.ts[last - 1]) + 1)
    news, digest = _news(request.news, panel.symbols)
    if market is not None:
        return History(panel, first - begin, market.spans, news, digest)
    panel = apply_world(panel, request.world, Rng(request.seed).child("simulation.world").generator())
    return History(panel, first - begin, news=news, news_digest=digest)


def _news(files: tuple[str, ...], symbols: tuple[str, ...]) -> tuple[NewsSense | None, str]:
    """Recorded headlines as a sense, and the digest of their files."""
    if not files:
        return None, ""
    from janus_trader.data.sources.news import NewsConfig, NewsSense
    from janus_trader.data.sources.news_file import load_headlines

    sense, body = NewsSense(NewsConfig(), symbols), hashlib.sha256()
    for file in files:
        sense.add(load_headlines(file))
        body.update(Path(file).read_bytes())
    return sense, body.hexdigest()


def _simulated(request: HistoryRequest) -> SimulatedMarket:
    from janus_trader.simulation.market_request import make_market, request_of_world

    if request.files:
        raise ConfigError(
            "a simulated world has a market of its own",
            got=f"{request.world} with {len(request.files)} files",
            remedy="leave out --data, or choose the world bootstrap, which is made of your data",
        )
    return make_market(request_of_world(request.world), request.seed)


def _load(request: HistoryRequest, market: SimulatedMarket | None) -> MarketPanel:
    if market is not None:
        from janus_trader.runs.simulated import market_panel

        return market_panel(market)
    if not request.files:
        from janus_trader.data.sources.default_book import load_default_book

        return load_default_book()
    from janus_trader.data.sources.files import load_files

    return load_files(
        [Path(f) for f in request.files],
        timezone=request.timezone,
        bar_end=request.bar_end,
        columns=request.columns or None,
    )


def iso(ts_ns: int) -> str:
    """Date of a time stamp, with the time of day where it is not midnight-like data."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%Y-%m-%d")
