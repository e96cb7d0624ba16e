"""The scenarios: what happens, how long it takes, and what its truth is called.

Sizes are round numbers of the kind that markets have shown (a flash crash of 9 % within minutes, a bear
market of 35 % over a year, limits of 5 %), not fits: they are there to be known, not to be typical.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import Regime
from janus_trader.simulation.scenarios.phases import SESSION_MINUTES, Phase


@dataclass(frozen=True)
class Scenario:
    """A named sequence of phases with the bars and the length it is meant for.

    ``book`` says whether it also makes sense for one order book.
    """

    name: str
    meaning: str
    phases: tuple[Phase, ...]
    days: int
    bar: str
    book: bool = False


def _minutes(count: float) -> float:
    return count / SESSION_MINUTES


def _calm(share: float = 1.0, name: str = "calm") -> Phase:
    return Phase(name, Regime.RANGING, share=share)


_CRISIS: dict[str, Any] = {"volatility": 4.0, "volume": 3.0, "spread": 5.0, "together": 0.8}

_ALL = (
    Scenario("calm", "Nothing happens: the baseline.", (_calm(),), days=252, bar="1d", book=True),
    Scenario(
        "flash_crash",
        "A fall of 9 % in 20 minutes out of a quiet market, most of it regained within the hour.",
        (
            _calm(0.5),
            Phase("crash", Regime.CRISIS, days=_minutes(20), begin=0.5, move=-0.09, bend=1.8, **_CRISIS),
            Phase(
                "rebound", Regime.RECOVERY, days=_minutes(40), move=0.085, bend=0.6, volatility=3.0, volume=2.5,
                spread=3.0, together=0.6,
            ),
            Phase("aftermath", Regime.RANGING, days=1.0, volatility=1.6, volume=1.5, spread=1.5),
            _calm(0.5, "calm again"),
        ),
        days=10, bar="1min", book=True,
    ),
    Scenario(
        "liquidity_drought",
        "For two days a quarter of the usual volume, spreads six times as wide, prices rougher.",
        (
            _calm(0.5),
            Phase("drought", Regime.RANGING, days=2.0, begin=0.0, volatility=1.8, volume=0.25, spread=6.0),
            Phase("refill", Regime.RANGING, days=1.0, volatility=1.2, volume=0.7, spread=2.0),
            _calm(0.5, "calm again"),
        ),
        days=10, bar="5min", book=True,
    ),
    Scenario(
        "price_gap",
        "Overnight news: the market opens 7 % lower and stays there, nervous for three days.",
        (
            _calm(0.5),
            Phase(
                "gap", Regime.CRISIS, days=1.0, begin=0.0, jump=-0.07, volatility=2.5, volume=3.0, spread=2.0,
                together=0.6,
            ),
            Phase("digestion", Regime.BEAR, days=2.0, volatility=1.6, volume=1.8, spread=1.4, together=0.2),
            _calm(0.5, "calm again"),
        ),
        days=20, bar="30min", book=True,
    ),
    Scenario(
        "limit_moves",
        "A rush of -20 %, later one of +15 %, against price limits of 5 %: halts of ten minutes at each.",
        (
            _calm(0.4),
            Phase("limit down", Regime.CRISIS, days=0.5, begin=0.25, move=-0.20, band=0.05, **_CRISIS),
            Phase("between", Regime.BEAR, days=1.0, volatility=2.0, volume=1.5, spread=2.0, band=0.05),
            Phase("limit up", Regime.RECOVERY, days=0.25, move=0.15, band=0.05, **_CRISIS),
            _calm(0.6, "calm again"),
        ),
        days=10, bar="1min", book=True,
    ),
    Scenario(
        "exchange_outage",
        "The exchange is out for two and a half hours; values move on, and trading reopens with a gap.",
        (
            _calm(0.5),
            Phase("outage", Regime.RANGING, days=_minutes(150), begin=0.25, move=-0.02, volatility=1.3, absent=True),
            Phase("reopening", Regime.RANGING, days=_minutes(60), volatility=2.0, volume=2.5, spread=3.0),
            _calm(0.5, "calm again"),
        ),
        days=10, bar="5min", book=True,
    ),
    Scenario(
        "correlation_breakdown",
        "What used to diversify stops: for a quarter every instrument, havens included, falls with the market.",
        (
            _calm(0.6),
            Phase("together", Regime.CRISIS, share=0.15, move=-0.15, volatility=1.8, volume=1.5, together=1.0),
            Phase("apart again", Regime.RECOVERY, share=0.25, move=0.08, volatility=1.2),
        ),
        days=504, bar="1d",
    ),
    Scenario(
        "slow_bear",
        "A fall of 35 % over a year, no single day of it dramatic.",
        (
            Phase("bull", Regime.BULL, share=0.3, drift=0.12, volatility=0.8),
            Phase("bear", Regime.BEAR, share=0.4, move=-0.35, volatility=1.2, together=0.2),
            Phase("bottom", Regime.RANGING, share=0.3, volatility=0.9, volume=0.8),
        ),
        days=630, bar="1d",
    ),
    Scenario(
        "bubble_and_burst",
        "Prices double faster and faster on rising volume, then halve within five weeks.",
        (
            Phase("bull", Regime.BULL, share=0.35, drift=0.12, volatility=0.8),
            Phase("bubble", Regime.BUBBLE, share=0.25, move=1.0, bend=1.8, volume=2.2),
            Phase("burst", Regime.CRISIS, share=0.05, move=-0.5, bend=0.7, **_CRISIS),
            Phase("hangover", Regime.DEFLATION, share=0.35, drift=-0.08, volatility=0.9, volume=0.6, spread=1.3),
        ),
        days=504, bar="1d",
    ),
    Scenario(
        "recovery",
        "A crash of 30 % within six weeks, and a rough climb of 35 % out of it over half a year.",
        (
            _calm(0.35),
            Phase("crash", Regime.CRISIS, share=0.06, move=-0.30, **_CRISIS),
            Phase("recovery", Regime.RECOVERY, share=0.25, move=0.35, bend=0.7, volatility=1.7, volume=1.4, spread=1.5),
            Phase("bull", Regime.BULL, share=0.34, drift=0.15, volatility=0.8),
        ),
        days=504, bar="1d",
    ),
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {s.name: s for s in _ALL}


def scenario_named(name: str) -> Scenario:
    """The scenario of that name.

    >>> scenario_named("slow_bear").bar
    '1d'

    Raises
    ------
    ConfigError
        There is none.
    """
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name, SCENARIOS, n=1)
        raise ConfigError(
            f"no scenario {name!r}",
            got=name,
            expected="one of " + ", ".join(SCENARIOS),
            remedy=f"did you mean {near[0]}?" if near else "`janus simulate --list` describes them",
        )
    return SCENARIOS[name]
