"""Every fact of `catalogue.FACTS` for one market, and the curves behind them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.rng import Rng
from janus_trader.numerics import stylised_facts as facts
from janus_trader.numerics.block_estimates import Estimate, estimate_from_means
from janus_trader.numerics.book_events import NOWHERE, What
from janus_trader.research.market_realism.catalogue import DEEP, FACTS
from janus_trader.research.market_realism.measures import Curve, Fact, Measures
from janus_trader.research.market_realism.observe import DISTANCES, Observed

Part = Callable[[Observed, Measures, np.random.Generator], None]

_LAGS = np.array([1, 2, 3, 5, 8, 10, 20, 30, 50])
_SLOW_LAGS = np.array([1, 2, 3, 5, 8, 12, 20])
_RESPONSE_LAGS = np.array([1, 2, 5, 10, 20, 50, 100])
_SCALES = np.array([1, 2, 5, 10, 20, 50, 100])
_CLOCK_SCALES = np.array([1, 2, 4, 8, 16, 32, 64])
_RETURN_TRADES = 10
_SHAPE_BINS = 12
_SHAPE_LEAST_S = 0.99 * 4 * 3600.0  # a recording of four hours ends with its last message
_TEN_TICKS = 10
_CURVE_POINTS = 60
_SHORTEST_S = 1e-6  # times below are the clock's
_WIDEST_TICKS = 30
_PLACES = np.arange(-5, 21)
_LEVEL_ONLY = "the source tells the best level only"
_NO_ORDERS = "the source tells levels, not orders"


def measure(market: Observed, seed: int = 0) -> Measures:
    """Measure one market; what cannot be measured says why.

    O(n) and some hundred resamples of each fact. The same market and seed give the same numbers.
    """
    done = Measures(market.name, market.seconds, len(market.trade_sign), len(market.events))
    rng = Rng(seed).child("market_realism")
    for part, names in _PARTS:
        reason = "undefined here"
        try:
            part(market, done, rng.child(part.__name__).generator())
        except DataError as error:
            reason = error.what if error.got is None else f"{error.what} ({error.got})"
        for name in names:
            done.facts.setdefault(name, Fact(reason=reason))
    done.facts.update({spec.name: done.facts.pop(spec.name) for spec in FACTS})
    return done


def _need_depth(market: Observed) -> None:
    if not market.deep:
        raise DataError(_LEVEL_ONLY)


def _need_orders(market: Observed) -> None:
    if not market.orders:
        raise DataError(_NO_ORDERS)


def _tail_of(values: np.ndarray) -> Curve:
    """Share of values above x, at points evenly spread in its logarithm; x in units of the mean."""
    ordered = np.sort(values[values > 0] / values.mean())
    if not len(ordered):
        raise DataError("no quantities above zero")
    share = 1.0 - np.arange(len(ordered)) / len(ordered)
    at = np.unique((len(ordered) - np.geomspace(len(ordered), 1, _CURVE_POINTS)).astype(np.int64))
    return Curve(ordered[at], share[at])


def _spread(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    ticks = np.arange(1, _WIDEST_TICKS + 1)
    one_hot = market.spread[:, None] == ticks
    shares = facts.mean_ratios(np.column_stack((one_hot, market.spread)), np.ones(len(market.spread)), rng)
    done.note("spread.mean", shares, len(ticks))
    done.note("spread.one_tick", shares, 0)
    done.draw("spread", ticks, Estimate(*(part[: len(ticks)] for part in shares)))
    done.note("spread.dispersion", facts.dispersion(market.spread, rng))


def _depth(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    _need_depth(market)
    profile = market.profiles.mean(axis=1)
    near = profile[:, :_TEN_TICKS].sum(axis=1)
    relative = facts.mean_ratios(profile, near, rng)
    done.note("depth.best_share", relative)
    done.draw("depth", np.arange(DISTANCES), relative)


def _queue(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    best = market.profiles[:, :, 0].mean(axis=1)
    queues = market.profiles[:, 0, 0].astype(np.float64)
    done.curves["queue"] = _tail_of(queues)
    done.note("queue.dispersion", facts.dispersion(queues, rng))
    if not len(market.trade_quantity):
        raise DataError("no trades")
    mean_trade = np.full(len(best), market.trade_quantity.mean())
    done.note("queue.in_trades", facts.mean_ratios(best[:, None], mean_trade, rng))


def _limits(market: Observed) -> np.ndarray:
    _need_orders(market)
    limits = market.events[market.events["what"] == What.LIMIT]
    if not len(limits):
        raise DataError("no limit orders")
    return limits


def _placement(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    limits = _limits(market)
    _need_depth(market)
    distance = limits["distance"][limits["distance"] != NOWHERE]
    rows = np.column_stack((distance <= 0, distance[:, None] == _PLACES))
    shares = facts.mean_ratios(rows, np.ones(len(rows)), rng)
    done.note("orders.inside", shares)
    done.draw("placement", _PLACES, Estimate(*(part[1:] for part in shares)))


def _sizes(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    sizes = _limits(market)["quantity"].astype(np.float64)
    done.curves["sizes"] = _tail_of(sizes)
    values, counts = np.unique(sizes, return_counts=True)
    commonest = (sizes == values[counts.argmax()])[:, None]
    done.note("orders.commonest", facts.mean_ratios(commonest, np.ones(len(sizes)), rng))
    done.note("orders.dispersion", facts.dispersion(sizes, rng))


def _trade_sizes(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    # a jitter of half a lot: ties on round numbers would bias the exponent
    jitter = rng.random(len(market.trade_quantity)) - 0.5
    done.note("orders.tail", facts.tail_exponent(market.trade_quantity + jitter, rng))


def _cancellations(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    _need_orders(market)
    what = market.events["what"]
    limits, cancels = what == What.LIMIT, what == What.CANCEL
    done.note("cancel.share", facts.mean_ratios(cancels[:, None], limits, rng))
    _need_depth(market)
    gone, rested = _cancelled_and_resting(market)
    done.draw("cancel", np.arange(gone.shape[1]), facts.mean_ratios(gone, rested, rng))
    rows = np.column_stack((gone[:, 0], rested[:, 0], gone[:, DEEP].sum(axis=1), rested[:, DEEP].sum(axis=1)))

    def ratio(means: np.ndarray) -> np.ndarray:
        return (means[..., :1] * means[..., 3:]) / (means[..., 1:2] * means[..., 2:3])

    done.note("cancel.best_over_deep", estimate_from_means(rows, ratio, rng))


def _cancelled_and_resting(market: Observed) -> tuple[np.ndarray, np.ndarray]:
    """Quantity cancelled, and quantity times seconds resting, by span between instants and distance."""
    spans, furthest = len(market.profiles), DEEP.stop
    events = market.events
    kept = (events["what"] == What.CANCEL) & (events["distance"] >= 0) & (events["distance"] < furthest)
    until = market.event_s[-1]  # events are capped: later spans have none
    span_s = market.seconds / spans
    used = max(1, min(spans, int(until / span_s)))
    span = np.minimum((market.event_s[kept] / span_s).astype(np.int64), spans - 1)
    gone = np.zeros((spans, furthest))
    np.add.at(gone, (span, events["distance"][kept]), events["quantity"][kept])
    resting = market.profiles[:, :, :furthest].sum(axis=1, dtype=np.float64) * span_s
    return gone[:used], resting[:used]


def _transitions(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    _need_orders(market)
    what = market.events["what"]
    n = len(What)
    trades = (what == What.TRADE)[:, None]
    done.note("events.trades", facts.mean_ratios(trades, np.ones(len(what)), rng))
    matrix = facts.transition_matrix(what, n, rng)
    for kind in What:
        name = kind.name.lower()
        done.note(f"events.{name}_{name}", matrix, kind * (n + 1))
    done.draw("transitions", np.arange(n * n), matrix)


def _times(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    waits = np.diff(market.trade_s)
    done.note("times.dispersion", facts.dispersion(waits, rng))
    done.curves["times"] = _tail_of(waits)
    short = (waits < 0.01 * waits.mean())[:, None]
    done.note("times.bursts", facts.mean_ratios(short, np.ones(len(waits)), rng))
    logs = np.log(np.maximum(waits, _SHORTEST_S))
    done.note("times.memory", facts.autocorrelation(logs, _SLOW_LAGS[:1], rng))


def _shape(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    if market.seconds < _SHAPE_LEAST_S:
        raise DataError("recordings of 4 hours or more have a shape")
    shape = facts.activity_shape(market.every_trade_s, 0.0, market.seconds, _SHAPE_BINS, rng)
    done.draw("shape", (np.arange(_SHAPE_BINS) + 0.5) / _SHAPE_BINS, shape)
    done.note("shape.edges", Estimate(*((part[:1] + part[-1:]) / 2.0 for part in shape)))


def _signs(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    memory = facts.autocorrelation(market.trade_sign, _LAGS, rng)
    done.draw("signs", _LAGS, memory)
    for lag in (1, 10):
        done.note(f"signs.lag_{lag}", memory, int(np.flatnonzero(lag == _LAGS)[0]))
    done.note("signs.exponent", facts.memory_exponent(market.trade_sign, _LAGS, rng))


def _returns(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    changes = np.diff(market.trade_mid)
    done.note("returns.lag_1", facts.autocorrelation(changes, _LAGS[:1], rng))


def _volatility(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    sizes = np.abs(np.diff(market.trade_mid[::_RETURN_TRADES]))
    memory = facts.autocorrelation(sizes, _SLOW_LAGS, rng)
    done.draw("volatility", _SLOW_LAGS, memory)
    for lag in (1, 5):
        done.note(f"volatility.lag_{lag}", memory, int(np.flatnonzero(lag == _SLOW_LAGS)[0]))


def _kurtosis(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    excess = facts.kurtosis_by_scale(market.trade_mid, _SCALES, rng)
    done.draw("kurtosis", _SCALES, excess)
    done.note("tails.kurtosis", excess, 0)
    done.note("tails.kurtosis_100", excess, len(_SCALES) - 1)


def _tail(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    changes = np.diff(market.trade_mid[::_RETURN_TRADES])
    if not np.any(changes):
        raise DataError("the mid never moves")
    done.curves["tails"] = _tail_of(np.abs(changes))
    jitter = 0.5 * (rng.random(len(changes)) - 0.5)  # mids lie on a grid of half ticks
    done.note("tails.exponent", facts.tail_exponent(changes + jitter, rng))


def _response(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    raw = facts.response(market.trade_mid, market.trade_sign, _RESPONSE_LAGS, rng)
    half = market.trade_spread.mean() / 2.0
    scaled = Estimate(*(part / half for part in raw))
    done.draw("response", _RESPONSE_LAGS, scaled)
    done.note("response.first", scaled)
    done.note("response.later", scaled, int(np.flatnonzero(_RESPONSE_LAGS == 50)[0]))


def _signature(market: Observed, done: Measures, rng: np.random.Generator) -> None:
    plot = facts.signature(market.mids, _CLOCK_SCALES, rng)
    done.draw("signature", _CLOCK_SCALES, plot)
    done.note("signature.short", plot)


#: Each part with the facts it gives; where it fails they carry its reason.
_PARTS: tuple[tuple[Part, tuple[str, ...]], ...] = (
    (_spread, ("spread.mean", "spread.one_tick", "spread.dispersion")),
    (_depth, ("depth.best_share",)),
    (_queue, ("queue.in_trades", "queue.dispersion")),
    (_placement, ("orders.inside",)),
    (_sizes, ("orders.dispersion", "orders.commonest")),
    (_trade_sizes, ("orders.tail",)),
    (_cancellations, ("cancel.share", "cancel.best_over_deep")),
    (_transitions, ("events.trades", "events.limit_limit", "events.cancel_cancel", "events.trade_trade")),
    (_times, ("times.dispersion", "times.bursts", "times.memory")),
    (_shape, ("shape.edges",)),
    (_signs, ("signs.lag_1", "signs.lag_10", "signs.exponent")),
    (_returns, ("returns.lag_1",)),
    (_volatility, ("volatility.lag_1", "volatility.lag_5")),
    (_kurtosis, ("tails.kurtosis", "tails.kurtosis_100")),
    (_tail, ("tails.exponent",)),
    (_response, ("response.first", "response.later")),
    (_signature, ("signature.short",)),
)
