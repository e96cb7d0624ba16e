"""Markets to which something known happens: scenarios of bars and of order books, with their truth."""

from janus_trader.simulation.scenarios.catalogue import SCENARIOS, Scenario, scenario_named
from janus_trader.simulation.scenarios.market import (
    MarketConfig,
    PhaseSpan,
    SimulatedMarket,
    simulate_market,
    without_truth,
)
from janus_trader.simulation.scenarios.phases import (
    SESSION_MINUTES,
    Phase,
    Timeline,
    bar_minutes_of,
    bar_text,
    lay_out,
)

__all__ = [
    "SCENARIOS",
    "SESSION_MINUTES",
    "MarketConfig",
    "Phase",
    "PhaseSpan",
    "Scenario",
    "SimulatedMarket",
    "Timeline",
    "bar_minutes_of",
    "bar_text",
    "lay_out",
    "scenario_named",
    "simulate_market",
    "without_truth",
]
