from __future__ import annotations

import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.market_request import MarketRequest, make_market, request_of_world, scenarios


def test_a_world_says_its_scenario_and_options():
    assert request_of_world("simulated:calm") == MarketRequest(scenario="calm")
    found = request_of_world("simulated:slow_bear:days=800,assets=10,bar=4h,severity=0.5")
    assert found == MarketRequest(scenario="slow_bear", assets=10, days=800, bar="4h", severity=0.5)


@pytest.mark.parametrize(
    "world",
    [
        "simulated:",
        "simulated:nothing",
        "simulated:calm:days",
        "simulated:calm:days=many",
        "simulated:calm:weeks=3",
        "simulated:calm:assets=2.5",
    ],
)
def test_a_world_that_cannot_be_read_is_refused(world):
    with pytest.raises(ConfigError):
        request_of_world(world)


@pytest.mark.parametrize("wrong", [{"assets": 0}, {"assets": -2}, {"days": 0}, {"days": -5}, {"bar": "2d"}])
def test_a_market_that_cannot_be_made_is_refused(wrong):
    with pytest.raises(ConfigError):
        make_market(MarketRequest(scenario="calm", **wrong), 0)


@pytest.mark.parametrize("name", [s.name for s in scenarios()])
def test_every_scenario_is_made_from_its_name_and_seed_alone(name):
    request = MarketRequest(scenario=name, assets=2)
    one, two, other = make_market(request, 1), make_market(request, 1), make_market(request, 2)
    assert one.bars.tobytes() == two.bars.tobytes()
    assert one.bars.tobytes() != other.bars.tobytes()
    assert one.name == f"simulated:{name}"


def test_progress_is_told_day_by_day():
    seen = []
    make_market(
        MarketRequest(scenario="calm", days=4), 0, display=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
