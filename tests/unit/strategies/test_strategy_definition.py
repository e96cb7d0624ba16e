"""Definitions, parameter records, configuration and the catalogue."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import Field
from janus_trader.foundation.config import build
from janus_trader.strategies import Strategies, default_strategies
from janus_trader.strategies.catalogue import MODULES, NAMES
from janus_trader.strategies.definition import params_record
from janus_trader.strategies.ema_flip import EmaFlipConfig

CLOSE_ONLY = frozenset({Field.CLOSE})


def test_nine_strategies_and_which_live_on_daily_closes():
    strategies = default_strategies()
    assert len(strategies) == 9
    carried = {s.name for s in strategies if s.carried_by(CLOSE_ONLY, 86_400.0)}
    assert carried == {
        "ema_flip",
        "trend_pullback",
        "multi_timeframe_trend",
        "mean_reversion",
        "bollinger_squeeze",
    }
    assert all(s.carried_by(frozenset(Field), 900.0) for s in strategies)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_declares_itself(module):
    strategy = module.define()
    assert strategy.name == module.NAME == module.__name__.rpartition(".")[2]
    assert strategy.family == module.FAMILY
    assert strategy.fields == module.FIELDS
    assert Field.CLOSE in module.FIELDS
    assert 0 < module.HORIZON[0] < module.HORIZON[1]
    assert len(module.REGIMES) == 7
    assert strategy.prior == 1.0
    for name in ("n", "output", "position", "entry", "stop", "target"):
        assert name in strategy.state_dtype.names


def test_enabled_and_disabled():
    some = Strategies(enabled=("mean_reversion", "ema_flip"), disabled=("ema_flip",))
    assert [s.name for s in default_strategies(some)] == ["mean_reversion"]
    assert len(default_strategies(Strategies(disabled=("opening_range",)))) == 8
    with pytest.raises(ConfigError, match="did you mean ema_flip"):
        default_strategies(Strategies(disabled=("ema_flop",)))


def test_parameters_reach_the_step():
    config = build(Strategies, [{"ema_flip": {"stop_atr": 2.5}}])
    flip = default_strategies(config)[0]
    assert flip.params["stop_atr"][0] == 2.5
    assert flip.params["slow_alpha"][0] == 2 / 22
    with pytest.raises(ConfigError, match=r"ema_flip\.stop_atr"):
        build(Strategies, [{"ema_flip": {"stop_atr": -1.0}}])
    with pytest.raises(ConfigError, match="fast < slow"):
        build(Strategies, [{"ema_flip": {"fast": 40}}])


def test_configuration_holds_every_strategy():
    assert set(NAMES) == set(Strategies.__struct_fields__) - {"enabled", "disabled"}


def test_an_integer_for_a_real_parameter_keeps_its_kind():
    assert params_record(EmaFlipConfig(stop_atr=2)).dtype == params_record(EmaFlipConfig()).dtype


def test_bad_definitions_and_bars_are_refused():
    flip = default_strategies()[0]
    with pytest.raises(DataError, match="regime weights"):
        dataclasses.replace(flip, regime_weights=(1.0,) * 6)
    with pytest.raises(DataError, match="BAR_DTYPE"):
        flip.scan(np.zeros(5))
    with pytest.raises(IntegrityError, match="does not fit"):
        flip.bind(2).load(flip.bind(1).state())
