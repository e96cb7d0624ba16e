r"""Multi-asset bars of a scenario, with the truth of every bar.

The value of instrument i moves within a step of variance share ``w`` (of a day) by

    d ln v_i = beta_i d mu + s_i (b_i z + sqrt(1 - b_i^2) z_i) - s_i^2 / 2,
    s_i = sigma_i V_t exp(q x_t - q^2) sqrt(w),

with the phase's drift d mu and factor V_t, normals z (the market) and z_i, and a log-volatility x_t of
the market (an autoregression of half-life 20 days, correlated with z: leverage). A fifth of a day's
variance falls into the night, the rest into the session in a U-shape, as does the volume. Highs and
lows within a step are those of Brownian bridges. Every fifth instrument is a haven, which falls little
or rises when the market falls, until the phase draws everything together: the loadings ``b_i`` and
``beta_i`` then go to those of the market. In a phase with a move of its own the market's chance is a
bridge: it is taken back by the end, so that the market makes that move up to the instruments' own chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.panel import NS_PER_DAY
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive
from janus_trader.simulation.scenarios.bar_kernel import ASSET_DTYPE, CELL_DTYPE, STATE_DTYPE, session_step
from janus_trader.simulation.scenarios.phases import SESSION_OPEN_MINUTE, Timeline, check_cells

_MINUTE_NS = 60 * 10**9
#: Monday the 1st of January 2001: simulated calendars begin there.
FIRST_DAY = 11_323
_PATH = ("volatility", "together", "volume", "spread", "band", "absent")
_PRICES = ("open", "high", "low", "close")


class MarketConfig(Config, frozen=True):
    """What the instruments of a simulated market are like while nothing happens."""

    daily_volatility: Annotated[
        Positive, Meta(description="median deviation of an instrument's day; fractions")
    ] = 0.013
    correlation: Annotated[Fraction, Meta(description="of two usual instruments")] = 0.35
    haven_every: Annotated[int, Meta(ge=2, description="every so many instruments one is a haven")] = 5
    overnight: Annotated[Fraction, Meta(description="share of a day's variance in the night")] = 0.2
    volatility_deviation: Annotated[NonNegative, Meta(le=2, description="of the log-volatility")] = 0.3
    volatility_halflife: Annotated[Positive, Meta(description="of the log-volatility, days")] = 20.0
    leverage: Annotated[float, Meta(gt=-1, lt=1, description="correlation of return and volatility")] = -0.5
    u_shape: Annotated[NonNegative, Meta(le=10, description="rise of activity to open and close")] = 1.5
    daily_volume: Annotated[Positive, Meta(description="median volume, units a day")] = 1e6
    spread_bps: Annotated[Positive, Meta(description="median spread, bps")] = 4.0
    volume_noise: Annotated[NonNegative, Meta(le=3, description="deviation of a step's log volume")] = 0.5
    halt_minutes: Annotated[Positive, Meta(description="trading pause at a price limit")] = 10.0


@dataclass(frozen=True)
class PhaseSpan:
    """Where a phase lies: from the first instant of its first bar to the close of its last, ns UTC."""

    name: str
    regime: Regime
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class SimulatedMarket:
    """Bars of ``n`` instruments over ``T`` bar times, and what is true of each bar.

    Attributes
    ----------
    name : ``simulated:<scenario>``
    symbols : n names
    ts : (T,) int64, close time of each bar, ns UTC
    session : (T,) int64, number of the trading day
    bars : (T, n) `CELL_DTYPE`; of use where ``present``
    present : (T, n) bool; False in an outage, or where an instrument's trading was halted all through
    phase : (T,) int64, number of the phase in ``spans``
    regime : (T,) int64, `Regime` of the phase
    spans : the phases in order of time
    bar_minutes : length of a bar
    """

    name: str
    symbols: tuple[str, ...]
    ts: np.ndarray
    session: np.ndarray
    bars: np.ndarray
    present: np.ndarray
    phase: np.ndarray
    regime: np.ndarray
    spans: tuple[PhaseSpan, ...]
    bar_minutes: int

    def __len__(self) -> int:
        return len(self.ts)


def simulate_market(
    name: str,
    timeline: Timeline,
    n: int,
    generator: np.random.Generator,
    config: MarketConfig | None = None,
    *,
    display: Callable[[int, int], None] | None = None,
) -> SimulatedMarket:
    """Simulate ``n`` instruments along a timeline.

    Parameters
    ----------
    name : what the market is called; ``simulated:`` is put before it
    timeline : phases on steps
    n : number of instruments, at least 1
    generator : the only source of chance; the same state gives the same market
    config : MarketConfig, optional
    display : called with the days simulated so far and in all

    Raises
    ------
    ConfigError
        No instrument, or more work than is sensible.

    Notes
    -----
    Draws are made session by session, so that a longer market of the same phases begins alike. Prices are
    rounded to four decimals and never below 0.0001. O(steps n), about 0.1 us a step and instrument.

    Examples
    --------
    >>> from janus_trader.simulation.scenarios import lay_out, scenario_named
    >>> calm = lay_out(scenario_named("calm").phases, days=3, bar_minutes=240)
    >>> market = simulate_market("calm", calm, 2, np.random.default_rng(0))
    >>> market.name, market.bars.shape, market.spans[0].name
    ('simulated:calm', (6, 2), 'calm')
    """
    check_cells(timeline, n)
    config = config or MarketConfig()
    assets = draw_assets(n, generator, config)
    cells = _simulate(timeline, assets, generator, config, display)
    present = cells["steps"] > 0
    bars = _rounded(cells, present)
    ts, session = _calendar(timeline)
    phase = timeline.phase[:: timeline.steps_per_bar].astype(np.int64)
    regimes = np.array([p.regime for p in timeline.phases], np.int64)
    width = len(str(n))
    return SimulatedMarket(
        name=f"simulated:{name}",
        symbols=tuple(f"SIM{i + 1:0{width}d}" for i in range(n)),
        ts=ts,
        session=session,
        bars=bars,
        present=present,
        phase=phase,
        regime=regimes[phase],
        spans=_spans(timeline, ts, phase),
        bar_minutes=timeline.bar_minutes,
    )


def draw_assets(n: int, generator: np.random.Generator, config: MarketConfig) -> np.ndarray:
    """Lasting properties of ``n`` instruments, (n,) `ASSET_DTYPE`."""
    z, u = generator.standard_normal((n, 3)), generator.random((n, 2))
    haven = np.arange(n) % config.haven_every == config.haven_every - 1
    assets = np.zeros(n, ASSET_DTYPE)
    assets["sigma"] = config.daily_volatility * np.exp(0.25 * z[:, 0]) * np.where(haven, 0.6, 1.0)
    assets["beta"] = np.where(haven, -0.3 + 0.3 * u[:, 0], 0.7 + 0.6 * u[:, 0])
    root = np.sqrt(config.correlation)
    assets["loading"] = np.where(haven, -0.5 * root, root)
    assets["price"] = np.exp(np.log(20.0) + np.log(10.0) * u[:, 1])
    assets["volume"] = config.daily_volume * np.exp(0.7 * z[:, 1])
    assets["spread"] = config.spread_bps * np.exp(0.3 * z[:, 2])
    return assets


def without_truth(market: SimulatedMarket) -> SimulatedMarket:
    """The same bars with every label taken away: one phase without a name, Ranging throughout."""
    span = PhaseSpan("", Regime.RANGING, market.spans[0].start_ns, market.spans[-1].end_ns)
    nothing = np.zeros(len(market), np.int64)
    return replace(market, phase=nothing, regime=nothing + Regime.RANGING, spans=(span,))


def _simulate(
    timeline: Timeline,
    assets: np.ndarray,
    generator: np.random.Generator,
    config: MarketConfig,
    display: Callable[[int, int], None] | None,
) -> np.ndarray:
    steps, n = timeline.steps_per_day, len(assets)
    shape = _u_shape(steps, config.u_shape)
    columns = [timeline.drift, timeline.jump, *[timeline.of_steps(name) for name in _PATH]]
    path = np.stack([*columns, *_pull(timeline, shape, config.overnight)], axis=1)
    decay = 0.5 ** (1.0 / (config.volatility_halflife * steps))
    c = np.array(
        [
            config.overnight, config.volatility_deviation, decay, config.leverage, timeline.step_minutes,
            config.halt_minutes, config.volume_noise,
        ],
        np.float64,
    )  # fmt: skip
    states = np.zeros(n, STATE_DTYPE)
    states["value"] = np.log(assets["price"])
    market = np.append(generator.standard_normal(1), 0.0)
    per_bar = timeline.steps_per_bar
    cells = np.zeros((timeline.days * steps // per_bar, n), CELL_DTYPE)
    for day in range(timeline.days):
        normal = generator.standard_normal((steps + 1, n + 2))
        noise = generator.standard_normal((steps, n))
        uniform = 1.0 - generator.random((steps, n, 2))
        part = cells[day * steps // per_bar : (day + 1) * steps // per_bar]
        today = path[day * steps : (day + 1) * steps]
        session_step(assets, states, market, today, shape, c, normal, noise, uniform, per_bar, part)
        if display is not None:
            display(day + 1, timeline.days)
    return cells


def _pull(timeline: Timeline, shape: np.ndarray, overnight: float) -> tuple[np.ndarray, ...]:
    """Where phases begin, and the shares of the market's chance that steps and nights take back.

    A bridge: with remaining variance R (this step's w included) a step takes back w / R of what has
    accumulated, so that little of it is left when the phase ends. Only phases with a move have one.
    """
    steps = len(shape)
    square = timeline.of_steps("volatility") ** 2
    w = np.zeros((len(square), 2))  # the night before a step, where there is one, and the step
    w[::steps, 0] = overnight * square[::steps]
    w[:, 1] = (1.0 - overnight) * np.tile(shape, timeline.days) * square
    begins = np.r_[True, timeline.phase[1:] != timeline.phase[:-1]]
    share = np.zeros_like(w)
    for i, p in enumerate(timeline.phases):
        if p.move != 0.0:
            rows = timeline.phase == i
            flat = w[rows].reshape(-1)
            share[rows] = (flat / np.cumsum(flat[::-1])[::-1]).reshape(-1, 2)
    return begins.astype(np.float64), share[:, 1], share[:, 0]


def _u_shape(steps: int, rise: float) -> np.ndarray:
    """Activity of each step of a session: highest at open and close; sums to 1."""
    at = (np.arange(steps) + 0.5) / steps
    level = 1.0 + rise * (2.0 * at - 1.0) ** 2
    return level / level.sum()


def _rounded(cells: np.ndarray, present: np.ndarray) -> np.ndarray:
    bars = cells.copy()
    for name in _PRICES:
        bars[name] = np.where(present, np.maximum(np.round(cells[name], 4), 1e-4), np.nan)
    bars["volume"] = np.where(present, np.maximum(np.round(cells["volume"]), 1.0), 0.0)
    bars["spread"] = np.where(present, np.round(cells["spread"], 4), np.nan)
    return bars


def _calendar(timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Close time and session of every bar: Monday to Friday."""
    per_day = timeline.steps_per_day // timeline.steps_per_bar
    number = np.arange(timeline.days)
    day = FIRST_DAY + 7 * (number // 5) + number % 5
    minute = SESSION_OPEN_MINUTE + timeline.bar_minutes * (1 + np.arange(per_day))
    ts = (day[:, None] * NS_PER_DAY + minute * _MINUTE_NS).reshape(-1)
    return ts.astype(np.int64), np.repeat(number, per_day).astype(np.int64)


def _spans(timeline: Timeline, ts: np.ndarray, phase: np.ndarray) -> tuple[PhaseSpan, ...]:
    spans = []
    for i, p in enumerate(timeline.phases):
        rows = np.flatnonzero(phase == i)
        start = int(ts[rows[0]]) - timeline.bar_minutes * _MINUTE_NS
        spans.append(PhaseSpan(p.name, p.regime, start, int(ts[rows[-1]])))
    return tuple(spans)
