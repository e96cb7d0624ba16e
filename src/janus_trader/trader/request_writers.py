"""What asks for orders at a close, for the back-test that nautilus_trader matches."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.contracts.backtest import ACCOUNT_DTYPE, BacktestSettings
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.execution.order_rules import EXPOSURE_DTYPE, write_bracket, write_exposure
from janus_trader.strategies.bracket_levels import exposure_levels
from janus_trader.strategies.definition import StrategyDefinition
from janus_trader.strategies.order_strategy import OrderStrategy


class Writer:
    """Writes requests at a close."""

    def write(self, t: int, i: int, account: Any, close: float, requests: np.ndarray) -> None:
        raise NotImplementedError


class StepWriter(Writer):
    """An order-writing step, which sees copies."""

    def __init__(self, strategy: OrderStrategy, bars: np.ndarray) -> None:
        self._step, self._params, self._bars = strategy.step, strategy.params.copy()[0], bars
        self._shown, self._account = np.zeros(1, BAR_DTYPE), np.zeros(1, ACCOUNT_DTYPE)
        self._states = np.zeros(bars.shape[1], strategy.state_dtype)

    def write(self, t: int, i: int, account: Any, close: float, requests: np.ndarray) -> None:
        self._shown[0], self._account[0] = self._bars[t, i], account
        self._step(self._params, self._states[i], self._shown[0], self._account[0], requests)


class ExposureWriter(Writer):
    """A path of exposures, with or without exits."""

    def __init__(
        self,
        strategy: StrategyDefinition,
        bars: np.ndarray,
        here: np.ndarray,
        bracketed: bool,
        settings: BacktestSettings,
    ) -> None:
        self._exposure, self._stops, self._targets = exposure_levels(
            strategy, bars, here, with_levels=bracketed
        )
        self._bracketed, self._settings = bracketed, settings.record()[0]
        self._memory = np.zeros(bars.shape[1], EXPOSURE_DTYPE)

    def write(self, t: int, i: int, account: Any, close: float, requests: np.ndarray) -> None:
        exposure, memory = self._exposure[t, i], self._memory[i]
        if self._bracketed:
            levels = self._stops[t, i], self._targets[t, i]
            write_bracket(memory, exposure, levels, account, close, self._settings, requests)
        else:
            write_exposure(memory, exposure, account, close, self._settings, requests)
