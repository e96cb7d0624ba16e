"""Portfolio environment: target weights at each close, filled at the next bar with the product's costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.foundation.config import Config, Count, NonNegative, Positive
from janus_trader.simulation.environments.adapters import EpisodeEnv, EpisodeVectorEnv
from janus_trader.simulation.environments.episodes import Episodes, box, known_options
from janus_trader.simulation.environments.history import OBSERVATION_BOUND, PortfolioHistory
from janus_trader.simulation.environments.portfolio_kernel import (
    PORTFOLIO_DTYPE,
    RULES_DTYPE,
    advance_portfolios,
    begin_portfolios,
    observe_portfolios,
)


class PortfolioConfig(Config, frozen=True):
    """Parameters of the portfolio environment; fractions of equity, basis points of value."""

    window: Annotated[int, Meta(ge=1, description="bars of past returns in an observation")] = 20
    episode_bars: Count = 252
    random_start: bool = True
    long_only: bool = True
    max_weight: Annotated[float, Meta(gt=0, le=10, description="weight of an action of 1")] = 1.0
    gross_limit: Annotated[float, Meta(gt=0, le=10, description="cap on the sum of |weights|")] = 1.0
    capital: Positive = 1e6
    cash_rate: Annotated[float, Meta(gt=-1, lt=1, description="annual, either sign of cash")] = 0.0
    bars_per_year: Positive = 252.0
    commission_bps: NonNegative = 1.0
    half_spread_bps: NonNegative = 2.0
    spread_vol: NonNegative = 0.02
    impact: NonNegative = 0.1
    cost_multiplier: NonNegative = 1.0
    price_decimals: Annotated[int, Meta(ge=0, le=12)] = 6
    size_decimals: Annotated[int, Meta(ge=0, le=12)] = 6
    stale_bars: Annotated[int, Meta(ge=0, description="bar times an order waits")] = 5
    min_trade_frac: Annotated[float, Meta(ge=0, le=1, description="smallest trade; exits always go")] = 0.0
    ruin_frac: Annotated[float, Meta(ge=0, lt=1, description="share of the capital that ends it")] = 0.05
    reward: Literal["log_growth", "differential_sharpe"] = "log_growth"
    sharpe_rate: Annotated[float, Meta(gt=0, lt=1, description="weight of the newest return")] = 0.01

    def rules(self) -> np.ndarray:
        """The numbers as the kernel takes them, (1,) of `RULES_DTYPE`."""
        rules = np.zeros(1, RULES_DTYPE)
        rules[0] = (
            self.max_weight,
            self.gross_limit,
            10.0**self.size_decimals,
            10.0**-self.size_decimals,
            self.min_trade_frac,
            self.cash_rate / self.bars_per_year,
            self.commission_bps * 1e-4,
            self.half_spread_bps * 1e-4,
            self.spread_vol,
            self.impact,
            self.cost_multiplier,
            self.capital,
            self.ruin_frac * self.capital,
            self.sharpe_rate if self.reward == "differential_sharpe" else 0.0,
            self.stale_bars,
            self.episode_bars,
        )
        return rules


class PortfolioEpisodes(Episodes):
    """Portfolios over one history; see `PortfolioEnv` for what a step does."""

    def __init__(
        self, history: PortfolioHistory, config: PortfolioConfig, size: int, threads: int | None = None
    ) -> None:
        super().__init__(size, threads)
        if not isinstance(history, PortfolioHistory):
            raise ConfigError(
                "a portfolio environment needs a history",
                got=type(history).__name__,
                remedy="PortfolioHistory.from_bars or from_panel makes one",
            )
        if len(history) < config.window + 2:
            raise DataError(
                "the history is too short",
                got=f"{len(history)} bars",
                expected=f"at least window + 2 = {config.window + 2}",
                remedy="give more bars or a shorter window",
            )
        self.history, self.config = history, config
        n, k = history.n, history.features.shape[1]
        self.action_space = box(0.0 if config.long_only else -1.0, 1.0, n)
        self.observation_space = box(-OBSERVATION_BOUND, OBSERVATION_BOUND, config.window * n + n + 1 + k)
        self._rules = config.rules()
        self._fill_price = np.round(history.fill_price, config.price_decimals)
        self._state = np.zeros(size, PORTFOLIO_DTYPE)
        self._quantity, self._order = np.zeros((size, n)), np.zeros((size, n))
        self._waited = np.zeros((size, n), np.int32)

    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        known_options(options, ("start",))
        least, last = self.config.window, len(self.history) - 2
        if "start" in options:
            start = options["start"]
            if (
                isinstance(start, bool)
                or not isinstance(start, (int, np.integer))
                or not least <= start <= last
            ):
                raise DataError("no such start", got=start, expected=f"a bar from {least} to {last}")
            first = np.full(rows.size, int(start))
        elif self.config.random_start:
            bound = max(least, last + 1 - self.config.episode_bars)
            first = np.array([g.integers(least, bound, endpoint=True) for g in generators], np.int64)
        else:
            first = np.full(rows.size, least)
        begin_portfolios(
            rows, first, self.config.capital, self._state, self._quantity, self._order, self._waited
        )

    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        h = self.history
        observe_portfolios(
            rows, self._state, self.config.window, h.returns, h.features, h.close, self._quantity, out
        )

    def advance(
        self,
        actions: np.ndarray,
        running: np.ndarray,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        h, window = self.history, self.config.window
        market = (self._fill_price, h.close, h.present, h.sigma, h.daily_value, h.returns, h.features)
        held = (self._state, self._quantity, self._order, self._waited)
        given = (actions, running, observations, rewards, terminated, truncated)
        rules = self._rules

        def run(first: int, last: int) -> None:
            advance_portfolios(first, last, rules, window, market, held, given)

        self.in_chunks(run)

    def info(self) -> dict[str, np.ndarray]:
        return {name: self._state[name].copy() for name in ("bar", "equity", "costs", "turnover")}

    @property
    def quantities(self) -> np.ndarray:
        """Units held, (size, n)."""
        return self._quantity.copy()


class PortfolioEnv(EpisodeEnv):
    r"""Choose target weights at every close; `gymnasium.make("janus/Portfolio-v0", history=...)`.

    Action: n numbers in [0, 1] (``long_only``) or [-1, 1]. Weights are ``max_weight`` times the action,
    scaled down together where the sum of their absolute values exceeds ``gross_limit``; the rest is
    cash. So every point of the simplex stands for itself, and no box is out of bounds.

    Step from bar t to t + 1: the weights fix quantities at the close of t, the change fills at the open
    (or close) of t + 1 and is charged

    .. math:: c = m\,(c_0 + h + s\,\sigma_t + y\,\sigma_t \sqrt{|v| / V_t})

    with what was known at t. Reward: :math:`\log(E_{t+1} / E_t)` after costs, E at closes, or the
    differential Sharpe ratio of it. Where orders fill at the close, a weight earns from t + 1 on: the
    reward of its first step is its cost. The accounting is that of the product's back-test.

    Observation: ``window`` rows of n returns (logarithmic, oldest first, the last is that of bar t), n
    weights, the weight of cash, features; clipped to ±10. Nothing in it is later than the close of t.

    Ends: ``truncated`` at the last bar or after ``episode_bars``; ``terminated`` when equity falls to
    ``ruin_frac`` of the capital or below. A reward takes equity to be at least 1e-6 of the capital.

    Parameters
    ----------
    history : PortfolioHistory
    config : PortfolioConfig

    Raises
    ------
    ConfigError, DataError
        No history, or one that is too short; at a step: an action that is not finite, of another shape
        or outside the action space; at reset: ``options["start"]`` outside the history.

    Notes
    -----
    Infos: ``bar``, ``equity``, ``costs`` and ``turnover`` of the last bar. Step O(window · n).

    Examples
    --------
    >>> from janus_trader.simulation.environments import random_walk_history
    >>> env = PortfolioEnv(random_walk_history(np.random.default_rng(1), 300, 3))
    >>> observation, info = env.reset(seed=7)
    >>> observation.shape, info["equity"]
    ((64,), 1000000.0)
    >>> observation, reward, terminated, truncated, info = env.step(np.array([0.5, 0.3, 0.2]))
    >>> terminated, truncated, round(info["turnover"], 3)
    (False, False, 1.003)
    """

    def __init__(self, history: PortfolioHistory, config: PortfolioConfig | None = None) -> None:
        super().__init__(PortfolioEpisodes(history, config or PortfolioConfig(), 1))


class PortfolioVectorEnv(EpisodeVectorEnv):
    """Thousands of `PortfolioEnv` over one history, one compiled call a step; see `EpisodeVectorEnv`.

    ``threads`` defaults to the number of cores; the result does not depend on it.
    """

    def __init__(
        self,
        num_envs: int,
        history: PortfolioHistory,
        config: PortfolioConfig | None = None,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        episodes = PortfolioEpisodes(history, config or PortfolioConfig(), num_envs, threads)
        super().__init__(episodes, autoreset_mode, copy)
