"""Books, readings and moments for the tests of the thalamus."""

import msgspec
import numpy as np

from janus_trader.contracts.decision import VisualPercept
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import BAR_DTYPE, Field, Moment, PortfolioState
from janus_trader.contracts.regime import Regime, RegimeState
from janus_trader.contracts.senses import BookLevels, Reading

SECOND = 10**9
START = 1_000_000 * SECOND


def regime_state(posterior=(0.4, 0.1, 0.3, 0.05, 0.05, 0.05, 0.05), change=0.1):
    return RegimeState(
        posterior=tuple(posterior),
        dominant=Regime(int(np.argmax(posterior))),
        confidence=float(max(posterior)),
        change_probability=change,
        turbulence=0.5,
        agreement=0.8,
        votes={},
        age=3,
        forecast=tuple(posterior),
    )


def moment(t=0, n=3, *, senses=None, books=(), close=None, volume=1e6, returns=None, present=None, step_s=60):
    ts = START + t * step_s * SECOND
    bars = np.zeros(n, BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = 100.0 if close is None else close
    bars["volume"] = volume
    return Moment(
        ts_event=ts,
        step=t,
        session=t,
        symbols=tuple("ABCDEFGH"[:n]),
        bars=bars,
        present=np.ones(n, bool) if present is None else present,
        returns=np.zeros(n) if returns is None else returns,
        features=FeatureVector(ts_event=ts, values={}),
        portfolio=PortfolioState(
            ts_event=ts,
            equity=1.0,
            cash=1.0,
            peak_equity=1.0,
            session_start_equity=1.0,
            weights=(0.0,) * n,
            quantities=(0.0,) * n,
        ),
        external=np.zeros((0, n)),
        fields=frozenset({Field.CLOSE, Field.VOLUME}),
        senses=senses or {},
        books=tuple(books),
    )


def blind(n=3):
    return VisualPercept(
        trend=np.zeros(n), reversal=np.zeros(n), texture=np.zeros((n, 8)), ready=np.zeros(n, bool)
    )


def book(symbol="A", venue="X", at=START, bids=((99.0, 3.0),), asks=((101.0, 1.0),)):
    sides = [np.array([row[k] for row in side]) for side in (bids, asks) for k in (0, 1)]
    return BookLevels(
        venue=venue,
        symbol=symbol,
        ts_event=at,
        ts_init=at,
        bid_price=sides[0],
        bid_size=sides[1],
        ask_price=sides[2],
        ask_size=sides[3],
    )


def reading(source="news", at=START, quality=1.0, **values):
    named = {k.replace("__", "."): v for k, v in values.items()}
    return Reading(source=source, ts_event=at, ts_init=at, values=named, quality=quality)


def replaced(message, **changes):
    return msgspec.structs.replace(message, **changes)
