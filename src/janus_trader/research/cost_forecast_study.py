"""Does the correction make cost forecasts better, where costs are known?

The cerebellum forecasts the cost of every slice of many parent orders in simulated markets and is told, late,
what the slice cost; one forecast is corrected by the fills (PID behind a Smith predictor), the other is that of
the same model without correction. Worlds:

- *known*: Almgren-Chriss, constant coefficients. Impact is linear there, and a square root in the model.
- *drifting*: Almgren-Chriss, spread and temporary impact follow a random walk over the parent orders.
- *book*: market orders in the simulated order book, whose supply of limit orders falls and recovers.

Models: *prior* (never fitted) and *refitted* (coefficients fitted to all fills after every parent order, as a
night does). Errors are root mean squares: the forecast is of an expected cost, and costs are skewed. Seeds are
lives independent of each other; intervals are 95 % percentile bootstrap over them. The sizes of the orders and the
range of the supply were settled after a first look, in which the book world showed no gain from correction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.brain.cerebellum.fill_memory import FILL_DTYPE
from janus_trader.brain.cerebellum.impact_learner import fit_costs
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.orders import Fill, Side
from janus_trader.foundation.rng import Rng

WORLDS: tuple[str, ...] = ("known", "drifting", "book")
MODELS: tuple[str, ...] = ("prior", "refitted")
SAMPLES = 2000
SLICES = 20
#: Value at which impact is quoted, and the equity of the book that trades: only ratios matter.
REFERENCE, EQUITY = 1e6, 1e8


class Interval(msgspec.Struct, frozen=True):
    """A mean over seeds with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class CostForecastRow(msgspec.Struct, frozen=True):
    """One world and model: root mean squared errors in basis points, and corrected less uncorrected."""

    world: str
    model: str
    slices: int
    cost_bps: float
    uncorrected_bps: Interval
    corrected_bps: Interval
    difference_bps: Interval


class DeadTimeRow(msgspec.Struct, frozen=True):
    """Root mean squared error of the corrected forecast where fills are reported late, with and without Smith."""

    dead_time: int
    plain_bps: Interval
    smith_bps: Interval
    difference_bps: Interval


class CostForecastStudy(msgspec.Struct, frozen=True):
    """What came out."""

    seeds: int
    orders: int
    rows: tuple[CostForecastRow, ...]
    dead_time: tuple[DeadTimeRow, ...]


class Slice(msgspec.Struct, frozen=True):
    """One slice as it was traded: value in units of `REFERENCE`, volatility, realised cost."""

    order: int
    value: float
    sigma: float
    bps: float


def almgren_chriss_slices(seed: int, orders: int, drift: float) -> Iterator[Slice]:
    """Slices of parent orders of random size and pace; the log of spread and impact walks by ``drift``."""
    from janus_trader.simulation.environments import ExecutionConfig, ExecutionEnv

    rng = Rng(seed).child("research.cost_forecast.almgren_chriss").generator()
    spread, impact = 0.0, 0.0
    for order in range(orders):
        spread += drift * rng.standard_normal()
        impact += drift * rng.standard_normal()
        usual = ExecutionConfig()
        config = usual.replace(
            units=float(rng.uniform(3e4, 1.7e5)),
            half_spread=usual.half_spread * float(np.exp(spread)),
            eta=usual.eta * float(np.exp(impact)),
            slices=SLICES,
        )
        env = ExecutionEnv(config)
        _, info = env.reset(seed=int(rng.integers(2**31)))
        sigma = config.sigma / config.price * np.sqrt(config.horizon / SLICES)
        yield from _worked(
            env,
            order,
            info,
            lambda: [float(rng.uniform(0.02, 0.25))],
            lambda i: i["price"],
            config.units,
            sigma,
        )


def book_slices(seed: int, orders: int) -> Iterator[Slice]:
    """Slices of parent orders taken at the market in the simulated book, in a supply that comes and goes."""
    from janus_trader.simulation.environments import BookExecutionConfig, BookExecutionEnv

    rng = Rng(seed).child("research.cost_forecast.book").generator()
    for order in range(orders):
        config = BookExecutionConfig(lots=int(rng.integers(60, 400)), slices=SLICES, slice_s=2.0)
        env = BookExecutionEnv(config)
        _, info = env.reset(seed=int(rng.integers(2**31)))
        state = env.episodes.states[0]  # type: ignore[attr-defined]
        state.head[0]["supply"] = 0.2 + 0.8 * np.cos(np.pi * order / max(1, orders - 1)) ** 2
        volatility = (
            float(state.head[0]["volatility"]) * np.sqrt(config.slice_s) / float(np.ravel(info["mid"])[0])
        )
        yield from _worked(
            env,
            order,
            info,
            lambda: [float(rng.uniform(0.05, 0.3)), -1.0],
            lambda i: i["mid"],
            config.lots,
            volatility,
        )


def _worked(
    env: object,
    order: int,
    info: dict,
    action: Callable[[], list[float]],
    price: Callable[[dict], float],
    units: float,
    sigma: float,
) -> Iterator[Slice]:
    """The slices of one sale: what each paid against the price before it, the market's own move left out."""
    before, left, shortfall, over = float(price(info)), float(units), 0.0, False
    while not over:
        _, _, over, truncated, info = env.step(action())  # type: ignore[attr-defined]
        now, rest, total = float(price(info)), float(info["left"]), float(info["shortfall"])
        traded = left - rest
        paid = total - shortfall + rest * (now - before)
        if traded > 0.0:
            value = traded * before
            yield Slice(order=order, value=value, sigma=sigma, bps=1e4 * paid / value)
        before, left, shortfall, over = now, rest, total, over or truncated


def slices_of(world: str, seed: int, orders: int) -> list[Slice]:
    """All slices of one life; values are in units that make a mean slice worth `REFERENCE`.

    Raises
    ------
    ConfigError
        There is no such world.
    """
    if world not in WORLDS:
        raise ConfigError("no such world", got=world, expected="one of " + ", ".join(WORLDS))
    if world == "book":
        found = list(book_slices(seed, orders))
    else:
        found = list(almgren_chriss_slices(seed, orders, drift=0.15 if world == "drifting" else 0.0))
    mean = float(np.mean([s.value for s in found]))
    return [msgspec.structs.replace(s, value=REFERENCE * s.value / mean) for s in found]


class _Forecaster:
    """A cerebellum that is asked before every slice and told ``dead_time`` slices later what it cost."""

    def __init__(self, config: CerebellumConfig, refit: bool, late: int) -> None:
        self.cerebellum = Cerebellum(config.replace(reference_value=REFERENCE), 1, ("X",))
        self._refit, self._late, self._reports = refit, late, []  # type: ignore[var-annotated]
        self._ts = 0

    def forecast(self, s: Slice) -> float:
        book = PortfolioState(
            ts_event=self._ts,
            equity=EQUITY,
            cash=EQUITY,
            peak_equity=EQUITY,
            session_start_equity=EQUITY,
            weights=(s.value / EQUITY,),
            quantities=(s.value,),
        )
        return float(self.cerebellum.forecast(np.zeros(1), book, np.array([s.sigma])).cost_bps[0])

    def report(self, s: Slice) -> None:
        self._ts += 1
        self._reports.append(s)
        if len(self._reports) > self._late:
            told = self._reports.pop(0)
            fill = Fill(
                order_id="x", symbol="X", side=Side.SELL, quantity=told.value, price=1.0,
                cost=1e-4 * told.bps * told.value, ts_event=self._ts, decision_price=1.0,
            )  # fmt: skip
            self.cerebellum.observe((fill,), np.array([told.sigma]), self._ts)

    def night(self) -> None:
        config, rows = self.cerebellum.config, self.cerebellum.memory.rows().astype(FILL_DTYPE)
        if self._refit and len(rows) >= config.min_fills:
            prior = np.array([config.prior_bps, 0.0, 0.0])
            theta = fit_costs(rows, prior, config.ridge, config.reference_value)
            keys = ("base_bps", "per_sigma", "per_impact")
            self.cerebellum.adopt({k: float(v) for k, v in zip(keys, theta, strict=True)})


def errors_of(
    slices: Sequence[Slice], refit: bool, config: CerebellumConfig, dead_time: int = 0, smith: bool = True
) -> np.ndarray:
    """Forecast errors (realised less forecast, basis points) of every slice in order."""
    who = _Forecaster(config.replace(dead_time=dead_time, smith=smith), refit, dead_time)
    out, order = [], 0
    for s in slices:
        if s.order != order:
            who.night()
            order = s.order
        out.append(s.bps - who.forecast(s))
        who.report(s)
    return np.array(out)


def bootstrap(values: Sequence[float], generator: np.random.Generator) -> Interval:
    """Mean over seeds with its 95 % percentile bootstrap interval."""
    x = np.asarray(values, dtype=np.float64)
    means = x[generator.integers(0, len(x), (SAMPLES, len(x)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(value=float(x.mean()), low=float(low), high=float(high))


def cost_forecast_study(
    seeds: int = 12,
    orders: int = 40,
    worlds: Sequence[str] = WORLDS,
    dead_times: Sequence[int] = (1, 5, 10),
    config: CerebellumConfig | None = None,
    display: Callable[[str, int], None] | None = None,
) -> CostForecastStudy:
    """Trade, forecast, compare; the seeds are 0 .. seeds - 1.

    Parameters
    ----------
    seeds : lives in each world, 2 or more
    orders : parent orders of a life, 2 or more
    worlds : some of `WORLDS`
    dead_times : late reports to judge the Smith predictor by, in the first world that drifts
    config : CerebellumConfig, optional
    display : called before every life with the world and the seed

    Raises
    ------
    ConfigError
        Too few lives or orders, or an unknown world.
    """
    if seeds < 2 or orders < 2:
        raise ConfigError(
            "too little to judge a forecast by", got=f"{seeds} seeds, {orders} orders", expected="2 or more"
        )
    config = config or CerebellumConfig()
    silent = config.replace(kp=0.0, ki=0.0, kd=0.0)
    generator = Rng(0).child("research.cost_forecast_study").generator()
    lives: dict[str, list[list[Slice]]] = {}
    for world in worlds:
        lives[world] = []
        for seed in range(seeds):
            if display is not None:
                display(world, seed)
            lives[world].append(slices_of(world, seed, orders))
    rows = [
        _row(world, model, lives[world], config, silent, generator) for world in worlds for model in MODELS
    ]
    late: list[DeadTimeRow] = []
    if "drifting" in lives:
        late = [_late(d, lives["drifting"], config, generator) for d in dead_times]
    return CostForecastStudy(seeds=seeds, orders=orders, rows=tuple(rows), dead_time=tuple(late))


def _size(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors[SLICES:] ** 2)))  # the first parent order is everybody's warm-up


def _row(
    world: str,
    model: str,
    lives: Sequence[Sequence[Slice]],
    config: CerebellumConfig,
    silent: CerebellumConfig,
    generator: np.random.Generator,
) -> CostForecastRow:
    refit = model == "refitted"
    plain = [_size(errors_of(life, refit, silent)) for life in lives]
    corrected = [_size(errors_of(life, refit, config)) for life in lives]
    return CostForecastRow(
        world=world,
        model=model,
        slices=sum(map(len, lives)),
        cost_bps=float(np.mean([s.bps for life in lives for s in life])),
        uncorrected_bps=bootstrap(plain, generator),
        corrected_bps=bootstrap(corrected, generator),
        difference_bps=bootstrap(np.subtract(corrected, plain).tolist(), generator),
    )


def _late(
    dead_time: int, lives: Sequence[Sequence[Slice]], config: CerebellumConfig, generator: np.random.Generator
) -> DeadTimeRow:
    plain = [_size(errors_of(life, False, config, dead_time, smith=False)) for life in lives]
    smith = [_size(errors_of(life, False, config, dead_time)) for life in lives]
    return DeadTimeRow(
        dead_time=dead_time,
        plain_bps=bootstrap(plain, generator),
        smith_bps=bootstrap(smith, generator),
        difference_bps=bootstrap(np.subtract(smith, plain).tolist(), generator),
    )
