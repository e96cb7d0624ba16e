"""From what a user writes, such as ``simulated:slow_bear:days=800,assets=10``, to a simulated market."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.message import Message
from janus_trader.foundation.rng import Rng
from janus_trader.simulation.regime_switching import draw_regimes, regime_phases
from janus_trader.simulation.scenarios.catalogue import SCENARIOS, Scenario, scenario_named
from janus_trader.simulation.scenarios.market import MarketConfig, SimulatedMarket, simulate_market
from janus_trader.simulation.scenarios.phases import Timeline, bar_minutes_of, lay_out

PREFIX = "simulated:"
REGIME_SWITCHING = "regime_switching"
_SWITCHING = Scenario(
    REGIME_SWITCHING,
    "The seven regimes follow one another by a chain with stated parameters.",
    (),
    2520,
    "1d",
)


class MarketRequest(Message, frozen=True):
    """Which market to simulate; what is None is the scenario's own."""

    scenario: str
    assets: Annotated[int, Meta(description="instruments")] = 5
    days: int | None = None
    bar: str | None = None
    severity: float = 1.0


def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of bars, the switching regimes last."""
    return (*SCENARIOS.values(), _SWITCHING)


def request_of_world(world: str) -> MarketRequest:
    """The request in a world's name.

    >>> request_of_world("simulated:slow_bear:days=800,bar=1d").days
    800

    Raises
    ------
    ConfigError
        It is not ``simulated:<scenario>[:key=value,...]``, or a key or value is not allowed.
    """
    body = world.removeprefix(PREFIX)
    name, _, options = body.partition(":")
    given = {}
    for part in filter(None, options.split(",")):
        key, equals, value = part.partition("=")
        if not equals or key not in ("assets", "days", "bar", "severity"):
            raise ConfigError(
                f"cannot read {part!r} in the world {world!r}",
                got=part,
                expected="assets=, days=, bar= or severity=, separated by commas",
            )
        given[key] = value
    _known(name)
    try:
        return msgspec.convert({"scenario": name, **given}, MarketRequest, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"cannot read the world {world!r}", got=str(error)) from error


def make_market(
    request: MarketRequest,
    seed: int,
    config: MarketConfig | None = None,
    *,
    display: Callable[[int, int], None] | None = None,
) -> SimulatedMarket:
    """Simulate the market that was asked for; the same request and seed give the same bytes.

    >>> market = make_market(MarketRequest(scenario="slow_bear", days=40, assets=2), seed=1)
    >>> len(market), [span.name for span in market.spans]
    (40, ['bull', 'bear', 'bottom'])

    Raises
    ------
    ConfigError
        Unknown scenario, no assets or days, a bar longer than a phase, a fall of more than the price.
    """
    rng = Rng(seed).child("simulation.market").child(request.scenario)
    timeline = timeline_of(request, seed)
    return simulate_market(
        request.scenario, timeline, request.assets, rng.generator(0), config, display=display
    )


def timeline_of(request: MarketRequest, seed: int) -> Timeline:
    """The phases of the asked market on its steps; errors as in `make_market`."""
    scenario = _known(request.scenario)
    days = scenario.days if request.days is None else request.days
    phases = scenario.phases
    if request.scenario == REGIME_SWITCHING:
        generator = Rng(seed).child("simulation.market").child(request.scenario).generator(1)
        phases = regime_phases(draw_regimes(days, generator))
    minutes = bar_minutes_of(request.bar or scenario.bar)
    return lay_out(phases, days, minutes, severity=request.severity)


def _known(name: str) -> Scenario:
    return _SWITCHING if name == REGIME_SWITCHING else scenario_named(name)
